package limit

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"vertexgateway/usage"
)

func TestIdleCountersGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l := w.limiter(FailLocal)
		for i := range 1000 {
			w.admit(l, []*Scope{scope(fmt.Sprint("idle", i), Limits{TokensPerMinute: 10, PerDay: 10})}, Charge{Tokens: 5}).Settle(Charge{})
		}
		open, paid := []*Scope{scope("open", Limits{Concurrency: 1})}, []*Scope{scope("paid", Limits{PerDay: 10})}
		ticket := w.admit(l, open, Charge{})
		w.admit(l, paid, Charge{}).Settle(Charge{Micros: 5})
		other := []*Scope{scope("other", Limits{RequestsPerMinute: 1})}
		for range 20 {
			time.Sleep(time.Minute)
			w.admit(l, other, Charge{})
			time.Sleep(time.Minute)
		}
		if n := len(l.local.counters); n != 3 {
			t.Errorf("%d counters", n)
		}
		w.refuse(l, open, Charge{})
		if n := w.levels(l, paid...)["usd_per_day"]; n != 5 {
			t.Errorf("%d spent", n)
		}
		ticket.Settle(Charge{})
		time.Sleep(32 * 24 * time.Hour)
		w.admit(l, other, Charge{})
		if n := len(l.local.counters); n != 1 {
			t.Errorf("%d counters a month later", n)
		}
	})
}

// TestClockBack has a clock that goes back over midnight, a little and much.
func TestClockBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{PerDay: 1000})}
		s[0].Spent = new(book).spent
		time.Sleep(24 * time.Hour)
		w.admit(l, s, Charge{}).Settle(Charge{Micros: 50})
		ticket := w.admit(l, s, Charge{Micros: 900})
		for back, want := range map[time.Duration]int64{10 * time.Second: 950, 0: 950} {
			w.turnBack(back)
			if n := w.levels(l, s...)["usd_per_day"]; n != want {
				t.Errorf("%d used, %v before", n, back)
			}
		}
		w.turnBack(time.Hour)
		if n := w.levels(l, s...)["usd_per_day"]; n != 0 {
			t.Errorf("%d used the day before", n)
		}
		w.turnBack(0)
		w.levels(l, s...)
		ticket.Settle(Charge{Micros: 1})
		if n := w.levels(l, s...)["usd_per_day"]; n != 1 {
			t.Errorf("%d used", n)
		}
	})
}

// TestSlowLedger has a client that hangs up while the ledger is asked: others get the answer.
func TestSlowLedger(t *testing.T) {
	everywhere(t, func(w *world) {
		l := w.limiter(FailLocal)
		asked := 0
		s := []*Scope{scope("a", Limits{PerDay: 100})}
		s[0].Spent = func(ctx context.Context, _ time.Time) (usage.Micros, error) {
			asked++
			select {
			case <-time.After(time.Second):
				return 100, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Millisecond)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			_, _, err := l.Admit(ctx, s, Charge{Micros: 1})
			done <- err
		}()
		time.Sleep(time.Millisecond)
		hasty, stop := context.WithTimeout(w.Context(), 10*time.Millisecond)
		defer stop()
		if _, _, err := l.Admit(hasty, s, Charge{Micros: 1}); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("error %v of one who does not wait", err)
		}
		if r := w.refuse(l, s, Charge{Micros: 5}); r.Used != 100 {
			w.Errorf("%+v", r)
		}
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("error %v of one who hung up", err)
		}
		if asked != 1 {
			w.Errorf("asked %d times", asked)
		}
	})
}
