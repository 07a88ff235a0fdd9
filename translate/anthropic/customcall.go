package anthropic

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// A customText finds the text with which a custom tool is called: the member "input" of
// the JSON object that is the call's input to Claude. The JSON comes in pieces, cut
// anywhere. The zero value is ready.
type customText struct {
	object []byte // what came of the object, up to the text

	depth   int  // of objects and arrays
	quoted  bool // in a string
	escaped bool // behind a backslash
	value   bool // behind a colon of the outermost object
	key     int  // where the last member's name begins in object
	found   bool

	text stringText
}

// add takes a piece of the object, escaped once more as a part of an event, and gives the
// text that came with it.
func (c *customText) add(piece openai.Escaped) openai.Escaped {
	plain := unescape(piece)
	if !c.found {
		plain = c.search(plain)
	}
	return c.text.add(plain)
}

// rest gives the text that is left, at the end of the object. Some models wrap the text
// otherwise: if the object's only member is a string, it is that; what is no string is
// given as the JSON it is.
func (c *customText) rest() openai.Escaped {
	if c.found {
		return c.text.rest()
	}
	var members map[string]jsontext.Value
	if json.Unmarshal(c.object, &members, translate.Lenient) != nil {
		return quote(c.object)
	}
	value, ok := members["input"]
	if only, single := single(members); !ok && single && only.Kind() == '"' {
		value, ok = only, true
	}
	switch {
	case len(members) == 0, value.Kind() == 'n':
		return nil
	case !ok:
		return quote(c.object)
	case value.Kind() != '"':
		return quote(value)
	}
	return c.text.add(value[1:])
}

// single gives the one member there is.
func single(members map[string]jsontext.Value) (value jsontext.Value, ok bool) {
	for _, value = range members {
		ok = len(members) == 1
	}
	return value, ok
}

func quote(text []byte) openai.Escaped {
	return openai.Inside(openai.AppendString(nil, string(text)))
}

// search looks for the text, and gives what comes behind the quote it begins with.
func (c *customText) search(plain []byte) []byte {
	for i, b := range plain {
		c.object = append(c.object, b)
		if c.quoted {
			c.inString(b)
			continue
		}
		c.betweenStrings(b)
		if c.found {
			return plain[i+1:]
		}
	}
	return nil
}

func (c *customText) inString(b byte) {
	switch {
	case c.escaped:
		c.escaped = false
	case b == '\\':
		c.escaped = true
	case b == '"':
		c.quoted = false
	}
}

func (c *customText) betweenStrings(b byte) {
	switch b {
	case '{', '[':
		c.depth++
	case '}', ']':
		c.depth--
	case ':', ',':
		if c.depth == 1 {
			c.value = b == ':'
		}
	case '"':
		if c.depth == 1 && c.value && bytes.HasPrefix(c.object[c.key:], []byte(`"input"`)) {
			c.found = true
			return
		}
		c.quoted = true
		if c.depth == 1 && !c.value {
			c.key = len(c.object) - 1
		}
	}
}

// unescape decodes text once, but for escapes above ASCII: they stand in a string of the
// JSON that the text is, where they mean the same.
func unescape(text openai.Escaped) []byte {
	plain := make([]byte, 0, len(text))
	for len(text) > 0 {
		n := unitLength(text)
		unit := text[:n]
		text = text[n:]
		switch {
		case n == 1:
			plain = append(plain, unit[0])
		case n == len(`\n`):
			plain = append(plain, escapes[unit[1]])
		case hexRune(unit) < 0x80:
			plain = append(plain, byte(hexRune(unit)))
		default:
			plain = append(plain, unit...)
		}
	}
	return plain
}

// escapes are the short escapes of JSON strings.
var escapes = [...]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// A stringText is the inside of a JSON string that comes in pieces, cut anywhere. Each
// piece it gives is valid text by itself.
type stringText struct {
	pending []byte // an escape, or a pair of them, that has not come whole
	ended   bool
}

// add takes a piece; what comes behind the closing quote is ignored.
func (t *stringText) add(piece []byte) openai.Escaped {
	if t.ended || len(piece) == 0 {
		return nil
	}
	left := slices.Concat(t.pending, piece)
	t.pending = nil
	out := make(openai.Escaped, 0, len(left))
	for len(left) > 0 {
		if left[0] == '"' {
			t.ended = true
			break
		}
		var n int
		if out, n = appendUnit(out, left); n == 0 {
			t.pending = left
			break
		}
		left = left[n:]
	}
	return out
}

// rest gives what is left of a string that was cut off.
func (t *stringText) rest() openai.Escaped {
	if !t.ended && len(t.pending) >= len(loneSurrogate) {
		return openai.Escaped(loneSurrogate)
	}
	return nil
}

// loneSurrogate stands for half a pair, which is no character.
const loneSurrogate = `\ufffd`

// appendUnit appends the first character of a string's inside, so that it is valid, and
// tells how many bytes it took; 0: it has not come whole.
func appendUnit(out openai.Escaped, s []byte) (openai.Escaped, int) {
	if s[0] < ' ' { // a model's mistake
		return append(out, quote(s[:1])...), 1
	}
	if s[0] != '\\' {
		return append(out, s[0]), 1
	}
	n := escapeAt(s)
	switch {
	case n < 0:
		return out, 0
	case n == 0: // a model's mistake
		return append(out, `\\`...), 1
	case n == len(`\n`) || !isHigh(hexRune(s)) && !isLow(hexRune(s)):
		return append(out, s[:n]...), n
	}
	return appendSurrogates(out, s)
}

// appendSurrogates does appendUnit's work for a character that begins with a surrogate.
func appendSurrogates(out openai.Escaped, s []byte) (openai.Escaped, int) {
	const half = len(loneSurrogate)
	next := s[half:]
	if isLow(hexRune(s)) || len(next) > 0 && next[0] != '\\' {
		return append(out, loneSurrogate...), half
	}
	switch n := escapeAt(next); {
	case n < 0:
		return out, 0
	case n == half && isLow(hexRune(next)):
		return append(out, s[:2*half]...), 2 * half
	}
	return append(out, loneSurrogate...), half
}

// escapeAt is the length of the escape that text begins with, or is the beginning of; 0:
// it is no escape, -1: it has not come whole.
func escapeAt(s []byte) int {
	if len(s) < 2 {
		return -1
	}
	if n := escapeLength(s[1:]); n > 0 {
		return 1 + n
	}
	if s[1] != 'u' || len(s) >= len(`\u0000`) || bytes.ContainsFunc(s[2:], func(r rune) bool { return r >= 0x80 || !isHex(byte(r)) }) {
		return 0
	}
	return -1
}
