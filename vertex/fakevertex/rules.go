package fakevertex

import (
	"slices"
	"strings"

	"vertexgateway/translate/catalogue"
)

// oldVersion and newVersion are the values of anthropic_version that are taken; the
// second has stricter rules (vertex.md 3.1, 3.2).
const (
	oldVersion = "vertex-2023-10-16"
	newVersion = "2026-10-21"
)

// betas are the values that Vertex takes in the anthropic-beta header (vertex.md 2.3).
var betas = []string{
	"tool-search-tool-2025-10-19", "compact-2026-01-12", "compact-2026-09-04",
	"computer-use-2025-01-24", "computer-use-2025-11-24", "context-1m-2025-08-07",
	"context-management-2025-06-27", "dangerous-tool-use-2026-09-03",
	"interleaved-thinking-2025-05-14", "per-turn-control-2026-07-01",
	"thinking-binding-controls-2026-08-01", "thinking-display-updates-2026-08-18",
	"web-search-2025-03-05",
}

// An inspection holds a request against the rules of its model.
type inspection struct {
	*request
	model  *catalogue.Model
	mode   string // of thinking, in force
	betas  []string
	turns  []turn
	counts bool // it is the token counter's, which generates nothing
	bound  bool // thinking is bound to what stands before it
	load   load // of all schemas
}

// rules are asked one after the other; the first refusal is the answer.
var rules = []func(*inspection) *refusal{
	(*inspection).checkVersion,
	(*inspection).checkOrder,
	(*inspection).checkMaxTokens,
	(*inspection).checkSampling,
	(*inspection).checkThinking,
	(*inspection).checkEffort,
	(*inspection).checkFormat,
	(*inspection).checkSpeed,
	(*inspection).checkBetaFields,
	(*inspection).checkTexts,
	(*inspection).checkTools,
	(*inspection).checkLoad,
	(*inspection).checkToolChoice,
	(*inspection).checkSystemTurns,
	(*inspection).checkBlocks,
	(*inspection).checkToolTurns,
	(*inspection).checkServed,
	(*inspection).checkContinued,
	(*inspection).checkSignatures,
	(*inspection).checkThinkingTurn,
	(*inspection).checkPrefill,
	(*inspection).checkCacheControl,
	(*inspection).checkMedia,
}

// inspect returns the first refusal, or nil.
func (c *call) inspect(r *request, m *catalogue.Model, sent []string) error {
	i := &inspection{
		request: r, model: m, mode: r.thinks(m.Accepts.ThinkingDefault), betas: sent, turns: r.turns(),
		counts: c.path.counts(), bound: c.scenario.Bound,
	}
	for _, rule := range rules {
		if refused := rule(i); refused != nil {
			return refused
		}
	}
	return nil
}

// checkBetas looks at the header; the token counter takes none (vertex.md 4.4).
func checkBetas(sent []string, counts bool) *refusal {
	for _, beta := range sent {
		if counts || !slices.Contains(betas, beta) {
			return refuse("Unexpected value(s) `%s` for the `anthropic-beta` header. Please consult our documentation at docs.anthropic.com or try again without the header.", beta)
		}
	}
	return nil
}

// splitBetas reads the values of all anthropic-beta headers.
func splitBetas(headers []string) []string {
	var all []string
	for _, h := range headers {
		for value := range strings.SplitSeq(h, ",") {
			if value = strings.TrimSpace(value); value != "" {
				all = append(all, value)
			}
		}
	}
	return all
}

func (i *inspection) thinking() bool { return i.mode != "disabled" }

// holds reports whether the condition of the catalogue is met.
func (i *inspection) holds(when catalogue.When) bool {
	switch when {
	case catalogue.Always:
		return true
	case catalogue.Unthinking:
		return !i.thinking()
	case catalogue.Unbudgeted:
		return i.mode != "enabled"
	case catalogue.Never:
	}
	return false
}

func (i *inspection) checkVersion() *refusal {
	if i.Version != oldVersion && i.Version != newVersion {
		return refuse("Invalid API version")
	}
	return nil
}

// checkOrder: Vertex is held to the old rule that the user begins, as nothing newer is known of it.
func (i *inspection) checkOrder() *refusal {
	if len(i.Messages) == 0 {
		return refuse("messages: at least one message is required")
	}
	if len(i.Messages) > 100_000 {
		return refuse("messages: List should have at most 100000 items after validation, not %d", len(i.Messages))
	}
	if first := i.Messages[0].Role; first == "assistant" || first == "system" && i.model.Accepts.SystemInMessages {
		return refuse(`messages: first message must use the "user" role`)
	}
	return nil
}

func (i *inspection) checkMaxTokens() *refusal {
	if i.counts {
		return nil
	}
	asked, most := int(*i.MaxTokens), i.model.MaxOutput
	if most > 0 && asked > most {
		return refuse("max_tokens: %d > %d, which is the maximum allowed number of output tokens for %s", asked, most, dashed(i.model))
	}
	if asked == 0 && (i.Stream || i.ToolChoice.forces() || i.format() != nil) {
		return refuse("max_tokens: 0 cannot be combined with stream, a forced tool_choice or output_config.format")
	}
	return nil
}

// dashed is the model's name as answers spell it.
func dashed(m *catalogue.Model) string { return strings.ReplaceAll(m.ID, "@", "-") }

func (i *inspection) checkSampling() *refusal {
	given := map[string]bool{"temperature": i.Temperature != nil, "top_p": i.TopP != nil, "top_k": i.TopK != nil}
	names := []string{"temperature", "top_p", "top_k"}
	if i.Version == newVersion {
		for _, name := range names {
			if given[name] {
				return refuse("Extra inputs are not permitted").under(name)
			}
		}
	}
	switch {
	case i.model.Accepts.Sampling == catalogue.SamplingNone:
		return i.checkNoSampling()
	case i.thinking():
		return i.checkThinkingSampling()
	case i.model.Accepts.Sampling == catalogue.SamplingEither && given["temperature"] && given["top_p"]:
		return refuse("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	}
	return nil
}

// checkNoSampling lets pass what changes nothing (vertex.md 2.2).
func (i *inspection) checkNoSampling() *refusal {
	const text = "`%s` is not supported on this model."
	switch {
	case i.Temperature != nil && *i.Temperature != 1:
		return refuse(text, "temperature")
	case i.TopP != nil && *i.TopP < 0.99:
		return refuse(text, "top_p")
	case i.TopK != nil:
		return refuse(text, "top_k")
	}
	return nil
}

func (i *inspection) checkThinkingSampling() *refusal {
	const more = " Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#important-considerations-when-using-extended-thinking"
	switch {
	case i.Temperature != nil && *i.Temperature != 1:
		return refuse("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode." + more)
	case i.TopK != nil:
		return refuse("`top_k` must be unset when thinking is enabled or in adaptive mode." + more)
	case i.TopP != nil && *i.TopP < 0.95:
		return refuse("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled or in adaptive mode." + more)
	}
	return nil
}

func (i *inspection) checkThinking() *refusal {
	if i.Thinking == nil {
		return nil
	}
	if !i.model.Thinks(i.mode) {
		return i.refuseThinking()
	}
	if i.mode != "enabled" || i.counts || i.hasBeta("interleaved-thinking-2025-05-14") {
		return nil
	}
	if i.Thinking.Budget >= *i.MaxTokens {
		return refuse("`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size")
	}
	return nil
}

func (i *inspection) hasBeta(name string) bool { return slices.Contains(i.betas, name) }

// refuseThinking has the texts of vertex.md 4.4.
func (i *inspection) refuseThinking() *refusal {
	switch {
	case len(i.model.Accepts.Thinking) == 0:
		return refuse("Extra inputs are not permitted").under("thinking")
	case i.mode == "enabled":
		return refuse(`"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`)
	case i.mode == "adaptive":
		return refuse("adaptive thinking is not supported on this model")
	case i.mode == "disabled":
		return refuse(`"thinking.type.disabled" is not supported for this model. Thinking defaults to adaptive mode when not specified; use "thinking.type.enabled" with "budget_tokens" for extended thinking.`)
	}
	return refuse("Input tag '%s' found using 'type' does not match any of the expected tags: %s", i.mode, quotedList(i.model.Accepts.Thinking)).under("thinking")
}

func (i *inspection) checkEffort() *refusal {
	if i.OutputConfig == nil {
		return nil
	}
	levels, effort := i.model.Accepts.Effort, i.OutputConfig.Effort
	if len(levels) == 0 && !i.model.Accepts.StructuredOutputs {
		return refuse("Extra inputs are not permitted").under("output_config")
	}
	switch {
	case effort == "":
		return nil
	case len(levels) == 0:
		return refuse("This model does not support the effort parameter.")
	case !slices.Contains(levels, effort):
		sorted := slices.Sorted(slices.Values(levels))
		return refuse("This model does not support effort level '%s'. Supported levels: %s.", effort, strings.Join(sorted, ", "))
	}
	highest := i.model.Accepts.EffortUnthinking
	if highest != "" && (i.mode == "disabled" || i.mode == "between_tools") && slices.Index(levels, effort) > slices.Index(levels, highest) {
		return refuse("output_config.effort: '%s' is not supported with thinking.type '%s'. The highest supported level is '%s'.", effort, i.mode, highest)
	}
	return nil
}

func (i *inspection) checkFormat() *refusal {
	f := i.format()
	if f == nil {
		return nil
	}
	if !i.model.Accepts.StructuredOutputs {
		return refuse("Extra inputs are not permitted").under("output_config.format")
	}
	if i.cites() {
		return refuse("output_config.format: structured outputs cannot be used with citations")
	}
	if r := checkSubset(f.Schema, &i.load); r != nil {
		return r.under("output_config.format.schema")
	}
	return nil
}

// cites reports whether a document asks for citations.
func (i *inspection) cites() bool {
	for _, t := range i.turns {
		for _, b := range t.blocks {
			if (b.Type == "document" || b.Type == "search_result") && strings.Contains(string(b.Citations), "true") {
				return true
			}
		}
	}
	return false
}

// checkSpeed: the catalogue does not tell which models have a fast mode, so none has.
func (i *inspection) checkSpeed() *refusal {
	if i.Speed == "fast" {
		return googleError(400, "INVALID_ARGUMENT", "Fast mode is not supported for model %s.", i.model.ID)
	}
	return nil
}

func looksLikeMail(s string) bool {
	name, host, ok := strings.Cut(s, "@")
	return ok && name != "" && strings.Contains(host, ".") && !strings.ContainsAny(s, " \t\n")
}

// checkBetaFields: some fields need their value in the anthropic-beta header.
func (i *inspection) checkBetaFields() *refusal {
	edits := slices.ContainsFunc(i.betas, func(b string) bool {
		return strings.HasPrefix(b, "context-management-") || strings.HasPrefix(b, "compact-")
	})
	if !isNull(i.ContextManagement) && !edits {
		return refuse("Extra inputs are not permitted").under("context_management")
	}
	if i.Thinking != nil && !isNull(i.Thinking.Binding) && !i.hasBeta("thinking-binding-controls-2026-08-01") {
		return refuse("Extra inputs are not permitted").under("block_binding").under(i.mode).under("thinking")
	}
	return nil
}

func (i *inspection) checkTexts() *refusal {
	if slices.ContainsFunc(i.StopSequences, blank) {
		return refuse("stop_sequences: each stop sequence must contain non-whitespace")
	}
	if i.Metadata != nil && i.Metadata.UserID != nil && looksLikeMail(*i.Metadata.UserID) {
		return refuse("metadata.user_id: user_id appears to contain an email address")
	}
	for n := range i.System {
		if blank(i.System[n].Text) {
			return refuse("system: text content blocks must be non-empty")
		}
	}
	return nil
}
