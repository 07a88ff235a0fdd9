package anthropic

import (
	"cmp"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// A Stream reads the events of one answer. It holds the state of that answer; a new
// attempt needs a new one, a new round of the same answer does not ([Stream.Resume]).
type Stream struct {
	reading *reading
	out     []openai.Delta
	scratch *event // decoded into, to spare an allocation for each event

	id      string
	open    openKind // the open content block
	index   int      // of the open content block
	blocks  int      // of this round
	before  int      // blocks of earlier rounds
	calls   int      // calls of the client's tools begun
	callIDs []string
	given   bool           // the open call has had input
	input   jsontext.Value // with which the open call began
	custom  customText     // of the open call

	opening  openai.Escaped // has not been given out yet
	shaped   bool           // text is not given out just as it comes
	state    textState
	held     []heldText // while the text waits
	fence    fence
	position position
	from     int           // where the open text block began
	pages    []openai.Page // that the open text block cites

	kept     *keeper // nil: nothing is kept
	remarks  []string
	warnings openai.Warnings

	begun      bool
	stopReason string
	refusal    string
	usage      openai.Usage // of this round
	earlier    openai.Usage // of the rounds before it
	done       bool
}

// Stream starts to read an answer to the request.
func (r *Request) Stream() *Stream {
	s := &Stream{reading: &r.reading, opening: r.reading.opening}
	if r.reading.jsonTool != "" {
		s.state = textWaits
	}
	if r.reading.unfence || r.reading.jsonTool != "" {
		s.fence.begin(len(s.opening) > 0)
	}
	s.shaped = r.reading.unfence || r.reading.jsonTool != "" || r.reading.cites
	if r.reading.keeps {
		s.kept = new(keeper)
	}
	return s
}

// ID is the message's id, known from the first delta on; of the first message, where the
// answer has several rounds.
func (s *Stream) ID() string { return s.id }

// Begun tells whether the model has begun its answer, be it with thoughts it keeps to
// itself.
func (s *Stream) Begun() bool { return s.begun }

// CallIDs are the ids of the calls of the client's tools, in order.
func (s *Stream) CallIDs() []string { return s.callIDs }

// Content is what the answer holds so far, as it must be sent back to Claude: a JSON array
// of the content blocks that have ended, without what Claude would not take back: blank
// text, and calls whose input is no JSON object. It is nil unless the request keeps.
func (s *Stream) Content() jsontext.Value {
	if s.kept == nil {
		return nil
	}
	return s.kept.content()
}

// Remarks are short texts for the log about what the client is not told.
func (s *Stream) Remarks() []string { return s.remarks }

// Warnings tell the client what its answer lacks.
func (s *Stream) Warnings() []openai.Warning { return s.warnings }

// Ending is how the answer ended; false while it has not.
func (s *Stream) Ending() (openai.Ending, bool) {
	return openai.Ending{FinishReason: s.finishReason(), Usage: s.Usage()}, s.done
}

// Paused tells whether the answer ended only to be gone on with: [Stream.Resume] prepares
// to read what follows, [Stream.Settle] makes this its end.
func (s *Stream) Paused() bool { return s.done && s.stopReason == pauseTurn }

// Resume prepares to read the next round of a paused answer.
func (s *Stream) Resume() {
	s.earlier.Add(s.usage)
	s.usage = openai.Usage{}
	s.before += s.blocks
	s.blocks, s.index, s.open = 0, 0, openNone
	s.stopReason, s.refusal, s.done = "", "", false
}

// Settle ends a paused answer that gets no further round, and gives the deltas that were
// held back for one; they are valid until the next call.
func (s *Stream) Settle() []openai.Delta {
	s.out = s.out[:0]
	if s.Paused() {
		s.warnings.Add("web_search_options", "unfinished")
	}
	s.release()
	s.closeFence()
	return s.out
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
		Citation    jsontext.Value `json:"citation"`
		Content     jsontext.Value `json:"content"` // of a compaction
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

// A contentBlock is a block of any type; it is sent back in the same form.
type contentBlock struct {
	Type      string         `json:"type"`
	ID        string         `json:"id,omitzero"`
	Name      string         `json:"name,omitzero"`
	Text      jsontext.Value `json:"text,omitzero"`
	Thinking  jsontext.Value `json:"thinking,omitzero"`
	Signature jsontext.Value `json:"signature,omitzero"`
	Data      jsontext.Value `json:"data,omitzero"`
	Input     jsontext.Value `json:"input,omitzero"`
	Citations jsontext.Value `json:"citations,omitzero"`
	Content   jsontext.Value `json:"content,omitzero"`
	Others    jsontext.Value `json:",embed"`
}

func (s *Stream) event(ev *event, data []byte) *openai.Error {
	switch ev.Type {
	case "message_start":
		s.id = cmp.Or(s.id, ev.Message.ID)
		ev.Message.Usage.overlay(&s.usage)
	case "content_block_start":
		s.start(&ev.ContentBlock, ev.Index)
	case "content_block_delta":
		s.decodedDelta(ev)
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

// decodedDelta takes a delta that did not come by the short cut.
func (s *Stream) decodedDelta(ev *event) {
	d := &ev.Delta
	switch d.Type {
	case "text_delta":
		s.delta(deltaText, ev.Index, openai.Inside(d.Text))
	case "input_json_delta":
		s.delta(deltaJSON, ev.Index, openai.Inside(d.PartialJSON))
	case "thinking_delta":
		s.delta(deltaThinking, ev.Index, openai.Inside(d.Thinking))
	case "signature_delta":
		s.delta(deltaSignature, ev.Index, openai.Inside(d.Signature))
	case "compaction_delta":
		s.delta(deltaCompaction, ev.Index, openai.Inside(d.Content))
	case "citations_delta":
		if ev.Index == s.index {
			s.cite(d.Citation)
		}
	}
}

func (s *Stream) emit(d openai.Delta) { s.out = append(s.out, d) }

// emitText emits a piece of text unless it is empty.
func (s *Stream) emitText(kind openai.DeltaKind, index int, text openai.Escaped) {
	if len(text) > 0 {
		s.emit(openai.Delta{Kind: kind, Index: index, Text: text})
	}
}

// An openKind is what a content block is to the client.
type openKind uint8

const (
	openNone openKind = iota // no block is open, or one that does not concern the client
	openText
	openThinking
	openFunction
	openCustom
	openJSON // a call whose input is the text of the answer
)

func (s *Stream) start(b *contentBlock, index int) {
	s.begun = true
	s.stop() // of a block that was never closed
	s.index, s.blocks = index, max(s.blocks, index+1)
	if s.kept != nil {
		s.kept.start(b)
	}
	s.giveOpening()
	switch b.Type {
	case "text":
		s.startText(b)
	case "thinking":
		s.open = openThinking
		s.reason(openai.DeltaReasoning, openai.Inside(b.Thinking))
		s.reason(openai.DeltaSignature, openai.Inside(b.Signature))
	case "redacted_thinking":
		s.reason(openai.DeltaRedacted, openai.Inside(b.Data))
	case "tool_use":
		s.startCall(b)
	case "web_search_tool_result":
		s.remarkSearch(b.Content)
	}
}

// reason emits a piece of the open thinking block.
func (s *Stream) reason(kind openai.DeltaKind, piece openai.Escaped) {
	if !s.reading.silent {
		s.emitText(kind, s.before+s.index, piece)
	}
}

func (s *Stream) startCall(b *contentBlock) {
	s.given, s.input = false, nil
	if b.Input.Kind() == '{' && len(b.Input) > len("{}") {
		s.input = b.Input
	}
	kind := openai.DeltaToolCall
	switch {
	case b.Name == s.reading.jsonTool && b.Name != "":
		s.startJSON()
		return
	case s.reading.custom[b.Name]:
		s.open, s.custom, kind = openCustom, customText{}, openai.DeltaCustomCall
	default:
		s.open = openFunction
	}
	s.release()
	s.emit(openai.Delta{Kind: kind, Index: s.calls, ID: b.ID, Name: s.reading.names.original(b.Name)})
	s.callIDs = append(s.callIDs, b.ID)
	s.calls++
}

// delta takes a piece of the open block; a piece that does not fit the block is ignored.
func (s *Stream) delta(kind deltaKind, index int, piece openai.Escaped) {
	if index != s.index {
		return
	}
	if s.kept != nil {
		s.kept.add(kind, piece)
	}
	switch {
	case kind == deltaText && s.open == openText:
		s.text(piece)
	case kind == deltaThinking && s.open == openThinking:
		s.reason(openai.DeltaReasoning, piece)
	case kind == deltaSignature && s.open == openThinking:
		s.reason(openai.DeltaSignature, piece)
	case kind == deltaJSON && len(piece) > 0:
		s.callInput(piece)
	}
}

// callInput takes a piece of the open call's input.
func (s *Stream) callInput(piece openai.Escaped) {
	s.given = true
	switch s.open {
	case openFunction:
		s.emitText(openai.DeltaArguments, s.calls-1, piece)
	case openCustom:
		s.emitText(openai.DeltaCustomInput, s.calls-1, s.custom.add(piece))
	case openJSON:
		s.show(piece)
	default: // the server's own call
	}
}

// stop closes the open block.
func (s *Stream) stop() {
	switch s.open {
	case openText:
		s.stopText()
	case openFunction, openCustom, openJSON:
		s.stopCall()
	default:
	}
	s.open = openNone
	if s.kept != nil {
		s.kept.stop()
	}
}

// stopCall: a call that came without input still has an object for it: clients parse it
// (openai-claude.md F.84).
func (s *Stream) stopCall() {
	if !s.given {
		input := openai.Escaped("{}")
		if s.input != nil {
			input = openai.Inside(openai.AppendString(nil, string(s.input)))
		}
		s.callInput(input)
	}
	if s.open == openCustom {
		s.emitText(openai.DeltaCustomInput, s.calls-1, s.custom.rest())
	}
}

// pauseTurn is the stop reason of an answer that wants to be gone on with.
const pauseTurn = "pause_turn"

// refused stands where Claude gives no reason.
const refused = "The model declined to answer this request."

func (s *Stream) finish() {
	s.stop()
	s.done, s.begun = true, true
	if s.stopReason == pauseTurn {
		return // what is held back waits for the next round
	}
	s.release()
	s.closeFence()
	s.remarkStop()
	if s.stopReason == "refusal" {
		s.emitText(openai.DeltaRefusal, 0, openai.Inside(openai.AppendString(nil, cmp.Or(s.refusal, refused))))
	}
}

// finishReason follows openai-claude.md B.1. A reason that is not known yet is a stop:
// the answer did come to its end.
func (s *Stream) finishReason() string {
	switch s.stopReason {
	case "max_tokens", "model_context_window_exceeded", "compaction", pauseTurn:
		return openai.FinishLength
	case "refusal":
		return openai.FinishContentFilter
	}
	if s.calls > 0 {
		return openai.FinishToolCalls
	}
	return openai.FinishStop
}

// remarkStop tells of a stop reason that is not known yet.
func (s *Stream) remarkStop() {
	switch s.stopReason {
	case "end_turn", "stop_sequence", "tool_use", "max_tokens", "model_context_window_exceeded", "compaction", "refusal":
	default:
		s.remarks = append(s.remarks, fmt.Sprintf("unknown stop reason %.40q", s.stopReason))
	}
}

// remarkSearch tells of a search that failed; Claude answers without it.
func (s *Stream) remarkSearch(result jsontext.Value) {
	var failure struct {
		Code string `json:"error_code"`
	}
	if json.Unmarshal(result, &failure, translate.Lenient) == nil && failure.Code != "" {
		s.remarks = append(s.remarks, fmt.Sprintf("web search failed: %.40q", failure.Code))
		s.warnings.Add("web_search_options", "failed")
	}
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
	s.id, s.stopReason, s.refusal = cmp.Or(s.id, m.ID), m.StopReason, m.StopDetails.Explanation
	m.Usage.overlay(&s.usage)
	for i := range m.Content {
		s.start(&m.Content[i], i)
		s.stop()
	}
	s.finish()
	return s.out, nil
}
