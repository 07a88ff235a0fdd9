package anthropic

import (
	"cmp"
	"slices"
	"strconv"

	"vertexgateway/translate/openai"
)

// thinking is the request's thinking field; with an empty kind there is none.
type thinking struct {
	kind    string // adaptive, enabled, disabled or between_tools
	budget  int    // tokens; only with enabled
	display string
}

// efforts are OpenAI's levels with the share of max_tokens, in percent, that older
// models get as thinking budget (openai-claude.md A.9).
var efforts = map[string]int{"none": 0, "minimal": 0, "low": 10, "medium": 30, "high": 60, "xhigh": 90, "max": 90}

const minBudget = 1024 // tokens; Claude refuses less

// A wish is what the client wants of the model's thoughts, in whichever field it said so.
type wish struct {
	param   string // the field; empty: the client said nothing
	kind    string // of Anthropic's field: adaptive, enabled, disabled or between_tools
	level   string // none, minimal, low ... max; empty: not said
	budget  int64  // tokens; 0: not said
	display string // summarized or omitted; empty: not said
}

func (w *wish) isNone() bool {
	return w.level == "none" || w.kind == "disabled" || w.kind == "between_tools"
}

// wished finds the field that counts: Anthropic's before OpenRouter's, OpenAI's and Qwen's
// (openai-claude.md A.9, A.10).
func (t *translation) wished() wish {
	c := t.chat
	switch {
	case c.Thinking != nil && c.Thinking.Type != "":
		w := wish{param: "thinking", kind: c.Thinking.Type, display: c.Thinking.Display}
		if b := c.Thinking.BudgetTokens; b != nil && w.kind == "enabled" {
			w.budget = max(1, *b)
		}
		if w.kind != "enabled" {
			w.level = c.ReasoningEffort
		}
		return w
	case c.Reasoning != nil:
		if w := reasoningWish(c.Reasoning); w.param != "" {
			return w
		}
	}
	if c.ReasoningEffort != "" {
		return wish{param: "reasoning_effort", level: c.ReasoningEffort}
	}
	if on := cmp.Or(c.EnableThinking, c.ChatTemplateKwargs.EnableThinking); on != nil {
		return wish{param: "enable_thinking", level: levelOf(*on)}
	}
	return wish{}
}

func reasoningWish(r *openai.Reasoning) wish {
	switch {
	case r.Effort != "":
		return wish{param: "reasoning.effort", level: r.Effort}
	case r.MaxTokens != nil && *r.MaxTokens > 0:
		return wish{param: "reasoning.max_tokens", budget: *r.MaxTokens}
	case r.Enabled != nil:
		return wish{param: "reasoning.enabled", level: levelOf(*r.Enabled)}
	}
	return wish{}
}

func levelOf(on bool) string {
	if on {
		return "medium"
	}
	return "none"
}

// budgeted tells whether the wish makes the model think by budget.
func (t *translation) budgeted(w *wish) bool {
	explicit := w.kind == "enabled" || w.budget > 0
	return w.param != "" && !w.isNone() && t.model.Thinks("enabled") && (explicit || !t.model.Thinks("adaptive"))
}

// wantsThinking tells whether thoughts by budget are wished for, which forced calls exclude.
func (t *translation) wantsThinking() bool {
	w := t.wished()
	return t.budgeted(&w) && t.maxTokens > minBudget
}

// setThinking turns the client's wish into what the model takes for it.
func (t *translation) setThinking() *openai.Error {
	w := t.wished()
	if err := w.check(); err != nil {
		return err
	}
	include := t.chat.IncludeReasoning
	t.silent = t.chat.HidesReasoning()
	switch {
	case w.param == "" && include != nil && *include && t.model.Accepts.ThinkingDefault != "off" && t.model.Thinks("adaptive"):
		t.thinking.kind = "adaptive"
		t.showThinking("")
	case w.param == "":
		t.spareSmallAnswers()
	case w.isNone():
		t.thinkNot(&w)
		t.setUnthinkingEffort(&w)
	case t.budgeted(&w):
		t.setBudget(&w)
	case t.model.Thinks("adaptive"):
		t.adapt(&w)
	default:
		t.warn(w.param, "dropped")
	}
	t.yieldToForcedTool(&w)
	t.yieldToUnsignedTurn(&w)
	return nil
}

func (w *wish) check() *openai.Error {
	if _, known := efforts[w.level]; w.level != "" && !known {
		param := w.param
		if w.kind != "" {
			param = "reasoning_effort"
		}
		return openai.InvalidValue(param, "must be one of none, minimal, low, medium, high, xhigh, max")
	}
	switch w.kind {
	case "", "adaptive", "enabled", "disabled", "between_tools":
	default:
		return openai.InvalidValue("thinking.type", "must be one of adaptive, enabled, disabled, between_tools")
	}
	switch w.display {
	case "", "summarized", "omitted":
		return nil
	}
	return openai.InvalidValue("thinking.display", "must be summarized or omitted")
}

// thinkNot answers a wish for no thoughts: off where that can be, little of it elsewhere.
func (t *translation) thinkNot(w *wish) {
	switch {
	case w.kind == "between_tools" && t.model.Thinks(w.kind):
		t.thinking.kind = w.kind
	case t.model.Accepts.ThinkingDefault == "off":
	case t.model.Thinks("disabled"):
		t.thinking.kind = "disabled"
	case t.model.Thinks("between_tools"):
		t.thinking.kind = "between_tools"
	default:
		t.effort = t.model.ClampEffort("low")
		t.warn(w.param, "clamped")
	}
}

// setUnthinkingEffort: effort is about all tokens, not only those of thoughts. Without
// them some models take no more than so much of it.
func (t *translation) setUnthinkingEffort(w *wish) {
	if w.kind == "" || w.level == "" || w.level == "none" || t.effort != "" || len(t.model.Accepts.Effort) == 0 {
		return
	}
	level, most := w.level, t.model.Accepts.EffortUnthinking
	if most != "" && slices.Index(t.model.Accepts.Effort, level) > slices.Index(t.model.Accepts.Effort, most) {
		level = most
		t.warn("reasoning_effort", "clamped")
	}
	t.setEffort(level, "reasoning_effort")
}

// spareSmallAnswers keeps a model that thinks by default from spending a small limit on
// thoughts nobody asked for.
func (t *translation) spareSmallAnswers() {
	if t.maxTokens < minBudget && (t.model.Thinks("disabled") || t.model.Thinks("between_tools")) {
		t.thinkNot(&wish{})
	}
}

// showThinking asks for the text of the thoughts where the model would leave it out and
// the client wants to see it.
func (t *translation) showThinking(display string) {
	switch t.model.Accepts.ThinkingDisplay {
	case "": // the model has no such choice
		return
	case "omitted":
		if display == "" && !t.silent {
			display = "summarized"
		}
	}
	t.thinking.display = display
}

// adapt is for models that find out by themselves how much to think.
func (t *translation) adapt(w *wish) {
	t.thinking.kind = "adaptive"
	t.showThinking(w.display)
	level := w.level
	if w.kind == "enabled" || w.budget > 0 {
		level = levelOfBudget(w.budget)
		t.warn(w.param, "adapted")
	}
	if level != "" {
		t.setEffort(level, w.param)
	}
}

// levelOfBudget is the effort that a thinking budget comes near to (openai-claude.md A.10).
func levelOfBudget(budget int64) string {
	switch {
	case budget <= 2<<10:
		return "low"
	case budget <= 8<<10:
		return "medium"
	case budget <= 24<<10:
		return "high"
	}
	return "xhigh"
}

func (t *translation) setEffort(level, param string) {
	t.effort = t.model.ClampEffort(level)
	if t.effort != level && level != "minimal" {
		t.warn(param, "clamped")
	}
}

// setBudget is for models that think by budget. The budget counts inside max_tokens, as
// OpenAI counts reasoning; max_tokens is never raised for it.
func (t *translation) setBudget(w *wish) {
	if w.kind == "adaptive" {
		t.warn(w.param, "adapted")
	}
	if w.level != "" && len(t.model.Accepts.Effort) > 0 {
		t.setEffort(w.level, w.param)
		if w.level == "minimal" {
			return
		}
	}
	if t.maxTokens <= minBudget {
		t.warn(w.param, "dropped")
		return
	}
	budget := int(w.budget)
	if budget == 0 {
		budget = t.maxTokens * efforts[cmp.Or(w.level, "medium")] / 100
	}
	t.thinking = thinking{kind: "enabled", budget: min(max(minBudget, budget), t.maxTokens-1)}
	t.showThinking(w.display)
	if w.budget > 0 && t.thinking.budget != budget {
		t.warn(w.param, "clamped")
	}
}

// yieldToForcedTool: Claude does not think by budget before a forced call. Thoughts that
// were asked for as such count more than the force, an effort counts less.
func (t *translation) yieldToForcedTool(w *wish) {
	if t.thinking.kind != "enabled" || !t.choice.forced() {
		return
	}
	if w.kind != "" {
		t.relaxToolChoice()
		return
	}
	t.thinking = thinking{}
	t.warn(w.param, "dropped")
}

// yieldToUnsignedTurn: with a budget, the assistant turn of an open tool loop must begin
// with its thinking; where the client lost it, this request goes without thinking.
func (t *translation) yieldToUnsignedTurn(w *wish) {
	if t.thinking.kind != "enabled" {
		return
	}
	last := lastAssistant(t.turns)
	if last == nil || !slices.ContainsFunc(last.blocks, func(b block) bool { return b.kind == toolUse }) {
		return
	}
	if !last.blocks[0].isThought() {
		t.thinking = thinking{}
		t.warn(w.param, "dropped")
	}
}

// thinks tells whether the model will think in this request.
func (t *translation) thinks() bool {
	switch t.thinking.kind {
	case "":
		return t.model.Accepts.ThinkingDefault != "off"
	case "disabled":
		return false
	}
	return true
}

func (k thinking) append(dst []byte) []byte {
	if k.kind == "" {
		return dst
	}
	dst = append(dst, `,"thinking":{"type":"`...)
	dst = append(append(dst, k.kind...), '"')
	if k.budget > 0 {
		dst = append(dst, `,"budget_tokens":`...)
		dst = strconv.AppendInt(dst, int64(k.budget), 10)
	}
	if k.display != "" {
		dst = append(dst, `,"display":"`...)
		dst = append(append(dst, k.display...), '"')
	}
	return append(dst, '}')
}

func (t *translation) appendTemperature(dst []byte) []byte {
	if t.temperature == nil {
		return dst
	}
	return append(append(dst, `,"temperature":`...), formatFloat(*t.temperature)...)
}

func (t *translation) appendTopP(dst []byte) []byte {
	if t.topP == nil {
		return dst
	}
	return append(append(dst, `,"top_p":`...), formatFloat(*t.topP)...)
}

func (t *translation) appendTopK(dst []byte) []byte {
	if t.topK == nil {
		return dst
	}
	return strconv.AppendInt(append(dst, `,"top_k":`...), *t.topK, 10)
}

func formatFloat(f float64) string {
	return strconv.FormatFloat(f, 'g', -1, 64)
}
