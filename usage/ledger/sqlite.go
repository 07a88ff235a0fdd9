package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// The primary result codes of SQLite, https://www.sqlite.org/rescode.html.
const (
	sqliteError      = 1
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteConstraint = 19
)

// sqliteLongest is small because $1 is a name to SQLite, and each name is compared with
// all before it: the time a statement takes to parse grows with the square of its length.
const sqliteLongest = 4

// openSQLite opens a file. Writers of one process stand in line for one connection; readers
// have theirs, which do not wait for writers (https://www.sqlite.org/wal.html).
func openSQLite(path string, sync bool) (*store, error) {
	synchronous := "NORMAL"
	if sync {
		synchronous = "FULL"
	}
	// With busy_timeout of less than patience it is SQLite that gives up, and says why.
	write, err := sql.Open("sqlite", sqliteURL(path, patience-patience/10, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous("+synchronous+")"))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := openSQLiteReads(path)
	if err != nil {
		return nil, err
	}
	return &store{name: "sqlite:" + path, engine: sqliteEngine(path), write: write, read: read, schema: write, rollup: true}, nil
}

// openSQLiteReader opens a file for sums only.
func openSQLiteReader(path string) (*store, error) {
	if _, err := os.Stat(path); err != nil {
		if _, folder := os.Stat(filepath.Dir(path)); folder == nil && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("usage store sqlite:%s: no such file: %w", path, ErrEmpty)
		}
		return nil, fmt.Errorf("usage store sqlite:%s: %w", path, err)
	}
	read, err := openSQLiteReads(path)
	if err != nil {
		return nil, err
	}
	return &store{name: "sqlite:" + path, engine: sqliteEngine(path), write: read, read: read, schema: read}, nil
}

// openSQLiteReads never makes a file. It may write, since the last one that closes a file
// has its journal to clear, but no statement may.
func openSQLiteReads(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", sqliteURL(path, 5*time.Second, "mode=rw", "_pragma=query_only(1)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	return db, nil
}

func sqliteURL(path string, busy time.Duration, parameters ...string) string {
	parameters = append(parameters, "_pragma=busy_timeout("+strconv.FormatInt(busy.Milliseconds(), 10)+")")
	return "file:" + (&url.URL{Path: filepath.Clean(path)}).EscapedPath() + "?" + strings.Join(parameters, "&")
}

func sqliteEngine(path string) engine {
	return engine{
		dialect: goose.DialectSQLite3,
		longest: sqliteLongest,
		again:   func(error) bool { return false }, // it has waited already
		// Seen is a lock, a table that is there already, or a version that is.
		raced:   func(err error) bool { return sqliteCode(err, sqliteBusy, sqliteLocked, sqliteError, sqliteConstraint) },
		passing: func(err error) bool { return sqliteCode(err, sqliteBusy, sqliteLocked) },
		absent:  func(err error) bool { return sqliteCode(err, sqliteError) },
		hint:    fmt.Sprintf("make the folder %s, and let the gateway write there", filepath.Dir(path)),
	}
}

func sqliteCode(err error, codes ...int) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code()&0xff == c {
			return true
		}
	}
	return false
}
