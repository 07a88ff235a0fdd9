package proxy

import (
	"bytes"
	"container/list"
	"sync"
	"time"
)

const (
	// maxThoughts bounds in bytes all that is kept, and maxThought a single turn: thinking
	// is some kilobytes, and what is much more is no loss to most.
	maxThoughts = 64 << 20
	maxThought  = 1 << 20
)

// thoughts keeps turns of the assistant, thinking included, for clients that do not send
// the thinking back. Every client sends back the ids of tool calls unchanged, so a turn is
// found by those it made. Nothing is kept before the first limit.
type thoughts struct {
	now func() time.Time

	mu      sync.Mutex
	entries int
	ttl     time.Duration
	bytes   int
	byCall  map[toolCall]*list.Element
	used    *list.List // of *thought, the latest first
}

// A toolCall is one of some team; teams do not see each other's.
type toolCall struct{ team, id string }

type thought struct {
	call    toolCall
	content []byte
	at      time.Time
}

func newThoughts(now func() time.Time) *thoughts {
	return &thoughts{now: now, byCall: make(map[toolCall]*list.Element), used: list.New()}
}

// limit sets how many turns are kept, and for how long. Those above go at once, the longest
// unused first; 0 entries keep nothing.
func (t *thoughts) limit(entries int, ttl time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries, t.ttl = entries, ttl
	t.trim()
}

// keep remembers a copy of the content of the turn that made the call; a turn too large is
// not kept.
func (t *thoughts) keep(team, callID string, content []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := toolCall{team, callID}
	if old, ok := t.byCall[c]; ok {
		t.drop(old)
	}
	if len(content) == 0 || len(content) > maxThought {
		return
	}
	t.byCall[c] = t.used.PushFront(&thought{call: c, content: bytes.Clone(content), at: t.now()})
	t.bytes += len(content)
	t.trim()
}

// find gives the content of the turn that made the call, which must not be changed; nil: it
// is not kept. A turn that is found stays longer than others, but not beyond its time.
func (t *thoughts) find(team, callID string) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byCall[toolCall{team, callID}]
	if !ok {
		return nil
	}
	if t.isOver(e) {
		t.drop(e)
		return nil
	}
	t.used.MoveToFront(e)
	return e.Value.(*thought).content
}

// trim drops the longest unused until the rest is within the limits and its last in time.
func (t *thoughts) trim() {
	for e := t.used.Back(); e != nil && (t.used.Len() > t.entries || t.bytes > maxThoughts || t.isOver(e)); e = t.used.Back() {
		t.drop(e)
	}
}

func (t *thoughts) isOver(e *list.Element) bool {
	return t.now().Sub(e.Value.(*thought).at) >= t.ttl
}

func (t *thoughts) drop(e *list.Element) {
	old := t.used.Remove(e).(*thought)
	delete(t.byCall, old.call)
	t.bytes -= len(old.content)
}
