package usage

import (
	"cmp"
	"fmt"
	"math"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// Micros are millionths of a US dollar.
type Micros int64

// Dollars gives the amount in US dollars.
func (m Micros) Dollars() float64 { return float64(m) / 1e6 }

// String is the amount in US dollars with all its digits, as in 0.000725.
func (m Micros) String() string {
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", uint64(-m)
	}
	return fmt.Sprintf("%s%d.%06d", sign, n/1e6, n%1e6)
}

// MicrosOf is an amount in US dollars, rounded.
func MicrosOf(dollars float64) Micros { return Micros(math.Round(dollars * 1e6)) }

// A Cost is what a request costs. The zero value is nothing, and known.
type Cost struct {
	Micros Micros
	// Unknown: some of it has no known price; Micros is the rest.
	Unknown bool
	// Saved is what reading from the prompt cache saved, less what writing to it cost
	// extra; it may be negative.
	Saved Micros
}

// Add adds what another request costs.
func (c *Cost) Add(d Cost) {
	c.Micros += d.Micros
	c.Saved += d.Saved
	c.Unknown = c.Unknown || d.Unknown
}

// Price is the cost of one upstream request that used u in a location. Prices may be nil:
// unknown, as is the cost of what no request can use. It is rounded once, to whole Micros.
func Price(p *catalogue.Prices, location string, u openai.Usage) Cost {
	if u == (openai.Usage{}) {
		return Cost{}
	}
	if p == nil || lowest(&u) < 0 {
		return Cost{Unknown: true}
	}
	free := *p == catalogue.Prices{}
	r := ratesOf(p, location, u.Prompt())
	paid, uncached := r.sums(&u)
	if !paid.exact() || !uncached.exact() {
		return Cost{Unknown: true}
	}
	return Cost{Micros: paid.micros(), Saved: (uncached - paid).micros(), Unknown: !free && unpriced(p, &u)}
}

// unpriced tells whether something was used that has no price beside others that do.
func unpriced(p *catalogue.Prices, u *openai.Usage) bool {
	return u.WebSearches > 0 && p.WebSearches == 0 || u.Pages > 0 && p.Pages == 0
}

// lowest is what an answer has least of.
func lowest(u *openai.Usage) int64 {
	return min(u.Input, u.Output, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.Reasoning, u.WebSearches, u.Pages)
}

// A rate is the price of one token, search or page in picodollars: whole numbers even for
// the cheapest models.
type rate float64

// A sum is in picodollars.
type sum float64

// maxSum is 9000 dollars: up to there sums are exact.
const maxSum sum = 1 << 53

// exact is false for what is no number too.
func (s sum) exact() bool { return s >= 0 && s <= maxSum }

func (s sum) micros() Micros { return Micros(math.Round(float64(s) / 1e6)) }

func (r rate) of(n int64) sum { return sum(r) * sum(n) }

// rates are the prices of one request.
type rates struct{ input, output, cacheRead, cacheWrite5m, cacheWrite1h, webSearch, page rate }

// ratesOf are the rates in a location for a prompt of so many tokens.
func ratesOf(p *catalogue.Prices, location string, prompt int64) rates {
	long := catalogue.LongPrices{Input: p.Input, Output: p.Output, CacheWrite5m: p.CacheWrite5m, CacheWrite1h: p.CacheWrite1h, CacheRead: p.CacheRead}
	if p.Long != nil && prompt > int64(p.Long.Above) {
		long = *p.Long
	}
	factor := 1.0
	if location != "global" && p.Regional > 0 {
		factor = p.Regional
	}
	token := func(perMillion float64) rate { return rate(math.Round(perMillion * factor * 1e6)) }
	return rates{
		input: token(long.Input), output: token(long.Output), cacheRead: token(cmp.Or(long.CacheRead, long.Input)),
		cacheWrite5m: token(cmp.Or(long.CacheWrite5m, long.Input)), cacheWrite1h: token(cmp.Or(long.CacheWrite1h, long.Input)),
		webSearch: rate(math.Round(p.WebSearches * 1e9)), page: rate(math.Round(p.Pages * 1e9)),
	}
}

// sums are what the request costs, and what it would without a prompt cache.
func (r *rates) sums(u *openai.Usage) (paid, uncached sum) {
	rest := r.input.of(u.Input) + r.output.of(u.Output) + r.webSearch.of(u.WebSearches) + r.page.of(u.Pages)
	paid = rest + r.cacheRead.of(u.CacheRead) + r.cacheWrite5m.of(u.CacheWrite5m) + r.cacheWrite1h.of(u.CacheWrite1h)
	return paid, rest + r.input.of(u.CacheRead+u.CacheWrite())
}
