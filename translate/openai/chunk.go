package openai

import "strconv"

// A ChunkWriter writes an answer as the event stream of /v1/chat/completions
// (openai-claude.md C.1).
type ChunkWriter struct {
	head  []byte // of every chunk, up to "delta":
	tail  []byte // of every chunk but the last
	usage bool   // the client asked for usage
	began bool   // the chunk with the role is written
}

// NewChunkWriter writes chunks that begin with head, and a chunk with the usage at the
// end if the client asked for one.
func NewChunkWriter(head Head, includeUsage bool) *ChunkWriter {
	w := &ChunkWriter{usage: includeUsage}
	w.head = appendHead(append(w.head, "data: "...), head, "chat.completion.chunk")
	w.tail = append(w.tail, `,"logprobs":null,"finish_reason":null}]`...)
	w.tail = w.appendNoUsage(w.tail)
	return w
}

func appendHead(dst []byte, head Head, object string) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendID(dst, head.ID)
	dst = append(dst, `,"object":"`...)
	dst = append(dst, object...)
	dst = append(dst, `","created":`...)
	dst = strconv.AppendInt(dst, head.Created, 10)
	dst = append(dst, `,"model":`...)
	dst = AppendString(dst, head.Model)
	return append(dst, `,"choices":[`...)
}

func (w *ChunkWriter) appendNoUsage(dst []byte) []byte {
	if w.usage {
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}

const choiceStart = `{"index":0,"delta":`

// Append appends the chunk of a delta; before the first one, the chunk with the role.
func (w *ChunkWriter) Append(dst []byte, d Delta) []byte {
	dst = w.begin(dst)
	dst = append(dst, w.head...)
	dst = append(dst, choiceStart...)
	dst = appendDelta(dst, d)
	return append(dst, w.tail...)
}

func (w *ChunkWriter) begin(dst []byte) []byte {
	if w.began {
		return dst
	}
	w.began = true
	dst = append(dst, w.head...)
	dst = append(dst, choiceStart...)
	dst = append(dst, `{"role":"assistant","content":"","refusal":null}`...)
	return append(dst, w.tail...)
}

func appendDelta(dst []byte, d Delta) []byte {
	switch d.Kind {
	case DeltaContent:
		dst = appendField(dst, `{"content":"`, d.Text)
	case DeltaRefusal:
		dst = appendField(dst, `{"refusal":"`, d.Text)
	case DeltaToolCall:
		dst = appendToolIndex(dst, d.Index)
		dst = append(dst, `,"id":`...)
		dst = AppendString(dst, d.ID)
		dst = append(dst, `,"type":"function","function":{"name":`...)
		dst = AppendString(dst, d.Name)
		return append(dst, `,"arguments":""}}]}`...)
	case DeltaArguments:
		dst = appendToolIndex(dst, d.Index)
		dst = appendField(dst, `,"function":{"arguments":"`, d.Text)
		return append(dst, `}]}`...)
	case DeltaReasoning:
		dst = appendField(dst, `{"reasoning_content":"`, d.Text)
		dst = append(dst[:len(dst)-1], `,"reasoning_details":[`...)
		dst = appendDetail(dst, d)
		return append(dst, `]}`...)
	case DeltaSignature, DeltaRedacted:
		dst = append(dst, `{"reasoning_details":[`...)
		dst = appendDetail(dst, d)
		return append(dst, `]}`...)
	}
	return dst
}

// appendField appends an opening that ends in a quote, the text, a quote and a brace.
func appendField(dst []byte, opening string, text Escaped) []byte {
	dst = append(dst, opening...)
	dst = append(dst, text...)
	return append(dst, `"}`...)
}

func appendToolIndex(dst []byte, index int) []byte {
	dst = append(dst, `{"tool_calls":[{"index":`...)
	return strconv.AppendInt(dst, int64(index), 10)
}

// appendDetail appends one entry of reasoning_details in OpenRouter's form; clients
// join the entries of one index.
func appendDetail(dst []byte, d Delta) []byte {
	switch d.Kind {
	case DeltaReasoning:
		dst = append(dst, `{"type":"reasoning.text","text":"`...)
	case DeltaSignature:
		dst = append(dst, `{"type":"reasoning.text","signature":"`...)
	case DeltaRedacted:
		dst = append(dst, `{"type":"reasoning.encrypted","data":"`...)
	default:
		return dst // no reasoning
	}
	dst = append(dst, d.Text...)
	return appendDetailEnd(dst, d.Index)
}

func appendDetailEnd(dst []byte, index int) []byte {
	dst = append(dst, `","format":"anthropic-claude-v1","index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	return append(dst, '}')
}

// AppendEnd appends the chunk with the finish reason, the one with the usage if asked
// for, and the end mark.
func (w *ChunkWriter) AppendEnd(dst []byte, end Ending) []byte {
	dst = w.begin(dst)
	dst = append(dst, w.head...)
	dst = append(dst, choiceStart...)
	dst = append(dst, `{},"logprobs":null,"finish_reason":"`...)
	dst = append(dst, end.FinishReason...)
	dst = append(dst, `"}]`...)
	dst = w.appendNoUsage(dst)
	if w.usage {
		dst = append(dst, w.head...)
		dst = append(dst, `],"usage":`...)
		dst = end.Usage.appendJSON(dst)
		dst = append(dst, "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

func (u *Usage) appendJSON(dst []byte) []byte {
	number := func(name string, n int64) {
		dst = append(dst, name...)
		dst = strconv.AppendInt(dst, n, 10)
	}
	number(`{"prompt_tokens":`, u.Prompt())
	number(`,"completion_tokens":`, u.Output)
	number(`,"total_tokens":`, u.Prompt()+u.Output)
	number(`,"prompt_tokens_details":{"cached_tokens":`, u.CacheRead)
	number(`,"cache_write_tokens":`, u.CacheWrite())
	number(`,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":`, u.Reasoning)
	return append(dst, `,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`...)
}
