package limit

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// A crowd asks for a scope of which everybody knows.
type crowd struct {
	*world
	random *rand.Rand
	all    []*Limiter
	scopes []*Scope
	served []served
}

// A served request was admitted.
type served struct {
	at     time.Time
	tokens int64 // used
}

// crowds runs a test with one, two and four limiters that count together.
func crowds(t *testing.T, limits Limits, test func(*crowd)) {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	for _, n := range []int{1, 2, 4} {
		inFakeTime(t, func(w *world) {
			random := rand.New(rand.NewPCG(seed, uint64(n))) //nolint:gosec // not secret
			time.Sleep(time.Duration(random.IntN(3_600_000)) * time.Millisecond)
			test(&crowd{world: w, random: random, all: w.limiters(n), scopes: []*Scope{scope("a", limits)}})
		})
	}
}

// ask lets one of the limiters decide, and settles at once.
func (c *crowd) ask(expected, used int64) {
	c.Helper()
	l := c.all[c.random.IntN(len(c.all))]
	ticket, _, err := l.Admit(context.Background(), c.scopes, Charge{Tokens: expected})
	if err != nil {
		c.Fatal(err)
	}
	if ticket != nil {
		c.served = append(c.served, served{time.Now(), used})
		ticket.Settle(Charge{Tokens: used})
	}
}

// try asks again and again for a time.
func (c *crowd) try(d, gap time.Duration, expected func() int64) {
	c.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(gap) {
		n := expected()
		c.ask(n, c.random.Int64N(n+1))
	}
}

// within counts what was admitted from an instant on.
func (c *crowd) within(from time.Time, d time.Duration) (requests, tokens int64) {
	for _, s := range c.served {
		if since := s.at.Sub(from); since >= 0 && since <= d {
			requests++
			tokens += s.tokens
		}
	}
	return requests, tokens
}

// checkLimits looks at all 60 s that begin with a request: no others have more.
func (c *crowd) checkLimits() {
	c.Helper()
	most := c.scopes[0].Limits
	for _, s := range c.served {
		n, tokens := c.within(s.at, time.Minute)
		if n > most.RequestsPerMinute || most.TokensPerMinute > 0 && tokens > most.TokensPerMinute {
			c.Fatalf("%d requests and %d tokens in the 60 s after %v", n, tokens, s.at)
		}
	}
}

func TestAnySixtySeconds(t *testing.T) {
	crowds(t, Limits{RequestsPerMinute: 30, TokensPerMinute: 12_000}, func(c *crowd) {
		expected := func() int64 { return c.random.Int64N(900) }
		for range 25 {
			switch c.random.IntN(4) {
			case 0:
				time.Sleep(time.Duration(c.random.IntN(90_000)) * time.Millisecond)
			case 1:
				for range c.random.IntN(40) {
					c.ask(expected(), 0)
				}
			default:
				gap := time.Duration(1+c.random.IntN(3000)) * time.Millisecond
				c.try(min(40*time.Second, 50*gap), gap, expected)
			}
		}
		c.checkLimits()
		if len(c.served) < 60 {
			c.Errorf("only %d admitted", len(c.served))
		}
	})
}

// TestSaturation has more attempts than the limit: it is used up again and again.
func TestSaturation(t *testing.T) {
	crowds(t, Limits{RequestsPerMinute: 100}, func(c *crowd) {
		const gap, whole = 230 * time.Millisecond, 4 * time.Minute
		begin := time.Now()
		c.try(whole, gap, func() int64 { return 1 })
		c.checkLimits()
		for from := time.Duration(0); from < whole-62*time.Second; from += 777 * time.Millisecond {
			if n, _ := c.within(begin.Add(from), 61*time.Second+gap); n < 100 {
				c.Errorf("%d admitted in the 61 s after %v", n, from)
			}
		}
	})
}

// TestBurst begins with one after idle time, at any instant, and goes on for the rest of 60 s.
func TestBurst(t *testing.T) {
	crowds(t, Limits{RequestsPerMinute: 100}, func(c *crowd) {
		for _, burst := range []int{0, 1, 60, 100, 130} {
			time.Sleep(time.Duration(61_000+c.random.IntN(120_000)) * time.Millisecond)
			begin := time.Now()
			for range burst {
				c.ask(0, 0)
			}
			c.try(time.Minute, 330*time.Millisecond, func() int64 { return 0 })
			if n, _ := c.within(begin, time.Minute); n != 100 {
				c.Errorf("%d of 100 admitted after a burst of %d", n, burst)
			}
		}
		c.checkLimits()
	})
}

// TestReset has a newest second of which nothing is left.
func TestReset(t *testing.T) {
	inFakeTime(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{TokensPerMinute: 100})}
		w.admit(l, s, Charge{Tokens: 10}).Settle(Charge{Tokens: 10})
		time.Sleep(20 * time.Second)
		w.admit(l, s, Charge{Tokens: 50}).Settle(Charge{})
		for _, want := range []time.Duration{41 * time.Second, time.Millisecond, 0} {
			w.levels(l, s...)
			levels, err := l.Levels(w.Context(), s)
			if err != nil || levels[0].Reset != want {
				w.Errorf("%+v, %v; want %v", levels, err, want)
			}
			time.Sleep(max(want-time.Millisecond, time.Millisecond))
		}
		ticket := w.admit(l, s, Charge{})
		if n := ticket.Levels()[0]; n.Used != 0 || n.Reset != 0 {
			w.Errorf("%+v", n)
		}
	})
}

func TestClockGoesBack(t *testing.T) {
	inFakeTime(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{RequestsPerMinute: 3})}
		time.Sleep(100 * time.Second)
		for range 2 {
			w.admit(l, s, Charge{})
		}
		w.turnBack(30 * time.Second)
		w.admit(l, s, Charge{})
		if r := w.refuse(l, s, Charge{}); r.Used != 3 || r.RetryAfter != 61*time.Second {
			w.Errorf("%+v", r)
		}
		w.turnBack(0)
		time.Sleep(61*time.Second - time.Millisecond)
		if r := w.refuse(l, s, Charge{}); r.Used != 3 || r.RetryAfter != time.Millisecond {
			w.Errorf("%+v", r)
		}
		time.Sleep(time.Millisecond)
		if n := w.levels(l, s...)["requests_per_minute"]; n != 0 {
			w.Errorf("%d used", n)
		}
	})
}

// TestCorrectNothing takes from a second in which nothing is counted.
func TestCorrectNothing(t *testing.T) {
	w := new(window)
	w.turn(100)
	w.add(7)
	w.correct(90, -5)
	if w.sum != 7 || *w.count(90) != 0 {
		t.Errorf("%d in all, %d in that second", w.sum, *w.count(90))
	}
}

func TestWindowsWhereNeeded(t *testing.T) {
	w := newWorld(t)
	l := w.limiter(FailLocal)
	for i, limits := range []Limits{{RequestsPerMinute: 1}, {TokensPerMinute: 1}, {PerDay: 1, Concurrency: 1}} {
		id := strconv.Itoa(i)
		w.admit(l, []*Scope{scope(id, limits)}, Charge{}).Settle(Charge{})
		windows := l.local.counters[id].windows
		if windows[requests] != nil != (i == 0) || windows[tokens] != nil != (i == 1) {
			t.Errorf("%+v has %v", limits, windows)
		}
	}
}

// TestClockWasAhead: what was counted by a clock that was hours ahead is forgotten with it.
func TestClockWasAhead(t *testing.T) {
	w := new(window)
	w.turn(10_000)
	w.add(7)
	w.turn(10_000 - span)
	if w.sum != 7 {
		t.Errorf("%d in all, want 7", w.sum)
	}
	w.turn(10_000 - span - 1)
	if w.sum != 0 || w.second != 10_000-span-1 {
		t.Errorf("%d in all, at %d", w.sum, w.second)
	}
}
