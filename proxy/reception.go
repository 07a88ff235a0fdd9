package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"vertexgateway/translate"
	"vertexgateway/translate/completions"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/sse"
	"vertexgateway/vertex"
)

const (
	// maxEvent is the largest event of a stream in bytes.
	maxEvent = 16 << 20
	// maxMessage is the largest answer in bytes that comes without a stream.
	maxMessage = 64 << 20
)

// A reception reads one upstream answer into the client's.
type reception struct {
	x      *exchange
	a      *answer
	draft  *draft
	place  *place
	res    *http.Response
	ctx    context.Context // of the attempt
	cancel context.CancelCauseFunc
	token  string // that was sent
	reader translate.Answer
	billed openai.Usage // of the reader's earlier rounds
	said   int          // bytes of text in this one
	begun  bool
	first  int64              // output that was told when it began
	more   *translate.Request // that goes on with the answer, which only paused
}

func (r *reception) close() {
	r.a.unwatch()
	if r.res != nil {
		_ = r.res.Body.Close() // it was read, or is given up
	}
	r.cancel(errDone)
}

// read reads the whole answer. It returns nil when the client has it.
func (r *reception) read() *failure {
	defer r.close()
	fault := r.readBody()
	if fault != nil {
		r.bill(false)
		return r.broken(fault)
	}
	drain(r.res.Body, r.cancel)
	return nil
}

// readBody reads the answer in the form it comes in.
func (r *reception) readBody() *openai.Error {
	contentType := r.res.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(contentType, "text/event-stream"):
		return r.events(sse.NewReader(r.res.Body, maxEvent))
	case strings.HasPrefix(contentType, "text/html"):
		return translate.BadAnswer("a web page", nil)
	case r.place.own != nil && r.draft.request.Method == "streamRawPredict":
		return r.events(completions.NewFrames(r.res.Body, maxEvent))
	case strings.HasPrefix(contentType, "application/json"):
		return r.message(r.res.Body)
	}
	return r.events(sse.NewReader(r.res.Body, maxEvent))
}

// An eventReader reads a stream of events: after each Fill, which reads once, Next gives
// those that have come.
type eventReader interface {
	Fill() error
	Next() (sse.Event, bool)
}

// events reads a stream: all events of one read are answered with one write.
func (r *reception) events(events eventReader) *openai.Error {
	for {
		err := events.Fill()
		r.a.heard()
		for ev, ok := events.Next(); ok; ev, ok = events.Next() {
			deltas, fault := r.reader.Event(ev.Data)
			r.take(deltas)
			switch {
			case fault == nil:
			case err != nil && fault.Upstream == http.StatusBadGateway:
				return r.stop(cutOff(err)) // an event without its end, not a wrong one
			default:
				return r.stop(fault)
			}
		}
		if ending, ok := r.reader.Ending(errors.Is(err, io.EOF)); ok {
			return r.ended(ending, ok)
		}
		if fault := r.a.flush(); fault != nil {
			return fault
		}
		if err != nil {
			return cutOff(err)
		}
	}
}

// stop sends what came before a fault: the client paid for it.
func (r *reception) stop(fault *openai.Error) *openai.Error {
	if gone := r.a.flush(); gone != nil {
		return gone
	}
	return fault
}

// message reads an answer that came whole.
func (r *reception) message(body io.Reader) *openai.Error {
	data, err := io.ReadAll(io.LimitReader(body, maxMessage))
	if err != nil {
		return cutOff(err)
	}
	deltas, fault := r.reader.Message(data)
	if fault != nil {
		return fault
	}
	r.take(deltas)
	ending, whole := r.reader.Ending(true)
	return r.ended(ending, whole)
}

// ended decides what becomes of an answer that has no more to come by itself.
func (r *reception) ended(ending openai.Ending, whole bool) *openai.Error {
	r.more = r.reader.More()
	switch {
	case r.more != nil:
		if gone := r.a.flush(); gone != nil {
			return gone
		}
		r.bill(true)
		r.x.count(r.place, nil)
		return nil
	case !whole:
		return translate.BadAnswer("an answer without its end", nil)
	}
	r.take(r.reader.Settle())
	r.finish(ending)
	return nil
}

// finish settles all accounts, and only then sends the end of the answer: who has seen
// it whole finds it in the metrics.
func (r *reception) finish(ending openai.Ending) {
	r.bill(true)
	r.x.count(r.place, nil)
	r.x.keepTurn(r.reader)
	r.a.close() // its timer reads the warnings, too
	r.x.warnLate(r.reader.Warnings())
	for _, remark := range r.reader.Remarks() {
		r.x.gateway.options.Log.Warn("odd answer", zap.String("request_id", r.x.id), zap.String("model", r.x.label()), zap.String("remark", r.x.hide(remark)))
	}
	r.a.finish(r.reader.ID(), ending)
}

// cutOff is the error of a stream that ended before its answer did.
func cutOff(err error) *openai.Error {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	e := translate.BadAnswer("an incomplete answer: the stream was cut off", err)
	e.Code = truncated
	return e
}

// truncated is the code of an answer whose stream ended before it did.
const truncated = "upstream_stream_truncated"

// take passes deltas on to the client's answer.
func (r *reception) take(deltas []openai.Delta) {
	if !r.begun && (len(deltas) > 0 || r.reader.Begun()) {
		r.began()
	}
	if len(deltas) > 0 && r.x.firstToken == 0 {
		r.x.firstToken = r.x.now().Sub(r.x.started)
	}
	for _, d := range deltas {
		r.said += d.Spoken()
		r.a.add(r.reader.ID(), d)
	}
}

// bill accounts for a round, whole or broken off. Vertex may bill what it has read and
// written, but tells it with the end, and Claude's input with the beginning: what was not
// told is estimated from the request and from what was seen.
func (r *reception) bill(whole bool) {
	told := r.reader.Billed().Minus(r.billed)
	if !whole && !r.begun && told == (openai.Usage{}) && !r.x.abandons() {
		return // refused, or never looked at
	}
	u := told
	if u.Prompt() == 0 && u.Pages == 0 {
		u.Input, u.Pages = r.x.forecast.Input, r.x.forecast.Pages
	}
	open := !whole && (!r.begun || u.Output == r.first) // the end did not tell it
	if (open || u.Output == 0) && u.Pages == 0 {
		u.Output = max(u.Output, tokensIn(r.said))
	}
	r.x.estimated = r.x.estimated || open || u != told
	r.x.bill(r.place, u)
}

// began notes the first sign that the model is at work, be it on thoughts it keeps to
// itself: from now on this place is good, and only silence ends the waiting.
func (r *reception) began() {
	r.begun = true
	r.first = r.reader.Billed().Minus(r.billed).Output
	r.a.hush()
	r.place.cool.succeed()
	r.x.learn(r.draft)
}

// broken judges an answer that broke off. Another location may start anew only while the
// client has seen nothing.
func (r *reception) broken(fault *openai.Error) *failure {
	cause := context.Cause(r.ctx)
	if isSilence(cause) {
		fault = silent(cause)
	}
	if errors.Is(cause, errIdle) {
		fault.Message = "Vertex AI fell silent in the middle of its answer."
	}
	f := &failure{err: fault}
	switch {
	case r.a.touched:
		f.verdict = vertex.Verdict{Reason: "broken"}
		r.x.end = "error"
		if fault.Code == truncated && r.x.ctx.Err() == nil {
			r.x.end = "cut"
		}
	case fault.Code == truncated:
		f.verdict = vertex.Unreached(false)
	case isSilence(cause):
		f.verdict = vertex.Unreached(true)
	default:
		f.verdict = vertex.Judge(r.place.Location, fault.Upstream, []byte(fault.Reason+" "+fault.Message))
	}
	if f.verdict.Refresh {
		r.place.client.Credentials().Refused(r.token)
	}
	return f
}

// drain reads the little that follows a whole answer, so that its connection can be used
// again. An upstream that keeps the connection open loses it.
func drain(body io.Reader, cancel context.CancelCauseFunc) {
	const patience, most = time.Second, 64 << 10
	late := time.AfterFunc(patience, func() { cancel(errDone) })
	defer late.Stop()
	_, _ = io.CopyN(io.Discard, body, most) // a failure costs a connection, no more
}
