package proxy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/openai/openaitest"
)

// A feed is an endpoint that answers each chat with the beginning of a recorded stream.
type feed struct {
	body   string
	step   int // bytes sent at once; 0: all
	end    int // where it ends
	broken bool
}

func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/event-stream")
	for rest := f.body[:f.end]; rest != ""; {
		n := len(rest)
		if f.step > 0 {
			n = min(n, f.step)
		}
		io.WriteString(w, rest[:n])
		w.(http.Flusher).Flush()
		rest = rest[n:]
	}
	if f.broken {
		panic(http.ErrAbortHandler)
	}
}

// A hearing is what a client makes of a stream, whatever members its chunks have.
type hearing struct {
	said string // texts and calls of all choices, one after the other
	ends int    // how many choices have ended
	done bool
}

func hear(t *testing.T, body []byte) (h hearing) {
	t.Helper()
	for line := range strings.Lines(string(body)) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data:")
		switch data = strings.TrimSpace(data); {
		case !ok:
		case data == "[DONE]":
			h.done = true
		default:
			chunk := decode[struct {
				Choices []struct {
					Index int
					Delta struct {
						Content string
						Calls   json.RawMessage `json:"tool_calls"`
					}
					FinishReason string `json:"finish_reason"`
				}
			}](t, []byte(data))
			for _, c := range chunk.Choices {
				h.said += c.Delta.Content + string(c.Delta.Calls)
				if c.FinishReason != "" {
					h.ends = max(h.ends, c.Index+1)
				}
			}
		}
	}
	return h
}

// recordedStreams are those of vLLM and of services with open models, as they came.
func recordedStreams(t *testing.T) []openaitest.Recording {
	t.Helper()
	found := openaitest.Recordings(t, func(r *openaitest.Recording) bool {
		return r.API == "openai-compat-chat" && r.Response.Form == "raw" && r.Response.Status == 200 && r.Has("stream") && !r.Has("error") &&
			hear(t, []byte(r.Response.Body)).ends > 0
	})
	if len(found) < 20 {
		t.Fatalf("%d recordings, want many", len(found))
	}
	return found
}

// Real streams come through as they were, however the network cuts them into pieces, and
// none that broke looks whole.
func TestOwnRecordedStreams(t *testing.T) {
	w := newWorld(t, ownModel(tunedEndpoint, ""))
	emulator := w.upstream.Config.Handler
	var now atomic.Pointer[feed]
	w.upstream.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // the look-up
			emulator.ServeHTTP(rw, r)
			return
		}
		now.Load().ServeHTTP(rw, r)
	})
	for _, r := range recordedStreams(t) {
		t.Run(r.ID, func(t *testing.T) {
			w, body := *w, r.Response.Body
			w.t = t
			want := hear(t, []byte(body))
			extra := streamed + `,"n":` + strconv.Itoa(want.ends)
			play := func(f feed) *reply {
				f.body = body
				now.Store(&f)
				return w.chat(own, extra)
			}
			whole := play(feed{end: len(body)})
			if got := hear(t, whole.body); got.said != want.said || got.ends != want.ends || !got.done || whole.status != 200 {
				t.Errorf("heard %+v, want %+v", got, want)
			}
			if bytewise := play(feed{end: len(body), step: 1}); !bytes.Equal(bytewise.body, whole.body) {
				t.Errorf("byte by byte (-whole +pieces):\n%s", cmp.Diff(string(whole.body), string(bytewise.body)))
			}
			const cuts = 50
			for i := range cuts {
				end := i * len(body) / cuts
				part := play(feed{end: end, broken: i%2 == 1})
				got := hear(t, part.body)
				isWhole := got.said == want.said && got.ends == want.ends
				if !strings.HasPrefix(want.said, got.said) || got.done && !isWhole || got.done == strings.Contains(string(part.body), `"error":`) {
					t.Errorf("cut at %d of %d: %s", end, len(body), part.body)
				}
			}
		})
	}
}
