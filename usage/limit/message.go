package limit

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"vertexgateway/usage"
)

//go:embed script.lua
var script string

// A message is a call of the script.
type message struct {
	keys []string
	args []any
}

func (m *message) put(args ...any) { m.args = append(m.args, args...) }

// begin is what every message has: the batch, the leases to renew, and no order yet.
func (s *shared) begin(b *batch, renew []lease) *message {
	m := &message{keys: []string{s.tuning.prefix + "sent:" + s.process}}
	m.put(s.tuning.lease.Milliseconds(), b.id, len(b.known))
	for _, id := range b.known {
		m.put(id)
	}
	m.put(len(b.settlements))
	now := instantOf(s.now())
	for _, t := range b.settlements {
		m.keys = append(m.keys, t.key)
		m.put(t.member, t.second, t.tokens, t.day, int64(t.micros), int64(max(0, now-t.at)))
	}
	m.put(len(renew))
	for _, l := range renew {
		m.keys = append(m.keys, l.key)
		m.put(l.member)
	}
	return m
}

// order adds an order; without an id nothing is reserved.
func (s *shared) order(m *message, o *order, id string) {
	m.put(len(o.scopes), id, o.charge.Tokens, int64(o.charge.Micros))
	for i, scope := range o.scopes {
		m.keys = append(m.keys, s.key(scope))
		for l := range kinds {
			m.put(scope.max(l))
		}
		ledger := 0
		switch {
		case scope.Spent != nil && o.afresh(i):
			ledger = 2
		case scope.Spent != nil:
			ledger = 1
		}
		day, month := o.seed(i, perDay), o.seed(i, perMonth)
		m.put(ledger, day.label, int64(day.micros), month.label, int64(month.micros))
	}
}

// key is where a scope is counted. All that belong to a team have the same hash tag.
func (s *shared) key(scope *Scope) string {
	team, rest, _ := strings.Cut(scope.ID, "/")
	if rest != "" {
		rest = "/" + rest
	}
	return s.tuning.prefix + "{" + team + "}" + rest
}

// member names what a request has open in a scope; empty: nothing.
func member(r *reply, s *Scope, c Charge) string {
	held := c.Micros
	if !s.budgeted() {
		held = 0
	}
	if held == 0 && s.max(concurrency) == 0 {
		return ""
	}
	return r.id + ":" + strconv.FormatInt(int64(held), 10) + ":" + strconv.FormatInt(r.at.label(perDay), 10)
}

// header is how many numbers stand before those of the scopes, and perScope how many they have.
const (
	header   = 5
	perScope = 9
)

// decode reads the answer of the script to an order.
func decode(o *order, n []int64) (*reply, error) {
	if len(n) < header+perScope*len(o.scopes)+int(n[4]) {
		return nil, fmt.Errorf("redis answered %d numbers for %d scopes", len(n), len(o.scopes))
	}
	r := &reply{at: instant(n[0]), states: make([]state, len(o.scopes))}
	if n[1] > 0 {
		r.refused, r.over, r.wait = true, place{int(n[1]) - 1, limit(n[2]) - 1}, milliseconds(n[3])
	}
	rest := n[header:]
	for i := range r.states {
		r.states[i] = decodeState(rest[:perScope], r.at)
		rest = rest[perScope:]
	}
	for _, m := range rest {
		r.missing = append(r.missing, place{int(m / 2), perDay + limit(m%2)})
	}
	return r, nil
}

func decodeState(n []int64, at instant) state {
	return state{
		rates: [2]rate{{n[0], milliseconds(n[1])}, {n[2], milliseconds(n[3])}},
		open:  n[4],
		budgets: [2]budget{
			{at.label(perDay), usage.Micros(n[5]), usage.Micros(n[6])},
			{at.label(perMonth), usage.Micros(n[7]), usage.Micros(n[8])},
		},
	}
}
