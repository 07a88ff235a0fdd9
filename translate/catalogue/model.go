package catalogue

import (
	"cmp"
	"slices"
	"time"
)

// A Model is one entry of the catalogue. Those that a [Catalogue] hands out are shared
// and must not be changed; copy one to change it.
type Model struct {
	// ID is the publisher's id as Vertex spells it in a URL, with @date where the id has one.
	ID string `json:"id" yaml:"id"`
	// Publisher is the path segment after publishers/, e.g. anthropic.
	Publisher string `json:"publisher" yaml:"publisher"`
	// API is how the model is spoken to; empty: as the publisher's other models.
	API API `json:"api,omitempty" yaml:"api"`
	// Paths are what clients may ask of it: chat, completions, fim, ocr, embeddings. Empty:
	// chat and completions, or embeddings where its API has nothing else. With the API
	// openapi, completions are only of models for which Vertex has them (vertex.md 1.2).
	Paths []string `json:"paths,omitempty" yaml:"paths"`
	// Title is the name shown to people; empty: the ID.
	Title string `json:"title" yaml:"title"`
	// Names are further names clients use for it, besides ID and the spellings derived from ID.
	Names []string `json:"names,omitempty" yaml:"names"`
	// Dated: the id without its date is another model's name, so it is none of this one's.
	Dated bool `json:"dated,omitempty" yaml:"dated"`
	// Locations in the order to try them.
	Locations []string `json:"locations" yaml:"locations"`
	// Provisioned are the locations where provisioned throughput can be had; empty: all but global.
	Provisioned []string `json:"provisioned,omitempty" yaml:"provisioned"`
	// Window is the context window in tokens; 0: unknown.
	Window int `json:"window" yaml:"window"`
	// MaxOutput is the largest max_tokens the model takes; 0: unknown.
	MaxOutput int `json:"max_output" yaml:"max_output"`
	// Released is a date, 2006-01-02; empty: unknown.
	Released string `json:"released" yaml:"released"`
	// Retires is the date before which Vertex does not retire the model; empty: none is known.
	Retires string `json:"retires,omitempty" yaml:"retires"`
	// Status is active, deprecated, retired or unknown; empty: unknown. Vertex serves
	// deprecated models and, to some projects, retired ones.
	Status string `json:"status" yaml:"status"`
	// Accepts tells what a request may hold. It says nothing of models whose API is not
	// Messages.
	Accepts Accepts `json:"accepts" yaml:"accepts"`
	// Prices are in US dollars; nil: unknown.
	Prices *Prices `json:"prices,omitempty" yaml:"prices"`
}

// Thinks reports whether the model takes the thinking type kind: adaptive, enabled,
// disabled or between_tools.
func (m *Model) Thinks(kind string) bool { return slices.Contains(m.Accepts.Thinking, kind) }

// HasEffort reports whether the model takes the effort level.
func (m *Model) HasEffort(level string) bool { return slices.Contains(m.Accepts.Effort, level) }

// ClampEffort returns the highest level the model takes that is not above the asked one.
// Minimal, which no model has, counts as low. The result is empty when there is no such
// level: the model takes none, or the asked one is not a level.
func (m *Model) ClampEffort(level string) string {
	if level == "minimal" {
		level = "low"
	}
	clamped := ""
	for _, l := range m.Accepts.Effort {
		if slices.Index(efforts, l) <= slices.Index(efforts, level) {
			clamped = l
		}
	}
	return clamped
}

// Created is the start of the release day as seconds since 1970, UTC; 0: not known.
func (m *Model) Created() int64 {
	t, err := time.Parse(time.DateOnly, m.Released)
	if err != nil {
		return 0
	}
	return t.Unix()
}

// sibling is a model that nothing is known of but its name and that m is of its publisher.
func (m *Model) sibling(id string) *Model {
	return &Model{
		ID:        id,
		Publisher: m.Publisher,
		API:       m.API,
		Paths:     slices.Clone(apis[m.API]),
		Title:     id,
		Locations: m.Locations,
		Status:    "unknown",
		Accepts:   m.Accepts,
	}
}

// renamed is a model that nothing is known of but its name and that m's rules hold.
func (m *Model) renamed(id string) *Model {
	return &Model{
		ID:        id,
		Publisher: m.Publisher,
		API:       m.API,
		Paths:     m.Paths,
		Title:     id,
		Locations: m.Locations,
		Window:    m.Window,
		MaxOutput: m.MaxOutput,
		Status:    "unknown",
		Accepts:   m.Accepts,
	}
}

// complete writes out what an absent field means, so that readers need not know. The API
// of the publisher is that of an absent one.
func (m *Model) complete(publishers API) {
	m.API = cmp.Or(m.API, publishers)
	if len(m.Paths) == 0 {
		m.Paths = m.API.defaultPaths()
	}
	m.Title = cmp.Or(m.Title, m.ID)
	m.Status = cmp.Or(m.Status, "unknown")
	a := &m.Accepts
	a.Sampling = cmp.Or(a.Sampling, SamplingNone)
	a.ThinkingDefault = cmp.Or(a.ThinkingDefault, "off")
	a.ForcedTools = cmp.Or(a.ForcedTools, Never)
	a.Prefill = cmp.Or(a.Prefill, Never)
}

// Accepts are the rules by which Vertex takes or refuses a request for a model. They come
// from the publisher's documentation and model catalogues, not from trying each of them.
type Accepts struct {
	// Sampling tells what temperature, top_p and top_k may be; empty: SamplingNone.
	Sampling Sampling `json:"sampling" yaml:"sampling"`
	// Thinking lists the values of thinking.type that are taken, of adaptive, enabled,
	// disabled and between_tools; empty: the field is refused.
	Thinking []string `json:"thinking,omitempty" yaml:"thinking"`
	// ThinkingDefault is what an absent thinking field means: off, on, or always (on, and
	// no other type is taken); empty: off.
	ThinkingDefault string `json:"thinking_default" yaml:"thinking_default"`
	// ThinkingDisplay is what thinking.display means when absent: summarized or omitted; empty: the model does not think.
	ThinkingDisplay string `json:"thinking_display,omitempty" yaml:"thinking_display"`
	// Effort lists the levels of output_config.effort, rising; empty: the field is refused.
	Effort []string `json:"effort,omitempty" yaml:"effort"`
	// EffortDefault is the level when the field is absent.
	EffortDefault string `json:"effort_default,omitempty" yaml:"effort_default"`
	// EffortUnthinking is the highest level allowed with thinking disabled or between_tools; empty: any.
	EffortUnthinking string `json:"effort_unthinking,omitempty" yaml:"effort_unthinking"`
	// ForcedTools tells when tool_choice may be any or tool.
	ForcedTools When `json:"forced_tools" yaml:"forced_tools"`
	// Prefill tells when the last message may be the assistant's.
	Prefill When `json:"prefill" yaml:"prefill"`
	// SystemInMessages: role system is taken inside messages.
	SystemInMessages bool `json:"system_in_messages,omitempty" yaml:"system_in_messages"`
	// StructuredOutputs: output_config.format is taken.
	StructuredOutputs bool `json:"structured_outputs,omitempty" yaml:"structured_outputs"`
	// CacheMinTokens is the shortest prompt that is cached; 0: unknown.
	CacheMinTokens int `json:"cache_min_tokens,omitempty" yaml:"cache_min_tokens"`
	// Images is the most images a request may hold.
	Images int `json:"images,omitempty" yaml:"images"`
}

// Sampling is how a model treats temperature, top_p and top_k.
type Sampling string

const (
	// SamplingFree models take all three.
	SamplingFree Sampling = "free"
	// SamplingEither models refuse temperature and top_p together.
	SamplingEither Sampling = "either"
	// SamplingNone models refuse any value but the default.
	SamplingNone Sampling = "none"
)

// When tells under which condition a model takes something.
type When string

const (
	// Never is also the zero value's meaning.
	Never When = "never"
	// Always without condition.
	Always When = "always"
	// Unthinking only while thinking is off.
	Unthinking When = "unthinking"
	// Unbudgeted only while thinking is not of the type enabled (with a budget).
	Unbudgeted When = "unbudgeted"
)

// Prices in US dollars per million tokens on the global endpoint, or where the model is
// not served there in every location, unless said otherwise. A price of 0 adds nothing to
// a cost, but searches and pages without a price beside others have one that is unknown.
type Prices struct {
	Input        float64 `json:"input" yaml:"input"`
	Output       float64 `json:"output" yaml:"output"`
	CacheWrite5m float64 `json:"cache_write_5m,omitempty" yaml:"cache_write_5m,omitempty"`
	CacheWrite1h float64 `json:"cache_write_1h,omitempty" yaml:"cache_write_1h,omitempty"`
	// CacheRead is the price of prompt tokens that were cached; 0: the price of others.
	CacheRead float64 `json:"cache_read,omitempty" yaml:"cache_read,omitempty"`
	// Regional multiplies every token price, those of Long too, outside global; 0 means 1.
	Regional float64 `json:"regional,omitempty" yaml:"regional,omitempty"`
	// WebSearches is the price of 1000 web searches, in every location.
	WebSearches float64 `json:"web_searches,omitempty" yaml:"web_searches,omitempty"`
	// Pages is the price of 1000 pages read.
	Pages float64 `json:"pages,omitempty" yaml:"pages,omitempty"`
	// Long replaces the token prices for every token of a request whose prompt is above its limit.
	Long *LongPrices `json:"long,omitempty" yaml:"long,omitempty"`
}

// LongPrices are the prices of requests with long prompts.
type LongPrices struct {
	// Above this many prompt tokens (input, cache reads and cache writes together).
	Above        int     `json:"above" yaml:"above"`
	Input        float64 `json:"input" yaml:"input"`
	Output       float64 `json:"output" yaml:"output"`
	CacheWrite5m float64 `json:"cache_write_5m,omitempty" yaml:"cache_write_5m,omitempty"`
	CacheWrite1h float64 `json:"cache_write_1h,omitempty" yaml:"cache_write_1h,omitempty"`
	CacheRead    float64 `json:"cache_read,omitempty" yaml:"cache_read,omitempty"`
}
