package openai

import "strconv"

// A ChunkWriter writes an answer as the event stream of /v1/chat/completions
// (openai-claude.md C.1).
type ChunkWriter struct {
	form  Form
	head  []byte // of every chunk, up to "delta":
	tail  []byte // of every chunk but the last
	began bool   // the chunk with the role is written
}

// NewChunkWriter writes chunks that begin with head, in the form the client asked for.
func NewChunkWriter(head Head, form Form) *ChunkWriter {
	w := &ChunkWriter{form: form}
	w.head = appendHead(append(w.head, "data: "...), head, form, "chat.completion.chunk")
	w.tail = append(w.tail, `,"logprobs":null,"finish_reason":null}]`...)
	w.tail = w.appendNoUsage(w.tail)
	return w
}

func appendHead(dst []byte, head Head, form Form, object string) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendID(dst, head.ID)
	dst = append(dst, `,"object":"`...)
	dst = append(dst, object...)
	dst = append(dst, `","created":`...)
	dst = strconv.AppendInt(dst, head.Created, 10)
	dst = append(dst, `,"model":`...)
	dst = AppendString(dst, head.Model)
	if form.ServiceTier {
		dst = append(dst, `,"service_tier":"default"`...)
	}
	return append(dst, `,"choices":[`...)
}

func (w *ChunkWriter) appendNoUsage(dst []byte) []byte {
	if w.form.Usage {
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}

const choiceStart = `{"index":0,"delta":`

// Append appends the chunk of a delta; before the first one, the chunk with the role. In
// the form with functions a second call has no place, and gives none.
func (w *ChunkWriter) Append(dst []byte, d Delta) []byte {
	switch {
	case d.Kind == DeltaChunk:
		w.began = true
		return append(append(append(dst, "data: "...), d.Text...), "\n\n"...)
	case w.form.Functions && d.Index > 0 && d.isCall():
		return dst
	}
	dst = w.begin(dst)
	dst = append(dst, w.head...)
	dst = append(dst, choiceStart...)
	dst = w.appendDelta(dst, &d)
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

func (w *ChunkWriter) appendDelta(dst []byte, d *Delta) []byte {
	switch d.Kind {
	case DeltaContent:
		return appendField(dst, `{"content":"`, d.Text)
	case DeltaRefusal:
		return appendField(dst, `{"refusal":"`, d.Text)
	case DeltaReasoning:
		dst = appendField(dst, `{"reasoning_content":"`, d.Text)
		if d.Index < 0 {
			return dst
		}
		dst = append(dst[:len(dst)-1], `,"reasoning_details":[`...)
		dst = appendDetail(dst, d)
		return append(dst, `]}`...)
	case DeltaSignature, DeltaRedacted:
		dst = append(dst, `{"reasoning_details":[`...)
		dst = appendDetail(dst, d)
		return append(dst, `]}`...)
	case DeltaPassage:
		dst = append(dst, `{"annotations":[`...)
		dst = d.Passage.append(dst)
		return append(dst, `]}`...)
	default:
		return w.appendCall(dst, d)
	}
}

// isCall tells whether a delta is a part of a call.
func (d *Delta) isCall() bool { return d.Kind >= DeltaToolCall && d.Kind <= DeltaCustomInput }

func (w *ChunkWriter) appendCall(dst []byte, d *Delta) []byte {
	if w.form.Functions {
		return appendFunctionCall(dst, d)
	}
	dst = append(dst, `{"tool_calls":[{"index":`...)
	dst = strconv.AppendInt(dst, int64(d.Index), 10)
	switch d.Kind {
	case DeltaToolCall:
		dst = appendIdentity(dst, `,"id":`, d.ID, `,"type":"function","function":{"name":`, d.Name)
		dst = append(dst, `,"arguments":""}`...)
	case DeltaCustomCall:
		dst = appendIdentity(dst, `,"id":`, d.ID, `,"type":"custom","custom":{"name":`, d.Name)
		dst = append(dst, `,"input":""}`...)
	case DeltaArguments:
		dst = appendField(dst, `,"function":{"arguments":"`, d.Text)
	default: // the input of a custom call
		dst = appendField(dst, `,"custom":{"input":"`, d.Text)
	}
	return append(dst, `}]}`...)
}

// appendIdentity appends the id and the name of a call, each behind what stands before it.
func appendIdentity(dst []byte, beforeID, id, beforeName, name string) []byte {
	dst = append(dst, beforeID...)
	dst = AppendString(dst, id)
	dst = append(dst, beforeName...)
	return AppendString(dst, name)
}

func appendFunctionCall(dst []byte, d *Delta) []byte {
	if d.Kind == DeltaArguments {
		dst = appendField(dst, `{"function_call":{"arguments":"`, d.Text)
		return append(dst, '}')
	}
	dst = append(dst, `{"function_call":{"name":`...)
	dst = AppendString(dst, d.Name)
	return append(dst, `,"arguments":""}}`...)
}

// append appends the annotations of a passage, one for each page (openai-claude.md C.1).
func (p *Passage) append(dst []byte) []byte {
	for i, page := range p.Pages {
		dst = append(dst, separator(i, "")...)
		dst = append(dst, `{"type":"url_citation","url_citation":{"start_index":`...)
		dst = strconv.AppendInt(dst, int64(p.Start), 10)
		dst = append(dst, `,"end_index":`...)
		dst = strconv.AppendInt(dst, int64(p.End), 10)
		dst = append(dst, `,"url":`...)
		dst = AppendString(dst, page.URL)
		dst = append(dst, `,"title":`...)
		dst = AppendString(dst, page.Title)
		dst = append(dst, `}}`...)
	}
	return dst
}

// appendField appends an opening that ends in a quote, the text, a quote and a brace.
func appendField(dst []byte, opening string, text Escaped) []byte {
	dst = append(dst, opening...)
	dst = append(dst, text...)
	return append(dst, `"}`...)
}

// appendDetail appends one entry of reasoning_details in OpenRouter's form; clients
// join the entries of one index.
func appendDetail(dst []byte, d *Delta) []byte {
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
	if end.Passed {
		return append(dst, "data: [DONE]\n\n"...)
	}
	dst = w.begin(dst)
	dst = append(dst, w.head...)
	dst = append(dst, choiceStart...)
	dst = append(dst, `{},"logprobs":null,"finish_reason":"`...)
	dst = append(dst, w.form.finishReason(end.FinishReason)...)
	dst = append(dst, `"}]`...)
	dst = w.appendNoUsage(dst)
	if w.form.Usage {
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
