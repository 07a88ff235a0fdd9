package catalogue

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// reference is the survey of models that models.json was written from. It lies beside the
// project, not in it.
const reference = "../../../shared/reference/vertex_models.json"

type surveyed struct {
	ID        string
	Publisher string
	API       string
	Status    string
	Locations []string
	Context   int
	MaxOutput int `json:"max_output"`
	Prices    struct {
		Global      map[string]float64
		Regional    float64            `json:"non_global_multiplier"`
		NonGlobal   map[string]float64 `json:"non_global"`
		WebSearches float64            `json:"web_search_per_1000"`
		Page        float64            `json:"per_page"`
		Long        *struct {
			Above     int `json:"input_tokens_above"`
			Global    map[string]float64
			NonGlobal map[string]float64 `json:"non_global"`
		} `json:"long_context"`
	}
}

// deviations are the fields in which models.json differs from the survey on purpose.
var deviations = map[string]map[string]string{
	"claude-mythos-5-2": {
		"locations":  "none found; those of the Fable model of that number",
		"window":     "none found; as the Fable model of that number",
		"max_output": "none found; as the Fable model of that number",
	},
	"claude-mythos-5-1": {
		"locations":  "none found; those of the Fable model of that number",
		"window":     "none found; as the Fable model of that number",
		"max_output": "none found; as the Fable model of that number",
		"prices":     "regional premium as for all models of its time, searches as for all that search",
	},
	"claude-mythos-5": {
		"locations": "none found; those of the Fable model of that number",
		"prices":    "regional premium as for all models of its time, searches as for all that search",
	},
	"claude-sonnet-4@20250514": {
		"prices": "the tier above 200k tokens, which the price tables carry for Sonnet 4 too",
	},
	"claude-3-7-sonnet@20250219": {
		"locations":  "Google's older page: global and regional, no region named; the two usual ones",
		"max_output": "not in the survey; Google's older page has 64000",
	},
	"claude-3-5-haiku@20241022": {
		"locations": "Google's older page: regional only, no region named; the two usual ones",
	},
	"mistral-large-2411": {"locations": "no longer listed; those of Mistral's other models"},
	"codestral-2501":     {"locations": "no longer listed; those of Mistral's other models"},
	"gpt-oss-120b-maas":  {"locations": "none found; Google's model page has them"},
	"qwen3-235b-a22b-instruct-2507-maas": {
		"locations": "none found; global is known to work, us-south1 is where Qwen's models began",
	},
	"gemini-embedding-001": {
		"locations": "none found; the two usual ones",
		"window":    "none found; Google's page of text embeddings has 2048 tokens for each text",
	},
	"text-embedding-005": {
		"locations": "none found; the two usual ones",
		"window":    "none found; Google's page of text embeddings has 2048 tokens for each text",
	},
	"text-multilingual-embedding-002": {
		"locations": "none found; the two usual ones",
		"window":    "none found; Google's page of text embeddings has 2048 tokens for each text",
	},
}

// Models that stand in the notes or on Google's pages, but not in the survey.
var unsurveyed = []string{
	"claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet@20240620",
	"claude-3-haiku@20240307", "claude-3-sonnet@20240229",
	"gemini-4-argon", "gemini-4-carbon", "gemini-4-hydrogen",
	"gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.6-flash", "gemini-3.5-flash", "gemini-3.5-flash-lite",
	"gemini-3.1-pro-preview", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite",
	"grok-4.3", "grok-4.20-reasoning", "grok-4.20-non-reasoning", "grok-4.1-fast-reasoning", "grok-4.1-fast-non-reasoning",
	"multilingual-e5-large-maas", "multilingual-e5-large-instruct-maas",
}

// surveyedAPIs :: what the survey calls an API -> what it is, and the path that it alone has
var surveyedAPIs = map[string]struct {
	api  API
	path string
}{
	"messages":                 {APIMessages, PathChat},
	"mistral-chat":             {APIMistral, PathChat},
	"mistral-chat+fim":         {APIMistral, PathFIM},
	"mistral-ocr":              {APIMistral, PathOCR},
	"ai21-chat":                {APIJamba, PathChat},
	"openapi-chat-completions": {APIOpenAPI, PathChat},
	"embeddings-predict":       {APIPredict, PathEmbeddings},
}

// surveyedStatus :: the survey's word for a partner's model -> the catalogue's. Of Claude
// the survey has Anthropic's own dates.
var surveyedStatus = map[string]string{
	"active": "active", "preview": "active", "no longer listed by Google": "retired",
}

func TestBuiltinAgreesWithTheSurvey(t *testing.T) {
	survey := readSurvey(t)
	c := Builtin()
	for _, m := range c.Models() {
		s, ok := survey[m.ID]
		if ok == slices.Contains(unsurveyed, m.ID) {
			t.Errorf("%s: surveyed: %t", m.ID, ok)
		}
		if ok {
			compare(t, m, s)
		}
		delete(survey, m.ID)
	}
	for id := range survey {
		t.Errorf("%s is missing", id)
	}
}

// compare also fails when a deviation is none any more.
func compare(t *testing.T, m *Model, s surveyed) {
	t.Helper()
	api := surveyedAPIs[s.API]
	for field, pair := range map[string][2]any{
		"publisher":  {s.Publisher, m.Publisher},
		"api":        {api.api, m.API},
		"paths":      {true, m.Offers(api.path)},
		"locations":  {s.Locations, m.Locations},
		"window":     {s.Context, m.Window},
		"max_output": {s.MaxOutput, m.MaxOutput},
		"prices":     {s.prices(), m.Prices},
	} {
		diff := cmp.Diff(pair[0], pair[1], cmpopts.EquateEmpty())
		reason, deviates := deviations[m.ID][field]
		if diff != "" && !deviates {
			t.Errorf("%s.%s (-survey +models.json):\n%s", m.ID, field, diff)
		}
		if diff == "" && deviates {
			t.Errorf("%s.%s is as in the survey, not %q", m.ID, field, reason)
		}
	}
	if want := surveyedStatus[s.Status]; m.Publisher != anthropic && m.Status != want {
		t.Errorf("%s: status %q, want %q for %q", m.ID, m.Status, want, s.Status)
	}
}

// The survey has the prices outside global in full; here they follow from one factor.
func TestRegionalPricesAgreeWithTheSurvey(t *testing.T) {
	c := Builtin()
	for id, s := range readSurvey(t) {
		m, ok := c.Find(id)
		if !ok || m.Prices == nil {
			continue
		}
		agree(t, id, m.Prices.Regional, s.Prices.Global, s.Prices.NonGlobal)
		if s.Prices.Long != nil {
			agree(t, id+" long", m.Prices.Regional, s.Prices.Long.Global, s.Prices.Long.NonGlobal)
		}
	}
}

func agree(t *testing.T, what string, factor float64, global, elsewhere map[string]float64) {
	t.Helper()
	if factor == 0 {
		factor = 1
	}
	for kind, price := range elsewhere {
		if want := global[kind] * factor; math.Abs(price-want) > 1e-9 {
			t.Errorf("%s.%s: %v outside global, want %v", what, kind, price, want)
		}
	}
}

// prices is what models.json should hold; nil when the survey found none.
func (s surveyed) prices() *Prices {
	g := s.Prices.Global
	if g["input"] == 0 && s.Prices.Page == 0 {
		return nil
	}
	p := &Prices{
		Input: g["input"], Output: g["output"],
		CacheWrite5m: g["cache_write_5m"], CacheWrite1h: g["cache_write_1h"], CacheRead: g["cache_read"],
		Regional: s.Prices.Regional, WebSearches: s.Prices.WebSearches, Pages: 1000 * s.Prices.Page,
	}
	if p.Regional == 1 {
		p.Regional = 0
	}
	if l := s.Prices.Long; l != nil {
		p.Long = &LongPrices{
			Above: l.Above, Input: l.Global["input"], Output: l.Global["output"],
			CacheWrite5m: l.Global["cache_write_5m"], CacheWrite1h: l.Global["cache_write_1h"], CacheRead: l.Global["cache_read"],
		}
	}
	return p
}

// readSurvey returns the models of the survey by ID, which here has no publisher in it.
func readSurvey(t *testing.T) map[string]surveyed {
	t.Helper()
	data, err := os.ReadFile(reference)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is absent", reference)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Models []surveyed }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	byID := make(map[string]surveyed)
	for _, s := range all.Models {
		s.ID = strings.TrimPrefix(s.ID, s.Publisher+"/")
		byID[s.ID] = s
	}
	if len(byID) == 0 {
		t.Fatalf("%s lists no model", reference)
	}
	return byID
}
