package main

import (
	"crypto/rand"
	"database/sql"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// variable is what stands in the environment, or the test is skipped.
func variable(t testing.TB, name, means string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skip(name + " is not set; it " + means)
	}
	return value
}

func sharedRedis(t testing.TB) string {
	t.Helper()
	return variable(t, "GATEWAY_TEST_REDIS", "is the URL of a Redis server (redis://...)")
}

func sharedPostgres(t testing.TB) string {
	t.Helper()
	return variable(t, "GATEWAY_TEST_POSTGRES", "is the URL of a PostgreSQL server (postgres://...)")
}

// ownServers are a Redis and a PostgreSQL of one test, which may stop them. None runs yet.
type ownServers struct {
	t      testing.TB
	script string
	vars   []string
}

func newServers(t testing.TB) *ownServers {
	t.Helper()
	s := &ownServers{t: t, script: variable(t, "GATEWAY_TEST_SERVERS", "is the path of .ci/servers, which starts and stops Redis and PostgreSQL")}
	dir, err := os.MkdirTemp("", "gateway-servers-") //nolint:usetesting // PostgreSQL may run as somebody else, who must get there
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.vars = append(os.Environ(), "GATEWAY_SERVERS_DIR="+dir, "GATEWAY_SERVERS_REDIS_PORT="+freePort(t), "GATEWAY_SERVERS_POSTGRES_PORT="+freePort(t))
	t.Cleanup(func() { s.do("remove") })
	return s
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// do runs the script: start, stop or kill, and redis or postgres.
func (s *ownServers) do(words ...string) {
	s.t.Helper()
	cmd := exec.Command(s.script, words...)
	cmd.Env = s.vars
	// No pipe: the servers it leaves behind would keep one open.
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("%s %s: %v", s.script, strings.Join(words, " "), err)
	}
}

// begin starts one of them, and is its URL.
func (s *ownServers) begin(name string) string {
	s.t.Helper()
	s.do("start", name)
	cmd := exec.Command(s.script, "address", name)
	cmd.Env = s.vars
	address, err := cmd.Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(address))
}

// newSchema is the URL of a schema of the test's own.
func newSchema(t testing.TB, server string) string {
	t.Helper()
	schema := "gateway_" + strings.ToLower(rand.Text())
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // an own server may be down by then
		_, _ = db.Exec("DROP SCHEMA " + schema + " CASCADE")
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}
