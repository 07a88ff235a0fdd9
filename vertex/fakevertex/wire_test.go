package fakevertex

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A sent event is one of a stream, as it stood there.
type sent struct {
	name, data string
	value      map[string]any
}

func readEvents(t *testing.T, text string) []sent {
	t.Helper()
	var all []sent
	for event := range strings.SplitSeq(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(event, "event: "), "\ndata: ")
		e := sent{name: name, data: data}
		if err := json.Unmarshal([]byte(data), &e.value); err != nil || !ok || e.value["type"] != name {
			t.Fatalf("event %q: %v", event, err)
		}
		all = append(all, e)
	}
	return all
}

func stream(t *testing.T, s *Server, location, model string, edits ...edit) []sent {
	t.Helper()
	res, text := post(t, s, pathOf(location, model, "streamRawPredict"), hello(append(edits, set("stream", true))...))
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("%s %s: %s", res.Status, res.Header.Get("Content-Type"), text)
	}
	if !strings.HasPrefix(res.Header.Get("request-id"), "req_vrtx_") {
		t.Errorf("request-id %q", res.Header.Get("request-id"))
	}
	return readEvents(t, text)
}

func names(events []sent) string {
	var all []string
	for _, e := range events {
		if n := len(all); n == 0 || all[n-1] != e.name || e.name != "content_block_delta" {
			all = append(all, e.name)
		}
	}
	return strings.Join(all, " ")
}

// deltas are the values of a delta's field, one for each event that has it.
func deltas(events []sent, field string) []string {
	var all []string
	for _, e := range events {
		if d, ok := e.value["delta"].(map[string]any); ok {
			if s, ok := d[field].(string); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

func TestStreamOfADatedModel(t *testing.T) {
	events := stream(t, New(Options{}), "global", haiku45, talk(user("Schöne Grüße — 你好")))
	want := "message_start ping content_block_start content_block_delta content_block_stop message_delta message_stop"
	if diff := cmp.Diff(want, names(events)); diff != "" {
		t.Error(diff)
	}
	if events[1].data != `{"type": "ping"}` {
		t.Errorf("ping %q", events[1].data)
	}
	text := deltas(events, "text")
	if got := strings.Join(text, ""); got != "You said: Schöne Grüße — 你好" || len(text) < 2 {
		t.Errorf("text %q", text)
	}
	for _, e := range events {
		if strings.Contains(e.data, `\u`) {
			t.Errorf("escaped: %s", e.data)
		}
	}
	usage := events[len(events)-2].value["usage"].(map[string]any)
	if len(usage) != 1 || usage["output_tokens"].(float64) < 5 {
		t.Errorf("last usage %v", usage)
	}
}

func TestPadding(t *testing.T) {
	padded := regexp.MustCompile(`[^ ]( *)}$`)
	lengths := map[int]bool{}
	for _, e := range stream(t, New(Options{Scenarios: []Scenario{{Events: 50}}}), "global", haiku45) {
		lengths[len(padded.FindStringSubmatch(e.data)[1])] = true
	}
	if len(lengths) < 8 {
		t.Errorf("padding of %v blanks only", lengths)
	}
}

func TestStreamOfAnUndatedModel(t *testing.T) {
	s := New(Options{})
	events := stream(t, s, "eu", opus5)
	want := "message_start ping vertex_event content_block_start content_block_delta content_block_stop content_block_start content_block_delta content_block_stop message_delta message_stop"
	if diff := cmp.Diff(want, names(events)); diff != "" {
		t.Error(diff)
	}
	if got := deltas(events, "thinking"); len(got) != 0 {
		t.Errorf("thinking deltas %q", got)
	}
	if got := deltas(events, "signature"); len(got) != 1 {
		t.Errorf("signatures %q", got)
	}
	usage := events[len(events)-2].value["usage"].(map[string]any)
	for _, name := range []string{"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens", "output_tokens_details"} {
		if _, ok := usage[name]; !ok {
			t.Errorf("last usage lacks %s: %v", name, usage)
		}
	}
	if got := names(stream(t, s, "asia-southeast1", opus5)); strings.Contains(got, "vertex_event") {
		t.Errorf("vertex_event in a region: %s", got)
	}
}

func TestShownThinking(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Thinking: "Let me see. There is much to think of."}}})
	events := stream(t, s, "global", opus5, raw(`{"thinking": {"type": "adaptive", "display": "summarized"}}`))
	text := deltas(events, "thinking")
	if got := strings.Join(text, ""); got != "Let me see. There is much to think of." || len(text) < 2 {
		t.Errorf("thinking %q", text)
	}
}

func TestArgumentsInPieces(t *testing.T) {
	s := New(Options{})
	question := `Say "hi" in C:\temp, 你好, and then say "bye" to all of them`
	pieces := deltas(stream(t, s, "global", haiku45, raw(weather), talk(user(question))), "partial_json")
	if pieces[0] != "" || len(pieces) < 3 {
		t.Fatalf("pieces %q", pieces)
	}
	backslash := false
	for _, p := range pieces {
		backslash = backslash || strings.HasSuffix(p, `\`)
	}
	if !backslash {
		t.Errorf("no piece ends in a backslash: %q", pieces)
	}
	var input map[string]any
	if err := json.Unmarshal([]byte(strings.Join(pieces, "")), &input); err != nil || !strings.HasPrefix(question, input["city"].(string)) {
		t.Errorf("arguments %q: %v", pieces, err)
	}
}

func TestToolWithoutArguments(t *testing.T) {
	tool := raw(`{"tools": [{"name": "now", "input_schema": {"type": "object"}}]}`)
	s := New(Options{})
	if got := deltas(stream(t, s, "global", haiku45, tool), "partial_json"); len(got) != 1 || got[0] != "" {
		t.Errorf("pieces %q", got)
	}
	r := ask(t, s, haiku45, hello(tool))
	if diff := cmp.Diff(map[string]any{}, r.Content[0]["input"]); diff != "" {
		t.Error(diff)
	}
}

func TestManyEvents(t *testing.T) {
	events := stream(t, New(Options{Scenarios: []Scenario{{Events: 500}}}), "global", haiku45)
	if got := deltas(events, "text"); len(got) != 500 {
		t.Errorf("%d deltas", len(got))
	}
	text := stream(t, New(Options{Scenarios: []Scenario{{Events: 7, Text: "0123456789"}}}), "global", haiku45)
	if got := deltas(text, "text"); len(got) != 7 || strings.Join(got, "") != "0123456789" {
		t.Errorf("deltas %q", got)
	}
}

func TestStreamSaysWhatTheWholeAnswerDoes(t *testing.T) {
	for _, test := range accepted {
		t.Run(test.name, func(t *testing.T) {
			if hello(test.edit)["max_tokens"] == 0 {
				t.Skip("may not be streamed")
			}
			checkStream(t, Scenario{}, test.model, test.edit)
		})
	}
	for n, scenario := range []Scenario{{Interleaved: true, Redacted: true}, {Pauses: 1}, {Pauses: 1, Times: 1}, {SearchError: "unavailable"}, {Untitled: true}} {
		t.Run(fmt.Sprint("scenario ", n), func(t *testing.T) {
			checkStream(t, scenario, opus5, both(raw(weather), talk(user("Do it"))))
			checkStream(t, scenario, opus5, both(raw(webSearch), talk(user("Search for it"))))
		})
	}
}

// checkStream compares a stream with the same answer as a whole.
func checkStream(t *testing.T, scenario Scenario, model string, e edit) {
	t.Helper()
	options := Options{Scenarios: []Scenario{scenario}}
	whole := ask(t, New(options), model, hello(e))
	events := stream(t, New(options), "global", model, e)
	if diff := cmp.Diff(whole.Content, fold(t, events)); diff != "" {
		t.Error(diff)
	}
	last := events[len(events)-2].value
	if got := last["usage"].(map[string]any)["output_tokens"]; got != float64(whole.Usage.Output) {
		t.Errorf("output %v, %d", got, whole.Usage.Output)
	}
	if got := last["delta"].(map[string]any)["stop_reason"]; got != whole.StopReason {
		t.Errorf("stop reason %v, %v", got, whole.StopReason)
	}
}

// fold makes the blocks of a message from the events of a stream.
func fold(t *testing.T, events []sent) []map[string]any {
	t.Helper()
	all := []map[string]any{}
	arguments := ""
	for _, e := range events {
		switch e.name {
		case "content_block_start":
			all = append(all, e.value["content_block"].(map[string]any))
			arguments = ""
		case "content_block_delta":
			b, d := all[len(all)-1], e.value["delta"].(map[string]any)
			if c, ok := d["citation"]; ok {
				b["citations"] = append(b["citations"].([]any), c)
			}
			for _, field := range []string{"text", "thinking", "signature"} {
				if s, ok := d[field].(string); ok {
					b[field] = b[field].(string) + s
				}
			}
			if s, ok := d["partial_json"].(string); ok {
				arguments += s
			}
		case "content_block_stop":
			if arguments != "" {
				var input any
				if err := json.Unmarshal([]byte(arguments), &input); err != nil {
					t.Fatal(err)
				}
				all[len(all)-1]["input"] = input
			}
		}
	}
	return all
}

func TestStreamMethodWithoutStream(t *testing.T) {
	res, text := post(t, New(Options{}), pathOf("global", haiku45, "streamRawPredict"), hello())
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %s", got)
	}
	if r := readReply(t, text); kinds(r) != "text" {
		t.Errorf("answer %s", text)
	}
}
