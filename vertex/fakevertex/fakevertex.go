// Package fakevertex answers like Vertex AI, without a network, an account or a model: the
// emulator of `gateway demo` and `gateway emulate`, and of tests. It serves Claude, Mistral,
// Jamba, text embeddings, the models of endpoints/openapi and some endpoints of the
// project's own, each by its own API, and Google's calls about such endpoints. It
// knows what Vertex refuses and how its answers look on the wire; what the answers say is
// made up, and the same request always gets the same sense. Failures are arranged by
// [Scenario].
package fakevertex

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"vertexgateway/translate/catalogue"
)

// publisherOfClaude stands in the path before its models.
const publisherOfClaude = "anthropic"

// maxBody is what Google Cloud takes, in bytes (vertex.md 2.4).
const maxBody = 30 << 20

// Options are what a [Server] is made from. The zero value is an emulator of the built-in
// catalogue that answers at once.
type Options struct {
	// Catalogue holds the models that are offered; nil: catalogue.Builtin().
	Catalogue *catalogue.Catalogue
	// Now tells the time to the prompt cache; nil: what is cached stays so.
	Now func() time.Time
	// Pace is the pause between two events of a stream; 0: none.
	Pace time.Duration
	// Scenarios are the first ones, as by [Server.Set].
	Scenarios []Scenario
	// Log gets a line for each request when it is over; nil: nothing is logged.
	Log *slog.Logger
}

// A Server is the emulator. It may be used by several goroutines. Requests that a
// scenario keeps waiting end when the client leaves or Close is called.
type Server struct {
	models  map[string]*catalogue.Model // by PUBLISHER/ID, in both spellings that Vertex takes
	places  map[string]bool             // locations of any Claude
	find    func(string) (*catalogue.Model, bool)
	now     func() time.Time
	pace    time.Duration
	forms   forms
	log     *slog.Logger
	script  script
	journal journal
	cache   promptCache
	estate  *estate
	serial  atomic.Uint64 // of requests
	closing context.Context
	close   context.CancelFunc
}

// New returns an emulator.
func New(o Options) *Server {
	known := o.Catalogue
	if known == nil {
		known = catalogue.Builtin()
	}
	s := &Server{
		models: map[string]*catalogue.Model{},
		places: map[string]bool{},
		find:   known.Find,
		now:    o.Now,
		pace:   o.Pace,
		forms:  newForms(),
		estate: newEstate(),
	}
	if s.now == nil {
		s.now = func() time.Time { return time.Time{} }
	}
	if s.log = o.Log; s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.closing, s.close = context.WithCancel(context.Background())
	s.offer(known.Models())
	s.Set(o.Scenarios...)
	return s
}

func (s *Server) offer(models []*catalogue.Model) {
	for _, m := range models {
		s.models[m.Publisher+"/"+m.ID] = m
		s.models[m.Publisher+"/"+m.Undated()] = m
		if m.Publisher != publisherOfClaude {
			continue
		}
		for _, place := range m.Locations {
			s.places[place] = true
		}
	}
}

// Close lets every request that a scenario keeps waiting end. It does not wait for them.
func (s *Server) Close() { s.close() }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/emulator/") {
		s.control(w, r)
		return
	}
	c := s.begin(w, r)
	defer c.end()
	if err := c.serve(); err != nil {
		c.fail(err)
	}
}

// A call is one request being answered.
type call struct {
	*Server
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context // ends when the client leaves or the emulator closes

	path     path
	api      *api // the Messages API until the model is known
	model    *catalogue.Model
	endpoint *endpoint // of the project's own
	scenario Scenario
	entry    *Request
	request  *request
	dice     dice // what is arbitrary in the answer comes from here
	stop     func()
	complete bool // everything was sent that should be
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *call {
	ctx, cancel := context.WithCancel(r.Context())
	untie := context.AfterFunc(s.closing, cancel)
	return &call{
		Server: s, w: w, r: r, ctx: ctx,
		path:  parsePath(r.URL.Path),
		api:   &messagesAPI,
		dice:  roll(s.serial.Add(1)),
		entry: s.journal.open(r),
		stop:  func() { untie(); cancel() },
	}
}

// end closes the books also when the handler panics to cut the connection.
func (c *call) end() {
	c.stop()
	e := c.journal.finish(c.entry, !c.complete && c.r.Context().Err() != nil)
	c.log.LogAttrs(context.Background(), slog.LevelInfo, "request",
		slog.String("location", e.Location), slog.String("model", e.Model), slog.String("method", e.Method),
		slog.Int("status", e.Status), slog.Int("input", e.Usage.Prompt()), slog.Int("output", e.Usage.Output))
}

// fail answers a refusal; other errors mean that nobody reads any more.
func (c *call) fail(err error) {
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		if c.closing.Err() != nil {
			panic(http.ErrAbortHandler) // what was begun must not look complete
		}
		c.journal.abandon(c.entry)
		return
	}
	c.answerRefusal(refused)
}

// serve goes through a request in the order in which Google and then the publisher see it.
func (c *call) serve() error {
	c.noteTarget()
	body, err := c.read()
	if err != nil {
		return err
	}
	if err := c.admit(body); err != nil {
		return err
	}
	c.scenario = c.script.pick(c)
	if err := c.obstacle(); err != nil {
		return err
	}
	if c.scenario.replaces() {
		return c.playInstead()
	}
	if c.model, err = c.scenario.played(c.model); err != nil {
		return googleError(http.StatusInternalServerError, "INTERNAL", "scenario: %v", err)
	}
	if c.path.counts() {
		return c.count(body)
	}
	return c.api.answer(c, body)
}

func (c *call) noteTarget() {
	c.journal.note(c.entry, func(e *Request) {
		e.Location, e.Publisher, e.Model, e.Method = c.path.location, c.path.publisher, c.path.model, c.path.method
	})
}

// read takes the whole body first: without that a client that hangs up is not noticed.
func (c *call) read() ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, refuseAs(http.StatusRequestEntityTooLarge, "request_too_large", "Request exceeds the maximum size of %d bytes", tooLarge.Limit)
	}
	c.journal.note(c.entry, func(e *Request) { e.Body = body })
	return body, err
}

// admit is Google's part: who asks, and for what.
func (c *call) admit(body []byte) error {
	if !c.path.known || c.r.Method != c.path.verb() {
		return errPage
	}
	token, bearer := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !bearer || strings.TrimSpace(token) == "" {
		return unauthenticated(c.path)
	}
	if c.path.isErrand() {
		c.api = errandAPI(c.path.method)
		return nil
	}
	if err := c.noteLabels(); err != nil {
		return err
	}
	return c.admitTarget(body)
}

func (c *call) admitTarget(body []byte) error {
	switch {
	case c.path.counts():
		return c.admitCount()
	case c.path.own():
		return c.admitOwn()
	}
	if c.path.endpoint == openapi {
		if err := c.path.address(body); err != nil {
			return err
		}
		c.noteTarget()
	}
	return c.admitModel()
}

func (c *call) admitModel() error {
	model, offered := c.offered()
	if strings.HasPrefix(c.path.model, embedContentOnly) {
		return c.path.unsupported()
	}
	if !offered || !slices.Contains(model.Locations, c.path.location) {
		return c.path.notFound()
	}
	c.model, c.api = model, apis[model.API]
	return c.admitMethod()
}

// offered is the path's model. Other publishers than Anthropic take any @version.
func (c *call) offered() (*catalogue.Model, bool) {
	name := c.path.publisher + "/" + c.path.model
	if m, ok := c.models[name]; ok || c.path.publisher == publisherOfClaude {
		return m, ok
	}
	name, _, _ = strings.Cut(name, "@")
	m, ok := c.models[name]
	return m, ok
}

func (c *call) admitMethod() error {
	if c.path.endpoint == openapi {
		return c.admitRoute()
	}
	if !slices.Contains(c.api.methods, c.path.method) {
		return c.path.unsupported()
	}
	return nil
}

func (c *call) admitCount() error {
	if c.path.publisher != publisherOfClaude || !c.places[c.path.location] {
		return c.path.notFound()
	}
	return nil
}
