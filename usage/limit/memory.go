package limit

import (
	"context"
	"sync"
	"time"
)

// A memory counts in this process. One lock is enough: it is held for less than a microsecond.
type memory struct {
	now func() time.Time

	mu       sync.Mutex // guards all below
	counters map[string]*counter
	// generation changes when what was seeded is no longer to be trusted.
	generation int64
	last       instant // that was told
	swept      int64   // the second of the last sweep
}

// sweepEvery is in seconds.
const sweepEvery = 600

// A counter is what is counted for a scope.
type counter struct {
	windows [2]*window // requests and tokens; nil: never limited
	open    int64      // requests in flight
	budgets [2]budget  // day and month
	seeded  [2]int64   // the generations of their seeds
	second  int64      // when it was last asked for
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, counters: make(map[string]*counter), generation: 1}
}

// at is the time. A clock that goes back a little stands still here, lest a day begin twice; one
// that was far ahead must not keep anybody waiting.
func (m *memory) at() instant {
	at := instantOf(m.now())
	if back := m.last - at; back < 0 || back > span*perSecond {
		m.last = at
	}
	return m.last
}

// forget lets all budgets be asked for again: others have spent since.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generation++
}

func (m *memory) take(_ context.Context, o *order) (*reply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.read(o)
	if o.look || len(r.missing) > 0 {
		return r, nil
	}
	if r.judge(o); r.refused {
		r.wait = r.untilRoom(o)
		return r, nil
	}
	for i, c := range r.counters {
		c.reserve(o.scopes[i], o.charge)
		r.states[i] = c.state(r.at)
	}
	return r, nil
}

// read finds the counters of the order's scopes, as they are now.
func (m *memory) read(o *order) *reply {
	n := len(o.scopes)
	r := &reply{at: m.at(), states: make([]state, n), counters: make([]*counter, n)}
	m.sweep(r.at)
	for i, s := range o.scopes {
		c, ok := m.counters[s.ID]
		if !ok {
			c = new(counter)
			m.counters[s.ID] = c
		}
		c.limit(s)
		c.turn(r.at)
		for l := perDay; l < kinds; l++ {
			if s.Spent != nil && s.max(l) > 0 && !m.seed(c, l, o.seed(i, l), o.afresh(i)) {
				r.missing = append(r.missing, place{i, l})
			}
		}
		r.counters[i], r.states[i] = c, c.state(r.at)
	}
	return r
}

// seed begins a budget with what the ledger knows, or tells that it has to be asked.
func (m *memory) seed(c *counter, l limit, s seed, afresh bool) bool {
	b := &c.budgets[l-perDay]
	if c.seeded[l-perDay] == m.generation && !afresh {
		return true
	}
	if s.label != b.label {
		return false
	}
	if s.micros != unknown {
		b.spent, c.seeded[l-perDay] = max(b.spent, s.micros), m.generation
	}
	return true
}

// untilRoom is how long an order has to wait that a window refused and could admit.
func (r *reply) untilRoom(o *order) time.Duration {
	l := r.over.limit
	most, asked := o.scopes[r.over.scope].max(l), o.charge.asked(l)
	if l > tokens || asked > most {
		return 0
	}
	return r.counters[r.over.scope].windows[l].wait(r.at, most, asked)
}

func (m *memory) settle(t *Ticket, used Charge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at()
	for i, c := range t.reply.counters {
		c.turn(at)
		c.settle(t.order.scopes[i], t.order.charge, used, t.reply.at)
	}
}

// sweep drops counters that nobody has asked for lately, and that say nothing.
func (m *memory) sweep(at instant) {
	if at.second()-m.swept < sweepEvery {
		return
	}
	m.swept = at.second()
	for id, c := range m.counters {
		if c.idle(at) {
			delete(m.counters, id)
		}
	}
}

// idle counters were last asked for before the seconds that count, and say nothing of this
// month's money.
func (c *counter) idle(at instant) bool {
	b := c.budgets[perMonth-perDay]
	return c.open == 0 && at.second()-c.second >= span && (b.spent == 0 || b.label != at.label(perMonth))
}

// limit gives the counter the windows that the scope needs.
func (c *counter) limit(s *Scope) {
	for l := range c.windows {
		if c.windows[l] == nil && s.max(limit(l)) > 0 {
			c.windows[l] = new(window)
		}
	}
}

// state is what the counter says at the instant to which it was turned.
func (c *counter) state(at instant) state {
	s := state{open: c.open, budgets: c.budgets}
	for l, w := range c.windows {
		if w != nil {
			s.rates[l] = w.rate(at)
		}
	}
	return s
}

// turn makes the windows and budgets those of an instant.
func (c *counter) turn(at instant) {
	c.second = max(c.second, at.second())
	for _, w := range c.windows {
		if w != nil {
			w.turn(at.second())
		}
	}
	if c.budgets[0].label == at.label(perDay) { // and so is the month
		return
	}
	for l := perDay; l < kinds; l++ {
		if label := at.label(l); c.budgets[l-perDay].label != label {
			c.budgets[l-perDay], c.seeded[l-perDay] = budget{label: label}, 0
		}
	}
}

func (c *counter) reserve(s *Scope, asked Charge) {
	c.open++
	if s.max(requests) > 0 {
		c.windows[requests].add(1)
	}
	if s.max(tokens) > 0 {
		c.windows[tokens].add(asked.Tokens)
	}
	if s.budgeted() {
		for i := range c.budgets {
			c.budgets[i].held += asked.Micros
		}
	}
}

// settle gives back what was reserved at an instant. It was spent on that day, as the ledger
// has it.
func (c *counter) settle(s *Scope, asked, used Charge, then instant) {
	c.open--
	if s.max(tokens) > 0 {
		c.windows[tokens].correct(then.second(), used.Tokens-asked.Tokens)
	}
	if !s.budgeted() {
		return
	}
	for l := perDay; l < kinds; l++ {
		if b := &c.budgets[l-perDay]; b.label == then.label(l) {
			b.held = max(0, b.held-asked.Micros)
			b.spent += used.Micros
		}
	}
}
