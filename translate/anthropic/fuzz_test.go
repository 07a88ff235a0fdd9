package anthropic_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/openai"
)

// FuzzStream: whatever comes from upstream, the client gets valid chunks, and [DONE] only
// behind a message_stop.
func FuzzStream(f *testing.F) {
	f.Add(claudeStream(2))
	f.Add("data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"b\",\"input\":{}}}\n\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"\"}}\n\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\ndata: {\"type\":\"message_stop\"}\n\n")
	f.Add("data: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"input_json_delta\"}}\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n")
	f.Add("data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"a\xff\"}}\n\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\xff\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		chunks, completion, err := read(strings.NewReader(stream))
		whole := strings.Contains(string(chunks), "data: [DONE]")
		if whole != (err == nil) {
			t.Errorf("[DONE] %v with error %v", whole, err)
		}
		if whole && !strings.Contains(stream, "message_stop") {
			t.Error("[DONE] without message_stop")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			fault, ok := errors.AsType[*openai.Error](err)
			if !ok || fault.Status < 400 {
				t.Errorf("error %v", err)
			}
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

// FuzzShortCut: an event that takes the short cut gives what the JSON decoder gives.
func FuzzShortCut(f *testing.F) {
	f.Add(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\ud83d\"é"} }`, "text")
	f.Add(`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\\"}}`, "tool_use")
	f.Add(`{"type":"content_block_stop","index":0   }`, "tool_use")
	f.Fuzz(func(t *testing.T, event, block string) {
		if !json.Valid([]byte(event)) || strings.ContainsAny(event, "\r\n") {
			return
		}
		opening, _ := json.Marshal(map[string]any{"type": "content_block_start", "index": 0, "content_block": map[string]any{"type": block, "id": "a", "name": "b"}})
		deltas := func(event string) string {
			s := new(anthropic.Request).Stream()
			if _, fault := s.Event(opening); fault != nil {
				t.Fatal(fault)
			}
			found, fault := s.Event([]byte(event))
			var b strings.Builder
			for _, d := range found {
				b.WriteString(string(rune('0'+d.Kind)) + d.ID + d.Name + " " + string(d.Text) + "|")
			}
			if fault != nil {
				b.WriteString(fault.Message)
			}
			return b.String()
		}
		// A blank behind the first brace keeps an event off the short cut.
		if short, long := deltas(event), deltas(strings.Replace(event, "{", "{ ", 1)); short != long {
			t.Errorf("%s\nshort cut: %s\ndecoder: %s", event, short, long)
		}
	})
}
