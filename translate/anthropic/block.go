package anthropic

import (
	"bytes"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

type blockKind uint8

const (
	text blockKind = iota
	image
	toolUse
	toolResult
	thinkingBlock
	redactedBlock
)

// A block is one content block in Claude's form. Which fields count depends on the kind.
type block struct {
	kind      blockKind
	value     jsontext.Value // text, thinking, redacted: a JSON string; tool use: an object
	signature jsontext.Value // thinking: a JSON string
	id        string         // tool use and result
	name      string         // tool use
	mediaType string         // image
	data      string         // image, base64
	content   []block        // tool result: text and images
	missing   bool           // tool result: the conversation never gave one
}

func textBlock(s string) block {
	return block{kind: text, value: openai.AppendString(nil, s)}
}

// isEmpty tells whether a block is a text Claude would refuse: nothing but blanks.
func (b *block) isEmpty() bool {
	return b.kind == text && isBlankText(b.value)
}

// isBlankText looks into a JSON string and decodes it only where it must.
func isBlankText(value jsontext.Value) bool {
	if len(value) < 2 {
		return true
	}
	for _, c := range value[1 : len(value)-1] {
		switch {
		case c == ' ':
		case c == '\\' || c >= 0x80:
			s, err := jsontext.AppendUnquote(nil, value)
			return err == nil && isBlank(string(s))
		default:
			return false
		}
	}
	return true
}

// size is about what the block takes on the wire.
func (b *block) size() int {
	n := len(b.value) + len(b.signature) + len(b.id) + len(b.name) + len(b.data)
	for i := range b.content {
		n += b.content[i].size() + 48
	}
	return n
}

func appendBlocks(dst []byte, blocks []block) []byte {
	dst = append(dst, '[')
	for i := range blocks {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = blocks[i].append(dst)
	}
	return append(dst, ']')
}

func (b *block) append(dst []byte) []byte {
	switch b.kind {
	case text:
		dst = append(dst, `{"type":"text","text":`...)
		dst = append(dst, b.value...)
	case image:
		dst = append(dst, `{"type":"image","source":{"type":"base64","media_type":"`...)
		dst = append(append(dst, b.mediaType...), `","data":"`...)
		dst = append(append(dst, b.data...), `"}`...)
	case toolUse:
		dst = append(dst, `{"type":"tool_use","id":`...)
		dst = openai.AppendString(dst, b.id)
		dst = append(dst, `,"name":`...)
		dst = openai.AppendString(dst, b.name)
		dst = append(dst, `,"input":`...)
		dst = append(dst, b.value...)
	case toolResult:
		return b.appendResult(dst)
	case thinkingBlock:
		dst = append(dst, `{"type":"thinking","thinking":`...)
		dst = append(dst, b.value...)
		dst = append(dst, `,"signature":`...)
		dst = append(dst, b.signature...)
	case redactedBlock:
		dst = append(dst, `{"type":"redacted_thinking","data":`...)
		dst = append(dst, b.value...)
	}
	return append(dst, '}')
}

func (b *block) appendResult(dst []byte) []byte {
	dst = append(dst, `{"type":"tool_result","tool_use_id":`...)
	dst = openai.AppendString(dst, b.id)
	switch {
	case b.missing:
		dst = append(dst, `,"content":"Tool result missing.","is_error":true`...)
	case len(b.content) == 1 && b.content[0].kind == text:
		dst = append(dst, `,"content":`...)
		dst = append(dst, b.content[0].value...)
	case len(b.content) > 0:
		dst = append(dst, `,"content":`...)
		dst = appendBlocks(dst, b.content)
	}
	return append(dst, '}')
}

// trimRight takes the blanks off the end of a text block.
func (b *block) trimRight() {
	plain, err := jsontext.AppendUnquote(nil, b.value)
	if err != nil {
		return
	}
	if trimmed := bytes.TrimRightFunc(plain, unicode.IsSpace); len(trimmed) < len(plain) {
		b.value = openai.AppendString(nil, string(trimmed))
	}
}
