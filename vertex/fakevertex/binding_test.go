package fakevertex

import (
	"strings"
	"testing"
)

func TestInterleaved(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Interleaved: true, Thinking: "hm"}}})
	think := raw(`{"thinking": {"type": "adaptive", "display": "summarized"}}`)
	r := ask(t, s, opus5, hello(raw(weather), think))
	if got := kinds(r); got != "thinking text thinking tool_use" || r.StopReason != "tool_use" {
		t.Fatalf("blocks %q, stop reason %s", got, r.StopReason)
	}
	if r.Usage.Details.Thinking != 2 {
		t.Errorf("usage %+v", r.Usage.Details)
	}
	if r.Content[0]["signature"] == r.Content[2]["signature"] {
		t.Error("both signatures are the same")
	}
	result := []any{map[string]any{"type": "tool_result", "tool_use_id": r.Content[3]["id"], "content": "12"}}
	ask(t, s, opus5, hello(raw(weather), think, talk(user("What is a vertex?"), assistant(r.Content), user(result))))
	if got := kinds(ask(t, s, opus46, hello(raw(weather)))); got != "text tool_use" {
		t.Errorf("without thinking: %q", got)
	}
	if got := kinds(ask(t, s, opus5, hello())); got != "thinking text" {
		t.Errorf("without tools: %q", got)
	}
}

func TestBoundThinking(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Redacted: true, Bound: true}}})
	system := set("system", "Be terse.")
	first := ask(t, s, opus5, hello(system, raw(weather)))
	if got := kinds(first); got != "redacted_thinking thinking tool_use" {
		t.Fatal(got)
	}
	result := map[string]any{"type": "tool_result", "tool_use_id": first.Content[2]["id"], "content": "12"}
	again := func(question string, content any) edit {
		return talk(user(question), assistant(content), user([]any{result}))
	}
	same := again("What is a vertex?", first.Content)
	marked := blocks(`[{"type": "text", "text": "What is a vertex?", "cache_control": {"type": "ephemeral"}}]`)
	tests := []struct {
		name  string
		edits edit
		beta  string
		want  string
	}{
		{"same", both(system, raw(weather), same), "", ""},
		{"with a mark", both(system, raw(weather), talk(user(marked), assistant(first.Content), user([]any{result}))), "", ""},
		{"with marks on the rest", both(raw(`{"system": [{"type": "text", "text": "Be terse.", "cache_control": {"type": "ephemeral"}}]}`), raw(strings.Replace(weather, `"name"`, `"cache_control": {"type": "ephemeral"}, "name"`, 1)), same), "", ""},
		{"other question", both(system, raw(weather), again("What is an edge?", first.Content)), "", "messages.1.content.0: Invalid `data` in `redacted_thinking` block"},
		{"other question, no redacted thinking", both(system, raw(weather), again("What is an edge?", first.Content[1:])), "", "messages.1.content.0: Invalid `signature` in `thinking` block"},
		{"other system", both(raw(weather), same), "", "Invalid `data`"},
		{"other tools", both(system, raw(`{"tools": [{"name": "f", "input_schema": {"type": "object"}}]}`), same), "", "Invalid `data`"},
		{"no thinking", both(raw(weather), again("What is an edge?", first.Content[2:])), "", ""},
		{"dropped by wish", both(raw(weather), same, raw(`{"thinking": {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}}`)), "thinking-binding-controls-2026-08-01", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res, text := post(t, s, pathOf("global", opus5, "rawPredict"), hello(test.edits), "anthropic-beta", test.beta)
			if test.want == "" && res.StatusCode != 200 || test.want != "" && !strings.Contains(text, test.want) {
				t.Errorf("%s: %s", res.Status, text)
			}
		})
	}
	s.Set()
	ask(t, s, opus5, hello(raw(weather), same))
	unbound := ask(t, s, opus5, hello(raw(weather))).Content
	s.Set(Scenario{Bound: true})
	ask(t, s, opus5, hello(talk(user("Other"), assistant(unbound[:1]), user("Go on."))))
}

// TestBoundBehindPrefill: a prefill is part of the answer's own turn.
func TestBoundBehindPrefill(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Redacted: true, Bound: true}}})
	r := ask(t, s, haiku45, hello(talk(user("q"), assistant("It"))))
	ask(t, s, haiku45, hello(talk(user("q"), assistant("It"), assistant(r.Content), user("Go on."))))
}

// TestThinkingOfOtherTurnsMayGo: leaving out one turn's thinking does not spoil a later one's.
func TestThinkingOfOtherTurnsMayGo(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Bound: true}}})
	first := ask(t, s, opus5, hello()).Content
	second := ask(t, s, opus5, hello(talk(user("What is a vertex?"), assistant(first), user("And?")))).Content
	ask(t, s, opus5, hello(talk(user("What is a vertex?"), assistant(first[1:]), user("And?"), assistant(second), user("Thanks"))))
}
