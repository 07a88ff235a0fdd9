package anthropic_test

import (
	"regexp"
	"strings"
	"testing"

	"vertexgateway/translate/anthropic"
)

// What becomes of prompt-cache marks: those of the client count, within Claude's rules.
func TestMarks(t *testing.T) {
	const (
		mark = `"cache_control":{"type":"ephemeral"}`
		hour = `"cache_control":{"type":"ephemeral","ttl":"1h"}`
	)
	tests := []struct {
		name, chat string
		auto       bool
		want       string // the body's texts and names with 5 or 1 behind those that are marked
		warnings   string
	}{
		{"on a part, a message and a tool", `"tools":[{"type":"function","function":{"name":"f"},` + hour + `}],"messages":[{"role":"system","content":"s",` + mark + `},{"role":"user","content":[{"type":"text","text":"a",` + mark + `},{"type":"text","text":"b"}]}]`, false,
			"f1 s5 a5 b", ""},
		{"OpenAI's own, whose times are others", `"messages":[{"role":"user","content":[{"type":"text","text":"a","prompt_cache_breakpoint":{"mode":"explicit","ttl":"30m"}},{"type":"text","text":"b","prompt_cache_breakpoint":{"mode":"explicit"}}]}]`, false,
			"a1 b5", ""},
		{"an hour behind five minutes", `"messages":[{"role":"system","content":"s",` + mark + `},{"role":"user","content":"a",` + hour + `}]`, false,
			"s5 a5", "cache_control:clamped"},
		{"the latest four", `"messages":[{"role":"user","content":[{"type":"text","text":"a",` + mark + `},{"type":"text","text":"b",` + mark + `},{"type":"text","text":"c",` + mark + `},{"type":"text","text":"d",` + mark + `},{"type":"text","text":"e",` + mark + `},{"type":"text","text":"f",` + mark + `}]}]`, false,
			"a b c5 d5 e5 f5", "cache_control:clamped"},
		{"one for a group of results", `"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f"}},{"id":"y","function":{"name":"g"}}]},{"role":"tool","tool_call_id":"x","content":"1",` + mark + `},{"role":"tool","tool_call_id":"y","content":"2",` + mark + `}]`, false,
			"f g a f g 1 25", ""},
		{"on a call in Anthropic's form", `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"f","input":{},` + mark + `}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":"1"}]}]`, false,
			"f a f5 1", ""},
		{"inside a result", `"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"x","content":[{"type":"text","text":"1",` + mark + `}]}]`, false,
			"f a f 15", ""},
		{"not on what is left out, nor on thinking", `"messages":[{"role":"user","content":[{"type":"text","text":" ",` + mark + `},{"type":"text","text":"a"}]},{"role":"assistant","content":"",` + mark + `,"reasoning_details":[{"type":"reasoning.text","text":"h","signature":"s"}]},{"role":"user","content":"b"}]`, false,
			"a b", ""},
		{"nobody's", `"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"}]`, false, "s a", ""},
		{"the gateway's", `"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],"messages":[{"role":"system","content":"s"},{"role":"system","content":"t"},{"role":"user","content":"a"}]`, true,
			"f g5 s t5 a all5", ""},
		{"the gateway's before a tool that is loaded later", `"tools":[{"name":"f","input_schema":{}},{"name":"g","input_schema":{},"defer_loading":true}],"messages":[{"role":"user","content":"a"}]`, true,
			"f5 g a all5", ""},
		{"not on a tool that is loaded later", `"tools":[{"name":"f","input_schema":{},` + mark + `},{"name":"g","input_schema":{},"defer_loading":true,` + mark + `}],"messages":[{"role":"user","content":"a"}]`, false,
			"f5 g a", "cache_control:dropped"},
		{"the gateway's for long", `"prompt_cache_retention":"24h","messages":[{"role":"system","content":"s"},{"role":"user","content":"a"}]`, true,
			"s1 a all1", ""},
		{"not the gateway's beside the client's", `"messages":[{"role":"system","content":"s"},{"role":"user","content":"a",` + mark + `}]`, true,
			"s a5", ""},
		{"not the gateway's where the client marks by itself", `"prompt_cache_options":{"mode":"explicit"},"messages":[{"role":"user","content":"a"}]`, true,
			"a", ""},
		{"of the request as a whole", mark + `,"messages":[{"role":"user","content":"a"}]`, false, "a all5", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, fault := tryWith(t, `{"model":"claude-opus-5",`+tt.chat+`}`, anthropic.Options{Cache: tt.auto})
			if fault != nil {
				t.Fatal(fault)
			}
			if got := marked(t, string(req.Body)); got != tt.want {
				t.Errorf("marks %q, want %q in %s", got, tt.want, req.Body)
			}
			warnings := ""
			for _, w := range req.Warnings {
				if w.Param == "cache_control" {
					warnings = w.Param + ":" + w.What
				}
			}
			if warnings != tt.warnings {
				t.Errorf("warnings %q, want %q", warnings, tt.warnings)
			}
		})
	}
}

var markedThing = regexp.MustCompile(`"(?:text|name|content)":"([^"]+)"(?:,"(?:input_schema|input|is_error)":(?:\{[^}]*\}\}?|true))?(?:\}\])?(,"cache_control":\{"type":"ephemeral"(,"ttl":"1h")?)?`)

// marked lists what is in a body in the order of the prompt, with the marks.
func marked(t *testing.T, body string) string {
	t.Helper()
	var things []string
	for _, part := range []string{"tools", "system", "messages"} {
		for _, m := range markedThing.FindAllStringSubmatch(field(t, body, part), -1) {
			thing := m[1]
			switch {
			case m[3] != "":
				thing += "1"
			case m[2] != "":
				thing += "5"
			}
			things = append(things, thing)
		}
		if part == "messages" && field(t, body, "cache_control") != "-" {
			things = append(things, map[bool]string{true: "all1", false: "all5"}[strings.Contains(field(t, body, "cache_control"), "1h")])
		}
	}
	return strings.Join(things, " ")
}

// The gateway's own marks change no byte of the turns that a conversation began with.
func TestAutomaticMarksKeepThePrefix(t *testing.T) {
	const first = `{"role":"system","content":"s"},{"role":"user","content":"a"}`
	body := func(messages string) string {
		req, fault := tryWith(t, `{"model":"claude-opus-5","tools":[{"name":"f","input_schema":{}}],"messages":[`+messages+`]}`, anthropic.Options{Cache: true})
		if fault != nil {
			t.Fatal(fault)
		}
		return string(req.Body)
	}
	short, long := body(first), body(first+`,{"role":"assistant","content":"b"},{"role":"user","content":"c"}`)
	if prefix := strings.TrimSuffix(short, "]}"); !strings.HasPrefix(long, prefix) || !strings.Contains(short, "cache_control") {
		t.Errorf("%s\ndoes not begin with\n%s", long, prefix)
	}
}
