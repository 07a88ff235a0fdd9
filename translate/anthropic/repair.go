package anthropic

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// A Repair mends the requests that a model refuses although the catalogue says it takes
// them. It is read from the refusal (openai-claude.md M and D.2).
type Repair struct {
	// Name of what was refused, one of few; for logs and metrics.
	Name string
	// Warning tells the client what was changed.
	Warning openai.Warning
	// Lasting: the model would refuse the next requests as well. False: the fault is in
	// this one conversation.
	Lasting bool

	betas string // that were refused
	apply func(*catalogue.Model, *Options)
}

// Is tells whether both mend the same.
func (r *Repair) Is(other Repair) bool {
	return r.Name == other.Name && r.Warning == other.Warning && r.betas == other.betas
}

// Apply gives the model and the options that a mended request is made with. It changes
// neither m nor what o refers to.
func (r *Repair) Apply(m *catalogue.Model, o Options) (*catalogue.Model, Options) {
	mended := *m
	o.Without = slices.Clip(o.Without)
	r.apply(&mended, &o)
	return &mended, o
}

// A remedy makes a repair of a refusal whose text matches.
type remedy struct {
	text *regexp.Regexp
	make func(match []string) Repair
}

// Diagnose finds out how to mend a request from the words it was refused with; false: it
// cannot be mended.
func Diagnose(fault *openai.Error) (Repair, bool) {
	if fault.Upstream != http.StatusBadRequest {
		return Repair{}, false
	}
	for _, r := range remedies {
		if match := r.text.FindStringSubmatch(fault.Message); match != nil {
			repair := r.make(match)
			return repair, repair.apply != nil
		}
	}
	return Repair{}, false
}

// remedies in the order they are asked; the first that matches counts. Those that last for
// everybody must match from the first word on: further behind a refusal may quote whatever
// its client wrote, such as the keys of a tool's input.
var remedies = []remedy{
	{regexp.MustCompile(`^Organization Policy constraint .* disallowed feature structured_outputs`), noStructuredOutputs},
	{regexp.MustCompile(`^output_config\.format: Extra inputs`), noStructuredOutputs},
	{regexp.MustCompile(`^output_config: Extra inputs`), noOutputConfig},
	{regexp.MustCompile(`Schema is too complex|^output_config\.format\.`), emulated},
	{regexp.MustCompile("^Unexpected value\\(s\\) (.+) for the `anthropic-beta` header"), withoutBetas},
	{regexp.MustCompile(`^"thinking\.type\.enabled" is not supported`), thinkOtherwise("enabled")},
	{regexp.MustCompile(`^"thinking\.type\.disabled" is not supported`), thinkOtherwise("disabled")},
	{regexp.MustCompile(`^adaptive thinking is not supported`), thinkOtherwise("adaptive")},
	{regexp.MustCompile(`^This model does not support effort level '(\w+)'\. Supported levels: (.+)`), effortLevels},
	{regexp.MustCompile(`^This model does not support the effort parameter|^output_config\.effort: Extra inputs`), effortLevels},
	{regexp.MustCompile(`^thinking\.(?:\w+\.)?display: Extra inputs`), undisplayed},
	{regexp.MustCompile(`^tool_choice: type "tool" and "any" are not supported`), unforced},
	{regexp.MustCompile(`^Thinking may not be enabled when tool_choice forces`), unforcedOnce},
	{regexp.MustCompile(`^This model does not support assistant message prefill`), unprefilled},
	{regexp.MustCompile(`^role 'system' is not supported`), systemOutside},
	{regexp.MustCompile("^`(temperature|top_p|top_k)` (?:is not supported|is deprecated)"), unsampled},
	{regexp.MustCompile("^`(temperature|top_p|top_k)` (?:may only be set|must be)"), unsampledOnce},
	{regexp.MustCompile("^`temperature` and `top_p` cannot both be specified"), eitherSampled},
	{regexp.MustCompile(`blocks with cache_control|cache_control\.ttl|cache_control: Extra inputs`), uncached},
	{regexp.MustCompile(`exceed context limit: (\d+) \+ (\d+) > (\d+)`), lessOutput},
	{regexp.MustCompile(`^max_tokens: \d+ > (\d+)`), maxOutput},
	{regexp.MustCompile("(?i)invalid `?(?:signature|data)`? in `?(?:redacted_)?thinking|thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified"), thoughtless},
	{regexp.MustCompile(`^(\w+): Extra inputs are not permitted`), without},
}

func noStructuredOutputs([]string) Repair {
	return Repair{Name: "structured_outputs", Warning: openai.Warning{Param: "response_format", What: "emulated"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.Accepts.StructuredOutputs = false }}
}

// noOutputConfig: neither a schema nor an effort can be told.
func noOutputConfig([]string) Repair {
	return Repair{Name: "output_config", Warning: openai.Warning{Param: "output_config", What: "adapted"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.Accepts.StructuredOutputs, m.Accepts.Effort = false, nil }}
}

// emulated: one schema is more than the model's structured output can do.
func emulated([]string) Repair {
	return Repair{Name: "schema", Warning: openai.Warning{Param: "response_format", What: "emulated"}, apply: func(_ *catalogue.Model, o *Options) {
		if o.Output != "native" {
			o.Output = "tool"
		}
	}}
}

func withoutBetas(match []string) Repair {
	named := strings.FieldsFunc(match[1], func(c rune) bool { return c == '`' || c == ',' || c == ' ' })
	named = slices.DeleteFunc(named, func(beta string) bool { return betas[beta] != beta }) // never sent, and perhaps the name of a member
	if len(named) == 0 {
		return Repair{}
	}
	return Repair{Name: "beta", Warning: openai.Warning{Param: "anthropic_beta", What: "dropped"}, Lasting: true, betas: strings.Join(named, ","),
		apply: func(_ *catalogue.Model, o *Options) { o.Without = append(o.Without, named...) }}
}

// thinkOtherwise: the model does not take one type of thinking. A model that does not
// take the old type takes the new one, and the other way round.
func thinkOtherwise(kind string) func([]string) Repair {
	return func([]string) Repair {
		return Repair{Name: "thinking", Warning: openai.Warning{Param: "thinking", What: "adapted"}, Lasting: true, apply: func(m *catalogue.Model, _ *Options) {
			kinds := slices.DeleteFunc(slices.Clone(m.Accepts.Thinking), func(k string) bool { return k == kind })
			other := map[string]string{"enabled": "adaptive", "adaptive": "enabled"}[kind]
			if other != "" && !slices.Contains(kinds, other) {
				kinds = append(kinds, other)
			}
			m.Accepts.Thinking = kinds
		}}
	}
}

func effortLevels(match []string) Repair {
	var levels []string
	if len(match) > 2 {
		for _, known := range []string{"low", "medium", "high", "xhigh", "max"} { // rising, as the catalogue wants them
			if slices.Contains(words(match[2]), known) {
				levels = append(levels, known)
			}
		}
	}
	return Repair{Name: "effort", Warning: openai.Warning{Param: "reasoning_effort", What: "clamped"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.Accepts.Effort = levels }}
}

// words are the runs of letters in a text.
func words(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c < 'a' || c > 'z' })
}

// undisplayed: the model cannot be asked whether to show its thoughts.
func undisplayed([]string) Repair {
	return Repair{Name: "thinking", Warning: openai.Warning{Param: "thinking.display", What: "dropped"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.Accepts.ThinkingDisplay = "" }}
}

func unforced([]string) Repair {
	return Repair{Name: "tool_choice", Warning: openai.Warning{Param: "tool_choice", What: "relaxed"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.Accepts.ForcedTools = catalogue.Never }}
}

// unforcedOnce: a request that makes the model think may not force a call, others may.
func unforcedOnce(match []string) Repair {
	r := unforced(match)
	r.Lasting = false
	return r
}

func unprefilled([]string) Repair {
	return Repair{Name: "prefill", Warning: openai.Warning{Param: "messages", What: "continued"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.Accepts.Prefill = catalogue.Never }}
}

func systemOutside([]string) Repair {
	return Repair{Name: "system_role", Warning: openai.Warning{Param: "messages", What: "adapted"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.Accepts.SystemInMessages = false }}
}

func unsampled(match []string) Repair {
	return Repair{Name: "sampling", Warning: openai.Warning{Param: match[1], What: "dropped"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.Accepts.Sampling = catalogue.SamplingNone }}
}

// unsampledOnce: what else the request asks for, such as thinking, limits the value.
func unsampledOnce(match []string) Repair {
	r := unsampled(match)
	r.Lasting = false
	return r
}

func eitherSampled([]string) Repair {
	return Repair{Name: "sampling", Warning: openai.Warning{Param: "top_p", What: "dropped"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.Accepts.Sampling = catalogue.SamplingEither }}
}

func uncached([]string) Repair {
	return Repair{Name: "cache_control", Warning: openai.Warning{Param: "cache_control", What: "dropped"},
		apply: func(_ *catalogue.Model, o *Options) { o.Unmarked = true }}
}

// margin is left between the prompt as Vertex AI counted it and the end of the window.
const margin = 256

// lessOutput leaves what the prompt leaves. With less than that a model that thinks would
// not come to its answer, and the client had better shorten its prompt.
func lessOutput(match []string) Repair {
	prompt, _ := strconv.Atoi(match[1]) // digits
	window, _ := strconv.Atoi(match[3])
	room := window - prompt - margin
	if room < minBudget {
		return Repair{}
	}
	return Repair{Name: "max_tokens", Warning: openai.Warning{Param: "max_tokens", What: "clamped"},
		apply: func(_ *catalogue.Model, o *Options) { o.Room = room }}
}

func maxOutput(match []string) Repair {
	most, _ := strconv.Atoi(match[1]) // digits
	return Repair{Name: "max_tokens", Warning: openai.Warning{Param: "max_tokens", What: "clamped"}, Lasting: true,
		apply: func(m *catalogue.Model, _ *Options) { m.MaxOutput = most }}
}

// thoughtless: signatures hold for a model, an account and the very conversation they were
// given in. The next request of the same conversation would be refused again, but that of
// another one would not.
func thoughtless([]string) Repair {
	return Repair{Name: "signature", Warning: openai.Warning{Param: "reasoning_details", What: "dropped"},
		apply: func(_ *catalogue.Model, o *Options) { o.Thoughtless = true }}
}

// optional are the members of a body that a request can do without.
var optional = []string{"thinking", "output_config", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "cache_control"}

func without(match []string) Repair {
	name := match[1]
	if !slices.Contains(optional, name) {
		return Repair{}
	}
	return Repair{Name: "extra_field", Warning: openai.Warning{Param: name, What: "dropped"}, Lasting: true,
		apply: func(_ *catalogue.Model, o *Options) { o.Without = append(o.Without, name) }}
}
