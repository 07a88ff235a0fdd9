package compat

import (
	"slices"

	"vertexgateway/translate/openai"
)

// efforts are OpenAI's levels, with those that clients made up.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// setEffort gives the effort to a model that takes one, in the publisher's words.
func (t *translation) setEffort() *openai.Error {
	param, level := t.askedEffort()
	switch {
	case level == "":
		return nil
	case !slices.Contains(efforts, level):
		return openai.InvalidValue(param, "must be one of none, minimal, low, medium, high, xhigh and max")
	case len(t.model.Accepts.Effort) == 0 || t.dialect.Efforts == nil:
		t.dropIf(param, level != "none" && level != "minimal") // these it does anyway
		return nil
	}
	t.body.ReasoningEffort = t.dialect.Efforts[level]
	return nil
}

// askedEffort finds the effort in all forms that clients have for it, the most outspoken
// first (openai-claude.md A.9 and A.10), and the param that holds it.
func (t *translation) askedEffort() (param, level string) {
	c := t.chat
	onOff := map[bool]string{true: "high", false: "none"}
	switch {
	case c.Thinking != nil:
		return "thinking", onOff[c.Thinking.Type != "disabled"]
	case c.Reasoning != nil && c.Reasoning.Effort != "":
		return "reasoning", c.Reasoning.Effort
	case c.Reasoning != nil && c.Reasoning.Enabled != nil:
		return "reasoning", onOff[*c.Reasoning.Enabled]
	case c.Reasoning != nil && c.Reasoning.MaxTokens != nil:
		return "reasoning", onOff[*c.Reasoning.MaxTokens > 0]
	case c.ReasoningEffort != "":
		return "reasoning_effort", c.ReasoningEffort
	case c.EnableThinking != nil:
		return "enable_thinking", onOff[*c.EnableThinking]
	case c.ChatTemplateKwargs.EnableThinking != nil:
		return "chat_template_kwargs", onOff[*c.ChatTemplateKwargs.EnableThinking]
	}
	return "", ""
}
