package catalogue

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	c, err := Parse([]byte(`{
		"families": [{"prefix": "m-", "publisher": "p"}],
		"models": [{"id": "m-1@2", "publisher": "p", "released": "2026-01-02", "names": ["one"], "prices": {"input": 0.5}}]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"m-1@2", "m-1", "m-1-2", "one", "p/one"} {
		if m, ok := c.Find(name); !ok || m.ID != "m-1@2" || m.Prices.Input != 0.5 {
			t.Errorf("Find(%q) = %+v", name, m)
		}
	}
	if m, ok := c.Find("m-2"); !ok || m.ID != "m-2" || m.Prices != nil {
		t.Errorf("unlisted: %+v", m)
	}
}

func TestParseErrors(t *testing.T) {
	// model is a file with one good model, into which a case puts its members.
	model := func(members string) string {
		return `{"models": [{"id": "m-1", "publisher": "p", ` + members + `}]}`
	}
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"not JSON", `models:`, []string{"invalid"}},
		{"unknown key at the top", `{"model": []}`, []string{"model"}},
		{"unknown key", model(`"colour": "red"`), []string{`"m-1"`, "colour"}},
		{"unknown key of a part", model(`"accepts": {"samplings": "free"}`), []string{`"m-1"`, "samplings"}},
		{"wrong case", model(`"Window": 1`), []string{`"m-1"`, "Window"}},
		{"key twice", model(`"window": 1, "window": 2`), []string{"window"}},
		{"wrong type", model(`"window": "large"`), []string{`"m-1"`, "window"}},

		{"no id", `{"models": [{"publisher": "p"}]}`, []string{"models[0]", "id: missing"}},
		{"bad id", `{"models": [{"id": "a/b", "publisher": "p"}]}`, []string{`id "a/b"`}},
		{"dots as id", `{"models": [{"id": "..", "publisher": "p"}]}`, []string{`id ".."`}},
		{"no publisher", `{"models": [{"id": "m-1"}]}`, []string{`"m-1"`, "publisher: missing"}},
		{"id twice", `{"models": [{"id": "m-1", "publisher": "p"}, {"id": "m-1", "publisher": "p"}]}`, []string{"models[1]", `"m-1"`}},
		{"one undated name", `{"models": [{"id": "m@1", "publisher": "p"}, {"id": "m@2", "publisher": "p"}]}`, []string{`"m"`, `"m@1"`, `"m@2"`}},
		{"name twice", model(`"names": ["a", "a"]`), []string{`"m-1"`, `names[1] "a"`}},
		{"name of another", `{"models": [{"id": "m-1", "publisher": "p"}, {"id": "m-2", "publisher": "p", "names": ["m-1"]}]}`, []string{`"m-2"`, `name "m-1"`}},
		{"unfindable name", model(`"names": ["a b"]`), []string{`"m-1"`, `names[0] "a b"`}},
		{"bad location", model(`"locations": ["us/.."]`), []string{`"m-1"`, `locations[0] "us/.."`}},
		{"location twice", model(`"locations": ["us", "us"]`), []string{`"m-1"`, `locations[1] "us"`}},

		{"status", model(`"status": "new"`), []string{`"m-1"`, `status "new"`, "deprecated"}},
		{"released", model(`"released": "May 2026"`), []string{`"m-1"`, `released "May 2026"`}},
		{"retires", model(`"retires": "2026-13-01"`), []string{`"m-1"`, `retires "2026-13-01"`}},
		{"sampling", model(`"accepts": {"sampling": "some"}`), []string{`"m-1"`, `sampling "some"`, "free, either, none"}},
		{"thinking", model(`"accepts": {"thinking": ["enabled", "deep"]}`), []string{`"m-1"`, `thinking[1] "deep"`}},
		{"thinking default", model(`"accepts": {"thinking_default": "yes"}`), []string{`"m-1"`, `thinking_default "yes"`}},
		{"thinking display", model(`"accepts": {"thinking_display": "yes"}`), []string{`"m-1"`, `thinking_display "yes"`}},
		{"effort", model(`"accepts": {"effort": ["minimal"]}`), []string{`"m-1"`, `effort[0] "minimal"`}},
		{"effort order", model(`"accepts": {"effort": ["high", "low"]}`), []string{`"m-1"`, `"low" after "high"`}},
		{"effort default", model(`"accepts": {"effort": ["low"], "effort_default": "high"}`), []string{`"m-1"`, `effort_default "high"`}},
		{"effort unthinking", model(`"accepts": {"effort_unthinking": "high"}`), []string{`"m-1"`, `effort_unthinking "high"`}},
		{"forced tools", model(`"accepts": {"forced_tools": "yes"}`), []string{`"m-1"`, `forced_tools "yes"`}},
		{"prefill", model(`"accepts": {"prefill": "yes"}`), []string{`"m-1"`, `prefill "yes"`}},

		{"api", model(`"api": "rest"`), []string{`"m-1"`, `api "rest"`, "jamba, messages, mistral, openapi, predict"}},
		{"path", model(`"paths": ["chat", "talk"]`), []string{`"m-1"`, `paths[1] "talk"`, "chat, completions, embeddings"}},
		{"path of another API", model(`"api": "jamba", "paths": ["ocr"]`), []string{`"m-1"`, `paths[0] "ocr"`}},
		{"path twice", model(`"paths": ["chat", "chat"]`), []string{`"m-1"`, `paths[1] "chat"`, "twice"}},
		{"provisioned", model(`"provisioned": ["us/.."]`), []string{`"m-1"`, `provisioned[0] "us/.."`}},
		{"price of pages", model(`"prices": {"pages": -1}`), []string{`"m-1"`, "prices.pages -1"}},

		{"window", model(`"window": -1`), []string{`"m-1"`, "window -1"}},
		{"max output", model(`"max_output": -1`), []string{`"m-1"`, "max_output -1"}},
		{"cache", model(`"accepts": {"cache_min_tokens": -1}`), []string{`"m-1"`, "cache_min_tokens -1"}},
		{"images", model(`"accepts": {"images": -1}`), []string{`"m-1"`, "images -1"}},
		{"price", model(`"prices": {"cache_read": -0.5}`), []string{`"m-1"`, "prices.cache_read -0.5"}},
		{"long price", model(`"prices": {"long": {"output": -2}}`), []string{`"m-1"`, "prices.long.output -2"}},
		{"long above", model(`"prices": {"long": {"above": -2}}`), []string{`"m-1"`, "prices.long.above -2"}},

		{"family without prefix", `{"families": [{"publisher": "p"}]}`, []string{"families[0].prefix: missing"}},
		{"family without publisher", `{"families": [{"prefix": "x"}]}`, []string{"families[0].publisher: missing"}},
		{"family twice", `{"families": [{"prefix": "x", "publisher": "p"}, {"prefix": "x", "publisher": "q"}]}`, []string{`families[1].prefix "x"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.file))
			wantError(t, err, tt.want)
		})
	}
}

func TestParseReportsEveryField(t *testing.T) {
	_, err := Parse([]byte(`{"models": [{"id": "m", "publisher": "p", "window": -1, "status": "new"}]}`))
	want := `models[0] "m": window -1: negative; status "new": none of active, deprecated, retired, unknown`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func words(list ...string) string { return strings.TrimSpace(strings.Join(list, " ")) }
