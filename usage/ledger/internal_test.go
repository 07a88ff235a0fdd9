package ledger

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestNewID(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 0, 0, 123_456_000, time.UTC)
	a, b := newID(now), newID(now)
	if a == b || a[:14] != b[:14] || a[14] != '7' || a[:13] != "019d43c3-d27b" {
		t.Errorf("%s, %s", a, b)
	}
	var ids []string
	for i := range 3000 {
		ids = append(ids, newID(now.Add(time.Duration(i)*time.Microsecond)))
	}
	if !slices.IsSorted(ids) {
		t.Error("ids do not sort by time")
	}
}

func TestRuns(t *testing.T) {
	var got []int
	for part := range runs(make([]int, 45), 16) {
		got = append(got, len(part))
	}
	if d := cmp.Diff([]int{16, 16, 8, 4, 1}, got); d != "" {
		t.Error(d)
	}
}

func TestSpans(t *testing.T) {
	at := func(minutes int64) time.Time { return time.UnixMicro(minutes * hour / 60) }
	for _, c := range []struct {
		since, until int64
		hours        span
		edges        []span
	}{
		{60, 180, span{60, 180}, nil},
		{61, 180, span{120, 180}, []span{{61, 120}}},
		{60, 181, span{60, 180}, []span{{180, 181}}},
		{61, 119, span{}, []span{{61, 119}}},
		{61, 121, span{}, []span{{61, 121}}},
		{61, 61, span{}, nil},
		{62, 61, span{}, nil},
		{-61, -59, span{}, []span{{-61, -59}}},
		{-61, 1, span{-60, 0}, []span{{-61, -60}, {0, 1}}},
	} {
		q := Query{Since: at(c.since), Until: at(c.until)}
		hours, edges := q.spans()
		got := append([]span{hours}, edges...)
		want := append([]span{c.hours}, c.edges...)
		for i := range got {
			got[i] = span{got[i].from * 60 / hour, got[i].to * 60 / hour}
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(span{})); d != "" {
			t.Errorf("%d to %d: %s", c.since, c.until, d)
		}
	}
}

func TestColumnsAreThoseOfTheTable(t *testing.T) {
	s := openTest(t)
	for table, want := range map[string][]string{"requests": columns, "hourly": hourlyColumns()} {
		rows, err := s.read.Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		defer closeRows(rows)
		got, err := rows.Columns()
		if err := errors.Join(err, rows.Err()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", table, d)
		}
	}
	if n := len((&row{}).fields()); n != len(columns) {
		t.Errorf("%d fields, %d columns", n, len(columns))
	}
}

func openTest(t *testing.T) *store {
	t.Helper()
	s, err := openStore("sqlite:"+filepath.Join(t.TempDir(), "usage.db"), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJournalIsBounded(t *testing.T) {
	j, err := openJournal(t.Context(), filepath.Join(t.TempDir(), "journal.db"), &store{name: "postgres://a"}, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.store.close(); err != nil {
			t.Error(err)
		}
	})
	j.max = 3
	rows := func(ids ...string) []row {
		var list []row
		for _, id := range ids {
			list = append(list, rowOf(&Record{ID: id, Time: time.UnixMicro(1)}))
		}
		return list
	}
	if err := j.put(t.Context(), rows("a", "b")); err != nil {
		t.Fatal(err)
	}
	if err := j.put(t.Context(), rows("c", "d")); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
	// Another process moves a row to the store.
	if _, err := j.store.write.Exec(deleteByID(1), "a"); err != nil {
		t.Fatal(err)
	}
	if err := j.put(t.Context(), rows("c", "d")); err != nil {
		t.Error(err)
	}
	refusal := errors.New("refused")
	if moved, err := j.replay(t.Context(), func(context.Context, []row) error { return refusal }); moved != 0 || !errors.Is(err, refusal) || j.rows.Load() != 3 {
		t.Errorf("%d moved, %v, %d rows", moved, err, j.rows.Load())
	}
	var ids []string
	_, err = j.replay(t.Context(), func(_ context.Context, rows []row) error {
		for i := range rows {
			ids = append(ids, rows[i].ID)
		}
		return nil
	})
	if d := cmp.Diff([]string{"b", "c", "d"}, ids); d != "" || err != nil || j.rows.Load() != 0 {
		t.Error(d, err, j.rows.Load())
	}
}

func TestDuplicatesInOneBatch(t *testing.T) {
	s := openTest(t)
	r := rowOf(&Record{ID: "a", Time: time.UnixMicro(1), Team: "x"})
	other := rowOf(&Record{ID: "b", Time: time.UnixMicro(1), Team: "x"})
	for _, batch := range [][]row{{r, r, r, r, r}, {r, other}} {
		if err := s.insert(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := s.sum(t.Context(), &Query{})
	if err != nil || rows[0].Requests != 2 {
		t.Errorf("%+v, %v", rows, err)
	}
}

// idleWriter has a journal, and nobody who writes or mends.
func idleWriter(t *testing.T) (*writer, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	w, err := newWriter(t.Context(), openTest(t), Options{Journal: filepath.Join(t.TempDir(), "journal.db"), Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.hasten()
		if err := w.journal.store.close(); err != nil {
			t.Error(err)
		}
	})
	return w, logs
}

func told(logs *observer.ObservedLogs) []string {
	var all []string
	for _, e := range logs.TakeAll() {
		all = append(all, e.Message)
	}
	return all
}

// A store that lets rows be deleted, and refuses to take any.
func TestStoreIsUpWhenItHasTakenARow(t *testing.T) {
	w, logs := idleWriter(t)
	statement := func(text string) {
		if _, err := w.store.write.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	statement(`CREATE TRIGGER refuse BEFORE INSERT ON hourly BEGIN SELECT RAISE(ABORT, 'refused'); END`)
	if err := w.keep([]row{rowOf(&Record{ID: "a"})}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.mend(t.Context()); err != nil || w.fault() == nil {
			t.Errorf("%v; the store is down: %v", err, w.fault())
		}
	}
	if d := cmp.Diff([]string{"usage store is down"}, told(logs)); d != "" {
		t.Error(d)
	}
	statement(`DROP TRIGGER refuse`)
	if err := w.mend(t.Context()); err != nil || w.fault() != nil || w.waiting() != 0 {
		t.Errorf("%v; the store is down: %v; %d rows wait", err, w.fault(), w.waiting())
	}
	if d := cmp.Diff([]string{"usage store is up"}, told(logs)); d != "" {
		t.Error(d)
	}
}

func TestStoreIsUpWhenNoRowWaits(t *testing.T) {
	w, logs := idleWriter(t)
	w.fell(errors.New("gone"))
	if err := w.mend(t.Context()); err != nil || w.fault() != nil {
		t.Errorf("%v; the store is down: %v", err, w.fault())
	}
	if d := cmp.Diff([]string{"usage store is down", "usage store is up"}, told(logs)); d != "" {
		t.Error(d)
	}
}

func TestReasonIsToldOnce(t *testing.T) {
	w, logs := idleWriter(t)
	for _, reason := range []string{"port 1", "port 2", "password", "port 3", "password"} {
		w.fell(errors.New(reason))
	}
	w.rose()
	w.fell(errors.New("port 1"))
	w.fell(errors.New("password"))
	const down, stillDown = "usage store is down", "usage store is still down"
	if d := cmp.Diff([]string{down, stillDown, down, stillDown}, told(logs)); d != "" {
		t.Error(d)
	}
}

func TestSettled(t *testing.T) {
	w, _ := idleWriter(t)
	l := &Ledger{writer: w}
	if err := l.Settled(); err != nil {
		t.Error(err)
	}
	if err := w.journal.put(t.Context(), []row{rowOf(&Record{ID: "a"})}); err != nil {
		t.Fatal(err)
	}
	if err := l.Settled(); !errors.Is(err, ErrBehind) {
		t.Errorf("while a row waits: %v", err)
	}
	gone := errors.New("gone")
	w.fell(gone)
	if err := l.Settled(); !errors.Is(err, gone) {
		t.Errorf("while the store is down: %v", err)
	}
	if err := w.mend(t.Context()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(l.Settled(), (&Ledger{}).Settled()); err != nil {
		t.Error(err)
	}
}

// Without it each budget that begins reads the month of all teams.
func TestSumOfOneTeamReadsNoOther(t *testing.T) {
	s := openTest(t)
	text, args := (&Query{Team: "a", Since: time.UnixMicro(0), By: []string{"model", "served"}}).statement()
	rows, err := s.read.Query("EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer closeRows(rows)
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if err := rows.Err(); err != nil || !strings.Contains(strings.Join(plan, "\n"), "hourly_team_hour (team=? AND hour>? AND hour<?)") {
		t.Errorf("%v, plan: %q", err, plan)
	}
}

func TestPlace(t *testing.T) {
	t.Chdir(t.TempDir())
	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"sqlite:a.db": "sqlite:" + folder + "/a.db", "sqlite:/b/../a.db": "sqlite:/a.db", "postgres://h:1/d": "postgres://h:1/d",
	} {
		if got, err := (&store{name: name}).place(); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
