package catalogue

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFind(t *testing.T) {
	c := Builtin()
	for _, tt := range []struct{ name, id string }{
		// The id, undated, as the publisher spells it.
		{"claude-opus-4-5@20251101", "claude-opus-4-5@20251101"},
		{"claude-opus-4-5", "claude-opus-4-5@20251101"},
		{"claude-opus-4-5-20251101", "claude-opus-4-5@20251101"},
		{"claude-opus-4-5@default", "claude-opus-4-5@20251101"},
		{"claude-opus-5", "claude-opus-5"},
		{"claude-opus-5-5", "claude-opus-5-5"},
		{"claude-opus-5@default", "claude-opus-5"},
		{"claude-sonnet-4", "claude-sonnet-4@20250514"},
		{"claude-3-haiku", "claude-3-haiku@20240307"},
		{"claude-3-haiku-20240307", "claude-3-haiku@20240307"},
		{"claude-3-sonnet-20240229", "claude-3-sonnet@20240229"},

		// Further names.
		{"claude-opus-4-0", "claude-opus-4@20250514"},
		{"claude-sonnet-4-0", "claude-sonnet-4@20250514"},
		{"claude-3-7-sonnet-latest", "claude-3-7-sonnet@20250219"},
		{"claude-3-5-haiku-latest", "claude-3-5-haiku@20241022"},
		{"claude-3-5-sonnet-latest", "claude-3-5-sonnet-v2@20241022"},

		// Two models share an undated name: the newer has it.
		{"claude-3-5-sonnet", "claude-3-5-sonnet-v2@20241022"},
		{"claude-3-5-sonnet@default", "claude-3-5-sonnet-v2@20241022"},
		{"claude-3-5-sonnet-v2", "claude-3-5-sonnet-v2@20241022"},
		{"claude-3-5-sonnet-v2-20241022", "claude-3-5-sonnet-v2@20241022"},
		{"claude-3-5-sonnet-20241022", "claude-3-5-sonnet-v2@20241022"},
		{"claude-3-5-sonnet@20241022", "claude-3-5-sonnet-v2@20241022"},
		{"claude-3-5-sonnet@20240620", "claude-3-5-sonnet@20240620"},
		{"claude-3-5-sonnet-20240620", "claude-3-5-sonnet@20240620"},

		// Dots in the version.
		{"claude-opus-4.5", "claude-opus-4-5@20251101"},
		{"claude-sonnet-4.6", "claude-sonnet-4-6"},
		{"claude-opus-5.5", "claude-opus-5-5"},
		{"claude-sonnet-4.0", "claude-sonnet-4@20250514"},
		{"claude-3.5-sonnet", "claude-3-5-sonnet-v2@20241022"},
		{"claude-3.7-sonnet@20250219", "claude-3-7-sonnet@20250219"},
		{"claude-opus-4.5@default", "claude-opus-4-5@20251101"},

		// Prefixes, each once.
		{"anthropic/claude-opus-5", "claude-opus-5"},
		{"vertex_ai/claude-opus-5", "claude-opus-5"},
		{"publishers/anthropic/models/claude-opus-5", "claude-opus-5"},
		{"vertex_ai/anthropic/claude-opus-4.5", "claude-opus-4-5@20251101"},
		{"anthropic/vertex_ai/claude-opus-5", "claude-opus-5"},
		{"vertex_ai/publishers/anthropic/models/claude-opus-5", "claude-opus-5"},
		{"vertex_ai/anthropic/publishers/anthropic/models/claude-opus-5@default", "claude-opus-5"},

		// Other publishers' models.
		{"mistral-medium-3", "mistral-medium-3"},
		{"mistralai/codestral-2", "codestral-2"},
		{"codestral-2@001", "codestral-2"},
		{"codestral-2@default", "codestral-2"},
		{"jamba-1.5-mini", "jamba-1.5-mini"},
		{"jamba-1-5-mini@001", "jamba-1.5-mini"},
		{"meta/llama-4-maverick-17b-128e-instruct-maas", "llama-4-maverick-17b-128e-instruct-maas"},
		{"llama-3.3-70b-instruct-maas", "llama-3.3-70b-instruct-maas"},
		{"vertex_ai/deepseek-ai/deepseek-v3.2-maas", "deepseek-v3.2-maas"},
		{"publishers/google/models/gemini-3-8-flash", "gemini-3.8-flash"},
		{"xai/grok-4.20-reasoning", "grok-4.20-reasoning"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, ok := c.Find(tt.name)
			if !ok {
				t.Fatalf("Find(%q) found nothing", tt.name)
			}
			if m.ID != tt.id {
				t.Errorf("Find(%q) = %q, want %q", tt.name, m.ID, tt.id)
			}
			if m.Status == "unknown" {
				t.Errorf("Find(%q) is unlisted", tt.name)
			}
		})
	}
}

func TestFindNothing(t *testing.T) {
	c := Builtin()
	for _, name := range []string{
		"", ".", "..", "gpt-5", "claude", "claude-", "claude-@default", "claude-opus-5@default@default",
		"Claude-opus-5", "CLAUDE-OPUS-5", "xclaude-opus-5", "ANTHROPIC/claude-opus-5",
		"anthropic/", "anthropic/..", "vertex_ai/.", "publishers/anthropic/models/",
		"anthropic/anthropic/claude-opus-5", "vertex_ai/vertex_ai/claude-opus-5",
		"publishers/google/models/claude-opus-5", "google/claude-opus-5", "/claude-opus-5",
		"meta/anthropic/claude-opus-5", "meta/claude-next-9", "anthropic/opus", "anthropic/gemini-3.8-flash",
		"meta/gemini-3.8-flash", "meta/google/new-model", "mistral/mistral-medium-3", "mistralai/", "mistralai/.@default", "mistralai/x@default@default",
		"mistralai/a/b", "new-model", "minimax/new-model",
		"claude-opus-5/", "claude-opus-5:rawPredict", "claude-opus-5?x=1", "claude-opus-5#x",
		"claude-opus-5%2f..", "claude-opus-5 ", " claude-opus-5", "claude-opus-5\n", "claude-opus-5\x00",
		"claude-opus-5;v=1", `claude-opus\5`, "claude-öpus-5", "claude-x/../y", "claude-\xff",
	} {
		if m, ok := c.Find(name); ok || m != nil {
			t.Errorf("Find(%q) = %+v, %t, want nothing", name, m, ok)
		}
	}
}

func TestFindNothingInTheZeroCatalogue(t *testing.T) {
	if m, ok := new(Catalogue).Find("claude-opus-5"); ok {
		t.Errorf("found %q", m.ID)
	}
}

func TestFindUnlisted(t *testing.T) {
	c := Builtin()
	newest, _ := c.Find("claude-fable-5-2")
	for _, tt := range []struct{ name, id string }{
		{"claude-next-9", "claude-next-9"},
		{"claude-next-9@20290101", "claude-next-9@20290101"},
		{"claude-next-9.5", "claude-next-9-5"},
		{"claude-next-9@default", "claude-next-9"},
		{"vertex_ai/anthropic/claude-next-9", "claude-next-9"},
		{"claude-opus-4-8-fast", "claude-opus-4-8-fast"},
	} {
		got, ok := c.Find(tt.name)
		if !ok {
			t.Errorf("Find(%q) found nothing", tt.name)
			continue
		}
		want := &Model{
			ID: tt.id, Publisher: "anthropic", API: APIMessages, Title: tt.id, Status: "unknown",
			Paths:     []string{PathChat, PathCompletions},
			Locations: newest.Locations, Window: newest.Window, MaxOutput: newest.MaxOutput,
			Accepts: newest.Accepts,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Find(%q) (-want +got):\n%s", tt.name, diff)
		}
	}
}

// A name behind a publisher may be a model of his that is newer than the catalogue.
func TestFindUnlistedOfAPublisher(t *testing.T) {
	c := Builtin()
	two := []string{"us-central1", "europe-west4"}
	for _, tt := range []struct {
		name, id, publisher string
		api                 API
		paths, locations    []string
		upstream            string
	}{
		{"mistralai/new-model", "new-model", "mistralai", APIMistral, []string{"chat", "completions", "fim", "ocr"}, two, "new-model"},
		{"mistralai/codestral@2405", "codestral@2405", "mistralai", APIMistral, []string{"chat", "completions", "fim", "ocr"}, two, "codestral"},
		{"vertex_ai/publishers/ai21/models/jamba-9.5", "jamba-9.5", "ai21", APIJamba, []string{"chat", "completions"}, two, "jamba-9.5"},
		{"ai21/jamba-9@default", "jamba-9", "ai21", APIJamba, []string{"chat", "completions"}, two, "jamba-9"},
		{"meta/llama-9-maas", "llama-9-maas", "meta", APIOpenAPI, []string{"chat", "completions", "embeddings"}, []string{"us-east5"}, "meta/llama-9-maas"},
		{"google/gemini-9", "gemini-9", "google", APIOpenAPI, []string{"chat", "completions", "embeddings"}, []string{"global"}, "google/gemini-9"},
	} {
		got, ok := c.Find(tt.name)
		if !ok {
			t.Errorf("Find(%q) found nothing", tt.name)
			continue
		}
		want := &Model{
			ID: tt.id, Publisher: tt.publisher, API: tt.api, Paths: tt.paths, Title: tt.id, Status: "unknown", Locations: tt.locations,
			Accepts: Accepts{Sampling: SamplingNone, ThinkingDefault: "off", ForcedTools: Never, Prefill: Never},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Find(%q) (-want +got):\n%s", tt.name, diff)
		}
		if got := got.Upstream(); got != tt.upstream {
			t.Errorf("%q: Upstream() = %q, want %q", tt.name, got, tt.upstream)
		}
	}
}

// The rules of the newest model hold whatever its place in the list, and models without
// a date or of other publishers do not count.
func TestFindUnlistedTakesTheNewest(t *testing.T) {
	c, err := Builtin().Override([]Model{
		{ID: "claude-zeta-9", Publisher: "anthropic", Released: "2029-01-01", MaxOutput: 9},
		{ID: "claude-undated-9", Publisher: "anthropic", MaxOutput: 10},
		{ID: "else-9", Publisher: "elsewhere", Released: "2030-01-01", MaxOutput: 11},
	})
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := c.Find("claude-unheard-of"); m.MaxOutput != 9 {
		t.Errorf("max output %d, want that of the newest, 9", m.MaxOutput)
	}
}

func TestOverride(t *testing.T) {
	base := Builtin()
	sonnet, _ := base.Find("claude-sonnet-4-6")
	changed := *sonnet
	changed.MaxOutput = 1234
	added := Model{ID: "jamba-1.5@001", Publisher: "ai21", Names: []string{"jamba"}}

	c, err := base.Override([]Model{added, changed})
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := c.Find("claude-sonnet-4-6"); m.MaxOutput != 1234 {
		t.Errorf("max output %d, want the overridden 1234", m.MaxOutput)
	}
	if m, _ := base.Find("claude-sonnet-4-6"); m.MaxOutput != 128000 {
		t.Errorf("the receiver changed: max output %d", m.MaxOutput)
	}
	want := ids(base)
	if diff := cmp.Diff(append(want, "jamba-1.5@001"), ids(c)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for _, name := range []string{"jamba-1.5", "jamba", "ai21/jamba-1.5-001", "publishers/ai21/models/jamba"} {
		if m, ok := c.Find(name); !ok || m.Publisher != "ai21" {
			t.Errorf("Find(%q) = %+v, want the added model", name, m)
		}
	}
	if _, ok := base.Find("jamba"); ok {
		t.Error("the receiver found the added model")
	}
}

func TestOverrideWritesOutDefaults(t *testing.T) {
	c, err := new(Catalogue).Override([]Model{{ID: "m", Publisher: "p"}})
	if err != nil {
		t.Fatal(err)
	}
	want := &Model{
		ID: "m", Publisher: "p", API: APIOpenAPI, Paths: []string{PathChat, PathCompletions}, Title: "m", Status: "unknown",
		Accepts: Accepts{Sampling: SamplingNone, ThinkingDefault: "off", ForcedTools: Never, Prefill: Never},
	}
	if diff := cmp.Diff([]*Model{want}, c.Models()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOverrideErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		models []Model
		want   []string
	}{
		{"id twice", []Model{{ID: "a", Publisher: "p"}, {ID: "a", Publisher: "p"}}, []string{`"a"`, "id", "twice"}},
		{"name of another", []Model{{ID: "a", Publisher: "p", Names: []string{"claude-opus-5"}}}, []string{`"a"`, `"claude-opus-5"`}},
		{"id is a spelling of another", []Model{{ID: "claude-opus-4-5", Publisher: "anthropic"}}, []string{`"claude-opus-4-5"`, `"claude-opus-4-5@20251101"`}},
		{"bad number", []Model{{ID: "a", Publisher: "p", Window: -1}}, []string{`"a"`, "window -1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Builtin().Override(tt.models)
			wantError(t, err, tt.want)
		})
	}
}

func TestModelsIsACopy(t *testing.T) {
	c := Builtin()
	c.Models()[0] = nil
	if c.Models()[0] == nil {
		t.Error("a caller changed the catalogue")
	}
}

// No model hides behind another's name: what is shown finds the model it is shown for.
func TestUndatedFindsItsModel(t *testing.T) {
	c := Builtin()
	for _, m := range c.Models() {
		if got, _ := c.Find(m.Undated()); got != m {
			t.Errorf("%s is shown as %q, which means %s", m.ID, m.Undated(), got.ID)
		}
	}
}

func TestUndated(t *testing.T) {
	for id, want := range map[string]string{
		"claude-opus-4-5@20251101":      "claude-opus-4-5",
		"claude-opus-5":                 "claude-opus-5",
		"claude-3-5-sonnet-v2@20241022": "claude-3-5-sonnet-v2",
		"claude-3-5-sonnet@20240620":    "claude-3-5-sonnet@20240620",
	} {
		m, _ := Builtin().Find(id)
		if got := m.Undated(); got != want {
			t.Errorf("%s: Undated() = %q, want %q", id, got, want)
		}
	}
}

func BenchmarkBuiltin(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Builtin()
	}
}

func BenchmarkFind(b *testing.B) {
	c := Builtin()
	b.ReportAllocs()
	for b.Loop() {
		c.Find("claude-opus-4-5")
	}
}

// FuzzFind: whatever is found can be put into a URL path.
func FuzzFind(f *testing.F) {
	for _, name := range []string{"claude-opus-5", "claude-x@y", "anthropic/..", "claude-/x", "vertex_ai/claude-a.b", "claude-a@default@default", "mistralai/.@default", "meta/a.b@1"} {
		f.Add(name)
	}
	c := Builtin()
	f.Fuzz(func(t *testing.T, name string) {
		m, ok := c.Find(name)
		if !ok {
			return
		}
		if m.ID == "" || m.ID == "." || m.ID == ".." || strings.Trim(m.ID, pathSafe) != "" {
			t.Errorf("Find(%q) has the ID %q", name, m.ID)
		}
		again, ok := c.Find(m.Publisher + "/" + m.ID)
		if !ok || again.ID != m.ID || again.Publisher != m.Publisher {
			t.Errorf("Find(%q) is %s of %s, which finds %+v", name, m.ID, m.Publisher, again)
		}
	})
}

const pathSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-"

func ids(c *Catalogue) []string {
	var all []string
	for _, m := range c.Models() {
		all = append(all, m.ID)
	}
	return all
}

// wantError fails unless err says all of the words.
func wantError(t *testing.T, err error, words []string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	missing := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.Contains(err.Error(), w) })
	if len(missing) > 0 {
		t.Errorf("error %q does not say %q", err, missing)
	}
}
