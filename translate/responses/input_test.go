package responses_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
	"vertexgateway/translate/responses"
)

func TestMessages(t *testing.T) {
	const call = `{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{\"n\":1.0}","status":"completed"}`
	tests := []struct{ name, input, instructions, want string }{
		{"a string", `"hi\u00fc"`, ``, `user "hi\u00fc"`},
		{"nothing", ``, `null`, ``},
		{"null", `null`, `"Be brief."`, `system "Be brief."`},
		{"instructions come first", `[{"role":"developer","content":"a"},{"role":"user","content":"b"}]`, `"Be brief."`, `system "Be brief." | developer "a" | user "b"`},
		{
			"parts", `[{"type":"message","role":"user","id":"m","status":"completed","content":[{"type":"input_text","text":"see"},{"type":"input_image","image_url":"data:x","detail":"low"},{"type":"input_file","filename":"a.pdf","file_data":"data:y"}]}]`, ``,
			`user [input_text "see"; input_image data:x; input_file a.pdf data:y]`,
		},
		{
			"a tool round", `[{"role":"user","content":"a"},` + call + `,{"type":"function_call_output","call_id":"c1","output":"r"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"done","annotations":[]}]}]`, ``,
			`user "a" | assistant calls(c1 function f "{\"n\":1.0}") | tool c1 "r" | assistant [output_text "done"]`,
		},
		{
			"a turn in pieces", `[{"role":"assistant","content":"one"},` + call + `,{"type":"web_search_call","id":"w"},{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]},{"type":"function_call","call_id":"c2","name":"g"},{"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"r"}]},{"type":"function_call_output","call_id":"c1","output":null}]`, ``,
			`assistant [text "one"; refusal "no"] calls(c1 function f "{\"n\":1.0}", c2 function g ) | tool c2 [input_text "r"] | tool c1`,
		},
		{
			"two texts of a turn", `[{"role":"assistant","content":[{"type":"output_text","text":"a"}],"thinking_blocks":[{"type":"thinking"}]},{"role":"assistant","content":"b","thinking_blocks":[{"type":"redacted_thinking"}]}]`, ``,
			`assistant [output_text "a"; text "b"] blocks [thinking; redacted_thinking]`,
		},
		{"the id serves as call_id", `[{"type":"function_call","id":"fc_1","name":"f","arguments":{"a":1}}]`, ``, `assistant calls(fc_1 function f {"a":1})`},
		{
			"custom tools", `[{"type":"custom_tool_call","call_id":"c1","name":"apply_patch","input":"*** Begin\n"},{"type":"custom_tool_call_output","call_id":"c1","output":"ok"}]`, ``,
			`assistant calls(c1 custom apply_patch "*** Begin\n") | tool c1 "ok"`,
		},
		{
			"a shell", `[{"type":"local_shell_call","id":"l","call_id":"c1","action":{"command":["ls"]}},{"type":"local_shell_call_output","id":"c1","output":"a"},{"type":"shell_call","call_id":"c2","action":{"commands":["ls"]}},{"type":"shell_call_output","call_id":"c2","output":[{"stdout":"a"}]},{"type":"apply_patch_call","call_id":"c3","operation":{"type":"delete_file"}},{"type":"apply_patch_call_output","call_id":"c3","status":"completed"}]`, ``,
			`assistant calls(c1 function local_shell {"command":["ls"]}) | tool c1 "a" | assistant calls(c2 function shell {"commands":["ls"]}) | tool c2 "[{\"stdout\":\"a\"}]" | assistant calls(c3 function apply_patch {"type":"delete_file"}) | tool c3`,
		},
		{
			"a tool of a namespace", `[{"type":"function_call","call_id":"c1","namespace":"git","name":"log","arguments":"{}"},{"type":"function_call","call_id":"c2","namespace":"x","name":"mcp__x__y","arguments":"{}"}]`, ``,
			`assistant calls(c1 function git__log "{}", c2 function mcp__x__y "{}")`,
		},
		{
			"thinking that was encrypted here", `[` + reasoning(`{"m":"claude","t":"thinking","s":"sig\/=","x":"h\u006d"}`) + `,` + reasoning(`{"t":"redacted","s":"data"}`) + `,` + reasoning(`{"t":"thinking","s":"s2"}`) + `,` + call + `]`, ``,
			`assistant thinks(0 reasoning.text "h\u006d" "sig\/=" , 1 reasoning.encrypted   "data", 2 reasoning.text "" "s2" ) calls(c1 function f "{\"n\":1.0}")`,
		},
		{
			"thinking of others", `[{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"gAAAA"},{"type":"reasoning","summary":[]},{"type":"reasoning","encrypted_content":null},{"type":"reasoning","encrypted_content":"cl1.!!"},` +
				reasoning(`{"t":"thinking"}`) + `,` + reasoning(`{"t":"other","s":"a"}`) + `,` + reasoning(`no`) + `,{"role":"user","content":"a"}]`, ``,
			`user "a"`,
		},
		{
			"what only OpenAI could use", `[` + ofTypes("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "computer_call", "computer_call_output", "mcp_list_tools",
				"mcp_approval_request", "mcp_approval_response", "mcp_call", "tool_search_call", "tool_search_output", "program", "program_output", "compaction", "compaction_trigger", "configuration_update") + `]`, ``,
			``,
		},
		{
			"chat messages among the items", `[` + reasoning(`{"t":"redacted","s":"d"}`) + `,{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}],"reasoning_details":[{"type":"reasoning.text","text":"a","signature":"b","index":0}]},{"role":"tool","tool_call_id":"c1","content":"r"}]`, ``,
			`assistant thinks(0 reasoning.encrypted   "d", 1 reasoning.text "a" "b" ) calls(c1 function f "{}") | tool c1 "r"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, fault := responses.Messages(jsontext.Value(tt.input), jsontext.Value(tt.instructions))
			if fault != nil {
				t.Fatalf("%s: %v", fault.Param, fault)
			}
			if written := write(got); written != tt.want {
				t.Errorf("got  %s\nwant %s", written, tt.want)
			}
		})
	}
}

func TestMessagesErrors(t *testing.T) {
	tests := []struct{ input, code, param, message string }{
		{`{}`, "invalid_type", "input", "expected a string or an array of items"},
		{`[{"role":"user"},{"type":"item_reference","id":"msg_1"}]`, "invalid_value", "input[1].type", "items are not stored; send the item itself"},
		{`[{"type":"additional_tools","role":"developer","tools":[]}]`, "invalid_value", "input[0].type", "send the tools in 'tools'"},
		{`[{"type":"telepathy"}]`, "invalid_value", "input[0].type", "unknown item type 'telepathy'"},
		{`[{"id":"msg_1"}]`, "invalid_value", "input[0]", "needs a type"},
		{`["a"]`, "invalid_type", "input[0]", ""},
		{`[{"type":1}]`, "invalid_type", "input[0].type", ""},
		{`[{"role":"critic","content":"a"}]`, "invalid_value", "input[0].role", "must be user"},
		{`[{"type":"message","content":"a"}]`, "missing_required_parameter", "input[0].role", "Missing required parameter: 'input[0].role'."},
		{`[{"role":"user","content":{}}]`, "invalid_type", "input[0].content", "expected a string or an array of content parts, but got an object"},
		{`[{"role":"user","content":[{"type":"input_text","text":"a"},1]}]`, "invalid_type", "input[0].content[1]", ""},
		{`[{"type":"function_call","name":"f"}]`, "missing_required_parameter", "input[0].call_id", ""},
		{`[{"type":"function_call","call_id":"c","namespace":"n"}]`, "missing_required_parameter", "input[0].name", ""},
		{`[{"type":"custom_tool_call","call_id":"c","name":"f","input":{}}]`, "invalid_type", "input[0].input", "expected a string"},
		{`[{"type":"function_call_output","output":"a"}]`, "missing_required_parameter", "input[0].call_id", ""},
		{`[{"type":"function_call_output","call_id":"c","output":[{"type":2}]}]`, "invalid_type", "input[0].output[0].type", ""},
		{`[{"role":"user","role":"user"}]`, "invalid_json", "input", ""},
	}
	for _, tt := range tests {
		t.Run(tt.input, func(t *testing.T) {
			got, fault := responses.Messages(jsontext.Value(tt.input), nil)
			if fault == nil {
				t.Fatalf("taken as %s", write(got))
			}
			if fault.Status != 400 || fault.Code != tt.code || fault.Param != tt.param || !strings.Contains(fault.Message, tt.message) {
				t.Errorf("%d %s %s: %s", fault.Status, fault.Code, fault.Param, fault.Message)
			}
		})
	}
	if _, fault := responses.Messages(nil, jsontext.Value(`["a"]`)); fault == nil || fault.Param != "instructions" {
		t.Errorf("instructions as a list: %v", fault)
	}
}

// FuzzMessages: whatever stands in the input, the messages are sound, or the error names
// the item.
func FuzzMessages(f *testing.F) {
	f.Add(`[{"role":"assistant","content":"a"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"r"}]}]`, `"s"`)
	f.Add(`[`+reasoning(`{"t":"thinking","s":"s","x":"x"}`)+`,{"type":"custom_tool_call","id":"c","name":"f","input":"i"},{"type":"shell_call_output","call_id":"c","output":[{}]}]`, `null`)
	f.Add(`[{"type":"item_reference","id":"a"},{"role":"assistant","reasoning_details":[{"index":9223372036854775807}]}]`, ``)
	f.Fuzz(func(t *testing.T, input, instructions string) {
		if !isEmptyOrJSON(input) || !isEmptyOrJSON(instructions) {
			return
		}
		messages, fault := responses.Messages(jsontext.Value(input), jsontext.Value(instructions))
		if fault != nil {
			if fault.Status != 400 || fault.Param == "" || fault.Message == "" || messages != nil {
				t.Errorf("%+v with messages %v", fault, messages)
			}
			return
		}
		for i := range messages {
			if why := unsound(&messages[i]); why != "" {
				t.Errorf("message %d has %s: %s", i, why, write(messages))
			}
		}
	})
}

func isEmptyOrJSON(s string) bool { return s == "" || jsontext.Value(s).IsValid() }

// unsound is what is wrong with a message; empty: nothing.
func unsound(m *openai.Message) string {
	switch m.Role {
	case "system", "developer", "user", "assistant", "tool":
	default:
		return "role " + m.Role
	}
	if len(m.Content.Text) > 0 && m.Content.Parts != nil {
		return "two contents"
	}
	values := []jsontext.Value{m.Content.Text}
	for _, p := range m.Content.Parts {
		values = append(values, p.Text)
	}
	for _, c := range m.ToolCalls {
		values = append(values, c.Function.Arguments, c.Custom.Input)
	}
	for _, d := range m.ReasoningDetails {
		values = append(values, d.Text, d.Signature, d.Data)
	}
	for _, v := range values {
		if len(v) > 0 && !v.IsValid() {
			return "no JSON: " + string(v)
		}
	}
	return ""
}

// Every input that was really sent becomes messages, or is refused for its references.
func TestRecordedInputs(t *testing.T) {
	requests := openaitest.Recordings(t, func(r *openaitest.Recording) bool { return r.API == "openai-responses" })
	seen := 0
	for _, r := range requests {
		var body struct{ Input, Instructions json.RawMessage }
		if json.Unmarshal(r.Request.Body, &body) != nil || len(body.Input) == 0 {
			continue
		}
		seen++
		messages, fault := responses.Messages(jsontext.Value(body.Input), jsontext.Value(body.Instructions))
		switch {
		case fault != nil && (strings.Contains(string(body.Input), "item_reference") || strings.Contains(string(body.Input), "additional_tools")):
		case fault != nil:
			t.Errorf("%s: %s: %v", r.ID, fault.Param, fault)
		case len(messages) == 0:
			t.Errorf("%s: no messages from %s", r.ID, body.Input)
		}
	}
	if seen < 50 {
		t.Errorf("%d requests seen, want many", seen)
	}
}

// reasoning is an item whose encrypted_content carries plain.
func reasoning(plain string) string {
	return `{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"cl1.` + base64.RawURLEncoding.EncodeToString([]byte(plain)) + `"}`
}

// ofTypes are items with little more than their type.
func ofTypes(types ...string) string {
	return list(types, ",", func(kind string) string { return `{"type":"` + kind + `","id":"i","output":{},"role":"developer"}` })
}

// write gives messages in one line.
func write(messages []openai.Message) string {
	all := make([]string, len(messages))
	for i, m := range messages {
		words := []string{m.Role}
		if m.ToolCallID != "" {
			words = append(words, m.ToolCallID)
		}
		if content := writeContent(m.Content); content != "" {
			words = append(words, content)
		}
		if len(m.ThinkingBlocks) > 0 {
			words = append(words, "blocks", writeContent(openai.Content{Parts: m.ThinkingBlocks}))
		}
		if len(m.ReasoningDetails) > 0 {
			words = append(words, "thinks("+list(m.ReasoningDetails, ", ", func(d openai.ReasoningDetail) string {
				return fmt.Sprintf("%d %s %s %s %s", d.Index, d.Type, []byte(d.Text), []byte(d.Signature), []byte(d.Data))
			})+")")
		}
		if len(m.ToolCalls) > 0 {
			words = append(words, "calls("+list(m.ToolCalls, ", ", func(c openai.ToolCall) string {
				return fmt.Sprintf("%s %s %s%s %s%s", c.ID, c.Type, c.Function.Name, c.Custom.Name, []byte(c.Function.Arguments), []byte(c.Custom.Input))
			})+")")
		}
		all[i] = strings.Join(words, " ")
	}
	return strings.Join(all, " | ")
}

func writeContent(c openai.Content) string {
	if c.Parts == nil {
		return string(c.Text)
	}
	return "[" + list(c.Parts, "; ", func(p openai.Part) string {
		fields := []string{p.Type, string(p.Text), string(p.Refusal), p.ImageURL.URL, p.Filename, p.FileData}
		return strings.Join(strings.Fields(strings.Join(fields, " ")), " ")
	}) + "]"
}

func list[T any](of []T, separator string, write func(T) string) string {
	all := make([]string, len(of))
	for i, one := range of {
		all[i] = write(one)
	}
	return strings.Join(all, separator)
}
