package limit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/gomodule/redigo/redis"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"vertexgateway/usage"
)

// A world is a place where limiters count together: a memory, a miniredis without a network
// in a synctest bubble, or a real Redis.
type world struct {
	*testing.T
	mini   *miniredis.Miniredis // nil: another
	url    string               // empty: memory
	prefix string
	log    *observer.ObservedLogs
	core   zapcore.Core
	script string       // empty: the true one
	behind atomic.Int64 // nanoseconds by which all clocks are late
	broken atomic.Bool  // no connection gets through
	mute   atomic.Bool  // what is sent does not

	mu    sync.Mutex
	conns []net.Conn
	calls hook
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, prefix: "vertexgateway-test-" + rand.Text()[:8] + ":"}
	w.core, w.log = observer.New(zap.DebugLevel)
	return w
}

// everywhere runs a test on a memory and on a miniredis, in fake time.
func everywhere(t *testing.T, test func(*world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(newWorld(t)) })
	})
	t.Run("miniredis", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(newMini(t)) })
	})
}

func newMini(t *testing.T) *world {
	w := newWorld(t)
	w.mini, w.url = miniredis.NewMiniRedis(), "redis://127.0.0.1:1/0"
	w.mini.ClockTTL(true)
	t.Cleanup(w.mini.Close)
	return w
}

// withReal runs a test that needs no fake time on a real Redis too.
func withReal(t *testing.T, test func(*world)) {
	t.Helper()
	everywhere(t, test)
	t.Run("redis", func(t *testing.T) { test(newReal(t)) })
}

// inFakeTime runs a test everywhere, and on a real Redis that is told the time.
func inFakeTime(t *testing.T, test func(*world)) {
	t.Helper()
	everywhere(t, test)
	t.Run("redis", func(t *testing.T) {
		realURL(t) // a bubble cannot skip
		synctest.Test(t, func(t *testing.T) { test(newStaged(t)) })
	})
}

func newStaged(t *testing.T) *world {
	t.Helper()
	w := newReal(t)
	seconds, micros := w.prefix+"seconds", w.prefix+"micros"
	w.script = strings.Replace(script, "redis.call('TIME')", "redis.call('MGET', '"+seconds+"', '"+micros+"')", 1)
	if w.script == script {
		t.Fatal("the script does not ask for the time")
	}
	w.calls.tell = func(c redis.Conn) error {
		now := w.now()
		_, err := c.Do("MSET", seconds, now.Unix(), micros, now.Nanosecond()/1000)
		return err
	}
	c := dialReal(t, w.url)
	defer c.Close()
	if err := w.calls.tell(c); err != nil { // before the first probe
		t.Fatal(err)
	}
	return w
}

// now is what clocks tell.
func (w *world) now() time.Time { return time.Now().Add(-time.Duration(w.behind.Load())) }

// turnBack lets all clocks be late from now on; 0: right again.
func (w *world) turnBack(d time.Duration) {
	w.behind.Store(int64(d))
	if w.mini != nil && d > 0 {
		w.mini.SetTime(w.now())
	} else if w.mini != nil {
		w.mini.SetTime(time.Time{})
		w.mini.ClockTTL(true) // for it takes that for a leap of centuries
	}
}

func dialReal(t testing.TB, url string) redis.Conn {
	t.Helper()
	c, err := redis.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// realURL skips the test if there is none.
func realURL(t testing.TB) string {
	t.Helper()
	url := os.Getenv("GATEWAY_TEST_REDIS")
	if url == "" {
		t.Skip("GATEWAY_TEST_REDIS is empty")
	}
	return url
}

func newReal(t testing.TB) *world {
	t.Helper()
	url := realURL(t)
	w := &world{url: url, prefix: "vertexgateway-test-" + rand.Text()[:8] + ":"}
	w.core, w.log = observer.New(zap.DebugLevel)
	if t, ok := t.(*testing.T); ok {
		w.T = t
	}
	t.Cleanup(func() { flush(t, url, w.prefix) })
	return w
}

// flush removes the keys of a test.
func flush(t testing.TB, url, prefix string) {
	t.Helper()
	c := dialReal(t, url)
	defer c.Close()
	keys, err := redis.Strings(c.Do("KEYS", prefix+"*"))
	for _, key := range keys {
		if err == nil {
			_, err = c.Do("DEL", key)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func (w *world) tuning() tuning {
	return tuning{
		answer: 5 * time.Second, flush: 5 * time.Millisecond, probe: time.Second,
		renew: 20 * time.Second, lease: time.Minute, prefix: w.prefix, connect: w.connect,
		script: cmp.Or(w.script, script),
	}
}

func (w *world) connect(ctx context.Context, address string, options ...redis.DialOption) (redis.Conn, error) {
	if w.mini != nil {
		options = append(options, redis.DialContextFunc(func(ctx context.Context, _, _ string) (net.Conn, error) { return w.dial(ctx) }))
	}
	c, err := redis.DialURLContext(ctx, address, options...)
	if err != nil {
		return nil, err
	}
	return &hooked{c, &w.calls}, nil
}

func (w *world) dial(ctx context.Context) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.broken.Load() {
		return nil, errors.New("connection refused")
	}
	c, err := w.mini.Dial()
	if err == nil {
		w.conns = append(w.conns, c)
	}
	return &mutable{c, &w.mute}, err
}

// A mutable connection loses what is sent while it is mute.
type mutable struct {
	net.Conn
	mute *atomic.Bool
}

func (c *mutable) Write(b []byte) (int, error) {
	if c.mute.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// cut ends the reach of Redis, and mend restores it.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken.Store(true)
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func (w *world) mend() {
	w.broken.Store(false)
	time.Sleep(1100 * time.Millisecond) // a probe, in the bubble's time
	synctest.Wait()
}

// limiter adds one to the world; in a memory there is only one.
func (w *world) limiter(fail string) *Limiter {
	w.Helper()
	l := w.unclosed(fail)
	w.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil && !w.broken.Load() {
			w.Error(err)
		}
	})
	return l
}

func (w *world) unclosed(fail string) *Limiter {
	w.Helper()
	l, err := newLimiter(Options{Redis: w.url, Fail: fail, Log: zap.New(w.core), Now: w.now}, w.tuning())
	if err != nil {
		w.Fatal(err)
	}
	return l
}

// limiters are n that count together; in a memory it is the same one n times.
func (w *world) limiters(n int) []*Limiter {
	w.Helper()
	all := []*Limiter{w.limiter(FailLocal)}
	for len(all) < n {
		if w.url == "" {
			all = append(all, all[0])
		} else {
			all = append(all, w.limiter(FailLocal))
		}
	}
	return all
}

// admit expects a ticket.
func (w *world) admit(l *Limiter, s []*Scope, c Charge) *Ticket {
	w.Helper()
	t, r, err := l.Admit(context.Background(), s, c)
	if err != nil || r != nil {
		w.Fatalf("refused: %+v, %v", r, err)
	}
	return t
}

// refuse expects a refusal.
func (w *world) refuse(l *Limiter, s []*Scope, c Charge) *Refusal {
	w.Helper()
	t, r, err := l.Admit(context.Background(), s, c)
	if err != nil || t != nil {
		w.Fatalf("admitted: %+v, %v", t, err)
	}
	return r
}

// levels :: limit -> what is used of it
func (w *world) levels(l *Limiter, s ...*Scope) map[string]int64 {
	w.Helper()
	if l.shared != nil {
		l.shared.flush(context.Background(), nil)
		for range connections { // what is under way holds one
			l.shared.gate <- struct{}{}
		}
		for range connections {
			<-l.shared.gate
		}
	}
	all, err := l.Levels(context.Background(), s)
	if err != nil {
		w.Fatal(err)
	}
	used := make(map[string]int64)
	for _, level := range all {
		used[level.Limit] = level.Used
	}
	return used
}

// A hook counts round trips. When deaf it loses the answers.
type hook struct {
	n    atomic.Int64
	deaf atomic.Bool
	tell func(redis.Conn) error // goes before each; nil: nothing does
}

type hooked struct {
	redis.Conn
	hook *hook
}

func (c *hooked) Do(command string, args ...any) (any, error) {
	if command == "" { // so the pool ends what may be under way
		return c.Conn.Do(command)
	}
	c.hook.n.Add(1)
	if c.hook.tell != nil {
		if err := c.hook.tell(c.Conn); err != nil {
			return nil, err
		}
	}
	answer, err := c.Conn.Do(command, args...)
	if c.hook.deaf.Load() {
		return nil, os.ErrDeadlineExceeded
	}
	return answer, err
}

// A book is a ledger.
type book struct {
	mu     sync.Mutex
	micros usage.Micros
	err    error
	asked  int
	since  []time.Time
}

func (b *book) spent(_ context.Context, since time.Time) (usage.Micros, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	b.since = append(b.since, since)
	return b.micros, b.err
}

func (b *book) set(m usage.Micros, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.micros, b.err = m, err
}

func dollars(d float64) usage.Micros { return usage.MicrosOf(d) }

func scope(id string, l Limits) *Scope { return &Scope{ID: id, Title: "team " + id, Limits: l} }
