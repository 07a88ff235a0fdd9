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
// nothing of an answer was seen.
func (x *exchange) send(req *anthropic.Request, a *answer) *openai.Error {
	var (
		tried   = make(map[*place]bool, len(x.route.places))
		left    = x.snapshot.fallback.MaxAttempts
		cooling bool
		worst   *failure
		last    *place
	)
	for left > 0 {
		p := x.route.pick(x.now(), tried, &cooling)
		if p == nil {
			break
		}
		if last != nil {
			x.moved(last, p, worst)
		}
		tried[p], last = true, p
		f := x.try(req, a, p, &left, len(x.route.places)-len(tried))
		if f == nil {
			return nil
		}
		if !f.verdict.Next || x.ctx.Err() != nil {
			return x.ended(f.err)
		}
		if f.verdict.OneHop {
			left = min(left, 1)
		}
		worst = telling(worst, f)
	}
	if worst == nil {
		return unroutable(errors.New("no location is left"))
	}
	return x.exhausted(worst.err)
}

// moved tells of a move to another location.
func (x *exchange) moved(from, to *place, why *failure) {
	x.gateway.metrics.fallbacks.WithLabelValues(x.label(), from.Location, to.Location, why.verdict.Reason).Inc()
	x.gateway.options.Log.Warn("location failed, trying the next", zap.String("request_id", x.id), zap.String("model", x.label()),
		zap.String("from", from.Location), zap.String("to", to.Location), zap.String("reason", why.verdict.Reason), zap.String("error", why.err.Error()))
}

// try makes the attempts that one place deserves. A second one at the same place never
// takes the turn of a place that had none.
func (x *exchange) try(req *anthropic.Request, a *answer, p *place, left *int, others int) *failure {
	refreshed, again := false, false
	for {
		*left--
		x.attempts++
		x.location = p.Location
		f := x.attempt(req, a, p, others == 0 || *left == 0)
		if f != nil {
			x.count(p, f)
		}
		if f == nil || x.ctx.Err() != nil || *left <= 0 {
			return x.settle(p, f)
		}
		switch {
		case f.verdict.Refresh && !refreshed:
			refreshed = true
		case f.verdict.Again && !again && *left > others:
			again = true
		default:
			return x.settle(p, f)
		}
	}
}

// settle tells the place's cooldown how the attempts went.
func (x *exchange) settle(p *place, f *failure) *failure {
	switch {
	case f == nil: // it was told when the first content came
	case !f.verdict.Cool || x.ctx.Err() != nil:
		p.cool.release()
	case f.verdict.Absent:
		p.cool.fail(x.now(), time.Duration(x.snapshot.fallback.Cooldown.Max), x.snapshot.fallback.Cooldown, x.gateway.options.Rand())
	default:
		p.cool.fail(x.now(), f.err.RetryAfter, x.snapshot.fallback.Cooldown, x.gateway.options.Rand())
	}
	return f
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

// exhausted gives the error of a request that every location failed, with the time after
// which one may do better.
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

// attempt asks one place once. It returns nil when the answer was given whole.
func (x *exchange) attempt(req *anthropic.Request, a *answer, p *place, isLast bool) *failure {
	ctx, cancel := context.WithCancelCause(x.ctx)
	defer cancel(errDone)
	patience := time.Duration(x.snapshot.fallback.FirstTokenTimeout)
	if isLast {
		patience *= lastPatience
	}
	a.watch(cancel, patience)
	defer a.unwatch()

	res, token, err := x.snapshot.client.Do(ctx, p.Target, streamMethod, req.Body)
	if err != nil {
		return x.unreached(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return x.refused(res, token, p)
	}
	r := &reception{x: x, a: a, place: p, stream: req.Stream()}
	var fault *openai.Error
	if isJSON(res.Header) {
		fault = r.message(res.Body)
	} else {
		fault = r.events(res.Body)
	}
	if fault == nil {
		drain(res.Body, cancel)
		return nil
	}
	x.usage = r.stream.Usage()
	return r.broken(ctx, fault)
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
	stream *anthropic.Stream
	begun  bool
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
	r.x.usage = ending.Usage
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
func (r *reception) broken(ctx context.Context, fault *openai.Error) *failure {
	switch cause := context.Cause(ctx); {
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
	case errors.Is(context.Cause(ctx), errSilent), errors.Is(context.Cause(ctx), errIdle):
		f.verdict = vertex.Unreached(true)
	default:
		f.verdict = vertex.Judge(r.place.Location, fault.Upstream, []byte(fault.Message))
	}
	return f
}
