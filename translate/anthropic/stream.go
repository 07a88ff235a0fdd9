package anthropic

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// A Stream reads the events of one answer. It holds the state of that answer; a new
// attempt needs a new one.
type Stream struct {
	reading *reading
	out     []openai.Delta
	scratch *event // decoded into, to spare an allocation for each event

	id         string
	kind       string // of the open content block
	index      int    // of the open content block
	calls      int    // tool calls begun
	arguments  bool   // the open tool call has had arguments
	input      jsontext.Value
	begun      bool
	stopReason string
	refusal    string
	usage      openai.Usage
	done       bool
}

// Stream starts to read an answer to the request.
func (r *Request) Stream() *Stream {
	return &Stream{reading: &r.reading}
}

// ID is the message's id, known from the first delta on.
func (s *Stream) ID() string { return s.id }

// Begun tells whether the model has begun its answer, be it with thoughts it keeps to
// itself.
func (s *Stream) Begun() bool { return s.begun }

// Usage is what the upstream has reported so far.
func (s *Stream) Usage() openai.Usage { return s.usage }

// Ending is how the answer ended; false while it has not.
func (s *Stream) Ending() (openai.Ending, bool) {
	return openai.Ending{FinishReason: s.finishReason(), Usage: s.usage}, s.done
}

// Event takes the data of one event and returns the deltas in it; they are valid until
// the next call. An error is the upstream's own or a 502 for an event that is no JSON.
func (s *Stream) Event(data []byte) ([]openai.Delta, *openai.Error) {
	s.out = s.out[:0]
	if s.done {
		return nil, nil
	}
	if kind, index, piece, ok := cutDelta(data); ok {
		s.delta(kind, index, piece)
		return s.out, nil
	}
	switch {
	case isBare(data, blockStop):
		s.stop()
		return s.out, nil
	case isBare(data, messageStop):
		s.finish()
		return s.out, nil
	}
	if s.scratch == nil {
		s.scratch = new(event)
	}
	*s.scratch = event{}
	if err := json.Unmarshal(data, s.scratch, translate.Lenient); err != nil {
		if isList(data) {
			return nil, translate.ParseError(0, data)
		}
		return nil, translate.BadAnswer("an event that is not valid JSON", err)
	}
	return s.out, s.event(s.scratch, data)
}

// isList tells a JSON array: Google wraps its errors in one.
func isList(data []byte) bool {
	return jsontext.Value(data).Kind() == '[' && jsontext.Value(data).IsValid(translate.Lenient)
}

// An event is one of Claude's stream events; unknown members are ignored.
type event struct {
	Type         string       `json:"type"`
	Index        int          `json:"index"`
	Message      message      `json:"message"`
	ContentBlock contentBlock `json:"content_block"`
	Delta        struct {
		Type        string         `json:"type"`
		Text        jsontext.Value `json:"text"`
		PartialJSON jsontext.Value `json:"partial_json"`
		Thinking    jsontext.Value `json:"thinking"`
		Signature   jsontext.Value `json:"signature"`
		StopReason  string         `json:"stop_reason"`
		StopDetails stopDetails    `json:"stop_details"`
	} `json:"delta"`
	Usage usage        `json:"usage"`
	Error openai.Given `json:"error"`
}

// A message is a whole answer, or its frame in message_start.
type message struct {
	ID          string         `json:"id"`
	Type        string         `json:"type"`
	Content     []contentBlock `json:"content"`
	StopReason  string         `json:"stop_reason"`
	StopDetails stopDetails    `json:"stop_details"`
	Usage       usage          `json:"usage"`
	Error       openai.Given   `json:"error"`
}

type stopDetails struct {
	Explanation string `json:"explanation"`
}

type contentBlock struct {
	Type      string         `json:"type"`
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Text      jsontext.Value `json:"text"`
	Thinking  jsontext.Value `json:"thinking"`
	Signature jsontext.Value `json:"signature"`
	Data      jsontext.Value `json:"data"`
	Input     jsontext.Value `json:"input"`
}

func (s *Stream) event(ev *event, data []byte) *openai.Error {
	switch ev.Type {
	case "message_start":
		s.id = ev.Message.ID
		ev.Message.Usage.overlay(&s.usage)
	case "content_block_start":
		s.start(&ev.ContentBlock, ev.Index)
	case "content_block_delta":
		d := &ev.Delta
		switch d.Type {
		case "text_delta":
			s.delta(deltaText, ev.Index, inside(d.Text))
		case "input_json_delta":
			s.delta(deltaJSON, ev.Index, inside(d.PartialJSON))
		case "thinking_delta":
			s.delta(deltaThinking, ev.Index, inside(d.Thinking))
		case "signature_delta":
			s.delta(deltaSignature, ev.Index, inside(d.Signature))
		}
	case "content_block_stop":
		s.stop()
	case "message_delta":
		if ev.Delta.StopReason != "" {
			s.stopReason, s.refusal = ev.Delta.StopReason, ev.Delta.StopDetails.Explanation
		}
		ev.Usage.overlay(&s.usage)
	case "message_stop":
		s.finish()
	case "error":
		return translate.ParseError(0, data)
	case "":
		if ev.Error { // Google's form
			return translate.ParseError(0, data)
		}
	}
	return nil // an unknown event, ping or vertex_event says nothing
}

// inside gives the inside of a JSON string; empty if it is none. What is not UTF-8 in it
// becomes U+FFFD.
func inside(value jsontext.Value) openai.Escaped {
	if value.Kind() != '"' {
		return nil
	}
	if !utf8.Valid(value) {
		plain, _ := jsontext.AppendUnquote(nil, value) // the error only reports replaced bytes
		value = openai.AppendString(nil, string(plain))
	}
	return openai.Escaped(value[1 : len(value)-1])
}

func (s *Stream) emit(d openai.Delta) { s.out = append(s.out, d) }

// emitText emits a piece of text unless it is empty.
func (s *Stream) emitText(kind openai.DeltaKind, index int, text openai.Escaped) {
	if len(text) > 0 {
		s.emit(openai.Delta{Kind: kind, Index: index, Text: text})
	}
}

func (s *Stream) start(b *contentBlock, index int) {
	s.begun = true
	s.kind, s.index = b.Type, index
	switch b.Type {
	case "text":
		s.emitText(openai.DeltaContent, 0, inside(b.Text))
	case "thinking":
		s.emitText(openai.DeltaReasoning, index, inside(b.Thinking))
		s.emitText(openai.DeltaSignature, index, inside(b.Signature))
	case "redacted_thinking":
		s.emitText(openai.DeltaRedacted, index, inside(b.Data))
	case "tool_use":
		s.arguments, s.input = false, nil
		if b.Input.Kind() == '{' && len(b.Input) > len("{}") {
			s.input = b.Input.Clone()
		}
		s.emit(openai.Delta{Kind: openai.DeltaToolCall, Index: s.calls, ID: b.ID, Name: s.reading.names.original(b.Name)})
		s.calls++
	}
}

// delta takes a piece of the open block; a piece that does not fit the block is ignored.
func (s *Stream) delta(kind deltaKind, index int, piece openai.Escaped) {
	if index != s.index {
		return
	}
	switch {
	case kind == deltaText && s.kind == "text":
		s.emitText(openai.DeltaContent, 0, piece)
	case kind == deltaThinking && s.kind == "thinking":
		s.emitText(openai.DeltaReasoning, index, piece)
	case kind == deltaSignature && s.kind == "thinking":
		s.emitText(openai.DeltaSignature, index, piece)
	case kind == deltaJSON && s.kind == "tool_use" && len(piece) > 0:
		s.arguments = true
		s.emitText(openai.DeltaArguments, s.calls-1, piece)
	}
}

// stop closes the open block. A call without arguments still has an object for them:
// clients parse it (openai-claude.md F.84).
func (s *Stream) stop() {
	if s.kind == "tool_use" && !s.arguments {
		arguments := openai.Escaped("{}")
		if s.input != nil {
			arguments = inside(openai.AppendString(nil, string(s.input)))
		}
		s.emitText(openai.DeltaArguments, s.calls-1, arguments)
	}
	s.kind = ""
}

// refused stands where Claude gives no reason.
const refused = "The model declined to answer this request."

func (s *Stream) finish() {
	s.done, s.begun = true, true
	if s.stopReason != "refusal" {
		return
	}
	if s.refusal == "" {
		s.refusal = refused
	}
	s.emitText(openai.DeltaRefusal, 0, inside(openai.AppendString(nil, s.refusal)))
}

// finishReason follows openai-claude.md B.1. A reason that is not known yet is a stop:
// the answer did come to its end.
func (s *Stream) finishReason() string {
	switch s.stopReason {
	case "max_tokens", "model_context_window_exceeded", "pause_turn":
		return openai.FinishLength
	case "refusal":
		return openai.FinishContentFilter
	}
	if s.calls > 0 {
		return openai.FinishToolCalls
	}
	return openai.FinishStop
}

// Message takes an answer that came as one JSON message instead of events, and gives the
// deltas of all of it.
func (s *Stream) Message(body []byte) ([]openai.Delta, *openai.Error) {
	s.out = s.out[:0]
	var m message
	err := json.Unmarshal(body, &m, translate.Lenient)
	switch {
	case err == nil && (m.Type == "error" || m.Type == "" && bool(m.Error)), err != nil && isList(body):
		return nil, translate.ParseError(0, body)
	case err != nil || m.Type == "":
		return nil, translate.BadAnswer("an answer that is no message", err)
	}
	s.id, s.stopReason, s.refusal = m.ID, m.StopReason, m.StopDetails.Explanation
	m.Usage.overlay(&s.usage)
	for i := range m.Content {
		s.start(&m.Content[i], i)
		s.stop()
	}
	s.finish()
	return s.out, nil
}

// usage as Claude counts it. In a stream it comes several times, each time with the
// totals so far; what is absent or null stays as it was.
type usage struct {
	Input         *int64 `json:"input_tokens"`
	Output        *int64 `json:"output_tokens"`
	CacheRead     *int64 `json:"cache_read_input_tokens"`
	CacheWrite    *int64 `json:"cache_creation_input_tokens"`
	CacheCreation struct {
		For5m *int64 `json:"ephemeral_5m_input_tokens"`
		For1h *int64 `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
	OutputDetails struct {
		Thinking *int64 `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
	ServerTools struct {
		WebSearches *int64 `json:"web_search_requests"`
	} `json:"server_tool_use"`
}

func (u *usage) overlay(total *openai.Usage) {
	set := func(field *int64, value *int64) {
		if value != nil {
			*field = *value
		}
	}
	set(&total.Input, u.Input)
	set(&total.Output, u.Output)
	set(&total.CacheRead, u.CacheRead)
	set(&total.Reasoning, u.OutputDetails.Thinking)
	set(&total.WebSearches, u.ServerTools.WebSearches)
	set(&total.CacheWrite5m, u.CacheCreation.For5m)
	set(&total.CacheWrite1h, u.CacheCreation.For1h)
	if u.CacheWrite != nil && *u.CacheWrite > 0 {
		// What the split does not explain was written for 5 minutes (cases.md H06).
		total.CacheWrite5m = max(0, *u.CacheWrite-total.CacheWrite1h)
	}
}
