package compat

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// check goes through what these publishers have no field for: refused where leaving it out
// would change what the client gets, dropped with a warning elsewhere, and without one
// where it changes nothing (openai-claude.md A.1).
func (t *translation) check() *openai.Error {
	c := t.chat
	switch {
	case c.N != nil && *c.N != 1:
		return openai.UnsupportedValue("n", "only n=1 is available with this model")
	case slices.ContainsFunc(c.Modalities, func(m string) bool { return m != "text" }):
		return openai.UnsupportedValue("modalities", "this model answers in text only")
	case bytes.Contains(c.Moderation, []byte(`"block"`)):
		return openai.UnsupportedParam("moderation", "no policy can block this model's input and output")
	case c.WebSearchOptions != nil:
		return openai.UnsupportedParam("web_search_options", "this model does not search the web")
	}
	t.dropIf("moderation", c.Moderation.Kind() == '{')
	t.dropIf("logprobs", c.Logprobs)
	t.dropIf("store", c.Store)
	t.dropIf("service_tier", c.ServiceTier != "" && c.ServiceTier != "auto" && c.ServiceTier != "default")
	t.dropIf("top_k", c.TopK != nil)
	if !t.dialect.Penalties {
		t.dropIf("presence_penalty", c.PresencePenalty != nil && *c.PresencePenalty != 0)
		t.dropIf("frequency_penalty", c.FrequencyPenalty != nil && *c.FrequencyPenalty != 0)
	}
	return nil
}

// dropChat tells of what has its place in chat only.
func (t *translation) dropChat() *openai.Error {
	f := t.chat.ResponseFormat
	t.dropIf("response_format", f != nil && f.Type != "" && f.Type != "text")
	t.dropIf("functions", len(t.chat.Functions) > 0)
	param, level := t.askedEffort()
	t.dropIf(param, level != "" && level != "none" && level != "minimal") // these it does anyway
	return nil
}

// setMaxTokens: max_completion_tokens wins; a limit above the model's is clamped, where the
// model's is known.
func (t *translation) setMaxTokens() *openai.Error {
	param, limit := "max_completion_tokens", t.chat.MaxCompletionTokens
	if limit == nil {
		param, limit = "max_tokens", t.chat.MaxTokens
	}
	largest := int64(t.model.MaxOutput)
	switch {
	case limit == nil:
		t.body.MaxTokens = int64(t.options.MaxTokens)
		if largest > 0 {
			t.body.MaxTokens = min(t.body.MaxTokens, largest)
		}
	case *limit < 1:
		return openai.InvalidValue(param, "must be at least 1")
	case largest > 0 && *limit > largest:
		t.body.MaxTokens = largest
		t.warn(param, "clamped")
	default:
		t.body.MaxTokens = *limit
	}
	return nil
}

// openAITemperature is the highest temperature that OpenAI takes.
const openAITemperature = 2

func (t *translation) setSampling() *openai.Error {
	c := t.chat
	if c.Temperature != nil && (*c.Temperature < 0 || *c.Temperature > openAITemperature) {
		return openai.InvalidValue("temperature", "must be between 0 and 2")
	}
	if c.TopP != nil && (*c.TopP < 0 || *c.TopP > 1) {
		return openai.InvalidValue("top_p", "must be between 0 and 1")
	}
	t.body.Temperature, t.body.TopP = c.Temperature, c.TopP
	if c.Temperature != nil && *c.Temperature == 0 {
		t.body.TopP = nil // it has nothing to choose from, and Mistral refuses it: "top_p must be 1 when using greedy sampling"
	}
	if highest := t.dialect.MaxTemperature; highest > 0 && c.Temperature != nil && *c.Temperature > highest {
		t.body.Temperature = &highest
		t.warn("temperature", "clamped")
	}
	if t.dialect.Penalties {
		t.body.PresencePenalty, t.body.FrequencyPenalty = c.PresencePenalty, c.FrequencyPenalty
	}
	return nil
}

func (t *translation) setStop() *openai.Error {
	for _, s := range slices.Concat(t.chat.Stop, t.chat.StopSequences) {
		if s == "" {
			t.warn("stop", "dropped")
			continue
		}
		t.body.Stop = append(t.body.Stop, s)
	}
	return nil
}

// setMembers passes on what is the dialect's own and drops the rest.
func (t *translation) setMembers() *openai.Error {
	var given map[string]jsontext.Value
	if len(t.chat.Others) > 0 && json.Unmarshal(t.chat.Others, &given) != nil {
		return openai.BadRequest("invalid_json", "", "The request's members cannot be read.")
	}
	maps.DeleteFunc(given, func(_ string, value jsontext.Value) bool { return value.Kind() == 'n' })
	passed := []byte{'{'}
	for _, m := range t.dialect.Members {
		also := cmp.Or(m.OpenAI, m.Name)
		value, ok := given[m.Name]
		if !ok {
			value, ok = given[also]
		}
		if ok {
			passed = appendMember(passed, m.Name, value)
		}
		delete(given, m.Name)
		delete(given, also)
	}
	passed = append(passed, '}')
	t.body.Members = passed
	for _, name := range slices.Sorted(maps.Keys(given)) {
		t.dropIf(name, !translate.IsSilent(name))
	}
	return nil
}

// appendMember appends to an object that is still open.
func appendMember(dst []byte, name string, value jsontext.Value) []byte {
	if len(dst) > len("{") {
		dst = append(dst, ',')
	}
	dst = append(openai.AppendString(dst, name), ':')
	return append(dst, value...)
}
