package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"vertexgateway/config"
	"vertexgateway/proxy"
	"vertexgateway/vertex"
)

const (
	// headerTimeout is how long a client may take to send a request's headers.
	headerTimeout = 10 * time.Second
	// idleTimeout is longer than the usual 60 s of proxies in front: the side that sends
	// requests should be the one to give up a connection.
	idleTimeout = 2 * time.Minute
	// maxHeader is the size of a request's headers in bytes.
	maxHeader = 64 << 10
	// lastWords is how long requests that outlasted the grace may take to tell so.
	lastWords = 5 * time.Second
)

// errStoppedAtOnce is the end by a second signal.
var errStoppedAtOnce = errors.New("stopped at once by a second signal; running requests were cut off")

// A process is one gateway with what it needs of the machine.
type process struct {
	system  *system
	started *config.Config                // listeners and log are made from it
	serving atomic.Pointer[config.Config] // the last one loaded
	log     *zap.Logger
	gateway *proxy.Gateway
	// accounts are nil where they could not be opened.
	accounts *accounts
	keepers  keepers
	// background ends when the context given to newProcess does.
	background sync.WaitGroup

	api, admin net.Listener
}

// withProcess makes a gateway for run, and waits for its background when run is done.
func (s *system) withProcess(ctx context.Context, c *config.Config, run func(context.Context, *process) error) error {
	ctx, cancel := context.WithCancel(ctx)
	p, err := newProcess(ctx, c, s)
	defer p.close()
	defer cancel()
	if err != nil {
		return err
	}
	return run(ctx, p)
}

// close ends what the process keeps. Nothing runs any more but its background.
func (p *process) close() {
	if p.accounts != nil {
		p.accounts.close(p.log)
	}
	p.background.Wait()
}

// newProcess makes a gateway that does not listen yet. It is not nil beside an error:
// something may run in its background.
func newProcess(ctx context.Context, c *config.Config, s *system) (*process, error) {
	p := &process{system: s, started: c, log: newLog(c.Log, s.stderr)}
	p.serving.Store(c)
	var err error
	if p.accounts, err = openAccounts(ctx, c, p.log); err != nil {
		return p, err
	}
	gateway, err := proxy.New(c, proxy.Options{
		Ledger:   p.accounts.ledger,
		Limiter:  p.accounts.limiter,
		Connect:  func(v config.Vertex) (*vertex.Client, error) { return p.connect(ctx, v) },
		Project:  s.getenv("GOOGLE_CLOUD_PROJECT"),
		Log:      p.log,
		Registry: newRegistry(),
		Now:      time.Now,
		Rand:     rand.Float64,
	})
	p.gateway = gateway
	p.keepers.settle(err)
	if err == nil && c.Vertex.BaseURL == "" {
		p.warm(ctx, p.keepers.serving.client, firstLocation(c))
	}
	return p, err
}

// newRegistry has the metrics of the Go runtime, the process and the build.
func newRegistry() *prometheus.Registry {
	b := readBuild()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gateway_build_info", Help: "1; the labels tell what runs.",
		ConstLabels: prometheus.Labels{"version": b.version, "commit": b.commit, "go_version": b.goVersion},
	})
	build.Set(1)
	r := prometheus.NewRegistry()
	r.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// listen opens both addresses, so that either both serve or none.
func (p *process) listen(ctx context.Context, api, admin string) (err error) {
	if p.api, err = listen(ctx, api); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if p.admin, err = listen(ctx, admin); err != nil {
		return errors.Join(fmt.Errorf("admin_listen: %w", err), p.api.Close())
	}
	return nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

// serve answers on both addresses until it is asked to stop.
func (p *process) serve(stop <-chan os.Signal) error {
	api, admin := p.server(p.gateway.Handler()), p.server(p.gateway.Admin())
	failed := make(chan error, 2)
	p.background.Go(func() { failed <- api.Serve(p.api) })
	p.background.Go(func() { failed <- admin.Serve(p.admin) })
	defer func() { _ = errors.Join(api.Close(), admin.Close()) }() // nothing is left to serve
	p.gateway.Started()
	p.log.Info("serving", zap.Stringer("listen", p.api.Addr()), zap.Stringer("admin_listen", p.admin.Addr()),
		zap.Int("models", countModels(p.started)), zap.String("version", readBuild().version))
	select {
	case err := <-failed:
		return err
	case why := <-stop:
		p.log.Info("draining", zap.Stringer("signal", why), zap.Stringer("grace", p.grace()))
	case <-p.gateway.Quit():
		p.log.Info("draining", zap.String("asked_by", "/quitquitquit"), zap.Stringer("grace", p.grace()))
	}
	return p.drain(api, admin, stop)
}

// server has no limit on how long an answer takes: streams have none.
func (p *process) server(h http.Handler) *http.Server {
	complaints, _ := zap.NewStdLogAt(p.log.Named("http"), zap.DebugLevel) // the level is a valid one
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          complaints,
	}
}

func (p *process) grace() config.Duration { return p.serving.Load().ShutdownGrace }

// drain lets running requests finish. The probes are answered up to the end.
func (p *process) drain(api, admin *http.Server, stop <-chan os.Signal) error {
	done := make(chan struct{})
	go func() {
		p.finish(api)
		close(done)
	}()
	select {
	case <-stop:
		return errStoppedAtOnce
	case <-done:
	}
	// Whoever asked by /quitquitquit may not have the answer yet.
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	p.log.Info("drained")
	return admin.Shutdown(ctx)
}

// finish returns when no request runs any more: each was answered, or told at the end of
// the grace that there is no time left, or cut off if it would not even hear that.
func (p *process) finish(api *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(p.grace()))
	defer cancel()
	var streams sync.WaitGroup
	streams.Go(func() { p.gateway.Drain(ctx) })
	if api.Shutdown(ctx) != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastWords)
		defer cancel()
		if api.Shutdown(ctx) != nil {
			_ = api.Close() // breaks the connections; that it could not is nothing to wait for
		}
	}
	streams.Wait()
}

// reloaded takes the outcome of loading the configuration again.
func (p *process) reloaded(c *config.Config, err error) {
	if err != nil {
		p.gateway.Reloaded(err)
	} else {
		err = p.gateway.Reload(c)
		p.keepers.settle(err)
	}
	if err != nil {
		p.log.Error("configuration not reloaded, the old one stays", zap.Error(err))
		return
	}
	p.serving.Store(c)
	p.log.Info("configuration reloaded", zap.Int("models", countModels(c)))
	if changed := needsRestart(p.started, c); len(changed) > 0 {
		p.log.Warn("these settings change at a restart only", zap.Strings("settings", changed))
	}
}

// needsRestart names what differs of the settings that are read at the start only.
func needsRestart(old, c *config.Config) []string {
	var changed []string
	for _, s := range []struct{ name, old, now string }{
		{"listen", old.Listen, c.Listen},
		{"admin_listen", old.AdminListen, c.AdminListen},
		{"log.level", old.Log.Level, c.Log.Level},
		{"log.format", old.Log.Format, c.Log.Format},
		{"usage.store", old.Usage.Store, c.Usage.Store},
		{"usage.journal", old.Usage.Journal, c.Usage.Journal},
		{"usage.retention", old.Usage.Retention.String(), c.Usage.Retention.String()},
		{"usage.sync", strconv.FormatBool(old.Usage.Sync), strconv.FormatBool(c.Usage.Sync)},
		{"limits.redis", old.Limits.Redis, c.Limits.Redis},
		{"limits.fail", old.Limits.Fail, c.Limits.Fail},
	} {
		if s.old != s.now {
			changed = append(changed, s.name)
		}
	}
	return changed
}

// countModels is the number of entries in the configuration, or of the catalogue's models
// that are served without any.
func countModels(c *config.Config) int {
	if len(c.Models) > 0 {
		return len(c.Models)
	}
	n := 0
	for _, m := range c.Catalogue.Models() {
		if m.Status != "retired" && len(c.LocationsOf(config.Model{}, m)) > 0 {
			n++
		}
	}
	return n
}
