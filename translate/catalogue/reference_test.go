package catalogue

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
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
	Locations []string
	Context   int
	MaxOutput int `json:"max_output"`
	Prices    struct {
		Global      map[string]float64
		Regional    float64            `json:"non_global_multiplier"`
		NonGlobal   map[string]float64 `json:"non_global"`
		WebSearches float64            `json:"web_search_per_1000"`
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
}

// Models of Google's older pages that the survey leaves out.
var unsurveyed = []string{
	"claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet@20240620",
	"claude-3-haiku@20240307", "claude-3-sonnet@20240229",
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
	for field, pair := range map[string][2]any{
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
	if g["input"] == 0 {
		return nil
	}
	p := &Prices{
		Input: g["input"], Output: g["output"],
		CacheWrite5m: g["cache_write_5m"], CacheWrite1h: g["cache_write_1h"], CacheRead: g["cache_read"],
		Regional: s.Prices.Regional, WebSearches: s.Prices.WebSearches,
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

// readSurvey returns the Claude models of the survey by ID.
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
		if s.Publisher == "anthropic" {
			byID[s.ID] = s
		}
	}
	if len(byID) == 0 {
		t.Fatalf("%s lists no model", reference)
	}
	return byID
}
