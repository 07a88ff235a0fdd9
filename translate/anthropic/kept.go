package anthropic

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// A keeper gathers the content blocks of an answer in Claude's own form. Their values stay
// as they came, byte for byte: signatures cover them.
type keeper struct {
	blocks    []byte        // those that have ended, a comma behind each
	open      *contentBlock // nil: none
	streamed  [deltaKinds][]byte
	citations []byte // of the open block, a comma behind each
}

func (k *keeper) start(b *contentBlock) {
	open := *b
	open.Citations = nil
	k.open, k.streamed, k.citations = &open, [deltaKinds][]byte{}, nil
}

func (k *keeper) add(kind deltaKind, piece openai.Escaped) {
	k.streamed[kind] = append(k.streamed[kind], piece...)
}

func (k *keeper) cite(citation jsontext.Value) {
	k.citations = append(append(k.citations, citation...), ',')
}

// stop ends the open block. What is not JSON by the book cannot be sent back.
func (k *keeper) stop() {
	b := k.open
	k.open = nil
	if b == nil || !k.complete(b) {
		return
	}
	data, err := json.Marshal(b, jsontext.PreserveRawStrings(true))
	if err == nil {
		k.blocks = append(append(k.blocks, data...), ',')
	}
}

// complete adds to a block what was streamed into it; false: Claude would not take it back.
func (k *keeper) complete(b *contentBlock) bool {
	switch b.Type {
	case "text":
		b.Text = longer(b.Text, k.streamed[deltaText])
		if len(k.citations) > 0 {
			b.Citations = array(k.citations)
		}
		return !isBlankText(b.Text)
	case "thinking":
		b.Thinking = longer(b.Thinking, k.streamed[deltaThinking])
		b.Signature = longer(b.Signature, k.streamed[deltaSignature])
	case "compaction":
		b.Content = longer(b.Content, k.streamed[deltaCompaction])
	}
	return k.completeInput(b)
}

func (k *keeper) completeInput(b *contentBlock) bool {
	input := k.streamed[deltaJSON]
	switch {
	case len(input) > 0:
		b.Input, _ = jsontext.AppendUnquote(nil, longer(nil, input)) // replaces half surrogates
	case b.Input == nil && b.Type == "tool_use":
		b.Input = jsontext.Value("{}")
	}
	return b.Input == nil || b.Input.Kind() == '{'
}

// longer is a JSON string with more text at its end.
func longer(start jsontext.Value, more openai.Escaped) jsontext.Value {
	if len(more) == 0 {
		return start
	}
	value := append(jsontext.Value{'"'}, openai.Inside(start)...)
	return append(append(value, more...), '"')
}

func (k *keeper) content() jsontext.Value { return array(k.blocks) }

// array is the JSON array of elements that have a comma behind each.
func array(elements []byte) jsontext.Value {
	elements = elements[:max(0, len(elements)-1)]
	return slices.Concat(jsontext.Value{'['}, elements, jsontext.Value{']'})
}
