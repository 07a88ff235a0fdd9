// Package proxy is the gateway itself: it takes clients' requests, finds the places on
// Vertex AI that serve them, moves on when one fails, and streams the answer back. It
// ties the pure packages (translate, config) to the network and the clock.
package proxy

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vertexgateway/config"
	"vertexgateway/translate/openai"
	"vertexgateway/usage/ledger"
	"vertexgateway/usage/limit"
	"vertexgateway/vertex"
)

// Options of a [Gateway]; all are required unless said otherwise.
type Options struct {
	// Connect makes the client for the configuration's vertex section. It is called at
	// the start and when a reload changes that section.
	Connect func(config.Vertex) (*vertex.Client, error)
	// Project is used when the configuration names none; empty: that of the credentials.
	Project string
	// Ledger remembers who used what. It and the Limiter are closed by whoever made them,
	// after Drain.
	Ledger *ledger.Ledger
	// Limiter counts what teams may use.
	Limiter *limit.Limiter
	// Issuers reaches the issuers of tokens; nil: Go's usual transport does.
	Issuers http.RoundTripper
	// Log takes one line for each request and one for each move to another location.
	Log *zap.Logger
	// Registry takes the metrics.
	Registry *prometheus.Registry
	// Now is the clock.
	Now func() time.Time
	// Rand gives numbers from 0 to 1, for jitter.
	Rand func() float64
}

// A Gateway serves the API on Handler and operations on Admin.
type Gateway struct {
	options   Options
	metrics   *metrics
	snapshot  atomic.Pointer[snapshot]
	reloading sync.Mutex

	mu        sync.Mutex
	cooldowns map[[3]string]*cooldown // by model, location and throughput

	lessons  lessons
	thoughts *thoughts

	phase    atomic.Int32
	quit     chan struct{}
	quitOnce sync.Once
	running  tally
}

// New makes a gateway that serves the configuration.
func New(c *config.Config, o Options) (*Gateway, error) {
	g := &Gateway{options: o, metrics: newMetrics(o.Registry), cooldowns: make(map[[3]string]*cooldown), quit: make(chan struct{}), thoughts: newThoughts(o.Now)}
	g.metrics.watch(o.Ledger, o.Limiter.Shared)
	return g, g.Reload(c)
}

// Reload swaps the configuration. Requests under way go on with the one they began with.
// On an error the old one stays. Changes of listen, admin_listen, log.level and log.format
// need a restart.
func (g *Gateway) Reload(c *config.Config) error {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	err := g.reload(c)
	g.Reloaded(err)
	return err
}

func (g *Gateway) reload(c *config.Config) error {
	old := g.snapshot.Load()
	var client *vertex.Client
	if old != nil && sameConnection(old.config.Vertex, c.Vertex) {
		client = old.client
	} else {
		var err error
		if client, err = g.options.Connect(c.Vertex); err != nil {
			return err
		}
	}
	s, err := g.compile(c, client)
	if err != nil {
		return err
	}
	g.thoughts.limit(c.ThinkingStore.Entries, time.Duration(c.ThinkingStore.TTL))
	g.snapshot.Store(s)
	if old != nil && old.client != client {
		old.client.Close()
	}
	if old != nil {
		for _, private := range old.private {
			private.Close()
		}
	}
	return nil
}

func sameConnection(a, b config.Vertex) bool {
	return a.Credentials == b.Credentials && a.BaseURL == b.BaseURL && a.HTTPVersion == b.HTTPVersion
}

// Reloaded shows in the metrics how the last load of a configuration ended. Reload calls
// it; others do for a file that could not even be read.
func (g *Gateway) Reloaded(err error) {
	if err != nil {
		g.metrics.reloadOK.Set(0)
		return
	}
	g.metrics.reloadOK.Set(1)
	g.metrics.reloadedAt.Set(float64(g.options.Now().UnixNano()) / 1e9)
}

// Handler serves the API.
func (g *Gateway) Handler() http.Handler {
	r := chi.NewRouter()
	r.Method(http.MethodPost, "/v1/chat/completions", g.endpoint("chat_completions", g.chat))
	r.Method(http.MethodPost, "/v1/completions", g.endpoint("completions", g.completions))
	r.Method(http.MethodPost, "/v1/embeddings", g.endpoint("embeddings", g.embeddings))
	r.Method(http.MethodPost, "/v1/ocr", g.endpoint("ocr", g.ocr))
	r.Method(http.MethodGet, "/v1/models", g.endpoint("models", g.listModels))
	r.Method(http.MethodGet, "/v1/usage", g.endpoint("usage", g.usage))
	r.Method(http.MethodGet, "/v1/models/*", g.endpoint("models", g.getModel))
	r.NotFound(g.endpoint("unknown", unknownURL).ServeHTTP)
	r.MethodNotAllowed(g.endpoint("unknown", wrongMethod).ServeHTTP)
	return r
}

func unknownURL(x *exchange) *openai.Error {
	return &openai.Error{Status: http.StatusNotFound, Type: openai.TypeInvalidRequest, Code: "unknown_url",
		Message: "Unknown request URL: " + x.r.Method + " " + printable(x.r.URL.Path) + "."}
}

func wrongMethod(x *exchange) *openai.Error {
	return &openai.Error{Status: http.StatusMethodNotAllowed, Type: openai.TypeInvalidRequest, Code: "method_not_allowed",
		Message: "Not allowed to " + printable(x.r.Method) + " on " + printable(x.r.URL.Path) + "."}
}

// An endpoint answers one exchange. It writes an answer or returns an error, not both;
// a stream that broke after it began returns its error too.
type endpoint func(*exchange) *openai.Error

// endpoint makes a handler of what answers an exchange: everything that holds for all
// paths happens here, once.
func (g *Gateway) endpoint(name string, answer endpoint) http.Handler {
	inflight := g.metrics.inflight.WithLabelValues(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inflight.Inc()
		defer inflight.Dec()
		x := g.newExchange(name, w, r)
		defer x.cancel(nil)
		g.running.enter(x)
		defer g.running.leave(x)
		x.answered(x.scrub(x.run(answer)))
		if x.broken {
			x.reset()
			panic(http.ErrAbortHandler) // breaks the connection, so that the answer cannot look whole
		}
	})
}

// run answers the exchange; a panic becomes an error with the request's id.
func (x *exchange) run(answer endpoint) (err *openai.Error) {
	defer func() {
		if cause := recover(); cause != nil {
			x.gateway.metrics.panics.Inc()
			x.gateway.options.Log.Error("panic", zap.String("request_id", x.id), zap.Any("cause", cause), zap.Stack("stack"))
			err = &openai.Error{Status: http.StatusInternalServerError, Type: openai.TypeServer, Code: "internal_error",
				Message: "The gateway failed on this request. Its id is " + x.id + "."}
		}
	}()
	if err := x.authenticate(); err != nil {
		return err
	}
	return answer(x)
}

// errShutdown is the cause of requests that outlast the grace of a shutdown.
var errShutdown = errors.New("the gateway is shutting down")

// Drain makes /readyz fail and waits until no request runs, or ends those that do when
// ctx is done.
func (g *Gateway) Drain(ctx context.Context) {
	g.phase.Store(phaseDraining)
	done := g.running.empty()
	select {
	case <-done:
	case <-ctx.Done():
		g.running.cancel(errShutdown)
		<-done
	}
}

// A tally knows the exchanges that run. Unlike a WaitGroup it takes new ones while
// somebody waits.
type tally struct {
	mu      sync.Mutex
	running map[*exchange]struct{}
	ended   error // the cause that ends exchanges which begin too late
	waiting []chan struct{}
}

func (t *tally) enter(x *exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running == nil {
		t.running = make(map[*exchange]struct{})
	}
	t.running[x] = struct{}{}
	if t.ended != nil {
		x.cancel(t.ended)
	}
}

func (t *tally) leave(x *exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.running, x)
	if len(t.running) > 0 {
		return
	}
	for _, c := range t.waiting {
		close(c)
	}
	t.waiting = nil
}

// cancel ends all that run, and all that will.
func (t *tally) cancel(cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = cause
	for x := range t.running {
		x.cancel(cause)
	}
}

// empty gives a channel that is closed when nothing runs.
func (t *tally) empty() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := make(chan struct{})
	if len(t.running) == 0 {
		close(c)
	} else {
		t.waiting = append(t.waiting, c)
	}
	return c
}
