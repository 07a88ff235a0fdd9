package fakevertex

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxChoices of an answer is a limit of this emulator's.
const maxChoices = 128

// A way is what publishers' forms of OpenAI's API differ in. The zero value is how vLLM
// speaks: a stream says reasoning, text, and tool calls in pieces; what it cost is told
// behind it, to those who asked.
type way struct {
	id        string            // what ids begin with
	callID    func(dice) string // of tool calls
	newline   string            // in streams
	untitled  bool              // chunks have neither object nor time nor model
	logprobs  bool              // there is a field for them
	roleOnly  bool              // the first chunk has no content
	closing   bool              // the last chunk has empty content, and tells the usage
	wholeCall bool              // tool calls come in one piece
	reasons   string            // the field for reasoning; empty: it is a chunk of content
	padded    bool              // chunks have a field of arbitrary length
	cached    bool              // the usage tells of tokens read from a cache
	reasoned  bool              // the usage tells of tokens of reasoning
}

var (
	mistralWay = way{callID: nineLetters, newline: "\n", closing: true, wholeCall: true, padded: true, cached: true}
	jambaWay   = way{id: "chatcmpl-", callID: nineLetters, newline: "\r\n", untitled: true, logprobs: true, roleOnly: true, closing: true, wholeCall: true}
	openWay    = way{id: "chatcmpl-", callID: vllmCallID, newline: "\n", logprobs: true, reasons: "reasoning_content", cached: true, reasoned: true}
	geminiWay  = way{callID: geminiCallID, newline: "\n", wholeCall: true, cached: true, reasoned: true}
)

func nineLetters(d dice) string  { return d.id("", 9) }
func vllmCallID(d dice) string   { return "chatcmpl-tool-" + d.hex(32) }
func geminiCallID(d dice) string { return "function-call-" + d.digits(19) }

// A completion is an answer that is written in OpenAI's form.
type completion struct {
	way
	*answer
	dice     dice
	scenario *Scenario

	id, name  string // of the answer, and of its model
	created   int64
	prefix    string // what the text begins with
	n         int    // choices, all the same
	legacy    bool   // it completes a prompt
	withUsage bool   // the client asked for it in streams
	apart     bool   // tokens of reasoning are not among those of the completion
	hint      bool   // a stream has a chunk without choices
	odds      odds   // nil: nobody asked for them

	reasoning, text string
	calls           []said

	send func([]byte) error
	buf  []byte
	err  error
}

// completion makes the answer to the call's request, which came as b; w is how it is written.
func (c *call) completion(b *chat, w way) *completion {
	prompt := promptTokens(c.request.segments())
	cached := 0
	if w.cached {
		cached = min(c.scenario.Cached, prompt)
	}
	o := &completion{
		way: w, answer: c.compose(Usage{Input: prompt - cached, CacheRead: cached}), dice: c.dice, scenario: &c.scenario,
		id: w.id + c.dice.hex(32), name: b.Model, created: max(0, c.now().Unix()), prefix: b.prefix(),
		n: max(1, int(b.N)), legacy: c.path.method == "completions", withUsage: b.StreamOptions.IncludeUsage,
	}
	o.sort()
	return o
}

// sort puts the blocks where they stand in OpenAI's form.
func (o *completion) sort() {
	o.text = o.prefix
	for _, b := range o.blocks {
		switch b.kind {
		case "thinking":
			o.reasoning += b.text
		case "text":
			o.text += b.text
		case "tool_use":
			b.id = o.callID(o.dice)
			o.calls = append(o.calls, b)
		}
	}
	if o.legacy && o.calls != nil { // a scenario's: there is no place for them
		o.calls, o.stop = nil, "end_turn"
	}
}

// tell sends the completion in the way the request asks for.
func (c *call) tell(o *completion) error {
	c.journal.note(c.entry, func(e *Request) { e.Usage = o.usage })
	if err := c.pause(c.scenario.Delay); err != nil {
		return err
	}
	if !c.request.Stream {
		return c.whole(o.json())
	}
	return c.flow(o.stream)
}

// finish is the reason why it stopped.
func (o *completion) finish() string {
	switch o.stop {
	case "end_turn", "stop_sequence":
		return "stop"
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "tool_use":
		return "tool_calls"
	}
	return o.stop // a scenario's
}

// head is what every body begins with.
func (o *completion) head(object string) members {
	if o.legacy {
		object = "text_completion"
	}
	if o.untitled {
		return members{{"id", o.id}}
	}
	return members{{"id", o.id}, {"object", object}, {"created", o.created}, {"model", o.name}}
}

// json is the whole answer.
func (o *completion) json() []byte {
	choices := make([]members, o.n)
	for i := range choices {
		said := member{"message", o.message()}
		if o.legacy {
			said = member{"text", o.text}
		}
		choices[i] = o.choice(i, said, o.finish())
	}
	whole := append(o.head("chat.completion"), member{"choices", choices}, member{"usage", o.bill()})
	text, _ := json.Marshal(whole)
	return text
}

// choice is one of a body; finish is nil before the end.
func (o *completion) choice(i int, said member, finish any) members {
	c := members{{"index", i}, said}
	if o.logprobs {
		c = append(c, member{"logprobs", o.odds.of(said)})
	}
	return append(c, member{"finish_reason", finish})
}

func (o *completion) message() members {
	m := members{{"role", "assistant"}}
	switch {
	case o.text == "" && len(o.calls) > 0 && !o.closing:
		m = append(m, member{"content", nil})
	default:
		m = append(m, member{"content", o.content(o.reasoning, o.text)})
	}
	if o.reasons != "" && o.reasoning != "" {
		m = append(m, member{o.reasons, o.reasoning})
	}
	if o.closing || len(o.calls) > 0 {
		m = append(m, member{"tool_calls", o.toolCalls()})
	}
	return m
}

// content is a text, or by scenario a list of chunks.
func (o *completion) content(reasoning, text string) any {
	if !o.chunked() {
		return text
	}
	var all []any
	if reasoning != "" {
		all = append(all, members{
			{"type", "thinking"}, {"thinking", []any{members{{"type", "text"}, {"text", reasoning}}}}, {"closed", true},
		})
	}
	if text != "" || len(all) == 0 {
		all = append(all, members{{"type", "text"}, {"text", text}})
	}
	return all
}

func (o *completion) chunked() bool { return o.padded && o.scenario.Chunked }

// toolCalls are all calls in one piece; nil: there are none.
func (o *completion) toolCalls() any {
	if len(o.calls) == 0 {
		return nil
	}
	all := make([]members, len(o.calls))
	for i := range o.calls {
		all[i] = o.toolCall(i)
	}
	return all
}

// toolCall leaves out what Mistral does now and then, or the scenario.
func (o *completion) toolCall(i int) members {
	s := &o.calls[i]
	var m members
	nameless := o.wholeCall && o.scenario.Nameless
	sloppy := nameless || o.padded && o.dice.IntN(2) == 0
	switch {
	case nameless:
		m = members{{"id", "null"}}
	case sloppy:
		m = members{{"id", s.id}}
	default:
		m = members{{"index", i}, {"id", s.id}, {"type", "function"}}
	}
	return append(m, member{"function", members{{"name", s.name}, {"arguments", o.arguments(s)}}})
}

func (o *completion) arguments(s *said) any {
	if o.wholeCall && o.scenario.ObjectArguments {
		return jsontext.Value(s.input())
	}
	if s.text == "" {
		return "{}"
	}
	return s.text
}

// bill is the usage.
func (o *completion) bill() members {
	u := &o.usage
	shown := u.Output
	if o.apart {
		shown -= u.Thinking
	}
	m := members{{"prompt_tokens", u.Prompt()}, {"total_tokens", u.Prompt() + u.Output}, {"completion_tokens", shown}}
	if u.CacheRead > 0 {
		m = append(m, member{"prompt_tokens_details", members{{"cached_tokens", u.CacheRead}}})
	}
	if o.reasoned && u.Thinking > 0 {
		m = append(m, member{"completion_tokens_details", members{{"reasoning_tokens", u.Thinking}}})
	}
	return m
}

// cut parts text in n pieces, or in as many as its length brings.
func (d dice) cut(text string, n int) []string {
	var all []string
	for text != "" {
		size := 1 + d.IntN(24)
		if n > 0 {
			size = len(text) / n
			n--
		}
		piece := head(text, size)
		all = append(all, piece)
		text = text[len(piece):]
	}
	return all
}

// stream sends the answer as chunks; the slice that send gets is valid during the call.
func (o *completion) stream(send func([]byte) error) error {
	o.send = send
	if !o.legacy {
		o.delta(o.first(), nil)
	}
	if o.hint {
		o.emit(append(o.head("chat.completion.chunk"), member{"choices", []any{}}))
	}
	for _, piece := range o.dice.cut(o.reasoning, 0) {
		o.reason(piece)
	}
	for _, piece := range o.dice.cut(o.text, o.scenario.Events) {
		o.say(piece)
	}
	o.end()
	return o.err
}

func (o *completion) first() members {
	first := members{{"role", "assistant"}}
	if !o.roleOnly {
		first = append(first, member{"content", ""})
	}
	return first
}

func (o *completion) reason(piece string) {
	switch {
	case o.reasons != "":
		o.delta(members{{o.reasons, piece}}, nil)
	case o.chunked():
		o.delta(members{{"content", o.content(piece, "")}}, nil)
	}
}

func (o *completion) say(piece string) {
	if o.chunked() {
		o.delta(members{{"content", o.content("", piece)}}, nil)
		return
	}
	o.delta(members{{"content", piece}}, nil)
}

// delta sends a chunk for every choice; finish is nil before the end.
func (o *completion) delta(d members, finish any, more ...member) {
	for i := range o.n {
		said := member{"delta", d}
		if o.legacy {
			said = member{"text", d.text()}
		}
		choices := []members{o.choice(i, said, finish)}
		m := append(o.head("chat.completion.chunk"), member{"choices", choices})
		if i == o.n-1 {
			m = append(m, more...)
		}
		o.emit(m)
	}
}

// text is the content of a delta.
func (m members) text() string {
	for _, one := range m {
		if text, ok := one.value.(string); ok && one.name == "content" {
			return text
		}
	}
	return ""
}

func (o *completion) emit(m members) {
	if o.err != nil {
		return
	}
	if o.padded {
		const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
		m = append(m, member{"p", letters[:o.dice.IntN(len(letters))]})
	}
	var text []byte
	if text, o.err = json.Marshal(m); o.err != nil {
		return
	}
	o.buf = dataEvent(o.buf[:0], text, o.newline)
	o.err = o.send(o.buf)
}

// end sends the tool calls, the reason of the end and what it cost.
func (o *completion) end() {
	if !o.wholeCall {
		o.pieces()
	}
	last := members{}
	if o.closing {
		last = members{{"content", ""}}
	}
	if o.wholeCall && len(o.calls) > 0 {
		last = append(last, member{"tool_calls", o.toolCalls()})
	}
	if o.closing {
		o.delta(last, o.finish(), member{"usage", o.bill()})
	} else {
		o.delta(last, o.finish())
	}
	if !o.closing && o.withUsage {
		o.emit(append(o.head("chat.completion.chunk"), member{"choices", []any{}}, member{"usage", o.bill()}))
	}
	o.done()
}

// pieces sends tool calls as OpenAI does.
func (o *completion) pieces() {
	for i := range o.calls {
		s := &o.calls[i]
		begun := members{{"id", s.id}, {"type", "function"}, {"index", i}, {"function", members{{"name", s.name}, {"arguments", ""}}}}
		o.delta(members{{"tool_calls", []members{begun}}}, nil)
		text := s.text
		if text == "" {
			text = "{}"
		}
		for _, piece := range o.dice.cut(text, 0) {
			more := members{{"index", i}, {"function", members{{"arguments", piece}}}}
			o.delta(members{{"tool_calls", []members{more}}}, nil)
		}
	}
}

func (o *completion) done() {
	if o.err == nil && !o.scenario.Undone {
		o.err = o.send([]byte(strings.ReplaceAll(doneEvent, "\n", o.newline)))
	}
}
