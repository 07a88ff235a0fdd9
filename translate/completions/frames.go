package completions

import (
	"bytes"
	"errors"
	"io"

	"vertexgateway/translate/sse"
)

// Frames reads a stream of JSON texts that each end in a zero byte, as some containers
// answer (vertex.md 8.3). It is used as an [sse.Reader] is, and like there the end of the
// stream ends a text too: whether it is whole, it must tell itself.
type Frames struct {
	src   io.Reader
	max   int
	buf   []byte // what was read and not given out yet begins at begin
	begin int
	scan  int // no zero byte between begin and here
	ended bool
}

// smallBuffer is what is read at once.
const smallBuffer = 4 << 10

// NewFrames reads from src texts of at most limit bytes.
func NewFrames(src io.Reader, limit int) *Frames {
	return &Frames{src: src, max: limit}
}

// Fill reads once from the stream. It may return data and an error together; Next gives
// the texts of the data first. At the end it returns [io.EOF].
func (f *Frames) Fill() error {
	f.buf = f.buf[:copy(f.buf, f.buf[f.begin:])]
	f.scan -= f.begin
	f.begin = 0
	if len(f.buf) >= f.max {
		return sse.ErrTooLong
	}
	if cap(f.buf)-len(f.buf) < smallBuffer {
		f.buf = append(make([]byte, 0, 2*cap(f.buf)+smallBuffer), f.buf...)
	}
	free := f.buf[len(f.buf):cap(f.buf)]
	n, err := f.src.Read(free[:min(len(free), f.max-len(f.buf))])
	f.buf = f.buf[:len(f.buf)+n]
	f.ended = errors.Is(err, io.EOF)
	return err
}

// Next returns the next text among the bytes read so far, valid until the next call of
// Fill.
func (f *Frames) Next() (sse.Event, bool) {
	for f.begin < len(f.buf) {
		end := bytes.IndexByte(f.buf[f.scan:], 0)
		if end < 0 {
			f.scan = len(f.buf)
			if !f.ended {
				return sse.Event{}, false
			}
			end = 0
		}
		text := bytes.TrimSpace(f.buf[f.begin : f.scan+end])
		f.begin = min(f.scan+end+1, len(f.buf))
		f.scan = f.begin
		if len(text) > 0 {
			return sse.Event{Data: text}, true
		}
	}
	return sse.Event{}, false
}
