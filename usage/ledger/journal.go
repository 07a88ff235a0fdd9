package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// maxJournal is the number of rows that a journal takes, about 400 MB.
const maxJournal = 1_000_000

var errFull = fmt.Errorf("the usage journal is full: %d rows", maxJournal)

// A journal keeps rows on disk while the store is down. It is an SQLite file with the
// tables of a store, and one that names the store whose rows it has; several processes may
// share both. An empty journal is anybody's: whoever puts rows there makes it theirs.
type journal struct {
	store *store
	// mu makes the count right: it is held while rows come or go.
	mu   sync.Mutex
	rows atomic.Int64
	max  int64
}

// openJournal makes the file now, so that a path where none can be is told at the start,
// and not when the store is down.
func openJournal(ctx context.Context, path string, of *store, sync bool) (*journal, error) {
	owner, err := of.place()
	if err != nil {
		return nil, err
	}
	s, err := openSQLite(path, sync)
	if err != nil {
		return nil, err
	}
	s.rollup, s.owner = false, owner
	j := &journal{store: s, max: maxJournal}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("usage journal: %w: %s", err, s.hint), s.close())
	}
	if err := j.own(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("usage journal: %w", err), s.close())
	}
	if err := j.count(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return j, nil
}

// own makes the journal that of its owner, unless it has rows of another.
func (j *journal) own(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tx, err := j.store.write.BeginTx(ctx, nil)
	if err != nil {
		return j.store.fault(err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if _, err := tx.ExecContext(ctx, createOwner); err != nil {
		return j.store.fault(err)
	}
	if err := j.store.claim(ctx, tx); err != nil {
		return j.store.fault(err)
	}
	return j.store.fault(tx.Commit())
}

// claim makes the journal that of its owner. It fails where rows of another are.
func (s *store) claim(ctx context.Context, tx *sql.Tx) error {
	n, err := changed(tx.ExecContext(ctx, claimOwner, s.owner))
	if err != nil || n > 0 {
		return err
	}
	var other string
	if err := tx.QueryRowContext(ctx, selectOwner).Scan(&other); err != nil {
		return err
	}
	return fmt.Errorf("it has rows for %s, and usage.store is %s: start a gateway with that store, which moves them there, or give this one its own usage.journal", other, s.owner)
}

// place is where a store is, seen from any folder.
func (s *store) place() (string, error) {
	path, isFile := strings.CutPrefix(s.name, "sqlite:")
	if !isFile {
		return s.name, nil
	}
	path, err := filepath.Abs(path)
	return "sqlite:" + path, err
}

// put keeps rows.
func (j *journal) put(ctx context.Context, rows []row) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.rows.Load()+int64(len(rows)) > j.max {
		// Another process may have made room.
		if err := j.recount(ctx); err != nil {
			return err
		}
	}
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
// The rows are counted anew at the end, whatever it is.
func (j *journal) replay(ctx context.Context, insert func(context.Context, []row) error) (moved int64, err error) {
	defer func() {
		if failed := j.count(ctx); err == nil {
			err = failed
		}
	}()
	for {
		rows, err := j.oldest(ctx)
		if err != nil {
			return moved, fmt.Errorf("usage journal: %w", err)
		}
		if len(rows) == 0 {
			return moved, nil
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
	found, err := j.store.read.QueryContext(ctx, selectOldest(), j.store.owner, maxBatch)
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
	return j.recount(ctx)
}

// recount is count for one who holds mu.
func (j *journal) recount(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var n int64
	if err := j.store.read.QueryRowContext(ctx, selectCount, j.store.owner).Scan(&n); err != nil {
		return fmt.Errorf("usage journal: %w", j.store.fault(err))
	}
	j.rows.Store(n)
	return nil
}
