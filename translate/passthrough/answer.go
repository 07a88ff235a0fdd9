package passthrough

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// An answer goes to the client as the upstream wrote it, under the model's name that the
// client knows, and with usage only where it was asked for.
type answer struct {
	translate.Whole
	stream  bool
	asked   bool // for usage
	object  Object
	choices choices
	edits   []Edit
	text    []byte         // of the last delta
	held    []openai.Delta // chunks before the first that says something
	out     []openai.Delta

	id    string
	used  openai.Usage
	ended bool
}

func newAnswer(chat *openai.ChatRequest) *answer {
	a := &answer{stream: chat.Stream, asked: openai.FormOf(chat).Usage}
	a.choices.expect(chat.N)
	// A key error, be it null, is an error to some clients (openai-claude.md C.3).
	a.edits = []Edit{{"model", openai.AppendString(nil, chat.Model)}, {"error", nil}}
	if a.stream && !a.asked {
		a.edits = append(a.edits, Edit{"usage", nil})
	}
	return a
}

// Event takes a chunk, or the mark of the end.
func (a *answer) Event(data []byte) ([]openai.Delta, *openai.Error) {
	data = bytes.TrimSpace(data)
	switch {
	case a.ended || len(data) == 0:
		return nil, nil
	case string(data) == "[DONE]":
		return a.held, a.end()
	case !a.stream:
		return nil, translate.BadAnswer("a stream where none was asked for", nil)
	}
	if err := Read(&a.object, data); err != nil {
		return nil, err
	}
	a.note()
	if !a.choices.read(a.object.Value("choices")) && !a.tells() {
		return nil, nil
	}
	a.text = a.object.Append(a.text[:0], a.edited())
	oneLine(a.text)
	if a.choices.begun && !a.choices.said {
		// Until the client has seen something, another location may answer in this one's place.
		a.held = append(a.held, openai.Delta{Kind: openai.DeltaChunk, Text: bytes.Clone(a.text)})
		return nil, nil
	}
	if a.choices.mixed {
		return a.split(), nil
	}
	return a.give(openai.DeltaChunk), nil
}

// edited adds the list of choices that the chunk of the usage may lack: clients refuse a
// chunk without one.
func (a *answer) edited() []Edit {
	if a.object.Value("choices").Kind() == '[' {
		return a.edits
	}
	return append(slices.Clip(a.edits), Edit{"choices", jsontext.Value("[]")})
}

// end is the upstream's mark. Without an answer before it, it is none.
func (a *answer) end() *openai.Error {
	if !a.choices.begun {
		return translate.BadAnswer("a stream without an answer", nil)
	}
	a.ended = true
	return nil
}

// note keeps what a chunk says of the whole answer.
func (a *answer) note() {
	if a.id == "" {
		a.id = openai.Unquote(a.object.Value("id"))
	}
	if used, ok := Usage(a.object.Value("usage")); ok {
		a.used = used
	}
}

// tells whether a chunk without choices is for the client: it is if it holds the usage and
// the client asked for it. Others would trip clients that look for the first choice.
func (a *answer) tells() bool {
	return a.asked && a.object.Value("usage").Kind() == '{'
}

// Message takes a whole completion.
func (a *answer) Message(body []byte) ([]openai.Delta, *openai.Error) {
	if err := Read(&a.object, body); err != nil {
		return nil, err
	}
	if a.stream || !a.choices.read(a.object.Value("choices")) {
		return nil, translate.BadAnswer("another answer than was asked for", nil)
	}
	a.note()
	a.ended = true
	a.text = a.object.Append(a.text[:0], append(a.edits, Edit{"choices", complete(a.object.Value("choices"))}))
	return a.give(openai.DeltaCompletion), nil
}

func (a *answer) give(kind openai.DeltaKind) []openai.Delta {
	a.out = append(append(a.out[:0], a.held...), openai.Delta{Kind: kind, Text: a.text})
	a.held = nil
	return a.out
}

// Ending is the upstream's mark, or the end of the stream once all choices have ended.
func (a *answer) Ending(closed bool) (openai.Ending, bool) {
	return openai.Ending{Passed: true, Usage: a.used}, a.ended || closed && a.choices.whole()
}

func (a *answer) ID() string           { return a.id }
func (a *answer) Begun() bool          { return a.choices.begun }
func (a *answer) Billed() openai.Usage { return a.used }

// Read parses what an upstream sent; an error object in it is returned as the error it is.
func Read(object *Object, data []byte) *openai.Error {
	if err := object.Parse(data); err != nil {
		if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) { // Google's errors of streams
			return translate.ParseError(0, data)
		}
		return translate.BadAnswer("something that is no JSON object", err)
	}
	kind := object.Value("error").Kind()
	if kind == '{' || kind == '"' || string(object.Value("object")) == `"error"` {
		return translate.ParseError(0, data)
	}
	return nil
}

// oneLine makes line ends, which in JSON can only stand between values, blanks: in an event
// they would end the line.
func oneLine(text []byte) {
	for i, c := range text {
		if c == '\n' || c == '\r' {
			text[i] = ' '
		}
	}
}
