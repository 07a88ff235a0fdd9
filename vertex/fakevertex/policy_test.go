package fakevertex

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/catalogue"
)

const (
	webSearch = `{"tools": [{"type": "web_search_20250305", "name": "web_search"}]}`
	closed    = `{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}`
)

func TestDenied(t *testing.T) {
	format := raw(`{"output_config": {"format": {"type": "json_schema", "schema": ` + closed + `}}}`)
	strict := raw(`{"tools": [{"name": "a", "strict": true, "input_schema": ` + closed + `}]}`)
	tests := []struct {
		name   string
		denied string
		edit   edit
		want   string // the feature refused; empty: none
	}{
		{"format", "structured_outputs", format, "structured_outputs"},
		{"strict tool", "structured_outputs", strict, "structured_outputs"},
		{"search", "web_search", raw(webSearch), "web_search"},
		{"other feature", "web_search", format, ""},
		{"plain tool", "structured_outputs", raw(weather), ""},
		{"nothing", "structured_outputs", both(), ""},
		{"also what Claude would refuse", "structured_outputs", both(format, set("temperature", 0.5)), "structured_outputs"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := New(Options{Scenarios: []Scenario{{Denied: []string{test.denied}}}})
			for _, method := range []string{"rawPredict", "streamRawPredict"} {
				res, text := post(t, s, pathOf("global", opus5, method), hello(test.edit))
				if test.want == "" {
					if res.StatusCode != 200 {
						t.Errorf("%s: %s", res.Status, text)
					}
					continue
				}
				want := "violated for projects/123456789012attempting to use a disallowed feature " + test.want + " for Partner model claude-opus-5."
				if res.StatusCode != 400 || !strings.Contains(text, want) || !strings.Contains(text, `"status": "FAILED_PRECONDITION"`) {
					t.Errorf("%s: %s", res.Status, text)
				}
				if array := strings.HasPrefix(text, "["); array != (method == "streamRawPredict") {
					t.Errorf("%s: array %v", method, array)
				}
			}
		})
	}
}

// complaint is what an error answer says.
func complaint(t *testing.T, text string) string {
	t.Helper()
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return body.Error.Message
}

func TestModelThatChanged(t *testing.T) {
	known := catalogue.Builtin()
	model, _ := known.Find(haiku45)
	before := model.Accepts
	before.Thinking = slices.Clone(model.Accepts.Thinking)
	tests := []struct {
		accepts string
		edit    edit
		want    string
	}{
		{`{"prefill": "never"}`, talk(user("a"), assistant("b")), "This model does not support assistant message prefill. The conversation must end with a user message."},
		{`{"forced_tools": "never"}`, both(raw(weather), raw(`{"tool_choice": {"type": "any"}}`)), `tool_choice: type "tool" and "any" are not supported for this model.`},
		{`{"thinking": ["adaptive"]}`, raw(`{"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}`), `"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`},
		{`{"thinking": []}`, raw(`{"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}`), "thinking: Extra inputs are not permitted"},
		{`{"effort": ["low"]}`, raw(`{"output_config": {"effort": "max"}}`), "This model does not support effort level 'max'. Supported levels: low."},
		{`{"sampling": "none"}`, set("temperature", 0), "`temperature` is not supported on this model."},
	}
	for _, test := range tests {
		t.Run(test.accepts, func(t *testing.T) {
			list, err := ParseScenarios([]byte(`[{"model": "claude-haiku-4-5", "accepts": ` + test.accepts + `}]`))
			if err != nil {
				t.Fatal(err)
			}
			res, text := post(t, New(Options{Catalogue: known, Scenarios: list}), pathOf("global", haiku45, "rawPredict"), hello(test.edit))
			if got := complaint(t, text); res.StatusCode != 400 || got != test.want {
				t.Errorf("%s: %s", res.Status, got)
			}
		})
	}
	if diff := cmp.Diff(before, model.Accepts); diff != "" {
		t.Errorf("the catalogue changed: %s", diff)
	}
	res, text := post(t, New(Options{Scenarios: []Scenario{{Accepts: []byte(`{"x": 1}`)}}}), pathOf("global", haiku45, "rawPredict"), hello())
	if res.StatusCode != 500 || !strings.Contains(text, "scenario: accepts: ") {
		t.Errorf("%s: %s", res.Status, text)
	}
}

func TestWindow(t *testing.T) {
	const opus41 = "claude-opus-4-1"
	s := New(Options{Scenarios: []Scenario{{Window: 1500}}})
	long := talk(user(strings.Repeat("word", 1000)))
	refused := func(model string, edits ...edit) string {
		res, text := post(t, s, pathOf("global", model, "rawPredict"), hello(edits...))
		if res.StatusCode != 400 {
			t.Fatalf("%s: %s", res.Status, text)
		}
		return complaint(t, text)
	}
	if got, want := refused(opus41, long), "input length and `max_tokens` exceed context limit: 1000 + 1000 > 1500, decrease input length or `max_tokens` and try again"; got != want {
		t.Error(got)
	}
	for _, model := range []string{opus41, haiku45} {
		if got, want := refused(model, talk(user(strings.Repeat("word", 1501)))), "prompt is too long: 1501 tokens > 1500 maximum"; got != want {
			t.Errorf("%s: %s", model, got)
		}
	}
	ask(t, s, opus41, hello(long, set("max_tokens", 500)))

	s.Set(Scenario{Window: 1010, Tokens: 50})
	if r := ask(t, s, haiku45, hello(long)); r.StopReason != "model_context_window_exceeded" || r.Usage.Output != 10 {
		t.Errorf("stop reason %s, usage %+v", r.StopReason, r.Usage)
	}
	if r := ask(t, s, haiku45, hello(long, set("max_tokens", 10))); r.StopReason != "max_tokens" {
		t.Errorf("stop reason %s", r.StopReason)
	}
}

// TestRepairable: the texts that a client may act on, to the letter (openai-claude.md M, D.2).
func TestRepairable(t *testing.T) {
	s := New(Options{})
	tests := []struct {
		model string
		edit  edit
		want  string
	}{
		{opus55, both(raw(weather), raw(`{"tool_choice": {"type": "tool", "name": "get_weather"}}`)), `tool_choice: type "tool" and "any" are not supported for this model.`},
		{opus46, both(raw(weather), raw(`{"tool_choice": {"type": "any"}, "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}`)), "Thinking may not be enabled when tool_choice forces tool use."},
		{opus5, raw(`{"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}`), `"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`},
		{opus55, raw(`{"thinking": {"type": "disabled"}}`), `"thinking.type.disabled" is not supported for this model. Thinking defaults to adaptive mode when not specified; use "thinking.type.enabled" with "budget_tokens" for extended thinking.`},
		{haiku45, raw(`{"thinking": {"type": "adaptive"}}`), "adaptive thinking is not supported on this model"},
		{opus5, talk(user("a"), assistant("b")), "This model does not support assistant message prefill. The conversation must end with a user message."},
		{opus46, raw(`{"output_config": {"effort": "xhigh"}}`), "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."},
		{sonnet5, raw(`{"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}`), "role 'system' is not supported on this model"},
		{haiku45, marked(6), "A maximum of 4 blocks with cache_control may be provided. Found 6."},
		{haiku45, set("foo", 1), "foo: Extra inputs are not permitted"},
		{sonnet37, raw(`{"output_config": {"format": {"type": "json_schema", "schema": ` + closed + `}}}`), "output_config: Extra inputs are not permitted"},
		{haiku45, talk(user(strings.Repeat("word", 200_001))), "prompt is too long: 200001 tokens > 200000 maximum"},
		{haiku45, raw(`{"temperature": 1, "top_p": 1}`), "`temperature` and `top_p` cannot both be specified for this model. Please use only one."},
		{haiku45, talk(user("a"), assistant("b ")), "messages: final assistant content cannot end with trailing whitespace"},
	}
	for _, test := range tests {
		res, text := post(t, s, pathOf("global", test.model, "rawPredict"), hello(test.edit))
		if got := complaint(t, text); res.StatusCode != 400 || got != test.want {
			t.Errorf("%s: got %q, want %q", res.Status, got, test.want)
		}
	}
	_, text := post(t, s, pathOf("global", haiku45, "rawPredict"), hello(), "anthropic-beta", "oauth-2025-04-20")
	want := "Unexpected value(s) `oauth-2025-04-20` for the `anthropic-beta` header. Please consult our documentation at docs.anthropic.com or try again without the header."
	if got := complaint(t, text); got != want {
		t.Error(got)
	}
}

// strictTools declares n strict tools, each with so many optional and nullable properties.
func strictTools(n, optional, unions int) edit {
	properties, required := map[string]any{}, []any{}
	for i := range optional {
		properties["o"+string(rune('a'+i))] = map[string]any{"type": "string"}
	}
	for i := range unions {
		name := "u" + string(rune('a'+i))
		properties[name] = map[string]any{"type": []any{"string", "null"}}
		required = append(required, name)
	}
	schema := map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	var tools []any
	for i := range n {
		tools = append(tools, map[string]any{"name": "f" + string(rune('a'+i)), "strict": true, "input_schema": schema})
	}
	return set("tools", tools)
}

func TestSchemaLimits(t *testing.T) {
	s := New(Options{})
	format := raw(`{"output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": false}}}}`)
	const complex = "Schema is too complex for compilation."
	tests := []struct {
		name string
		edit edit
		want string
	}{
		{"most tools", strictTools(20, 1, 0), ""},
		{"too many tools", strictTools(21, 0, 0), "tools: Too many strict tools. The maximum is 20."},
		{"most optional properties", strictTools(2, 12, 0), ""},
		{"too many optional properties", strictTools(1, 25, 0), complex},
		{"too many in several tools", strictTools(5, 5, 0), complex},
		{"most with the format's", both(strictTools(1, 23, 0), format), ""},
		{"too many with the format's", both(strictTools(1, 24, 0), format), complex},
		{"most unions", strictTools(2, 0, 8), ""},
		{"too many unions", strictTools(1, 0, 17), complex},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res, text := post(t, s, pathOf("global", opus5, "rawPredict"), hello(test.edit))
			if test.want == "" && res.StatusCode != 200 || test.want != "" && complaint(t, text) != test.want {
				t.Errorf("%s: %s", res.Status, text)
			}
		})
	}
}
