package anthropic

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// checkUnsupported goes through what Claude has no field for: refused where leaving it
// out would change what the client gets, dropped with a warning elsewhere.
func (t *translation) checkUnsupported() *openai.Error {
	c := t.chat
	if len(c.Messages) == 0 {
		return openai.BadRequest("missing_required_parameter", "messages", "Missing required parameter: 'messages': at least one message is needed.")
	}
	if blocks(c.Moderation) {
		return openai.UnsupportedParam("moderation", "this model's input and output cannot be blocked by a policy")
	}
	if c.N != nil && *c.N != 1 {
		return openai.UnsupportedValue("n", "only n=1 is available with this model")
	}
	for _, m := range c.Modalities {
		if m != "text" {
			return openai.UnsupportedValue("modalities", "this model answers in text only")
		}
	}
	t.dropIf("moderation", c.Moderation.Kind() == '{')
	t.dropIf("logprobs", c.Logprobs)
	t.dropIf("presence_penalty", c.PresencePenalty != nil && *c.PresencePenalty != 0)
	t.dropIf("frequency_penalty", c.FrequencyPenalty != nil && *c.FrequencyPenalty != 0)
	t.dropIf("store", c.Store)
	t.dropIf("service_tier", c.ServiceTier != "" && c.ServiceTier != "auto" && c.ServiceTier != "default")
	t.checkOthers()
	return nil
}

func (t *translation) dropIf(param string, given bool) {
	if given {
		t.warn(param, "dropped")
	}
}

// blocks tells whether a moderation policy is to keep something from the client, which
// the gateway cannot promise.
func blocks(moderation jsontext.Value) bool {
	return bytes.Contains(moderation, []byte(`"block"`))
}

func (t *translation) checkOthers() {
	for name, value := range members(t.chat.Others) {
		if value.Kind() != 'n' && !translate.IsSilent(name) {
			t.warn(name, "dropped")
		}
	}
}

// decodeObject reads the members of an object that v has; false if it is none.
func decodeObject(object jsontext.Value, v any) bool {
	return object.Kind() == '{' && json.Unmarshal(object, v) == nil
}

// members ranges over the members of an object; over nothing if it is none.
func members(object jsontext.Value) func(yield func(name string, value jsontext.Value) bool) {
	return func(yield func(string, jsontext.Value) bool) {
		if object.Kind() != '{' {
			return
		}
		dec := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true)) // of extra_body
		if _, err := dec.ReadToken(); err != nil {
			return
		}
		for dec.PeekKind() == '"' {
			name, err := dec.ReadToken()
			if err != nil {
				return
			}
			key := name.String()
			value, err := dec.ReadValue()
			if err != nil || !yield(key, value) {
				return
			}
		}
	}
}

// setSampling fits temperature, top_p and top_k to the model (openai-claude.md A.1, M).
func (t *translation) setSampling() *openai.Error {
	c := t.chat
	if err := inRange("temperature", c.Temperature, 0, 2); err != nil {
		return err
	}
	if err := inRange("top_p", c.TopP, 0, 1); err != nil {
		return err
	}
	if c.TopK != nil && *c.TopK < 0 {
		return openai.InvalidValue("top_k", "must be at least 0")
	}
	t.temperature, t.topP, t.topK = c.Temperature, c.TopP, c.TopK
	if t.topP != nil && *t.topP == 1 {
		t.topP = nil
	}
	switch {
	case t.model.Accepts.Sampling == "none":
		t.dropSampling(func(topP float64) bool { return false })
	case t.thinks():
		t.dropSampling(func(topP float64) bool { return topP >= 0.95 })
	}
	if t.temperature != nil && *t.temperature > 1 {
		one := 1.0
		t.temperature = &one
		t.warn("temperature", "clamped")
	}
	if t.temperature != nil && t.topP != nil && t.model.Accepts.Sampling == "either" {
		t.topP = nil
		t.warn("top_p", "dropped")
	}
	return nil
}

func inRange(param string, value *float64, low, high float64) *openai.Error {
	if value == nil || (*value >= low && *value <= high) {
		return nil
	}
	return openai.InvalidValue(param, "must be between "+formatFloat(low)+" and "+formatFloat(high))
}

// dropSampling drops all but a top_p that may stay. A temperature of 1 is Claude's own
// default, so dropping it changes nothing.
func (t *translation) dropSampling(keepTopP func(float64) bool) {
	if t.temperature != nil && *t.temperature != 1 {
		t.warn("temperature", "dropped")
	}
	t.temperature = nil
	if t.topP != nil && !keepTopP(*t.topP) {
		t.topP = nil
		t.warn("top_p", "dropped")
	}
	if t.topK != nil {
		t.topK = nil
		t.warn("top_k", "dropped")
	}
}

func isBlank(s string) bool {
	return strings.TrimFunc(s, unicode.IsSpace) == ""
}
