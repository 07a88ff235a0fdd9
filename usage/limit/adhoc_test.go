package limit

import (
	"context"
	"testing"
	"time"
	"os"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// under load, redis pauses for a second twice
func TestAdhocPause(t *testing.T) {
	w := newReal(t)
	o, _ := redis.ParseURL(os.Getenv("GATEWAY_TEST_REDIS"))
	c := redis.NewClient(o)
	defer c.Close()
	tn := w.tuning()
	tn.answer = 200 * time.Millisecond
	var ls []*Limiter
	for range 3 {
		l, err := newLimiter(Options{Redis: w.url, Now: time.Now}, tn)
		if err != nil { t.Fatal(err) }
		ls = append(ls, l)
	}
	s := []*Scope{scope("a", Limits{PerDay: 1e12, RequestsPerMinute: 1e9})}
	k := []*Scope{s[0], scope("a/key/k", Limits{Concurrency: 1000, PerMonth: 1e12})}
	var n, errs, away atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(7 * time.Second)
	for i := range 24 {
		wg.Go(func() {
			for time.Now().Before(end) {
				sc := s
				if i%2 == 0 { sc = k }
				ti, r, err := ls[i%3].Admit(context.Background(), sc, Charge{Tokens: 3, Micros: 10})
				if err != nil || r != nil { errs.Add(1); continue }
				if ti.store != store(ls[i%3].shared) { away.Add(1) }
				if i%3 == 0 { time.Sleep(time.Millisecond) }
				ti.Settle(Charge{Tokens: 4, Micros: 7})
				n.Add(1)
			}
		})
	}
	time.Sleep(time.Second)
	c.Do(context.Background(), "CLIENT", "PAUSE", "1000", "ALL")
	time.Sleep(2500*time.Millisecond)
	c.Do(context.Background(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	time.Sleep(500*time.Millisecond)
	c.Do(context.Background(), "CLIENT", "PAUSE", "700", "ALL")
	wg.Wait()
	for deadline := time.Now().Add(5*time.Second); time.Now().Before(deadline); {
		all := true
		for _, l := range ls { all = all && l.Shared() }
		if all { break }
		time.Sleep(50*time.Millisecond)
	}
	for _, l := range ls { if err := l.Close(context.Background()); err != nil { t.Error(err) } }
	keys := c.Keys(context.Background(), w.prefix+"*").Val()
	for _, key := range keys {
		if c.Type(context.Background(), key).Val() == "hash" && c.HLen(context.Background(), key).Val() < 100 {
			t.Log(key, c.HGetAll(context.Background(), key).Val())
		}
	}
	got, _ := c.HGet(context.Background(), w.prefix+"{a}:d:"+itoa(instantOf(time.Now()).label(perDay)), "spent").Int64()
	t.Logf("requests %d, refused %d, away %d: spent %d want %d", n.Load(), errs.Load(), away.Load(), got, n.Load()*7)
	if got != n.Load()*7 { t.Error("differs") }
}

func itoa(n int64) string { return time.Unix(n*86400, 0).UTC().Format("") + func() string { b := []byte{}; for n > 0 { b = append([]byte{byte('0' + n%10)}, b...); n /= 10 }; return string(b) }() }
