package anthropic

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"vertexgateway/translate/openai"
)

type deltaKind uint8

const (
	deltaText deltaKind = iota
	deltaJSON
	deltaThinking
	deltaSignature
	deltaCompaction
	deltaKinds // how many there are
)

// deltaForms are the deltas worth a short cut: those that come by the thousand.
var deltaForms = [...]struct {
	kind    deltaKind
	opening []byte
}{
	{deltaText, []byte(`{"type":"text_delta","text":"`)},
	{deltaJSON, []byte(`{"type":"input_json_delta","partial_json":"`)},
	{deltaThinking, []byte(`{"type":"thinking_delta","thinking":"`)},
	{deltaSignature, []byte(`{"type":"signature_delta","signature":"`)},
}

var (
	deltaHead = []byte(`{"type":"content_block_delta","index":`)
	deltaMid  = []byte(`,"delta":`)

	blockStop   = []byte(`{"type":"content_block_stop","index":`)
	messageStop = []byte(`{"type":"message_stop"`)
)

// isBare tells whether an event holds nothing but this beginning, an index and padding.
func isBare(data, opening []byte) bool {
	rest, ok := bytes.CutPrefix(data, opening)
	return ok && len(bytes.Trim(rest, "0123456789 ")) == 1 && data[len(data)-1] == '}'
}

// cutDelta cuts the text out of a content_block_delta event without decoding it. It
// knows only the exact form that Vertex writes; whatever differs by a byte is false here
// and goes through the JSON decoder, with the same outcome.
func cutDelta(data []byte) (kind deltaKind, index int, piece openai.Escaped, ok bool) {
	rest, ok := bytes.CutPrefix(data, deltaHead)
	if !ok {
		return 0, 0, nil, false
	}
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	index, err := strconv.Atoi(string(rest[:digits]))
	if err != nil || digits > 1 && rest[0] == '0' {
		return 0, 0, nil, false
	}
	rest, ok = bytes.CutPrefix(rest[digits:], deltaMid)
	if !ok {
		return 0, 0, nil, false
	}
	for i := range deltaForms {
		if piece, ok := bytes.CutPrefix(rest, deltaForms[i].opening); ok {
			n := stringLength(piece)
			if n < 0 || !isDeltaEnd(piece[n+1:]) {
				return 0, 0, nil, false
			}
			return deltaForms[i].kind, index, openai.Escaped(piece[:n]), true
		}
	}
	return 0, 0, nil, false
}

// stringLength is the length of the valid JSON string text before its closing quote; -1
// if there is none.
func stringLength(s []byte) int {
	ascii := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if !ascii && !utf8.Valid(s[:i]) {
				return -1
			}
			return i
		case c == '\\':
			n := escapeLength(s[i+1:])
			if n == 0 {
				return -1
			}
			i += n
		case c < ' ':
			return -1
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return -1
}

// escapeLength is the length of the escape behind a backslash; 0 if it is none.
func escapeLength(s []byte) int {
	if len(s) == 0 {
		return 0
	}
	switch s[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		if len(s) < 5 {
			return 0
		}
		for _, c := range s[1:5] {
			if !isHex(c) {
				return 0
			}
		}
		return 5
	}
	return 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// unitLength is the length of the first byte or escape of text that is not empty.
func unitLength(text openai.Escaped) int {
	switch {
	case text[0] != '\\':
		return 1
	case text[1] == 'u':
		return len(`\u0000`)
	}
	return len(`\n`)
}

// isDeltaEnd tells whether nothing but the two closing braces and padding is left.
func isDeltaEnd(s []byte) bool {
	braces := 0
	for _, c := range s {
		switch c {
		case '}':
			braces++
		case ' ':
		default:
			return false
		}
	}
	return braces == 2
}
