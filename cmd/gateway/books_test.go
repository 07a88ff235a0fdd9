package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// books are the tables of a ledger, read without it.
type books struct {
	t     testing.TB
	store string
	db    *sql.DB
	seize string // begins a transaction for which all others wait
}

// openBooks opens what usage.store names.
func openBooks(t testing.TB, store string) *books {
	t.Helper()
	driver, address, seize := "pgx", store, "BEGIN; LOCK TABLE requests"
	if path, isFile := strings.CutPrefix(store, "sqlite:"); isFile {
		driver, address, seize = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)", "BEGIN IMMEDIATE"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &books{t, store, db, seize}
}

// lock lets nobody else write, until the function it returns is called or the test ends.
func (b *books) lock() (unlock func()) {
	b.t.Helper()
	ctx := context.WithoutCancel(b.t.Context())
	c, err := b.db.Conn(ctx)
	if err == nil {
		_, err = c.ExecContext(ctx, b.seize)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	unlock = sync.OnceFunc(func() {
		if _, err := c.ExecContext(ctx, "ROLLBACK"); err != nil {
			b.t.Error(err)
		}
		c.Close()
	})
	b.t.Cleanup(unlock)
	return unlock
}

// An item is what the tests look at in a row.
type item struct {
	status                int
	ended                 string
	prompt, output, micro int64
}

// items :: request id -> its rows
func (b *books) items() map[string][]item {
	b.t.Helper()
	rows, err := b.db.Query("SELECT request_id, status, ended, input + cache_read + cache_write_5m + cache_write_1h, output, cost FROM requests")
	if err != nil {
		b.t.Fatal(err)
	}
	defer rows.Close()
	all := map[string][]item{}
	for rows.Next() {
		var id string
		var i item
		if err := rows.Scan(&id, &i.status, &i.ended, &i.prompt, &i.output, &i.micro); err != nil {
			b.t.Fatal(err)
		}
		all[id] = append(all[id], i)
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return all
}

// check wants a row for each good answer that a client saw whole, with the tokens that it
// was told, no request to have two, and the sums to be those of the rows.
func (b *books) check(asks []*inquiry) {
	b.t.Helper()
	items, whole, missing, wrong := b.items(), 0, 0, 0
	for _, a := range asks {
		if !a.whole() {
			continue
		}
		whole++
		list := items[a.id]
		if len(list) == 0 {
			missing++
			continue
		}
		if want := (item{200, "finished", a.prompt, a.completion, list[0].micro}); list[0] != want || want.micro == 0 {
			wrong++
			b.t.Logf("%s: the client saw %+v, the row has %+v", a.id, want, list[0])
		}
	}
	double := 0
	for _, list := range items {
		if len(list) != 1 {
			double++
		}
	}
	b.t.Logf("%d asked, %d answers seen whole, %d rows", len(asks), whole, len(items))
	if whole == 0 || missing+wrong+double > 0 {
		b.t.Errorf("of %d answers seen whole %d have no row and %d a wrong one; %d requests have several rows", whole, missing, wrong, double)
	}
	b.checkSums()
}

const (
	groupOfRow = "time - time % 3600000000, team, key, model, served, publisher, location"
	groupOfSum = "hour, team, key, model, served, publisher, location"
	ofRows     = "SELECT " + groupOfRow + ", count(*), sum(CASE WHEN ended = 'finished' THEN 0 ELSE 1 END), sum(input), sum(output), sum(reasoning), sum(cost), sum(estimated) FROM requests GROUP BY " + groupOfRow
	ofSums     = "SELECT " + groupOfSum + ", requests, failed, input, output, reasoning, cost, estimated FROM hourly"
)

// checkSums wants the hourly sums, and what the program tells beside the gateway, to be
// those of the rows.
func (b *books) checkSums() {
	b.t.Helper()
	for _, sides := range [][2]string{{ofRows, ofSums}, {ofSums, ofRows}} {
		if n := b.number("SELECT count(*) FROM (" + sides[0] + " EXCEPT " + sides[1] + ") AS odd"); n != 0 {
			b.t.Errorf("%d hourly sums are not those of the rows", n)
		}
	}
	want := fmt.Sprintf("%d requests, %d tokens, %d micros",
		b.number("SELECT count(*) FROM requests"), b.number("SELECT sum(input + output) FROM requests"), b.number("SELECT sum(cost) FROM requests"))
	if got := b.reported(); got != want {
		b.t.Errorf("gateway usage reports %s; the rows have %s", got, want)
	}
}

// spentBy a team, in micro-dollars.
func (b *books) spentBy(team string) int64 {
	return b.number("SELECT COALESCE(sum(cost), 0) FROM requests WHERE team = $1", team)
}

// number is what a statement selects.
func (b *books) number(statement string, args ...any) int64 {
	b.t.Helper()
	var n int64
	if err := b.db.QueryRow(statement, args...).Scan(&n); err != nil {
		b.t.Fatalf("%s: %v", statement, err)
	}
	return n
}

// reported is the total of gateway usage.
func (b *books) reported() string {
	b.t.Helper()
	file := b.t.TempDir() + "/usage.yaml"
	if err := os.WriteFile(file, fmt.Appendf(nil, "usage: {store: '%s'}\n", b.store), 0o600); err != nil {
		b.t.Fatal(err)
	}
	out, err := exec.Command("gateway", "usage", "--config", file, "--format", "json").Output()
	if err != nil {
		b.t.Fatalf("gateway usage: %v", err)
	}
	var report struct {
		Total struct {
			Requests int64       `json:"requests"`
			Input    int64       `json:"input_tokens"`
			Output   int64       `json:"output_tokens"`
			Cost     json.Number `json:"cost_usd"`
		} `json:"total"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		b.t.Fatalf("%v in %s", err, out)
	}
	dollars, err := report.Total.Cost.Float64()
	if err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprintf("%d requests, %d tokens, %.0f micros", report.Total.Requests, report.Total.Input+report.Total.Output, dollars*1e6)
}
