package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
	"vertexgateway/vertex"
)

const (
	// maxErrorBody is how much of an error's body is read.
	maxErrorBody = 64 << 10
	// lastPatience multiplies the time to the first token where no location is left to
	// move to: then waiting is better than giving up.
	lastPatience = 4
	// wholePatience is how long an answer may take that comes in one piece: its first token
	// comes with the last. Endpoints take 600 s unless they are set to more (vertex.md 8.1).
	wholePatience = 10 * time.Minute
)

var (
	errSilent = errors.New("no first token in time")
	errIdle   = errors.New("the stream fell silent")
	errDone   = errors.New("attempt ended")
)

// isSilence tells whether an attempt was ended because nothing came.
func isSilence(cause error) bool {
	return errors.Is(cause, errSilent) || errors.Is(cause, errIdle)
}

// A failure is an attempt that brought no answer.
type failure struct {
	err     *openai.Error
	verdict vertex.Verdict
}

// send gets the answer to a request from one of the route's places. Its frames stay shallow
// while a stream flows: with thousands of streams their stacks are much of the memory.
func (x *exchange) send(d *draft, a *answer) *openai.Error {
	return x.visit(d, func(p *place, isLast bool) *failure {
		r, f := x.open(d, d.request.Read(), a, p, isLast)
		if f == nil {
			f = r.read()
		}
		for f == nil && r.more != nil && !x.clientLeft() {
			if r, f = x.goOn(r); f == nil {
				f = r.read()
			}
		}
		return f
	})
}

// visit tries the route's places in turn until an attempt succeeds.
func (x *exchange) visit(d *draft, attempt func(p *place, isLast bool) *failure) *openai.Error {
	t := &tour{x: x, draft: d, left: x.snapshot.fallback.MaxAttempts, tried: make(map[*place]bool, len(x.route.places))}
	defer t.abandon()
	for p := t.first(); p != nil; {
		f := attempt(p, t.isLast())
		if f == nil {
			t.settled = true
			return nil
		}
		p = t.after(f)
	}
	return t.err
}

// open asks one place and gives its answer, if it is one, to be read.
func (x *exchange) open(d *draft, reader translate.Answer, a *answer, p *place, isLast bool) (*reception, *failure) {
	r := &reception{x: x, a: a, draft: d, place: p, reader: reader, billed: reader.Billed()}
	r.ctx, r.cancel = context.WithCancelCause(x.ctx)
	patience := time.Duration(x.snapshot.fallback.FirstTokenTimeout)
	if isLast {
		patience *= lastPatience
	}
	if d.isWhole() {
		patience = max(patience, wholePatience)
	}
	a.watch(p, d.told, r.cancel, patience)
	x.asking.Store(true)
	res, token, err := p.do(r.ctx, d.request) //nolint:bodyclose // reception.close does
	r.res, r.token = res, token
	switch {
	case err != nil:
		defer r.close()
		if _, sent := errors.AsType[*vertex.UnansweredError](err); sent && x.abandons() {
			r.bill(false)
		}
		return nil, x.unreached(r.ctx, err)
	case res.StatusCode != http.StatusOK:
		defer r.close()
		return nil, x.refused(res, token, p)
	}
	return r, nil
}

// goOn asks the place that paused its answer to go on with it. Nobody else can: what the
// model has looked up is in the answer so far.
func (x *exchange) goOn(paused *reception) (*reception, *failure) {
	next := *paused.draft
	next.request = paused.more
	x.addLabels(next.request)
	r, f := x.open(&next, paused.reader, paused.a, paused.place, true)
	if f != nil && paused.a.touched {
		f = paused.broken(f.err)
	}
	return r, f
}

// unreached is an attempt without an answer of any status.
func (x *exchange) unreached(ctx context.Context, err error) *failure {
	cause := context.Cause(ctx)
	switch {
	case x.ctx.Err() != nil:
		return &failure{err: &openai.Error{Status: statusClientLeft, Message: "The client left.", Cause: err}}
	case isSilence(cause):
		return &failure{err: silent(cause), verdict: vertex.Unreached(true)}
	}
	if _, ok := errors.AsType[*vertex.CredentialsError](err); ok {
		return &failure{err: &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "upstream_auth_error",
			Message: "The gateway could not get a token for Vertex AI.", Cause: err}, verdict: vertex.Verdict{Reason: "credentials"}}
	}
	if lost, ok := errors.AsType[*lookupError](err); ok {
		return &failure{err: &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "endpoint_not_found",
			Message: "The endpoint " + lost.name.ID + " of this model could not be looked up: " + lost.reason(), Cause: err}, verdict: vertex.Verdict{Reason: "lookup"}}
	}
	return &failure{err: &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "upstream_error",
		Message: "The gateway could not reach Vertex AI" + distrust(err) + ".", Cause: err}, verdict: vertex.Unreached(false)}
}

// distrust is why a server was not believed to be who it should be; empty: it was not that.
func distrust(err error) string {
	const its = ", as it does not trust the server: its certificate "
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return its + "is for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return its + "comes from no authority that the gateway trusts"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return its + "is not valid"
	}
	return ""
}

func silent(cause error) *openai.Error {
	return &openai.Error{Status: http.StatusGatewayTimeout, Type: openai.TypeServer, Code: "timeout",
		Message: "Vertex AI did not answer in time.", Upstream: http.StatusGatewayTimeout, Cause: cause}
}

// refused is an answer with an error status.
func (x *exchange) refused(res *http.Response, token string, p *place) *failure {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	f := &failure{err: translate.ParseError(res.StatusCode, body), verdict: vertex.Judge(p.Location, res.StatusCode, body)}
	if err != nil {
		f.err.Cause = err
	}
	if f.err.Code == translate.NotReady {
		f.verdict.Reason = notReady // and no quota
	}
	p.explain(f, res)
	if wait := x.retryAfter(res.Header); wait > 0 {
		f.err.RetryAfter = wait
	}
	if f.verdict.Refresh {
		p.client.Credentials().Refused(token)
	}
	return f
}

// maxRetryAfter bounds what an upstream may ask for: a typing error there must not take a
// location away for days.
const maxRetryAfter = 10 * time.Minute

// retryAfter is how long the upstream asks to wait; 0: it does not ask.
func (x *exchange) retryAfter(h http.Header) time.Duration {
	return min(x.askedToWait(h), maxRetryAfter)
}

func (x *exchange) askedToWait(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(min(ms, 1e9) * float64(time.Millisecond))
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
