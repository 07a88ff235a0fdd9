package limit

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"vertexgateway/usage"
)

// bubble runs a test on a miniredis, in fake time.
func bubble(t *testing.T, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newMini(t)) })
}

func TestKilled(t *testing.T) {
	bubble(t, func(w *world) {
		s := []*Scope{scope("a", Limits{PerDay: dollars(1), Concurrency: 20})}
		killed, l := w.unclosed(FailLocal), w.limiter(FailLocal)
		w.admit(l, s, Charge{Micros: dollars(0.1)}).Settle(Charge{Micros: dollars(0.2)})
		for range 10 {
			w.admit(killed, s, Charge{Micros: dollars(0.08)})
		}
		alive := w.admit(l, s, Charge{})
		close(killed.shared.stop) // and so nothing is renewed
		killed.shared.background.Wait()
		w.refuse(l, s, Charge{Micros: dollars(0.1)})
		time.Sleep(59 * time.Second)
		w.refuse(l, s, Charge{Micros: dollars(0.1)})
		time.Sleep(time.Second)
		if d := cmp.Diff(map[string]int64{"usd_per_day": int64(dollars(0.2)), "concurrency": 1}, w.levels(l, s...)); d != "" {
			t.Error(d)
		}
		w.admit(l, s, Charge{Micros: dollars(0.5)})
		time.Sleep(10 * time.Minute)
		if d := cmp.Diff(map[string]int64{"usd_per_day": int64(dollars(0.7)), "concurrency": 2}, w.levels(l, s...)); d != "" {
			t.Error("open requests of a living process lapse: ", d)
		}
		alive.Settle(Charge{})
		killed.shared.pool.Close()
	})
}

func TestRoundTrips(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailLocal)
		b := new(book)
		s := []*Scope{
			scope("a", Limits{RequestsPerMinute: 1e6, TokensPerMinute: 1e9, PerDay: dollars(90)}),
			scope("a/key/k", Limits{TokensPerMinute: 1e9, PerMonth: dollars(90)}),
		}
		s[0].Spent = b.spent
		w.admit(l, s, Charge{Tokens: 5, Micros: 5}).Settle(Charge{Tokens: 7, Micros: 3})
		time.Sleep(100 * time.Millisecond) // the first probe is over
		before := w.calls.n.Load()
		for range 100 {
			w.admit(l, s, Charge{Tokens: 5, Micros: 5}).Settle(Charge{Tokens: 7, Micros: 3})
		}
		if n := w.calls.n.Load() - before; n != 100 {
			t.Errorf("%d round trips for 100 requests", n)
		}
		time.Sleep(10 * time.Millisecond)
		if n := w.calls.n.Load() - before; n != 101 {
			t.Errorf("%d round trips when the last settlement has gone alone", n)
		}
		if n := l.shared.pending.size(); n != 0 {
			t.Errorf("%d settlements wait", n)
		}
		if n := len(l.shared.leases.open); n != 0 {
			t.Errorf("%d leases are renewed for nothing", n)
		}
		keys, err := w.mini.HKeys(w.prefix + "sent:" + l.shared.process)
		if err != nil || len(keys) > 2 {
			t.Errorf("ids of batches pile up: %v, %v", keys, err)
		}
	})
}

func TestKeys(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailLocal)
		all := Limits{RequestsPerMinute: 9, TokensPerMinute: 9, Concurrency: 9, PerDay: 9, PerMonth: 9}
		ticket := w.admit(l, []*Scope{scope("search", all), scope("search/key/ci", all)}, Charge{Tokens: 1, Micros: 1})
		want := []string{
			":d:10957", ":m:200001", ":o", ":r", ":t",
			"/key/ci:d:10957", "/key/ci:m:200001", "/key/ci:o", "/key/ci:r", "/key/ci:t",
		}
		for _, k := range want {
			if !w.mini.Exists(w.prefix + "{search}" + k) {
				t.Errorf("no %s", k)
			}
		}
		ticket.Settle(Charge{Tokens: 2, Micros: 2})
		for _, k := range w.mini.Keys() {
			if w.mini.TTL(k) == 0 {
				t.Errorf("%s stays for ever", k)
			}
		}
	})
}

func TestOutage(t *testing.T) {
	bubble(t, func(w *world) {
		l, other := w.limiter(FailLocal), w.limiter(FailLocal)
		b := &book{micros: 100}
		s := []*Scope{scope("a", Limits{RequestsPerMinute: 2, PerDay: 1000})}
		s[0].Spent = b.spent
		before := w.admit(l, s, Charge{Micros: 10})
		w.admit(other, s, Charge{Micros: 10}).Settle(Charge{Micros: 20})
		w.levels(other, s...)
		w.refuse(l, s, Charge{})
		b.set(120, nil)
		w.cut()
		time.Sleep(time.Second)
		for range 2 {
			w.admit(l, s, Charge{Micros: 10}).Settle(Charge{Micros: 50}) // counted here
		}
		if r := w.refuse(l, s, Charge{}); r.Used != 2 || l.Shared() {
			t.Errorf("%+v", r)
		}
		before.Settle(Charge{Micros: 30})
		if n := w.levels(l, s...)["usd_per_day"]; n != 120+2*50 {
			t.Errorf("%d spent, as far as is known here", n)
		}
		w.mend()
		w.levels(other, s...) // finds its connection broken, and makes another
		w.mend()
		if !l.Shared() {
			t.Error("redis is not noticed")
		}
		for _, l := range []*Limiter{l, other} {
			if n := w.levels(l, s...)["usd_per_day"]; n != 100+20+2*50+30 {
				t.Errorf("%d spent", n)
			}
		}
		w.cut()
		b.set(300, nil)
		if n := w.levels(l, s...)["usd_per_day"]; n != 300 {
			t.Errorf("%d spent in the next outage", n)
		}
		if n := w.log.FilterMessage("redis is away").Len(); n < 2 || n > 3 { // other need not have noticed
			t.Errorf("logged %d times", n)
		}
	})
}

func TestOpen(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailOpen)
		s := []*Scope{scope("a", Limits{RequestsPerMinute: 1, PerDay: 1000})}
		w.admit(l, s, Charge{Micros: 10}).Settle(Charge{Micros: 10})
		w.cut()
		for range 5 {
			ticket := w.admit(l, s, Charge{Micros: 10})
			ticket.Settle(Charge{Micros: 20})
			if ticket.Levels() == nil {
				continue
			}
			if n := len(ticket.Levels()); n != 0 {
				t.Errorf("%d levels of what is not counted", n)
			}
		}
		w.mend()
		if n := w.levels(l, s...)["usd_per_day"]; n != 110 {
			t.Errorf("%d spent", n)
		}
		w.refuse(l, s, Charge{})
	})
}

func TestClosed(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailClosed)
		s := []*Scope{scope("a", Limits{RequestsPerMinute: 9})}
		w.admit(l, s, Charge{}).Settle(Charge{})
		w.cut()
		for range 3 {
			if _, _, err := l.Admit(w.Context(), s, Charge{}); !errors.Is(err, errAway) {
				t.Errorf("error %v", err)
			}
		}
		if _, err := l.Levels(w.Context(), s); err == nil {
			t.Error("levels without redis")
		}
		w.mend()
		w.admit(l, s, Charge{}).Settle(Charge{})
	})
}

// TestSilence has a Redis that takes what it is sent, and does not answer.
func TestSilence(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{PerDay: 1000})}
		ticket := w.admit(l, s, Charge{Micros: 10})
		time.Sleep(100 * time.Millisecond) // the first probe is over
		w.calls.deaf.Store(true)
		ticket.Settle(Charge{Micros: 33}) // arrives twice
		time.Sleep(2 * time.Second)
		if l.Shared() {
			t.Error("a redis that says nothing is there")
		}
		w.calls.deaf.Store(false)
		w.mend()
		w.calls.deaf.Store(true)
		w.admit(l, s, Charge{Micros: 10}).Settle(Charge{Micros: 40}) // here, and reserved there
		w.calls.deaf.Store(false)
		w.mend()
		if n := w.levels(l, s...)["usd_per_day"]; n != 73 || !l.Shared() {
			t.Errorf("%d spent", n)
		}
	})
}

func TestDataLoss(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.limiters(2)
		b := new(book)
		s := []*Scope{scope("a", Limits{PerDay: 1000})}
		s[0].Spent = b.spent
		for _, l := range all {
			w.admit(l, s, Charge{Micros: 10}).Settle(Charge{Micros: 100})
		}
		time.Sleep(time.Second)
		w.cut()
		for _, l := range all {
			w.admit(l, s, Charge{Micros: 10}).Settle(Charge{Micros: 150})
		}
		time.Sleep(10 * time.Second)
		b.set(500, nil) // all of it
		w.mini.FlushAll()
		w.mend()
		for _, l := range all {
			w.admit(l, s, Charge{Micros: 10}).Settle(Charge{Micros: 1})
		}
		if n := w.levels(all[0], s...)["usd_per_day"]; n != 502 && n != 501+10 {
			t.Errorf("%d spent", n)
		}
		w.levels(all[1], s...)
		if n := w.levels(all[0], s...)["usd_per_day"]; n != 502 {
			t.Errorf("%d spent", n)
		}
	})
}

func TestTokensAfterDataLoss(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{TokensPerMinute: 100})}
		ticket := w.admit(l, s, Charge{Tokens: 90})
		w.mini.FlushAll()
		ticket.Settle(Charge{Tokens: 10})
		if n := w.levels(l, s...)["tokens_per_minute"]; n != 0 {
			t.Errorf("%d tokens", n)
		}
	})
}

// TestOtherClock has a Redis in whose place another comes, without its data, by whose clock
// requests were admitted in the future.
func TestOtherClock(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{TokensPerMinute: 100})}
		ticket := w.admit(l, s, Charge{Tokens: 10})
		w.mini.FlushAll()
		w.turnBack(30 * time.Second)
		ticket.Settle(Charge{Tokens: 60})
		w.levels(l, s...)
		levels, err := l.Levels(w.Context(), s)
		if err != nil || levels[0].Used != 50 || levels[0].Reset != 61*time.Second {
			t.Errorf("%+v, %v", levels, err)
		}
	})
}

// TestSmallHashes has a window that is never empty.
func TestSmallHashes(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{RequestsPerMinute: 100})}
		for range 200 {
			w.admit(l, s, Charge{})
			time.Sleep(time.Second)
		}
		keys, err := w.mini.HKeys(w.prefix + "{a}:r")
		if err != nil || len(keys) != span+2 {
			t.Errorf("%d fields, %v", len(keys), err)
		}
	})
}

// TestLateDebt has a replica that notices late that Redis is back, without its data: what it
// owes is in the ledger's answer already.
func TestLateDebt(t *testing.T) {
	bubble(t, func(w *world) {
		l, late := w.limiter(FailLocal), w.limiter(FailLocal)
		b := &book{micros: 150}
		s := []*Scope{scope("a", Limits{PerDay: 1000})}
		s[0].Spent = b.spent
		w.admit(l, s, Charge{}).Settle(Charge{})
		now := instantOf(time.Now())
		debt := settlement{key: late.shared.key(s[0]), day: now.label(perDay), micros: 150, at: now - 5000}
		late.shared.pending.owe(debt)
		if n := w.levels(late, s...)["usd_per_day"]; n != 150 || late.shared.pending.size() != 0 {
			t.Errorf("%d spent", n)
		}
		debt.at = now
		late.shared.pending.owe(debt)
		if n := w.levels(late, s...)["usd_per_day"]; n != 300 {
			t.Errorf("%d spent", n)
		}
	})
}

// TestLongOutage has a Redis that comes back without its data, to replicas that notice it one
// after the other: what they owe is in the ledger's answer already.
func TestLongOutage(t *testing.T) {
	bubble(t, func(w *world) {
		all, b := w.limiters(2), new(book)
		s := []*Scope{scope("a", Limits{PerDay: dollars(1)})}
		s[0].Spent = b.spent
		sum := usage.Micros(0)
		use := func(n usage.Micros, pause time.Duration) {
			for _, l := range all {
				w.admit(l, s, Charge{Micros: 1}).Settle(Charge{Micros: n})
				sum += n
				b.set(sum, nil)
				time.Sleep(pause)
			}
		}
		use(1, time.Second)
		w.cut()
		for range 600 {
			use(100, 500*time.Millisecond)
		}
		w.mini.FlushAll()
		w.broken.Store(false)
		for range 50 {
			use(1, 50*time.Millisecond)
		}
		if n := w.levels(all[0], s...)["usd_per_day"]; n < int64(sum)-200 || n > int64(sum)+200 {
			t.Errorf("%d spent, by the ledger %d", n, sum)
		}
	})
}

// TestDebts has a replica that does not reach Redis, where others spend meanwhile: of what it
// owes, only what came before the ledger was asked is known there.
func TestDebts(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := scope("a", Limits{PerDay: 1000})
		at := instantOf(time.Now())
		for i := range 6 {
			l.shared.pending.owe(settlement{key: l.shared.key(s), micros: 10, at: at + instant(i*30_000)})
		}
		got, _ := l.shared.pending.take(nil)
		ages := make(map[int64]usage.Micros)
		for _, d := range got.settlements {
			ages[int64(d.at-at)/1000] = d.micros
		}
		if d := cmp.Diff(map[int64]usage.Micros{0: 20, 60: 20, 120: 20}, ages); d != "" {
			t.Error(d)
		}
		l.shared.pending.arrived(got)
	})
}

// TestHang has a Redis that hangs while connections idle: not each of them is waited for. Two
// may be, where the time for all ends in the very instant in which that for the first does.
func TestHang(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{Concurrency: 100})}
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() { w.admit(l, s, Charge{}) })
		}
		wait.Wait()
		time.Sleep(sureIdle + time.Second)
		if n := l.shared.pool.IdleCount(); n < 3 {
			t.Fatalf("%d connections", n)
		}
		w.mute.Store(true)
		began := time.Now()
		w.admit(l, s, Charge{})
		if took := time.Since(began); took > 2*w.tuning().answer || l.Shared() {
			t.Errorf("admitted after %v", took)
		}
		w.mute.Store(false)
		time.Sleep(w.tuning().answer) // the probe's, which began meanwhile
		w.mend()
		if !l.Shared() {
			t.Error("redis is not noticed")
		}
	})
}

// TestSilentTLS has a server that takes connections and shakes no hands.
func TestSilentTLS(t *testing.T) {
	bubble(t, func(w *world) {
		w.url = "rediss://127.0.0.1:1/0"
		w.mute.Store(true)
		l := w.limiter(FailLocal)
		began := time.Now()
		w.admit(l, []*Scope{scope("a", Limits{Concurrency: 1})}, Charge{})
		if took := time.Since(began); took != w.tuning().answer {
			t.Errorf("admitted after %v", took)
		}
		w.broken.Store(true) // nothing to be closed well
	})
}

func TestPort(t *testing.T) {
	for url, want := range map[string]string{
		"redis://[::1]/0": "redis://[::1]:6379/0", "redis://host": "redis://host:6379",
		"rediss://a:b%2F@[::1]:1/2": "rediss://a:b%2F@[::1]:1/2",
	} {
		if got, ok := addressOf(url); got != want || !ok {
			t.Errorf("%s is %s, %t", url, got, ok)
		}
	}
}

// TestStaleConnections has a Redis that was restarted while connections idled.
func TestStaleConnections(t *testing.T) {
	bubble(t, func(w *world) {
		l := w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{Concurrency: 100})}
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() { w.admit(l, s, Charge{}) })
		}
		wait.Wait()
		if n := l.shared.pool.IdleCount(); n < 3 {
			t.Fatalf("%d connections", n)
		}
		w.cut()
		w.broken.Store(false)
		w.admit(l, s, Charge{}).Settle(Charge{})
		time.Sleep(100 * time.Millisecond)
		if !l.Shared() {
			t.Error("one connection after the other is found broken")
		}
	})
}

// TestRestart stops a miniredis that listens, and starts it again.
func TestRestart(t *testing.T) {
	mini := miniredis.RunT(t)
	l, err := New(Options{Redis: "redis://" + mini.Addr(), Fail: FailLocal, Log: zap.NewNop(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := []*Scope{scope("a", Limits{PerDay: 1000, Concurrency: 5})}
	w := &world{T: t}
	open := w.admit(l, s, Charge{Micros: 10})
	mini.Close()
	for range 3 {
		w.admit(l, s, Charge{Micros: 10}).Settle(Charge{Micros: 20})
	}
	open.Settle(Charge{Micros: 7})
	if l.Shared() {
		t.Error("still there")
	}
	if err := mini.Restart(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(20 * time.Second); !l.Shared(); {
		select {
		case <-deadline:
			t.Fatal("it is not noticed")
		case <-time.After(10 * time.Millisecond):
		}
	}
	if d := cmp.Diff(map[string]int64{"usd_per_day": 67, "concurrency": 0}, w.levels(l, s...)); d != "" {
		t.Error(d)
	}
	if err := l.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	bubble(t, func(w *world) {
		l, other := w.unclosed(FailLocal), w.limiter(FailLocal)
		s := []*Scope{scope("a", Limits{PerDay: 1000})}
		for range 3 {
			w.admit(l, s, Charge{Micros: 10}).Settle(Charge{Micros: 7})
		}
		if err := l.Close(w.Context()); err != nil {
			t.Error(err)
		}
		if n := w.levels(other, s...)["usd_per_day"]; n != 21 {
			t.Errorf("%d spent", n)
		}
		last := w.unclosed(FailLocal)
		ticket := w.admit(last, s, Charge{Micros: 10})
		w.cut()
		ticket.Settle(Charge{Micros: 7})
		if err := last.Close(w.Context()); err == nil {
			t.Error("nothing is told of what was not sent")
		}
	})
}

func TestSecrets(t *testing.T) {
	const secret = "hunter2hunter2"
	for _, url := range []string{
		"http://me:" + secret + "@host:1/0", "redis://me:" + secret + "%zz@host", "redis://host:1/" + secret,
		"redis://me:x/" + secret + "/y@host:1", "redis://:" + secret + "@host:port", "redis://host?" + secret + "=1",
	} {
		_, err := New(Options{Redis: url, Now: time.Now})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", url, err)
		}
	}
	bubble(t, func(w *world) {
		w.mini.RequireAuth("another")
		w.url = "redis://:" + secret + "@127.0.0.1:1/0"
		l := w.limiter(FailClosed)
		_, _, err := l.Admit(w.Context(), []*Scope{scope("a", Limits{Concurrency: 1})}, Charge{})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error %v", err)
		}
		logged := w.log.All()
		if len(logged) == 0 {
			t.Error("nothing is logged")
		}
		for _, e := range logged {
			for k, v := range e.ContextMap() {
				if text, _ := v.(string); strings.Contains(k+text, secret) {
					t.Errorf("%s %v", k, v)
				}
			}
		}
		w.broken.Store(true) // nothing to be closed well
	})
}
