package passthrough

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// split makes several chunks of one that holds several calls, or calls and the reason of
// the end, as Gemini sends them. OpenAI ends a call with a chunk behind it, and its Go SDK
// tells that a call is finished by that.
func (a *answer) split() []openai.Delta {
	var choices []jsontext.Value
	choice := new(Object)
	err := json.Unmarshal(a.object.Value("choices"), &choices, translate.Lenient)
	if err != nil || len(choices) != 1 || choice.Parse(choices[0]) != nil {
		return a.give(openai.DeltaChunk)
	}
	parts := callsApart(choice)
	if len(parts) == 0 { // of two deltas in it, only one has calls
		return a.give(openai.DeltaChunk)
	}
	if !isEmpty(choice.Value("finish_reason")) {
		parts = append(parts, choice.Append(nil, []Edit{{"delta", jsontext.Value("{}")}, {"logprobs", nil}}))
	}
	a.out, a.held = append(a.out[:0], a.held...), nil
	for i, part := range parts {
		edits := []Edit{{"choices", jsontext.Value("[" + string(part) + "]")}}
		if i < len(parts)-1 {
			edits = append(edits, Edit{"usage", nil})
		}
		text := a.object.Append(nil, append(edits, a.edits...))
		oneLine(text)
		a.out = append(a.out, openai.Delta{Kind: openai.DeltaChunk, Text: text})
	}
	return a.out
}

// callsApart gives a choice once for each of its calls; the first has what else is said.
func callsApart(choice *Object) (parts [][]byte) {
	delta := new(Object)
	if delta.Parse(choice.Value("delta")) != nil {
		return nil
	}
	for i, call := range callsOf(choice.Value("delta")) {
		list := jsontext.Value("[" + string(call) + "]")
		said := jsontext.Value(`{"tool_calls":` + string(list) + `}`)
		if i == 0 {
			said = delta.Append(nil, []Edit{{"tool_calls", list}})
		}
		parts = append(parts, choice.Append(nil, []Edit{{"delta", said}, {"finish_reason", null}}))
	}
	return parts
}

// callsOf are the calls of tools in a delta.
func callsOf(delta jsontext.Value) []jsontext.Value {
	var said struct {
		Calls []jsontext.Value `json:"tool_calls"`
	}
	if json.Unmarshal(delta, &said, translate.Lenient) != nil {
		return nil
	}
	return said.Calls
}
