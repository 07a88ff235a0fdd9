package usage_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
	"vertexgateway/usage"
)

func pricesOf(t *testing.T, model string) *catalogue.Prices {
	t.Helper()
	m, ok := catalogue.Builtin().Find(model)
	if !ok || m.Prices == nil {
		t.Fatalf("%s has no prices", model)
	}
	return m.Prices
}

// TestPriceOfModels: worked out by hand from the tables of vertex.md 10, 6.1 and 7.
func TestPriceOfModels(t *testing.T) {
	const sonnet, haiku, opus = "claude-sonnet-4-5", "claude-haiku-5-5", "claude-opus-4-1"
	tests := map[string]struct {
		model, location string
		used            openai.Usage
		want            usage.Cost
	}{
		"nothing": {sonnet, "global", openai.Usage{}, usage.Cost{}},
		// One of each kind, a million times: the table itself.
		"input":    {sonnet, "global", openai.Usage{Input: 100_000}, usage.Cost{Micros: 300_000}},
		"output":   {sonnet, "global", openai.Usage{Output: 1_000_000}, usage.Cost{Micros: 15_000_000}},
		"read":     {sonnet, "global", openai.Usage{CacheRead: 100_000}, usage.Cost{Micros: 30_000, Saved: 270_000}},
		"write 5m": {sonnet, "global", openai.Usage{CacheWrite5m: 100_000}, usage.Cost{Micros: 375_000, Saved: -75_000}},
		"write 1h": {sonnet, "global", openai.Usage{CacheWrite1h: 100_000}, usage.Cost{Micros: 600_000, Saved: -300_000}},
		"searches": {sonnet, "global", openai.Usage{WebSearches: 3}, usage.Cost{Micros: 30_000}},
		// Thinking is output.
		"thinking": {sonnet, "global", openai.Usage{Output: 1_000, Reasoning: 900}, usage.Cost{Micros: 15_000}},
		// 1200 x 3.3 + 350 x 16.5 + 45000 x 0.33 = 3960 + 5775 + 14850, saved 45000 x 2.97.
		"regional with cache reads": {sonnet, "europe-west1", openai.Usage{Input: 1_200, Output: 350, CacheRead: 45_000}, usage.Cost{Micros: 24_585, Saved: 133_650}},
		// 10 x 3.3 + 20 x 16.5 + 1000 x 4.125 + 500 x 6.6 = 33 + 330 + 4125 + 3300, and
		// 1000 x 0.825 + 500 x 3.3 more than input: 825 + 1650.
		"multi-region with cache writes": {sonnet, "eu", openai.Usage{Input: 10, Output: 20, CacheWrite5m: 1_000, CacheWrite1h: 500}, usage.Cost{Micros: 7_788, Saved: -2_475}},
		// Searches have one price: 2 x 10000 + 100 x 3.3.
		"regional search":      {sonnet, "us", openai.Usage{Input: 100, WebSearches: 2}, usage.Cost{Micros: 20_330}},
		"one price everywhere": {opus, "us-east5", openai.Usage{Input: 1_000, Output: 100, CacheRead: 1_000}, usage.Cost{Micros: 24_000, Saved: 13_500}},
		// 100000 are not above: 80000 x 0.1 + 20000 x 0.01 + 1000 x 0.5 = 8000 + 200 + 500.
		"at the tier": {haiku, "global", openai.Usage{Input: 80_000, CacheRead: 20_000, Output: 1_000}, usage.Cost{Micros: 8_700, Saved: 1_800}},
		// 80000 x 0.5 + 20000 x 0.05 + 1 x 0.625 + 1000 x 2.5 = 40000 + 1000 + 0.625 + 2500.
		"above by a write": {haiku, "global", openai.Usage{Input: 80_000, CacheRead: 20_000, CacheWrite5m: 1, Output: 1_000}, usage.Cost{Micros: 43_501, Saved: 9_000}},
		// 100001 x 0.05 x 1.1 = 5500.055, saved 100001 x 0.45 x 1.1 = 49500.495.
		"above by reads, regional": {haiku, "us-east5", openai.Usage{CacheRead: 100_001}, usage.Cost{Micros: 5_500, Saved: 49_500}},
		// Output is not the prompt: 90000 x 0.1 + 20000 x 0.5 = 9000 + 10000.
		"output is beside the tier": {haiku, "global", openai.Usage{Input: 90_000, Output: 20_000}, usage.Cost{Micros: 19_000}},
		// 200001 x 6.6 + 10 x 24.75 = 1320006.6 + 247.5.
		"long and regional":            {sonnet, "us-east5", openai.Usage{Input: 200_001, Output: 10}, usage.Cost{Micros: 1_320_254}},
		"half a dollar for 1000 pages": {"mistral-ocr-2505", "us-central1", openai.Usage{Pages: 7}, usage.Cost{Micros: 3_500}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := usage.Price(pricesOf(t, test.model), test.location, test.used)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("cost (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPriceRules(t *testing.T) {
	plain := &catalogue.Prices{Input: 2, Output: 8}
	small := &catalogue.Prices{Input: 0.25, CacheRead: 0.2, CacheWrite5m: 0.5}
	tests := map[string]struct {
		prices *catalogue.Prices
		used   openai.Usage
		want   usage.Cost
	}{
		"nothing, prices unknown":         {nil, openai.Usage{}, usage.Cost{}},
		"prices unknown":                  {nil, openai.Usage{Input: 1}, usage.Cost{Unknown: true}},
		"no price of the cache":           {plain, openai.Usage{CacheRead: 100, CacheWrite5m: 10, CacheWrite1h: 1}, usage.Cost{Micros: 222}},
		"no price of the cache when long": {&catalogue.Prices{Input: 2, CacheRead: 1, Long: &catalogue.LongPrices{Above: 9, Input: 4}}, openai.Usage{CacheRead: 10}, usage.Cost{Micros: 40}},
		"free":                            {&catalogue.Prices{}, openai.Usage{Input: 1, WebSearches: 1}, usage.Cost{}},
		"rounded down":                    {small, openai.Usage{Input: 1}, usage.Cost{}},
		"a half is rounded up":            {small, openai.Usage{Input: 2}, usage.Cost{Micros: 1}},
		"once, not for each kind":         {small, openai.Usage{Input: 1, CacheRead: 1}, usage.Cost{}},
		"sum of two parts of a half":      {small, openai.Usage{Input: 1, CacheWrite5m: 1}, usage.Cost{Micros: 1}},
		"a loss is rounded alike":         {small, openai.Usage{CacheWrite5m: 2}, usage.Cost{Micros: 1, Saved: -1}},
		"9000 dollars, all but a bit":     {&catalogue.Prices{Input: 1.000001}, openai.Usage{Input: 8_998_499_999}, usage.Cost{Micros: 8_998_508_997}},
		"more than anybody can use":       {plain, openai.Usage{Input: 1 << 40}, usage.Cost{Unknown: true}},
		"more than anybody can save":      {&catalogue.Prices{Input: 100, CacheRead: 0.01}, openai.Usage{CacheRead: 1 << 30}, usage.Cost{Unknown: true}},
		"more than a number holds":        {plain, openai.Usage{Input: math.MaxInt64, CacheRead: math.MaxInt64}, usage.Cost{Unknown: true}},
		"less than nothing":               {plain, openai.Usage{Input: -1}, usage.Cost{Unknown: true}},
		"less than nothing of one":        {plain, openai.Usage{Input: 1000, Output: -1}, usage.Cost{Unknown: true}},
		"a price that is none":            {&catalogue.Prices{Input: math.Inf(1)}, openai.Usage{Output: 1}, usage.Cost{Unknown: true}},
		"a price below nothing":           {&catalogue.Prices{Input: -1}, openai.Usage{Input: 1}, usage.Cost{Unknown: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, usage.Price(test.prices, "global", test.used)); diff != "" {
				t.Errorf("cost (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCostAdd(t *testing.T) {
	var c usage.Cost
	c.Add(usage.Cost{Micros: 3, Saved: 5})
	c.Add(usage.Cost{Micros: 4, Saved: -6, Unknown: true})
	c.Add(usage.Cost{Micros: 1})
	if want := (usage.Cost{Micros: 8, Saved: -1, Unknown: true}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	if m := usage.MicrosOf(0.0000015); m != 2 || usage.Micros(-1_500_000).Dollars() != -1.5 {
		t.Errorf("%d and %v", m, usage.Micros(-1_500_000).Dollars())
	}
}

// TestPriceIsExact: of a million small requests, none is off by more than its own rounding,
// and in sum by no more than chance makes of that.
func TestPriceIsExact(t *testing.T) {
	prices := pricesOf(t, "claude-sonnet-4-5")
	perToken := func(regional string) *big.Rat { r, _ := new(big.Rat).SetString(regional); return r }
	input, output := perToken("3.3"), perToken("16.5")
	read, short, long := perToken("0.33"), perToken("4.125"), perToken("6.6")
	random := rand.New(rand.NewPCG(1, 2))
	var micros usage.Micros
	var used openai.Usage
	for range 1_000_000 {
		u := openai.Usage{Input: random.Int64N(20), Output: random.Int64N(20), CacheRead: random.Int64N(20), CacheWrite5m: random.Int64N(20), CacheWrite1h: random.Int64N(20)}
		cost := usage.Price(prices, "us", u)
		// In thousandths of a millionth: 3.3, 16.5, 0.33, 4.125 and 6.6.
		exact := 3300*u.Input + 16500*u.Output + 330*u.CacheRead + 4125*u.CacheWrite5m + 6600*u.CacheWrite1h
		if off := 1000*int64(cost.Micros) - exact; off > 500 || off < -499 || cost.Unknown {
			t.Fatalf("%+v costs %+v, want %d/1000", u, cost, exact)
		}
		micros += cost.Micros
		used.Add(u)
	}
	sum := new(big.Rat)
	for rate, n := range map[*big.Rat]int64{input: used.Input, output: used.Output, read: used.CacheRead, short: used.CacheWrite5m, long: used.CacheWrite1h} {
		sum.Add(sum, new(big.Rat).Mul(rate, new(big.Rat).SetInt64(n)))
	}
	off, _ := sum.Sub(sum, new(big.Rat).SetInt64(int64(micros))).Float64()
	if math.Abs(off) > 5_000 { // half a millionth each would be 500,000
		t.Errorf("the sum is off by %f millionths", off)
	}
}

func BenchmarkPrice(b *testing.B) {
	m, _ := catalogue.Builtin().Find("claude-sonnet-4-5")
	for b.Loop() {
		usage.Price(m.Prices, "eu", openai.Usage{Input: 1_200, Output: 350, CacheRead: 45_000})
	}
}

// A search or a page without a price of its own is not taken to be free, unless all is.
func TestPriceOfUnlistedKinds(t *testing.T) {
	listed := &catalogue.Prices{Input: 1, Output: 2}
	for _, u := range []openai.Usage{{Input: 10, WebSearches: 1}, {Input: 10, Pages: 1}} {
		if c := usage.Price(listed, "global", u); !c.Unknown || c.Micros != 10 {
			t.Errorf("%+v costs %+v", u, c)
		}
		if c := usage.Price(&catalogue.Prices{}, "global", u); c != (usage.Cost{}) {
			t.Errorf("%+v of a free model costs %+v", u, c)
		}
	}
}
