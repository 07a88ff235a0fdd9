package openaitest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A Recording is one real exchange with an API, from ../shared/recorded, whose README says
// what the fields hold.
type Recording struct {
	ID      string
	API     string
	Tags    []string
	Request struct {
		URLPath string          `json:"url_path"`
		Body    json.RawMessage // null: not recorded
	}
	Response struct {
		Status int
		Body   string
		Form   string `json:"body_form"`
	}
}

// Has reports whether a tag marks the recording.
func (r *Recording) Has(tag string) bool { return slices.Contains(r.Tags, tag) }

// Recordings gives those that keep wants. It skips the test where there are none at all.
func Recordings(t testing.TB, keep func(*Recording) bool) []Recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(NeedShared(t, "recorded/data"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var found []Recording
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r Recording
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if keep(&r) {
			found = append(found, r)
		}
	}
	return found
}
