package catalogue

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// facts are what translation depends on most; the rows are written by hand so that a
// slip in models.json shows.
type facts struct {
	id        string
	maxOutput int
	sampling  Sampling
	thinking  string
	byDefault string
	effort    string // the highest, and the highest without thinking
	forced    When
	prefill   When
	system    bool
	formats   bool
	images    int
}

func TestBuiltinModels(t *testing.T) {
	want := []facts{
		{"claude-fable-5-2", 128000, "none", "adaptive", "always", "max", "never", "never", true, true, 600},
		{"claude-mythos-5-2", 128000, "none", "adaptive", "always", "max", "never", "never", true, true, 600},
		{"claude-haiku-5-5", 128000, "none", "adaptive disabled", "on", "max high", "always", "never", true, true, 600},
		{"claude-sonnet-5-5", 128000, "none", "adaptive between_tools", "on", "max high", "never", "never", true, true, 600},
		{"claude-opus-5-5", 128000, "none", "adaptive", "always", "max", "never", "never", true, true, 600},
		{"claude-fable-5-1", 128000, "none", "adaptive", "always", "max", "never", "never", true, true, 600},
		{"claude-mythos-5-1", 128000, "none", "adaptive", "always", "max", "never", "never", true, true, 600},
		{"claude-opus-5", 128000, "none", "adaptive disabled", "on", "max high", "always", "never", true, true, 600},
		{"claude-sonnet-5", 128000, "none", "adaptive disabled", "on", "max", "always", "never", false, true, 600},
		{"claude-fable-5", 128000, "none", "adaptive", "always", "max", "always", "never", true, true, 600},
		{"claude-mythos-5", 128000, "none", "adaptive", "always", "max", "always", "never", true, true, 600},
		{"claude-opus-4-8", 128000, "none", "adaptive disabled", "off", "max", "always", "never", true, true, 600},
		{"claude-opus-4-7", 128000, "none", "adaptive disabled", "off", "max", "always", "never", false, true, 600},
		{"claude-sonnet-4-6", 128000, "either", "adaptive enabled disabled", "off", "max", "unbudgeted", "never", false, true, 600},
		{"claude-opus-4-6", 128000, "either", "adaptive enabled disabled", "off", "max", "unbudgeted", "never", false, true, 600},
		{"claude-opus-4-5@20251101", 64000, "either", "enabled disabled", "off", "high", "unthinking", "unthinking", false, true, 100},
		{"claude-haiku-4-5@20251001", 64000, "either", "enabled disabled", "off", "", "unthinking", "unthinking", false, true, 100},
		{"claude-sonnet-4-5@20250929", 64000, "either", "enabled disabled", "off", "", "unthinking", "unthinking", false, true, 100},
		{"claude-opus-4-1@20250805", 32000, "either", "enabled disabled", "off", "", "unthinking", "unthinking", false, false, 100},
		{"claude-opus-4@20250514", 32000, "either", "enabled disabled", "off", "", "unthinking", "unthinking", false, false, 100},
		{"claude-sonnet-4@20250514", 64000, "either", "enabled disabled", "off", "", "unthinking", "unthinking", false, false, 100},
		{"claude-3-7-sonnet@20250219", 64000, "free", "enabled disabled", "off", "", "unthinking", "unthinking", false, false, 100},
		{"claude-3-5-sonnet-v2@20241022", 8192, "free", "", "off", "", "always", "always", false, false, 100},
		{"claude-3-5-haiku@20241022", 8192, "free", "", "off", "", "always", "always", false, false, 100},
		{"claude-3-5-sonnet@20240620", 8192, "free", "", "off", "", "always", "always", false, false, 100},
		{"claude-3-haiku@20240307", 4096, "free", "", "off", "", "always", "always", false, false, 100},
		{"claude-3-sonnet@20240229", 4096, "free", "", "off", "", "always", "always", false, false, 100},
	}
	var got []facts
	for _, m := range Builtin().Models() {
		if m.API == APIMessages {
			got = append(got, factsOf(m))
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(facts{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func factsOf(m *Model) facts {
	a := m.Accepts
	return facts{
		id: m.ID, maxOutput: m.MaxOutput, sampling: a.Sampling,
		thinking: words(a.Thinking...), byDefault: a.ThinkingDefault,
		effort: words(m.ClampEffort("max"), a.EffortUnthinking),
		forced: a.ForcedTools, prefill: a.Prefill,
		system: a.SystemInMessages, formats: a.StructuredOutputs, images: a.Images,
	}
}

// What holds for every model, whatever its generation.
func TestBuiltinIsConsistent(t *testing.T) {
	newer := ""
	for _, m := range Builtin().Models() {
		a := m.Accepts
		if m.Released != "" {
			if newer != "" && m.Released > newer {
				t.Errorf("%s, released %s, stands after a model of %s", m.ID, m.Released, newer)
			}
			newer = m.Released
		}
		if len(m.Locations) == 0 || m.Status == "unknown" {
			t.Errorf("%s: locations %v, status %s", m.ID, m.Locations, m.Status)
		}
		if m.API != APIMessages {
			continue
		}
		if m.Window == 0 {
			t.Errorf("%s: no window", m.ID)
		}
		if (len(a.Thinking) > 0) != (a.ThinkingDisplay != "") {
			t.Errorf("%s: thinking %v, display %q", m.ID, a.Thinking, a.ThinkingDisplay)
		}
		if a.ThinkingDefault == "off" && len(a.Thinking) > 0 && !m.Thinks("disabled") {
			t.Errorf("%s does not think by default and yet refuses disabled", m.ID)
		}
		if a.ThinkingDefault == "always" && m.Thinks("disabled") {
			t.Errorf("%s always thinks and yet takes disabled", m.ID)
		}
		if (len(a.Effort) > 0) != (a.EffortDefault != "") {
			t.Errorf("%s: effort %v, default %q", m.ID, a.Effort, a.EffortDefault)
		}
		if (m.Window == 200_000) != (a.Images == 100) {
			t.Errorf("%s: window %d, images %d", m.ID, m.Window, a.Images)
		}
	}
}

func TestThinks(t *testing.T) {
	m := &Model{Accepts: Accepts{Thinking: []string{"adaptive", "disabled"}}}
	for kind, want := range map[string]bool{"adaptive": true, "disabled": true, "enabled": false, "": false} {
		if got := m.Thinks(kind); got != want {
			t.Errorf("Thinks(%q) = %t", kind, got)
		}
	}
}

func TestEffort(t *testing.T) {
	all := []string{"low", "medium", "high", "xhigh", "max"}
	for _, tt := range []struct {
		has          []string
		asked, clamp string
		hasIt        bool
	}{
		{all, "minimal", "low", false},
		{all, "low", "low", true},
		{all, "xhigh", "xhigh", true},
		{all, "max", "max", true},
		{[]string{"low", "medium", "high", "max"}, "xhigh", "high", false},
		{[]string{"low", "medium", "high", "max"}, "max", "max", true},
		{[]string{"low", "medium", "high"}, "max", "high", false},
		{[]string{"medium"}, "low", "", false},
		{nil, "high", "", false},
		{all, "", "", false},
		{all, "none", "", false},
		{all, "ultra", "", false},
	} {
		m := &Model{Accepts: Accepts{Effort: tt.has}}
		if got := m.ClampEffort(tt.asked); got != tt.clamp {
			t.Errorf("%v: ClampEffort(%q) = %q, want %q", tt.has, tt.asked, got, tt.clamp)
		}
		if got := m.HasEffort(tt.asked); got != tt.hasIt {
			t.Errorf("%v: HasEffort(%q) = %t", tt.has, tt.asked, got)
		}
	}
}

func TestCreated(t *testing.T) {
	for released, want := range map[string]int64{"2026-11-09": 1794182400, "": 0} {
		if got := (&Model{Released: released}).Created(); got != want {
			t.Errorf("%q: Created() = %d, want %d", released, got, want)
		}
	}
}
