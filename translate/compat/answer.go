package compat

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// An Answer reads a chat completion, or the chunks of one, of an API that is nearly
// OpenAI's. The zero value is ready.
type Answer struct {
	translate.Whole
	// Silent: the client does not want to see the reasoning.
	Silent bool

	read   completion // the last one; its list is used again
	out    []openai.Delta
	id     string
	calls  []begunCall
	begun  bool   // a chunk with a choice came
	reason string // why the model stopped, in the upstream's words; empty: it has not
	done   bool
	usage  openai.Usage
}

// A completion is a whole answer or a chunk of one; unknown members are ignored.
type completion struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Choices []choice     `json:"choices"`
	Usage   *usage       `json:"usage"`
	Error   openai.Given `json:"error"`
	Detail  openai.Given `json:"detail"`
}

type choice struct {
	Index        int     `json:"index"`
	Delta        said    `json:"delta"`
	Message      said    `json:"message"`
	FinishReason *string `json:"finish_reason"`
}

// said is what the model says: a message, or a piece of one.
type said struct {
	Content   jsontext.Value `json:"content"` // a string, or an array of pieces
	ToolCalls []callPiece    `json:"tool_calls"`
}

// A piece is one element of a content array: text, or thinking, which holds such pieces
// itself.
type piece struct {
	Type     string         `json:"type"`
	Text     jsontext.Value `json:"text"`
	Thinking jsontext.Value `json:"thinking"`
}

type usage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Cached     int64 `json:"num_cached_tokens"` // an older name
	Details    struct {
		Cached int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	OutputDetails struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

// ID is the upstream's id of the answer, without the prefix that OpenAI's have.
func (a *Answer) ID() string { return strings.TrimPrefix(a.id, "chatcmpl-") }

// Begun tells whether the model has begun.
func (a *Answer) Begun() bool { return a.begun }

// Billed is what the upstream has reported so far.
func (a *Answer) Billed() openai.Usage { return a.usage }

// Ending is how the answer ended. Not every upstream marks its end: a stream that closes
// behind a finish reason is whole.
func (a *Answer) Ending(closed bool) (openai.Ending, bool) {
	return openai.Ending{FinishReason: a.finishReason(), Usage: a.usage}, a.done || closed && a.reason != ""
}

// Event takes the data of one event and returns the deltas in it; they are valid until the
// next call.
func (a *Answer) Event(data []byte) ([]openai.Delta, *openai.Error) {
	a.out = a.out[:0]
	switch {
	case a.done:
		return nil, nil
	case string(bytes.TrimSpace(data)) == "[DONE]":
		return a.mark()
	}
	if err := a.read.decode(data, "an event"); err != nil {
		return nil, err
	}
	return a.take(func(ch *choice) *said { return &ch.Delta })
}

// Message takes an answer that came as one body.
func (a *Answer) Message(body []byte) ([]openai.Delta, *openai.Error) {
	a.out = a.out[:0]
	if err := a.read.decode(body, "an answer"); err != nil {
		return nil, err
	}
	if len(a.read.Choices) == 0 {
		return nil, translate.BadAnswer("an answer that is no completion", nil)
	}
	if _, err := a.take(func(ch *choice) *said { return &ch.Message }); err != nil {
		return nil, err
	}
	a.end(stopped)
	return a.out, nil
}

// stopped is the reason of an answer that gives none.
const stopped = "stop"

// decode reads a completion or a chunk. What is an error in any of its forms becomes one.
func (c *completion) decode(data []byte, what string) *openai.Error {
	*c = completion{Choices: c.Choices[:0]}
	err := json.Unmarshal(data, c, translate.Lenient)
	isList := err != nil && jsontext.Value(data).Kind() == '[' && jsontext.Value(data).IsValid(translate.Lenient)
	switch {
	case isList, err == nil && (bool(c.Error) || c.Object == "error" || bool(c.Detail) && len(c.Choices) == 0):
		return translate.ParseError(0, data)
	case err != nil:
		return translate.BadAnswer(what+" that is not valid JSON", err)
	}
	return nil
}

// take takes what was read. There is one choice: more are not asked for.
func (a *Answer) take(part func(*choice) *said) ([]openai.Delta, *openai.Error) {
	c := &a.read
	a.id = cmp.Or(a.id, c.ID)
	if c.Usage != nil {
		a.usage = c.Usage.counted()
	}
	for i := range c.Choices {
		ch := &c.Choices[i]
		if ch.Index != 0 || a.reason != "" {
			continue // behind a finish reason follows nothing but usage
		}
		a.begun = true
		a.say(part(ch))
		if ch.FinishReason != nil && *ch.FinishReason != "" {
			a.finish(*ch.FinishReason)
		}
	}
	if a.reason == "error" {
		return a.out, broken()
	}
	return a.out, nil
}

// broken is the error of an answer that the model did not get to its end.
func broken() *openai.Error {
	return &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "upstream_error",
		Message: "The model broke off its answer with an error.", Upstream: http.StatusInternalServerError, Reason: "error"}
}

func (a *Answer) say(s *said) {
	a.content(s.Content)
	first := len(a.calls) // two in one list are never the same call, whatever their indexes
	for i := range s.ToolCalls {
		a.call(&s.ToolCalls[i], first)
	}
}

// content takes a text, or pieces of text and thinking.
func (a *Answer) content(value jsontext.Value) {
	if value.Kind() == '"' {
		a.text(openai.DeltaContent, value)
		return
	}
	for _, p := range piecesOf(value) {
		switch {
		case p.Type == "thinking" && !a.Silent:
			a.think(p.Thinking)
		case p.Type == "text":
			a.text(openai.DeltaContent, p.Text)
		}
	}
}

// think takes thinking, a text or pieces of text.
func (a *Answer) think(value jsontext.Value) {
	a.text(openai.DeltaReasoning, value)
	for _, p := range piecesOf(value) {
		a.text(openai.DeltaReasoning, p.Text)
	}
}

// piecesOf gives the elements of an array; none if it is none.
func piecesOf(value jsontext.Value) []piece {
	var pieces []piece
	if value.Kind() != '[' || json.Unmarshal(value, &pieces, translate.Lenient) != nil {
		return nil
	}
	return pieces
}

// text emits the text of a JSON string, unless there is none.
func (a *Answer) text(kind openai.DeltaKind, value jsontext.Value) {
	index := 0
	if kind == openai.DeltaReasoning {
		index = -1
	}
	if s := openai.Inside(value); len(s) > 0 {
		a.emit(openai.Delta{Kind: kind, Index: index, Text: s})
	}
}

func (a *Answer) emit(d openai.Delta) { a.out = append(a.out, d) }

// finish notes why the model stopped, once.
func (a *Answer) finish(reason string) {
	if a.reason == "" {
		a.reason = reason
		a.closeCalls()
	}
}

// end marks the answer as whole.
func (a *Answer) end(reason string) {
	a.finish(reason)
	a.done = true
}

// mark takes the mark that ends a stream. One that ends before it began says nothing.
func (a *Answer) mark() ([]openai.Delta, *openai.Error) {
	if !a.begun {
		return nil, translate.BadAnswer("an answer without any content", nil)
	}
	a.end(stopped)
	return a.out, nil
}

// reasons :: why the model stopped, in an upstream's words -> OpenAI's
var reasons = map[string]string{
	"stop":           openai.FinishStop,
	"tool_calls":     openai.FinishStop, // the calls tell
	"length":         openai.FinishLength,
	"model_length":   openai.FinishLength,
	"content_filter": openai.FinishContentFilter,
}

// finishReason follows what the answer holds where the upstream does not. A reason that is
// not known yet is a stop: the answer did come to its end.
func (a *Answer) finishReason() string {
	reason := cmp.Or(reasons[a.reason], openai.FinishStop)
	if reason == openai.FinishStop && len(a.calls) > 0 {
		return openai.FinishToolCalls
	}
	return reason
}

// Remarks tell of a finish reason that is not known yet.
func (a *Answer) Remarks() []string {
	if _, known := reasons[a.reason]; known || a.reason == "" {
		return nil
	}
	return []string{fmt.Sprintf("unknown finish reason %.40q", a.reason)}
}

// counted is the usage as the gateway counts it: what was read from a cache apart.
func (u *usage) counted() openai.Usage {
	cached := max(u.Details.Cached, u.Cached, 0)
	return openai.Usage{
		Input:     max(u.Prompt-cached, 0),
		Output:    max(u.Completion, 0),
		CacheRead: cached,
		Reasoning: max(u.OutputDetails.Reasoning, 0),
	}
}
