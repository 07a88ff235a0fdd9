package anthropic

import (
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

// setThinking turns reasoning_effort into what the model takes for it.
func (t *translation) setThinking() *openai.Error {
	level := t.chat.ReasoningEffort
	share, known := efforts[level]
	switch {
	case level == "":
		t.spareSmallAnswers()
	case !known:
		return invalidValue("reasoning_effort", "must be one of none, minimal, low, medium, high, xhigh, max")
	case level == "none":
		t.thinkNot()
	case t.model.Thinks("adaptive"):
		t.thinking.kind = "adaptive"
		t.showThinking()
		t.setEffort(level)
	case t.model.Thinks("enabled"):
		t.setBudget(level, share)
	default:
		t.warn("reasoning_effort", "dropped")
	}
	t.yieldToForcedTool()
	t.yieldToUnsignedTurn()
	return nil
}

// thinkNot answers effort none: thinking off where it can be, little of it elsewhere.
func (t *translation) thinkNot() {
	switch {
	case t.model.Accepts.ThinkingDefault == "off":
	case t.model.Thinks("disabled"):
		t.thinking.kind = "disabled"
	case t.model.Thinks("between_tools"):
		t.thinking.kind = "between_tools"
	default:
		t.effort = t.model.ClampEffort("low")
		t.warn("reasoning_effort", "clamped")
	}
}

// spareSmallAnswers keeps a model that thinks by default from spending a small limit on
// thoughts nobody asked for.
func (t *translation) spareSmallAnswers() {
	if t.maxTokens < minBudget && (t.model.Thinks("disabled") || t.model.Thinks("between_tools")) {
		t.thinkNot()
	}
}

// showThinking asks for the text of the thoughts where the model would leave it out.
func (t *translation) showThinking() {
	if t.model.Accepts.ThinkingDisplay == "omitted" {
		t.thinking.display = "summarized"
	}
}

func (t *translation) setEffort(level string) {
	t.effort = t.model.ClampEffort(level)
	if t.effort != level && level != "minimal" {
		t.warn("reasoning_effort", "clamped")
	}
}

// setBudget is for models that think by budget. The budget counts inside max_tokens, as
// OpenAI counts reasoning; max_tokens is never raised for it.
func (t *translation) setBudget(level string, share int) {
	if len(t.model.Accepts.Effort) > 0 {
		t.setEffort(level)
		if level == "minimal" {
			return
		}
	}
	if t.maxTokens <= minBudget {
		t.warn("reasoning_effort", "dropped")
		return
	}
	t.thinking = thinking{kind: "enabled", budget: max(minBudget, t.maxTokens*share/100)}
}

// yieldToForcedTool: Claude does not think by budget before a forced call.
func (t *translation) yieldToForcedTool() {
	if t.thinking.kind == "enabled" && t.choice.forced() {
		t.thinking = thinking{}
		t.warn("reasoning_effort", "dropped")
	}
}

// yieldToUnsignedTurn: with a budget, the assistant turn of an open tool loop must begin
// with its thinking; where the client lost it, this request goes without thinking.
func (t *translation) yieldToUnsignedTurn() {
	if t.thinking.kind != "enabled" {
		return
	}
	last := lastAssistant(t.turns)
	if last == nil || !slices.ContainsFunc(last.blocks, func(b block) bool { return b.kind == toolUse }) {
		return
	}
	if first := last.blocks[0].kind; first != thinkingBlock && first != redactedBlock {
		t.thinking = thinking{}
		t.warn("reasoning_effort", "dropped")
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

func (t *translation) appendSampling(dst []byte) []byte {
	if t.temperature != nil {
		dst = append(dst, `,"temperature":`...)
		dst = append(dst, formatFloat(*t.temperature)...)
	}
	if t.topP != nil {
		dst = append(dst, `,"top_p":`...)
		dst = append(dst, formatFloat(*t.topP)...)
	}
	if t.topK != nil {
		dst = append(dst, `,"top_k":`...)
		dst = strconv.AppendInt(dst, *t.topK, 10)
	}
	return dst
}

func formatFloat(f float64) string {
	return strconv.FormatFloat(f, 'g', -1, 64)
}
