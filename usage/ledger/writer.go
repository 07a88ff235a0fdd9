package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// maxQueue is the number of rows that wait in memory.
	maxQueue = 10_000
	// maxWait bounds what Append waits.
	maxWait = 5 * time.Second
	// interval is the time between two attempts at a store that is down.
	interval = time.Second
)

// An entry is a row that waits for the writer.
type entry struct {
	row  row
	safe chan struct{} // closed when the row is kept; nil: nobody waits
}

// A writer writes all rows of a ledger, in one goroutine: what has come while it wrote is
// the next transaction.
type writer struct {
	store   *store
	journal *journal // nil: there is none
	log     *zap.Logger

	queue chan entry
	done  chan struct{} // closed when run has ended
	// hurry ends when Close does not want to wait any longer.
	hurry   context.Context
	hasten  context.CancelFunc
	closing chan struct{}

	memory atomic.Int64 // rows that neither store nor journal has
	lost   atomic.Int64
	stuck  atomic.Bool // neither store nor journal takes rows

	mu   sync.Mutex
	down error           // why the store is down; nil: it is not
	told map[string]bool // the reasons that the log has already
}

// newWriter opens the journal, and makes the tables or finds the store down.
func newWriter(ctx context.Context, s *store, o Options) (*writer, error) {
	w := &writer{
		store: s, log: o.Log,
		told: map[string]bool{}, queue: make(chan entry, maxQueue), done: make(chan struct{}), closing: make(chan struct{}),
	}
	w.hurry, w.hasten = context.WithCancel(context.WithoutCancel(ctx))
	if o.Journal != "" {
		var err error
		if w.journal, err = openJournal(ctx, o.Journal, s, o.Sync); err != nil {
			return nil, err
		}
	}
	err := s.migrate(ctx)
	switch {
	case err == nil:
		return w, nil
	case w.journal == nil:
		return nil, fmt.Errorf("%w: %s", err, s.hint)
	case !s.passing(err):
		return nil, errors.Join(fmt.Errorf("%w: %s", err, s.hint), w.journal.store.close())
	}
	w.fell(err)
	return w, nil
}

func (w *writer) close() error {
	w.hasten()
	if w.journal == nil {
		return w.store.close()
	}
	return errors.Join(w.store.close(), w.journal.store.close())
}

// enqueue waits for room until limit.
func (w *writer) enqueue(e entry, limit <-chan time.Time) bool {
	select {
	case w.queue <- e:
		return true
	default:
	}
	select {
	case w.queue <- e:
		return true
	case <-limit:
		w.lose([]entry{e}, fmt.Errorf("%d rows wait already", maxQueue))
		return false
	}
}

func (w *writer) waiting() int {
	n := w.memory.Load()
	if w.journal != nil {
		n += w.journal.rows.Load()
	}
	return int(n)
}

// finish writes what is queued. Nothing may be queued behind it.
func (w *writer) finish(ctx context.Context) error {
	stop := context.AfterFunc(ctx, w.hasten)
	defer stop()
	lost := w.lost.Load()
	close(w.closing)
	close(w.queue)
	<-w.done
	if n := w.lost.Load() - lost; n > 0 {
		return fmt.Errorf("%d rows of usage could be kept nowhere; the log has them", n)
	}
	return nil
}

// run writes until the queue is closed.
func (w *writer) run() {
	defer close(w.done)
	for e := range w.queue {
		w.settle(w.batch(e))
	}
}

// batch takes what is queued, first included.
func (w *writer) batch(first entry) []entry {
	list := []entry{first}
	for len(list) < maxBatch {
		select {
		case e, ok := <-w.queue:
			if !ok {
				return list
			}
			list = append(list, e)
		default:
			return list
		}
	}
	return list
}

// settle does not return before the rows are kept, or the ledger closes and nothing takes
// them.
func (w *writer) settle(list []entry) {
	rows := make([]row, len(list))
	for i := range list {
		rows[i] = list[i].row
	}
	for {
		last := w.isClosing()
		err := w.keep(rows)
		if err == nil {
			w.kept(list)
			return
		}
		w.stick(err)
		if last {
			w.lose(list, err)
			return
		}
		w.rest()
	}
}

func (w *writer) isClosing() bool {
	select {
	case <-w.closing:
		return true
	default:
		return false
	}
}

func (w *writer) rest() {
	t := time.NewTimer(interval)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.closing:
	}
}

// keep writes rows to the store or, where that is down, to the journal.
func (w *writer) keep(rows []row) error {
	if w.stuck.Load() && w.hurry.Err() != nil {
		return errors.New("the ledger closes, and nothing took the rows before these")
	}
	err := w.fault()
	if err == nil {
		if err = w.store.insert(w.hurry, rows); err == nil {
			return nil
		}
		if w.hurry.Err() == nil {
			w.fell(err)
		}
	}
	if w.journal == nil {
		return err
	}
	// Nobody is in so much of a hurry that a row may be lost for it.
	return w.journal.put(context.WithoutCancel(w.hurry), rows)
}

func (w *writer) kept(list []entry) {
	if w.stuck.CompareAndSwap(true, false) {
		w.log.Info("usage is kept again")
	}
	w.memory.Add(-int64(len(list)))
	release(list)
}

func (w *writer) stick(err error) {
	if !w.stuck.Swap(true) {
		w.log.Error("usage can be kept nowhere: rows wait in memory", zap.Int("max_rows", maxQueue), zap.Error(err))
	}
}

// lose writes rows to the log, where somebody may find them.
func (w *writer) lose(list []entry, err error) {
	for i := range list {
		w.log.Error("usage row lost", append(list[i].row.log(), zap.Error(err))...)
	}
	w.lost.Add(int64(len(list)))
	w.memory.Add(-int64(len(list)))
	release(list)
}

func release(list []entry) {
	for _, e := range list {
		if e.safe != nil {
			close(e.safe)
		}
	}
}

// fault tells why the store is down; nil: it is not.
func (w *writer) fault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down
}

// fell notes that the store is down, and tells each reason once.
func (w *writer) fell(err error) {
	reason := withoutDigits(err.Error())
	w.mu.Lock()
	was, known := w.down, w.told[reason]
	w.down, w.told[reason] = err, true
	w.mu.Unlock()
	switch {
	case was == nil:
		w.log.Error("usage store is down", zap.Error(err), zap.Bool("journal", w.journal != nil))
	case !known:
		w.log.Warn("usage store is still down", zap.Error(err))
	}
}

// withoutDigits is a reason without the port of a connection, which differs each time.
func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, s)
}

// rose notes that the store is back.
func (w *writer) rose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = nil
	clear(w.told)
}
