package limit

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/usage"
)

func TestRequests(t *testing.T) {
	everywhere(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{RequestsPerMinute: 3})}
		for range 3 {
			w.admit(l, s, Charge{}).Settle(Charge{})
		}
		time.Sleep(15500 * time.Millisecond)
		got := w.refuse(l, s, Charge{})
		// The second in which all three came is over at 1 s, and 60 s later the last 60 s do not touch it.
		want := &Refusal{Scope: "team a", Limit: "requests_per_minute", Max: 3, Used: 3, Asked: 1, RetryAfter: 45500 * time.Millisecond}
		if d := cmp.Diff(want, got); d != "" {
			w.Error(d)
		}
		time.Sleep(got.RetryAfter - time.Millisecond)
		w.refuse(l, s, Charge{})
		time.Sleep(time.Millisecond)
		for range 3 {
			w.admit(l, s, Charge{})
		}
		w.refuse(l, s, Charge{})
	})
}

func TestRequestsOfAllReplicas(t *testing.T) {
	withReal(t, func(w *world) {
		all := w.limiters(4)
		s := []*Scope{scope("a", Limits{RequestsPerMinute: 100})}
		var admitted atomic.Int64
		var wait sync.WaitGroup
		for i := range 32 {
			wait.Go(func() {
				for range 100 {
					ticket, _, err := all[i%4].Admit(context.Background(), s, Charge{})
					if err != nil {
						w.Error(err)
					}
					if ticket != nil {
						admitted.Add(1)
						ticket.Settle(Charge{})
					}
				}
			})
		}
		wait.Wait()
		if n := admitted.Load(); n != 100 {
			w.Errorf("%d of 100 a minute admitted", n)
		}
	})
}

func TestTokens(t *testing.T) {
	everywhere(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{TokensPerMinute: 1000, RequestsPerMinute: 10})}
		big := w.refuse(l, s, Charge{Tokens: 1001})
		if !big.Never || big.Limit != "tokens_per_minute" || big.RetryAfter != 0 {
			w.Errorf("%+v", big)
		}
		first := w.admit(l, s, Charge{Tokens: 600})
		if d := cmp.Diff(map[string]int64{"tokens_per_minute": 600, "requests_per_minute": 1}, w.levels(l, s...)); d != "" {
			w.Error("a refusal consumed something: ", d)
		}
		w.refuse(l, s, Charge{Tokens: 401})
		time.Sleep(time.Minute)
		first.Settle(Charge{Tokens: 900}) // into its second, which still counts
		first.Settle(Charge{Tokens: 5})
		if n := w.levels(l, s...)["tokens_per_minute"]; n != 900 {
			w.Errorf("%d tokens", n)
		}
		slow := w.admit(l, s, Charge{Tokens: 100})
		time.Sleep(2 * time.Minute)
		slow.Settle(Charge{Tokens: 150}) // the rest, now
		if n := w.levels(l, s...)["tokens_per_minute"]; n != 50 {
			w.Errorf("%d tokens", n)
		}
		less := w.admit(l, s, Charge{Tokens: 100})
		time.Sleep(3 * time.Minute)
		less.Settle(Charge{Tokens: 1})
		if n := w.levels(l, s...)["tokens_per_minute"]; n != 0 {
			w.Errorf("%d tokens", n)
		}
	})
}

func TestConcurrency(t *testing.T) {
	withReal(t, func(w *world) {
		all := w.limiters(2)
		s := []*Scope{scope("a", Limits{Concurrency: 1})}
		for i := range 50 {
			ticket := w.admit(all[i%2], s, Charge{})
			got := w.refuse(all[(i+1)%2], s, Charge{})
			want := &Refusal{Scope: "team a", Limit: "concurrency", Max: 1, Used: 1, Asked: 1, RetryAfter: time.Second}
			if d := cmp.Diff(want, got); d != "" {
				w.Fatal(d)
			}
			ticket.Settle(Charge{})
		}
	})
}

func TestSettleOnce(t *testing.T) {
	withReal(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{Concurrency: 9, PerDay: dollars(9)})}
		ticket := w.admit(l, s, Charge{Micros: 10})
		other := w.admit(l, s, Charge{Micros: 10})
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() { ticket.Settle(Charge{Micros: 7}) })
		}
		wait.Wait()
		if d := cmp.Diff(map[string]int64{"concurrency": 1, "usd_per_day": 17}, w.levels(l, s...)); d != "" {
			w.Error(d)
		}
		other.Settle(Charge{})
		new(Ticket).Settle(Charge{Micros: 7})
		if new(Ticket).Levels() != nil {
			w.Error("a zero ticket has levels")
		}
	})
}

func TestAllOrNothing(t *testing.T) {
	withReal(t, func(w *world) {
		l := w.limiter(FailLocal)
		team := scope("a", Limits{RequestsPerMinute: 9, TokensPerMinute: 900, Concurrency: 9, PerDay: dollars(9), PerMonth: dollars(9)})
		key := scope("a/key/k", Limits{Concurrency: 1, PerDay: 100})
		first := w.admit(l, []*Scope{team, key}, Charge{Tokens: 10, Micros: 60})
		before := w.levels(l, team)
		// The limit of the key goes before the budget of the team.
		both := scope("a", Limits{PerDay: 61})
		if r := w.refuse(l, []*Scope{both, key}, Charge{Tokens: 10, Micros: 60}); r.Limit != "concurrency" {
			w.Errorf("%+v", r)
		}
		key = scope("a/key/k", Limits{PerDay: 100})
		if r := w.refuse(l, []*Scope{team, key}, Charge{Tokens: 10, Micros: 60}); r.Limit != USDPerDay || !r.Held || r.Used != 60 || r.Asked != 60 {
			w.Errorf("%+v", r)
		}
		if d := cmp.Diff(before, w.levels(l, team)); d != "" {
			w.Error("a refusal consumed something: ", d)
		}
		first.Settle(Charge{Tokens: 3, Micros: 30})
		want := map[string]int64{"requests_per_minute": 1, "tokens_per_minute": 3, "concurrency": 0, "usd_per_day": 30, "usd_per_month": 30}
		if d := cmp.Diff(want, w.levels(l, team)); d != "" {
			w.Error(d)
		}
	})
}

func TestTicketLevels(t *testing.T) {
	everywhere(t, func(w *world) {
		l := w.limiter(FailLocal)
		time.Sleep(20 * time.Second)
		s := []*Scope{nil, scope("none", Limits{}), scope("a", Limits{RequestsPerMinute: 10, TokensPerMinute: 1000, Concurrency: 5, PerDay: dollars(1), PerMonth: dollars(2)})}
		ticket := w.admit(l, s, Charge{Tokens: 70, Micros: 30})
		want := []Level{
			{"team a", "requests_per_minute", 10, 1, 61 * time.Second},
			{"team a", "tokens_per_minute", 1000, 70, 61 * time.Second},
			{"team a", "concurrency", 5, 1, 0},
			{"team a", "usd_per_day", 1e6, 30, 24*time.Hour - 20*time.Second},
			{"team a", "usd_per_month", 2e6, 30, 31*24*time.Hour - 20*time.Second},
		}
		if d := cmp.Diff(want, ticket.Levels()); d != "" {
			w.Error(d)
		}
		got, err := l.Levels(w.Context(), s)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			w.Error(err, d)
		}
		time.Sleep(time.Minute)
		if got, err = l.Levels(w.Context(), s); err != nil || got[0].Reset != time.Second {
			w.Error(err, got)
		}
	})
}

func TestBudgetInFlight(t *testing.T) {
	for _, replicas := range []int{1, 2} {
		withReal(t, func(w *world) {
			all := w.limiters(replicas)
			s := []*Scope{scope("a", Limits{PerDay: dollars(0.45)})}
			tickets := make([]*Ticket, 5)
			var wait sync.WaitGroup
			for i := range tickets {
				wait.Go(func() {
					tickets[i], _, _ = all[i%len(all)].Admit(context.Background(), s, Charge{Micros: dollars(0.15)})
				})
			}
			wait.Wait()
			n := 0
			for _, ticket := range tickets {
				if ticket != nil {
					n++
					ticket.Settle(Charge{Micros: dollars(0.2)})
				}
			}
			if n != 3 {
				w.Errorf("%d admitted", n)
			}
			if spent := w.spent(all, s[0]); spent != int64(dollars(0.6)) {
				w.Errorf("%d spent", spent)
			}
		})
	}
}

// spent is what the limiters know together.
func (w *world) spent(all []*Limiter, s *Scope) int64 {
	w.Helper()
	var n int64
	for _, l := range all {
		n = w.levels(l, s)["usd_per_day"]
	}
	return n
}

func TestBudgetAtZeroSpend(t *testing.T) {
	withReal(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{PerMonth: dollars(25)})}
		w.admit(l, s, Charge{Micros: 1}).Settle(Charge{Micros: 1})
		for range 10 {
			w.admit(l, s, Charge{Micros: dollars(2)})
		}
		alone := []*Scope{scope("b", Limits{PerMonth: dollars(1)})}
		ticket := w.admit(l, alone, Charge{Micros: dollars(2)})
		if r := w.refuse(l, alone, Charge{Micros: 1}); r.Never || r.RetryAfter == 0 {
			w.Errorf("%+v", r)
		}
		ticket.Settle(Charge{Micros: dollars(0.1)})
		w.levels(l, alone...)
		w.admit(l, alone, Charge{Micros: dollars(2)}).Settle(Charge{Micros: dollars(0.9)})
		w.levels(l, alone...)
		w.refuse(l, alone, Charge{Micros: 1})
		w.admit(l, alone, Charge{}) // costs nothing
	})
}

func TestBudgetWindows(t *testing.T) {
	everywhere(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{PerDay: dollars(1), PerMonth: dollars(1.5)})}
		time.Sleep(29*24*time.Hour + 23*time.Hour) // 30 January, 23:00
		over := w.admit(l, s, Charge{Micros: dollars(0.2)})
		w.admit(l, s, Charge{Micros: dollars(0.7)}).Settle(Charge{Micros: dollars(0.8)})
		// What others hold may be given back.
		r := w.refuse(l, s, Charge{Micros: dollars(0.1)})
		if r.Limit != USDPerDay || !r.Held || r.RetryAfter != time.Second || r.Used != int64(dollars(1)) {
			w.Errorf("%+v", r)
		}
		w.admit(l, s, Charge{}).Settle(Charge{Micros: dollars(0.2)})
		r = w.refuse(l, s, Charge{Micros: dollars(0.1)})
		if r.Limit != USDPerDay || r.Held || r.RetryAfter != time.Hour || r.Used != int64(dollars(1.2)) {
			w.Errorf("%+v", r)
		}
		time.Sleep(r.RetryAfter)
		over.Settle(Charge{Micros: dollars(0.3)}) // of yesterday
		if d := cmp.Diff(map[string]int64{"usd_per_day": 0, "usd_per_month": int64(dollars(1.3))}, w.levels(l, s...)); d != "" {
			w.Error(d)
		}
		w.admit(l, s, Charge{Micros: dollars(0.4)}).Settle(Charge{Micros: dollars(0.4)})
		r = w.refuse(l, s, Charge{Micros: dollars(0.1)})
		if r.Limit != USDPerMonth || r.Held || r.RetryAfter != 24*time.Hour {
			w.Errorf("%+v", r)
		}
		time.Sleep(24 * time.Hour)
		if d := cmp.Diff(map[string]int64{"usd_per_day": 0, "usd_per_month": 0}, w.levels(l, s...)); d != "" {
			w.Error(d)
		}
	})
}

func TestSeeds(t *testing.T) {
	everywhere(t, func(w *world) {
		l := w.limiter(FailLocal)
		time.Sleep(40 * 24 * time.Hour) // 10 February
		b := &book{micros: dollars(0.9)}
		s := scope("a", Limits{PerDay: dollars(1), PerMonth: dollars(5)})
		s.Spent = b.spent
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				if _, _, err := l.Admit(context.Background(), []*Scope{s}, Charge{Micros: dollars(0.2)}); err != nil {
					w.Error(err)
				}
			})
		}
		wait.Wait()
		day, month := time.Date(2000, 2, 10, 0, 0, 0, 0, time.UTC), time.Date(2000, 2, 1, 0, 0, 0, 0, time.UTC)
		if d := cmp.Diff([]time.Time{day, month}, b.since); d != "" {
			w.Error(d)
		}
		if d := cmp.Diff(map[string]int64{"usd_per_day": int64(dollars(1.1)), "usd_per_month": int64(dollars(1.1))}, w.levels(l, s)); d != "" {
			w.Error(d)
		}
		if b.asked != 2 {
			w.Errorf("asked %d times", b.asked)
		}
		time.Sleep(24 * time.Hour)
		b.set(0, nil)
		w.admit(l, []*Scope{s}, Charge{Micros: 1})
		if b.asked != 3 || !b.since[2].Equal(day.AddDate(0, 0, 1)) {
			w.Errorf("asked for %v", b.since)
		}
	})
}

func TestSeedFails(t *testing.T) {
	everywhere(t, func(w *world) {
		l := w.limiter(FailLocal)
		b := &book{err: errors.New("no route to the ledger")}
		s := []*Scope{scope("a", Limits{PerDay: dollars(1)})}
		s[0].Spent = b.spent
		w.admit(l, s, Charge{Micros: 5}).Settle(Charge{Micros: 5})
		w.admit(l, s, Charge{Micros: 5}).Settle(Charge{Micros: 5})
		if b.asked != 1 {
			w.Errorf("asked %d times", b.asked)
		}
		b.set(3, nil) // it is behind
		time.Sleep(1100 * time.Millisecond)
		if n := w.levels(l, s...)["usd_per_day"]; n != 10 {
			w.Errorf("%d spent", n)
		}
		late := []*Scope{scope("late", Limits{PerDay: dollars(1)})}
		late[0].Spent = b.spent
		s = late
		b.set(dollars(1), nil)
		if r := w.refuse(l, s, Charge{Micros: 5}); r.Used != int64(dollars(1)) {
			w.Errorf("%+v", r)
		}
		if n := w.log.FilterMessageSnippet("the ledger").Len(); n != 2 {
			w.Errorf("logged %d times", n)
		}
		closed := w.limiter(FailClosed)
		b.set(0, errors.New("no route to the ledger"))
		other := []*Scope{scope("b", Limits{PerDay: dollars(1)})}
		other[0].Spent = b.spent
		if _, _, err := closed.Admit(w.Context(), other, Charge{Micros: 5}); err == nil {
			w.Error("admitted")
		}
	})
}

func TestReload(t *testing.T) {
	withReal(t, func(w *world) {
		l := w.limiter(FailLocal)
		for range 3 {
			w.admit(l, []*Scope{scope("a", Limits{RequestsPerMinute: 5, PerDay: 100})}, Charge{Micros: 10}).Settle(Charge{Micros: 10})
		}
		less := []*Scope{scope("a", Limits{RequestsPerMinute: 3, PerDay: 100})}
		w.levels(l, less...)
		if r := w.refuse(l, less, Charge{}); r.Used != 3 {
			w.Errorf("%+v", r)
		}
		poor := []*Scope{scope("a", Limits{PerMonth: 30})}
		if r := w.refuse(l, poor, Charge{Micros: 1}); r.Used != 30 || r.Limit != "usd_per_month" {
			w.Errorf("%+v", r)
		}
	})
}

// TestLifted has budgets that are lifted for a while: what is spent meanwhile is known to the
// ledger alone.
func TestLifted(t *testing.T) {
	for _, rest := range []Limits{{}, {RequestsPerMinute: 100}} {
		inFakeTime(t, func(w *world) {
			l, b := w.limiter(FailLocal), new(book)
			with := func(limits Limits) []*Scope {
				s := scope("a", limits)
				s.Spent = b.spent
				return []*Scope{s}
			}
			limits := rest
			limits.PerDay, limits.PerMonth = 10_000, 1000
			use := func(limits Limits, n usage.Micros) {
				w.admit(l, with(limits), Charge{Micros: 10}).Settle(Charge{Micros: n})
				b.set(b.micros+n, nil)
				time.Sleep(time.Hour)
			}
			use(limits, 100)
			asked := b.asked
			use(limits, 100)
			if b.asked != asked {
				w.Error("asked though nothing can be missing")
			}
			use(rest, 300)
			daily := limits
			daily.PerMonth = 0
			use(daily, 100) // counts it in both, and asks for one
			b.set(0, errors.New("no route to the ledger"))
			w.admit(l, with(limits), Charge{Micros: 10}).Settle(Charge{})
			b.set(600, nil)
			time.Sleep(time.Hour)
			use(limits, 100)
			if d := cmp.Diff(map[string]int64{"usd_per_day": 700, "usd_per_month": 700}, budgetsOf(w.levels(l, with(limits)...))); d != "" {
				w.Error(d)
			}
			use(rest, 5000)
			w.refuse(l, with(limits), Charge{Micros: 10})
		})
	}
}

func budgetsOf(levels map[string]int64) map[string]int64 {
	maps.DeleteFunc(levels, func(name string, _ int64) bool { return !IsBudget(name) })
	return levels
}

// TestLiftedBefore has a budget that was lifted by other processes.
func TestLiftedBefore(t *testing.T) {
	bubble(t, func(w *world) {
		b := new(book)
		s := []*Scope{scope("a", Limits{PerMonth: 1000})}
		s[0].Spent = b.spent
		w.admit(w.limiter(FailLocal), s, Charge{Micros: 10}).Settle(Charge{Micros: 100})
		b.set(5100, nil)
		time.Sleep(time.Hour)
		w.refuse(w.limiter(FailLocal), s, Charge{Micros: 10})
	})
}

func TestHugeLimits(t *testing.T) {
	withReal(t, func(w *world) {
		l := w.limiter(FailLocal)
		const huge = 1<<63 - 1
		s := []*Scope{scope("a", Limits{huge, huge, huge, huge, huge})}
		for range 3 {
			w.admit(l, s, Charge{Tokens: 1e9, Micros: 1e12}).Settle(Charge{Tokens: 2e9, Micros: 1e12})
		}
	})
}

func TestNoLimits(t *testing.T) {
	for _, fail := range []string{FailLocal, FailOpen, FailClosed} {
		everywhere(t, func(w *world) {
			w.cut()
			l := w.limiter(fail)
			time.Sleep(1500 * time.Millisecond) // between two probes
			before := w.calls.n.Load()
			w.admit(l, []*Scope{scope("a", Limits{})}, Charge{Tokens: 1, Micros: usage.Micros(1)}).Settle(Charge{})
			if w.calls.n.Load() != before {
				w.Error("a round trip without a limit")
			}
		})
	}
}
