package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/catalogue"
)

// builtin is a copy of the built-in model of that name.
func builtin(t *testing.T, name string) catalogue.Model {
	t.Helper()
	m, ok := catalogue.Builtin().Find(name)
	if !ok {
		t.Fatalf("no model %q", name)
	}
	return *m
}

// withCapabilities is the configuration with such a capabilities file.
func withCapabilities(t *testing.T, content string, pairs ...string) (*Config, error) {
	t.Helper()
	write(t, "capabilities_file: models.yaml\n")
	replace(t, "models.yaml", content)
	return Load("gateway.yaml", env(pairs...))
}

func TestCapabilitiesChangeOnlyWhatTheyName(t *testing.T) {
	c, err := withCapabilities(t, `
models:
  - id: claude-opus-4-5 # any spelling
    max_output: ${MAX}
    accepts: {thinking: [disabled], images: 7}
    prices: {input: 1.5e-1}
  - {id: claude-new-1, window: 5}
  - {id: gemini-x, publisher: google, locations: [global]}
  - {id: codestral-2, provisioned: [us-central1], prices: {pages: 3}}
  - {id: mistralai/codestral-3, paths: [fim], window: 6, status: active}
  - {id: codestral-4, publisher: mistralai, max_output: 7}
  - {id: text-embedding-006, publisher: google, api: predict, locations: [us-central1]}
`, "MAX=12")
	if err != nil {
		t.Fatal(err)
	}
	old := builtin(t, "claude-opus-4-5")
	changed, prices := old, *old.Prices
	prices.Input = 0.15
	changed.MaxOutput, changed.Accepts.Thinking, changed.Accepts.Images, changed.Prices = 12, []string{"disabled"}, 7, &prices
	added := builtin(t, "claude-new-1")
	added.Window = 5
	code := builtin(t, "codestral-2")
	codePrices := *code.Prices
	codePrices.Pages = 3
	code.Provisioned, code.Prices = []string{"us-central1"}, &codePrices
	newer := builtin(t, "mistralai/codestral-3")
	newer.Paths, newer.Window, newer.Status = []string{"fim"}, 6, "active"
	newest := builtin(t, "mistralai/codestral-4")
	newest.MaxOutput = 7
	embedding := builtin(t, "text-embedding-005")
	embedding.ID, embedding.Title, embedding.Status = "text-embedding-006", "text-embedding-006", "unknown"
	embedding.Locations, embedding.Window = []string{"us-central1"}, 0
	for _, want := range []catalogue.Model{changed, added, code, newer, newest, embedding} {
		got, ok := c.Catalogue.Find(want.ID)
		if !ok {
			t.Fatalf("no model %q", want.ID)
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Error(diff)
		}
	}
	if m, ok := c.Catalogue.Find("gemini-x"); !ok || m.Publisher != "google" {
		t.Errorf("another publisher's model is %+v", m)
	}
	if diff := cmp.Diff(old, builtin(t, "claude-opus-4-5")); diff != "" {
		t.Errorf("the built-in catalogue was changed: %s", diff)
	}
}

func TestCapabilitiesMayBeJSON(t *testing.T) {
	c, err := withCapabilities(t, "{\n\t\"models\": [\n\t\t{\"id\": \"claude-opus-5\", \"prices\": {\"input\": 9}}\n\t]\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := c.Catalogue.Find("claude-opus-5"); m.Prices.Input != 9 || m.Prices.Output == 0 {
		t.Errorf("prices are %+v", m.Prices)
	}
}

func TestCapabilitiesDecideWhatIsValid(t *testing.T) {
	c, err := withCapabilities(t, "models: [{id: claude-opus-4-1, max_output: 5}, {id: other, publisher: google, locations: [us]}]\n")
	if err != nil {
		t.Fatal(err)
	}
	c.Models = []Model{{Name: "claude-opus-4-1", MaxTokens: 6}, {Name: "other"}, {Name: "another"}}
	want := []string{
		`0:0 models[0].max_tokens: 6: above the 5 that claude-opus-4-1@20250805 can answer with`,
		"0:0 models[2].name: \"another\": unknown model; did you mean \"other\"?",
	}
	if diff := cmp.Diff(want, problems(t, c)); diff != "" {
		t.Error(diff)
	}
}

func TestCapabilitiesMistakes(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"unknown keys and types", "models:\n- id: claude-opus-5\n  max_outptu: 5\n  accepts: {images: many}\n  prices: {input: .inf, output: \"${NAN}\", cache_read: \"1\"}\n", `
models.yaml:3:3: models[0].max_outptu: unknown key; did you mean "max_output"?
   3 |   max_outptu…
     |   ^
models.yaml:4:21: models[0].accepts.images: want a whole number, got many
   4 |   accepts: {images: many}
     |                     ^
models.yaml:5:19: models[0].prices.input: want a single value, got .inf
   5 |   prices: {input: .inf, output: "${NAN}", cache_read: "1"}
     |                   ^
models.yaml:5:33: models[0].prices.output: want a number, got nan
   5 |   prices: {input: .inf, output: "${NAN}", cache_read: "1"}
     |                                 ^
models.yaml:5:55: models[0].prices.cache_read: want a number, got "1"
   5 |   prices: {input: .inf, output: "${NAN}", cache_read: "1"}
     |                                                       ^`},
		{"the same model twice", "models:\n- id: claude-opus-4-5\n- id: claude-opus-4-5@20251101\n", `
models.yaml:3:3: models[1]: a second entry for "claude-opus-4-5@20251101"
   3 | - id: claude-opus-4-5@20251101
     |   ^`},
		{"no id", "models:\n- max_output: 5\n", `
models.yaml:2:3: models[0].id: missing
   2 | - max_output: 5
     |   ^`},
		{"paths and prices of another API", "models:\n- {id: jamba-1.5-mini, paths: [ocr], prices: {pages: -1}}\n", `
models.yaml:2:3: models[0]: models[0] "jamba-1.5-mini": paths[0] "ocr": none of chat, completions; prices.pages -1: not a price
   2 | - {id: jamba-1.5-mini, paths: [ocr], prices: {pages: -1}}
     |   ^`},
		{"no list", "claude-opus-5: {max_output: 5}\n", `
models.yaml:1:1: claude-opus-5: unknown key
   1 | claude-opus-5…
     | ^`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := withCapabilities(t, test.content, "NAN=nan")
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), err.Error()); diff != "" {
				t.Errorf("%s\n%s", diff, err)
			}
		})
	}
}

// The catalogue's own words are its business; that they come with a place is ours.
func TestWhatTheCatalogueRefusesIsPointedAt(t *testing.T) {
	_, err := withCapabilities(t, "models:\n- {id: claude-opus-5, status: gone, window: -1}\n")
	if err == nil || !strings.HasPrefix(err.Error(), "models.yaml:2:3: models[0]: ") {
		t.Fatalf("the error is %v", err)
	}
	for _, word := range []string{"claude-opus-5", "status", "gone", "window", "-1"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("no %q in %v", word, err)
		}
	}
}

func TestMissingCapabilitiesFile(t *testing.T) {
	write(t, "strict: true\ncapabilities_file: none.yaml\n")
	_, err := Load("gateway.yaml", env())
	want := "gateway.yaml:2:20: capabilities_file: open none.yaml: no such file or directory\n" +
		"   2 | capabilities_file: none.yaml\n" +
		"     |                    ^"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v", err)
	}
}
