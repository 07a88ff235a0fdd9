package main

import (
	"net/http"
	"os"
	"slices"
	"testing"
	"time"
)

// BenchmarkAccounts measures what keys, limits and the usage ledger cost the process, beside
// one without any: CPU time for each unary request and requests a second with 16 clients,
// and the time of an answer with one. Those with Redis and PostgreSQL need servers:
//
//	.ci/servers start redis && .ci/servers start postgres
//	GATEWAY_TEST_REDIS=$(.ci/servers address redis) GATEWAY_TEST_POSTGRES=$(.ci/servers address postgres) \
//	go test -run '^$' -bench Accounts -benchtime 1x ./cmd/gateway
func BenchmarkAccounts(b *testing.B) {
	upstream, binary := startRole(b, "upstream", ""), buildGateway(b, b.TempDir())
	all := accountings(b)
	for _, a := range all {
		a.gateway = startGateway(b, b.TempDir(), binary, upstream.url, a.yaml)
		a.gateway.client.Transport = &bearer{a.gateway.client.Transport, a.key}
	}
	for range loadRounds {
		for _, a := range all { // in turn: what else the machine does meets them all
			a.measure(b)
		}
	}
	for _, a := range all {
		b.Run(a.name, func(b *testing.B) {
			b.ReportMetric(median(a.cpu), "µs-CPU/request")
			b.ReportMetric(median(a.rate), "requests/s")
			b.ReportMetric(median(a.alone), "µs-alone")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// An accounting is a way to keep accounts, and what was measured of it.
type accounting struct {
	name, yaml, key  string
	gateway          *loadServer
	cpu, rate, alone []float64
}

const everyLimit = "requests_per_minute: 100000000, tokens_per_minute: 100000000000, concurrency: 100000, usd_per_day: 1000000, usd_per_month: 1000000"

func accountings(b *testing.B) []*accounting {
	n := newTenant("loaded", everyLimit)
	team := "teams:\n" + n.yaml()
	_, many := manyKeys()
	all := []*accounting{
		{name: "none", yaml: "usage: {store: none}"},
		{name: "key", yaml: "usage: {store: none}\n" + team, key: n.secret},
		{name: "ledger", yaml: ""},
		{name: "key+ledger", yaml: team, key: n.secret},
		{name: "key+ledger-async", yaml: "usage: {sync: false}\n" + team, key: n.secret},
		{name: "10001-keys+ledger", yaml: many + n.yaml(), key: n.secret},
	}
	redis, postgres := os.Getenv("GATEWAY_TEST_REDIS"), os.Getenv("GATEWAY_TEST_POSTGRES")
	if redis == "" || postgres == "" {
		b.Log("GATEWAY_TEST_REDIS or GATEWAY_TEST_POSTGRES is not set: no measurement with them")
		return all
	}
	limits := "limits: {redis: '" + redis + "'}\n"
	store := func() string { return "usage: {store: '" + newSchema(b, postgres) + "'}\n" }
	return append(all,
		&accounting{name: "key+redis", yaml: "usage: {store: none}\n" + limits + team, key: n.secret},
		&accounting{name: "key+postgres", yaml: store() + team, key: n.secret},
		&accounting{name: "key+redis+postgres", yaml: store() + limits + team, key: n.secret},
	)
}

func (a *accounting) measure(b *testing.B) {
	const clients, times, alone = 16, 200, 200
	a.gateway.mode(b, 50, inOneGo)
	began := time.Now()
	cpu := a.gateway.cpuPer(clients*times, func() { a.gateway.load(b, clients, times, false) })
	rate := clients * times / time.Since(began).Seconds()
	began = time.Now()
	a.gateway.load(b, 1, alone, false)
	took := float64(time.Since(began).Microseconds()) / alone
	a.cpu, a.rate, a.alone = append(a.cpu, cpu), append(a.rate, rate), append(a.alone, took)
	b.Logf("%s: %.0f µs of CPU, %.0f requests/s, %.0f µs alone", a.name, cpu, rate, took)
}

func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

// A bearer shows a key with each request.
type bearer struct {
	next http.RoundTripper
	key  string
}

// RoundTrip shows the key.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.key)
	return b.next.RoundTrip(r)
}
