package ledger_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"vertexgateway/usage/ledger"
)

// stillDown is told of each new reason: how a server fails takes turns.
const stillDown = "usage store is still down"

// messages are what was logged, without further reasons.
func messages(logs *observer.ObservedLogs) []string {
	var all []string
	for _, e := range logs.All() {
		if e.Message != stillDown {
			all = append(all, e.Message)
		}
	}
	return all
}

func TestStoreDownAndBack(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, logs := p.options(t)
		l := open(t, o)
		l.Append(full())
		p.stop()
		for range 700 { // more than a batch; only the first may take its time
			l.Append(full())
		}
		if n := l.Waiting(); n != 700 || !l.Accepts() {
			t.Errorf("%d rows wait, accepts: %v", n, l.Accepts())
		}
		if _, err := l.Sum(t.Context(), ledger.Query{}); err == nil {
			t.Error("a sum of a store that is down")
		}
		p.start()
		settled(t, l)
		l.Append(full())
		if d := cmp.Diff(total(702), sum(t, l, ledger.Query{})); d != "" {
			t.Error(d)
		}
		until(t, "the store to be told up", told(logs, "usage store is up"))
		if d := cmp.Diff([]string{"usage store is down", "usage store is up"}, messages(logs)); d != "" {
			t.Error(d)
		}
		if n := logs.FilterMessage("usage store is up").All()[0].ContextMap()["replayed"]; n != int64(700) {
			t.Errorf("%v rows replayed", n)
		}
	})
}

func TestCloseWhileDownAndOpenAgain(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		first := open(t, o)
		p.stop()
		first.Append(full())
		first.Append(full())
		closeLedger(t, first)
		p.start()
		second := open(t, o)
		settled(t, second)
		if n := count(t, second); n != 2 {
			t.Errorf("%d requests", n)
		}
	})
}

// A row in the journal that the store has already: the process died in between, or the
// answer to its commit never came.
func TestReplayOfWhatIsThere(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		first := open(t, o)
		p.stop()
		r := full()
		first.Append(r)
		closeLedger(t, first)
		p.start()
		without := o
		without.Journal = ""
		second := open(t, without)
		second.Append(r)
		closeLedger(t, second)
		third := open(t, o)
		settled(t, third)
		if d := cmp.Diff(total(1), sum(t, third, ledger.Query{})); d != "" {
			t.Error(d)
		}
	})
}

func TestCommitWithoutAnswer(t *testing.T) {
	t.Parallel()
	p := postgresPlace(t)
	o, logs := p.options(t)
	l := open(t, o)
	p.link.hangAfter("commit")
	begun := time.Now()
	l.Append(full())
	if d := time.Since(begun); d > 4*time.Second {
		t.Errorf("a server that hangs was noticed after %v", d)
	}
	if l.Waiting() != 1 || number(t, p.db, `SELECT count(*) FROM requests`) != 1 {
		t.Fatalf("%d rows wait: %v", l.Waiting(), messages(logs))
	}
	p.stop()
	p.start()
	settled(t, l)
	if d := cmp.Diff(total(1), sum(t, l, ledger.Query{})); d != "" {
		t.Error(d)
	}
}

func TestServerAwayAtOpen(t *testing.T) {
	t.Parallel()
	p := postgresPlace(t)
	p.stop()
	o, _ := p.options(t)
	l := open(t, o)
	l.Append(full())
	if l.Waiting() != 1 || !l.Accepts() {
		t.Errorf("%d rows wait, accepts: %v", l.Waiting(), l.Accepts())
	}
	p.start()
	settled(t, l)
	if n := count(t, l); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestServerHangsAtOpen(t *testing.T) {
	t.Parallel()
	p := postgresPlace(t)
	p.link.hangAfter("user") // the first message
	o, _ := p.options(t)
	begun := time.Now()
	l := open(t, o)
	if d := time.Since(begun); d > 4*time.Second {
		t.Errorf("a server that hangs was noticed after %v", d)
	}
	l.Append(full())
	if l.Waiting() != 1 || !l.Accepts() {
		t.Errorf("%d rows wait, accepts: %v", l.Waiting(), l.Accepts())
	}
}

// What does not mend itself is told at the start, journal or not.
func TestDatabaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	p := postgresPlace(t)
	o, _ := p.options(t)
	u, err := url.Parse(p.store)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/nowhere"
	o.Store = u.String()
	if _, err := ledger.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), `"nowhere" does not exist`) {
		t.Error(err)
	}
}

func TestNothingTakesRows(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, logs := p.options(t)
		o.Sync = false
		l := open(t, o)
		p.stop()
		lock := openDB(t, "sqlite", o.Journal+"?_txlock=immediate")
		tx, err := lock.Begin()
		if err != nil {
			t.Fatal(err)
		}
		l.Append(full())
		until(t, "the row to be kept nowhere", told(logs, "usage can be kept nowhere: rows wait in memory"))
		if !l.Accepts() {
			t.Error("without Sync nothing waits for rows")
		}
		if l.Waiting() != 1 || l.Lost() != 0 {
			t.Errorf("%d rows wait, %d lost", l.Waiting(), l.Lost())
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		until(t, "the journal to take the row", told(logs, "usage is kept again"))
		p.start()
		settled(t, l)
		if n := count(t, l); n != 1 {
			t.Errorf("%d requests", n)
		}
		until(t, "the store to be told up", told(logs, "usage store is up"))
		want := []string{"usage store is down", "usage can be kept nowhere: rows wait in memory", "usage is kept again", "usage store is up"}
		if d := cmp.Diff(want, messages(logs)); d != "" {
			t.Error(d)
		}
	})
}

// told tells whether something was logged.
func told(logs *observer.ObservedLogs, message string) func() bool {
	return func() bool { return logs.FilterMessage(message).Len() > 0 }
}

func TestLost(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, logs := p.options(t)
		o.Journal = ""
		l := open(t, o)
		p.stop()
		begun := time.Now()
		l.Append(full())
		if d := time.Since(begun); d < 4*time.Second || d > 7*time.Second || l.Accepts() {
			t.Errorf("it took %v", d)
		}
		if err := l.Close(t.Context()); err == nil || l.Lost() != 1 || l.Waiting() != 0 {
			t.Errorf("%v, %d lost, %d waiting", err, l.Lost(), l.Waiting())
		}
		l.Append(full())
		if l.Lost() != 2 || l.Waiting() != 0 {
			t.Errorf("%d lost, %d waiting", l.Lost(), l.Waiting())
		}
		lost := logs.FilterMessage("usage row lost").All()
		if len(lost) != 2 {
			t.Fatal(messages(logs))
		}
		if f := lost[0].ContextMap(); f["team"] != "search" || f["cache_write_1h"] != int64(5) || len(f) < 30 {
			t.Error(f)
		}
		p.start()
	})
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	p := sqlitePlace(t)
	o, logs := p.options(t)
	o.Sync, o.Journal = false, ""
	l := open(t, o)
	p.stop()
	l.Append(full())
	until(t, "the row to be kept nowhere", told(logs, "usage can be kept nowhere: rows wait in memory"))
	for range 10_000 {
		l.Append(full())
	}
	if l.Lost() != 0 {
		t.Fatal(l.Lost())
	}
	l.Append(full())
	if l.Lost() != 1 || l.Waiting() != 10_001 {
		t.Errorf("%d lost, %d waiting", l.Lost(), l.Waiting())
	}
	p.start()
	settled(t, l)
	if n := count(t, l); n != 10_001 {
		t.Errorf("%d requests", n)
	}
}

// The file of a process that was killed is that of one that never closed it.
func TestReopenWithoutClose(t *testing.T) {
	p := sqlitePlace(t)
	o, _ := p.options(t)
	l := open(t, o)
	for range 10 {
		l.Append(full())
	}
	copied := filepath.Join(t.TempDir(), "usage.db")
	path := strings.TrimPrefix(p.store, "sqlite:")
	for _, end := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + end)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+end, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.Store, o.Journal = "sqlite:"+copied, ""
	again := open(t, o)
	again.Append(full())
	if d := cmp.Diff(total(11), sum(t, again, ledger.Query{})); d != "" {
		t.Error(d)
	}
}

func TestTwoProcessesOnOneJournal(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		a, b := open(t, o), open(t, o)
		p.stop()
		for range 20 {
			a.Append(full())
			b.Append(full())
		}
		p.start()
		until(t, "the journal to be empty", func() bool { return a.Waiting() == 0 && b.Waiting() == 0 })
		if d := cmp.Diff(total(40), sum(t, a, ledger.Query{})); d != "" {
			t.Error(d)
		}
	})
}

// A process leaves a row to another, which has none of its own.
func TestRowOfAProcessThatHasGone(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, _ := p.options(t)
		open(t, o)
		gone := open(t, o)
		p.stop()
		gone.Append(full())
		closeLedger(t, gone)
		p.start()
		until(t, "the store to have the row", func() bool { return number(t, p.db, `SELECT count(*) FROM requests`) == 1 })
	})
}

func TestJournalOfAnotherStore(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		mine, _ := p.options(t)
		first := open(t, mine)
		p.stop()
		first.Append(full())
		closeLedger(t, first)

		theirs := mine
		other := sqlitePlace(t)
		theirs.Store = other.store
		if _, err := ledger.Open(t.Context(), theirs); err == nil || !strings.Contains(err.Error(), other.store) || !strings.Contains(err.Error(), named(p.store)) {
			t.Errorf("a journal with rows of another store: %v", err)
		}
		p.start()
		again := open(t, mine)
		settled(t, again)
		closeLedger(t, again)
		l := open(t, theirs) // the journal is empty
		l.Append(full())
		if n := number(t, other.db, `SELECT count(*) FROM requests`); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// named is how errors name a store.
func named(store string) string {
	if u, err := url.Parse(store); err == nil && u.Scheme != "sqlite" {
		return "postgres://" + u.Host + u.Path + "?search_path=" + u.Query().Get("search_path")
	}
	return store
}

// Two gateways of two stores were started while their journal was empty.
func TestJournalOfTwoStores(t *testing.T) {
	t.Parallel()
	p, q := sqlitePlace(t), sqlitePlace(t)
	mine, _ := p.options(t)
	theirs, logs := q.options(t)
	theirs.Journal, theirs.Sync = mine.Journal, false
	a, b := open(t, mine), open(t, theirs)
	p.stop()
	q.stop()
	a.Append(full())
	b.Append(full())
	until(t, "the journal to refuse the row", told(logs, "usage can be kept nowhere: rows wait in memory"))
	q.start()
	settled(t, b)
	p.start()
	settled(t, a)
	if n, m := count(t, a), count(t, b); n != 1 || m != 1 {
		t.Errorf("%d and %d requests", n, m)
	}
}

// The server is back, but its tables cannot be made.
func TestReasonThatChanges(t *testing.T) {
	t.Parallel()
	p := postgresPlace(t)
	p.stop()
	o, logs := p.options(t)
	l := open(t, o)
	l.Append(full())
	exec(t, p.db, `CREATE TABLE hourly (id int)`)
	p.start()
	until(t, "the new reason to be told", func() bool {
		for _, e := range logs.FilterMessage(stillDown).All() {
			if strings.Contains(fmt.Sprint(e.ContextMap()["error"]), `"hourly" already exists`) {
				return true
			}
		}
		return false
	})
}

// While an update rolls out, this version writes to the tables of the next.
func TestColumnsOfALaterVersion(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		o, logs := p.options(t)
		l := open(t, o)
		l.Append(full())
		exec(t, p.db, `ALTER TABLE requests ADD COLUMN later text NOT NULL DEFAULT ''`)
		exec(t, p.db, `ALTER TABLE hourly ADD COLUMN later bigint NOT NULL DEFAULT 0`)
		l.Append(full())
		if d := cmp.Diff(total(2), sum(t, l, ledger.Query{})); d != "" {
			t.Error(d)
		}
		closeLedger(t, l)
		again := open(t, o)
		again.Append(full())
		if d := cmp.Diff(total(3), sum(t, again, ledger.Query{})); d != "" || logs.Len() != 0 {
			t.Error(d, messages(logs))
		}
	})
}

func TestPasswordIsNeverTold(t *testing.T) {
	const secret = "Tr0ub4dor"
	for _, store := range []string{
		"postgres://u:" + secret + "@127.0.0.1:1/d",
		"postgres://u:" + secret + "/x@127.0.0.1:1/d",
		"postgres://u:" + secret + "%zz@127.0.0.1:1/d",
		"postgres://u:" + secret + "@127.0.0.1:port/d",
		"postgres://u:" + secret + "@127.0.0.1:1/d?sslmode=strange",
		"postgres://127.0.0.1:1/d?user=u&password=" + secret,
		"postgres://" + secret + ":" + secret + "@127.0.0.1:1/d",
		"postgres:" + secret + "@127.0.0.1/d",
	} {
		var said []string
		for _, journal := range []string{"", filepath.Join(t.TempDir(), "journal.db")} {
			core, logs := observer.New(zap.DebugLevel)
			l, err := ledger.Open(t.Context(), ledger.Options{Store: store, Journal: journal, Log: zap.New(core), Now: time.Now})
			if err != nil {
				said = append(said, err.Error())
			} else {
				closeLedger(t, l)
			}
			for _, e := range logs.All() {
				said = append(said, fmt.Sprint(e.Message, e.ContextMap()))
			}
		}
		if _, err := ledger.OpenReader(t.Context(), store); err != nil {
			said = append(said, err.Error())
		}
		if len(said) < 3 || strings.Contains(strings.Join(said, "\n"), secret) {
			t.Errorf("%s: %q", store, said)
		}
	}
}
