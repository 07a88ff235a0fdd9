package fakevertex

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A chat is a body of the APIs that took OpenAI's form, as far as it matters to the
// answer. Members that are not listed, and null, are no fault here: some of those APIs
// ignore what they do not know, and that of Mistral has looked before.
type chat struct {
	Model          string         `json:"model"`
	Messages       []chatMessage  `json:"messages"`
	Prompt         jsontext.Value `json:"prompt"` // of fill-in-the-middle and of completions
	MaxTokens      *float64       `json:"max_tokens"`
	MaxCompletion  *float64       `json:"max_completion_tokens"`
	Stream         bool           `json:"stream"`
	StreamOptions  streamOptions  `json:"stream_options"`
	Stop           texts          `json:"stop"`
	N              float64        `json:"n"`
	Tools          []chatTool     `json:"tools"`
	ToolChoice     chatChoice     `json:"tool_choice"`
	Parallel       *bool          `json:"parallel_tool_calls"`
	ResponseFormat chatFormat     `json:"response_format"`
	Effort         string         `json:"reasoning_effort"`
	Template       templateArgs   `json:"chat_template_kwargs"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type templateArgs struct {
	Thinking bool `json:"thinking"`
}

type chatMessage struct {
	Role       string     `json:"role"`
	Content    chunks     `json:"content"`
	ToolCalls  []chatCall `json:"tool_calls"`
	ToolCallID string     `json:"tool_call_id"`
	Prefix     bool       `json:"prefix"` // Mistral's: the answer begins with it
}

// chunks are the parts of a message; a string is one of text.
type chunks []chunk

type chunk struct {
	Type  string         `json:"type"`
	Text  string         `json:"text"`
	Image jsontext.Value `json:"image_url"` // a string, or an object with one
}

// UnmarshalJSONFrom reads both forms.
func (c *chunks) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '"' {
		return json.UnmarshalDecode(dec, (*[]chunk)(c))
	}
	var text string
	if err := json.UnmarshalDecode(dec, &text); err != nil {
		return err
	}
	*c = chunks{{Type: "text", Text: text}}
	return nil
}

func (c chunks) text() string {
	var all strings.Builder
	for _, one := range c {
		all.WriteString(one.Text)
	}
	return all.String()
}

// empty reports whether there is nothing, or nothing but empty texts.
func (c chunks) empty() bool {
	return !slices.ContainsFunc(c, func(one chunk) bool { return one.Type != "text" || one.Text != "" })
}

// url is that of an image.
func (c chunk) url() string {
	var object struct {
		URL string `json:"url"`
	}
	if c.Image.Kind() == '"' {
		_ = json.Unmarshal(c.Image, &object.URL)
		return object.URL
	}
	_ = json.Unmarshal(c.Image, &object) // its form is not known here
	return object.URL
}

type chatCall struct {
	ID       string `json:"id"`
	Function struct {
		Name      string         `json:"name"`
		Arguments jsontext.Value `json:"arguments"` // a string of JSON, or JSON
	} `json:"function"`
}

type chatTool struct {
	Function struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Parameters  jsontext.Value `json:"parameters"`
	} `json:"function"`
}

// A chatChoice is a word, or the tool that must be called.
type chatChoice struct {
	word, name string
}

// UnmarshalJSONFrom reads both forms.
func (c *chatChoice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return json.UnmarshalDecode(dec, &c.word)
	}
	var object struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	err := json.UnmarshalDecode(dec, &object)
	c.word, c.name = "tool", object.Function.Name
	return err
}

type chatFormat struct {
	Type   string `json:"type"`
	Schema struct {
		Schema jsontext.Value `json:"schema"`
	} `json:"json_schema"`
}

// texts is a list; a string is one of it.
type texts []string

// UnmarshalJSONFrom reads both forms.
func (t *texts) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '"' {
		return json.UnmarshalDecode(dec, (*[]string)(t))
	}
	var one string
	err := json.UnmarshalDecode(dec, &one)
	*t = texts{one}
	return err
}

const (
	chatTokens       = 4096 // of an answer whose length nobody limits
	completionTokens = 16   // likewise, of the legacy completions
)

// limit is the most tokens of the answer.
func (b *chat) limit(otherwise float64) *float64 {
	return cmp.Or(b.MaxCompletion, b.MaxTokens, &otherwise)
}

// request is the chat as a request of the Messages API: what it is answered is composed
// in one place.
func (b *chat) request() *request {
	r := &request{MaxTokens: b.limit(chatTokens), Stream: b.Stream, StopSequences: b.Stop}
	for i := range b.Messages {
		r.Messages = append(r.Messages, b.Messages[i].message())
	}
	for _, t := range b.Tools {
		r.Tools = append(r.Tools, tool{Name: t.Function.Name, Description: t.Function.Description, InputSchema: t.Function.Parameters})
	}
	r.ToolChoice = b.choice()
	if schema := b.ResponseFormat.schema(); schema != nil {
		r.OutputConfig = &outputConfig{Format: &outputFormat{Schema: schema}}
	}
	return r
}

func (b *chat) choice() *toolChoice {
	single := b.Parallel != nil && !*b.Parallel
	switch b.ToolChoice.word {
	case "required", "any":
		return &toolChoice{Type: "any", DisableParallel: single}
	case "tool":
		return &toolChoice{Type: "tool", Name: b.ToolChoice.name, DisableParallel: single}
	}
	return &toolChoice{Type: b.ToolChoice.word, DisableParallel: single}
}

// anyObject is the schema of JSON mode.
const anyObject = `{"type":"object","properties":{"answer":{"type":"string"}},"required":["answer"]}`

// schema is what the answer must fit; nil: it is text.
func (f *chatFormat) schema() jsontext.Value {
	switch f.Type {
	case "json_schema":
		return f.Schema.Schema
	case "json_object":
		return jsontext.Value(anyObject)
	}
	return nil
}

func (m *chatMessage) message() message {
	if m.Role == "tool" {
		text, _ := json.Marshal(m.Content.text())
		return message{"user", content{{Type: "tool_result", ToolUseID: m.ToolCallID, Content: text}}}
	}
	var blocks content
	for _, part := range m.Content {
		kind := "text"
		if part.Type == "image_url" || part.Type == "document_url" {
			kind = "image" // all files cost the same
		}
		blocks = append(blocks, block{Type: kind, Text: part.Text})
	}
	for _, call := range m.ToolCalls {
		blocks = append(blocks, block{Type: "tool_use", ID: call.ID, Name: call.Function.Name, Input: call.Function.Arguments})
	}
	return message{m.Role, blocks}
}

// prefix is the beginning of the answer that the request brings.
func (b *chat) prefix() string {
	if len(b.Messages) == 0 || !b.Messages[len(b.Messages)-1].Prefix {
		return ""
	}
	return b.Messages[len(b.Messages)-1].Content.text()
}

// prompts are those of a body without messages. Token ids are none.
func (b *chat) prompts() []string {
	var all texts
	_ = json.Unmarshal(b.Prompt, &all)
	return slices.Clip(all)
}
