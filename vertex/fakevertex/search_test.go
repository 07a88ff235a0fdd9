package fakevertex

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// TestPauses goes on with an answer until it is complete.
func TestPauses(t *testing.T) {
	tests := []struct {
		name     string
		model    string
		scenario Scenario
		want     []string // the blocks of each round
	}{
		{"none", haiku45, Scenario{}, []string{"server_tool_use web_search_tool_result text text"}},
		{"one", haiku45, Scenario{Pauses: 1}, []string{"server_tool_use", "web_search_tool_result text text"}},
		{"two, without prefill, thinking", opus5, Scenario{Pauses: 2}, []string{"thinking server_tool_use", "web_search_tool_result", "text text"}},
		{"three, own text", opus46, Scenario{Pauses: 3, Text: "Done."}, []string{"server_tool_use", "web_search_tool_result", "server_tool_use", "web_search_tool_result text"}},
		{"failed", haiku45, Scenario{Pauses: 1, SearchError: "unavailable"}, []string{"server_tool_use", "web_search_tool_result text"}},
		{"bound", opus5, Scenario{Pauses: 1, Bound: true}, []string{"thinking server_tool_use", "web_search_tool_result text text"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := New(Options{Scenarios: []Scenario{test.scenario}})
			var rounds []string
			var content []map[string]any
			body := hello(raw(webSearch), talk(user("Please search for it")))
			for len(rounds) < 6 {
				r := ask(t, s, test.model, body)
				rounds = append(rounds, kinds(r))
				content = append(content, r.Content...)
				body = hello(raw(webSearch), talk(user("Please search for it"), assistant(content)))
				if r.StopReason != "pause_turn" {
					break
				}
			}
			if diff := cmp.Diff(test.want, rounds); diff != "" {
				t.Error(diff)
			}
			ask(t, s, test.model, hello(raw(webSearch), talk(user("Please search for it"), assistant(content), user("Thanks"))))
		})
	}
}

func TestPausedStream(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Pauses: 1}}})
	_, text := post(t, s, pathOf("global", opus5, "streamRawPredict"), hello(raw(webSearch), set("stream", true)))
	events := readEvents(t, text)
	if last := events[len(events)-2]; last.name != "message_delta" || !strings.Contains(last.data, `"stop_reason":"pause_turn"`) {
		t.Errorf("%s %s", last.name, last.data)
	}
}

// edited changes one member of one block.
func edited(content []map[string]any, at int, change func(b map[string]any)) []map[string]any {
	all := slices.Clone(content)
	b := maps.Clone(all[at])
	change(b)
	all[at] = b
	return all
}

// pageWith changes the only page of a result.
func pageWith(name string, value any) func(map[string]any) {
	return func(b map[string]any) {
		one := maps.Clone(b["content"].([]any)[0].(map[string]any))
		if one[name] = value; value == nil {
			delete(one, name)
		}
		b["content"] = []any{one}
	}
}

func TestServerBlocksComeBack(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Pauses: 2}}})
	question := user("Please search for it")
	first := ask(t, s, haiku45, hello(raw(webSearch), talk(question))).Content
	second := append(slices.Clone(first), ask(t, s, haiku45, hello(raw(webSearch), talk(question, assistant(first)))).Content...)
	with := func(name string, value any) func(map[string]any) {
		return func(b map[string]any) { b[name] = value }
	}
	renamed := edited(second, 0, with("id", "srvtoolu_vrtx_01abc"))
	renamed = edited(renamed, 1, with("tool_use_id", "srvtoolu_vrtx_01abc"))
	other := second[0]["id"].(string)
	tests := []struct {
		name string
		edit edit
		want string
	}{
		{"as it was", talk(question, assistant(second)), ""},
		{"in several messages", talk(question, assistant(second[:1]), assistant(second[1:])), ""},
		{"finished", talk(question, assistant(second), user("Thanks")), ""},
		{"foreign, but finished", talk(question, assistant(renamed), user("Thanks")), ""},
		{"foreign", talk(question, assistant(renamed)), "messages.1.content.0: Invalid `id` in `server_tool_use` block: srvtoolu_vrtx_01abc"},
		{"changed id", talk(question, assistant(edited(first, 0, with("id", other[:len(other)-1]+"x")))), "messages.1.content.0: Invalid `id` in `server_tool_use` block"},
		{"id of a client's tool", talk(question, assistant(edited(first, 0, with("id", "toolu_1")))), "messages.1.content.0.server_tool_use.id: String should match pattern '^srvtoolu_[a-zA-Z0-9_]+$'"},
		{"without its secret", talk(question, assistant(edited(second, 1, pageWith("encrypted_content", nil)))), "messages.1.content.1.web_search_tool_result.content.0.web_search_result.encrypted_content: Field required"},
		{"empty secret", talk(question, assistant(edited(second, 1, pageWith("encrypted_content", ""))), user("Thanks")), "messages.1.content.1: Invalid `encrypted_content` in `search_result` block"},
		{"other page", talk(question, assistant(edited(second, 1, pageWith("url", "https://example.org/")))), "messages.1.content.1: Invalid `encrypted_content` in `search_result` block"},
		{"result only", talk(question, assistant(second[1:])), "messages.1.content.0: unexpected `tool_use_id` found in `web_search_tool_result` blocks: " + other},
		{"search only", talk(question, assistant(first), user("Thanks")), "messages.1: `web_search` tool use with id `" + other + "` was found without a corresponding `web_search_tool_result` block"},
		{"unknown error", talk(question, assistant(edited(second, 1, with("content", map[string]any{"type": "web_search_tool_result_error", "error_code": "x"})))), "web_search_tool_result_error.error_code: Input should be "},
		{"text behind it", talk(question, assistant(append(slices.Clone(second), map[string]any{"type": "text", "text": "so"}))), "This model does not support assistant message prefill."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res, text := post(t, s, pathOf("global", opus46, "rawPredict"), hello(raw(webSearch), test.edit))
			if test.want == "" && res.StatusCode != 200 {
				t.Errorf("%s: %s", res.Status, text)
			}
			if test.want != "" && (res.StatusCode != 400 || !strings.Contains(complaint(t, text), test.want)) {
				t.Errorf("%s: %s", res.Status, text)
			}
		})
	}
}

// TestPauseGoesOnWithoutScenario: what was begun is ended, whatever the question.
func TestPauseGoesOnWithoutScenario(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Pauses: 1, Times: 1}}})
	question := user("What is a vertex?")
	first := ask(t, s, opus46, hello(raw(webSearch), talk(question)))
	r := ask(t, s, opus46, hello(raw(webSearch), talk(question, assistant(first.Content))))
	if got := kinds(r); got != "web_search_tool_result text text" || r.StopReason != "end_turn" {
		t.Errorf("blocks %q, stop reason %s", got, r.StopReason)
	}
}

// TestSearchBesideTool: while a client's tool runs, the search need not have ended.
func TestSearchBesideTool(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Pauses: 1}}})
	search := ask(t, s, haiku45, hello(raw(webSearch))).Content[0]
	call := blocks(toolCall)[0]
	turn := func(content any) map[string]any {
		return hello(raw(webSearch), talk(user("q"), assistant([]any{search, call}), user(content)))
	}
	ask(t, s, haiku45, turn(blocks(toolResult)))
	text := append(blocks(toolResult), map[string]any{"type": "text", "text": "and?"})
	if res, answer := post(t, s, pathOf("global", haiku45, "rawPredict"), turn(text)); res.StatusCode != 400 || !strings.Contains(answer, "was found without a corresponding") {
		t.Errorf("%s: %s", res.Status, answer)
	}
}

func TestFailedSearch(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{SearchError: "max_uses_exceeded"}}})
	r := ask(t, s, haiku45, hello(raw(webSearch), talk(user("search"))))
	if got := kinds(r); got != "server_tool_use web_search_tool_result text" {
		t.Fatal(got)
	}
	want := map[string]any{"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
	if diff := cmp.Diff(want, r.Content[1]["content"]); diff != "" {
		t.Error(diff)
	}
	if n := s.Requests()[0].Usage.Searches; n != 0 {
		t.Errorf("%d searches were billed", n)
	}
	ask(t, s, haiku45, hello(raw(webSearch), talk(user("search"), assistant(r.Content), user("Thanks"))))
}

func TestCitations(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Untitled: true, Times: 1}}})
	body := hello(raw(webSearch), talk(user("search")))
	untitled, titled := ask(t, s, haiku45, body), ask(t, s, haiku45, body)
	for _, r := range []reply{untitled, titled} {
		for _, b := range r.Content[2:] {
			text := b["text"].(string)
			astral := strings.ContainsFunc(text, func(r rune) bool { return r > 0xffff })
			if !astral || utf8.RuneCountInString(text) == len(text) {
				t.Errorf("%q has no astral character", text)
			}
		}
	}
	title := func(r reply) any { return r.Content[3]["citations"].([]any)[0].(map[string]any)["title"] }
	if title(untitled) != nil || title(titled) != pageTitle {
		t.Errorf("titles %v and %v", title(untitled), title(titled))
	}
}
