package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
	"vertexgateway/usage/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// full is a record with something in all fields.
func full() *ledger.Record {
	return &ledger.Record{
		Time: noon, RequestID: "req-1", Team: "search", Key: "ci", Endpoint: "chat_completions",
		Model: "fast", Asked: "Fast", Served: "claude-haiku-4-5", Publisher: "anthropic", Location: "eu",
		Attempts: 2, Provisioned: true, Status: 200, End: "finished", Stream: true,
		Tokens:    openai.Usage{Input: 1, Output: 2, CacheRead: 3, CacheWrite5m: 4, CacheWrite1h: 5, Reasoning: 6, WebSearches: 7, Pages: 8},
		Cost:      usage.Cost{Micros: 9, Saved: -10, Unknown: true},
		Estimated: true, FirstToken: 11 * time.Microsecond, Duration: 12 * time.Microsecond,
	}
}

func TestRowHasEveryField(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		l := open(t, o)
		r := full()
		l.Append(r)
		var got []string
		rows, err := p.db.Query(`SELECT * FROM requests`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		names, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(string)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				got = append(got, names[i]+"="+*v.(*string))
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"id=" + r.ID, fmt.Sprint("time=", noon.UnixMicro()), "request_id=req-1", "team=search", "key=ci",
			"endpoint=chat_completions", "model=fast", "asked=Fast", "served=claude-haiku-4-5", "publisher=anthropic",
			"location=eu", "attempts=2", "provisioned=1", "status=200", "ended=finished", "stream=1",
			"input=1", "output=2", "cache_read=3", "cache_write_5m=4", "cache_write_1h=5", "reasoning=6",
			"web_searches=7", "pages=8", "cost=9", "saved=-10", "unpriced=1", "estimated=1",
			"first_token=11", "duration=12",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if len(r.ID) != 36 {
			t.Errorf("id %q", r.ID)
		}
	})
}

func TestAppendCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		l := open(t, o)
		var group sync.WaitGroup
		for i := range 100 {
			group.Go(func() {
				for j := range 10 {
					r := full()
					r.ID = fmt.Sprintf("%d-%d", i, j)
					l.Append(r)
					if j%5 == 0 {
						l.Append(r)
					}
				}
			})
		}
		group.Wait()
		settled(t, l)
		want := total(1000)
		if d := cmp.Diff(want, sum(t, l, ledger.Query{})); d != "" {
			t.Error(d)
		}
		if n := number(t, p.db, `SELECT count(*) FROM requests`); n != 1000 || l.Waiting() != 0 {
			t.Errorf("%d rows, %d waiting", n, l.Waiting())
		}
	})
}

// total is the sum of n records as full makes them.
func total(n int64) []ledger.Row {
	return []ledger.Row{{
		Requests: n, Unpriced: n, Estimated: n, Cost: usage.Micros(9 * n), Saved: usage.Micros(-10 * n),
		By:     []string{},
		Tokens: openai.Usage{Input: n, Output: 2 * n, CacheRead: 3 * n, CacheWrite5m: 4 * n, CacheWrite1h: 5 * n, Reasoning: 6 * n, WebSearches: 7 * n, Pages: 8 * n},
	}}
}

type summer interface {
	Sum(ctx context.Context, q ledger.Query) ([]ledger.Row, error)
}

func sum(t testing.TB, l summer, q ledger.Query) []ledger.Row {
	t.Helper()
	rows, err := l.Sum(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// settled waits until the store has all rows: a busy machine may have sent some to the
// journal first.
func settled(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	until(t, "the store to have all rows", func() bool { return l.Waiting() == 0 })
}

func count(t testing.TB, l summer) int64 {
	t.Helper()
	return sum(t, l, ledger.Query{})[0].Requests
}

func TestTextsAndNumbersThatNoStoreTakes(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		l := open(t, o)
		r := full()
		r.RequestID, r.Asked, r.Key = "a\x00b\xff", strings.Repeat("ä", 5000), "jwt:"+strings.Repeat("x", 10_000)
		r.Team, r.Model, r.Served, r.Publisher, r.Location = r.Key, r.Key, r.Key, r.Key, r.Key
		r.Tokens.Input = 1 << 62
		l.Append(r)
		second := *r
		second.ID = ""
		l.Append(&second)
		if got := sum(t, l, ledger.Query{})[0]; got.Requests != 2 || got.Tokens.Input != 2_000_000_000_000 {
			t.Errorf("%+v", got)
		}
		if n := l.Waiting(); n != 0 {
			t.Errorf("%d rows wait", n)
		}
	})
}

func TestAppendWithoutSync(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		o.Sync = false
		l, err := ledger.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for range 3000 {
			l.Append(full())
		}
		closeLedger(t, l)
		again := open(t, o)
		settled(t, again)
		if n := count(t, again); n != 3000 || l.Lost() != 0 {
			t.Errorf("%d rows, %d lost", n, l.Lost())
		}
	})
}

func TestNone(t *testing.T) {
	l := open(t, ledger.Options{Store: "none", Now: time.Now})
	l.Append(full())
	if _, err := l.Sum(t.Context(), ledger.Query{}); !errors.Is(err, ledger.ErrNone) || !l.Accepts() || l.Waiting() != 0 || l.Lost() != 0 {
		t.Errorf("%v, %v, %d, %d", err, l.Accepts(), l.Waiting(), l.Lost())
	}
	if _, err := ledger.OpenReader(t.Context(), "none"); !errors.Is(err, ledger.ErrNone) {
		t.Error(err)
	}
}

func TestSum(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		l := open(t, o)
		add := func(at time.Time, team, model string) {
			r := full()
			r.Time, r.Team, r.Model, r.End = at, team, model, "cut"
			l.Append(r)
		}
		add(noon, "b", "fast")
		add(noon, "b", "slow")
		add(noon.Add(12*time.Hour), "b", "claude-haiku-4-5")
		add(noon.Add(12*time.Hour-time.Microsecond), "a", "fast")
		add(noon.Add(-40*24*time.Hour), "a", "fast")
		for _, c := range []struct {
			name string
			q    ledger.Query
			want string
		}{
			{"total", ledger.Query{}, "=5"},
			{"nothing", ledger.Query{Since: noon.Add(48 * time.Hour)}, "=0"},
			{"no span", ledger.Query{Since: noon, Until: noon.Add(-time.Hour)}, "=0"},
			{"no rows", ledger.Query{Team: "c", By: []string{"team"}}, ""},
			{"team", ledger.Query{By: []string{"team"}}, "a=2 b=3"},
			{"day", ledger.Query{By: []string{"day"}}, "2026-02-19=1 2026-03-31=3 2026-04-01=1"},
			{"month and team", ledger.Query{By: []string{"month", "team"}}, "2026-02,a=1 2026-03,a=1 2026-03,b=2 2026-04,b=1"},
			{"team, day, key", ledger.Query{Since: noon, By: []string{"team", "day", "key"}}, "a,2026-03-31,ci=1 b,2026-03-31,ci=2 b,2026-04-01,ci=1"},
			{"served, publisher, location, month", ledger.Query{By: []string{"served", "publisher", "location", "month", "day"}, Until: noon}, "claude-haiku-4-5,anthropic,eu,2026-02,2026-02-19=1"},
			{"model", ledger.Query{Model: "fast", By: []string{"model"}}, "fast=3"},
			{"served", ledger.Query{Model: "claude-haiku-4-5"}, "=5"},
			{"of a team", ledger.Query{Team: "b"}, "=3"},
			{"of a key", ledger.Query{Key: "other"}, "=0"},
			{"of a location", ledger.Query{Location: "eu", Key: "ci"}, "=5"},
			{"until is not in it", ledger.Query{Until: noon.Add(12*time.Hour - time.Microsecond)}, "=3"},
		} {
			var got []string
			for _, r := range sum(t, l, c.q) {
				got = append(got, fmt.Sprintf("%s=%d", strings.Join(r.By, ","), r.Requests))
				if r.Failed != r.Requests {
					t.Errorf("%s: %d of %d failed, want all", c.name, r.Failed, r.Requests)
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%s: %s, want %s", c.name, s, c.want)
			}
		}
		if _, err := l.Sum(t.Context(), ledger.Query{By: []string{"team", "colour"}}); err == nil || !strings.Contains(err.Error(), `"colour"`) {
			t.Errorf("%v", err)
		}
	})
}

// Sums from both tables must be those of the rows, whatever the bounds.
func TestSumIsThatOfTheRows(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		l := open(t, o)
		random := rand.New(rand.NewPCG(1, 2))
		at := func() time.Time { return noon.Add(time.Duration(random.Int64N(int64(6*time.Hour))) / 1000 * 1000) }
		var records []*ledger.Record
		var group sync.WaitGroup
		for range 500 {
			r := full()
			r.Time = at()
			r.Team, r.Key = pick(random, "a", "b"), pick(random, "x", "y", "")
			r.Model, r.Location, r.End = pick(random, "m", "n"), pick(random, "eu", "us"), pick(random, "finished", "cut")
			r.Tokens.Input, r.Cost.Micros = random.Int64N(1e6), usage.Micros(random.Int64N(1e6))
			records = append(records, r)
			group.Go(func() { l.Append(r) })
		}
		group.Wait()
		settled(t, l)
		for range 200 {
			q := ledger.Query{Since: at(), Until: at(), Team: pick(random, "a", "b", ""), Model: pick(random, "m", "")}
			if random.IntN(4) == 0 {
				q.Since = q.Since.Truncate(time.Hour)
			}
			if random.IntN(8) == 0 {
				q.Until = time.Time{}
			}
			if d := cmp.Diff(naive(records, &q), sum(t, l, q)[0]); d != "" {
				t.Fatalf("%+v: %s", q, d)
			}
		}
	})
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

func naive(records []*ledger.Record, q *ledger.Query) ledger.Row {
	sum := ledger.Row{By: []string{}}
	for _, r := range records {
		if r.Time.Before(q.Since) || !q.Until.IsZero() && !r.Time.Before(q.Until) || q.Team != "" && r.Team != q.Team || q.Model != "" && r.Model != q.Model {
			continue
		}
		sum.Requests++
		if r.End != "finished" {
			sum.Failed++
		}
		sum.Tokens.Add(r.Tokens)
		sum.Cost += r.Cost.Micros
		sum.Saved += r.Cost.Saved
		sum.Unpriced++
		sum.Estimated++
	}
	return sum
}

func TestReader(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		if _, err := ledger.OpenReader(t.Context(), p.store); err == nil || !strings.Contains(err.Error(), "gateway serve makes") {
			t.Fatalf("a store without tables: %v", err)
		}
		o, _ := p.options(t)
		l := open(t, o)
		l.Append(full())
		r, err := ledger.OpenReader(t.Context(), p.store)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		l.Append(full())
		if n := count(t, r); n != 2 {
			t.Errorf("%d requests", n)
		}
		closeLedger(t, l)
		if n := count(t, r); n != 2 {
			t.Errorf("%d requests after the writer has gone", n)
		}
		exec(t, p.db, `DELETE FROM ledger_version`)
		if _, err := ledger.OpenReader(t.Context(), p.store); err == nil || !strings.Contains(err.Error(), "tables of version 0") {
			t.Errorf("a store of an older version: %v", err)
		}
	})
}

func TestReaderMakesNoFile(t *testing.T) {
	folder := t.TempDir()
	if _, err := ledger.OpenReader(t.Context(), "sqlite:"+filepath.Join(folder, "usage.db")); err == nil {
		t.Error("a file that is not there was opened")
	}
	if files, _ := filepath.Glob(filepath.Join(folder, "*")); len(files) != 0 {
		t.Error(files)
	}
}

func TestBadOptions(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct{ name, store, journal, want string }{
		{"nothing", "", "", "want sqlite:PATH"},
		{"no path", "sqlite:", "", "want sqlite:PATH"},
		{"memory", "sqlite::memory:", "", "want sqlite:PATH"},
		{"other", "mysql://x", "", "want sqlite:PATH"},
		{"folder", "sqlite:" + folder + "/no/usage.db", "", "make the folder " + folder + "/no"},
		{"journal", "postgres://u:p@127.0.0.1:1/d", folder + "/no/journal.db", "make the folder " + folder + "/no"},
		{"no journal", "postgres://u:p@127.0.0.1:1/d", "", "connection refused"},
	} {
		l, err := ledger.Open(t.Context(), ledger.Options{Store: c.store, Journal: c.journal, Now: time.Now})
		if err == nil {
			l.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestPathWithOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c=%41#d.db")
	l := open(t, ledger.Options{Store: "sqlite:/" + path, Now: time.Now, Sync: true})
	l.Append(full())
	closeLedger(t, l)
	r, err := ledger.OpenReader(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n := count(t, r); n != 1 {
		t.Errorf("%d requests", n)
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if !slices.Contains(files, path) {
		t.Errorf("%q", files)
	}
}

func TestRetention(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		first := open(t, o)
		var group sync.WaitGroup
		for i := range 1200 {
			r := full()
			r.Time = noon.Add(time.Duration(i) * time.Minute)
			group.Go(func() { first.Append(r) })
		}
		group.Wait()
		settled(t, first)
		closeLedger(t, first)

		o.Retention = time.Hour
		o.Now = func() time.Time { return noon.Add(16*time.Hour + 30*time.Minute) }
		l := open(t, o)
		until(t, "old rows to go", func() bool { return number(t, p.db, `SELECT count(*) FROM requests`) == 300 })
		if n := count(t, l); n != 300 {
			t.Errorf("hourly has %d requests", n)
		}
		if n := number(t, p.db, `SELECT min(time) FROM requests`); n != noon.Add(15*time.Hour).UnixMicro() {
			t.Errorf("the oldest row is of %v", time.UnixMicro(n).UTC())
		}
	})
}

func TestTwoLedgersOnOneStore(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		var group sync.WaitGroup
		var ledgers [3]*ledger.Ledger
		for i := range ledgers {
			o, _ := p.options(t)
			group.Go(func() { ledgers[i] = open(t, o) })
		}
		group.Wait()
		for _, l := range ledgers {
			for range 20 {
				group.Go(func() {
					for i := range 20 {
						r := full()
						r.Team = fmt.Sprint("team-", i%7)
						l.Append(r)
					}
				})
			}
		}
		group.Wait()
		for _, l := range ledgers {
			settled(t, l)
		}
		if d := cmp.Diff(total(1200), sum(t, ledgers[0], ledger.Query{})); d != "" {
			t.Error(d)
		}
	})
}
