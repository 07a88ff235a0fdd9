package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// maxJournal is the number of rows that a journal takes, about 400 MB.
const maxJournal = 1_000_000

var errFull = fmt.Errorf("the usage journal is full: %d rows", maxJournal)

// A journal keeps rows on disk while the store is down. It is an SQLite file with the
// tables of a store, and belongs to one store; several processes may share both.
type journal struct {
	store *store
	// mu makes the count right: it is held while rows come or go.
	mu   sync.Mutex
	rows atomic.Int64
	max  int64
}

// openJournal makes the file now, so that a path where none can be is told at the start,
// and not when the store is down.
func openJournal(ctx context.Context, path string, sync bool) (*journal, error) {
	s, err := openSQLite(path, sync)
	if err != nil {
		return nil, err
	}
	s.rollup = false
	j := &journal{store: s, max: maxJournal}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("usage journal: %w: %s", err, s.hint), s.close())
	}
	if err := j.count(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return j, nil
}

// put keeps rows.
func (j *journal) put(ctx context.Context, rows []row) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.rows.Load()+int64(len(rows)) > j.max {
		return errFull
	}
	if err := j.store.insert(ctx, rows); err != nil {
		return fmt.Errorf("usage journal: %w", err)
	}
	j.rows.Add(int64(len(rows)))
	return nil
}

// replay moves all rows into a store, the oldest first, and returns how many. A row leaves
// the journal only when the store has it; when it is moved twice the store takes it once.
func (j *journal) replay(ctx context.Context, insert func(context.Context, []row) error) (moved int64, err error) {
	for {
		rows, err := j.oldest(ctx)
		if err != nil {
			return moved, fmt.Errorf("usage journal: %w", err)
		}
		if len(rows) == 0 {
			return moved, j.count(ctx)
		}
		if err := insert(ctx, rows); err != nil {
			return moved, err
		}
		if err := j.remove(ctx, rows); err != nil {
			return moved, fmt.Errorf("usage journal: %w", err)
		}
		moved += int64(len(rows))
	}
}

func (j *journal) oldest(ctx context.Context) ([]row, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := j.store.read.QueryContext(ctx, selectOldest(), maxBatch)
	if err != nil {
		return nil, j.store.fault(err)
	}
	defer closeRows(found)
	var rows []row
	for found.Next() {
		var r row
		if err := found.Scan(r.fields()...); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, found.Err()
}

func (j *journal) remove(ctx context.Context, rows []row) error {
	ids := make([]any, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.store.write.ExecContext(ctx, deleteByID(len(rows)), ids...); err != nil {
		return j.store.fault(err)
	}
	j.rows.Add(-int64(len(rows)))
	return nil
}

// count counts the rows anew: another process may have put some there, or moved ours.
func (j *journal) count(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var n int64
	if err := j.store.read.QueryRowContext(ctx, selectCount).Scan(&n); err != nil {
		return j.store.fault(err)
	}
	j.rows.Store(n)
	return nil
}
