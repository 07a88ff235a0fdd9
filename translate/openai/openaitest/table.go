package openaitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Added are the members of a JSON object that another lacks or has otherwise, as Markdown.
func Added(t testing.TB, object, other []byte) string {
	t.Helper()
	var added []string
	without := membersOf(t, other)
	for _, m := range membersOf(t, object) {
		if !slices.Contains(without, m) {
			added = append(added, Code(m))
		}
	}
	return strings.Join(added, " ")
}

// membersOf gives the members of an object in their order, as text.
func membersOf(t testing.TB, object []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(object))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	var members []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
		members = append(members, fmt.Sprintf(`"%s":%s`, name, value))
	}
	return members
}

// Code is text as code in a cell of a table.
func Code(text string) string { return "`" + strings.ReplaceAll(text, "|", `\|`) + "`" }

// Documented fails the test unless a Markdown file has the text between the comment begin,
// a line of its own, and the comment that its tables end with; with update it is written
// there.
func Documented(t testing.TB, file, begin, text string, update bool) {
	t.Helper()
	const end = "<!-- end of the tables -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin += "\n\n"
	before, rest, ok := strings.Cut(string(page), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the tables", file)
	}
	if update {
		if err := os.WriteFile(file, []byte(before+begin+text+end+after), 0o644); err != nil { //nolint:gosec // as git has it
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(text, got); diff != "" {
		t.Errorf("%s (-want +got); run with -update:\n%s", file, diff)
	}
}
