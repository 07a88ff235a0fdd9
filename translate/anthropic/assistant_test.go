package anthropic_test

import (
	"strings"
	"testing"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// Turns in forms that are not OpenAI's own.
func TestForeignTurns(t *testing.T) {
	const ask = `{"role":"user","content":"a"},`
	tests := []struct{ name, messages, want, warnings string }{
		{"Anthropic's blocks", ask + `{"role":"assistant","content":[{"type":"thinking","thinking":"h","signature":"s"},{"type":"text","text":"b"},{"type":"tool_use","id":"c1","name":"f","input":{"n":1}},{"type":"text","text":"c"}]},{"role":"user","content":[{"type":"text","text":"d"},{"type":"tool_result","tool_use_id":"c1","content":"r"}]}`,
			`u text(a) | a thinking(h s) text(b) use(c1) text(c) | u result(c1 r) text(d)`, ``},
		{"a failed result", ask + `{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","is_error":true}]}`,
			`u text(a) | a use(c1) | u result(c1 missing)`, ``},
		{"a call in both forms", ask + `{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}],"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}`,
			`u text(a) | a use(c1) | u result(c1 r)`, ``},
		{"a custom call", ask + `{"role":"assistant","tool_calls":[{"id":"c1","type":"custom","custom":{"name":"p","input":"x\"y"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}`,
			`u text(a) | a use(c1) | u result(c1 r)`, ``},
		{"a function", ask + `{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"s"}`,
			`u text(a) | a use(fc_1) | u result(fc_1 r) | a use(fc_3) | u result(fc_3 s)`, ``},
		{"calls and results without ids", ask + `{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]},{"role":"tool","content":"1"},{"role":"tool","content":"2"}`,
			`u text(a) | a use(call_1_0) use(call_1_1) | u result(call_1_0 1) result(call_1_1 2)`, ``},
		{"a function nobody called", ask + `{"role":"function","name":"f","content":"r"}`, `u text(a) text(Tool result (f):) text(r)`, `tool_call_id:orphaned`},
		{"LiteLLM's thinking", ask + `{"role":"assistant","content":"b","thinking_blocks":[{"type":"thinking","thinking":"h","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"thinking","thinking":"no signature"}]},{"role":"user","content":"c"}`,
			`u text(a) | a thinking(h s) redacted(d) text(b) | u text(c)`, ``},
		{"OpenRouter's thinking before LiteLLM's", ask + `{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"1","signature":"s1"}],"thinking_blocks":[{"type":"thinking","thinking":"2","signature":"s2"}]},{"role":"user","content":"c"}`,
			`u text(a) | a thinking(1 s1) text(b) | u text(c)`, ``},
		{"signed thoughts of one index", ask + `{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"1","signature":"s1"},{"type":"reasoning.text","text":"2","signature":"s2"}]},{"role":"user","content":"c"}`,
			`u text(a) | a thinking(1 s1) thinking(2 s2) text(b) | u text(c)`, ``},
		{"thoughts in between", ask + `{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"1","signature":"s1","index":0},{"type":"reasoning.text","text":"2","signature":"s2","index":2}],"tool_calls":[{"id":"c1","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}`,
			`u text(a) | a thinking(1 s1) text(b) thinking(2 s2) use(c1) | u result(c1 r)`, ``},
		{"thoughts whose places do not fit", ask + `{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"1","signature":"s1","index":0},{"type":"reasoning.text","text":"2","signature":"s2","index":3}],"tool_calls":[{"id":"c1","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}`,
			`u text(a) | a thinking(1 s1) thinking(2 s2) text(b) use(c1) | u result(c1 r)`, ``},
		{"a continuation", ask + `{"role":"assistant","content":"b","prefix":true}`, `u text(a) | a text(b) | u text(Go on from the very point where your last text ends, and do not repeat any of it.)`, `messages:continued`},
		{"tags in the user's text", `{"role":"user","content":"<think>a</think>"}`, `u text(<think>a</think>)`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, warnings := translated(t, `{"model":"claude-opus-5","messages":[`+tt.messages+`]}`)
			if got := outline(t, body); got != tt.want {
				t.Errorf("turns\n%s, want\n%s", got, tt.want)
			}
			if warnings != tt.warnings {
				t.Errorf("warnings %q, want %q", warnings, tt.warnings)
			}
		})
	}
}

// Blocks of tools that Vertex ran go back as they came.
func TestServerBlocksGoBack(t *testing.T) {
	const blocks = `{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}},{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","url":"https://example.com","title":"t","encrypted_content":"E"}]}`
	body, _ := translated(t, `{"model":"claude-opus-5","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[`+blocks+`,{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}`)
	if !strings.Contains(body, `"content":[`+blocks+`,{"type":"text","text":"b"}]`) {
		t.Errorf("body %s", body)
	}
}

// A turn that the gateway kept goes back as Claude wrote it, if the client's says the same;
// else only its thinking does.
func TestKeptTurns(t *testing.T) {
	const (
		kept = `[{"type":"thinking","thinking":"1","signature":"s1"},{"type":"text","text":"b"},{"type":"thinking","thinking":"2","signature":"s2"},{"type":"text","text":"c"},{"type":"tool_use","id":"c1","name":"f","input":{"n":1,"m":2}}]`
		turn = `{"role":"assistant","content":"bc","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"m\":2, \"n\":1}"}}]}`
	)
	tests := []struct{ name, turn, want string }{
		{"the same", turn, `a thinking(1 s1) text(b) thinking(2 s2) text(c) use(c1)`},
		{"other text", strings.Replace(turn, "bc", "bd", 1), `a thinking(1 s1) thinking(2 s2) text(bd) use(c1)`},
		{"other arguments", strings.Replace(turn, `\"m\":2`, `\"m\":3`, 1), `a thinking(1 s1) thinking(2 s2) text(bc) use(c1)`},
		{"one more call", strings.Replace(turn, `[{`, `[{"id":"c0","type":"function","function":{"name":"f","arguments":""}},{`, 1), `a thinking(1 s1) thinking(2 s2) text(bc) use(c0) use(c1)`},
		{"thinking that the client has sent back", strings.Replace(turn, `bc"`, `bd","reasoning_details":[{"type":"reasoning.text","text":"3","signature":"s3"}]`, 1), `a thinking(3 s3) text(bd) use(c1)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chat, fault := openai.DecodeChatRequest([]byte(`{"model":"m","messages":[{"role":"user","content":"a"},` + tt.turn + `,{"role":"tool","tool_call_id":"c1","content":"r"}]}`))
			if fault != nil {
				t.Fatal(fault)
			}
			chat.Messages[1].Kept = []byte(kept)
			m, _ := catalogue.Builtin().Find("claude-opus-5")
			req, fault := anthropic.NewRequest(chat, m, anthropic.Options{})
			if fault != nil {
				t.Fatal(fault)
			}
			if got := strings.Split(outline(t, string(req.Body)), " | ")[1]; got != tt.want {
				t.Errorf("turn %s, want %s", got, tt.want)
			}
			if req, _ = anthropic.NewRequest(chat, m, anthropic.Options{Thoughtless: true}); strings.Contains(string(req.Body), `"thinking"`) {
				t.Errorf("thinking in %s", req.Body)
			}
		})
	}
}

// Half of a server's call is left out, but where Claude is to go on with it.
func TestHalvesOfServerCalls(t *testing.T) {
	const (
		use    = `{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}`
		result = `{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}`
		said   = `{"type":"text","text":"b"}`
	)
	for _, tt := range []struct{ content, after, want, warnings string }{
		{use + `,` + said, `,{"role":"user","content":"c"}`, said, "messages:repaired"},
		{result + `,` + use + `,` + said, `,{"role":"user","content":"c"}`, said, "messages:repaired"},
		{said + `,` + use, `,{"role":"user","content":"c"}`, said, "messages:repaired"},
		{said + `,` + use, ``, said + `,` + use, ""},
		{use + `,` + result + `,` + said, `,{"role":"user","content":"c"}`, use + `,` + result + `,` + said, ""},
	} {
		body, warnings := translated(t, `{"model":"claude-opus-5","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[`+tt.content+`]}`+tt.after+`]}`)
		if !strings.Contains(body, `{"role":"assistant","content":[`+tt.want+`]}`) || warnings != tt.warnings {
			t.Errorf("%s: warnings %q, body %s", tt.content, warnings, body)
		}
	}
}

// What a server's tool did is Claude's to say.
func TestServerBlocksOfOthers(t *testing.T) {
	const block = `{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}`
	for messages, param := range map[string]string{
		`{"role":"user","content":[` + block + `]}`: "messages[0].content[0].type",
		`{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"c","content":[` + block + `]}`: "messages[2].content[0].type",
	} {
		if _, fault := try(t, `{"model":"claude-opus-5","messages":[`+messages+`]}`); fault == nil || fault.Param != param {
			t.Errorf("%s: %v", messages, fault)
		}
	}
}
