package fakevertex

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vertexgateway/translate/catalogue"
)

// A record is one recorded exchange.
type record struct {
	ID, API string
	Tags    []string
	Request struct {
		URLPath string `json:"url_path"`
		Headers map[string]string
		Body    map[string]any
	}
	Response struct{ Status int }
}

// TestRecorded sends what Vertex took when it was recorded, whole requests only: there is
// no other exception.
func TestRecorded(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/recorded/data/*.json")
	if len(files) == 0 {
		t.Skip("the recorded traffic, ../shared/recorded, is not here")
	}
	s := New(Options{})
	replayed := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r record
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		if r.API != "vertex-anthropic" || r.Response.Status != 200 || r.Request.Body == nil || r.has("shortened") || r.has("redacted") {
			continue
		}
		replayed++
		t.Run(r.ID, func(t *testing.T) {
			res, text := post(t, s, r.path(), r.Request.Body)
			if res.StatusCode != 200 {
				t.Errorf("%s: %s", res.Status, text)
			}
		})
	}
	if replayed < 35 {
		t.Errorf("only %d records were replayed", replayed)
	}
}

func (r record) has(tag string) bool { return slices.Contains(r.Tags, tag) }

// path is the record's; where the collection's authors made it up, the model stands in
// it as clients of the first party spell it.
func (r record) path() string {
	before, rest, _ := strings.Cut(r.Request.URLPath, "/models/")
	name, method, _ := strings.Cut(rest, ":")
	if m, ok := catalogue.Builtin().Find(name); ok && r.has("url-assumed") {
		name = m.ID
	}
	return before + "/models/" + name + ":" + method
}
