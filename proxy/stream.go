package proxy

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vertexgateway/translate/openai"
)

const (
	// holdHeaders is how long the headers of a stream wait for the first content, so that
	// its status can tell the truth.
	holdHeaders = 10 * time.Second
	// beat is how often a quiet stream is looked after: longer than holdHeaders it may
	// not be, and each comment keeps a connection alive that many proxies cut after 60 s.
	beat = 10 * time.Second
	// maxSilence of the upstream ends an attempt (openai-claude.md C.4).
	maxSilence = 120 * time.Second
	// maxStall is how long one write to a client may take.
	maxStall = 120 * time.Second
	// maxTranscript is how much of an answer is logged where the config allows it.
	maxTranscript = 64 << 10
)

// A front is an API that clients speak, as far as its answers go.
type front interface {
	chunks(openai.Head) chunkWriter
	fold() folder
}

// A chunkWriter writes an answer as events.
type chunkWriter interface {
	Append(dst []byte, d openai.Delta) []byte
	AppendEnd(dst []byte, end openai.Ending) []byte
}

// A folder gathers an answer into one object.
type folder interface {
	Add(d openai.Delta)
	Append(dst []byte, head openai.Head, end openai.Ending) []byte
}

// chatFront is POST /v1/chat/completions.
type chatFront struct{ form openai.Form }

func (f chatFront) chunks(head openai.Head) chunkWriter { return openai.NewChunkWriter(head, f.form) }
func (f chatFront) fold() folder                        { return &openai.Fold{Form: f.form} }

// An answer is what the client gets: a stream of chunks, or one completion folded from
// the same deltas. All methods but the timers' are for the exchange's goroutine.
type answer struct {
	x    *exchange
	head openai.Head

	front   front
	chunks  chunkWriter // of a stream; made with the first delta
	fold    folder      // of an answer that is not streamed
	out     []byte      // of a stream: what the next write sends
	touched bool        // an answer has begun: no other location may take over

	patience *time.Timer // to the first token of an attempt

	mu      sync.Mutex // guards the writer: exchange and timer share it
	timer   *time.Timer
	closed  bool
	begun   bool // the upstream's answer has begun: from now on its silence counts
	quiet   int  // beats without a byte from upstream
	stalled int  // beats during which a write has not ended
	cut     context.CancelCauseFunc

	upstream atomic.Bool // was heard since the last beat
	written  atomic.Bool // something went to the client since the last beat
}

func newAnswer(x *exchange, model string, f front) *answer {
	a := &answer{x: x, front: f, fold: f.fold()}
	a.head = openai.Head{Created: x.started.Unix(), Model: model}
	a.timer = time.AfterFunc(time.Hour, a.onBeat) // set before it may run
	a.timer.Reset(holdHeaders)
	return a
}

// close ends the timer. After it the exchange alone writes, and what was written is known.
func (a *answer) close() {
	a.timer.Stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
}

// watch begins an attempt at a location: cut ends it when its first token is late or the
// upstream falls silent. Told is what the headers say was changed for it.
func (a *answer) watch(p *place, told string, cut context.CancelCauseFunc, patience time.Duration) {
	a.patience = time.AfterFunc(patience, func() { cut(errSilent) })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cut, a.begun, a.quiet = cut, false, 0
	a.x.attempts++
	a.x.location, a.x.capacity, a.x.warnings = p.Location, p.throughput, told
}

// unwatch ends an attempt.
func (a *answer) unwatch() {
	a.patience.Stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cut = nil
}

// hush stops the clock for the first token: it came, and from now on silence counts.
func (a *answer) hush() {
	a.patience.Stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun, a.quiet = true, 0
}

// heard notes that bytes came from upstream.
func (a *answer) heard() { a.upstream.Store(true) }

// onBeat looks after a quiet exchange. It runs in a timer's goroutine.
func (a *answer) onBeat() {
	if !a.mu.TryLock() { // the exchange is writing
		a.onStall()
		a.timer.Reset(beat)
		return
	}
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.stalled = 0
	a.countSilence()
	if a.x.stream && !a.written.Swap(false) {
		a.comment()
	}
	a.timer.Reset(beat)
}

func (a *answer) countSilence() {
	if a.upstream.Swap(false) || !a.begun {
		a.quiet = 0
		return
	}
	if a.quiet++; a.cut != nil && a.quiet >= int(maxSilence/beat) {
		a.cut(errIdle)
	}
}

// onStall gives up a client that does not read. Only the timer's goroutine counts.
func (a *answer) onStall() {
	if a.stalled++; a.stalled >= int(maxStall/beat) {
		// Without a network connection, as in tests, there are no deadlines.
		_ = http.NewResponseController(a.x.w).SetWriteDeadline(a.x.now())
	}
}

// comment keeps the connection of a client alive; the first one brings the headers.
func (a *answer) comment() {
	a.beginStream()
	_ = a.write([]byte(": keep-alive\n\n")) // a client that left is seen by its context
}

// beginStream sends the headers of a stream unless they are out.
func (a *answer) beginStream() {
	if a.x.sent {
		return
	}
	h := a.x.w.Header()
	h["Cache-Control"] = []string{"no-cache, no-transform"}
	h["X-Accel-Buffering"] = []string{"no"}
	a.x.begin(http.StatusOK, "text/event-stream; charset=utf-8")
}

// write sends bytes at once. The mutex is held.
func (a *answer) write(p []byte) error {
	if _, err := a.x.w.Write(p); err != nil {
		return err
	}
	return http.NewResponseController(a.x.w).Flush()
}

// add takes one delta of the message with the id.
func (a *answer) add(id string, d openai.Delta) {
	a.touched = true
	if !a.x.stream {
		a.fold.Add(d)
		return
	}
	a.out = a.writer(id).Append(a.out, d)
}

func (a *answer) writer(id string) chunkWriter {
	if a.chunks == nil {
		a.head.ID = a.named(id)
		a.chunks = a.front.chunks(a.head)
	}
	return a.chunks
}

// named is the answer's id: the upstream's or, as predictions have none, the request's.
func (a *answer) named(id string) string {
	return cmp.Or(id, strings.TrimPrefix(a.x.id, "req_"))
}

// errClientGone is the cause of an attempt that nobody waits for any more.
var errClientGone = errors.New("the client does not read its answer")

// flush sends what was added, with one write.
func (a *answer) flush() *openai.Error {
	if len(a.out) == 0 {
		return nil
	}
	if a.x.drains() && a.x.clientLeft() {
		a.out = a.out[:0]
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.beginStream()
	a.keep(a.out)
	err := a.write(a.out)
	a.written.Store(true)
	a.out = a.out[:0]
	if err != nil {
		a.x.leave(errClientGone)
		if a.x.drains() {
			return nil
		}
		return &openai.Error{Status: statusClientLeft, Message: "The client left.", Cause: err}
	}
	return nil
}

// keep keeps what goes out for the log line, where the config allows it.
func (a *answer) keep(p []byte) {
	if a.x.snapshot.config.Log.Content && !a.x.concluded {
		a.x.transcript = append(a.x.transcript, p[:min(len(p), maxTranscript-len(a.x.transcript))]...)
	}
}

// finish sends the end of an answer that is whole.
func (a *answer) finish(id string, end openai.Ending) {
	a.touched = true
	a.close()
	if a.x.clientLeft() {
		a.x.abandoned()
		return
	}
	if a.x.stream {
		a.out = a.writer(id).AppendEnd(a.out, end)
		a.keep(a.out) // now: the log line goes out before them
		a.x.conclude(http.StatusOK, nil)
		_ = a.flush() // a client that left has missed the end of a whole answer
		return
	}
	a.head.ID = a.named(id)
	body := a.fold.Append(nil, a.head, end)
	a.keep(body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.x.writeJSON(http.StatusOK, body)
	_ = http.NewResponseController(a.x.w).Flush() // as above
}

// abort ends a stream that broke after its headers went out: with an error event, and
// then with a broken connection, which is the only end that no client takes for a whole
// answer (clients.md).
func (a *answer) abort(err *openai.Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.out = err.AppendEvent(a.out)
	a.x.conclude(a.x.status, err) // now: the client may hang up at the error
	_ = a.write(a.out)            // the connection is given up in any case
}
