package limit

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"vertexgateway/usage"
)

var seedFlag = flag.Uint64("seed", 0, "of the random walk; 0: another each time")

// A model counts in the plainest way: everything by its name, for ever.
type model struct {
	count map[string]int64           // in a slot
	rates map[string]map[int64]int64 // second by second
	open  map[string]int64
}

func newModel() *model {
	return &model{make(map[string]int64), make(map[string]map[int64]int64), make(map[string]int64)}
}

func slot(s *Scope, what, when string) string { return s.ID + " " + what + " " + when }

// rate :: second -> what a limit saw in it
func (m *model) rate(s *Scope, name string) map[int64]int64 {
	k := slot(s, name, "")
	if m.rates[k] == nil {
		m.rates[k] = make(map[int64]int64)
	}
	return m.rates[k]
}

// used is what a limit saw in the last 60 s and the rest of the second in which they began, or
// on the day, or in the month.
func (m *model) used(s *Scope, name string, now time.Time) int64 {
	switch name {
	case "concurrency":
		return m.open[s.ID]
	case "usd_per_day", "usd_per_month":
		k := slot(s, name, period(name, now))
		return m.count["spent "+k] + m.count["held "+k]
	}
	sum := int64(0)
	for second := now.Add(-time.Minute).Unix(); second <= now.Unix(); second++ {
		sum += m.rate(s, name)[second]
	}
	return sum
}

func period(name string, now time.Time) string {
	if name == "usd_per_day" {
		return now.UTC().Format(time.DateOnly)
	}
	return now.UTC().Format("2006-01")
}

func limitsOf(s *Scope) map[string]int64 {
	return map[string]int64{
		"requests_per_minute": s.RequestsPerMinute, "tokens_per_minute": s.TokensPerMinute, "concurrency": s.Concurrency,
		"usd_per_day": int64(s.PerDay), "usd_per_month": int64(s.PerMonth),
	}
}

// over finds the first limit that a request is over; none: "".
func (m *model) over(scopes []*Scope, c Charge, now time.Time) (*Scope, string) {
	for _, part := range [][]string{{"requests_per_minute", "tokens_per_minute", "concurrency"}, {"usd_per_day", "usd_per_month"}} {
		for _, s := range scopes {
			for _, name := range part {
				if most := limitsOf(s)[name]; most > 0 && !m.fits(s, name, most, c, now) {
					return s, name
				}
			}
		}
	}
	return nil, ""
}

func (m *model) fits(s *Scope, name string, most int64, c Charge, now time.Time) bool {
	asked := map[string]int64{"requests_per_minute": 1, "tokens_per_minute": c.Tokens, "concurrency": 1}[name]
	if name == "usd_per_day" || name == "usd_per_month" {
		k := slot(s, name, period(name, now))
		if c.Micros == 0 || m.count["held "+k] == 0 && m.count["spent "+k] < most {
			return true
		}
		asked = int64(c.Micros)
	}
	return m.used(s, name, now)+asked <= most
}

func (m *model) admit(scopes []*Scope, c Charge, now time.Time) {
	for _, s := range scopes {
		m.open[s.ID]++
		m.rate(s, "requests_per_minute")[now.Unix()]++
		m.rate(s, "tokens_per_minute")[now.Unix()] += c.Tokens
		for _, name := range []string{"usd_per_day", "usd_per_month"} {
			m.count["held "+slot(s, name, period(name, now))] += int64(c.Micros)
		}
	}
}

func (m *model) settle(scopes []*Scope, c, used Charge, then, now time.Time) {
	for _, s := range scopes {
		m.open[s.ID]--
		second, rest := then.Unix(), used.Tokens-c.Tokens
		if second < now.Add(-time.Minute).Unix() {
			second, rest = now.Unix(), max(0, rest)
		}
		m.rate(s, "tokens_per_minute")[second] += rest
		for _, name := range []string{"usd_per_day", "usd_per_month"} {
			k := slot(s, name, period(name, then))
			m.count["held "+k] -= int64(c.Micros)
			m.count["spent "+k] += int64(used.Micros)
		}
	}
}

// A walk does what comes to its mind to a limiter and a model.
type walk struct {
	*world
	random *rand.Rand
	l      *Limiter
	model  *model
	scopes []*Scope
	open   []admitted
	tally  map[string]int
}

type admitted struct {
	ticket *Ticket
	scopes []*Scope
	charge Charge
	at     time.Time
}

func TestModel(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	tally := make(map[string]int)
	for n := range uint64(20) {
		wander := func(w *world) { newWalk(w, rand.New(rand.NewPCG(seed, n)), tally).steps() } //nolint:gosec // not secret
		if n < 4 {
			inFakeTime(t, wander)
		} else {
			t.Run("memory", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { wander(newWorld(t)) }) })
		}
	}
	if len(tally) < 1+int(kinds) {
		t.Errorf("walks with little to see: %v", tally)
	}
}

func newWalk(w *world, random *rand.Rand, tally map[string]int) *walk {
	k := &walk{world: w, random: random, l: w.limiter(FailLocal), model: newModel(), tally: tally}
	for _, id := range []string{"a", "a/key/k", "a/models/m"} {
		k.scopes = append(k.scopes, scope(id, k.limits()))
	}
	time.Sleep(time.Duration(random.Int64N(int64(40 * 24 * time.Hour))).Truncate(time.Millisecond))
	return k
}

func (k *walk) steps() {
	for range 300 {
		k.step()
	}
}

// limits are narrow, but rarely all of them; those of requests are there so that a scope has one.
func (k *walk) limits() Limits {
	some := func(least, spread int64) int64 { return (least + k.random.Int64N(spread)) * min(1, k.random.Int64N(3)) }
	return Limits{
		RequestsPerMinute: 3 + k.random.Int64N(20), TokensPerMinute: some(500, 5000), Concurrency: some(1, 10),
		PerDay: usage.Micros(some(1000, 10000)), PerMonth: usage.Micros(some(5000, 20000)),
	}
}

func (k *walk) step() {
	k.Helper()
	switch n := k.random.IntN(10); {
	case n < 5:
		k.tryAdmit()
	case n < 8 && len(k.open) > 0:
		k.settleOne()
	case n == 8:
		time.Sleep(time.Duration(k.random.IntN(20_000)) * time.Millisecond)
	case k.random.IntN(6) == 0:
		time.Sleep(time.Duration(k.random.IntN(12*3600_000)) * time.Millisecond)
	}
	k.compare()
}

func (k *walk) tryAdmit() {
	k.Helper()
	scopes := k.scopes[:1+k.random.IntN(3)]
	c := Charge{k.random.Int64N(800), usage.Micros(k.random.Int64N(1500) * k.random.Int64N(2))}
	now := time.Now()
	s, name := k.model.over(scopes, c, now)
	ticket, r, err := k.l.Admit(context.Background(), scopes, c)
	switch {
	case err != nil:
		k.Fatal(err)
	case (r == nil) != (name == ""):
		k.Fatalf("over %q by the model, and %+v", name, r)
	case r == nil:
		k.tally["admitted"]++
		k.model.admit(scopes, c, now)
		k.open = append(k.open, admitted{ticket, scopes, c, now})
	case r.Limit != name || r.Scope != s.Title || r.Used != k.model.used(s, name, now):
		k.Fatalf("over %q of %s by the model, and %+v", name, s.ID, r)
	default:
		k.tally[name]++
		k.checkRetry(s, c, r, now)
	}
}

// checkRetry tells whether there is room when a refusal says so, and not before.
func (k *walk) checkRetry(s *Scope, c Charge, r *Refusal, now time.Time) {
	k.Helper()
	if r.Limit != "requests_per_minute" && r.Limit != "tokens_per_minute" {
		return
	}
	if r.Never || r.Asked > r.Max {
		if !r.Never || r.Asked <= r.Max || r.RetryAfter != 0 {
			k.Fatalf("never: %+v", r)
		}
		return
	}
	at := now.Add(r.RetryAfter)
	if !k.model.fits(s, r.Limit, r.Max, c, at) || k.model.fits(s, r.Limit, r.Max, c, at.Add(-time.Millisecond)) {
		k.Fatalf("room is not exactly then: %+v", r)
	}
}

func (k *walk) settleOne() {
	i := k.random.IntN(len(k.open))
	a := k.open[i]
	k.open = append(k.open[:i], k.open[i+1:]...)
	used := Charge{k.random.Int64N(1000), usage.Micros(k.random.Int64N(1500))}
	a.ticket.Settle(used)
	k.model.settle(a.scopes, a.charge, used, a.at, time.Now())
}

func (k *walk) compare() {
	k.Helper()
	if k.l.shared != nil {
		k.l.shared.flush(context.Background(), nil)
		synctest.Wait()
	}
	now := time.Now()
	for _, s := range k.scopes {
		for name, n := range k.levels(k.l, s) {
			if want := k.model.used(s, name, now); n != want {
				k.Fatalf("%s of %s is %d, by the model %d", name, s.ID, n, want)
			}
		}
	}
}
