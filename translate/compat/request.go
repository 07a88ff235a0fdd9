package compat

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// A translation is a request on its way to the publisher's form. Each step sets the
// members of the body that it is named for.
type translation struct {
	dialect *Dialect
	chat    *openai.ChatRequest
	model   *catalogue.Model
	options Options

	body     body
	history  history
	declared map[string]bool // names of tools
	warnings openai.Warnings
}

// A body is what is posted, its members always in this order.
type body struct {
	Model             string         `json:"model"`
	Prompt            *string        `json:"prompt,omitzero"` // in place of messages
	Suffix            string         `json:"suffix,omitzero"`
	MaxTokens         int64          `json:"max_tokens,omitzero"`
	Stream            bool           `json:"stream,omitzero"`
	Temperature       *float64       `json:"temperature,omitzero"`
	TopP              *float64       `json:"top_p,omitzero"`
	PresencePenalty   *float64       `json:"presence_penalty,omitzero"`
	FrequencyPenalty  *float64       `json:"frequency_penalty,omitzero"`
	Stop              []string       `json:"stop,omitzero"`
	ReasoningEffort   string         `json:"reasoning_effort,omitzero"`
	ResponseFormat    *format        `json:"response_format,omitzero"`
	Tools             []tool         `json:"tools,omitzero"`
	ToolChoice        jsontext.Value `json:"tool_choice,omitzero"`
	ParallelToolCalls *bool          `json:"parallel_tool_calls,omitzero"`
	Messages          []message      `json:"messages,omitzero"`
	Members           jsontext.Value `json:",embed"` // further ones
}

// asWritten keeps what the client wrote: numbers their digits, strings their escapes.
var asWritten = json.JoinOptions(translate.Lenient, jsontext.PreserveRawStrings(true))

// put takes the steps and makes the request; a streamed one has a method of its own.
func (t *translation) put(steps ...func() *openai.Error) (*translate.Request, *openai.Error) {
	t.body.Model, t.body.Stream = t.model.Upstream(), t.chat.Stream
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	posted, err := json.Marshal(&t.body, asWritten)
	if err != nil {
		return nil, openai.BadRequest("invalid_json", "", fmt.Sprintf("The request cannot be written: %v.", err))
	}
	method := "rawPredict"
	if t.chat.Stream {
		method = "streamRawPredict"
	}
	silent := t.chat.HidesReasoning()
	return &translate.Request{Method: method, Body: posted, Warnings: t.warnings, Read: func() translate.Answer { return &Answer{Silent: silent} }}, nil
}

func (t *translation) warn(param, what string) { t.warnings.Add(param, what) }

func (t *translation) dropIf(param string, given bool) {
	if given {
		t.warn(param, "dropped")
	}
}
