package main

import (
	"slices"
	"testing"
	"time"
)

// TestRedisOutage stops Redis under load, and starts it again without its data.
func TestRedisOutage(t *testing.T) {
	t.Run("local", func(t *testing.T) {
		o := newRedisOutage(t, "local")
		o.play(func() {
			for i, r := range o.gateways {
				if count := tally(o.keep(attempt(o.narrow, 4, 10, r.url)...)); !nearly(count["200"], 10) {
					t.Errorf("gateway %d: %v, want 10 admitted: it counts for itself", i, count)
				}
			}
			o.keep(refusedEverywhere(t, o.poor, o.gateways...)...)
		})
		if count := tally(o.asks(o.busy)); len(count) != 1 || count["200"] == 0 {
			t.Errorf("%v, want all to be admitted", count)
		}
	})
	t.Run("closed", func(t *testing.T) {
		o := newRedisOutage(t, "closed")
		o.play(func() {
			count := tally(o.keep(attempt(o.narrow, 4, 10, urls(o.gateways...)...)...))
			if count[unavailable] != 40 {
				t.Errorf("%v, want none admitted", count)
			}
		})
		for _, a := range o.asks(o.busy) {
			if a.code != "limits_unavailable" && a.began.After(o.gone) && a.ended.Before(o.back) {
				t.Fatalf("%s got %d %s while Redis was away", a.id, a.status, a.code)
			}
		}
		if count := tally(o.asks(o.busy)); count[unavailable] == 0 || len(count) != 2 {
			t.Errorf("%v, want some refused", count)
		}
	})
}

// A redisOutage is a time without Redis at several gateways.
type redisOutage struct {
	t        *testing.T
	servers  *ownServers
	books    *books
	gateways []*replica
	// free has no limit, busy one that nobody reaches, narrow one of 10 requests a minute,
	// poor a budget that is used up.
	free, busy, narrow, poor *visitor

	all        []*inquiry
	gone, back time.Time // between them Redis surely was away
}

func newRedisOutage(t *testing.T, fail string) *redisOutage {
	t.Helper()
	o := &redisOutage{t: t, servers: newServers(t)}
	o.free, o.busy = visit(t, newTenant("free", "")), visit(t, newTenant("busy", "requests_per_minute: 10000000"))
	o.narrow, o.poor = visit(t, newTenant("narrow", "requests_per_minute: 10")), visit(t, newTenant("poor", "usd_per_day: 0.005"))
	store := newSchema(t, sharedPostgres(t))
	o.gateways = newFleet(t, store, o.servers.begin("redis"), fail, o.free.tenant, o.busy.tenant, o.narrow.tenant, o.poor.tenant)
	o.books = openBooks(t, store)
	return o
}

func (o *redisOutage) keep(asks ...*inquiry) []*inquiry {
	o.all = append(o.all, asks...)
	return asks
}

// asks are what was asked by one of them.
func (o *redisOutage) asks(by *visitor) []*inquiry {
	return slices.DeleteFunc(slices.Clone(o.all), func(a *inquiry) bool { return a.by != by })
}

// play stops Redis, does what is to be done while it is away, and starts it again.
func (o *redisOutage) play(meanwhile func()) {
	o.t.Helper()
	o.keep(exhaust(o.t, o.poor, o.books, 5_000, o.gateways...)...)
	busy, free := gather(o.t, o.busy, 4, urls(o.gateways...)...), gather(o.t, o.free, 4, urls(o.gateways...)...)
	busy.await(100)
	o.servers.do("stop", "redis")
	o.gone = time.Now()
	awaitShared(o.t, 0, o.gateways...)
	meanwhile()
	free.await(100)
	o.back = time.Now()
	o.servers.do("start", "redis")
	awaitShared(o.t, 1, o.gateways...)
	o.keep(refusedEverywhere(o.t, o.poor, o.gateways...)...)
	busy.await(100)
	o.keep(busy.leave()...)
	o.keep(free.leave()...)
	if count := tally(o.asks(o.free)); len(count) != 1 || count["200"] == 0 {
		o.t.Errorf("%v, want all to be admitted that have no limit", count)
	}
	settle(o.t, o.gateways...)
	o.books.check(o.all)
}

// longest is how long a client may wait for an answer while the store goes away: what the
// store is given, and a machine that is busy.
const longest = 3500 * time.Millisecond

// TestPostgresOutage stops PostgreSQL under load, and lets it crash. One of the gateways ends
// while it is away.
func TestPostgresOutage(t *testing.T) {
	servers := newServers(t)
	store := newSchema(t, servers.begin("postgres"))
	n := newTenant("patient", "requests_per_minute: 10000000, usd_per_day: 1000000")
	all := newFleet(t, store, sharedRedis(t), "local", n)
	v, one, others := visit(t, n), all[0], all[1:]
	c := gather(t, v, 6, urls(others...)...)
	var asks []*inquiry
	for _, word := range []string{"stop", "kill"} {
		d := gather(t, v, 2, one.url)
		c.await(100)
		servers.do(word, "postgres")
		c.await(200)
		d.await(20)
		asks = append(asks, d.leave()...)
		one.stop()
		if kept := openBooks(t, "sqlite:"+one.journal).number("SELECT count(*) FROM requests"); kept == 0 {
			t.Error("a gateway that ended has nothing in its journal")
		}
		servers.do("start", "postgres")
		one.start()
		settle(t, all...)
	}
	c.await(100)
	asks = append(asks, c.leave()...)
	checkCalm(t, asks)
	settle(t, all...)
	openBooks(t, store).check(asks)
}

// checkCalm wants clients to notice nothing.
func checkCalm(t *testing.T, asks []*inquiry) {
	t.Helper()
	var most time.Duration
	for _, a := range asks {
		most = max(most, a.ended.Sub(a.began))
		if !a.whole() {
			t.Errorf("%s got %d %s %v", a.id, a.status, a.code, a.err)
		}
	}
	t.Logf("%d answers, the slowest after %s", len(asks), most)
	if most > longest {
		t.Errorf("an answer took %s", most)
	}
}
