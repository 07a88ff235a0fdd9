package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// versions is the table in which goose counts the migrations.
const versions = "ledger_version"

const (
	// patience is how long a store may take for one batch, or one question.
	patience = 2 * time.Second
	// maxRace is how long others may be in the way while the tables are made.
	maxRace = 10 * time.Second
	// maxBatch is the number of rows of one transaction.
	maxBatch = 512
)

//go:embed migrations/*.sql
var migrations embed.FS

// A store is a database with the tables, in SQLite or PostgreSQL.
type store struct {
	// name is where it is, without the password.
	name string
	engine
	// write is for batches, read for sums, schema for migrations.
	write, read, schema *sql.DB
	// rollup: sums are kept by the hour.
	rollup bool
	// owner is the store whose rows a journal has; empty: this is no journal.
	owner string
}

// An engine is what differs between the databases.
type engine struct {
	dialect goose.Dialect
	// longest is the number of rows that one statement inserts at most, a power of two.
	longest int
	// secrets never stand in errors.
	secrets []string
	// again tells whether a transaction that failed may be tried again at once.
	again func(error) bool
	// raced tells whether another process that makes the tables made this one fail.
	raced func(error) bool
	// passing tells whether a store that failed at the start may be there later.
	passing func(error) bool
	// absent tells whether a statement failed because the tables are not there.
	absent func(error) bool
	// hint says what to do when the store cannot be opened.
	hint string
}

// openStore opens what Options.Store names; nothing is asked of it yet.
func openStore(address string, sync bool) (*store, error) {
	path, isFile := strings.CutPrefix(address, "sqlite:")
	switch {
	case isFile && path != "" && path != ":memory:":
		return openSQLite(path, sync)
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		return openPostgres(address)
	}
	return nil, errors.New("usage.store: want sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE, or none")
}

// openStoreReader opens what Options.Store names, to read.
func openStoreReader(address string) (*store, error) {
	if path, isFile := strings.CutPrefix(address, "sqlite:"); isFile && path != "" {
		return openSQLiteReader(path)
	}
	return openStore(address, false)
}

func (s *store) close() error {
	return errors.Join(s.write.Close(), s.read.Close(), s.schema.Close())
}

// A fault is what a store said, without its secrets.
type fault struct {
	text string
	err  error
}

func (f *fault) Error() string { return f.text }

func (f *fault) Unwrap() error { return f.err }

// fault names the store in an error, hides its secrets, and makes it one line.
func (s *store) fault(err error) error {
	if err == nil {
		return nil
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return &fault{"usage store " + s.name + ": " + text, err}
}

// latest is the version of the tables that this program knows.
func latest() (int64, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(slices.Max(files))
}

// version of the tables; an error where there are none.
func (s *store) version(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var v int64
	err := s.schema.QueryRowContext(ctx, selectVersion).Scan(&v)
	return v, err
}

// migrate brings the tables up to date. Others may do the same at the same time.
func (s *store) migrate(ctx context.Context) error {
	want, err := latest()
	if err != nil {
		return err
	}
	// Most times there is nothing to do, and no lock to wait for.
	have, err := s.version(ctx)
	switch {
	case err == nil && have >= want:
		return nil
	case err != nil && !s.absent(err) && !s.raced(err):
		return s.fault(err)
	}
	race, cancel := context.WithTimeout(ctx, maxRace)
	defer cancel()
	for {
		if err = s.up(ctx); err == nil || !s.raced(err) || !pause(race, 100*time.Millisecond) {
			return s.fault(err)
		}
	}
}

func (s *store) up(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	options := []goose.ProviderOption{goose.WithTableName(versions), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	if s.dialect == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300), lock.WithUnlockTimeout(1, 10))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(s.dialect, s.schema, files, options...)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// probe tells whether the store takes rows.
func (s *store) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := s.write.ExecContext(ctx, touch)
	return s.fault(err)
}

// insert adds rows, at most maxBatch, except those that are there already.
func (s *store) insert(ctx context.Context, rows []row) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.insertOnce(ctx, rows)
	for range 3 {
		if err == nil || !s.again(err) {
			break
		}
		err = s.insertOnce(ctx, rows)
	}
	return s.fault(err)
}

func (s *store) insertOnce(ctx context.Context, rows []row) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if s.owner != "" {
		if err := s.claim(ctx, tx); err != nil {
			return err
		}
	}
	fresh, err := s.insertRows(ctx, tx, rows)
	if err != nil {
		return err
	}
	if s.rollup {
		if err := s.addSums(ctx, tx, fresh); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// insertRows returns the rows that were not there.
func (s *store) insertRows(ctx context.Context, tx *sql.Tx, rows []row) ([]*row, error) {
	byID := make(map[string]*row, len(rows))
	for i := range rows {
		byID[rows[i].ID] = &rows[i]
	}
	var fresh []*row
	for part := range runs(rows, s.longest) {
		args := make([]any, 0, len(part)*len(columns))
		for i := range part {
			args = append(args, part[i].fields()...)
		}
		ids, err := texts(tx.QueryContext(ctx, insertRequests(len(part)), args...))
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			fresh = append(fresh, byID[id])
		}
	}
	return fresh, nil
}

// addSums adds rows to the sums of their hours. All writers go through them in the same
// order, so that none waits for one that waits for it.
func (s *store) addSums(ctx context.Context, tx *sql.Tx, rows []*row) error {
	sums := map[group]sum{}
	for _, r := range rows {
		g, m := r.group(), r.measure()
		total := sums[g]
		total.add(&m)
		sums[g] = total
	}
	groups := slices.SortedFunc(maps.Keys(sums), func(g, h group) int { return g.compare(&h) })
	for part := range runs(groups, s.longest) {
		var args []any
		for i := range part {
			args = append(args, part[i].fields()...)
			for _, n := range sums[part[i]] {
				args = append(args, n)
			}
		}
		if _, err := tx.ExecContext(ctx, addHourly(len(part)), args...); err != nil {
			return err
		}
	}
	return nil
}

// runs cuts a list into parts whose lengths are powers of two, longest at most: PostgreSQL
// keeps a prepared statement for each length, and so needs few.
func runs[T any](list []T, longest int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for len(list) > 0 {
			n := min(longest, 1<<(bits.Len(uint(len(list)))-1))
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// texts reads the only column of rows.
func texts(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer closeRows(rows)
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// closeRows closes rows that were read to their end, or that nobody wants.
func closeRows(rows *sql.Rows) { _ = rows.Close() }

// pause waits; false: ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
