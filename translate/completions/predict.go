package completions

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// foreignFields are those of a request that the container's generate route would not know:
// they say how to answer, not how to sample.
var foreignFields = []string{"model", "suffix", "n", "best_of", "echo", "logprobs", "user", "stream", "stream_options"}

// NewPredict puts the request to an own endpoint's predict route, with all fields but the
// API's own as they stand (vertex.md 8.3).
func NewPredict(r *Request) (*translate.Request, *openai.Error) {
	prompt, err := r.Text()
	switch {
	case err != nil:
		return nil, err
	case r.Suffix != "":
		return nil, noSuffix()
	}
	object := new(passthrough.Object)
	if err := object.Parse(r.body); err != nil { // it was decoded before
		return nil, translate.BadAnswer("no request", err)
	}
	if err := object.Parse(withoutNulls(object)); err != nil { // as above
		return nil, translate.BadAnswer("no request", err)
	}
	body := object.Append([]byte(`{"instances":[`), r.instance(prompt))
	put := &translate.Request{Method: "predict", Body: append(body, `]}`...)}
	if r.Stream {
		put.Method = "streamRawPredict"
	}
	put.Read = func() translate.Answer { return &prediction{request: r, prompt: prompt} }
	return put, nil
}

// instance tells what becomes of the request's members. The first edit of a name counts.
func (r *Request) instance(prompt jsontext.Value) []passthrough.Edit {
	edits := r.limited([]passthrough.Edit{{Name: "prompt", Value: prompt}, {Name: "raw_response", Value: jsontext.Value("true")}})
	if r.Stream { // the route does not know by which method it was reached
		edits = append(edits, passthrough.Edit{Name: "stream", Value: jsontext.Value("true")})
	}
	for _, name := range foreignFields {
		edits = append(edits, passthrough.Edit{Name: name})
	}
	return edits
}

// withoutNulls leaves out the members that are null, which some containers take for values.
func withoutNulls(object *passthrough.Object) []byte {
	rest := []byte{'{'}
	for name, value := range object.All() {
		if value.Kind() == 'n' {
			continue
		}
		if len(rest) > len("{") {
			rest = append(rest, ',')
		}
		rest = append(append(openai.AppendString(rest, name), ':'), value...)
	}
	return append(rest, '}')
}

// A prediction reads what a container predicts: one text, or pieces of it.
type prediction struct {
	translate.Whole
	request *Request
	prompt  jsontext.Value
	object  passthrough.Object
	out     []openai.Delta

	finish string
	used   openai.Usage
	tokens int64 // of all pieces, where they count their own
	begun  bool
	ended  bool
}

// Event takes a piece of a stream: of events, or of texts that end in a zero byte.
func (p *prediction) Event(data []byte) ([]openai.Delta, *openai.Error) {
	data = bytes.TrimSpace(data)
	p.out = p.out[:0]
	switch {
	case p.ended || len(data) == 0:
		return nil, nil
	case string(data) == "[DONE]":
		p.ended = p.begun
		return nil, nil
	}
	err := p.take(data)
	return p.out, err
}

// Message takes an answer that came whole, and a stream too that does not tell it is one.
func (p *prediction) Message(body []byte) ([]openai.Delta, *openai.Error) {
	p.out = p.out[:0]
	for text := range bytes.SplitSeq(body, []byte{0}) {
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		if err := p.take(text); err != nil {
			return p.out, err
		}
	}
	if !p.begun {
		return nil, translate.BadAnswer("no prediction", nil)
	}
	p.ended = true
	return p.out, nil
}

func (p *prediction) take(data []byte) *openai.Error {
	if err := passthrough.Read(&p.object, data); err != nil {
		return err
	}
	found, ok := forecastOf(&p.object)
	if !ok {
		return translate.BadAnswer("no prediction", nil)
	}
	p.begun = true
	p.note(found)
	if text := p.unframe(openai.Inside(found.text)); len(text) > 0 {
		p.out = append(p.out, openai.Delta{Kind: openai.DeltaContent, Text: text})
	}
	return nil
}

func (p *prediction) note(f forecast) {
	if f.finish != "" {
		p.finish = f.finish
	}
	if used, ok := passthrough.Usage(f.usage); ok {
		p.used = used
	}
	if f.tokens > 0 { // each piece counts what is new in it, as it holds only new text
		p.tokens += f.tokens
		p.used.Output = p.tokens
	}
}

// unframe cuts off the prompt that older containers put before their answer.
func (p *prediction) unframe(text openai.Escaped) openai.Escaped {
	if !bytes.HasPrefix(text, []byte(`Prompt:\n`)) {
		return text
	}
	plain := strings.TrimPrefix(openai.Unquote(slices.Concat(jsontext.Value{'"'}, jsontext.Value(text), jsontext.Value{'"'})), "Prompt:\n")
	rest, ok := strings.CutPrefix(strings.TrimLeft(plain, "\n"), strings.Trim(openai.Unquote(p.prompt), "\n"))
	if !ok {
		return text
	}
	rest, ok = strings.CutPrefix(strings.TrimLeft(rest, "\n"), "Output:\n")
	if !ok {
		return text
	}
	return openai.Inside(openai.AppendString(nil, rest))
}

// Ending comes with the end of the stream: most containers mark none.
func (p *prediction) Ending(closed bool) (openai.Ending, bool) {
	end := openai.Ending{FinishReason: p.finish, Usage: p.used}
	if end.FinishReason == "" {
		end.FinishReason = p.guess()
	}
	return end, p.ended || closed && p.begun
}

// guess tells from the number of tokens why the answer ended.
func (p *prediction) guess() string {
	limit := int64(defaultMaxTokens)
	if p.request.MaxTokens != nil {
		limit = *p.request.MaxTokens
	}
	if p.used.Output > 0 && p.used.Output >= limit {
		return openai.FinishLength
	}
	return openai.FinishStop
}

// ID is empty: predictions have none.
func (p *prediction) ID() string { return "" }

// Begun tells whether a prediction has come, be it empty.
func (p *prediction) Begun() bool { return p.begun }

// Billed is what the container counted, if it did; 0: it is not known.
func (p *prediction) Billed() openai.Usage { return p.used }
