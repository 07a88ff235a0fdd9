package fakevertex

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

// kinds are the types of an answer's blocks.
func kinds(r reply) string {
	var all []string
	for _, b := range r.Content {
		all = append(all, b["type"].(string))
	}
	return strings.Join(all, " ")
}

func TestAnswers(t *testing.T) {
	toolTurn := both(raw(weather), toolTalk(`[{"type": "tool_use", "id": "t1", "name": "get_weather", "input": {}}]`, `[{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "12 degrees"}]}]`))
	ask5 := func(s string) edit { return talk(user(s)) }
	tests := []struct {
		name     string
		model    string
		scenario Scenario
		edit     edit
		kinds    string
		stop     string
		last     string // in the last block
	}{
		{"text", haiku45, Scenario{}, ask5("Grüß dich"), "text", "end_turn", "You said: Grüß dich"},
		{"tool", haiku45, Scenario{}, both(raw(weather), ask5("How warm is it?")), "tool_use", "tool_use", `map[city:How warm is it? unit:c]`},
		{"two tools", haiku45, Scenario{}, both(raw(weather), ask5("in parallel, please")), "tool_use tool_use", "tool_use", "get_weather"},
		{"one of them", haiku45, Scenario{}, both(raw(weather), raw(`{"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}`), ask5("in parallel, please")), "tool_use", "tool_use", "get_weather"},
		{"no tool", haiku45, Scenario{}, both(raw(weather), raw(`{"tool_choice": {"type": "none"}}`)), "text", "end_turn", "You said"},
		{"tool's answer", haiku45, Scenario{}, toolTurn, "text", "end_turn", "The tool answered: 12 degrees"},
		{"forced again", haiku45, Scenario{}, both(toolTurn, raw(`{"tool_choice": {"type": "any"}}`)), "tool_use", "tool_use", "get_weather"},
		{"thinking by default, not shown", opus5, Scenario{}, both(), "thinking text", "end_turn", "You said"},
		{"thinking asked for", opus46, Scenario{Thinking: "hm"}, raw(`{"thinking": {"type": "adaptive"}}`), "thinking text", "end_turn", "You said"},
		{"thinking off", opus5, Scenario{}, raw(`{"thinking": {"type": "disabled"}}`), "text", "end_turn", "You said"},
		{"thinking between tools", sonnet55, Scenario{}, raw(`{"thinking": {"type": "between_tools"}}`), "text", "end_turn", "You said"},
		{"thinking after a tool", sonnet55, Scenario{}, both(toolTurn, raw(`{"thinking": {"type": "between_tools"}}`)), "thinking text", "end_turn", "12 degrees"},
		{"redacted thinking", haiku45, Scenario{Redacted: true}, both(), "redacted_thinking text", "end_turn", "You said"},
		{"format", opus46, Scenario{}, raw(`{"output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}}}}`), "text", "end_turn", `{"n":1}`},
		{"fixed text", haiku45, Scenario{Text: "Tomorrow."}, raw(weather), "text", "end_turn", "Tomorrow."},
		{"text and calls", haiku45, Scenario{Text: "Look:", Calls: []Call{{"f", nil}}}, both(), "text tool_use", "tool_use", "map[]"},
		{"max_tokens", haiku45, Scenario{Tokens: 50}, set("max_tokens", 2), "text", "max_tokens", "ping pon"},
		{"max_tokens while thinking", opus5, Scenario{}, set("max_tokens", 1), "thinking", "max_tokens", ""},
		{"cache only", haiku45, Scenario{}, set("max_tokens", 0), "", "max_tokens", ""},
		{"stop sequence", haiku45, Scenario{Text: "one two three"}, raw(`{"stop_sequences": [" three", " two"]}`), "text", "stop_sequence", "one"},
		{"other reason", haiku45, Scenario{StopReason: "refusal"}, both(), "text", "refusal", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := New(Options{Scenarios: []Scenario{test.scenario}})
			r := ask(t, s, test.model, hello(test.edit))
			if got := kinds(r); got != test.kinds || r.StopReason != test.stop {
				t.Fatalf("blocks %q, stop reason %s", got, r.StopReason)
			}
			if n := len(r.Content); n > 0 && !strings.Contains(blockText(r.Content[n-1]), test.last) {
				t.Errorf("last block %v", r.Content[n-1])
			}
		})
	}
}

// blockText is a block as Go prints it, for looking into it.
func blockText(b map[string]any) string {
	text, _ := json.Marshal(b)
	return string(text) + " " + anyText(b["text"]) + " " + anyText(b["input"])
}

func anyText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		var all []string
		for _, k := range []string{"city", "unit"} {
			if s, ok := v[k].(string); ok {
				all = append(all, k+":"+s)
			}
		}
		return "map[" + strings.Join(all, " ") + "]"
	}
	return ""
}

func TestStopSequenceIsTold(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Text: "one two three"}}})
	r := ask(t, s, haiku45, hello(raw(`{"stop_sequences": [" three", " two"]}`)))
	if r.Sequence != " two" || r.Content[0]["text"] != "one" {
		t.Errorf("sequence %q, content %v", r.Sequence, r.Content)
	}
}

func TestIDs(t *testing.T) {
	s := New(Options{})
	body := hello(raw(weather))
	first, second := ask(t, s, haiku45, body), ask(t, s, haiku45, body)
	if !regexp.MustCompile(`^msg_vrtx_01[0-9A-Za-z]{22}$`).MatchString(first.ID) || first.ID == second.ID {
		t.Errorf("message ids %s, %s", first.ID, second.ID)
	}
	id, _ := first.Content[0]["id"].(string)
	if !regexp.MustCompile(`^toolu_vrtx_01[0-9A-Za-z]{22}$`).MatchString(id) || id == second.Content[0]["id"] {
		t.Errorf("tool use ids %s, %s", id, second.Content[0]["id"])
	}
	if first.Model != "claude-haiku-4-5-20251001" {
		t.Errorf("model %s", first.Model)
	}
	if again := ask(t, New(Options{}), haiku45, body); again.ID != first.ID {
		t.Errorf("ids of two emulators differ: %s, %s", first.ID, again.ID)
	}
}

func TestThinkingComesBack(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Redacted: true}}})
	first := ask(t, s, opus5, hello())
	again := func(content any) edit { return talk(user("What is a vertex?"), assistant(content), user("Go on.")) }
	ask(t, s, opus5, hello(again(first.Content)))

	res, text := post(t, s, pathOf("global", opus55, "rawPredict"), hello(again(first.Content)))
	if res.StatusCode != 400 || !strings.Contains(text, "messages.1.content.0: Invalid `data`") {
		t.Errorf("other model's thinking: %s: %s", res.Status, text)
	}
	first.Content[1]["thinking"] = "changed"
	res, text = post(t, s, pathOf("global", opus5, "rawPredict"), hello(again(first.Content)))
	if res.StatusCode != 400 || !strings.Contains(text, "messages.1.content.1: Invalid `signature` in `thinking` block") {
		t.Errorf("changed thinking: %s: %s", res.Status, text)
	}
}

func TestThinkingIsBilled(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Thinking: "12345678", Text: "1234"}}})
	r := ask(t, s, opus5, hello())
	if r.Usage.Output != 3 || r.Usage.Details == nil || r.Usage.Details.Thinking != 2 {
		t.Errorf("usage %+v", r.Usage)
	}
	if r.Content[0]["thinking"] != "" {
		t.Errorf("thinking is shown: %v", r.Content[0])
	}
}

func TestWebSearch(t *testing.T) {
	s := New(Options{})
	search := raw(`{"tools": [{"type": "web_search_20250305", "name": "web_search"}]}`)
	r := ask(t, s, haiku45, hello(search, talk(user("Please search for it"))))
	if got := kinds(r); got != "server_tool_use web_search_tool_result text text" || r.StopReason != "end_turn" {
		t.Fatalf("blocks %q, stop reason %s", got, r.StopReason)
	}
	cited := r.Content[3]["citations"].([]any)[0].(map[string]any)
	if cited["url"] != pageURL || cited["title"] != pageTitle {
		t.Errorf("citation %v", cited)
	}
	if got := s.Requests()[0].Usage.Searches; got != 1 {
		t.Errorf("%d searches", got)
	}
	ask(t, s, haiku45, hello(search, talk(user("Please search for it"), assistant(r.Content), user("Thanks"))))
}

func TestPromptCache(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	s := New(Options{Now: func() time.Time { return now }})
	long := strings.Repeat("0123456789abcdef", 1200) // 4800 tokens
	system := func(ttl string) edit {
		return set("system", []any{map[string]any{"type": "text", "text": long, "cache_control": map[string]any{"type": "ephemeral", "ttl": ttl}}})
	}
	type bill struct{ in, write, read int }
	check := func(step string, want bill, edits ...edit) {
		t.Helper()
		r := ask(t, s, haiku45, hello(edits...))
		if got := (bill{r.Usage.Input, r.Usage.Write, r.Usage.Read}); got != want {
			t.Errorf("%s: got %+v, want %+v", step, got, want)
		}
	}
	check("no mark", bill{4802, 0, 0}, set("system", long), talk(user("12345678")))
	check("first", bill{2, 4800, 0}, system("5m"), talk(user("12345678")))
	check("second", bill{2, 0, 4800}, system("5m"), talk(user("87654321")))
	grown := blocks(`[{"type": "text", "text": "1234", "cache_control": {"type": "ephemeral"}}]`)
	check("grown", bill{0, 1, 4800}, system("5m"), talk(user(grown)))
	moved := blocks(`[{"type": "text", "text": "1234"}, {"type": "text", "text": "5678", "cache_control": {"type": "ephemeral"}}]`)
	check("mark moved", bill{0, 1, 4801}, system("5m"), talk(user(moved)))
	now = now.Add(5*time.Minute + time.Second)
	check("forgotten", bill{2, 4800, 0}, system("1h"), talk(user("12345678")))
	now = now.Add(time.Hour)
	check("kept for an hour", bill{2, 0, 4800}, system("1h"), talk(user("12345678")))
	check("too short", bill{2, 0, 0}, raw(`{"cache_control": {"type": "ephemeral"}}`), talk(user("12345678")))
}

func TestCacheIsOfOneLocation(t *testing.T) {
	s := New(Options{})
	body := hello(talk(user(strings.Repeat("x", 20000))), raw(`{"cache_control": {"type": "ephemeral", "ttl": "1h"}}`))
	for _, location := range []string{"global", "us-east5"} {
		_, text := post(t, s, pathOf(location, haiku45, "rawPredict"), body)
		if u := readReply(t, text).Usage; u.Creation.Long != 5000 || u.Creation.Short != 0 || u.Read != 0 {
			t.Errorf("%s: usage %+v", location, u)
		}
	}
}

func TestCountTokens(t *testing.T) {
	s := New(Options{})
	body := hello(raw(weather), unset("max_tokens"), set("model", "claude-haiku-4-5@20251001"))
	res, text := post(t, s, pathOf("us-east5", "count-tokens", "rawPredict"), body)
	var count struct {
		Tokens int `json:"input_tokens"`
	}
	if err := json.Unmarshal([]byte(text), &count); err != nil || res.StatusCode != 200 {
		t.Fatalf("%s: %s", res.Status, text)
	}
	if r := ask(t, s, haiku45, hello(raw(weather))); r.Usage.Input != count.Tokens || count.Tokens < 30 {
		t.Errorf("counted %d, billed %d", count.Tokens, r.Usage.Input)
	}
	res, text = post(t, s, pathOf("global", "count-tokens", "rawPredict"), hello(unset("max_tokens"), set("model", "x")))
	if res.StatusCode != 404 || !strings.Contains(text, "not_found_error") {
		t.Errorf("%s: %s", res.Status, text)
	}
	res, text = post(t, s, pathOf("global", "count-tokens", "rawPredict"), hello(set("model", haiku45)))
	if res.StatusCode != 400 || !strings.Contains(text, "max_tokens: Extra inputs are not permitted") {
		t.Errorf("%s: %s", res.Status, text)
	}
}
