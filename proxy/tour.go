package proxy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"vertexgateway/translate/openai"
	"vertexgateway/vertex"
)

// A tour is the way of one request through the places of its route.
type tour struct {
	x         *exchange
	draft     *draft
	left      int             // attempts
	tried     map[*place]bool // places that had their turn
	cooling   bool            // one of them was cooling
	place     *place          // of the attempt under way
	refreshed bool            // with a new token
	again     bool            // a second time at the same place
	worst     *failure        // that says most
	err       *openai.Error   // when nowhere is left to go
	settled   bool            // the place's cooldown knows how it went
	waited    time.Duration   // for a model that scales up from zero
}

const (
	// readyPause is between two looks at a model that scales up from zero.
	readyPause = 10 * time.Second
	// maxReadying is how long such a model is waited for, if its client waits as long:
	// large ones take that time to load (vertex.md 8.5).
	maxReadying = 20 * time.Minute
)

// notReady is the reason of a refusal by a model that scales up from zero. An error in an
// answer that has begun never has it.
const notReady = "not_ready"

// waitForModel waits a little for a model that scales up from zero; false: it or its client
// has no more time.
func (t *tour) waitForModel() bool {
	if t.waited >= maxReadying {
		return false
	}
	pause := time.NewTimer(readyPause)
	defer pause.Stop()
	select {
	case <-pause.C:
		t.waited += readyPause
		return !t.x.clientLeft()
	case <-t.x.ctx.Done():
		return false
	}
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
	stopped := x.ctx.Err() != nil || x.clientLeft()
	switch {
	case stopped:
	case f.verdict.Refresh && !t.refreshed: // which costs no attempt
		t.refreshed = true
		t.left++
		return t.to(t.place)
	case f.verdict.Reason == notReady && t.waitForModel():
		t.left++
		return t.to(t.place)
	case f.verdict.Reason == "refused" && x.mend(t.draft, f.err): // nor does this
		t.left++
		return t.to(t.place)
	case t.left == 0:
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
		zap.String("from", from.Location), zap.String("to", to.Location), zap.String("reason", why.verdict.Reason), zap.String("error", x.hide(why.err.Error())))
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
	case f != nil && x.clientLeft():
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
	switch status := f.err.Upstream; status {
	case http.StatusTooManyRequests:
		return 9
	case vertex.StatusOverloaded:
		return 8
	case http.StatusServiceUnavailable:
		return 7
	case http.StatusGatewayTimeout:
		return 5
	case 0:
		return 4
	case http.StatusForbidden:
		return 3
	case http.StatusNotFound:
		return 2
	default:
		if status >= http.StatusInternalServerError {
			return 6
		}
		return 1
	}
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
