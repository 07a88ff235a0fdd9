package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"vertexgateway/config"
	"vertexgateway/translate/catalogue"
	"vertexgateway/vertex/fakevertex"
)

const (
	anyPort = "127.0.0.1:0"
	// demoPace makes it visible that an answer is streamed.
	demoPace = 15 * time.Millisecond
)

type demoCommand struct {
	Listen string `placeholder:"ADDR" help:"Address of the API; default: 127.0.0.1:8080, or a free port where that is taken."`
}

const demoText = `The gateway is on %[1]s/v1 with an emulator of Vertex AI behind it: no account, no network, no cost. Ask it:

curl -N %[1]s/v1/chat/completions -H 'content-type: application/json' -d '{"model":"%[3]s","stream":true,"messages":[{"role":"user","content":"Hello! What can you do for me?"}]}'

The first location, global, is down for the first request: its answer comes from the next one, and the log below says so.
OpenAI SDKs: export OPENAI_BASE_URL=%[1]s/v1 OPENAI_API_KEY=any
Metrics: %[2]s/metrics
Ctrl-C ends it.
`

// Run serves from an emulator until it is asked to stop.
func (c *demoCommand) Run(ctx context.Context, s *system) error {
	stop := s.stopSignals()
	e, err := newEmulator(ctx, anyPort, fakevertex.Options{
		Now: time.Now, Pace: demoPace,
		Scenarios: []fakevertex.Scenario{{Location: "global", Times: 1, Status: 503}},
	})
	if err != nil {
		return err
	}
	defer e.close()
	conf, err := c.config(e.url())
	if err != nil {
		return err
	}
	return s.withProcess(ctx, conf, func(ctx context.Context, p *process) error {
		if err := c.open(ctx, p); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(s.stdout, demoText, localURL(p.api), localURL(p.admin), demoModel(conf.Catalogue)); err != nil {
			return err
		}
		return p.serve(stop)
	})
}

// demoModel is the newest that says what it says without thinking first.
func demoModel(c *catalogue.Catalogue) string {
	for _, m := range c.Models() {
		if m.Status == "active" && m.Accepts.ThinkingDefault == "off" {
			return m.Undated()
		}
	}
	return ""
}

// config is the defaults, in front of an emulator.
func (c *demoCommand) config(emulator string) (*config.Config, error) {
	conf := config.Default()
	conf.Vertex.Project, conf.Vertex.Credentials, conf.Vertex.BaseURL = "demo", "none", emulator
	conf = unaccounted(conf)
	conf.Apply(config.Overrides{Listen: c.Listen, AdminListen: anyPort, LogFormat: "console"})
	return conf, conf.Validate()
}

// open listens; on another port where the usual one is taken, unless it was asked for.
func (c *demoCommand) open(ctx context.Context, p *process) error {
	err := p.listen(ctx, p.started.Listen, anyPort)
	if c.Listen != "" || !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	if _, err := fmt.Fprintf(p.system.stdout, "%s is taken, so this is on another port.\n", p.started.Listen); err != nil {
		return err
	}
	return p.listen(ctx, anyPort, anyPort)
}
