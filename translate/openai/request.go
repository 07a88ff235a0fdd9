// Package openai holds OpenAI's chat types: the language spoken inside the gateway
// between what clients send and what models take. It knows the wire forms and nothing
// of models, locations or HTTP.
package openai

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A ChatRequest is the body of POST /v1/chat/completions. A field that is null is
// absent: many clients write nulls. Values of type [jsontext.Value] keep the client's
// bytes; they are valid JSON.
type ChatRequest struct {
	Model               string          `json:"model"`
	Messages            []Message       `json:"messages"`
	MaxCompletionTokens *int64          `json:"max_completion_tokens"`
	MaxTokens           *int64          `json:"max_tokens"`
	Temperature         *float64        `json:"temperature"`
	TopP                *float64        `json:"top_p"`
	TopK                *int64          `json:"top_k"`
	N                   *int64          `json:"n"`
	Stop                OneOrMany       `json:"stop"`
	Stream              bool            `json:"stream"`
	StreamOptions       StreamOptions   `json:"stream_options"`
	Tools               []Tool          `json:"tools"`
	ToolChoice          ToolChoice      `json:"tool_choice"`
	ParallelToolCalls   *bool           `json:"parallel_tool_calls"`
	ReasoningEffort     string          `json:"reasoning_effort"`
	ResponseFormat      *ResponseFormat `json:"response_format"`
	User                string          `json:"user"`
	SafetyIdentifier    string          `json:"safety_identifier"`
	Modalities          []string        `json:"modalities"`
	PresencePenalty     *float64        `json:"presence_penalty"`
	FrequencyPenalty    *float64        `json:"frequency_penalty"`
	Logprobs            bool            `json:"logprobs"`
	Store               bool            `json:"store"`
	ServiceTier         string          `json:"service_tier"`

	// Others are the members that stand above nowhere.
	Others jsontext.Value `json:",embed"`
}

// StreamOptions of a streamed request.
type StreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// ResponseFormat tells the form of the answer's text.
type ResponseFormat struct {
	Type string `json:"type"`
}

// A Message is one entry of the conversation.
type Message struct {
	Role       string     `json:"role"`
	Content    Content    `json:"content"`
	ToolCalls  []ToolCall `json:"tool_calls"`
	ToolCallID string     `json:"tool_call_id"`
	Name       string     `json:"name"`
	Refusal    string     `json:"refusal"`
	// ReasoningDetails carry thinking and its signatures back (openai-claude.md A.11).
	ReasoningDetails []ReasoningDetail `json:"reasoning_details"`

	FunctionCall Given `json:"function_call"`
	Audio        Given `json:"audio"`
	CacheControl Given `json:"cache_control"`
}

// Given tells that a member was there and not null, where no more of it is asked.
type Given bool

// Content of a message: Text when it was a string, Parts when it was an array, neither
// when it was null or absent.
type Content struct {
	Text  jsontext.Value // a JSON string, as the client wrote it
	Parts []Part
}

// A Part is one element of a content array.
type Part struct {
	Type         string         `json:"type"`
	Text         jsontext.Value `json:"text"` // a JSON string
	Refusal      jsontext.Value `json:"refusal"`
	ImageURL     ImageURL       `json:"image_url"`
	CacheControl Given          `json:"cache_control"`
}

// ImageURL is where an image is, or the image itself as a data: URI.
type ImageURL struct {
	URL string
}

// A ToolCall is a call the assistant made.
type ToolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function FunctionCall `json:"function"`
}

// A FunctionCall names a function and its arguments: a JSON string that holds JSON, by
// OpenAI's rule, but some clients send the JSON itself.
type FunctionCall struct {
	Name      string         `json:"name"`
	Arguments jsontext.Value `json:"arguments"`
}

// A ReasoningDetail is one piece of reasoning in OpenRouter's form.
type ReasoningDetail struct {
	Type      string         `json:"type"` // reasoning.text or reasoning.encrypted
	Text      jsontext.Value `json:"text"`
	Signature jsontext.Value `json:"signature"`
	Data      jsontext.Value `json:"data"`
	Format    string         `json:"format"`
	Index     int            `json:"index"`
}

// A Tool is one tool the model may call.
type Tool struct {
	Type         string   `json:"type"`
	Function     Function `json:"function"`
	CacheControl Given    `json:"cache_control"`
}

// A Function describes a tool.
type Function struct {
	Name         string         `json:"name"`
	Description  string         `json:"description"`
	Parameters   jsontext.Value `json:"parameters"`
	CacheControl Given          `json:"cache_control"`
}

// ToolChoice tells whether and which tool must be called.
type ToolChoice struct {
	// Mode is auto, none, required or function; empty: not given.
	Mode string
	// Name of the function; only with mode function.
	Name string
}

// OneOrMany is a list of strings that may be written as one string.
type OneOrMany []string

// UnmarshalJSONFrom reads anything, and keeps only whether it was there.
func (g *Given) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*g = dec.PeekKind() != 'n'
	return dec.SkipValue()
}

// UnmarshalJSONFrom reads null, a string, or an array of parts.
func (c *Content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '[':
		return json.UnmarshalDecode(dec, &c.Parts)
	case '"':
		text, err := dec.ReadValue()
		c.Text = text.Clone()
		return err
	}
	return wrongType(dec, "a string or an array of content parts")
}

// UnmarshalJSONFrom reads {"url": ...} or a bare string, as LangChain sends it.
func (u *ImageURL) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '"':
		return json.UnmarshalDecode(dec, &u.URL)
	case '{':
		var image struct {
			URL string `json:"url"`
		}
		err := json.UnmarshalDecode(dec, &image)
		u.URL = image.URL
		return err
	}
	return wrongType(dec, "an object")
}

// UnmarshalJSONFrom reads a mode, or an object that names a function.
func (c *ToolChoice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '"':
		return json.UnmarshalDecode(dec, &c.Mode)
	case '{':
		var choice struct {
			Type     string `json:"type"`
			Name     string `json:"name"`
			Function struct {
				Name string `json:"name"`
			} `json:"function"`
		}
		err := json.UnmarshalDecode(dec, &choice)
		c.Mode, c.Name = choice.Type, choice.Function.Name
		if c.Name == "" {
			c.Name = choice.Name // the flat form of the Responses API
		}
		return err
	}
	return wrongType(dec, "a string or an object")
}

// UnmarshalJSONFrom reads null, a string or an array of strings.
func (s *OneOrMany) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '"':
		var one string
		err := json.UnmarshalDecode(dec, &one)
		*s = OneOrMany{one}
		return err
	case '[':
		return json.UnmarshalDecode(dec, (*[]string)(s))
	}
	return wrongType(dec, "a string or an array of strings")
}

// A Warning tells the client what the gateway changed or dropped.
type Warning struct {
	Param string // of the request
	What  string // dropped, clamped...
}
