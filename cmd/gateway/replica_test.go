package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vertexgateway/usage"
	"vertexgateway/vertex/fakevertex"
)

// A tenant is a team of a test with its only key.
type tenant struct {
	name   string // differs in each run, as counters in Redis outlive one
	secret string
	limits string // YAML
}

func newTenant(name, limits string) *tenant {
	return &tenant{name + "-" + rand.Text()[:8], usage.NewSecret(), limits}
}

// yaml is the team in a configuration.
func (n *tenant) yaml() string {
	return fmt.Sprintf("  - {name: %s, limits: {%s}, keys: [{name: only, sha256: %s}]}\n", n.name, n.limits, usage.Hash(n.secret))
}

// writeConfig makes the file of gateways in front of an emulator. Each has a journal of its own.
func writeConfig(t testing.TB, store, more string, tenants ...*tenant) string {
	t.Helper()
	lines := []string{more, "\nteams:\n"}
	for _, n := range tenants {
		lines = append(lines, n.yaml())
	}
	return writeTeams(t, store, strings.Join(lines, ""))
}

// endless is a model whose streams do not end.
const endless = "claude-haiku-4-5"

// writeTeams makes such a file with these lines about teams and limits.
func writeTeams(t testing.TB, store, teams string) string {
	t.Helper()
	upstream := httptest.NewServer(fakevertex.New(fakevertex.Options{Scenarios: []fakevertex.Scenario{
		{Model: endless, StallAfter: 5, Pings: time.Second},
		{Tokens: 40, Pace: time.Millisecond},
	}}))
	t.Cleanup(upstream.Close)
	text := fmt.Sprintf("listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nvertex: {project: test, credentials: none, base_url: '%s'}\nusage: {store: '%s', journal: '${JOURNAL}'}\n",
		upstream.URL, store)
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte(text+teams), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A replica is the program as it serves, which may be ended and started again.
type replica struct {
	*daemon
	t          testing.TB
	config     string
	journal    string
	url, admin string
}

// newReplica starts one, and ends it with the test.
func newReplica(t testing.TB, config string) *replica {
	t.Helper()
	r := &replica{t: t, config: config, journal: filepath.Join(t.TempDir(), "journal.db")}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func newReplicas(t testing.TB, config string, n int) []*replica {
	t.Helper()
	var all []*replica
	for range n {
		all = append(all, newReplica(t, config))
	}
	return all
}

var serving = regexp.MustCompile(`"msg":"serving","listen":"([^"]+)","admin_listen":"([^"]+)"`)

func (r *replica) start() {
	r.t.Helper()
	r.daemon = &daemon{cmd: exec.Command("gateway", "serve", "--config", r.config), news: make(chan struct{}), end: make(chan struct{})}
	r.cmd.Env = append(os.Environ(), "JOURNAL="+r.journal, "GORACE=atexit_sleep_ms=0")
	r.cmd.Stdout, r.cmd.Stderr = r.daemon, r.daemon
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func(d *daemon) {
		_ = d.cmd.Wait() // how it ended is looked at by those who ended it
		close(d.end)
	}(r.daemon)
	found, err := r.find(serving)
	if err != nil {
		r.t.Fatalf("a gateway does not serve: %v\n%s", err, r.unseen())
	}
	r.url, r.admin = "http://"+found[1], "http://"+found[2]
}

// kill ends it as a crash does.
func (r *replica) kill() {
	_ = r.cmd.Process.Kill() // it may have ended
	<-r.end
	r.complain()
}

// stop asks it to end, and wants it to.
func (r *replica) stop() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	select {
	case <-r.end:
	case <-time.After(patience):
		r.t.Fatalf("a gateway still runs:\n%s", r.unseen())
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		r.t.Errorf("a gateway ended with %d:\n%s", code, r.unseen())
	}
	r.complain()
}

// complain tells what no gateway may ever say.
func (r *replica) complain() {
	for _, word := range []string{"DATA RACE", "panic", "usage row lost", "usage can be kept nowhere"} {
		if log := string(r.unseen()); strings.Contains(log, word) {
			r.t.Errorf("the log of a gateway has %q:\n%s", word, log)
		}
	}
}

// metric is the value of one without labels.
func (r *replica) metric(name string) float64 {
	r.t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(r.metrics())
	if found == nil {
		r.t.Fatalf("no metric %s", name)
	}
	value, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		r.t.Fatal(err)
	}
	return value
}

func (r *replica) metrics() string {
	r.t.Helper()
	res, err := http.Get(r.admin + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// settle waits until all rows are in the store.
func settle(t testing.TB, replicas ...*replica) {
	t.Helper()
	for _, r := range replicas {
		until(t, "all rows to be in the store", func() bool { return r.metric("gateway_usage_queue_depth") == 0 })
	}
}

func urls(replicas ...*replica) []string {
	var all []string
	for _, r := range replicas {
		all = append(all, r.url)
	}
	return all
}

// until waits for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	inTime(t, patience, what, holds)
}

func inTime(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}
