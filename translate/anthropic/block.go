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
	document
	toolUse
	toolResult
	thinkingBlock
	redactedBlock
	raw // of any type, as Claude wrote it
)

// A block is one content block in Claude's form. Which fields count depends on the kind.
type block struct {
	kind      blockKind
	value     jsontext.Value // text, thinking, redacted, text document: a JSON string; tool use: an object; raw: the block
	signature jsontext.Value // thinking: a JSON string
	index     int            // thinking: its place in Claude's answer, as far as it is known
	id        string         // tool use and result
	name      string         // tool use
	mediaType string         // image and PDF
	data      string         // image and PDF, base64
	side      int            // image: the longer one in pixels, as far as it is known
	title     string         // document
	content   []block        // tool result: text, images and documents
	missing   bool           // tool result: the conversation never gave one
	isError   bool           // tool result
	thought   bool           // raw: it is thinking
	mark      mark
}

// isThought tells a block of thinking.
func (b *block) isThought() bool {
	return b.kind == thinkingBlock || b.kind == redactedBlock || b.thought
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
	n := len(b.value) + len(b.signature) + len(b.id) + len(b.name) + len(b.data) + len(b.title)
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
		dst = append(append(dst, `{"type":"text","text":`...), b.value...)
	case image:
		dst = append(dst, `{"type":"image","source":`...)
		dst = b.appendData(dst)
	case document:
		dst = b.appendDocument(dst)
	case toolUse:
		dst = append(dst, `{"type":"tool_use","id":`...)
		dst = openai.AppendString(dst, b.id)
		dst = append(dst, `,"name":`...)
		dst = openai.AppendString(dst, b.name)
		dst = append(append(dst, `,"input":`...), b.value...)
	case toolResult:
		dst = b.appendResult(dst)
	case thinkingBlock:
		dst = append(append(dst, `{"type":"thinking","thinking":`...), b.value...)
		dst = append(append(dst, `,"signature":`...), b.signature...)
	case redactedBlock:
		dst = append(append(dst, `{"type":"redacted_thinking","data":`...), b.value...)
	case raw:
		dst = append(dst, b.value[:len(b.value)-1]...)
	}
	return append(b.mark.append(dst), '}')
}

// appendData writes a source with base64.
func (b *block) appendData(dst []byte) []byte {
	dst = append(dst, `{"type":"base64","media_type":"`...)
	dst = append(append(dst, b.mediaType...), `","data":"`...)
	return append(append(dst, b.data...), `"}`...)
}

func (b *block) appendDocument(dst []byte) []byte {
	dst = append(dst, `{"type":"document","source":`...)
	if b.data != "" {
		dst = b.appendData(dst)
	} else {
		dst = append(dst, `{"type":"text","media_type":"text/plain","data":`...)
		dst = append(append(dst, b.value...), '}')
	}
	if b.title != "" {
		dst = openai.AppendString(append(dst, `,"title":`...), b.title)
	}
	return dst
}

func (b *block) appendResult(dst []byte) []byte {
	dst = append(dst, `{"type":"tool_result","tool_use_id":`...)
	dst = openai.AppendString(dst, b.id)
	switch {
	case b.missing:
		return append(dst, `,"content":"Tool result missing.","is_error":true`...)
	case len(b.content) == 1 && b.content[0].kind == text && b.content[0].mark == unmarked:
		dst = append(append(dst, `,"content":`...), b.content[0].value...)
	case len(b.content) > 0:
		dst = appendBlocks(append(dst, `,"content":`...), b.content)
	case b.isError: // Claude wants to hear of a failure
		dst = append(append(dst, `,"content":`...), noContent...)
	}
	if b.isError {
		dst = append(dst, `,"is_error":true`...)
	}
	return dst
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
