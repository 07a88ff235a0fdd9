package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"vertexgateway/config"
	"vertexgateway/proxy"
	"vertexgateway/translate/openai/openaitest"
	"vertexgateway/usage/ledger"
	"vertexgateway/usage/limit"
	"vertexgateway/vertex"
	"vertexgateway/vertex/fakevertex"
)

// A world is a gateway in front of the emulator, both on loopback, and what is needed to
// look at them.
type world struct {
	t        *testing.T
	vertex   *fakevertex.Server
	upstream *httptest.Server
	gateway  *proxy.Gateway
	api      *httptest.Server
	client   *http.Client
	registry *prometheus.Registry
	log      *observer.ObservedLogs
	config   *config.Config
	ledger   string        // path of the usage ledger; empty: there is none
	options  proxy.Options // of the gateway
	// credentials are taken at the next connection.
	credentials *vertex.Credentials
}

// testToken is what the gateway shows upstream.
const testToken = "ya29.test-token-0123456789" //nolint:gosec // of no use to anybody

// newWorld starts a world whose configuration is this YAML besides what connects the two.
func newWorld(t *testing.T, yaml string, scenarios ...fakevertex.Scenario) *world {
	t.Helper()
	return startWorld(t, yaml, loopback, noLedger(t), scenarios...)
}

// newAccounted starts a world that remembers who used what.
func newAccounted(t *testing.T, yaml string, scenarios ...fakevertex.Scenario) *world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usage.db")
	w := startWorld(t, yaml, loopback, openLedger(t, ledger.Options{Store: "sqlite:" + path, Sync: true}), scenarios...)
	w.ledger = path
	return w
}

// newBubble starts a world without a network, for use in a synctest bubble, where time
// passes only when everybody waits.
func newBubble(t *testing.T, yaml string, scenarios ...fakevertex.Scenario) *world {
	t.Helper()
	return startWorld(t, yaml, pipes, noLedger(t), scenarios...)
}

func startWorld(t *testing.T, yaml string, listen func(*testing.T) (net.Listener, dialer), l *ledger.Ledger, scenarios ...fakevertex.Scenario) *world {
	t.Helper()
	w := &world{t: t, vertex: fakevertex.New(fakevertex.Options{Now: time.Now, Scenarios: scenarios}), registry: prometheus.NewRegistry(), credentials: vertex.StaticCredentials(testToken)}
	upstream, dialUpstream := listen(t)
	w.upstream = serve(t, upstream, w.vertex)
	t.Cleanup(w.vertex.Close)
	w.config = w.load(yaml)
	core, logs := observer.New(zapcore.DebugLevel)
	w.log = logs
	w.options = proxy.Options{
		Ledger:  l,
		Limiter: newLimiter(t),
		Connect: func(v config.Vertex) (*vertex.Client, error) {
			client := vertex.NewClient(vertex.Options{Credentials: w.credentials, BaseURL: v.BaseURL, HTTP2: v.HTTPVersion == "2", Dial: dialUpstream})
			t.Cleanup(client.Close)
			return client, nil
		},
		Log:      zap.New(core),
		Registry: w.registry,
		Now:      time.Now,
		Rand:     rand.Float64,
	}
	var err error
	w.gateway, err = proxy.New(w.config, w.options)
	if err != nil {
		t.Fatal(err)
	}
	w.gateway.Started()
	api, dialAPI := listen(t)
	w.api = serve(t, api, w.gateway.Handler())
	w.client = &http.Client{Transport: &http.Transport{DialContext: dialAPI}}
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}

// restart puts a new gateway in the place of the old one, made by the world's options.
func (w *world) restart() {
	w.t.Helper()
	w.registry = prometheus.NewRegistry()
	w.options.Registry = w.registry
	g, err := proxy.New(w.config, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	g.Started()
	w.gateway, w.api.Config.Handler = g, g.Handler()
}

func serve(t *testing.T, l net.Listener, h http.Handler) *httptest.Server {
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}} //nolint:gosec // a test's server
	s.Start()
	t.Cleanup(s.Close)
	return s
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func loopback(t *testing.T) (net.Listener, dialer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &countingListener{Listener: l}, nil
}

type countingListener struct {
	net.Listener
	accepted atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return c, err
}

// pipes is a network of one address in memory.
func pipes(*testing.T) (net.Listener, dialer) {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	return l, l.dial
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "127.0.0.1:80" }

// load reads a configuration that leads to the emulator.
func (w *world) load(yaml string) *config.Config {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "gateway.yaml")
	yaml = "vertex: {project: test-project, credentials: none, base_url: '" + w.upstream.URL + "'}\n" + yaml
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		w.t.Fatal(err)
	}
	c, err := config.Load(path, os.LookupEnv)
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// A reply is what a client gets.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
	err    error // of reading the body: the connection broke
}

// post sends a body to a path of the API and reads the whole answer.
func (w *world) post(path, body string, header ...string) *reply {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.api.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(req, header...)
}

func (w *world) get(path string, header ...string) *reply {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.api.URL+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(req, header...)
}

func (w *world) do(req *http.Request, header ...string) *reply {
	w.t.Helper()
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return &reply{w.t, res.StatusCode, res.Header, body, err}
}

// chat asks a question; extra is more of the request's JSON members.
func (w *world) chat(model, extra string, header ...string) *reply {
	w.t.Helper()
	return w.post("/v1/chat/completions", question(model, extra), header...)
}

func question(model, extra string) string {
	if extra != "" {
		extra = "," + extra
	}
	return `{"model":"` + model + `","messages":[{"role":"user","content":"How are you?"}]` + extra + `}`
}

const streamed = `"stream":true`

// completion is what the tests look at in an answer.
type completion struct {
	ID      string `json:"id"`
	Model   string `json:"model"`
	Choices []struct {
		Index   int `json:"index"`
		Message struct {
			Content          *string          `json:"content"`
			ReasoningContent string           `json:"reasoning_content"`
			ToolCalls        []map[string]any `json:"tool_calls"`
		} `json:"message"`
		Delta struct {
			Role             string `json:"role"`
			Content          string `json:"content"`
			ReasoningContent string `json:"reasoning_content"`
		} `json:"delta"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Total      int `json:"total_tokens"`
	} `json:"usage"`
	Error *apiError `json:"error"`
}

type apiError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// completion reads an answer with status 200, which must fit OpenAI's schema.
func (r *reply) completion() completion {
	r.t.Helper()
	if r.status != http.StatusOK {
		r.t.Fatalf("status %d: %s", r.status, r.body)
	}
	openaitestCheck(r.t, "CreateChatCompletionResponse", r.body)
	return decode[completion](r.t, r.body)
}

func decode[T any](t *testing.T, data []byte) (value T) {
	t.Helper()
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return value
}

// openaitestCheck checks against the schema where it is at hand; the test goes on without.
func openaitestCheck(t *testing.T, name string, data []byte) {
	t.Helper()
	if _, err := os.Stat(openaitest.Shared("reference/openai-openapi.json")); err == nil {
		openaitest.Load(t).Check(t, name, data)
	}
}

// failure reads an error, which must fit OpenAI's schema and name its code and param.
func (r *reply) failure(status int, code, param string) apiError {
	r.t.Helper()
	openaitestCheck(r.t, "ErrorResponse", r.body)
	e := decode[completion](r.t, r.body).Error
	if e == nil {
		r.t.Fatalf("no error in %s", r.body)
	}
	if r.status != status || text(e.Code) != code || text(e.Param) != param {
		r.t.Errorf("status %d, error %s; want status %d, code %q, param %q", r.status, r.body, status, code, param)
	}
	return *e
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// A transcript is a stream as its client sees it.
type transcript struct {
	text, reasoning string
	finish          string
	chunks          []completion
	comments        int
	done            bool      // [DONE] came
	err             *apiError // the error event
	broken          bool      // the connection broke
}

// transcript reads a streamed answer; every chunk must fit OpenAI's schema.
func (r *reply) transcript() transcript {
	r.t.Helper()
	if r.status != http.StatusOK {
		r.t.Fatalf("status %d: %s", r.status, r.body)
	}
	return readTranscript(r.t, r.body, r.err)
}

func readTranscript(t *testing.T, body []byte, broken error) transcript {
	t.Helper()
	tr := transcript{broken: broken != nil}
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		data, isData := strings.CutPrefix(line, "data: ")
		switch {
		case line == "":
		case strings.HasPrefix(line, ":"):
			tr.comments++
		case tr.done || tr.err != nil:
			t.Errorf("line behind the end: %s", line)
		case data == "[DONE]":
			tr.done = true
		case !isData:
			t.Errorf("unexpected line %q", line)
		case strings.HasPrefix(data, `{"error":`):
			openaitestCheck(t, "ErrorResponse", []byte(data))
			tr.err = decode[completion](t, []byte(data)).Error
		default:
			tr.add(t, []byte(data))
		}
	}
	return tr
}

func (tr *transcript) add(t *testing.T, data []byte) {
	t.Helper()
	openaitestCheck(t, "CreateChatCompletionStreamResponse", data)
	chunk := decode[completion](t, data)
	tr.chunks = append(tr.chunks, chunk)
	for _, c := range chunk.Choices {
		tr.text += c.Delta.Content
		tr.reasoning += c.Delta.ReasoningContent
		if c.FinishReason != "" {
			tr.finish = c.FinishReason
		}
	}
}

// wantHeaders checks headers of an answer: name, value...
func (r *reply) wantHeaders(want ...string) {
	r.t.Helper()
	for i := 0; i < len(want); i += 2 {
		if got := r.header.Get(want[i]); got != want[i+1] {
			r.t.Errorf("header %s: %q, want %q", want[i], got, want[i+1])
		}
	}
}

// locations are where the emulator was called, in order.
func (w *world) locations() string {
	var places []string
	for _, r := range w.vertex.Requests() {
		places = append(places, r.Location)
	}
	return strings.Join(places, " ")
}

func (w *world) wantLocations(want string) {
	w.t.Helper()
	if got := w.locations(); got != want {
		w.t.Errorf("called %q, want %q", got, want)
	}
}

// line waits for the log line of a request: it may come a moment after the answer.
func (w *world) line() observer.LoggedEntry {
	w.t.Helper()
	var found []observer.LoggedEntry
	w.eventually("a request is logged", func() bool {
		found = w.log.FilterMessage("request").All()
		return len(found) > 0
	})
	return found[len(found)-1]
}

// eventually waits until a condition holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(end) {
			w.t.Fatalf("not within 10 s: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// admin asks one of the operations' paths.
func (w *world) admin(path string) *httptest.ResponseRecorder {
	r := httptest.NewRecorder()
	w.gateway.Admin().ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return r
}

// noLedger remembers nothing.
func noLedger(t *testing.T) *ledger.Ledger {
	t.Helper()
	return openLedger(t, ledger.Options{Store: "none"})
}

func openLedger(t *testing.T, o ledger.Options) *ledger.Ledger {
	t.Helper()
	o.Log, o.Now = zap.NewNop(), time.Now
	l, err := ledger.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}

// newLimiter counts in memory.
func newLimiter(t *testing.T) *limit.Limiter {
	t.Helper()
	l, err := limit.New(limit.Options{Log: zap.NewNop(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}
