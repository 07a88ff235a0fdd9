package sse_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/sse"
)

type event struct{ Name, Data string }

// read returns the events of a stream and the error it ended with.
func read(src io.Reader, limit int) ([]event, error) {
	var events []event
	r := sse.NewReader(src, limit)
	for {
		err := r.Fill()
		for ev, ok := r.Next(); ok; ev, ok = r.Next() {
			events = append(events, event{string(ev.Name), string(ev.Data)})
		}
		if err != nil {
			return events, err
		}
	}
}

func TestFraming(t *testing.T) {
	tests := []struct {
		name, stream string
		want         []event
	}{
		{"name and data", "event: ping\ndata: {}\n\n", []event{{"ping", "{}"}}},
		{"no blank after the colon", "event:a\ndata:1\n\n", []event{{"a", "1"}}},
		{"only the first blank is framing", "data:  1\n\n", []event{{"", " 1"}}},
		{"the name is forgotten", "event: a\ndata: 1\n\ndata: 2\n\n", []event{{"a", "1"}, {"", "2"}}},
		{"several data lines", "data: 1\ndata: 2\ndata\n\n", []event{{"", "1\n2\n"}}},
		{"comments", ": hello\n\n: x\ndata: 1\n: y\n\n", []event{{"", "1"}}},
		{"no data, no event", "event: a\n\n\n\ndata: 1\n\n", []event{{"", "1"}}},
		{"empty data", "data\n\n", []event{{"", ""}}},
		{"unknown fields", "id: 7\nretry: 10\nfoo\ndata: 1\n\n", []event{{"", "1"}}},
		{"CRLF", "event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", []event{{"a", "1"}, {"", "2"}}},
		{"CR", "event: a\rdata: 1\r\rdata: 2\r\r", []event{{"a", "1"}, {"", "2"}}},
		{"mixed ends", "data: 1\r\n\ndata: 2\n\rdata: 3\r\r\n", []event{{"", "1"}, {"", "2"}, {"", "3"}}},
		{"byte order mark", "\ufeffdata: 1\n\n", []event{{"", "1"}}},
		{"byte order mark only at the start", "data: 1\n\n\ufeffdata: 2\n\n", []event{{"", "1"}}},
		{"ended in a data line", "data: 1\n\ndata: 2", []event{{"", "1"}, {"", "2"}}},
		{"ended behind a data line", "data: 1\n\ndata: 2\r\n", []event{{"", "1"}, {"", "2"}}},
		{"ended in a name", "data: 1\n\nevent: 2", []event{{"", "1"}}},
		{"empty", "", nil},
		{"long", "data: " + strings.Repeat("x", 100_000) + "\n\ndata: 2\n\n", []event{{"", strings.Repeat("x", 100_000)}, {"", "2"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for how, src := range map[string]io.Reader{
				"whole":           strings.NewReader(tt.stream),
				"byte by byte":    iotest.OneByteReader(strings.NewReader(tt.stream)),
				"error with data": iotest.DataErrReader(strings.NewReader(tt.stream)),
				"halves":          iotest.HalfReader(strings.NewReader(tt.stream)),
			} {
				got, err := read(src, 1<<20)
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: error %v, want EOF", how, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: events (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

func TestTooLong(t *testing.T) {
	events, err := read(strings.NewReader("data: 1\n\ndata: "+strings.Repeat("x", 10_000)), 4096)
	if !errors.Is(err, sse.ErrTooLong) {
		t.Errorf("error %v, want %v", err, sse.ErrTooLong)
	}
	if len(events) != 1 {
		t.Errorf("%d events before the long one, want 1", len(events))
	}
}

// FuzzChunking: how a stream was cut into reads never shows in its events.
func FuzzChunking(f *testing.F) {
	f.Add("event: a\r\ndata: 1\r\n\r\n", 3)
	f.Add("\ufeff: c\rdata\r\r\ndata:2\n\n", 1)
	f.Fuzz(func(t *testing.T, stream string, size int) {
		whole, _ := read(strings.NewReader(stream), 1<<20)
		cut, _ := read(&chunks{stream, 1 + abs(size)%7}, 1<<20)
		if diff := cmp.Diff(whole, cut); diff != "" {
			t.Errorf("whole and cut differ:\n%s", diff)
		}
	})
}

type chunks struct {
	rest string
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.rest == "" {
		return 0, io.EOF
	}
	n := copy(p, c.rest[:min(c.size, len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}

func abs(n int) int {
	return max(n, -(n + 1))
}

// BenchmarkNext: 0 allocations per event.
func BenchmarkNext(b *testing.B) {
	one := "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello there\"}      }\n\n"
	const events = 1000
	stream := strings.Repeat(one, events)
	b.ReportAllocs()
	for b.Loop() {
		r := sse.NewReader(strings.NewReader(stream), 1<<20)
		n := 0
		for {
			err := r.Fill()
			for _, ok := r.Next(); ok; _, ok = r.Next() {
				n++
			}
			if err != nil {
				break
			}
		}
		if n != events {
			b.Fatalf("%d events", n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
}
