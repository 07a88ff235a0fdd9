package ledger_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"vertexgateway/usage/ledger"
)

func places(b *testing.B, bench func(b *testing.B, p *place)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, sqlitePlace(b)) })
	b.Run("postgres", func(b *testing.B) { bench(b, postgresPlace(b)) })
}

func BenchmarkAppend(b *testing.B) {
	for _, sync := range []bool{true, false} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("sync=%v/callers=%d", sync, callers), func(b *testing.B) {
				places(b, func(b *testing.B, p *place) {
					o, _ := p.options(b)
					o.Sync = sync
					l := open(b, o)
					b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							r := full()
							r.Time = time.Now()
							l.Append(r)
						}
					})
					closeLedger(b, l)
				})
			})
		}
	}
}

// millions are the rows of 30 days, of 20 teams with 3 keys, 5 models and 2 locations.
const millions = 5_000_000

func BenchmarkSum(b *testing.B) {
	if os.Getenv("GATEWAY_BENCH_ROWS") == "" {
		b.Skip("GATEWAY_BENCH_ROWS is empty; this makes five million rows")
	}
	places(b, func(b *testing.B, p *place) {
		o, _ := p.options(b)
		l := open(b, o)
		generate(b, p)
		since := noon.Add(-30*24*time.Hour + 10*time.Minute)
		for _, q := range []ledger.Query{
			{By: []string{"team"}, Since: since, Until: noon.Add(-10 * time.Minute)},
			{By: []string{"day"}, Since: since, Until: noon.Add(-10 * time.Minute)},
			{By: []string{"team", "key", "model", "location", "day"}, Since: since},
			{By: []string{"model", "served"}, Team: "team-7", Since: since},
			{By: []string{"model"}, Team: "team-7", Since: noon.Add(-24*time.Hour - 5*time.Minute)},
			{},
		} {
			b.Run(fmt.Sprintf("by=%v/team=%s/since=%v", q.By, q.Team, q.Since.IsZero()), func(b *testing.B) {
				for b.Loop() {
					if _, err := l.Sum(context.Background(), q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// generate makes rows over 30 days, and their sums.
func generate(b *testing.B, p *place) {
	b.Helper()
	const micros = int64(30 * 24 * time.Hour / time.Microsecond)
	begin := noon.UnixMicro() - micros
	exec(b, p.db, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d - 1)
		INSERT INTO requests SELECT 'id-' || (1000000000 + i), %d + CAST(i AS bigint) * %d, 'req', 'team-' || (i %% 20), 'key-' || (i %% 3),
		'chat_completions', 'model-' || (i / 60 %% 5), 'model', 'served-' || (i / 60 %% 5), 'anthropic', CASE WHEN i / 300 %% 2 = 0 THEN 'eu' ELSE 'us' END,
		1, 0, 200, 'finished', 1, 1000, 100, 50, 0, 0, 10, 0, 0, 4500, 100, 0, 0, 500000, 2000000 FROM n`, millions, begin, micros/millions))
	exec(b, p.db, `INSERT INTO hourly SELECT time / 3600000000 * 3600000000, team, key, model, served, publisher, location,
		count(*), 0, sum(input), sum(output), sum(cache_read), 0, 0, sum(reasoning), 0, 0, sum(cost), sum(saved), 0, 0
		FROM requests GROUP BY 1, 2, 3, 4, 5, 6, 7`)
	if p.link != nil {
		exec(b, p.db, "ANALYZE")
	}
	b.Logf("%d rows, %d hourly", number(b, p.db, `SELECT count(*) FROM requests`), number(b, p.db, `SELECT count(*) FROM hourly`))
}
