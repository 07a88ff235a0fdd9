package main

import (
	"context"
	"os"
	"syscall"
	"time"

	"vertexgateway/config"
)

// pollEvery is how often the configuration file is looked at.
const pollEvery = 2 * time.Second

type serveCommand struct {
	settings
}

// Help is shown by gateway serve --help.
func (*serveCommand) Help() string {
	return `Logs go to standard error.

SIGHUP and changes of the file reload the configuration. SIGTERM, SIGINT and gateway shutdown let running requests
finish within shutdown_grace; the exit code is then 0. A second signal stops at once, with exit code 1.`
}

// Run serves until it is asked to stop.
func (c *serveCommand) Run(ctx context.Context, s *system) error {
	// Before anything that takes time: a signal that comes meanwhile is not lost.
	stop := s.stopSignals()
	hangup := make(chan os.Signal, 1)
	s.notify(hangup, syscall.SIGHUP)
	if s.getenv("GOGC") == "" {
		tuneGC()
	}
	conf, err := c.load(s)
	if err != nil {
		return err
	}
	return s.withProcess(ctx, conf, func(ctx context.Context, p *process) error {
		if err := p.listen(ctx, conf.Listen, conf.AdminListen); err != nil {
			return err
		}
		p.background.Go(func() { config.Watch(ctx, conf, pollEvery, hangup, p.reloaded) })
		return p.serve(stop)
	})
}

// stopSignals receives those that ask the program to stop: the first and the second.
func (s *system) stopSignals() <-chan os.Signal {
	stop := make(chan os.Signal, 2)
	s.notify(stop, syscall.SIGTERM, os.Interrupt)
	return stop
}
