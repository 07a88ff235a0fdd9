package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vertexgateway/config"
)

func noEnvironment(string) (string, bool) { return "", false }

// newKeyOf runs the command, and loads what it prints.
func newKeyOf(t *testing.T, args ...string) (secret string, c *config.Config) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(append([]string{"keys", "new"}, args...), &system{lookupenv: noEnvironment, stdout: &stdout, stderr: &stderr})
	if code != exitOK || stderr.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	secret, text, found := strings.Cut(stdout.String(), "\n\n")
	if !found {
		t.Fatalf("no blank line in %q", stdout.String())
	}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, noEnvironment)
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return secret, c
}

func TestKeysNew(t *testing.T) {
	form := regexp.MustCompile(`^vgw_[a-z2-7]{52}$`)
	names := []string{"search", `"quoted" \ and # more: 'x'`, "on", "1e3", "Köln", "a: b #c", "*x", " y "}
	for _, name := range names {
		secret, c := newKeyOf(t, "--team="+name, "--name="+name)
		sum := sha256.Sum256([]byte(secret))
		want := config.Key{Name: name, SHA256: hex.EncodeToString(sum[:])}
		if len(c.Teams) != 1 || c.Teams[0].Name != name || len(c.Teams[0].Keys) != 1 || c.Teams[0].Keys[0] != want || !form.MatchString(secret) {
			t.Errorf("%q: key %q and teams %+v", name, secret, c.Teams)
		}
	}
}

// TestKeysNewNames: without a name a key has that of the day, so that the next one has another.
func TestKeysNewNames(t *testing.T) {
	before := time.Now().UTC().Format(time.DateOnly)
	first, c := newKeyOf(t, "--team", "a")
	second, _ := newKeyOf(t, "--team", "a")
	after := time.Now().UTC().Format(time.DateOnly)
	if name := c.Teams[0].Keys[0].Name; name != before && name != after {
		t.Errorf("a key is called %q, want %s", name, after)
	}
	if first == second {
		t.Errorf("two keys are %q", first)
	}
}

func TestKeysNewRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"missing flags: --team": {},
		"a team needs a name":   {"--team="},
		"control characters":    {"--team=a", "--name=a\nb"},
		"teams[0].name":         {"--team={a}"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(append([]string{"keys", "new"}, args...), &system{lookupenv: noEnvironment, stdout: &stdout, stderr: &stderr})
		if code == exitOK || stdout.Len() > 0 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q: exit code %d, %q on stdout, %q on stderr", args, code, stdout.String(), stderr.String())
		}
	}
}
