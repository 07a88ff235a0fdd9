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

// readingOf makes a reading of the bits of a number.
func readingOf(bits uint8) anthropic.Reading {
	on := func(bit uint8) bool { return bits&(1<<bit) != 0 }
	r := anthropic.Reading{Unfence: on(0), Silent: on(1), Cites: on(2), Keeps: on(3)}
	if on(4) {
		r.JSONTool = "json"
	}
	if on(5) {
		r.Custom = []string{"patch", "b"}
	}
	if on(6) {
		r.Opening = "{\\n"
	}
	return r
}

// FuzzStream: whatever comes from upstream, and however it is read, the client gets valid
// chunks, and [DONE] only behind a message_stop; the completion says the same as the chunks.
func FuzzStream(f *testing.F) {
	for bits := range 8 {
		f.Add(claudeStream(2), uint8(1<<bits))
	}
	for i, tt := range answers {
		f.Add(eventsOf(tt.stop, tt.blocks...), uint8(7*i))
	}
	f.Add("data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"b\",\"input\":{}}}\n\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"\"}}\n\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\ndata: {\"type\":\"message_stop\"}\n\n", uint8(255))
	f.Add("data: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"input_json_delta\"}}\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n", uint8(255))
	f.Add("data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"a\xff\"}}\n\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\xff\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n", uint8(255))
	f.Fuzz(func(t *testing.T, events string, bits uint8) {
		stream := readingOf(bits).Stream()
		chunks, completion, err := readAs(stream, openai.Form{Usage: true, Functions: bits&(1<<7) != 0 && bits&(1<<5) == 0}, strings.NewReader(events))
		whole := strings.Contains(string(chunks), "data: [DONE]")
		if whole != (err == nil) {
			t.Errorf("[DONE] %v with error %v", whole, err)
		}
		if whole && !strings.Contains(events, "message_stop") {
			t.Error("[DONE] without message_stop")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			fault, ok := errors.AsType[*openai.Error](err)
			if !ok || fault.Status < 400 {
				t.Errorf("error %v", err)
			}
		}
		if err == nil && !json.Valid(completion) {
			t.Fatalf("completion is no JSON: %s", completion)
		}
		if content := stream.Content(); content != nil && !json.Valid(content) {
			t.Errorf("content is no JSON: %s", content)
		}
		if !utf8.Valid(chunks) || !utf8.Valid(completion) {
			t.Errorf("not UTF-8: %q %q", chunks, completion)
		}
		for line := range strings.Lines(string(chunks)) {
			if data, ok := strings.CutPrefix(line, "data: {"); ok && !json.Valid([]byte("{"+data)) {
				t.Errorf("chunk is no JSON: %s", line)
			}
		}
		if err == nil {
			sameText(t, outcomeOf(t, completion), joinChunks(t, chunks))
		}
	})
}

// sameText compares completion and chunks, but for halves of characters, which Go's decoder
// replaces in chunks, and blanks, which completions leave out of arguments.
func sameText(t *testing.T, completion, chunks outcome) {
	t.Helper()
	replaced := strings.Contains(chunks.summary(), "\ufffd")
	if replaced || len(chunks.Calls) > 0 || chunks.FunctionCall != nil {
		return
	}
	if a, b := completion.summary(), chunks.summary(); a != b {
		t.Errorf("the completion says\n%s, the chunks\n%s", a, b)
	}
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
