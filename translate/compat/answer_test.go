package compat_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/compat"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/sse"
)

// told writes deltas down, one a line.
func told(deltas []openai.Delta) string {
	var b strings.Builder
	for _, d := range deltas {
		kind := map[openai.DeltaKind]string{
			openai.DeltaContent: "text", openai.DeltaReasoning: "thought", openai.DeltaToolCall: "call", openai.DeltaArguments: "arguments",
		}[d.Kind]
		fmt.Fprintf(&b, "%s %d", kind, d.Index)
		for _, s := range []string{d.ID, d.Name, string(d.Text)} {
			if s != "" {
				b.WriteString(" " + s)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// listen gives the deltas of events and how the answer ended.
func listen(t *testing.T, events ...string) (deltas string, end openai.Ending, ended bool) {
	t.Helper()
	var a compat.Answer
	var b strings.Builder
	for _, e := range events {
		found, err := a.Event([]byte(e))
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		b.WriteString(told(found))
	}
	end, ended = a.Ending(true)
	return b.String(), end, ended
}

// chunk is an event with a delta and what stands behind it in the choice.
func chunk(delta, rest string) string {
	return `{"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":` + delta + rest + `}]}`
}

const (
	stop = `,"finish_reason":"stop"`
	done = "[DONE]"
)

func TestDeltas(t *testing.T) {
	for _, tt := range []struct {
		name   string
		events []string
		want   string
	}{
		{"a role alone says nothing", []string{chunk(`{"role":"assistant","content":""}`, "")}, ""},
		{"null says nothing", []string{chunk(`{"content":null,"tool_calls":null}`, `,"finish_reason":null`)}, ""},
		{"escapes stay", []string{chunk(`{"content":"a\"\n\u00e9"}`, "")}, "text 0 a\\\"\\n\\u00e9\n"},
		{
			"pieces of text and thinking",
			[]string{chunk(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"Yes"},{"type":"reference","reference_ids":[1]}]}`, "")},
			"thought -1 Hm\ntext 0 Yes\n",
		},
		{"thinking as one text", []string{chunk(`{"content":[{"type":"thinking","thinking":"Hm"}]}`, "")}, "thought -1 Hm\n"},
		{"no choices", []string{`{"id":"1","choices":[]}`, `{}`, `{"choices":null}`}, ""},
		{"another choice", []string{`{"choices":[{"index":1,"delta":{"content":"no"}}]}`}, ""},
		{"nothing behind the finish reason", []string{chunk(`{"content":"a"}`, stop), chunk(`{"content":"b"}`, "")}, "text 0 a\n"},
		{"nothing behind the mark", []string{chunk(`{"content":"a"}`, stop), done, "no json"}, "text 0 a\n"},
		{
			"a whole call without an index",
			[]string{chunk(`{"tool_calls":[{"id":"abc","function":{"name":"f","arguments":"{\"a\": 1}"}}]}`, `,"finish_reason":"tool_calls"`)},
			"call 0 abc f\narguments 0 {\\\"a\\\": 1}\n",
		},
		{
			"several calls in a chunk, none with an index",
			[]string{chunk(`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"g","arguments":"{}"}}]}`, "")},
			"call 0 a f\narguments 0 {}\ncall 1 b g\narguments 1 {}\n",
		},
		{
			"several calls in a chunk, all with the index 0 and without an id",
			[]string{
				chunk(`{"tool_calls":[{"index":0,"id":"null","function":{"name":"f","arguments":"{}"}},{"index":0,"function":{"name":"f","arguments":"[]"}}]}`, ""),
				chunk(`{"tool_calls":[{"index":0,"function":{"arguments":" "}}]}`, ""),
			},
			"call 0 call_1_0 f\narguments 0 {}\ncall 1 call_1_1 f\narguments 1 []\narguments 1  \n",
		},
		{
			"several calls, all with the index 0",
			[]string{
				chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`, ""),
				chunk(`{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{"}}]}`, ""),
				chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}`, ""),
			},
			"call 0 a f\narguments 0 {}\ncall 1 b g\narguments 1 {\narguments 1 }\n",
		},
		{
			"a call in pieces, by index",
			[]string{
				chunk(`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}`, ""),
				chunk(`{"tool_calls":[{"index":0,"function":{"name":"","arguments":"{\"x\""}}]}`, ""),
				chunk(`{"tool_calls":[{"index":0,"id":"null","function":{"arguments":":1}"}}]}`, ""),
			},
			"call 0 a f\narguments 0 {\\\"x\\\"\narguments 0 :1}\n",
		},
		{
			"pieces of two calls in turn",
			[]string{
				chunk(`{"tool_calls":[{"index":3,"id":"a","function":{"name":"f"}},{"index":7,"id":"b","function":{"name":"g"}}]}`, ""),
				chunk(`{"tool_calls":[{"index":7,"function":{"arguments":"{}"}},{"index":3,"function":{"arguments":"[]"}}]}`, ""),
			},
			"call 0 a f\ncall 1 b g\narguments 1 {}\narguments 0 []\n",
		},
		{
			"a call in pieces that all repeat its id",
			[]string{
				chunk(`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}`, ""),
				chunk(`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"}"}}]}`, ""),
			},
			"call 0 a f\narguments 0 {\narguments 0 }\n",
		},
		{
			"a call in pieces without anything to tell",
			[]string{
				chunk(`{"tool_calls":[{"function":{"name":"f","arguments":"{"}}]}`, ""),
				chunk(`{"tool_calls":[{"function":{"arguments":"}"}}]}`, ""),
				chunk(`{"tool_calls":[{"function":{"name":"g","arguments":"{}"}}]}`, ""),
			},
			"call 0 call_1_0 f\narguments 0 {\narguments 0 }\ncall 1 call_1_1 g\narguments 1 {}\n",
		},
		{
			"an id called null",
			[]string{chunk(`{"tool_calls":[{"index":0,"id":"null","function":{"name":"f","arguments":"{}"}}]}`, "")},
			"call 0 call_1_0 f\narguments 0 {}\n",
		},
		{
			"arguments as an object",
			[]string{chunk(`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"n":12345678901234567890,"s":"\n"}}}]}`, "")},
			"call 0 a f\narguments 0 {\\\"n\\\":12345678901234567890,\\\"s\\\":\\\"\\\\n\\\"}\n",
		},
		{
			"no arguments become an object at the end",
			[]string{
				chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}},{"index":1,"id":"b","function":{"name":"g","arguments":null}}]}`, ""),
				chunk(`{}`, `,"finish_reason":"tool_calls"`),
			},
			"call 0 a f\ncall 1 b g\narguments 0 {}\narguments 1 {}\n",
		},
		{
			"the same without a finish reason",
			[]string{chunk(`{"tool_calls":[{"id":"a","function":{"name":"f"}}]}`, ""), done},
			"call 0 a f\narguments 0 {}\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, _ := listen(t, tt.events...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFinishReasons(t *testing.T) {
	call := `{"tool_calls":[{"id":"a","function":{"name":"f"}}]}`
	for _, tt := range []struct {
		delta, upstream, want string
		remarks               int
	}{
		{`{}`, "stop", openai.FinishStop, 0},
		{`{}`, "length", openai.FinishLength, 0},
		{`{}`, "model_length", openai.FinishLength, 0},
		{`{}`, "content_filter", openai.FinishContentFilter, 0},
		{`{}`, "tool_calls", openai.FinishStop, 0}, // there is none
		{`{}`, "tired", openai.FinishStop, 1},
		{call, "tool_calls", openai.FinishToolCalls, 0},
		{call, "stop", openai.FinishToolCalls, 0},
		{call, "length", openai.FinishLength, 0},
	} {
		var a compat.Answer
		if _, err := a.Event([]byte(chunk(tt.delta, `,"finish_reason":"`+tt.upstream+`"`))); err != nil {
			t.Fatal(err)
		}
		if end, ok := a.Ending(true); !ok || end.FinishReason != tt.want || len(a.Remarks()) != tt.remarks {
			t.Errorf("%s with %s: %q (%v), remarks %q; want %q", tt.upstream, tt.delta, end.FinishReason, ok, a.Remarks(), tt.want)
		}
	}
}

func TestEndings(t *testing.T) {
	text := chunk(`{"content":"a"}`, "")
	for _, tt := range []struct {
		name         string
		events       []string
		open, closed bool
	}{
		{"in the middle", []string{text}, false, false},
		{"a finish reason", []string{text, chunk(`{}`, stop)}, false, true},
		{"an empty finish reason", []string{text, chunk(`{}`, `,"finish_reason":""`)}, false, false},
		{"a mark", []string{text, done}, true, true},
		{"both", []string{text, chunk(`{}`, stop), " [DONE]\n"}, true, true},
	} {
		var a compat.Answer
		for _, e := range tt.events {
			if _, err := a.Event([]byte(e)); err != nil {
				t.Fatal(err)
			}
		}
		_, open := a.Ending(false)
		_, closed := a.Ending(true)
		if open != tt.open || closed != tt.closed {
			t.Errorf("%s: %v while open and %v when closed, want %v and %v", tt.name, open, closed, tt.open, tt.closed)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		usage string
		want  openai.Usage
	}{
		{`{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}`, openai.Usage{Input: 10, Output: 3}},
		{`{"prompt_tokens":10,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":8}}`, openai.Usage{Input: 2, CacheRead: 8, Output: 3}},
		{`{"prompt_tokens":10,"completion_tokens":3,"num_cached_tokens":9}`, openai.Usage{Input: 1, CacheRead: 9, Output: 3}},
		{`{"prompt_tokens":10,"completion_tokens":3,"completion_tokens_details":{"reasoning_tokens":2}}`, openai.Usage{Input: 10, Output: 3, Reasoning: 2}},
		{`{"prompt_tokens":null,"completion_tokens":-3,"prompt_tokens_details":null}`, openai.Usage{}},
		{`null`, openai.Usage{}},
	} {
		var a compat.Answer
		if _, err := a.Event([]byte(`{"id":"1","choices":[],"usage":` + tt.usage + `}`)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, a.Billed()); diff != "" {
			t.Errorf("%s: %s", tt.usage, diff)
		}
	}
}

// Usage rides on the last chunk, on one of its own behind it, or on every chunk; the last
// counts.
func TestUsageComesLast(t *testing.T) {
	_, end, ok := listen(t,
		`{"id":"1","choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":1}}`,
		chunk(`{}`, stop),
		`{"id":"1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}`)
	if want := (openai.Usage{Input: 5, Output: 2}); !ok || end.Usage != want {
		t.Errorf("usage %+v (%v), want %+v", end.Usage, ok, want)
	}
}

func TestErrors(t *testing.T) {
	const google = `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}`
	for _, tt := range []struct {
		data   string
		status int
		param  string
	}{
		{google, http.StatusTooManyRequests, ""},
		{`[` + google + `]`, http.StatusTooManyRequests, ""},
		{`{"object":"error","message":"Rate limit","type":"rate_limit_error","param":null,"code":null}`, http.StatusTooManyRequests, ""},
		{`{"error":{"message":"x","type":"invalid_request_error","param":null,"code":400}}`, http.StatusBadRequest, ""},
		{`{"error":{"message":"x"},"choices":[]}`, http.StatusInternalServerError, ""},
		{`{"detail":[{"loc":["body"],"msg":"bad","type":"x"}]}`, http.StatusInternalServerError, ""},
		{`<html>`, http.StatusBadGateway, ""},
		{`[nonsense`, http.StatusBadGateway, ""},
		{`{"choices":[{"index":0,"delta":{},"message":{},"finish_reason":"error"}]}`, http.StatusBadGateway, ""},
	} {
		_, inStream := new(compat.Answer).Event([]byte(tt.data))
		_, whole := new(compat.Answer).Message([]byte(tt.data))
		for how, err := range map[string]*openai.Error{"event": inStream, "message": whole} {
			if err == nil || err.Status != tt.status {
				t.Errorf("%s %s: error %+v, want status %d", how, tt.data, err, tt.status)
			}
		}
	}
	if _, err := new(compat.Answer).Message([]byte(`{"id":"1"}`)); err == nil || err.Status != http.StatusBadGateway {
		t.Errorf("no completion: error %v", err)
	}
	if _, err := new(compat.Answer).Event([]byte(done)); err == nil || err.Status != http.StatusBadGateway {
		t.Errorf("a mark and nothing else: error %v", err)
	}
}

// What came before an error in one event is still given.
func TestTextBeforeError(t *testing.T) {
	deltas, err := new(compat.Answer).Event([]byte(chunk(`{"content":"a"}`, `,"finish_reason":"error"`)))
	if told(deltas) != "text 0 a\n" || err == nil {
		t.Errorf("%s, error %v", told(deltas), err)
	}
}

func TestMessage(t *testing.T) {
	var a compat.Answer
	deltas, err := a.Message([]byte(`{"id":"chatcmpl-9","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",
		"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"Yes"}],
		"tool_calls":[{"id":"null","function":{"name":"f","arguments":{}}},{"id":"b","function":{"name":"g"}}]}}],
		"usage":{"prompt_tokens":4,"completion_tokens":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := "thought -1 Hm\ntext 0 Yes\ncall 0 call_9_0 f\narguments 0 {}\ncall 1 b g\narguments 1 {}\n"
	if diff := cmp.Diff(want, told(deltas)); diff != "" {
		t.Error(diff)
	}
	end, ok := a.Ending(false)
	if wantEnd := (openai.Ending{FinishReason: openai.FinishToolCalls, Usage: openai.Usage{Input: 4, Output: 2}}); !ok || end != wantEnd || a.ID() != "9" || !a.Begun() {
		t.Errorf("ending %+v (%v), id %q", end, ok, a.ID())
	}
}

func TestSilence(t *testing.T) {
	a := compat.Answer{Silent: true}
	deltas, err := a.Event([]byte(chunk(`{"content":[{"type":"thinking","thinking":"Hm"}]}`, "")))
	if err != nil || len(deltas) > 0 || !a.Begun() {
		t.Errorf("%s, error %v, begun %v", told(deltas), err, a.Begun())
	}
}

// What is not UTF-8 must not reach a client.
func TestInvalidUTF8(t *testing.T) {
	got, _, _ := listen(t, chunk("{\"content\":\"a\xff\\n\"}", ""))
	if want := "text 0 a\ufffd\\n\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

var head = openai.Head{Created: 1795305600, Model: "model"}

// read runs a stream through the whole translation and gives the client's bytes, the
// folded completion, and how it ended.
func read(src io.Reader) (chunks, completion []byte, err error) {
	var a compat.Answer
	var w *openai.ChunkWriter
	var fold openai.Fold
	head := head
	events := sse.NewReader(src, 16<<20)
	writer := func() *openai.ChunkWriter {
		if w == nil {
			head.ID = a.ID()
			w = openai.NewChunkWriter(head, openai.Form{Usage: true})
		}
		return w
	}
	for {
		readErr := events.Fill()
		for ev, ok := events.Next(); ok; ev, ok = events.Next() {
			deltas, fault := a.Event(ev.Data)
			for _, d := range deltas {
				chunks = writer().Append(chunks, d)
				fold.Add(d)
			}
			if fault != nil {
				return chunks, nil, fault
			}
		}
		if end, ok := a.Ending(errors.Is(readErr, io.EOF)); ok {
			chunks = writer().AppendEnd(chunks, end)
			return chunks, fold.Append(nil, head, end), nil
		}
		if readErr != nil {
			return chunks, nil, readErr
		}
	}
}
