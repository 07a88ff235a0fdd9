package limit

import "sync"

// leases are the open requests that Redis has to be told of again and again: those of a
// process that was killed lapse.
type leases struct {
	mu   sync.Mutex // guards open
	open map[*reply]*order
}

// A lease is an open request in one scope.
type lease struct{ key, member string }

func (l *leases) add(r *reply, o *order) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = make(map[*reply]*order)
	}
	l.open[r] = o
}

func (l *leases) drop(r *reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, r)
}

// list are all that are open.
func (l *leases) list(s *shared) []lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []lease
	for r, o := range l.open {
		for _, scope := range o.scopes {
			if m := member(r, scope, o.charge); m != "" {
				all = append(all, lease{s.key(scope), m})
			}
		}
	}
	return all
}
