package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// environ is a system with nothing but these variables.
func environ(t *testing.T, vars map[string]string) (s *system, stdout, stderr *bytes.Buffer) {
	t.Helper()
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	lookupenv := func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}
	notify := func(chan<- os.Signal, ...os.Signal) { t.Error("signals are taken by a command that ends by itself") }
	return &system{lookupenv, stdout, stderr, notify}, stdout, stderr
}

func TestHelpFitsOneScreen(t *testing.T) {
	s, stdout, stderr := environ(t, nil)
	if code := run([]string{"--help"}, s); code != exitOK || stderr.Len() > 0 {
		t.Fatalf("code %d, stderr %q", code, stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
	if len(lines) > 24 {
		t.Errorf("%d lines, want at most 24", len(lines))
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%d columns, want at most 80: %s", n, line)
		}
	}
}

// TestTwins asks for every flag of every command by its variable.
func TestTwins(t *testing.T) {
	asked := map[string]bool{}
	lookupenv := func(name string) (string, bool) {
		asked[name] = true
		return "", false
	}
	parser := kong.Must(new(commands), kong.Resolvers(environment(lookupenv)))
	for _, command := range parser.Model.Leaves(false) {
		clear(asked)
		line := strings.Fields(command.FullPath())[1:]
		for range command.Positional {
			line = append(line, "argument")
		}
		_, _ = parser.Parse(line) // what it misses, it misses after it has asked
		for _, flag := range command.Flags {
			want := "GATEWAY_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
			if !asked[want] {
				t.Errorf("%q --%s: %s was not looked at", line, flag.Name, want)
			}
		}
	}
}

func TestHelpHasNoTwin(t *testing.T) {
	s, stdout, _ := environ(t, map[string]string{"GATEWAY_HELP": "true"})
	if code := run([]string{"version"}, s); code != exitOK || !strings.HasPrefix(stdout.String(), "gateway ") {
		t.Errorf("code %d, %q; want the version", code, stdout)
	}
}

func TestVersionFromLinker(t *testing.T) {
	defer func(v, c string) { version, commit = v, c }(version, commit)
	version, commit = "v1.2.3", "0123abc"
	s, stdout, _ := environ(t, nil)
	if code := run([]string{"version"}, s); code != exitOK || !strings.HasPrefix(stdout.String(), "gateway v1.2.3 commit 0123abc go1.") {
		t.Errorf("code %d, %q", code, stdout)
	}
}
