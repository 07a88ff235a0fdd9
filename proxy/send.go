package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"vertexgateway/translate"
	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/sse"
	"vertexgateway/vertex"
)

const (
	streamMethod = "streamRawPredict"
	// maxEvent is the largest event of a stream in bytes.
	maxEvent = 16 << 20
	// maxMessage is the largest answer in bytes that comes without a stream.
	maxMessage = 64 << 20
	// maxErrorBody is how much of an error's body is read.
	maxErrorBody = 64 << 10
	// lastPatience multiplies the time to the first token where no location is left to
	// move to: then waiting is better than giving up.
	lastPatience = 4
)

var (
	errSilent = errors.New("no first token in time")
	errIdle   = errors.New("the stream fell silent")
	errDone   = errors.New("attempt ended")
)

// A failure is an attempt that brought no answer.
type failure struct {
	err     *openai.Error
	verdict vertex.Verdict
}

// send tries the route's places in turn until one answers. It moves on only while
// nothing of an answer was seen. Its frames stay shallow while a stream flows: with
// thousands of streams their stacks are much of the memory.
func (x *exchange) send(req *anthropic.Request, a *answer) *openai.Error {
	t := &tour{x: x, left: x.snapshot.fallback.MaxAttempts, tried: make(map[*place]bool, len(x.route.places))}
	defer t.abandon()
	for p := t.first(); p != nil; {
		r, f := x.open(req, a, p, t.isLast())
		if f == nil {
			f = r.read()
		}
		if f == nil {
			t.settled = true
			return nil
		}
		p = t.after(f)
	}
	return t.err
}

// A tour is the way of one request through the places of its route.
type tour struct {
	x         *exchange
	left      int             // attempts
	tried     map[*place]bool // places that had their turn
	cooling   bool            // one of them was cooling
	place     *place          // of the attempt under way
	refreshed bool            // with a new token
	again     bool            // a second time at the same place
	worst     *failure        // that says most
	err       *openai.Error   // when nowhere is left to go
	settled   bool            // the place's cooldown knows how it went
}

// abandon gives back the place of a tour that a fault of the gateway's own code ended.
func (t *tour) abandon() {
	if t.place != nil && !t.settled {
		t.place.cool.release()
	}
}

func (t *tour) first() *place {
	if t.to(t.x.route.pick(t.x.now(), t.tried, &t.cooling)) == nil {
		t.err = unroutable(errors.New("no location"))
	}
	return t.place
}

// to goes to a place for an attempt.
func (t *tour) to(p *place) *place {
	t.place = p
	if p != nil {
		t.settled = false
		t.tried[p] = true
		t.left--
		t.x.attempts++
		t.x.location = p.Location
	}
	return p
}

// others are the places that had no turn yet.
func (t *tour) others() int { return len(t.x.route.places) - len(t.tried) }

// isLast tells whether there is nowhere to go after this attempt.
func (t *tour) isLast() bool { return t.left == 0 || t.others() == 0 }

// after a failure gives the place of the next attempt: the same one where it deserves
// that, else the next; nil ends the tour. A second attempt at the same place never takes
// the turn of a place that had none.
func (t *tour) after(f *failure) *place {
	x := t.x
	x.count(t.place, f)
	stopped := x.ctx.Err() != nil
	switch {
	case stopped || t.left == 0:
	case f.verdict.Refresh && !t.refreshed:
		t.refreshed = true
		return t.to(t.place)
	case f.verdict.Again && !t.again && t.left > t.others():
		t.again = true
		return t.to(t.place)
	}
	x.settle(t.place, f)
	t.settled = true
	if stopped || !f.verdict.Next {
		t.err = x.exhausted(f.err)
		return nil
	}
	if f.verdict.OneHop {
		t.left = min(t.left, 1)
	}
	t.worst = telling(t.worst, f)
	if t.left > 0 {
		if next := x.route.pick(x.now(), t.tried, &t.cooling); next != nil {
			x.moved(t.place, next, f)
			t.refreshed, t.again = false, false
			return t.to(next)
		}
	}
	t.err = x.exhausted(t.worst.err)
	return nil
}

// moved tells of a move to another location.
func (x *exchange) moved(from, to *place, why *failure) {
	x.gateway.metrics.fallbacks.WithLabelValues(x.label(), from.Location, to.Location, why.verdict.Reason).Inc()
	x.gateway.options.Log.Warn("location failed, trying the next", zap.String("request_id", x.id), zap.String("model", x.label()),
		zap.String("from", from.Location), zap.String("to", to.Location), zap.String("reason", why.verdict.Reason), zap.String("error", why.err.Error()))
}

// settle tells the place's cooldown how its attempts went.
func (x *exchange) settle(p *place, f *failure) {
	limits := x.snapshot.fallback.Cooldown
	switch {
	case !f.verdict.Cool || x.ctx.Err() != nil || f.verdict.Absent && x.route.guessed:
		p.cool.release()
	case f.verdict.Absent:
		p.cool.fail(x.now(), time.Duration(limits.Max), limits, x.gateway.options.Rand())
	default:
		p.cool.fail(x.now(), f.err.RetryAfter, limits, x.gateway.options.Rand())
	}
}

func (x *exchange) count(p *place, f *failure) {
	outcome := "ok"
	switch {
	case x.left():
		outcome = "cancelled"
	case f != nil:
		outcome = f.verdict.Reason
	}
	x.gateway.metrics.attempts.WithLabelValues(x.label(), p.Location, outcome).Inc()
}

// telling keeps the failure that says most about what the client can do: wait, before
// anything else.
func telling(a, b *failure) *failure {
	if a == nil || weight(b) > weight(a) {
		return b
	}
	return a
}

func weight(f *failure) int {
	switch f.err.Upstream {
	case http.StatusTooManyRequests:
		return 9
	case vertex.StatusOverloaded:
		return 8
	case http.StatusServiceUnavailable:
		return 7
	case http.StatusInternalServerError, http.StatusBadGateway:
		return 6
	case http.StatusGatewayTimeout:
		return 5
	case 0:
		return 4
	case http.StatusForbidden:
		return 3
	case http.StatusNotFound:
		return 2
	}
	return 1
}

// exhausted gives the error of a request that no other location is asked for, with the
// time after which one may do better.
func (x *exchange) exhausted(err *openai.Error) *openai.Error {
	if !err.Final && (err.Status == http.StatusTooManyRequests || err.Status >= http.StatusInternalServerError) {
		err.RetryAfter = max(x.route.soonest(x.now()), time.Second)
	}
	return x.ended(err)
}

// ended gives the error of an exchange that was stopped from outside its true reason.
func (x *exchange) ended(err *openai.Error) *openai.Error {
	if errors.Is(context.Cause(x.ctx), errShutdown) {
		return &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.TypeServer, Code: "shutting_down", RetryAfter: time.Second,
			Message: "The gateway is shutting down."}
	}
	return err
}

func (x *exchange) now() time.Time { return x.gateway.options.Now() }

// open asks one place and gives its answer, if it is one, to be read.
func (x *exchange) open(req *anthropic.Request, a *answer, p *place, isLast bool) (*reception, *failure) {
	r := &reception{x: x, a: a, place: p, stream: req.Stream()}
	r.ctx, r.cancel = context.WithCancelCause(x.ctx)
	patience := time.Duration(x.snapshot.fallback.FirstTokenTimeout)
	if isLast {
		patience *= lastPatience
	}
	a.watch(r.cancel, patience)
	res, token, err := x.snapshot.client.Do(r.ctx, p.Target, streamMethod, req.Body) //nolint:bodyclose // reception.close does
	r.res = res
	switch {
	case err != nil:
		defer r.close()
		return nil, x.unreached(r.ctx, err)
	case res.StatusCode != http.StatusOK:
		defer r.close()
		return nil, x.refused(res, token, p)
	}
	return r, nil
}

// drain reads the little that follows a whole answer, so that its connection can be used
// again. An upstream that keeps the connection open loses it.
func drain(body io.Reader, cancel context.CancelCauseFunc) {
	const patience, most = time.Second, 64 << 10
	late := time.AfterFunc(patience, func() { cancel(errDone) })
	defer late.Stop()
	_, _ = io.CopyN(io.Discard, body, most) // a failure costs a connection, no more
}

// unreached is an attempt without an answer of any status.
func (x *exchange) unreached(ctx context.Context, err error) *failure {
	cause := context.Cause(ctx)
	switch {
	case x.ctx.Err() != nil:
		return &failure{err: &openai.Error{Status: statusClientLeft, Message: "The client left.", Cause: err}}
	case errors.Is(cause, errSilent):
		return &failure{err: silent(cause), verdict: vertex.Unreached(true)}
	}
	if _, ok := errors.AsType[*vertex.CredentialsError](err); ok {
		return &failure{err: &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "upstream_auth_error",
			Message: "The gateway could not get a token for Vertex AI.", Cause: err}, verdict: vertex.Verdict{Reason: "credentials"}}
	}
	return &failure{err: &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "upstream_error",
		Message: "The gateway could not reach Vertex AI.", Cause: err}, verdict: vertex.Unreached(false)}
}

func silent(cause error) *openai.Error {
	return &openai.Error{Status: http.StatusGatewayTimeout, Type: openai.TypeServer, Code: "timeout",
		Message: "Vertex AI did not answer in time.", Upstream: http.StatusGatewayTimeout, Cause: cause}
}

// refused is an answer with an error status.
func (x *exchange) refused(res *http.Response, token string, p *place) *failure {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	f := &failure{err: translate.ParseError(res.StatusCode, body), verdict: vertex.Judge(p.Location, res.StatusCode, body)}
	f.err.Cause = err
	f.err.RetryAfter = x.retryAfter(res.Header)
	if f.verdict.Refresh {
		x.snapshot.client.Credentials().Refused(token)
	}
	return f
}

// retryAfter reads how long the upstream asks to wait; 0: it does not.
func (x *exchange) retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 1e6) * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(x.now()))
	}
	return 0
}

func unroutable(err error) *openai.Error {
	return &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "upstream_error", Message: "The gateway has no place to send this request.", Cause: err}
}

// A reception reads one upstream answer into the client's.
type reception struct {
	x      *exchange
	a      *answer
	place  *place
	res    *http.Response
	ctx    context.Context // of the attempt
	cancel context.CancelCauseFunc
	stream *anthropic.Stream
	begun  bool
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
	var fault *openai.Error
	if isJSON(r.res.Header) {
		fault = r.message(r.res.Body)
	} else {
		fault = r.events(r.res.Body)
	}
	if fault != nil {
		r.x.usage.Add(r.stream.Usage()) // Vertex may bill what it reports
		return r.broken(fault)
	}
	drain(r.res.Body, r.cancel)
	return nil
}

// events reads a stream: all events of one read are answered with one write.
func (r *reception) events(body io.Reader) *openai.Error {
	events := sse.NewReader(body, maxEvent)
	for {
		err := events.Fill()
		r.a.heard()
		for ev, ok := events.Next(); ok; ev, ok = events.Next() {
			deltas, fault := r.stream.Event(ev.Data)
			r.take(deltas)
			switch {
			case fault == nil:
			case err != nil && fault.Upstream == http.StatusBadGateway:
				return r.stop(cutOff(err)) // an event without its end, not a wrong one
			default:
				return r.stop(fault)
			}
		}
		if ending, ok := r.stream.Ending(); ok {
			r.finish(ending)
			return nil
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
	deltas, fault := r.stream.Message(data)
	if fault != nil {
		return fault
	}
	r.take(deltas)
	ending, _ := r.stream.Ending()
	r.finish(ending)
	return nil
}

// finish settles all accounts, and only then sends the end of the answer: who has seen
// it whole finds it in the metrics.
func (r *reception) finish(ending openai.Ending) {
	r.x.usage.Add(ending.Usage)
	r.x.count(r.place, nil)
	r.a.finish(r.stream.ID(), ending)
}

func isJSON(h http.Header) bool {
	const kind = "application/json"
	contentType := h.Get("Content-Type")
	return len(contentType) >= len(kind) && contentType[:len(kind)] == kind
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
	if !r.begun && (len(deltas) > 0 || r.stream.Begun()) {
		r.began()
	}
	if len(deltas) > 0 && r.x.firstToken == 0 {
		r.x.firstToken = r.x.now().Sub(r.x.started)
	}
	for _, d := range deltas {
		r.a.add(r.stream.ID(), d)
	}
}

// began notes the first sign that the model is at work, be it on thoughts it keeps to
// itself: from now on this place is good, and only silence ends the waiting.
func (r *reception) began() {
	r.begun = true
	r.a.hush()
	r.place.cool.succeed()
}

// broken judges an answer that broke off. Another location may start anew only while the
// client has seen nothing.
func (r *reception) broken(fault *openai.Error) *failure {
	cause := context.Cause(r.ctx)
	switch {
	case errors.Is(cause, errSilent):
		fault = silent(cause)
	case errors.Is(cause, errIdle):
		fault = silent(cause)
		fault.Message = "Vertex AI fell silent in the middle of its answer."
	}
	f := &failure{err: fault}
	switch {
	case r.a.touched:
		f.verdict = vertex.Verdict{Reason: "broken"}
		r.x.end = "error"
		if fault.Code == truncated {
			r.x.end = "cut"
		}
	case fault.Code == truncated:
		f.verdict = vertex.Unreached(false)
	case errors.Is(cause, errSilent), errors.Is(cause, errIdle):
		f.verdict = vertex.Unreached(true)
	default:
		f.verdict = vertex.Judge(r.place.Location, fault.Upstream, []byte(fault.Message))
	}
	return f
}
