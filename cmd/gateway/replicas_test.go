package main

import (
	"net/http"
	"os"
	"testing"
	"time"
)

// fleet is the number of gateways that count together.
const fleet = 4

// newFleet starts gateways that share a Redis and a PostgreSQL.
func newFleet(t testing.TB, store, redis, fail string, tenants ...*tenant) []*replica {
	t.Helper()
	return newReplicas(t, writeConfig(t, store, "limits: {redis: '"+redis+"', fail: "+fail+"}", tenants...), fleet)
}

// TestReplicasShareRequests: a limit of 100 a minute admits 100 at four gateways together.
func TestReplicasShareRequests(t *testing.T) {
	const limit = "requests_per_minute: 100"
	tries := []*tenant{newTenant("rated", limit), newTenant("again", limit), newTenant("last", limit)}
	store := newSchema(t, sharedPostgres(t))
	all := newFleet(t, store, sharedRedis(t), "closed", tries...)
	var asks []*inquiry
	var count map[string]int
	for _, n := range tries {
		began := time.Now()
		asks = attempt(visit(t, n), 40, 10, urls(all...)...)
		count = tally(asks)
		t.Logf("%v in %s", count, time.Since(began))
		if count[unavailable] == 0 {
			break
		}
		awaitShared(t, 1, all...)
	}
	if !nearly(count["200"], 100) || count["200"]+count["429 rate_limit_exceeded"] != len(asks) {
		t.Errorf("%v, want 100 admitted, and the others to be told a limit", count)
	}
	for _, a := range asks {
		if a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "" {
			t.Errorf("%s was refused and not told when to come back: %v", a.id, a.header)
		}
	}
	settle(t, all...)
	openBooks(t, store).check(asks)
}

// unavailable is what a client gets whose limits cannot be looked up. On a busy machine Redis
// may be too slow for a moment, and nobody counts.
const unavailable = "503 limits_unavailable"

// decide asks until limits can be looked up.
func (v *visitor) decide(t *testing.T, url string) *inquiry {
	t.Helper()
	var a *inquiry
	until(t, "Redis to answer in time", func() bool {
		a = v.ask(url, false)
		return tally([]*inquiry{a})[unavailable] == 0
	})
	return a
}

// awaitShared waits until all gateways have noticed that Redis is away (0), or there (1).
func awaitShared(t *testing.T, want float64, all ...*replica) {
	t.Helper()
	for _, r := range all {
		until(t, "Redis to be noticed", func() bool { return r.metric("gateway_limits_shared") == want })
	}
}

// nearly allows for what goes on at the same time.
func nearly(got, want int) bool { return got >= want-1 && got <= want+1 }

// TestReplicasShareBudget: what four gateways spend together exceeds a budget by no more than
// what was in flight when it was used up, and is held to then.
func TestReplicasShareBudget(t *testing.T) {
	const budget, clients = 50_000, 4 // micro-dollars; of each gateway
	n := newTenant("budgeted", "usd_per_day: 0.05")
	store := newSchema(t, sharedPostgres(t))
	all := newFleet(t, store, sharedRedis(t), "closed", n)
	v, day := visit(t, n), time.Now().UTC().Day()
	asks := attempt(v, fleet*clients, 20, urls(all...)...)
	b := openBooks(t, store)
	asks = append(asks, exhaust(t, v, b, budget, all...)...)
	settle(t, all...)
	b.check(asks)
	spent, dearest := b.spentBy(n.name), b.number("SELECT max(cost) FROM requests")
	if time.Now().UTC().Day() != day {
		t.Skip("a day began meanwhile, and with it another budget")
	}
	t.Logf("%v: %d micro-dollars of %d spent, at most %d each", tally(asks), spent, budget, dearest)
	if spent < budget || spent > budget+fleet*clients*dearest {
		t.Errorf("%d micro-dollars spent of %d, at most %d each", spent, budget, dearest)
	}
}

// exhaust asks one by one until as much is spent as the budget, and wants nothing to be left
// of it at any gateway.
func exhaust(t *testing.T, v *visitor, b *books, budget int64, all ...*replica) []*inquiry {
	t.Helper()
	var asks []*inquiry
	until(t, "a budget to be used up", func() bool {
		asks = append(asks, v.ask(all[len(asks)%len(all)].url, false))
		return b.spentBy(v.name) >= budget
	})
	return append(asks, refusedEverywhere(t, v, all...)...)
}

// refusedEverywhere wants a budget to be used up.
func refusedEverywhere(t *testing.T, v *visitor, all ...*replica) []*inquiry {
	t.Helper()
	var asks []*inquiry
	for i, r := range all {
		a := v.decide(t, r.url)
		asks = append(asks, a)
		for a.code == "rate_limit_exceeded" { // the last settlement is on its way
			a = v.decide(t, r.url)
			asks = append(asks, a)
		}
		if a.status != http.StatusTooManyRequests || a.code != "insufficient_quota" || a.header.Get("X-Should-Retry") != "false" {
			t.Errorf("gateway %d answers %d %s %v, want 429 insufficient_quota", i, a.status, a.code, a.err)
		}
	}
	return asks
}

// TestReplicasShareConcurrency: a request at one gateway keeps others out at all of them, and
// no longer than it lasts. That a killed gateway gives back its place takes a minute; LEASE=1
// waits for it.
func TestReplicasShareConcurrency(t *testing.T) {
	n := newTenant("single", "concurrency: 1")
	store := newSchema(t, sharedPostgres(t))
	all := newFleet(t, store, sharedRedis(t), "closed", n)
	v := visit(t, n)
	refused := func() {
		t.Helper()
		for i, r := range all[1:] {
			if a := v.decide(t, r.url); a.code != "rate_limit_exceeded" {
				t.Errorf("gateway %d answers %d %s %v, want 429 rate_limit_exceeded", i+1, a.status, a.code, a.err)
			}
		}
	}
	admitted := func() bool { return v.ask(all[1].url, false).whole() }

	leave := v.linger(t, all[0].url)
	refused()
	leave()
	until(t, "the place to be free", admitted)

	v.linger(t, all[0].url)
	all[0].kill()
	refused()
	if os.Getenv("LEASE") == "" {
		t.Log("LEASE is not set; it says to wait a minute for the place of a killed gateway")
		return
	}
	inTime(t, 90*time.Second, "the place of a killed gateway to be free", admitted)
}
