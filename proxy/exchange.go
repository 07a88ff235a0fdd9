package proxy

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
)

// An exchange is one request and its answer: it gathers what the log line, the metrics
// and the headers of the answer say.
type exchange struct {
	gateway  *Gateway
	snapshot *snapshot
	w        http.ResponseWriter
	r        *http.Request
	ctx      context.Context // ends when the client leaves or the gateway stops
	cancel   context.CancelCauseFunc
	started  time.Time

	id       string
	endpoint string
	key      usage.Key
	route    *route // nil: none was found
	location string // of the last attempt
	capacity string // the throughput that it was asked for: dedicated, shared, or Google's choice
	attempts int
	stream   bool
	warnings string // for the header

	sent       bool // the answer's status is out
	broken     bool // the answer cannot be completed
	status     int
	end        string // finished, error, cut or cancelled
	firstToken time.Duration
	usage      openai.Usage // of all attempts
	fault      *openai.Error
	prompt     []byte // and transcript: only if the config allows to log them
	transcript []byte
	concluded  bool
}

func (g *Gateway) newExchange(endpoint string, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{gateway: g, snapshot: g.snapshot.Load(), w: w, r: r, endpoint: endpoint, started: g.options.Now(), id: requestID(r)}
	x.ctx, x.cancel = context.WithCancelCause(r.Context())
	return x
}

func (x *exchange) now() time.Time { return x.gateway.options.Now() }

// requestID is the caller's own if it is sane.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if id != "" && len(id) <= 128 && strings.IndexFunc(id, func(c rune) bool { return !isPlain(c) }) < 0 {
		return id
	}
	return "req_" + rand.Text()
}

func isPlain(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// printable keeps a client's text short and harmless in a message.
func printable(s string) string {
	const most = 100
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// reset breaks a connection whose protocol ends an answer by closing it (HTTP/1.0, which
// nginx speaks to its upstreams unless told otherwise): only a reset tells there that the
// end is none.
func (x *exchange) reset() {
	if x.r.ProtoAtLeast(1, 1) {
		return
	}
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the close is an ordinary one, as it would be anyway
	}
	_ = conn.Close()
}

// authenticate finds the key of the request, where keys are asked for.
func (x *exchange) authenticate() *openai.Error {
	if x.snapshot.keys.Len() == 0 {
		return nil
	}
	secret := presentedKey(x.r.Header)
	key, ok := x.snapshot.keys.Find(secret)
	if !ok {
		message := "Incorrect API key provided."
		if secret == "" {
			message = "You didn't provide an API key. Send it as Authorization: Bearer KEY."
		}
		return &openai.Error{Status: http.StatusUnauthorized, Type: openai.TypeInvalidRequest, Code: "invalid_api_key", Message: message}
	}
	x.key = key
	return nil
}

func presentedKey(h http.Header) string {
	if bearer := h.Get("Authorization"); len(bearer) > len("Bearer ") && strings.EqualFold(bearer[:len("Bearer ")], "Bearer ") {
		return strings.TrimSpace(bearer[len("Bearer "):])
	}
	if key := h.Get("X-Api-Key"); key != "" {
		return key
	}
	return h.Get("Api-Key")
}

// label is the model's in metrics and logs.
func (x *exchange) label() string {
	if x.route == nil {
		return ""
	}
	return x.route.label
}

// begin sends the status and the headers that every answer carries.
func (x *exchange) begin(status int, contentType string) {
	h := x.w.Header()
	h["Content-Type"] = []string{contentType}
	h["X-Request-Id"] = []string{x.id}
	h["X-Gateway-Attempts"] = []string{strconv.Itoa(x.attempts)}
	if x.route != nil {
		h["X-Gateway-Model"] = []string{x.route.model.ID}
	}
	if x.location != "" {
		h["X-Gateway-Location"] = []string{x.location}
	}
	if x.capacity != "" {
		h["X-Gateway-Throughput"] = []string{x.capacity}
	}
	if x.warnings != "" {
		h["X-Gateway-Warnings"] = []string{x.warnings}
	}
	x.sent, x.status = true, status
	x.w.WriteHeader(status)
}

// writeJSON sends a whole answer.
func (x *exchange) writeJSON(status int, body []byte) {
	x.conclude(status, nil)
	x.w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.begin(status, "application/json")
	_, _ = x.w.Write(body) // a client that left is seen by its context
}

// answered ends the exchange as its endpoint left it: answered, or with an error still to
// be told. Where the answer has begun, whoever began it has told the error.
func (x *exchange) answered(err *openai.Error) {
	switch {
	case err == nil:
		x.conclude(x.status, nil)
	case x.clientLeft():
		x.end, x.broken = "cancelled", true // else net/http would make up an empty answer
		x.conclude(statusClientLeft, nil)
	case x.sent:
		x.broken = true
		x.conclude(x.status, err)
	default:
		x.conclude(err.Status, err)
		x.writeError(err)
	}
}

// statusClientLeft stands in logs and metrics for a client that did not wait.
const statusClientLeft = 499

// clientLeft tells whether the client has gone.
func (x *exchange) clientLeft() bool { return x.r.Context().Err() != nil }

func (x *exchange) writeError(err *openai.Error) {
	h := x.w.Header()
	if err.RetryAfter > 0 {
		h["Retry-After"] = []string{strconv.Itoa(retrySeconds(err.RetryAfter))}
	}
	if err.Final {
		h["X-Should-Retry"] = []string{"false"}
	}
	x.writeJSON(err.Status, err.AppendJSON(nil))
}

// retrySeconds are whole and at most 60: some clients give up on more
// (openai-claude.md D.3).
func retrySeconds(wait time.Duration) int {
	return max(1, min(60, int((wait+time.Second-1)/time.Second)))
}

// conclude observes the metrics and writes the log line, once, before the last bytes of
// the answer go out.
func (x *exchange) conclude(status int, err *openai.Error) {
	if x.concluded {
		return
	}
	x.concluded, x.status, x.fault = true, status, err
	switch {
	case x.end != "":
	case err != nil:
		x.end = "error"
	default:
		x.end = "finished"
	}
	took := x.gateway.options.Now().Sub(x.started)
	x.gateway.metrics.observe(x, took.Seconds())
	level := zapcore.InfoLevel
	if x.status >= http.StatusInternalServerError {
		level = zapcore.WarnLevel
	}
	line := x.gateway.options.Log.Check(level, "request")
	if line == nil {
		return
	}
	fields := []zap.Field{
		zap.String("request_id", x.id), zap.String("endpoint", x.endpoint), zap.Int("status", x.status), zap.String("end", x.end),
		zap.String("model", x.label()), zap.String("location", x.location), zap.Int("attempts", x.attempts), zap.Bool("stream", x.stream),
		zap.Int64("input_tokens", x.usage.Input), zap.Int64("output_tokens", x.usage.Output),
		zap.Int64("cache_read_tokens", x.usage.CacheRead), zap.Int64("cache_write_tokens", x.usage.CacheWrite()),
		zap.Duration("first_token", x.firstToken), zap.Duration("duration", took),
	}
	if x.usage.Pages > 0 {
		fields = append(fields, zap.Int64("pages", x.usage.Pages))
	}
	if x.key.Team != "" {
		fields = append(fields, zap.String("team", x.key.Team), zap.String("key", x.key.Name))
	}
	if x.warnings != "" {
		fields = append(fields, zap.String("warnings", x.warnings))
	}
	if x.fault != nil {
		fields = append(fields, zap.String("error", x.fault.Error()))
	}
	if x.snapshot.config.Log.Content {
		fields = append(fields, zap.ByteString("prompt", x.prompt), zap.ByteString("answer", x.transcript))
	}
	line.Write(fields...)
}
