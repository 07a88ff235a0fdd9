package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected output in the scripts")

// patience is how long a script waits for what should come at once.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gateway": main, "curl": curl})
}

// TestScripts runs the real program. Besides the commands of testscript there are:
//
//	start NAME [VARIABLE=VALUE...] PROGRAM ARGS...   runs it beside the script
//	await NAME REGEXP    waits for new output of it; named groups become variables
//	signal NAME SIGNAL   sends TERM, INT, HUP or KILL
//	ended NAME CODE      waits for its end; -1 by a signal
//	shell LINE           runs a command line of words and single quotes
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each program takes a second to end
			all := &daemons{vars: slices.Clone(e.Vars), byName: map[string]*daemon{}}
			e.Values[daemonsKey{}] = all
			e.Defer(all.kill)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":  onDaemons((*daemons).start),
			"await":  onDaemons((*daemons).await),
			"signal": onDaemons((*daemons).signal),
			"ended":  onDaemons((*daemons).ended),
			"shell":  shell,
		},
	})
}

type daemonsKey struct{}

func onDaemons(do func(*daemons, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: see TestScripts")
		}
		do(ts.Value(daemonsKey{}).(*daemons), ts, args)
	}
}

// daemons are the programs that run beside one script.
type daemons struct {
	vars   []string
	byName map[string]*daemon
}

func (d *daemons) named(ts *testscript.TestScript, name string) *daemon {
	one, ok := d.byName[name]
	if !ok {
		ts.Fatalf("%s was not started", name)
	}
	return one
}

func (d *daemons) start(ts *testscript.TestScript, args []string) {
	name, words := args[0], args[1:]
	vars := slices.Clone(d.vars)
	for len(words) > 0 && strings.Contains(words[0], "=") {
		vars, words = append(vars, words[0]), words[1:]
	}
	if len(words) == 0 || d.byName[name] != nil {
		ts.Fatalf("nothing to start, or %s was started before", name)
	}
	one := &daemon{cmd: exec.Command(words[0], words[1:]...), news: make(chan struct{}), end: make(chan struct{})}
	one.cmd.Dir, one.cmd.Env = ts.MkAbs("."), vars
	one.cmd.Stdout, one.cmd.Stderr = one, one
	ts.Check(one.cmd.Start())
	d.byName[name] = one
	go func() {
		_ = one.cmd.Wait() // its exit code is looked at by ended
		close(one.end)
	}()
}

func (d *daemons) await(ts *testscript.TestScript, args []string) {
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	one := d.named(ts, args[0])
	found, err := one.find(pattern)
	if err != nil {
		ts.Fatalf("%s: no %q: %v; its new output:\n%s", args[0], args[1], err, one.unseen())
	}
	for i, group := range pattern.SubexpNames() {
		if group != "" {
			ts.Setenv(group, found[i])
		}
	}
}

func (d *daemons) signal(ts *testscript.TestScript, args []string) {
	signals := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": os.Interrupt, "HUP": syscall.SIGHUP, "KILL": os.Kill}
	ts.Check(d.named(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

func (d *daemons) ended(ts *testscript.TestScript, args []string) {
	one := d.named(ts, args[0])
	select {
	case <-one.end:
	case <-time.After(patience):
		ts.Fatalf("%s still runs; its new output:\n%s", args[0], one.unseen())
	}
	if code := strconv.Itoa(one.cmd.ProcessState.ExitCode()); code != args[1] {
		ts.Fatalf("%s ended with %s, want %s; its new output:\n%s", args[0], code, args[1], one.unseen())
	}
}

func (d *daemons) kill() {
	for _, one := range d.byName {
		_ = one.cmd.Process.Kill() // most have ended
		<-one.end
	}
}

// A daemon is a program that runs beside a script, and what it wrote.
type daemon struct {
	cmd *exec.Cmd
	end chan struct{} // closed when it has ended

	mu     sync.Mutex
	output []byte
	seen   int           // of output, by find
	news   chan struct{} // closed at the next output
}

// Write takes output.
func (d *daemon) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.output = append(d.output, p...)
	close(d.news)
	d.news = make(chan struct{})
	return len(p), nil
}

func (d *daemon) unseen() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.output[d.seen:])
}

// find waits for output that was not found before.
func (d *daemon) find(pattern *regexp.Regexp) ([]string, error) {
	late, ended := time.After(patience), false
	for {
		found, news := d.look(pattern)
		switch {
		case found != nil:
			return found, nil
		case ended:
			return nil, errors.New("it ended")
		}
		select {
		case <-news:
		case <-d.end: // a last look: all its output was written before
			ended = true
		case <-late:
			return nil, errors.New("it keeps us waiting")
		}
	}
}

// look gives the match and its groups, or nil and what is closed when there is more.
func (d *daemon) look(pattern *regexp.Regexp) ([]string, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rest := d.output[d.seen:]
	at := pattern.FindSubmatchIndex(rest)
	if at == nil {
		return nil, d.news
	}
	var found []string
	for _, group := range pattern.FindSubmatch(rest) {
		found = append(found, string(group))
	}
	d.seen += at[1]
	return found, nil
}

func shell(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: shell LINE")
	}
	all := words(args[0])
	if err := ts.Exec(all[0], all[1:]...); (err != nil) != neg {
		ts.Fatalf("%s: %v", args[0], err)
	}
}

// words splits a line as a shell does that knows only single quotes.
func words(line string) []string {
	var all []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			all = append(all, part)
			continue
		}
		all = append(all, strings.Fields(part)...)
	}
	return all
}
