package completions

import (
	"slices"
	"strconv"
	"strings"

	"vertexgateway/translate/openai"
)

// A ChunkWriter writes an answer as the event stream of /v1/completions. Only text is
// shown: reasoning, calls and citations have no place there.
type ChunkWriter struct {
	usage bool
	head  []byte // of every chunk, up to its choices
	tail  []byte // of every chunk but the last
}

// NewChunkWriter writes chunks that begin with head; usage tells to end the stream with a
// chunk that holds the usage.
func NewChunkWriter(head openai.Head, usage bool) *ChunkWriter {
	w := &ChunkWriter{usage: usage, head: appendHead([]byte("data: "), head)}
	w.tail = w.appendNoUsage([]byte(`","index":0,"logprobs":null,"finish_reason":null}]`))
	return w
}

func appendHead(dst []byte, head openai.Head) []byte {
	id := strings.TrimPrefix(strings.TrimPrefix(head.ID, "msg_"), "chatcmpl-")
	dst = openai.AppendString(append(dst, `{"id":`...), "cmpl-"+id)
	dst = append(dst, `,"object":"text_completion","created":`...)
	dst = strconv.AppendInt(dst, head.Created, 10)
	dst = openai.AppendString(append(dst, `,"model":`...), head.Model)
	return append(dst, `,"choices":[`...)
}

func (w *ChunkWriter) appendNoUsage(dst []byte) []byte {
	if w.usage {
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}

// Append appends the chunk of a delta, if it shows.
func (w *ChunkWriter) Append(dst []byte, d openai.Delta) []byte {
	switch d.Kind {
	case openai.DeltaChunk:
		return append(append(append(dst, "data: "...), d.Text...), "\n\n"...)
	case openai.DeltaContent:
		dst = append(append(dst, w.head...), `{"text":"`...)
		return append(append(dst, d.Text...), w.tail...)
	default:
		return dst
	}
}

// AppendEnd appends the chunk with the finish reason, the one with the usage if asked for,
// and the end mark.
func (w *ChunkWriter) AppendEnd(dst []byte, end openai.Ending) []byte {
	if !end.Passed {
		dst = appendChoice(append(dst, w.head...), nil, end)
		dst = w.appendNoUsage(dst)
	}
	if !end.Passed && w.usage {
		dst = append(append(dst, w.head...), `],"usage":`...)
		dst = append(appendUsage(dst, &end.Usage), "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// appendChoice appends the last or only choice, and the end of the list.
func appendChoice(dst []byte, text openai.Escaped, end openai.Ending) []byte {
	dst = append(append(dst, `{"text":"`...), text...)
	dst = append(dst, `","index":0,"logprobs":null,"finish_reason":"`...)
	switch end.FinishReason {
	case openai.FinishLength, openai.FinishContentFilter:
		dst = append(dst, end.FinishReason...)
	default: // there are but three
		dst = append(dst, openai.FinishStop...)
	}
	return append(dst, `"}]`...)
}

func appendUsage(dst []byte, u *openai.Usage) []byte {
	for _, field := range []struct {
		opening string
		n       int64
	}{
		{`{"prompt_tokens":`, u.Prompt()},
		{`,"completion_tokens":`, u.Output},
		{`,"total_tokens":`, u.Prompt() + u.Output},
		{`,"prompt_tokens_details":{"cached_tokens":`, u.CacheRead},
		{`},"completion_tokens_details":{"reasoning_tokens":`, u.Reasoning},
	} {
		dst = strconv.AppendInt(append(dst, field.opening...), field.n, 10)
	}
	return append(dst, "}}"...)
}

// A Fold gathers the deltas of an answer into one completion. The zero value is ready.
type Fold struct {
	text, whole []byte
}

// Add gathers one delta.
func (f *Fold) Add(d openai.Delta) {
	switch d.Kind {
	case openai.DeltaContent:
		f.text = append(f.text, d.Text...)
	case openai.DeltaCompletion:
		f.whole = append(f.whole, d.Text...)
	default: // does not show
	}
}

// Append appends the completion.
func (f *Fold) Append(dst []byte, head openai.Head, end openai.Ending) []byte {
	if end.Passed {
		return append(dst, f.whole...)
	}
	dst = appendHead(slices.Grow(dst, 512+len(f.text)), head)
	dst = appendChoice(dst, f.text, end)
	dst = appendUsage(append(dst, `,"usage":`...), &end.Usage)
	return append(dst, '}')
}
