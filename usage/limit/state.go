package limit

import (
	"time"

	"vertexgateway/usage"
)

// A limit is one of a scope's limits, in the order in which they are checked.
type limit int

const (
	requests limit = iota
	tokens
	concurrency
	perDay
	perMonth
	kinds // how many there are
)

var names = [kinds]string{RequestsPerMinute, TokensPerMinute, Concurrency, USDPerDay, USDPerMonth}

// most is above any limit that makes sense, and sums of it are exact in Lua's numbers too.
const most = 1 << 46

// max is the limit; 0: none.
func (s *Scope) max(l limit) int64 {
	all := [kinds]int64{s.RequestsPerMinute, s.TokensPerMinute, s.Concurrency, int64(s.PerDay), int64(s.PerMonth)}
	return min(max(all[l], 0), most)
}

// budgeted tells whether its money is counted. Then it is by day and by month, whichever of
// them is limited: the other limit may be set while requests are in flight.
func (s *Scope) budgeted() bool { return s.max(perDay) > 0 || s.max(perMonth) > 0 }

// A budget is what one day or month has seen.
type budget struct {
	label       int64 // which day or month
	spent, held usage.Micros
}

// admits tells whether there is money for a request. One that is expected to cost too much
// passes alone: estimates must not block who has spent nothing. So what is spent ends above
// the limit by no more than what was in flight.
func (b *budget) admits(most, asked int64) bool {
	switch {
	case asked == 0:
		return true
	case b.held == 0:
		return int64(b.spent) < most
	}
	return int64(b.spent+b.held)+asked <= most
}

// label names the day or month of an instant: days since 1970, or the year and the month as
// in 202611.
func (at instant) label(l limit) int64 {
	if l == perDay {
		return int64(at) / (24 * 3600 * perSecond)
	}
	year, month, _ := at.time().Date()
	return int64(year)*100 + int64(month)
}

// start is when the day or month began, and end when it ends.
func (at instant) start(l limit) time.Time {
	year, month, day := at.time().Date()
	if l == perMonth {
		day = 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func (at instant) end(l limit) time.Time {
	if l == perMonth {
		return at.start(l).AddDate(0, 1, 0)
	}
	return at.start(l).AddDate(0, 0, 1)
}

// A rate is what a window says at an instant.
type rate struct {
	used  int64
	reset time.Duration // until nothing is used
}

// A state is what is counted for a scope.
type state struct {
	rates   [2]rate   // requests and tokens
	open    int64     // requests in flight
	budgets [2]budget // day and month
}

// used is what is used of a limit.
func (s *state) used(l limit) int64 {
	switch l {
	case requests, tokens:
		return s.rates[l].used
	case concurrency:
		return s.open
	default:
		b := s.budgets[l-perDay]
		return int64(b.spent + b.held)
	}
}

func (s *state) admits(l limit, most, asked int64) bool {
	switch l {
	case requests, tokens:
		return s.rates[l].used+asked <= most
	case concurrency:
		return s.open+asked <= most
	default:
		return s.budgets[l-perDay].admits(most, asked)
	}
}

func (s *state) reset(l limit, at instant) time.Duration {
	switch l {
	case requests, tokens:
		return s.rates[l].reset
	case concurrency:
		return 0
	default:
		return at.end(l).Sub(at.time())
	}
}

// asked is what a request needs of a limit.
func (c Charge) asked(l limit) int64 {
	switch l {
	case requests, concurrency:
		return 1
	case tokens:
		return c.Tokens
	default:
		return int64(c.Micros)
	}
}

// A reply is what a store found, and did.
type reply struct {
	at instant
	// states of the order's scopes, after it was carried out.
	states []state
	// refused: over the limit; nothing was reserved.
	refused bool
	over    place
	// wait is the time until there is room, if that is a limit of a minute and not below what
	// is asked for.
	wait time.Duration
	// missing are budgets whose beginning has to be asked for; nothing was reserved.
	missing []place
	// counters are those of the memory.
	counters []*counter
	// id names the reservation in Redis.
	id string
}

// A place is a limit of an order's scope.
type place struct {
	scope int
	limit limit
}

// judge finds the limit that an order is over: limits of all scopes before any budget, for a
// budget is worth a word only to those who may ask at all.
func (r *reply) judge(o *order) {
	r.over, r.refused = r.first(o, requests, perDay)
	if !r.refused {
		r.over, r.refused = r.first(o, perDay, kinds)
	}
}

func (r *reply) first(o *order, from, to limit) (place, bool) {
	for i, s := range o.scopes {
		for l := from; l < to; l++ {
			if most := s.max(l); most > 0 && !r.states[i].admits(l, most, o.charge.asked(l)) {
				return place{i, l}, true
			}
		}
	}
	return place{}, false
}

func (r *reply) refusal(o *order) *Refusal {
	l, scope, state := r.over.limit, o.scopes[r.over.scope], &r.states[r.over.scope]
	f := &Refusal{
		Scope: scope.Title, Limit: names[l],
		Max: scope.max(l), Used: state.used(l), Asked: o.charge.asked(l),
	}
	switch l {
	case requests, tokens:
		f.Never, f.RetryAfter = f.Asked > f.Max, r.wait
	case concurrency:
		f.RetryAfter = time.Second
	default:
		f.RetryAfter = r.at.end(l).Sub(r.at.time())
		if int64(state.budgets[l-perDay].spent) < f.Max {
			f.Held, f.RetryAfter = true, time.Second
		}
	}
	return f
}

func (r *reply) levels(o *order) []Level {
	levels := make([]Level, 0, len(r.states)*2)
	for i := range r.states {
		s := o.scopes[i]
		for l := range kinds {
			if most := s.max(l); most > 0 {
				levels = append(levels, Level{s.Title, names[l], most, r.states[i].used(l), r.states[i].reset(l, r.at)})
			}
		}
	}
	return levels
}
