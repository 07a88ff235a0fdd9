package compat_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"vertexgateway/translate/compat"
	"vertexgateway/translate/openai"
)

// FuzzAnswer: whatever comes from upstream, the client gets valid chunks, and [DONE] only
// behind a finish reason or a mark.
func FuzzAnswer(f *testing.F) {
	for _, e := range []string{
		chunk(`{"role":"assistant","content":"a"}`, ""),
		chunk(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]},{"type":"text","text":"b"}]}`, stop),
		chunk(`{"tool_calls":[{"id":"null","function":{"name":"f","arguments":{"a":1}}},{"index":0,"function":{"arguments":"}"}}]}`, ""),
		chunk(`{"tool_calls":[{"function":{}},{"index":-1,"function":{"arguments":[]}}]}`, `,"finish_reason":"tool_calls"`),
		chunk("{\"content\":\"a\xff\\ud83d\"}", `,"finish_reason":"model_length"`),
		`{"object":"error","message":{"detail":[{"msg":"x"}]},"type":"invalid_request_error"}`,
		`{"choices":[],"usage":{"prompt_tokens":9223372036854775807,"num_cached_tokens":-1}}`,
	} {
		f.Add("data: " + e + "\n\ndata: [DONE]\n\n")
		f.Add("data: " + chunk(`{"content":"a"}`, "") + "\n\ndata: " + e + "\n\n")
	}
	f.Fuzz(func(t *testing.T, events string) {
		chunks, completion, err := read(strings.NewReader(events))
		whole := strings.Contains(string(chunks), "data: [DONE]")
		if whole != (err == nil) {
			t.Errorf("[DONE] %v with error %v", whole, err)
		}
		if whole && !strings.Contains(events, "[DONE]") && !strings.Contains(events, "finish_reason") {
			t.Error("[DONE] without an end")
		}
		if fault, ok := errors.AsType[*openai.Error](err); err != nil && !errors.Is(err, io.EOF) && (!ok || fault.Status < 400) {
			t.Errorf("error %v", err)
		}
		if err == nil && !json.Valid(completion) {
			t.Errorf("completion is no JSON: %s", completion)
		}
		if !utf8.Valid(chunks) || !utf8.Valid(completion) {
			t.Errorf("not UTF-8: %q %q", chunks, completion)
		}
		for line := range strings.Lines(string(chunks)) {
			if data, ok := strings.CutPrefix(line, "data: {"); ok && !json.Valid([]byte("{"+data)) {
				t.Errorf("chunk is no JSON: %s", line)
			}
		}
	})
}

// FuzzMessage: the same of an answer that comes whole.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"id":"1","choices":[{"index":0,"message":{"content":"a","tool_calls":[{"function":{"name":"f","arguments":{}}}]},"finish_reason":"stop"}]}`))
	f.Add([]byte(`{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"thinking","thinking":"b"}]}}],"usage":null}`))
	f.Add([]byte(`[{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a compat.Answer
		deltas, fault := a.Message(body)
		if fault != nil {
			if fault.Status < 400 {
				t.Errorf("error %v", fault)
			}
			return
		}
		var fold openai.Fold
		for _, d := range deltas {
			fold.Add(d)
		}
		end, ok := a.Ending(false)
		if completion := fold.Append(nil, head, end); !ok || !json.Valid(completion) || !utf8.Valid(completion) {
			t.Errorf("ended %v: %q", ok, completion)
		}
	})
}
