package anthropic_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
	"vertexgateway/vertex/fakevertex"
)

// Whatever history a client sends, the emulator takes what becomes of it, or the client
// is told which field is wrong.
func TestHistories(t *testing.T) {
	u := newUpstream(t)
	taken := 0
	const cases = 4000
	for seed := range uint64(cases) {
		if u.try(t, seed) {
			taken++
		}
	}
	if taken < cases/3 {
		t.Errorf("only %d of %d histories were taken: too few to show anything", taken, cases)
	}
}

func FuzzHistory(f *testing.F) {
	u := newUpstream(f)
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { u.try(t, seed) })
}

// An upstream is the emulator with thinking that it has signed, by model.
type upstream struct {
	server  *fakevertex.Server
	models  []*catalogue.Model
	thought map[string]thought
}

type thought struct{ text, signature string }

func newUpstream(tb testing.TB) *upstream {
	claudes := slices.DeleteFunc(catalogue.Builtin().Models(), func(m *catalogue.Model) bool { return m.API != catalogue.APIMessages })
	u := &upstream{fakevertex.New(fakevertex.Options{}), claudes, make(map[string]thought)}
	tb.Cleanup(func() { u.server.Close() })
	for _, m := range u.models {
		if m.Thinks("adaptive") || m.Thinks("enabled") {
			u.thought[m.ID] = u.think(tb, m)
		}
	}
	return u
}

// think asks the model for a thought with its signature.
func (u *upstream) think(tb testing.TB, m *catalogue.Model) thought {
	tb.Helper()
	kind := `{"type":"adaptive","display":"summarized"}`
	if !m.Thinks("adaptive") {
		kind = `{"type":"enabled","budget_tokens":1024}`
	}
	w := u.post(m, []byte(`{"anthropic_version":"vertex-2023-10-16","max_tokens":4000,"thinking":`+kind+`,"messages":[{"role":"user","content":"Think hard."}]}`))
	var answer struct {
		Content []struct{ Type, Thinking, Signature string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		tb.Fatal(err)
	}
	for _, b := range answer.Content {
		if b.Type == "thinking" && b.Signature != "" {
			return thought{b.Thinking, b.Signature}
		}
	}
	tb.Fatalf("%s did not think: %d %s", m.ID, w.Code, w.Body)
	return thought{}
}

func (u *upstream) post(m *catalogue.Model, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/v1/projects/p/locations/"+m.Locations[0]+"/publishers/anthropic/models/"+m.ID+":streamRawPredict", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	u.server.ServeHTTP(w, r)
	return w
}

// try sends the history of a seed and tells whether it was taken.
func (u *upstream) try(t *testing.T, seed uint64) bool {
	t.Helper()
	m := u.models[seed%uint64(len(u.models))]
	h := history{Rand: rand.New(rand.NewPCG(seed, 1)), thought: u.thought[m.ID]}
	body, err := json.Marshal(h.request())
	if err != nil {
		t.Fatal(err)
	}
	chat, fault := openai.DecodeChatRequest(body)
	if fault != nil {
		t.Fatalf("seed %d: %v\n%s", seed, fault, body)
	}
	req, fault := anthropic.NewRequest(chat, m, anthropic.Options{Version: "vertex-2023-10-16", UserKey: "p", Cache: seed%3 == 0, WebSearch: seed%5 > 0, Output: []string{"auto", "tool"}[seed%2]})
	if fault != nil {
		if fault.Status != http.StatusBadRequest || fault.Param == "" {
			t.Errorf("seed %d: %d %q: %v\n%s", seed, fault.Status, fault.Param, fault, body)
		}
		return false
	}
	if again, _ := openai.DecodeChatRequest(body); !reflect.DeepEqual(chat, again) {
		t.Errorf("seed %d: the translation changed the request (-want +got):\n%s", seed, cmp.Diff(again, chat))
	}
	if w := u.post(m, req.Body); w.Code != http.StatusOK {
		t.Errorf("seed %d, %s: %d %s\nclient sent %s\nbody was %s", seed, m.ID, w.Code, w.Body, body, req.Body)
	}
	return true
}

// A history makes requests as odd clients write them.
type history struct {
	*rand.Rand
	thought thought // signed by the model; zero: it does not think
}

type object = map[string]any

func pick[T any](h history, from ...T) T { return from[h.IntN(len(from))] }

// oneIn is true once in n times.
func (h history) oneIn(n int) bool { return h.IntN(n) == 0 }

func (h history) request() object {
	q := object{"model": "m"}
	list := make([]any, 0, 9)
	for range 1 + h.IntN(9) {
		list = append(list, h.message())
	}
	q["messages"] = list
	for _, p := range []struct {
		name  string
		rare  int
		value func() any
	}{
		{"tools", 2, h.tools},
		{"tool_choice", 2, func() any {
			return pick[any](h, "auto", "none", "required", nil, object{"type": "any"}, object{"type": "function", "function": object{"name": h.function()}},
				object{"type": "allowed_tools", "allowed_tools": object{"mode": pick(h, "auto", "required"), "tools": []any{object{"type": "function", "function": object{"name": h.function()}}}}},
				object{"type": "allowed_tools", "mode": "required", "tools": []any{}}, object{"type": "custom", "custom": object{"name": h.function()}}, object{"type": "web_search_preview"})
		}},
		{"functions", 8, func() any {
			return []any{object{"name": h.function(), "parameters": h.schema()}}
		}},
		{"function_call", 8, func() any { return pick[any](h, "auto", "none", object{"name": h.function()}) }},
		{"response_format", 4, func() any {
			return pick[any](h, object{"type": "text"}, object{"type": "json_object"}, object{"type": "json_schema", "json_schema": object{"name": pick(h, "x", "", h.function()), "schema": h.schema()}},
				object{"type": "json_schema", "json_schema": object{"name": "x", "schema": object{"type": "object", "properties": object{"a": object{"type": "integer", "minimum": 1}}, "required": []any{"a"}}}})
		}},
		{"thinking", 5, func() any {
			return object{"type": pick(h, "enabled", "adaptive", "disabled", "between_tools"), "budget_tokens": pick(h, 0, 1, 1024, 5000, 1000000), "display": pick[any](h, nil, "summarized", "omitted")}
		}},
		{"reasoning", 6, func() any {
			return pick[any](h, object{"effort": pick(h, "none", "low", "max")}, object{"max_tokens": pick(h, -1, 500, 30000)}, object{"enabled": h.oneIn(2)}, object{"exclude": true})
		}},
		{"include_reasoning", 6, func() any { return h.oneIn(2) }},
		{"web_search_options", 6, func() any {
			return object{"search_context_size": pick(h, "low", "x"), "user_location": object{"type": "approximate", "approximate": object{"city": "Oslo"}}}
		}},
		{"system", 8, func() any { return h.content(false) }},
		{"cache_control", 8, h.mark},
		{"prompt_cache_options", 8, func() any { return object{"mode": pick(h, "implicit", "explicit"), "ttl": "30m"} }},
		{"prompt_cache_retention", 8, func() any { return "24h" }},
		{"anthropic_beta", 8, func() any { return pick[any](h, "x", []any{"context-1m-2025-08-07"}) }},
		{"parallel_tool_calls", 3, func() any { return h.oneIn(2) }},
		{"reasoning_effort", 2, func() any { return pick(h, "none", "minimal", "low", "medium", "high", "xhigh", "max") }},
		{"max_tokens", 3, func() any { return pick(h, 1, 10, 1023, 1024, 1025, 1500, 5000, 1000000) }},
		{"max_completion_tokens", 3, func() any { return pick(h, 1, 1024, 2000, 64000) }},
		{"temperature", 3, func() any { return pick(h, 0, 0.5, 1, 1.5, 2) }},
		{"top_p", 3, func() any { return pick(h, 0, 0.5, 0.95, 0.97, 1) }},
		{"top_k", 5, func() any { return pick(h, -1, 0, 1, 40) }},
		{"stop", 4, func() any { return pick[any](h, "x", "", nil, []any{}, []any{"a", " ", "a", "b", "c", "d"}) }},
		{"user", 4, func() any { return pick(h, "u", "", "a@example.com") }},
	} {
		if h.oneIn(p.rare) {
			q[p.name] = p.value()
		}
	}
	return q
}

func (h history) message() object {
	switch h.IntN(9) {
	case 0, 1:
		return h.marked(object{"role": pick(h, "system", "developer", "System "), "content": h.content(false)})
	case 2, 3:
		return h.marked(object{"role": "user", "content": h.content(true)})
	case 4, 5, 6:
		return h.marked(h.assistant())
	case 7:
		if h.oneIn(3) {
			return object{"role": "function", "name": h.function(), "content": h.content(false)}
		}
	}
	return h.marked(object{"role": "tool", "tool_call_id": h.id(), "content": h.content(true), "is_error": h.oneIn(4)})
}

// marked puts a prompt-cache mark on some messages and parts.
func (h history) marked(m object) object {
	if h.oneIn(4) {
		m["cache_control"] = h.mark()
	}
	return m
}

func (h history) mark() any {
	return pick[any](h, nil, object{"type": "ephemeral"}, object{"type": "ephemeral", "ttl": "5m"}, object{"type": "ephemeral", "ttl": "1h"}, object{"type": "ephemeral", "scope": "global"})
}

func (h history) assistant() object {
	m := object{"role": "assistant", "content": h.content(h.oneIn(20))}
	if h.oneIn(2) {
		calls := make([]any, h.IntN(4))
		for i := range calls {
			calls[i] = object{"id": h.id(), "type": "function", "function": object{"name": h.function(), "arguments": h.arguments()}}
		}
		m["tool_calls"] = calls
	}
	if h.oneIn(3) {
		m["reasoning_details"] = h.reasoning()
	}
	switch h.IntN(12) {
	case 0:
		m["function_call"] = object{"name": h.function(), "arguments": h.arguments()}
	case 1:
		m["content"] = []any{h.part(false), object{"type": "tool_use", "id": h.id(), "name": h.function(), "input": object{"a": 1}}, h.part(false)}
	case 2:
		m["tool_calls"] = []any{object{"id": h.id(), "type": "custom", "custom": object{"name": h.function(), "input": "x\ny"}}}
	case 3:
		m["content"] = []any{object{"type": "thinking", "thinking": h.thought.text, "signature": h.thought.signature}, h.part(false)}
	case 4:
		m["thinking_blocks"] = []any{object{"type": "thinking", "thinking": h.thought.text, "signature": h.thought.signature}}
	case 5:
		m["prefix"] = true
	}
	if h.oneIn(12) {
		m["refusal"] = pick(h, "no", "", " ")
	}
	return m
}

func (h history) content(images bool) any {
	switch h.IntN(8) {
	case 0:
		return nil
	case 1:
		return pick(h, "", " ", "\n\t", "\u00a0", "\u0085", "\u2028", "\u200b", "\ufeff")
	case 2, 3:
		parts := make([]any, h.IntN(3))
		for i := range parts {
			parts[i] = h.part(images)
		}
		return parts
	}
	return pick(h, "a", "hello", "Say: ", "Say:\u00a0", "ünï \"q\" \\")
}

func (h history) part(images bool) any {
	const picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	if images && h.oneIn(3) {
		return h.marked(pick(h, object{"type": "image_url", "image_url": object{"url": picture}},
			object{"type": "file", "file": object{"filename": "a.txt", "file_data": "data:text/plain,hello"}},
			object{"type": "document", "source": object{"type": "text", "media_type": "text/plain", "data": "hello"}}))
	}
	if images && h.oneIn(8) {
		return h.marked(object{"type": "tool_result", "tool_use_id": h.id(), "content": pick[any](h, nil, "r", []any{object{"type": "text", "text": "r"}})})
	}
	return h.marked(object{"type": pick(h, "text", "input_text"), "text": pick(h, "", " ", "\n", "hello", "bye ")})
}

func (h history) id() string {
	return pick(h, "call_1", "call_2", "a", "b", "a_2", "ü/1", "", strings.Repeat("i", 300))
}

func (h history) function() string {
	return pick(h, "get", "geo.lookup", "web_search", strings.Repeat("n", 70), "ü", "bash")
}

func (h history) arguments() any {
	return pick[any](h, "", "{}", `{"a":1}`, "null", "[1]", "{bad", object{"x": 1}, nil, ` {"a": 12345678901234567890} `, "3", `{"a":1,"a":2}`)
}

// reasoning is unsigned, signed by the model, or of another publisher.
func (h history) reasoning() []any {
	var details []any
	for i := range h.IntN(3) {
		switch s := h.thought; {
		case h.oneIn(3) || s.signature == "":
			details = append(details, object{"type": "reasoning.text", "text": "hm", "index": i})
		case h.oneIn(4):
			details = append(details, object{"type": pick(h, "reasoning.text", "reasoning.encrypted"), "text": "hm", "signature": "s", "data": "d", "format": "google-gemini-v1", "index": i})
		case h.oneIn(2):
			details = append(details, object{"type": "reasoning.text", "text": s.text, "signature": s.signature, "format": "anthropic-claude-v1", "index": i})
		default:
			cut := h.IntN(len(s.text) + 1)
			details = append(details, object{"type": "reasoning.text", "text": s.text[:cut], "index": i},
				object{"type": "reasoning.text", "text": s.text[cut:], "index": i}, object{"type": "reasoning.text", "signature": s.signature, "index": i})
		}
	}
	return details
}

func (h history) tools() any {
	tools := make([]any, h.IntN(4))
	for i := range tools {
		tools[i] = h.marked(pick(h,
			object{"type": "function", "function": object{"name": h.function(), "description": pick(h, "", "d"), "parameters": h.schema()}},
			object{"type": "function", "name": h.function(), "parameters": h.schema(), "strict": true},
			object{"type": "function", "defer_loading": true, "function": object{"name": h.function()}}, object{"type": "bash_20250124", "name": "bash"},
			object{"name": h.function(), "input_schema": h.schema()},
			object{"type": "custom", "custom": object{"name": h.function(), "format": object{"type": "grammar", "grammar": object{"syntax": "lark", "definition": "start: x"}}}},
			object{"type": "web_search_preview"}, object{"type": "file_search"}))
	}
	return tools
}

func (h history) schema() any {
	return pick[any](h, nil, true, false, "", `{"type":"object"}`, object{}, object{"type": "object"}, object{"type": nil}, object{"type": ""},
		object{"type": []any{"object", "null"}}, object{"properties": object{}}, object{"type": "object", "properties": object{"a": object{"type": "integer"}}},
		object{"anyOf": []any{object{"type": "object", "properties": object{"a": object{}}}, object{"type": "null"}}},
		object{"type": "object", "allOf": []any{object{"$ref": "#/$defs/x"}}, "$defs": object{"x": object{"type": "object"}}},
		object{"oneOf": []any{}}, object{"$ref": "#/$defs/x", "$defs": object{"x": object{"type": "object"}}})
}
