package catalogue

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dealings are how a model of another publisher is dealt with; the rows are written by
// hand so that a slip in models.json shows.
type dealings struct {
	id, api, paths, locations, upstream string
}

func TestBuiltinPartners(t *testing.T) {
	const two, multi = "us-central1 europe-west4", "global us eu"
	want := []dealings{
		{"mistral-medium-3", "mistral", "chat completions", two, "mistral-medium-3"},
		{"mistral-small-2503", "mistral", "chat completions", two, "mistral-small-2503"},
		{"codestral-2", "mistral", "chat completions fim", two, "codestral-2"},
		{"mistral-ocr-2505", "mistral", "ocr", two, "mistral-ocr-2505"},
		{"mistral-large-2411", "mistral", "chat completions", two, "mistral-large-2411"},
		{"codestral-2501", "mistral", "chat completions fim", two, "codestral-2501"},
		{"jamba-1.5-large", "jamba", "chat completions", two, "jamba-1.5-large"},
		{"jamba-1.5-mini", "jamba", "chat completions", two, "jamba-1.5-mini"},
		{"gemini-4-argon", "openapi", "chat", "global", "google/gemini-4-argon"},
		{"gemini-4-carbon", "openapi", "chat", "global", "google/gemini-4-carbon"},
		{"gemini-4-hydrogen", "openapi", "chat", "global", "google/gemini-4-hydrogen"},
		{"gemini-3.8-flash", "openapi", "chat", multi, "google/gemini-3.8-flash"},
		{"gemini-3.7-flash", "openapi", "chat", multi, "google/gemini-3.7-flash"},
		{"gemini-3.6-flash", "openapi", "chat", multi, "google/gemini-3.6-flash"},
		{"gemini-3.5-flash", "openapi", "chat", multi, "google/gemini-3.5-flash"},
		{"gemini-3.5-flash-lite", "openapi", "chat", multi, "google/gemini-3.5-flash-lite"},
		{"gemini-3.1-pro-preview", "openapi", "chat", "global", "google/gemini-3.1-pro-preview"},
		{"gemini-2.5-pro", "openapi", "chat", "global " + two, "google/gemini-2.5-pro"},
		{"gemini-2.5-flash", "openapi", "chat", "global " + two, "google/gemini-2.5-flash"},
		{"gemini-2.5-flash-lite", "openapi", "chat", "global " + two, "google/gemini-2.5-flash-lite"},
		{"gemini-embedding-001", "predict", "embeddings", two, "gemini-embedding-001"},
		{"text-embedding-005", "predict", "embeddings", two, "text-embedding-005"},
		{"text-multilingual-embedding-002", "predict", "embeddings", two, "text-multilingual-embedding-002"},
		{"llama-4-maverick-17b-128e-instruct-maas", "openapi", "chat", "us-east5", "meta/llama-4-maverick-17b-128e-instruct-maas"},
		{"llama-4-scout-17b-16e-instruct-maas", "openapi", "chat", "us-east5", "meta/llama-4-scout-17b-16e-instruct-maas"},
		{"llama-3.3-70b-instruct-maas", "openapi", "chat", "us-central1", "meta/llama-3.3-70b-instruct-maas"},
		{"llama-3.1-405b-instruct-maas", "openapi", "chat", "us-central1", "meta/llama-3.1-405b-instruct-maas"},
		{"deepseek-v3.2-maas", "openapi", "chat completions", "global", "deepseek-ai/deepseek-v3.2-maas"},
		{"deepseek-v3.1-maas", "openapi", "chat completions", "us-west2", "deepseek-ai/deepseek-v3.1-maas"},
		{"deepseek-r1-0528-maas", "openapi", "chat", "us-central1", "deepseek-ai/deepseek-r1-0528-maas"},
		{"gpt-oss-120b-maas", "openapi", "chat", "global us-central1", "openai/gpt-oss-120b-maas"},
		{"gpt-oss-20b-maas", "openapi", "chat", "us-central1", "openai/gpt-oss-20b-maas"},
		{"qwen3-coder-480b-a35b-instruct-maas", "openapi", "chat", "global us-south1", "qwen/qwen3-coder-480b-a35b-instruct-maas"},
		{"qwen3-235b-a22b-instruct-2507-maas", "openapi", "chat", "global us-south1", "qwen/qwen3-235b-a22b-instruct-2507-maas"},
		{"qwen3-next-80b-a3b-instruct-maas", "openapi", "chat", "global", "qwen/qwen3-next-80b-a3b-instruct-maas"},
		{"qwen3-next-80b-a3b-thinking-maas", "openapi", "chat", "global", "qwen/qwen3-next-80b-a3b-thinking-maas"},
		{"kimi-k2-thinking-maas", "openapi", "chat completions", "global", "moonshotai/kimi-k2-thinking-maas"},
		{"minimax-m2-maas", "openapi", "chat completions", "global", "minimaxai/minimax-m2-maas"},
		{"glm-4.7-maas", "openapi", "chat", "global", "zai-org/glm-4.7-maas"},
		{"glm-5-maas", "openapi", "chat completions", "global", "zai-org/glm-5-maas"},
		{"grok-4.3", "openapi", "chat", "global", "xai/grok-4.3"},
		{"grok-4.20-reasoning", "openapi", "chat", "global", "xai/grok-4.20-reasoning"},
		{"grok-4.20-non-reasoning", "openapi", "chat", "global", "xai/grok-4.20-non-reasoning"},
		{"grok-4.1-fast-reasoning", "openapi", "chat", "global", "xai/grok-4.1-fast-reasoning"},
		{"grok-4.1-fast-non-reasoning", "openapi", "chat", "global", "xai/grok-4.1-fast-non-reasoning"},
		{"multilingual-e5-large-maas", "openapi", "embeddings", two, "intfloat/multilingual-e5-large-maas"},
		{"multilingual-e5-large-instruct-maas", "openapi", "embeddings", two, "intfloat/multilingual-e5-large-instruct-maas"},
	}
	var got []dealings
	for _, m := range Builtin().Models() {
		if m.API != APIMessages {
			got = append(got, dealings{m.ID, string(m.API), words(m.Paths...), words(m.Locations...), m.Upstream()})
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(dealings{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUpstream(t *testing.T) {
	for _, tt := range []struct {
		model Model
		want  string
	}{
		{Model{ID: "a@001", Publisher: "p", API: APIMistral}, "a"},
		{Model{ID: "a@001", Publisher: "p", API: APIJamba}, "a"},
		{Model{ID: "a@001", Publisher: "p", API: APIOpenAPI}, "p/a@001"},
		{Model{ID: "a@001", Publisher: "p", API: APIPredict}, "a@001"},
		{Model{ID: "a@001", Publisher: "p", API: APIMessages}, "a@001"},
	} {
		if got := tt.model.Upstream(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.model.API, got, tt.want)
		}
	}
}

// A model that says nothing of its API has that of its publisher's first model.
func TestAPIOfAPublisher(t *testing.T) {
	c, err := Builtin().Override([]Model{
		{ID: "a", Publisher: "mistralai"}, {ID: "b", Publisher: "ai21", Paths: []string{PathChat}},
		{ID: "c", Publisher: "google", API: APIPredict}, {ID: "d", Publisher: "nobody"}, {ID: "e", Publisher: "anthropic"},
		{ID: "f", Publisher: "new", API: APIJamba}, {ID: "g", Publisher: "new"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]struct {
		api   API
		paths string
	}{
		"a": {APIMistral, "chat completions"}, "b": {APIJamba, "chat"}, "c": {APIPredict, "embeddings"},
		"d": {APIOpenAPI, "chat completions"}, "e": {APIMessages, "chat completions"},
		"f": {APIJamba, "chat completions"}, "g": {APIJamba, "chat completions"},
	} {
		if m, _ := c.Find(id); m.API != want.api || words(m.Paths...) != want.paths {
			t.Errorf("%s of %s: API %s, paths %q", id, m.Publisher, m.API, m.Paths)
		}
	}
	if m, _ := new(Catalogue).Override([]Model{{ID: "a", Publisher: "anthropic"}}); m.Models()[0].API != APIMessages {
		t.Errorf("Anthropic's first model has the API %s", m.Models()[0].API)
	}
}

func TestOffers(t *testing.T) {
	m, _ := Builtin().Find("codestral-2")
	for path, want := range map[string]bool{PathChat: true, PathCompletions: true, PathFIM: true, PathOCR: false, PathEmbeddings: false, "": false} {
		if got := m.Offers(path); got != want {
			t.Errorf("Offers(%q) = %t", path, got)
		}
	}
}

func TestProvisionedIn(t *testing.T) {
	named := &Model{Provisioned: []string{"global", "us"}}
	for _, tt := range []struct {
		m        *Model
		location string
		want     bool
	}{
		{&Model{}, "global", false}, {&Model{}, "us", true}, {&Model{}, "us-east5", true},
		{named, "global", true}, {named, "us", true}, {named, "eu", false},
	} {
		if got := tt.m.ProvisionedIn(tt.location); got != tt.want {
			t.Errorf("%v: ProvisionedIn(%q) = %t", tt.m.Provisioned, tt.location, got)
		}
	}
}

func TestBegins(t *testing.T) {
	m := &Model{ID: "opus-1@2", Publisher: "p", Names: []string{"best"}}
	for prefix, want := range map[string]bool{
		"": true, "opus": true, "opus-1@2": true, "opus-1-2": true, "be": true, "p/": true, "p/op": true, "p/best": true, "p": true,
		"opus-1@3": false, "q/": false, "pp": false, "est": false,
	} {
		if got := m.Begins(prefix); got != want {
			t.Errorf("Begins(%q) = %t", prefix, got)
		}
	}
}

func TestPricesCheck(t *testing.T) {
	if err := (*Prices)(nil).Check(); err != nil {
		t.Error(err)
	}
	if err := (&Prices{Input: 1, Pages: 2, Long: &LongPrices{Above: 3}}).Check(); err != nil {
		t.Error(err)
	}
	wantError(t, (&Prices{Output: -1, Long: &LongPrices{Input: -2}}).Check(), []string{"output -1: not a price\nlong.input -2: not a price"})
}
