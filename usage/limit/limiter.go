package limit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
	"go.uber.org/zap"

	"vertexgateway/usage"
)

// A Limiter admits requests. It is safe for concurrent use, and made by [New]. Counters go by
// the ID of a scope: other limits for it, as after a reload, hold at once.
type Limiter struct {
	fail   string
	log    *zap.Logger
	local  *memory
	shared *shared // nil: without Redis
	asks   *asks
	trust  trust
}

// A store counts.
type store interface {
	// take reads the counters of an order's scopes, and reserves what it asks for if there is room.
	take(ctx context.Context, o *order) (*reply, error)
	// settle replaces what a ticket of this store has reserved.
	settle(t *Ticket, used Charge)
}

// errAway is what a store says that cannot be asked now.
var errAway = errors.New("limits cannot be checked: redis is away")

// New makes a limiter. Redis need not be there yet; an error is a URL that is none, and does
// not quote it: it may hold a password.
func New(o Options) (*Limiter, error) {
	return newLimiter(o, tuning{
		answer: 200 * time.Millisecond, flush: 5 * time.Millisecond, probe: time.Second,
		renew: 20 * time.Second, lease: time.Minute, prefix: "vertexgateway:", connect: redis.DialURLContext,
		script: script,
	})
}

func newLimiter(o Options, t tuning) (*Limiter, error) {
	o.Log = cmp.Or(o.Log, zap.NewNop())
	if o.Now == nil {
		return nil, errors.New("limits need a clock")
	}
	l := &Limiter{fail: cmp.Or(o.Fail, FailLocal), log: o.Log, local: newMemory(o.Now), asks: newAsks(o)}
	if o.Redis == "" {
		return l, nil
	}
	var err error
	l.shared, err = newShared(o, t, l.local.forget)
	return l, err
}

// Admit reserves what a request is expected to use in all scopes, or in none. It returns a
// ticket, or a refusal, or the error for which nothing can be admitted. Scopes differ in
// their ID.
func (l *Limiter) Admit(ctx context.Context, scopes []*Scope, c Charge) (*Ticket, *Refusal, error) {
	l.trust.end(scopes)
	o := &order{scopes: limited(scopes), charge: Charge{max(c.Tokens, 0), max(c.Micros, 0)}}
	if len(o.scopes) == 0 {
		return &Ticket{}, nil, nil
	}
	r, s, err := l.take(ctx, o)
	switch {
	case err != nil:
		return nil, nil, err
	case r.refused:
		return nil, r.refusal(o), nil
	}
	return &Ticket{limiter: l, store: s, order: o, reply: r}, nil, nil
}

// Levels tell how full the limits of the scopes are. They cost nothing. While Redis is away
// they are those of this process, or none where the policy is not to count.
func (l *Limiter) Levels(ctx context.Context, scopes []*Scope) ([]Level, error) {
	o := &order{scopes: limited(scopes), look: true}
	if len(o.scopes) == 0 {
		return nil, nil
	}
	r, _, err := l.take(ctx, o)
	if err != nil {
		return nil, err
	}
	return r.levels(o), nil
}

// Shared tells whether limits are counted in Redis, and that is there.
func (l *Limiter) Shared() bool { return l.shared != nil && !l.shared.away.Load() }

// Close sends what was not sent, and ends the background. The error tells how much is lost.
func (l *Limiter) Close(ctx context.Context) error {
	if l.shared == nil {
		return nil
	}
	return l.shared.close(ctx)
}

// take asks the store in charge; a nil store counts nothing.
func (l *Limiter) take(ctx context.Context, o *order) (*reply, store, error) {
	if l.Shared() {
		r, err := l.seeded(ctx, l.shared, o)
		if !errors.Is(err, errAway) {
			return r, l.shared, err
		}
	}
	switch {
	case l.shared != nil && l.fail == FailClosed:
		return nil, nil, errAway
	case l.shared != nil && l.fail == FailOpen:
		return &reply{at: instantOf(l.local.now())}, nil, nil
	}
	r, err := l.seeded(ctx, l.local, o)
	return r, l.local, err
}

// seeded takes, and asks the ledger for the counters that the store does not have. It may have
// to ask twice, where a day ends.
func (l *Limiter) seeded(ctx context.Context, s store, o *order) (*reply, error) {
	o.unsure = l.trust.lacking(s, o.scopes)
	for range 3 {
		r, err := s.take(ctx, o)
		if err != nil {
			return nil, err
		}
		if len(r.missing) == 0 {
			if o.seeds != nil {
				l.trust.begin(s, o)
			}
			return r, nil
		}
		if err := l.seed(ctx, o, r); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("budgets of %s do not begin", o.scopes[0].Title)
}

func (l *Limiter) seed(ctx context.Context, o *order, r *reply) error {
	if o.seeds == nil {
		o.seeds = make([][2]seed, len(o.scopes))
	}
	for _, m := range r.missing {
		micros, err := l.asks.spent(ctx, o.scopes[m.scope], m.limit, r.at)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && l.fail == FailClosed:
			return err
		case err != nil:
			micros = unknown
		}
		o.seeds[m.scope][m.limit-perDay] = seed{r.at.label(m.limit), micros}
	}
	return nil
}

// limited are the scopes that have a limit.
func limited(scopes []*Scope) []*Scope {
	none := func(s *Scope) bool { return s == nil || s.Limits == Limits{} }
	if !slices.ContainsFunc(scopes, none) {
		return scopes
	}
	return slices.DeleteFunc(slices.Clone(scopes), none)
}

// An order is what a store is asked to do.
type order struct {
	scopes []*Scope
	charge Charge
	look   bool // and reserve nothing
	// seeds are what the ledger says of each scope's day and month; nil: not asked.
	seeds [][2]seed
	// unsure are scopes whose counters may lack something; nil: none.
	unsure []bool
}

// A seed is where a budget goes on.
type seed struct {
	label  int64 // of the day or month; 0: none
	micros usage.Micros
}

// unknown are the micros of a seed when the ledger does not answer.
const unknown usage.Micros = -1

func (o *order) seed(scope int, l limit) seed {
	if o.seeds == nil {
		return seed{}
	}
	return o.seeds[scope][l-perDay]
}

// afresh tells whether a scope's budgets have to go on from the ledger though they have begun.
func (o *order) afresh(scope int) bool { return o.unsure != nil && o.unsure[scope] }

// A Ticket is an admitted request. The zero value is one without limits. It is safe for
// concurrent use.
type Ticket struct {
	limiter *Limiter
	store   store // nil: it was admitted uncounted
	order   *order
	reply   *reply
	settled atomic.Bool
}

// Levels are the limits of the request's scopes as they were when it was admitted, with it.
func (t *Ticket) Levels() []Level {
	if t.limiter == nil {
		return nil
	}
	return t.reply.levels(t.order)
}

// Settle replaces what was expected by what was used. The first call counts. When it returns,
// the request is no longer one of those in flight.
func (t *Ticket) Settle(used Charge) {
	if t.limiter == nil || !t.settled.CompareAndSwap(false, true) {
		return
	}
	used = Charge{max(used.Tokens, 0), max(used.Micros, 0)}
	if t.store != nil {
		t.store.settle(t, used)
	}
	if s := t.limiter.shared; s != nil && t.store != store(s) {
		s.owe(t, used)
	}
}
