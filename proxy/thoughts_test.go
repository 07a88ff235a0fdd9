package proxy

import (
	"bytes"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A stillClock is a clock that stands until it is set.
type stillClock struct{ at time.Time }

func (w *stillClock) now() time.Time { return w.at }

func newLimitedThoughts(entries int) (*thoughts, *stillClock) {
	w := &stillClock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	t := newThoughts(w.now)
	t.limit(entries, time.Hour)
	return t, w
}

// wantThoughts checks what is kept for team a: id, content...; an empty content is none.
func wantThoughts(t *testing.T, th *thoughts, want ...string) {
	t.Helper()
	for i := 0; i < len(want); i += 2 {
		if got := string(th.find("a", want[i])); got != want[i+1] {
			t.Errorf("call %s: found %q, want %q", want[i], got, want[i+1])
		}
	}
}

func TestThoughtsAreFoundByTeamAndCall(t *testing.T) {
	th, _ := newLimitedThoughts(10)
	content := []byte("one")
	th.keep("a", "1", content)
	copy(content, "xxx")
	th.keep("b", "1", []byte("of b"))
	th.keep("", "1", []byte("of nobody"))
	wantThoughts(t, th, "1", "one", "2", "", "", "")
	if got := string(th.find("b", "1")) + ", " + string(th.find("", "1")); got != "of b, of nobody" {
		t.Errorf("other teams find %s", got)
	}
	if th.find("c", "1") != nil || th.find("a1", "") != nil {
		t.Error("found by another key")
	}
	th.keep("a", "1", []byte("new"))
	wantThoughts(t, th, "1", "new")
	th.keep("a", "1", []byte{})
	if th.find("a", "1") != nil {
		t.Error("an empty turn left the old one")
	}
}

func TestThoughtsDropTheLongestUnused(t *testing.T) {
	th, _ := newLimitedThoughts(3)
	for _, id := range []string{"1", "2", "3"} {
		th.keep("a", id, []byte("t"+id))
	}
	wantThoughts(t, th, "1", "t1") // and is used by that
	th.keep("a", "4", []byte("t4"))
	wantThoughts(t, th, "2", "", "3", "t3", "4", "t4", "1", "t1")
	th.limit(1, time.Hour)
	wantThoughts(t, th, "3", "", "4", "", "1", "t1")
	th.limit(0, time.Hour)
	th.keep("a", "5", []byte("t5"))
	wantThoughts(t, th, "1", "", "5", "")
	if len(th.byCall) != 0 || th.used.Len() != 0 || th.bytes != 0 {
		t.Errorf("left behind: %d calls, %d turns, %d bytes", len(th.byCall), th.used.Len(), th.bytes)
	}
	th.limit(2, time.Hour)
	th.keep("a", "6", []byte("t6"))
	wantThoughts(t, th, "6", "t6")
}

func TestThoughtsKeepNothingBeforeTheFirstLimit(t *testing.T) {
	th := newThoughts(new(stillClock).now)
	th.keep("a", "1", []byte("one"))
	wantThoughts(t, th, "1", "")
}

func TestThoughtsEndInTime(t *testing.T) {
	th, w := newLimitedThoughts(10)
	th.keep("a", "1", []byte("one"))
	w.at = w.at.Add(time.Hour - 1)
	wantThoughts(t, th, "1", "one") // which makes it no younger
	th.keep("a", "2", []byte("two"))
	w.at = w.at.Add(1)
	wantThoughts(t, th, "1", "", "2", "two")
	w.at = w.at.Add(time.Hour)
	th.keep("a", "3", []byte("three"))
	if th.used.Len() != 1 {
		t.Errorf("%d turns are kept, want 1: those in time", th.used.Len())
	}
	w.at = w.at.Add(time.Minute)
	th.limit(10, time.Minute)
	wantThoughts(t, th, "3", "")
}

func TestThoughtsAreBoundedInBytes(t *testing.T) {
	th, _ := newLimitedThoughts(1000)
	th.keep("a", "large", bytes.Repeat([]byte("x"), maxThought))
	th.keep("a", "too large", bytes.Repeat([]byte("x"), maxThought+1))
	if th.find("a", "large") == nil || th.find("a", "too large") != nil {
		t.Error("the largest turn is not what it should be")
	}
	th.keep("a", "large", bytes.Repeat([]byte("x"), maxThought+1))
	if th.find("a", "large") != nil {
		t.Error("what a call's turn was before is still found")
	}
	const fit = maxThoughts / maxThought
	for i := range fit + 1 {
		th.keep("a", strconv.Itoa(i), bytes.Repeat([]byte("x"), maxThought))
	}
	if th.used.Len() != fit || th.bytes != maxThoughts {
		t.Errorf("%d turns of %d bytes are kept, want %d of %d", th.used.Len(), th.bytes, fit, maxThoughts)
	}
	if th.find("a", "0") != nil || th.find("a", "1") == nil {
		t.Error("not the oldest went")
	}
}

func TestThoughtsTakeManyAtOnce(t *testing.T) {
	th, _ := newLimitedThoughts(50)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			team := strconv.Itoa(g % 4)
			for i := range 500 {
				id := strconv.Itoa(i % 40)
				th.keep(team, id, []byte(team+"/"+id))
				if got := th.find(team, id); got != nil && string(got) != team+"/"+id {
					t.Errorf("found %q for call %s of team %s", got, id, team)
				}
				if i%100 == 0 {
					th.limit(40+i/100, time.Hour)
				}
			}
		})
	}
	group.Wait()
	if th.used.Len() != len(th.byCall) || th.used.Len() == 0 || th.used.Len() > 50 {
		t.Errorf("%d turns, %d calls", th.used.Len(), len(th.byCall))
	}
}
