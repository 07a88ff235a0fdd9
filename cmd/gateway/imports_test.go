package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "vertexgateway"

// A layer is what a package may import of this module; a package missing here fails.
type layer struct {
	imports []string
	reason  string
}

// layers :: package -> its layer, from the bottom up
var layers = map[string]layer{
	"translate/sse":       {nil, "the wire format of events, of whatever API"},
	"translate/openai":    {nil, "OpenAI's wire types, the language inside the gateway"},
	"translate/catalogue": {nil, "facts about models"},
	"translate":           {[]string{"translate/sse", "translate/openai"}, "what all dialects share, and none of them by name"},
	"translate/anthropic": {
		[]string{"translate", "translate/catalogue", "translate/openai", "translate/sse"},
		"a pure translation: bytes and values in, bytes and values out",
	},
	"translate/compat": {
		[]string{"translate", "translate/catalogue", "translate/openai"},
		"a pure translation, of what APIs that are nearly OpenAI's have in common",
	},
	"translate/mistral":           {[]string{"translate", "translate/catalogue", "translate/compat", "translate/openai"}, "what is Mistral's alone"},
	"translate/jamba":             {[]string{"translate", "translate/catalogue", "translate/compat", "translate/openai"}, "what is Jamba's alone"},
	"translate/passthrough":       {[]string{"translate", "translate/openai"}, "JSON that goes on as it is, whichever API it is of"},
	"translate/completions":       {[]string{"translate", "translate/openai", "translate/passthrough", "translate/sse"}, "an API's old form, whichever model answers"},
	"translate/embeddings":        {[]string{"translate", "translate/openai", "translate/passthrough"}, "an API of its own, with two ways to a model"},
	"translate/ocr":               {[]string{"translate", "translate/openai", "translate/passthrough"}, "an API of its own, of one publisher"},
	"translate/responses":         {[]string{"translate/openai"}, "a form of requests, whichever model they go to"},
	"translate/openai/openaitest": {nil, "only tests import it"},
	"config":                      {[]string{"translate/catalogue"}, "the file may name models and correct facts about them"},
	"vertex":                      {nil, "Google's addresses, tokens and failures, not what is said there"},
	"vertex/fakevertex":           {[]string{"translate/sse", "translate/catalogue"}, "a stand-in that shared a translation would share its mistakes"},
	"vertex/vertextest":           {nil, "only tests import it"},
	"usage":                       {[]string{"translate/catalogue", "translate/openai"}, "who may call, and what it costs, for any API"},
	"usage/ledger":                {[]string{"translate/openai", "usage"}, "rows and sums; whose they are is told it"},
	"usage/limit":                 {[]string{"usage"}, "counters; what they count is told them"},
	"proxy/fetch":                 {nil, "a guarded GET of bytes, whatever they are for"},
	"proxy": {
		[]string{
			"config", "proxy/fetch", "translate", "translate/anthropic", "translate/catalogue", "translate/completions", "translate/embeddings", "translate/jamba",
			"translate/mistral", "translate/ocr", "translate/openai", "translate/passthrough", "translate/responses", "translate/sse", "usage",
			"usage/ledger", "usage/limit", "vertex",
		},
		"the one place that knows them all, except the stand-in for Vertex",
	},
	"cmd/gateway": {
		[]string{"config", "proxy", "translate", "translate/anthropic", "translate/catalogue", "translate/openai", "translate/sse", "usage", "usage/ledger", "usage/limit", "vertex", "vertex/fakevertex"},
		"constructs everything",
	},
}

// owners :: module from outside, or package of the standard library -> the only package that may import it
var owners = map[string]string{
	"github.com/coreos/go-oidc":  "usage",
	"github.com/goccy/go-yaml":   "config",
	"github.com/jackc/pgx":       "usage/ledger",
	"github.com/pressly/goose":   "usage/ledger",
	"github.com/gomodule/redigo": "usage/limit",
	"golang.org/x/oauth2":        "vertex",
	"modernc.org/sqlite":         "usage/ledger",
	"database/sql":               "usage/ledger",
}

func TestImportOrder(t *testing.T) {
	for pkg, imported := range imports(t) {
		l, ok := layers[pkg]
		if !ok {
			t.Errorf("%s has no layer", pkg)
			continue
		}
		for _, i := range imported {
			own, ours := strings.CutPrefix(i, module+"/")
			if ours && !slices.Contains(l.imports, own) {
				t.Errorf("%s imports %s; it is %s", pkg, own, l.reason)
			}
		}
	}
}

func TestImportOwners(t *testing.T) {
	for pkg, imported := range imports(t) {
		for _, i := range imported {
			for theirs, owner := range owners {
				if within(i, theirs) && pkg != owner {
					t.Errorf("%s imports %s; only %s may", pkg, i, owner)
				}
			}
		}
	}
}

func within(pkg, root string) bool {
	return pkg == root || strings.HasPrefix(pkg, root+"/")
}

// imports :: package of this module -> what it imports, tests aside
func imports(t *testing.T) map[string][]string {
	t.Helper()
	const root = "../.."
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && ignored(d.Name()) && file != root:
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		imported, err := importsOf(file)
		pkg := filepath.ToSlash(folder)
		found[pkg] = append(found[pkg], imported...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 2 {
		t.Fatalf("found %d packages, want a tree of them", len(found))
	}
	for pkg, imported := range found {
		slices.Sort(imported)
		found[pkg] = slices.Compact(imported)
	}
	return found
}

// ignored folders are those the go command ignores.
func ignored(folder string) bool {
	return folder == "testdata" || strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_")
}

func importsOf(file string) ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var imported []string
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		imported = append(imported, name)
	}
	return imported, nil
}
