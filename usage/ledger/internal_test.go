package ledger

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
	j, err := openJournal(t.Context(), filepath.Join(t.TempDir(), "journal.db"), true)
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
	if err := j.put(t.Context(), rows("c")); err != nil {
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
	if d := cmp.Diff([]string{"a", "b", "c"}, ids); d != "" || err != nil || j.rows.Load() != 0 {
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
