package main

import (
	"net/http"
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
	n := newTenant("rated", "requests_per_minute: 100")
	store := newSchema(t, sharedPostgres(t))
	all := newFleet(t, store, sharedRedis(t), "closed", n)
	began := time.Now()
	asks := attempt(visit(t, n), 40, 10, urls(all...)...)
	count := tally(asks)
	if least, most := ratedBounds(100, began, time.Now()); count["200"] < least || count["200"] > most {
		t.Errorf("%v, want %d to %d admitted", count, least, most)
	}
	if count["200"]+count["429 rate_limit_exceeded"] != len(asks) {
		t.Errorf("%v, want nothing else", count)
	}
	for _, a := range asks {
		if a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "" {
			t.Errorf("%s was refused and not told when to come back: %v", a.id, a.header)
		}
	}
	t.Logf("%v in %s", count, time.Since(began))
	settle(t, all...)
	openBooks(t, store).check(asks)
}

// ratedBounds are how many requests a limit for each minute admits to those who ask all the
// time. Where a new minute began meanwhile, a part of the old one no longer counts.
func ratedBounds(limit int, began, ended time.Time) (least, most int) {
	most = limit + 1
	if minute := ended.Truncate(time.Minute); minute.After(began) {
		most += int(time.Duration(limit) * ended.Sub(minute) / time.Minute)
	}
	return limit - 1, most
}

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
		a := v.ask(r.url, false)
		asks = append(asks, a)
		if a.status != http.StatusTooManyRequests || a.code != "insufficient_quota" || a.header.Get("X-Should-Retry") != "false" {
			t.Errorf("gateway %d answers %d %s %v, want 429 insufficient_quota", i, a.status, a.code, a.err)
		}
	}
	return asks
}
