// Package openaitest checks what the gateway emits against OpenAI's published schema. It
// is for tests only.
package openaitest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// load reads the schema once for all tests of a package: it takes most of a second.
var load = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromFile(Shared("reference/openai-openapi.json"))
})

// Shared is the path of a file of the reference material beside the project.
func Shared(name string) string {
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return filepath.Join(dir, "..", "shared", filepath.FromSlash(name))
}

// NeedShared skips a test that needs a file of the reference material where it is absent.
func NeedShared(t testing.TB, name string) string {
	t.Helper()
	path := Shared(name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: ../shared/%s is absent", name)
	}
	return path
}

// A Schema checks objects.
type Schema struct{ doc *openapi3.T }

// Load reads OpenAI's schema, or skips the test where it is absent.
func Load(t testing.TB) Schema {
	t.Helper()
	NeedShared(t, "reference/openai-openapi.json")
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return Schema{doc}
}

// Check fails the test unless the JSON object is what the schema calls name.
func (s Schema) Check(t testing.TB, name string, object []byte) {
	t.Helper()
	schema, ok := s.doc.Components.Schemas[name]
	if !ok {
		t.Fatalf("no schema %s", name)
	}
	var value any
	if err := json.Unmarshal(object, &value); err != nil {
		t.Fatalf("%s is not JSON: %v\n%s", name, err, object)
	}
	if err := schema.Value.VisitJSON(value, openapi3.MultiErrors()); err != nil {
		t.Errorf("not a %s: %v\n%s", name, err, object)
	}
}

// Properties are the names of the members that the schema called name has.
func (s Schema) Properties(t testing.TB, name string) []string {
	t.Helper()
	root, ok := s.doc.Components.Schemas[name]
	if !ok {
		t.Fatalf("no schema %s", name)
	}
	names := make(map[string]bool)
	var walk func(*openapi3.SchemaRef)
	walk = func(ref *openapi3.SchemaRef) {
		for property := range ref.Value.Properties {
			names[property] = true
		}
		for _, part := range slices.Concat(ref.Value.AllOf, ref.Value.AnyOf, ref.Value.OneOf) {
			walk(part)
		}
	}
	walk(root)
	return slices.Sorted(maps.Keys(names))
}
