package fakevertex

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A discarder is a client that reads everything.
type discarder struct {
	header http.Header
	bytes  int
}

func (d *discarder) Header() http.Header         { return d.header }
func (d *discarder) WriteHeader(int)             {}
func (d *discarder) Write(b []byte) (int, error) { d.bytes += len(b); return len(b), nil }
func (d *discarder) Flush()                      {}

const streamBody = `{"anthropic_version":"vertex-2023-10-16","max_tokens":1000,"stream":true,"messages":[{"role":"user","content":"Hello"}]}`

func discard(s *Server) int {
	r := httptest.NewRequest("POST", pathOf("global", haiku45, "streamRawPredict"), strings.NewReader(streamBody))
	r.Header.Set("Authorization", "Bearer token")
	d := &discarder{header: http.Header{}}
	s.ServeHTTP(d, r)
	return d.bytes
}

// TestManyPacedStreams: many streams at a time need little memory each.
func TestManyPacedStreams(t *testing.T) {
	const streams, most = 500, 24 << 10
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Scenarios: []Scenario{{Events: 50, Pace: 20 * time.Millisecond}}})
		before := heap()
		sizes := make(chan int, streams)
		for range streams {
			go func() { sizes <- discard(s) }()
		}
		time.Sleep(500 * time.Millisecond) // of the bubble: nobody waits
		each := (heap() - before) / streams
		t.Logf("%d bytes for each stream", each)
		if each > most {
			t.Errorf("%d bytes for each stream", each)
		}
		for range streams {
			if n := <-sizes; n < 50*100 {
				t.Fatalf("a stream of %d bytes", n)
			}
		}
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func BenchmarkStream(b *testing.B) {
	for _, events := range []int{1, 500} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			s := New(Options{Scenarios: []Scenario{{Events: events}}})
			b.ReportAllocs()
			for b.Loop() {
				discard(s)
			}
		})
	}
}

func FuzzBody(f *testing.F) {
	f.Add(streamBody)
	f.Add(`{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}],"tools":[{"name":"a","input_schema":{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}}]}`)
	f.Add(`{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}},{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}]}],"tools":[{"type":"web_search_20250305","name":"web_search"}]}`)
	f.Add(`{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/webp","data":"UklGRh4AAABXRUJQVlA4TAoAAAAvAAAAAAAAAAAA"}}]}],"output_config":{"format":{"type":"json_schema","schema":{"anyOf":[{"$ref":"#/$defs/a"},{"type":"string","pattern":"(a|b)+"}],"$defs":{"a":{"const":1}}}}}}`)
	f.Add(`{"model":"mistral-medium-3","n":2,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}],"tools":[{"function":{"name":"a","parameters":{}}}],"tool_choice":{"function":{"name":"a"}}}`)
	f.Add(`{"model":"codestral-2","stream":true,"prompt":"a","suffix":"b","stop":["c"]}`)
	f.Add(`{"model":"mistral-ocr-2505","pages":"0-3,9","document":{"type":"image_url","image_url":"data:image/gif;base64,R0lGODlhAQABAAAAACw="}}`)
	f.Add(`{"model":"jamba-1.5-mini","stream":true,"messages":[{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"b"}]}]}`)
	f.Add(`{"model":"meta/llama-3.3-70b-instruct-maas","stream":true,"messages":[{"role":"user","content":null}],"response_format":{"type":"json_object"}}`)
	f.Add(`{"model":"intfloat/multilingual-e5-large-maas","input":["a"],"instances":[{"content":"a"}],"parameters":{"outputDimensionality":9}}`)
	paths := []string{
		pathOf("global", haiku45, "rawPredict"), pathOf("global", opus5, "rawPredict"),
		mistralPath(medium3, "rawPredict"), mistralPath(codestral, "streamRawPredict"), mistralPath(ocr, "rawPredict"),
		jambaPath("rawPredict"), publisherPath("google", "text-embedding-005", "predict"),
		openPath("us-central1", chatty), openPath("global", "completions"), openPath("us-central1", "embeddings"),
	}
	s := New(Options{})
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range paths {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer token")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if !slices.Contains([]int{200, 400, 404, 422}, w.Code) {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
			if json := strings.HasPrefix(w.Header().Get("Content-Type"), "application/json"); json && !jsontext.Value(w.Body.Bytes()).IsValid() {
				t.Errorf("%s: %s is no JSON", path, w.Body)
			}
		}
	})
}
