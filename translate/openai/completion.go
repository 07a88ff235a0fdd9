package openai

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// A Fold gathers the deltas of an answer into one completion. The zero value is ready.
type Fold struct {
	// Form is what the client asked of the completion's form.
	Form Form

	content, refusal []byte
	reasoning        []byte
	calls            []foldedCall
	details          []foldedDetail
	passages         []Passage
	whole            []byte // of an upstream's own completion
}

type foldedCall struct {
	index    int
	id, name string
	custom   bool
	input    []byte // of a function: its arguments
}

// foldedDetail is one reasoning block: text and signature, or data alone.
type foldedDetail struct {
	index                 int
	text, signature, data []byte
	redacted              bool
}

// Add gathers one delta.
func (f *Fold) Add(d Delta) {
	switch d.Kind {
	case DeltaContent:
		if f.content == nil {
			f.content = make([]byte, 0, 1024)
		}
		f.content = append(f.content, d.Text...)
	case DeltaRefusal:
		f.refusal = append(f.refusal, d.Text...)
	case DeltaToolCall, DeltaCustomCall:
		f.calls = append(f.calls, foldedCall{index: d.Index, id: d.ID, name: d.Name, custom: d.Kind == DeltaCustomCall})
	case DeltaArguments, DeltaCustomInput:
		i := slices.IndexFunc(f.calls, func(c foldedCall) bool { return c.index == d.Index })
		f.calls[i].input = append(f.calls[i].input, d.Text...)
	case DeltaPassage:
		f.passages = append(f.passages, *d.Passage)
	case DeltaReasoning:
		f.reasoning = append(f.reasoning, d.Text...)
		if d.Index < 0 {
			return
		}
		detail := f.detail(d.Index)
		detail.text = append(detail.text, d.Text...)
	case DeltaSignature:
		detail := f.detail(d.Index)
		detail.signature = append(detail.signature, d.Text...)
	case DeltaRedacted:
		detail := f.detail(d.Index)
		detail.data, detail.redacted = append(detail.data, d.Text...), true
	case DeltaCompletion:
		f.whole = append(f.whole, d.Text...)
	case DeltaChunk: // of streams alone
	}
}

func (f *Fold) detail(index int) *foldedDetail {
	if n := len(f.details); n > 0 && f.details[n-1].index == index {
		return &f.details[n-1]
	}
	f.details = append(f.details, foldedDetail{index: index})
	return &f.details[len(f.details)-1]
}

// Append appends the completion (openai-claude.md B).
func (f *Fold) Append(dst []byte, head Head, end Ending) []byte {
	if end.Passed {
		return append(dst, f.whole...)
	}
	dst = slices.Grow(dst, 1024+len(f.content)+2*len(f.reasoning))
	dst = appendHead(dst, head, f.Form, "chat.completion")
	dst = append(dst, `{"index":0,"message":{"role":"assistant","content":`...)
	dst = f.appendContent(dst)
	dst = append(dst, `,"refusal":`...)
	dst = appendOrNull(dst, f.refusal)
	dst = f.appendReasoning(dst)
	dst = f.appendAnnotations(dst)
	dst = f.appendCalls(dst)
	dst = append(dst, `},"logprobs":null,"finish_reason":"`...)
	dst = append(dst, f.Form.finishReason(end.FinishReason)...)
	dst = append(dst, `"}],"usage":`...)
	dst = end.Usage.appendJSON(dst)
	return append(dst, '}')
}

// appendContent writes null only where something else is the answer.
func (f *Fold) appendContent(dst []byte) []byte {
	if len(f.content) == 0 && len(f.calls) == 0 && len(f.refusal) == 0 {
		return append(dst, `""`...)
	}
	return appendOrNull(dst, f.content)
}

func appendOrNull(dst []byte, text Escaped) []byte {
	if len(text) == 0 {
		return append(dst, "null"...)
	}
	return appendQuoted(dst, text)
}

func appendQuoted(dst []byte, text Escaped) []byte {
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"')
}

func (f *Fold) appendReasoning(dst []byte) []byte {
	if len(f.reasoning) > 0 {
		dst = append(dst, `,"reasoning_content":`...)
		dst = appendQuoted(dst, f.reasoning)
	}
	for i, d := range f.details {
		dst = append(dst, separator(i, `,"reasoning_details":[`)...)
		dst = d.append(dst)
	}
	if len(f.details) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// separator is what stands before element i of a list.
func separator(i int, opening string) string {
	if i == 0 {
		return opening
	}
	return ","
}

func (d *foldedDetail) append(dst []byte) []byte {
	if d.redacted {
		dst = append(dst, `{"type":"reasoning.encrypted","data":"`...)
		return appendDetailEnd(append(dst, d.data...), d.index)
	}
	dst = append(dst, `{"type":"reasoning.text","text":"`...)
	dst = append(dst, d.text...)
	if len(d.signature) > 0 {
		dst = append(dst, `","signature":"`...)
		dst = append(dst, d.signature...)
	}
	return appendDetailEnd(dst, d.index)
}

func (f *Fold) appendAnnotations(dst []byte) []byte {
	for i := range f.passages {
		dst = append(dst, separator(i, `,"annotations":[`)...)
		dst = f.passages[i].append(dst)
	}
	if len(f.passages) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

func (f *Fold) appendCalls(dst []byte) []byte {
	switch {
	case len(f.calls) == 0:
		return dst
	case f.Form.Functions:
		dst = append(dst, `,"function_call":`...)
		return f.calls[0].appendFunction(dst)
	}
	for i := range f.calls {
		dst = append(dst, separator(i, `,"tool_calls":[`)...)
		dst = f.calls[i].append(dst)
	}
	return append(dst, ']')
}

func (c *foldedCall) append(dst []byte) []byte {
	if c.custom {
		dst = appendIdentity(dst, `{"id":`, c.id, `,"type":"custom","custom":{"name":`, c.name)
		dst = append(dst, `,"input":`...)
		dst = appendQuoted(dst, c.input)
		return append(dst, `}}`...)
	}
	dst = append(dst, `{"id":`...)
	dst = AppendString(dst, c.id)
	dst = append(dst, `,"type":"function","function":`...)
	dst = c.appendFunction(dst)
	return append(dst, '}')
}

func (c *foldedCall) appendFunction(dst []byte) []byte {
	dst = append(dst, `{"name":`...)
	dst = AppendString(dst, c.name)
	dst = append(dst, `,"arguments":`...)
	dst = appendCompact(dst, c.input)
	return append(dst, '}')
}

// appendCompact appends JSON text as a string without its white space. Text that an
// answer cut short left incomplete stays as it is.
func appendCompact(dst []byte, text Escaped) []byte {
	plain, err := jsontext.AppendUnquote(nil, appendQuoted(nil, text))
	if err != nil {
		return appendQuoted(dst, text)
	}
	value := jsontext.Value(plain)
	if value.Compact() != nil {
		return appendQuoted(dst, text)
	}
	return AppendString(dst, string(value))
}
