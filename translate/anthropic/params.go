package anthropic

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// checkUnsupported goes through what Claude has no field for: refused where leaving it
// out would change what the client gets, dropped with a warning elsewhere.
func (t *translation) checkUnsupported() *openai.Error {
	c := t.chat
	if len(c.Messages) == 0 {
		return openai.BadRequest("missing_required_parameter", "messages", "Missing required parameter: 'messages': at least one message is needed.")
	}
	if c.N != nil && *c.N != 1 {
		return unsupportedValue("n", "only n=1 is available with this model")
	}
	for _, m := range c.Modalities {
		if m != "text" {
			return unsupportedValue("modalities", "this model answers in text only")
		}
	}
	if f := c.ResponseFormat; f != nil && f.Type != "text" {
		return unsupportedValue("response_format", "only the type text is available")
	}
	t.dropIf("logprobs", c.Logprobs)
	t.dropIf("presence_penalty", c.PresencePenalty != nil && *c.PresencePenalty != 0)
	t.dropIf("frequency_penalty", c.FrequencyPenalty != nil && *c.FrequencyPenalty != 0)
	t.dropIf("store", c.Store)
	t.dropIf("service_tier", c.ServiceTier != "" && c.ServiceTier != "auto" && c.ServiceTier != "default")
	return t.checkOthers()
}

func (t *translation) dropIf(param string, given bool) {
	if given {
		t.warn(param, "dropped")
	}
}

// refusedParams would change the answer if they were dropped.
var refusedParams = map[string]bool{"functions": true, "function_call": true, "web_search_options": true}

// silentParams mean nothing to a model: dropping them changes no answer.
var silentParams = map[string]bool{
	"metadata": true, "prompt_cache_key": true, "prompt_cache_retention": true, "stream_options": true, "audio": true,
}

func (t *translation) checkOthers() *openai.Error {
	for name, value := range members(t.chat.Others) {
		switch {
		case value.Kind() == 'n' || silentParams[name]:
		case refusedParams[name]:
			return openai.BadRequest("unsupported_parameter", name, "Unsupported parameter: '"+name+"' is not available with this model.")
		default:
			t.warn(name, "dropped")
		}
	}
	return nil
}

func unsupportedValue(param, why string) *openai.Error {
	return openai.BadRequest("unsupported_value", param, "Unsupported value for '"+param+"': "+why+".")
}

func invalidValue(param, why string) *openai.Error {
	return openai.BadRequest("invalid_value", param, "Invalid value for '"+param+"': "+why+".")
}

// members ranges over the members of an object; over nothing if it is none.
func members(object jsontext.Value) func(yield func(name string, value jsontext.Value) bool) {
	return func(yield func(string, jsontext.Value) bool) {
		if object.Kind() != '{' {
			return
		}
		dec := jsontext.NewDecoder(bytes.NewBuffer(object))
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
		return invalidValue("top_k", "must be at least 0")
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
	return invalidValue(param, "must be between "+formatFloat(low)+" and "+formatFloat(high))
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
