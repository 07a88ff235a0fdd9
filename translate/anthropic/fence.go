package anthropic

import (
	"bytes"

	"vertexgateway/translate/openai"
)

// A fence takes one code fence off the beginning and the end of a text that comes in
// pieces. The zero value takes off nothing.
type fence struct {
	state fenceState
	held  []byte // may still be a fence
}

type fenceState uint8

const (
	fenceNone fenceState = iota
	fenceBefore
	fenceInside
)

// maxFence bounds what is held back, in bytes of escaped text.
const maxFence = 64

// begin waits for a fence; inside: as if it had come already.
func (f *fence) begin(inside bool) {
	f.state = fenceBefore
	if inside {
		f.state = fenceInside
	}
}

// take gives what of the text so far is certain to be no fence.
func (f *fence) take(piece openai.Escaped) openai.Escaped {
	if f.state == fenceNone {
		return piece
	}
	out := make(openai.Escaped, 0, len(f.held)+len(piece))
	for len(piece) > 0 {
		n := unitLength(piece)
		f.held = append(f.held, piece[:n]...)
		piece = piece[n:]
		out = f.sift(out)
	}
	return out
}

// sift moves what is certain to be text.
func (f *fence) sift(out openai.Escaped) openai.Escaped {
	if f.state == fenceBefore {
		whole, possible := opening(f.held)
		switch {
		case whole:
			f.state, f.held = fenceInside, f.held[:0]
			return out
		case possible:
			return out
		}
		f.state = fenceNone
	}
	keep := f.held
	for len(keep) > 0 && !(f.state == fenceInside && mayClose(keep)) {
		keep = keep[unitLength(keep):]
	}
	out = append(out, f.held[:len(f.held)-len(keep)]...)
	f.held = append(f.held[:0], keep...)
	return out
}

// rest gives what was held back, at the end of the text, unless it is a fence.
func (f *fence) rest() openai.Escaped {
	held := f.held
	f.held = nil
	if f.state == fenceInside && bytes.Contains(held, ticks) {
		return nil
	}
	return held
}

var (
	ticks    = []byte("```")
	language = []byte("json")
)

// opening tells whether text is a fence that opens, and whether it may become one.
func opening(text []byte) (whole, possible bool) {
	possible = len(text) <= maxFence
	rest, fenced := cutStart(trimBlanks(text), ticks)
	if !fenced {
		return false, possible && len(rest) == 0
	}
	rest, named := cutStart(rest, language)
	if !named && len(rest) == 0 {
		return false, possible
	}
	rest, _ = bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte(`\r`))
	return bytes.Equal(rest, []byte(`\n`)), possible && len(rest) == 0
}

// cutStart cuts off a start: whole, or as much of it as there is, which leaves nothing.
func cutStart(text, start []byte) (rest []byte, whole bool) {
	if len(text) < len(start) && bytes.HasPrefix(start, text) {
		return nil, false
	}
	return bytes.CutPrefix(text, start)
}

// mayClose tells whether text is the beginning of a fence that closes.
func mayClose(text []byte) bool {
	rest, whole := cutStart(trimBlanks(text), ticks)
	if whole {
		rest = trimBlanks(rest)
	}
	return len(rest) == 0 && len(text) <= maxFence
}

// trimBlanks cuts blanks and line ends off the beginning of escaped text.
func trimBlanks(text []byte) []byte {
	for len(text) > 0 {
		n := unitLength(text)
		switch string(text[:n]) {
		case " ", `\n`, `\r`, `\t`:
			text = text[n:]
		default:
			return text
		}
	}
	return text
}
