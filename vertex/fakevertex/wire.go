package fakevertex

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// json writes the answer as one message.
func (a *answer) json() []byte {
	b := a.head(nil)
	b = append(b, `,"content":[`...)
	for i, s := range a.blocks {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.json(b)
	}
	b = append(b, "],"...)
	b = a.ending(b)
	b = append(b, `,"usage":`...)
	b = a.fullUsage(b, a.usage.Output)
	return append(b, '}')
}

// head is what a message has before its content.
func (a *answer) head(b []byte) []byte {
	b = append(b, `{"model":`...)
	b = appendQuoted(b, dashed(a.model))
	b = append(b, `,"id":"`...)
	b = append(b, a.id...)
	return append(b, `","type":"message","role":"assistant"`...)
}

// ending tells why it stopped. Newer models say more.
func (a *answer) ending(b []byte) []byte {
	b = append(b, `"stop_reason":`...)
	b = appendQuoted(b, a.stop)
	b = append(b, `,"stop_sequence":`...)
	if a.stop == "stop_sequence" {
		b = appendQuoted(b, a.sequence)
	} else {
		b = append(b, "null"...)
	}
	if !dated(a.model) {
		b = append(b, `,"stop_details":null`...)
	}
	return b
}

func (a *answer) fullUsage(b []byte, output int) []byte {
	u := &a.usage
	b = append(b, '{')
	b = a.promptUsage(b)
	b = appendCount(b, `,"cache_creation":{"ephemeral_5m_input_tokens":`, u.CacheWrite5m)
	b = appendCount(b, `,"ephemeral_1h_input_tokens":`, u.CacheWrite1h)
	b = appendCount(b, `},"output_tokens":`, output)
	b = a.searches(b)
	return append(a.details(b, min(output, u.Thinking)), '}')
}

func (a *answer) promptUsage(b []byte) []byte {
	u := &a.usage
	b = appendCount(b, `"input_tokens":`, u.Input)
	b = appendCount(b, `,"cache_creation_input_tokens":`, u.CacheWrite5m+u.CacheWrite1h)
	return appendCount(b, `,"cache_read_input_tokens":`, u.CacheRead)
}

func (a *answer) searches(b []byte) []byte {
	if a.usage.Searches == 0 {
		return b
	}
	b = appendCount(b, `,"server_tool_use":{"web_search_requests":`, a.usage.Searches)
	return append(b, '}')
}

func (a *answer) details(b []byte, thinking int) []byte {
	if dated(a.model) {
		return b
	}
	b = appendCount(b, `,"output_tokens_details":{"thinking_tokens":`, thinking)
	return append(b, '}')
}

func appendCount(b []byte, name string, n int) []byte {
	return strconv.AppendInt(append(b, name...), int64(n), 10)
}

// json writes a whole block.
func (s *said) json(b []byte) []byte {
	switch s.kind {
	case "text":
		b = append(b, '{')
		if s.citation != "" {
			b = append(b, `"citations":[`...)
			b = append(b, s.citation...)
			b = append(b, "],"...)
		}
		b = append(b, `"type":"text","text":`...)
		b = appendQuoted(b, s.text)
	case "thinking":
		b = append(b, `{"type":"thinking","thinking":`...)
		b = appendQuoted(b, s.text)
		b = append(b, `,"signature":`...)
		b = appendQuoted(b, s.signature)
	case "redacted_thinking":
		b = append(b, `{"type":"redacted_thinking","data":`...)
		b = appendQuoted(b, s.signature)
	case "tool_use", "server_tool_use":
		b = s.toolUse(b)
		b = append(b, s.input()...)
	default:
		return append(b, s.whole...)
	}
	return append(b, '}')
}

func (s *said) toolUse(b []byte) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, s.kind...)
	b = append(b, `","id":"`...)
	b = append(b, s.id...)
	b = append(b, `","name":`...)
	b = appendQuoted(b, s.name)
	return append(b, `,"input":`...)
}

// input is the arguments; those that max_tokens cut off are left out.
func (s *said) input() string {
	if !jsontext.Value(s.text).IsValid() {
		return "{}"
	}
	return s.text
}

// A wire writes an answer as events, one after the other into the same buffer.
type wire struct {
	*answer
	dice    dice
	buf     []byte
	send    func([]byte) error
	err     error
	begun   int  // tokens that message_start tells
	written int  // bytes of text that were sent
	whole   bool // nothing more is to come
}

// stream sends all events; the slice that send gets is valid during the call. An answer that
// broke off is billed as far as it got.
func (a *answer) stream(d dice, send func([]byte) error) error {
	w := &wire{answer: a, dice: d, send: send}
	defer w.settle()
	w.start()
	w.ping()
	w.vertexEvent()
	for i := range a.blocks {
		w.block(i)
	}
	w.end()
	w.whole = w.err == nil
	return w.err
}

// settle makes the bill of an answer that broke off.
func (w *wire) settle() {
	if !w.whole {
		w.usage.Output = min(w.usage.Output, max(w.begun, tokens(w.written)))
	}
}

// open begins an event; its JSON may be added to until close.
func (w *wire) open(name string) {
	w.buf = append(w.buf[:0], "event: "...)
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, "\ndata: {\"type\":\""...)
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"')
}

// close pads an event as every real one is, before the last brace, and sends it.
func (w *wire) close() {
	const blanks = "               "
	w.buf = append(w.buf, blanks[:w.dice.IntN(len(blanks)+1)]...)
	w.buf = append(w.buf, "}\n\n"...)
	w.emit()
}

func (w *wire) emit() {
	if w.err == nil {
		w.err = w.send(w.buf)
	}
}

const pingEvent = "event: ping\ndata: {\"type\": \"ping\"}\n\n"

func (w *wire) ping() {
	w.buf = append(w.buf[:0], pingEvent...)
	w.emit()
}

func (w *wire) start() {
	w.begun = min(w.usage.Output, 1+w.dice.IntN(8))
	w.open("message_start")
	w.buf = append(w.buf, `,"message":`...)
	w.buf = w.head(w.buf)
	w.buf = append(w.buf, `,"content":[],"stop_reason":null,"stop_sequence":null,"usage":`...)
	w.buf = w.fullUsage(w.buf, w.begun)
	w.buf = append(w.buf, '}')
	w.close()
}

// vertexEvent is what newer models tell besides, on locations of several regions (vertex.md 3.4).
func (w *wire) vertexEvent() {
	if !w.multi {
		return
	}
	u := &w.usage
	w.open("vertex_event")
	w.buf = append(w.buf, `,"usage":{`...)
	w.buf = w.promptUsage(w.buf)
	w.buf = appendCount(w.buf, `,"output_tokens":1,"tiers":{"0-to-200000":{"input_tokens":`, u.Prompt())
	w.buf = append(w.buf, `,"output_tokens":1}}}`...)
	w.close()
}

func (w *wire) block(i int) {
	if w.err != nil {
		return
	}
	s := &w.blocks[i]
	w.open("content_block_start")
	w.buf = appendCount(w.buf, `,"index":`, i)
	w.buf = append(w.buf, `,"content_block":`...)
	w.buf = s.begun(w.buf)
	w.close()
	w.deltas(i, s)
	w.open("content_block_stop")
	w.buf = appendCount(w.buf, `,"index":`, i)
	w.close()
}

// begun is the block as content_block_start has it: empty.
func (s *said) begun(b []byte) []byte {
	switch s.kind {
	case "text":
		if s.citation != "" {
			return append(b, `{"citations":[],"type":"text","text":""}`...)
		}
		return append(b, `{"type":"text","text":""}`...)
	case "thinking":
		return append(b, `{"type":"thinking","thinking":"","signature":""}`...)
	case "tool_use", "server_tool_use":
		return append(s.toolUse(b), "{}}"...)
	}
	return s.json(b)
}

func (w *wire) deltas(i int, s *said) {
	switch s.kind {
	case "text":
		w.cite(i, s)
		w.pieces(i, `"text_delta","text":`, s.text, s.pieces)
	case "thinking":
		w.pieces(i, `"thinking_delta","thinking":`, s.text, 0)
		w.delta(i, `"signature_delta","signature":`, s.signature)
	case "tool_use", "server_tool_use":
		w.delta(i, `"input_json_delta","partial_json":`, "")
		w.pieces(i, `"input_json_delta","partial_json":`, s.text, 0)
	}
}

func (w *wire) cite(i int, s *said) {
	if s.citation == "" {
		return
	}
	w.open("content_block_delta")
	w.buf = appendCount(w.buf, `,"index":`, i)
	w.buf = append(w.buf, `,"delta":{"type":"citations_delta","citation":`...)
	w.buf = append(w.buf, s.citation...)
	w.buf = append(w.buf, '}')
	w.close()
}

func (w *wire) delta(i int, kind, piece string) {
	w.open("content_block_delta")
	w.buf = appendCount(w.buf, `,"index":`, i)
	w.buf = append(w.buf, `,"delta":{"type":`...)
	w.buf = append(w.buf, kind...)
	w.buf = appendQuoted(w.buf, piece)
	w.buf = append(w.buf, '}')
	if w.err == nil && !strings.HasPrefix(kind, `"signature`) {
		w.written += len(piece)
	}
	w.close()
}

// pieces sends text in n deltas, or in as many as its length brings. Within JSON a
// backslash always ends a piece, as it sometimes does on Vertex.
func (w *wire) pieces(i int, kind, text string, n int) {
	arguments := strings.HasPrefix(kind, `"input`)
	for text != "" && w.err == nil {
		size := 1 + w.dice.IntN(24)
		if n > 0 {
			size = len(text) / n
			n--
		}
		if n == 0 && size == len(text) && size == 0 {
			return
		}
		piece := head(text, size)
		if at := strings.IndexByte(piece, '\\'); arguments && at >= 0 {
			piece = text[:at+1]
		}
		w.delta(i, kind, piece)
		text = text[len(piece):]
	}
}

// head is the start of s of about n bytes, but at least one character.
func head(s string, n int) string {
	for n = max(n, 1); n < len(s) && !utf8.RuneStart(s[n]); {
		n++
	}
	return s[:min(n, len(s))]
}

func (w *wire) end() {
	w.open("message_delta")
	w.buf = append(w.buf, `,"delta":{`...)
	w.buf = w.ending(w.buf)
	w.buf = append(w.buf, `},"usage":{`...)
	if !dated(w.model) {
		w.buf = append(w.promptUsage(w.buf), ',')
	}
	w.buf = appendCount(w.buf, `"output_tokens":`, w.usage.Output)
	w.buf = w.searches(w.buf)
	w.buf = append(w.details(w.buf, w.usage.Thinking), '}')
	w.close()
	w.open("message_stop")
	w.close()
}

// events cuts the bytes of a recorded stream.
func events(stream string) []string {
	blank := "\n\n"
	if strings.Contains(stream, "\r\n\r\n") {
		blank = "\r\n\r\n"
	}
	all := strings.SplitAfter(stream, blank)
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}
