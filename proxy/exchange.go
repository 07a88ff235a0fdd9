package proxy

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"

	"vertexgateway/translate/openai"
	"vertexgateway/usage/limit"
)

// An exchange is one request and its answer: it gathers what the log line, the metrics
// and the headers of the answer say.
type exchange struct {
	gateway  *Gateway
	snapshot *snapshot
	w        http.ResponseWriter
	r        *http.Request
	ctx      context.Context // ends when the client leaves (see leave) or the gateway stops
	cancel   context.CancelCauseFunc
	started  time.Time
	asking   atomic.Bool // an attempt upstream has begun
	left     atomic.Bool // the client, as a failed write tells

	id       string
	endpoint string
	caller
	asked string // model, by the client
	route *route // nil: none was found
	account
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
	fault      *openai.Error
	prompt     []byte // and transcript: only if the config allows to log them
	transcript []byte
	concluded  bool
}

func (g *Gateway) newExchange(endpoint string, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{gateway: g, snapshot: g.snapshot.Load(), w: w, r: r, endpoint: endpoint, started: g.options.Now()}
	x.secret, x.ticket = presentedKey(r.Header), new(limit.Ticket)
	x.id = x.requestID()
	if !x.drains() {
		x.ctx, x.cancel = context.WithCancelCause(r.Context())
		return x
	}
	x.ctx, x.cancel = context.WithCancelCause(context.WithoutCancel(r.Context()))
	stop := context.AfterFunc(r.Context(), func() { x.leave(context.Cause(r.Context())) })
	context.AfterFunc(x.ctx, func() { stop() })
	return x
}

// maxDrain is how long an answer may go on that nobody waits for.
const maxDrain = 5 * time.Minute

// drains tells whether an answer is read to its end though its client has left, so that its
// usage is known exactly.
func (x *exchange) drains() bool { return x.snapshot.config.Usage.OnDisconnect == "drain" }

// leave notes that the client has left. What was asked upstream goes on where answers are
// drained; all else ends. Any goroutine may call it.
func (x *exchange) leave(cause error) {
	x.left.Store(true)
	if !x.drains() || !x.asking.Load() {
		x.cancel(cause)
		return
	}
	late := time.AfterFunc(maxDrain, func() { x.cancel(cause) })
	context.AfterFunc(x.ctx, func() { late.Stop() })
}

func (x *exchange) now() time.Time { return x.gateway.options.Now() }

// requestID is the caller's own if it is sane, and no key.
func (x *exchange) requestID() string {
	id := x.r.Header.Get("X-Request-Id")
	if id != "" && len(id) <= 128 && strings.IndexFunc(id, func(c rune) bool { return !isPlain(c) }) < 0 && x.hide(id) == id {
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
		h["X-Gateway-Warnings"] = []string{x.hide(x.warnings)}
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
	case err == nil && (x.concluded || !x.clientLeft()):
		x.conclude(x.status, nil)
	case x.clientLeft():
		x.abandoned()
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
func (x *exchange) clientLeft() bool { return x.r.Context().Err() != nil || x.left.Load() }

// abandons tells whether the gateway itself gives up what it asked upstream.
func (x *exchange) abandons() bool { return x.ctx.Err() != nil }

// abandoned ends an exchange whose client has left.
func (x *exchange) abandoned() {
	x.end, x.broken = "cancelled", true // else net/http would make up an empty answer
	x.conclude(statusClientLeft, nil)
}

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

// conclude settles all accounts, once, before the last bytes of the answer go out: who has
// seen it whole finds it in the usage ledger, the metrics and the log.
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
	took := x.now().Sub(x.started)
	x.release()
	if x.metered {
		x.gateway.options.Ledger.Append(x.record(took))
	}
	x.gateway.metrics.observe(x, took.Seconds())
	level := zapcore.InfoLevel
	if x.status >= http.StatusInternalServerError {
		level = zapcore.WarnLevel
	}
	if line := x.gateway.options.Log.Check(level, "request"); line != nil {
		line.Write(x.fields(took)...)
	}
}
