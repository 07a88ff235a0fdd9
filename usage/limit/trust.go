package limit

import (
	"slices"
	"sync"
)

// A trust is in budgets' counters that know all that was spent: this process has asked the
// ledger, and has counted since. Counters outlive their budgets: what is spent while those are
// lifted, by a reload or by a process before this one, is known to the ledger alone.
type trust struct {
	mu sync.RWMutex // guards known
	// known :: ID of a scope -> its counters
	known map[string][]purse
}

// A purse is the counter of a budget in a store.
type purse struct {
	store store
	limit limit
}

func (t *trust) of(s *Scope) []purse {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.known[s.ID]
}

// end ends it for scopes that have no budget now.
func (t *trust) end(scopes []*Scope) {
	for _, s := range scopes {
		if s != nil && !s.budgeted() && len(t.of(s)) > 0 {
			t.mu.Lock()
			delete(t.known, s.ID)
			t.mu.Unlock()
		}
	}
}

// lacking tells in which of the scopes there is none; nil: it is in all.
func (t *trust) lacking(in store, scopes []*Scope) []bool {
	var lacking []bool
	for i, s := range scopes {
		if s.Spent == nil || !s.budgeted() || t.covers(in, s) {
			continue
		}
		if lacking == nil {
			lacking = make([]bool, len(scopes))
		}
		lacking[i] = true
	}
	return lacking
}

// covers tells whether there is trust in all budgets of a scope.
func (t *trust) covers(in store, s *Scope) bool {
	known := t.of(s)
	for l := perDay; l < kinds; l++ {
		if s.max(l) > 0 && !slices.Contains(known, purse{in, l}) {
			return false
		}
	}
	return true
}

// begin begins it for what an order's scopes were told by the ledger.
func (t *trust) begin(in store, o *order) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, s := range o.scopes {
		for l := perDay; l < kinds; l++ {
			p := purse{in, l}
			if told := o.seed(i, l); told.label == 0 || told.micros == unknown || slices.Contains(t.known[s.ID], p) {
				continue
			}
			if t.known == nil {
				t.known = make(map[string][]purse)
			}
			t.known[s.ID] = append(slices.Clone(t.known[s.ID]), p)
		}
	}
}
