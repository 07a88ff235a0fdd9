package ledger_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	_ "modernc.org/sqlite"

	"vertexgateway/usage/ledger"
)

// A place is somewhere to keep a ledger, of one test alone.
type place struct {
	store string
	db    *sql.DB // goes there directly, whatever happens on the ledger's way
	// stop makes the store refuse rows, start lets it take them again.
	stop, start func()
	link        *link // nil: there is none
}

// each runs a test on all databases.
func each(t *testing.T, test func(t *testing.T, p *place)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqlitePlace(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, postgresPlace(t))
	})
}

func sqlitePlace(t testing.TB) *place {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usage.db")
	db := openDB(t, "sqlite", path+"?_pragma=busy_timeout(5000)")
	lock := openDB(t, "sqlite", path+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	var tx *sql.Tx
	return &place{
		store: "sqlite:" + path, db: db,
		stop: func() {
			var err error
			if tx, err = lock.Begin(); err != nil {
				t.Fatal(err)
			}
		},
		start: func() {
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// postgresPlace is a schema of its own, reached through a link that the test can cut.
func postgresPlace(t testing.TB) *place {
	t.Helper()
	server := os.Getenv("GATEWAY_TEST_POSTGRES")
	if server == "" {
		t.Skip("GATEWAY_TEST_POSTGRES names no PostgreSQL server (postgres://...)")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	schema := "ledger_" + strings.ToLower(rand.Text())
	exec(t, openDB(t, "pgx", server), "CREATE SCHEMA "+schema)
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	db := openDB(t, "pgx", u.String())
	t.Cleanup(func() { exec(t, db, "DROP SCHEMA "+schema+" CASCADE") })
	l := newLink(t, u.Host)
	u.Host = l.address
	return &place{store: u.String(), db: db, stop: l.cut, start: l.mend, link: l}
}

func openDB(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// number is what a statement selects.
func number(t testing.TB, db *sql.DB, statement string) int64 {
	t.Helper()
	var n int64
	if err := db.QueryRow(statement).Scan(&n); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return n
}

// A link passes bytes on to a server, as long as it is not cut.
type link struct {
	t       testing.TB
	address string
	server  string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	// hang: bytes go nowhere, and nothing is closed; after these it begins.
	hang  bool
	after string
	tasks sync.WaitGroup
}

func newLink(t testing.TB, server string) *link {
	l := &link{t: t, server: server, address: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	l.mend()
	t.Cleanup(func() {
		l.cut()
		l.tasks.Wait()
	})
	return l
}

func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	listener, err := net.Listen("tcp", l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.listener, l.address, l.hang, l.after = listener, listener.Addr().String(), false, ""
	l.tasks.Go(func() { l.accept(listener) })
}

func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener.Close()
	for c := range l.conns {
		c.Close()
	}
	clear(l.conns)
}

func (l *link) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.server)
		if err != nil {
			l.t.Error(err)
			return
		}
		l.mu.Lock()
		l.conns[client], l.conns[server] = true, true
		l.mu.Unlock()
		l.tasks.Go(func() { l.pass(server, client, true) })
		l.tasks.Go(func() { l.pass(client, server, false) })
	}
}

func (l *link) pass(to, from net.Conn, up bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && l.lets(buffer[:n], up) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// lets tells whether bytes are passed on. Those that the link waits for are the last.
func (l *link) lets(b []byte, up bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hang {
		return false
	}
	l.hang = up && l.after != "" && strings.Contains(string(b), l.after)
	return true
}

// hangAfter lets the server have these bytes, and nobody anything after them.
func (l *link) hangAfter(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.after = text
}

// options of a ledger there, with its log.
func (p *place) options(t testing.TB) (ledger.Options, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	return ledger.Options{
		Store: p.store, Journal: filepath.Join(t.TempDir(), "journal.db"), Sync: true,
		Log: zap.New(core), Now: time.Now,
	}, logs
}

// open opens a ledger, and closes it with the test.
func open(t testing.TB, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLedger(t, l) })
	return l
}

func closeLedger(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	if err := l.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// until waits for a condition.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long: %s", what)
		}
	}
}
