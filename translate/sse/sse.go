// Package sse cuts a byte stream into server-sent events. It knows the framing
// (https://html.spec.whatwg.org/multipage/server-sent-events.html) and nothing of
// what the events mean.
package sse

import (
	"bytes"
	"errors"
	"io"
)

// ErrTooLong is returned by [Reader.Fill] when one event is larger than the limit.
var ErrTooLong = errors.New("sse: event too long")

// An Event is one dispatched event. Its slices are valid until the next call of
// [Reader.Fill].
type Event struct {
	Name []byte // of the event field; empty when there was none
	Data []byte // of the data fields, joined by newlines
}

const (
	smallBuffer = 2 << 10 // an open stream mostly waits, so its buffer starts small
	largeBuffer = 4 << 10 // what a stream that fills its buffer at a read grows to: more a connection seldom gives
)

// A Reader reads events from a stream. Reading and cutting are separate calls, so that
// a caller can answer all events of one read with one write:
//
//	for {
//		err := r.Fill()
//		for ev, ok := r.Next(); ok; ev, ok = r.Next() { ... }
//		if err != nil { break }
//	}
//
// The end of the stream ends an event too, as it does for the SDKs of OpenAI and
// Anthropic; whether such an event is whole its data must tell.
type Reader struct {
	src io.Reader
	max int

	buf   []byte // buf[:end] holds what was read and not dispatched yet
	end   int
	begin int // of the event being cut
	pos   int // of its next line
	scan  int // no line end between pos and here

	name, data span
	joined     []byte // data of an event with several data lines
	lines      int    // data lines of the event so far
	hasCR      bool   // the stream ends lines with CR, or has one somewhere
	skipLF     bool   // the last line ended in CR: a LF that follows belongs to it
	started    bool   // the byte order mark, if any, is behind us
	ended      bool   // nothing follows
}

type span struct{ from, to int }

// back moves a span with the bytes it marks; one left from an earlier event becomes empty.
func (s span) back(by int) span {
	if s.from < by {
		return span{}
	}
	return span{s.from - by, s.to - by}
}

// NewReader reads from src events of at most limit bytes.
func NewReader(src io.Reader, limit int) *Reader {
	return &Reader{src: src, max: limit, buf: make([]byte, smallBuffer)}
}

// Fill reads once from the stream. Like [io.Reader.Read] it may return data and an
// error together; Next gives the events of the data first. At the end it returns
// [io.EOF].
func (r *Reader) Fill() error {
	if err := r.makeRoom(); err != nil {
		return err
	}
	free := len(r.buf) - r.end
	n, err := r.src.Read(r.buf[r.end:])
	r.hasCR = r.hasCR || bytes.IndexByte(r.buf[r.end:r.end+n], '\r') >= 0
	r.end += n
	if n == free && len(r.buf) < min(largeBuffer, r.max) {
		r.grow()
	}
	if !r.started {
		r.skipByteOrderMark(err != nil)
	}
	r.ended = err == io.EOF
	return err
}

// makeRoom drops dispatched bytes and grows the buffer when one event fills it.
func (r *Reader) makeRoom() error {
	if r.begin > 0 {
		copy(r.buf, r.buf[r.begin:r.end])
		r.shift(r.begin)
	}
	if r.end < len(r.buf) {
		return nil
	}
	if len(r.buf) >= r.max {
		return ErrTooLong
	}
	r.grow()
	return nil
}

func (r *Reader) shift(by int) {
	r.end -= by
	r.begin -= by
	r.pos -= by
	r.scan -= by
	r.name = r.name.back(by)
	r.data = r.data.back(by)
}

func (r *Reader) grow() {
	bigger := make([]byte, 2*len(r.buf))
	copy(bigger, r.buf[:r.end])
	r.buf = bigger
}

func (r *Reader) skipByteOrderMark(last bool) {
	const mark = "\xef\xbb\xbf"
	if r.end < len(mark) && !last && bytes.HasPrefix([]byte(mark), r.buf[:r.end]) {
		return
	}
	r.started = true
	if bytes.HasPrefix(r.buf[:r.end], []byte(mark)) {
		r.begin, r.pos, r.scan = len(mark), len(mark), len(mark)
	}
}

// Next returns the next event among the bytes read so far.
func (r *Reader) Next() (Event, bool) {
	if !r.started {
		return Event{}, false
	}
	for {
		line, ok := r.line()
		if !ok && !(r.ended && r.lines > 0) {
			return Event{}, false
		}
		if line.from < line.to {
			r.field(line)
			continue
		}
		ev, dispatch := r.event(), r.lines > 0
		r.begin, r.lines, r.name = r.pos, 0, span{}
		if dispatch {
			return ev, true
		}
	}
}

// event is valid only until the reader is filled again: r.begin moves past it.
func (r *Reader) event() Event {
	ev := Event{Name: r.buf[r.name.from:r.name.to], Data: r.buf[r.data.from:r.data.to]}
	if r.lines > 1 {
		ev.Data = r.joined
	}
	return ev
}

// line returns the next whole line, without its end.
func (r *Reader) line() (span, bool) {
	if r.skipLF && r.pos < r.end {
		r.skipLF = false
		if r.buf[r.pos] == '\n' {
			r.pos++
			r.scan = r.pos
			if r.lines == 0 && r.begin == r.pos-1 {
				r.begin = r.pos
			}
		}
	}
	rest := r.buf[r.scan:r.end]
	lf := bytes.IndexByte(rest, '\n')
	if lf >= 0 {
		rest = rest[:lf]
	}
	if r.hasCR {
		if cr := bytes.IndexByte(rest, '\r'); cr >= 0 {
			r.skipLF = true
			return r.cut(r.scan + cr), true
		}
	}
	if lf < 0 {
		r.scan = r.end
		line := span{r.pos, r.end}
		if r.ended {
			r.pos = r.end
		}
		return line, r.ended && line.from < line.to
	}
	return r.cut(r.scan + lf), true
}

// cut ends the line at a byte that ends lines.
func (r *Reader) cut(at int) span {
	line := span{r.pos, at}
	r.pos = at + 1
	r.scan = r.pos
	return line
}

// field takes one line of the event being cut.
func (r *Reader) field(line span) {
	text := r.buf[line.from:line.to]
	if bytes.HasPrefix(text, usual) {
		r.addData(span{line.from + len(usual), line.to})
		return
	}
	colon := bytes.IndexByte(text, ':')
	if colon == 0 {
		return // a comment
	}
	value := span{line.to, line.to}
	if colon > 0 {
		text = text[:colon]
		value.from = line.from + colon + 1
		if value.from < value.to && r.buf[value.from] == ' ' {
			value.from++
		}
	}
	switch string(text) {
	case "data":
		r.addData(value)
	case "event":
		r.name = value
	}
}

// usual is how the lines that matter begin.
var usual = []byte("data: ")

func (r *Reader) addData(value span) {
	r.lines++
	switch r.lines {
	case 1:
		r.data = value
		return
	case 2:
		r.joined = append(r.joined[:0], r.buf[r.data.from:r.data.to]...)
	}
	r.joined = append(r.joined, '\n')
	r.joined = append(r.joined, r.buf[value.from:value.to]...)
}
