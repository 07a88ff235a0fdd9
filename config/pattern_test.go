package config

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/catalogue"
)

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		patterns, names []string
		want            bool
	}{
		{nil, nil, true},
		{nil, []string{"a"}, true},
		{[]string{"a"}, []string{"a"}, true},
		{[]string{"a"}, []string{"b", "a"}, true},
		{[]string{"b", "a"}, []string{"a"}, true},
		{[]string{"*"}, []string{"a"}, true},
		{[]string{"a*"}, []string{"a"}, true},
		{[]string{"a*"}, []string{"abc"}, true},
		{[]string{"a"}, nil, false},
		{[]string{"*"}, nil, false},
		{[]string{"a"}, []string{"ab", "A", "xa", "a*"}, false},
		{[]string{"ab*"}, []string{"a", "xab", "AB"}, false},
		{[]string{""}, []string{"a"}, false},
	} {
		if got := Matches(test.patterns, test.names...); got != test.want {
			t.Errorf("%q match %q: %t", test.patterns, test.names, got)
		}
	}
}

func TestNamesOf(t *testing.T) {
	m, ok := catalogue.Builtin().Find("claude-opus-4-5")
	if !ok {
		t.Fatal("the model is gone")
	}
	for _, want := range []string{
		"best", "claude-opus-4-5", "claude-opus-4-5@20251101", "claude-opus-4-5-20251101", "anthropic/claude-opus-4-5", "anthropic/claude-opus-4-5@20251101",
	} {
		if !slices.Contains(NamesOf("best", m), want) {
			t.Errorf("%s is missing in %q", want, NamesOf("best", m))
		}
	}
	if slices.Contains(NamesOf("", m), "") {
		t.Error("a family has an empty name")
	}
	if diff := cmp.Diff([]string{"ft"}, NamesOf("ft", nil)); diff != "" {
		t.Error(diff)
	}
}

// The contract's example is valid but for a hash, and locations outside of those of vertex.
func TestContract(t *testing.T) {
	const file = "../../shared/contract.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("%s: not here", file)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	known := strings.NewReplacer("hex of the key's hash", hashA, "[global, us, eu]", "[global, us, eu, us-east5, us-central1, europe-west1]")
	c := load(t, known.Replace(example))
	if len(c.Teams) != 1 || c.Teams[0].JWT != nil || len(c.Models) != 3 {
		t.Errorf("%+v", c)
	}
}
