package limit

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

var wide = Limits{RequestsPerMinute: 1e9, TokensPerMinute: 1e12, Concurrency: 1e6, PerDay: 1e13, PerMonth: 1e13}

func scopesOf(n int, limits Limits) []*Scope {
	all := make([]*Scope, n)
	for i := range all {
		all[i] = scope(fmt.Sprintf("team%d", i), limits)
	}
	return all
}

func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprintf("scopes=%d", n), func(b *testing.B) { admitAll(b, Options{Now: time.Now}, n, scopesOf(n, wide)) })
	}
	b.Run("scopes=2-of-10000", func(b *testing.B) { admitAll(b, Options{Now: time.Now}, 2, scopesOf(10_000, wide)) })
}

func BenchmarkRedis(b *testing.B) {
	w := newReal(b)
	rates := wide
	rates.Concurrency = 0
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprintf("scopes=%d", n), func(b *testing.B) {
			admitWith(b, w, n, scopesOf(n, rates))
		})
	}
	b.Run("scopes=2-concurrency", func(b *testing.B) { admitWith(b, w, 2, scopesOf(2, wide)) })
}

func admitWith(b *testing.B, w *world, n int, all []*Scope) {
	b.Helper()
	t := w.tuning()
	l, err := newLimiter(Options{Redis: w.url, Now: time.Now}, t)
	if err != nil {
		b.Fatal(err)
	}
	run(b, l, n, all)
	if err := l.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func admitAll(b *testing.B, o Options, n int, all []*Scope) {
	b.Helper()
	l, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	run(b, l, n, all)
}

// run admits and settles requests of n scopes each.
func run(b *testing.B, l *Limiter, n int, all []*Scope) {
	b.Helper()
	b.ReportAllocs()
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			at := int(next.Add(1)) * n % (len(all) - n + 1)
			ticket, r, err := l.Admit(context.Background(), all[at:at+n], Charge{Tokens: 1000, Micros: 2000})
			if err != nil || r != nil {
				b.Fatal(r, err)
			}
			ticket.Settle(Charge{Tokens: 900, Micros: 1500})
		}
	})
}
