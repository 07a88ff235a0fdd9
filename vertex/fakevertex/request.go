package fakevertex

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A request is a body whose form was found good (form.go). Numbers are as JSON has them.
type request struct {
	Version           string         `json:"anthropic_version"`
	Model             string         `json:"model"` // of the token counter
	MaxTokens         *float64       `json:"max_tokens"`
	Messages          []message      `json:"messages"`
	System            content        `json:"system"`
	Tools             []tool         `json:"tools"`
	ToolChoice        *toolChoice    `json:"tool_choice"`
	Thinking          *thinking      `json:"thinking"`
	OutputConfig      *outputConfig  `json:"output_config"`
	CacheControl      *cacheControl  `json:"cache_control"`
	Metadata          *metadata      `json:"metadata"`
	StopSequences     []string       `json:"stop_sequences"`
	Stream            bool           `json:"stream"`
	Temperature       *float64       `json:"temperature"`
	TopP              *float64       `json:"top_p"`
	TopK              *float64       `json:"top_k"`
	Speed             string         `json:"speed"`
	ContextManagement jsontext.Value `json:"context_management"`
}

type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// content is a list of blocks; a string is one text block.
type content []block

// UnmarshalJSONFrom reads both forms.
func (c *content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '"' {
		return json.UnmarshalDecode(dec, (*[]block)(c))
	}
	var text string
	if err := json.UnmarshalDecode(dec, &text); err != nil {
		return err
	}
	*c = content{{Type: "text", Text: text}}
	return nil
}

// A block is a content block of any type.
type block struct {
	Type         string         `json:"type"`
	Text         string         `json:"text,omitzero"`
	Thinking     string         `json:"thinking,omitzero"`
	Signature    string         `json:"signature,omitzero"`
	Data         string         `json:"data,omitzero"`
	ID           string         `json:"id,omitzero"`
	Name         string         `json:"name,omitzero"`
	Input        jsontext.Value `json:"input,omitzero"`
	ToolUseID    string         `json:"tool_use_id,omitzero"`
	Content      jsontext.Value `json:"content,omitzero"`
	IsError      bool           `json:"is_error,omitzero"`
	Source       jsontext.Value `json:"source,omitzero"`
	Title        *string        `json:"title,omitzero"`
	Context      *string        `json:"context,omitzero"`
	Citations    jsontext.Value `json:"citations,omitzero"`
	CacheControl *cacheControl  `json:"cache_control,omitzero"`
}

// results are the blocks within a tool_result or search_result.
func (b *block) results() content {
	var c content
	if len(b.Content) > 0 {
		_ = json.Unmarshal(b.Content, &c) // results of server tools have forms of their own
	}
	return c
}

// A source is that of an image or a document.
type source struct {
	Type      string  `json:"type"`
	MediaType string  `json:"media_type"`
	Data      string  `json:"data"`
	Content   content `json:"content"`
}

func (b *block) source() source {
	var s source
	_ = json.Unmarshal(b.Source, &s) // its form is known to be good
	return s
}

type tool struct {
	Type         string         `json:"type,omitzero"`
	Name         string         `json:"name"`
	Description  string         `json:"description,omitzero"`
	InputSchema  jsontext.Value `json:"input_schema,omitzero"`
	Strict       bool           `json:"strict,omitzero"`
	CacheControl *cacheControl  `json:"cache_control,omitzero"`
}

// isServers reports whether Vertex runs the tool.
func (t *tool) isServers() bool {
	return strings.HasPrefix(t.Type, "web_search_") || strings.HasPrefix(t.Type, "tool_search_")
}

type toolChoice struct {
	Type            string `json:"type"`
	Name            string `json:"name"`
	DisableParallel bool   `json:"disable_parallel_tool_use"`
}

func (c *toolChoice) forces() bool { return c != nil && (c.Type == "any" || c.Type == "tool") }

type thinking struct {
	Type    string         `json:"type"`
	Budget  float64        `json:"budget_tokens"`
	Display string         `json:"display"`
	Binding jsontext.Value `json:"block_binding"`
}

type outputConfig struct {
	Effort string        `json:"effort"`
	Format *outputFormat `json:"format"`
}

type outputFormat struct {
	Type   string         `json:"type"`
	Schema jsontext.Value `json:"schema"`
}

type cacheControl struct {
	Type string `json:"type"`
	TTL  string `json:"ttl"`
}

type metadata struct {
	UserID *string `json:"user_id"`
}

// parseRequest reads a body, whose form must be that of shape.
func parseRequest(body []byte, shape shape) (*request, error) {
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return nil, refuse("The request body is not valid JSON: %v", err)
	}
	if r := shape(tree); r != nil {
		return nil, r
	}
	var req request
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, refuse("The request body is not valid JSON: %v", err)
	}
	return &req, nil
}

// thinks is the thinking type in force on a model whose thinking is by default on or off.
func (r *request) thinks(byDefault string) string {
	switch {
	case r.Thinking != nil:
		return r.Thinking.Type
	case byDefault == "on" || byDefault == "always":
		return "adaptive"
	}
	return "disabled"
}

func (r *request) format() *outputFormat {
	if r.OutputConfig == nil {
		return nil
	}
	return r.OutputConfig.Format
}

// A turn is what the API makes of consecutive messages of one role.
type turn struct {
	role   string
	blocks []placed
}

// A placed block knows where it stands in the request.
type placed struct {
	*block
	message, index int
}

func (p placed) refuse(format string, args ...any) *refusal { return p.locate(refuse(format, args...)) }

// locate tells in which block a refusal's field was found.
func (p placed) locate(r *refusal) *refusal {
	return r.underIndex(p.index).under("content").underIndex(p.message).under("messages")
}

func (r *request) turns() []turn {
	var turns []turn
	for i := range r.Messages {
		m := &r.Messages[i]
		if len(turns) == 0 || turns[len(turns)-1].role != m.Role {
			turns = append(turns, turn{role: m.Role})
		}
		t := &turns[len(turns)-1]
		for j := range m.Content {
			t.blocks = append(t.blocks, placed{&m.Content[j], i, j})
		}
	}
	return turns
}

// answersTool reports whether a tool result is the last thing the model is shown.
func (r *request) answersTool() bool {
	last := r.Messages[len(r.Messages)-1]
	return last.Role == "user" && slices.ContainsFunc(last.Content, func(b block) bool { return b.Type == "tool_result" })
}

// question is the last text of the last user message that has one.
func (r *request) question() string {
	for _, m := range slices.Backward(r.Messages) {
		if m.Role != "user" {
			continue
		}
		for _, b := range slices.Backward(m.Content) {
			if b.Type == "text" {
				return b.Text
			}
		}
	}
	return ""
}

// toolAnswer is the text of the last tool result.
func (r *request) toolAnswer() string {
	last := r.Messages[len(r.Messages)-1]
	for _, b := range slices.Backward(last.Content) {
		if b.Type != "tool_result" {
			continue
		}
		for _, inner := range b.results() {
			if inner.Type == "text" {
				return inner.Text
			}
		}
	}
	return ""
}

// blank reports whether s has nothing to read.
func blank(s string) bool { return strings.TrimSpace(s) == "" }

// isNull reports whether v is missing or null.
func isNull(v jsontext.Value) bool { return len(v) == 0 || bytes.Equal(v, []byte("null")) }
