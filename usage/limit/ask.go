package limit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"vertexgateway/usage"
)

const (
	// patience is how long the ledger may take.
	patience = 2 * time.Second
	// freshness is how long its answer, or that it has none, is told to others.
	freshness = time.Second
)

var errUnanswered = errors.New("the ledger has not answered")

// asks are the questions to the ledger: one at a time for each budget.
type asks struct {
	now func() time.Time
	log *zap.Logger

	mu      sync.Mutex // guards all below
	asked   map[string]*ask
	failing bool
}

// An ask is one question. Its fields are set when done is closed.
type ask struct {
	done   chan struct{}
	at     time.Time // of the answer
	micros usage.Micros
	err    error
}

func newAsks(o Options) *asks { return &asks{now: o.Now, log: o.Log, asked: make(map[string]*ask)} }

// spent is what was spent in the scope in the day or month of an instant.
func (a *asks) spent(ctx context.Context, s *Scope, l limit, at instant) (usage.Micros, error) {
	q, mine := a.join(s.ID + " " + strconv.FormatInt(at.label(l), 10))
	if mine {
		a.put(ctx, q, s, at.start(l))
	}
	select {
	case <-q.done:
		return q.micros, q.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// join finds the question, or makes it that of the caller.
func (a *asks) join(key string) (q *ask, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if q := a.asked[key]; q != nil && !a.stale(q) {
		return q, false
	}
	for k, old := range a.asked {
		if a.stale(old) {
			delete(a.asked, k)
		}
	}
	q = &ask{done: make(chan struct{})}
	a.asked[key] = q
	return q, true
}

func (a *asks) stale(q *ask) bool { return !q.at.IsZero() && a.now().Sub(q.at) >= freshness }

// put asks. Others wait for the answer: it does not matter that one of them hangs up.
func (a *asks) put(ctx context.Context, q *ask, s *Scope, since time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	micros, err := usage.Micros(0), errUnanswered
	defer func() { a.answer(q, micros, err) }() // even if the ledger panics
	if micros, err = s.Spent(ctx, since); err != nil {
		err = fmt.Errorf("what %s has spent is unknown: %w", s.Title, err)
	}
}

func (a *asks) answer(q *ask, micros usage.Micros, err error) {
	defer close(q.done)
	a.mu.Lock()
	defer a.mu.Unlock()
	q.at, q.micros, q.err = a.now(), micros, err
	a.tell(err)
}

// tell logs when the ledger fails, and when it answers again.
func (a *asks) tell(err error) {
	switch {
	case err != nil && !a.failing:
		a.log.Warn("the ledger does not tell what was spent; budgets go on from what is known here", zap.Error(err))
	case err == nil && a.failing:
		a.log.Info("the ledger tells what was spent again")
	}
	a.failing = err != nil
}
