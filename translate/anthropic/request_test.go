package anthropic_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// translated gives the body and the warnings for a chat request.
func translated(t *testing.T, chat string) (body, warnings string) {
	t.Helper()
	req, fault := try(t, chat)
	if fault != nil {
		t.Fatalf("%s", fault.AppendJSON(nil))
	}
	list := make([]string, 0, len(req.Warnings))
	for _, w := range req.Warnings {
		list = append(list, w.Param+":"+w.What)
	}
	if !json.Valid(req.Body) {
		t.Fatalf("not JSON: %s", req.Body)
	}
	return string(req.Body), strings.Join(list, ", ")
}

func try(t *testing.T, chat string) (*anthropic.Request, *openai.Error) {
	t.Helper()
	decoded, fault := openai.DecodeChatRequest([]byte(chat))
	if fault != nil {
		return nil, fault
	}
	m, ok := catalogue.Builtin().Find(decoded.Model)
	if !ok {
		t.Fatalf("no model %s", decoded.Model)
	}
	return anthropic.NewRequest(decoded, m, anthropic.Options{Version: "vertex-2023-10-16", UserKey: "project"})
}

// field gives one member of a JSON object; "-": it has none.
func field(t *testing.T, object, name string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatal(err)
	}
	value, ok := members[name]
	if !ok {
		return "-"
	}
	return string(value)
}

// The worked example of openai-claude.md A.13, to the byte.
func TestWorkedRequest(t *testing.T) {
	body, warnings := translated(t, `{"model":"claude-opus-5","max_completion_tokens":4096,"temperature":0.2,"reasoning_effort":"medium","parallel_tool_calls":false,
		"messages":[{"role":"developer","content":"Be terse."},
		{"role":"user","content":[{"type":"text","text":"Weather in Oslo?"},{"type":"image_url","image_url":{"url":"data:image/jpg;base64,/9j/4AA="}}]},
		{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"geo.lookup","arguments":""}}]},
		{"role":"tool","tool_call_id":"call_1","content":"59.9,10.7"}],
		"tools":[{"type":"function","function":{"name":"geo.lookup"}}]}`)
	want := `{"anthropic_version":"vertex-2023-10-16","max_tokens":4096,"stream":true,` +
		`"system":[{"type":"text","text":"Be terse."}],` +
		`"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"medium"},` +
		`"tools":[{"name":"geo_lookup_a1b9d2d2","input_schema":{"type":"object","properties":{}}}],` +
		`"tool_choice":{"type":"auto","disable_parallel_tool_use":true},` +
		`"messages":[{"role":"user","content":[{"type":"text","text":"Weather in Oslo?"},{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"/9j/4AA="}}]},` +
		`{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"geo_lookup_a1b9d2d2","input":{}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"59.9,10.7"}]}]}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if warnings != "temperature:dropped" {
		t.Errorf("warnings %q", warnings)
	}
}

// What the parameters of a request become for models of each generation.
func TestParameters(t *testing.T) {
	tests := []struct {
		model, chat string
		want        string // name=value of fields of the body
		warnings    string
	}{
		{"claude-sonnet-4-5", ``, `max_tokens=64000`, ``},
		{"claude-sonnet-4-5", `"max_tokens":10,"max_completion_tokens":20`, `max_tokens=20`, ``},
		{"claude-sonnet-4-5", `"max_tokens":200000`, `max_tokens=64000`, `max_tokens:clamped`},
		{"claude-sonnet-4-5", `"temperature":1.7`, `temperature=1`, `temperature:clamped`},
		{"claude-sonnet-4-5", `"temperature":0.2,"top_p":0.9`, `temperature=0.2 top_p=-`, `top_p:dropped`},
		{"claude-3-haiku", `"temperature":0.2,"top_p":0.9,"top_k":5`, `temperature=0.2 top_p=0.9 top_k=5`, ``},
		{"claude-opus-4-7", `"temperature":0.2,"top_p":0.9,"top_k":5`, `temperature=- top_p=- top_k=-`, `temperature:dropped, top_p:dropped, top_k:dropped`},
		{"claude-opus-5", `"temperature":1,"top_p":1`, `temperature=- top_p=-`, ``},
		{"claude-sonnet-4-5", `"temperature":null,"top_p":null,"stop":null,"tools":null,"max_tokens":null,"user":null`, `temperature=- top_p=- stop_sequences=- tools=- metadata=-`, ``},
		{"claude-sonnet-4-5", `"stop":"END"`, `stop_sequences=["END"]`, ``},
		{"claude-sonnet-4-5", `"stop":["","\n","END"]`, `stop_sequences=["END"]`, `stop:dropped`},
		{"claude-sonnet-4-5", `"stop":" "`, `stop_sequences=-`, `stop:dropped`},
		{"claude-sonnet-4-5", `"user":"alice@example.com"`, `metadata={"user_id":"c2f1d738f80c132516e54d87815702e6"}`, ``},
		{"claude-sonnet-4-5", `"seed":1,"logit_bias":{"1":2},"logprobs":true,"presence_penalty":0.5,"frequency_penalty":0`, `seed=-`, `logprobs:dropped, presence_penalty:dropped, seed:dropped, logit_bias:dropped`},
		{"claude-sonnet-4-5", `"metadata":{"team":"a"},"prompt_cache_key":"k","foo":null`, `metadata=-`, ``},
		{"claude-sonnet-4-5", `"provider":{},"drop_params":true`, `provider=-`, `drop_params:dropped`},

		{"claude-opus-5", `"reasoning_effort":"high"`, `thinking={"type":"adaptive","display":"summarized"} output_config={"effort":"high"}`, ``},
		{"claude-opus-5", `"reasoning_effort":"none"`, `thinking={"type":"disabled"} output_config=-`, ``},
		{"claude-opus-5-5", `"reasoning_effort":"none"`, `thinking=- output_config={"effort":"low"}`, `reasoning_effort:clamped`},
		{"claude-sonnet-5-5", `"reasoning_effort":"none"`, `thinking={"type":"between_tools"} output_config=-`, ``},
		{"claude-opus-4-8", `"reasoning_effort":"none"`, `thinking=- output_config=-`, ``},
		{"claude-opus-4-8", `"reasoning_effort":"minimal"`, `output_config={"effort":"low"}`, ``},
		{"claude-sonnet-4-6", `"reasoning_effort":"xhigh"`, `thinking={"type":"adaptive"} output_config={"effort":"high"}`, `reasoning_effort:clamped`},
		{"claude-opus-4-5", `"reasoning_effort":"medium","max_tokens":10000`, `thinking={"type":"enabled","budget_tokens":3000} output_config={"effort":"medium"}`, ``},
		{"claude-opus-4-5", `"reasoning_effort":"minimal"`, `thinking=- output_config={"effort":"low"}`, ``},
		{"claude-haiku-4-5", `"reasoning_effort":"low","max_tokens":20000`, `thinking={"type":"enabled","budget_tokens":2000} output_config=-`, ``},
		{"claude-haiku-4-5", `"reasoning_effort":"low","max_tokens":2000`, `thinking={"type":"enabled","budget_tokens":1024}`, ``},
		{"claude-haiku-4-5", `"reasoning_effort":"high","max_tokens":1000`, `thinking=-`, `reasoning_effort:dropped`},
		{"claude-3-haiku", `"reasoning_effort":"high"`, `thinking=- output_config=-`, `reasoning_effort:dropped`},
		{"claude-haiku-4-5", `"reasoning_effort":"high","temperature":0.3,"top_p":0.97`, `temperature=- top_p=0.97`, `temperature:dropped`},
		{"claude-haiku-5-5", `"max_tokens":100`, `thinking={"type":"disabled"}`, ``},

		{"claude-opus-5", `"parallel_tool_calls":false`, `tool_choice=- tools=-`, ``},
		{"claude-opus-5", `"tools":[],"tool_choice":"auto"`, `tool_choice=- tools=-`, ``},
		{"claude-opus-5", tools + `,"tool_choice":"none","parallel_tool_calls":false`, `tool_choice={"type":"none"}`, ``},
		{"claude-opus-5", tools + `,"tool_choice":"required"`, `tool_choice={"type":"any"}`, ``},
		{"claude-opus-5", tools + `,"tool_choice":{"type":"function","function":{"name":"g"}},"parallel_tool_calls":false`, `tool_choice={"type":"tool","name":"g","disable_parallel_tool_use":true}`, ``},
		{"claude-opus-5", tools + `,"tool_choice":{"type":"function","name":"g"}`, `tool_choice={"type":"tool","name":"g"}`, ``},
		{"claude-opus-5", tools, `tool_choice=- tools=[{"name":"f","description":"does f","input_schema":{"type":"object","properties":{"n":{"const":12345678901234567890}}}},{"name":"g","input_schema":{"type":"object","properties":{}}}]`, ``},
		{"claude-opus-5-5", tools + `,"tool_choice":{"type":"function","function":{"name":"g"}}`, `tool_choice=- tools=[{"name":"g","input_schema":{"type":"object","properties":{}}}] system=[{"type":"text","text":"Answer this conversation's last message by calling one of the tools."}]`, `tool_choice:relaxed`},
		{"claude-haiku-4-5", tools + `,"tool_choice":"required","reasoning_effort":"high"`, `thinking=- tool_choice={"type":"any"}`, `reasoning_effort:dropped`},
		{"claude-opus-5", `"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{}}}}},{"type":"function","function":{"name":"f"}}]`, `tools=[{"name":"f","input_schema":{"type":"object","properties":{"a":{}}}}]`, `tools[1]:dropped`},
		{"claude-opus-5", `"tools":[{"type":"function","cache_control":{"type":"ephemeral"},"function":{"name":"f","strict":true}}]`, `tools=[{"name":"f","input_schema":{"type":"object","properties":{}},"cache_control":{"type":"ephemeral"}}]`, ``},
		{"claude-3-haiku", `"top_k":0`, `top_k=0`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.model+" "+tt.chat, func(t *testing.T) {
			chat := `{"model":"` + tt.model + `","messages":[{"role":"user","content":"Hi"}]`
			if tt.chat != "" {
				chat += "," + tt.chat
			}
			body, warnings := translated(t, chat+"}")
			for _, pair := range fields(tt.want) {
				name, want, _ := strings.Cut(pair, "=")
				if got := field(t, body, name); got != want {
					t.Errorf("%s is %s, want %s", name, got, want)
				}
			}
			if warnings != tt.warnings {
				t.Errorf("warnings %q, want %q", warnings, tt.warnings)
			}
		})
	}
}

const tools = `"tools":[{"type":"function","function":{"name":"f","description":"does f","parameters":{"type":"object","properties":{"n":{"const":12345678901234567890}}}}},{"type":"function","function":{"name":"g","parameters":{}}}]`

// fields splits at blanks that stand before name=.
func fields(s string) []string {
	var list []string
	for word := range strings.SplitSeq(s, " ") {
		name, _, ok := strings.Cut(word, "=")
		if ok && strings.IndexFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) < 0 {
			list = append(list, word)
			continue
		}
		list[len(list)-1] += " " + word
	}
	return list
}

const (
	call1  = `{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	call12 = `{"role":"assistant","content":"ok","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}]}`
)

// What a conversation becomes, written short: u, a, s for the turns, then the blocks.
func TestConversations(t *testing.T) {
	tests := []struct{ name, model, messages, want, warnings string }{
		{"plain", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}`, `u text(a) | a text(b) | u text(c)`, ``},
		{"empty texts go", "claude-opus-5", `{"role":"user","content":[{"type":"text","text":" \n"},{"type":"text","text":"a"}]},{"role":"assistant","content":"\u00a0"},{"role":"user","content":"b"}`, `u text(a) text(b)`, ``},
		{"nothing said", "claude-opus-5", `{"role":"user","content":""}`, `u text((no content))`, ``},
		{"only a system message", "claude-opus-5", `{"role":"system","content":"a"}`, `u text(Begin.)`, ``},
		{"the assistant first", "claude-opus-5", `{"role":"assistant","content":"a"},{"role":"user","content":"b"}`, `u text(Begin.) | a text(a) | u text(b)`, ``},
		{"neighbours of a role", "claude-opus-5", `{"role":"user","content":"\"a\""},{"role":"user","content":"b"},` + call1 + `,{"role":"tool","tool_call_id":"c1","content":"r"},{"role":"assistant","content":"x"},{"role":"assistant","content":"y"},{"role":"user","content":"z"}`,
			`u text("a") text(b) | a use(c1) | u result(c1 r) | a text(x) text(y) | u text(z)`, ``},
		{"parallel results in the order of the calls, then the text", "claude-opus-5", `{"role":"user","content":"a"},` + call12 + `,{"role":"tool","tool_call_id":"c2","content":"2"},{"role":"user","content":"and"},{"role":"tool","tool_call_id":"c1","content":"1"},{"role":"user","content":"b"}`,
			`u text(a) | a text(ok) use(c1) use(c2) | u result(c1 1) result(c2 2) text(and) text(b)`, ``},
		{"a missing result", "claude-opus-5", `{"role":"user","content":"a"},` + call1 + `,{"role":"user","content":"b"}`, `u text(a) | a use(c1) | u result(c1 missing) text(b)`, `messages:repaired`},
		{"an aborted run", "claude-opus-5", `{"role":"user","content":"a"},` + call1, `u text(a) | a use(c1) | u result(c1 missing)`, `messages:repaired`},
		{"an orphan", "claude-opus-5", `{"role":"user","content":"a"},{"role":"tool","tool_call_id":"c9","content":"r"}`, `u text(a) text(Tool result (c9):) text(r)`, `tool_call_id:orphaned`},
		{"two results of a call", "claude-opus-5", `{"role":"user","content":"a"},` + call1 + `,{"role":"tool","tool_call_id":"c1","content":"1"},{"role":"tool","tool_call_id":"c1","content":"2"},{"role":"tool","tool_call_id":"c1","content":""}`, `u text(a) | a use(c1) | u result(c1 2)`, ``},
		{"an id used again", "claude-opus-5", `{"role":"user","content":"a"},` + call1 + `,{"role":"tool","tool_call_id":"c1","content":"1"},` + call1 + `,{"role":"tool","tool_call_id":"c1","content":"2"}`, `u text(a) | a use(c1) | u result(c1 1) | a use(c1_2) | u result(c1_2 2)`, ``},
		{"an id Claude refuses", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"call:1/ä","type":"function","function":{"name":"f","arguments":""}}]},{"role":"tool","tool_call_id":"call:1/ä","content":"r"}`, `u text(a) | a use(call_1___c588a183) | u result(call_1___c588a183 r)`, ``},
		{"an empty result", "claude-opus-5", `{"role":"user","content":"a"},` + call1 + `,{"role":"tool","tool_call_id":"c1","content":""}`, `u text(a) | a use(c1) | u result(c1)`, ``},
		{"a late system message in place", "claude-opus-5", `{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"assistant","content":"b"},{"role":"user","content":"c"},{"role":"developer","content":"t"}`, `u text(a) | s text(s) | a text(b) | u text(c) | s text(t)`, ``},
		{"a late system message as a reminder", "claude-sonnet-4-5", `{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}`, "u text(a) text(<system-reminder>\ns\n</system-reminder>) | a text(b) | u text(c)", ``},
		{"a system message between call and result", "claude-opus-5", `{"role":"user","content":"a"},` + call1 + `,{"role":"system","content":"s"},{"role":"tool","tool_call_id":"c1","content":"r"}`, "u text(a) | a use(c1) | u result(c1 r) | s text(s)", ``},
		{"an assistant last, which must not be", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","content":"b"}`, `u text(a) | a text(b) | u text(Continue.)`, `messages:continued`},
		{"a prefill", "claude-sonnet-4-5", `{"role":"user","content":"a"},{"role":"assistant","content":"Say: "}`, `u text(a) | a text(Say:)`, ``},
		{"a refusal", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","content":null,"refusal":"no"},{"role":"user","content":"b"}`, `u text(a) | a text(no) | u text(b)`, ``},
		{"signed thinking comes back first", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text","text":"h","index":0},{"type":"reasoning.text","text":"m","index":0},{"type":"reasoning.text","signature":"sig","index":0},{"type":"reasoning.encrypted","data":"xyz","index":1},{"type":"reasoning.text","text":"unsigned","index":2}]},{"role":"user","content":"c"}`, `u text(a) | a thinking(hm sig) redacted(xyz) text(b) | u text(c)`, ``},
		{"thinking without its text", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","signature":"sig","index":0}]},{"role":"user","content":"c"}`, `u text(a) | a thinking( sig) text(b) | u text(c)`, ``},
		{"reasoning that is no string", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"h","signature":{"a":1},"index":0},{"type":"reasoning.text","text":1,"signature":"sig","index":1},{"type":"reasoning.encrypted","data":["xyz"],"index":2}]},{"role":"user","content":"c"}`, `u text(a) | a thinking( sig) text(b) | u text(c)`, ``},
		{"reasoning of another publisher", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"h","signature":"s1","index":0,"format":"google-gemini-v1"},{"type":"reasoning.text","text":"h","signature":"s2","index":1,"format":"anthropic-claude-v1"},{"type":"reasoning.encrypted","data":"xyz","index":2,"format":"openai-responses-v1"}]},{"role":"user","content":"c"}`, `u text(a) | a thinking(h s2) text(b) | u text(c)`, ``},
		{"thinking of merged turns goes first", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"assistant","content":"c","reasoning_details":[{"type":"reasoning.text","text":"h","signature":"s"}]},{"role":"user","content":"d"}`, `u text(a) | a thinking(h s) text(b) text(c) | u text(d)`, ``},
		{"an empty assistant beside a system message", "claude-opus-5", `{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"assistant","content":""},{"role":"user","content":"b"}`, "u text(a) text(<system-reminder>\ns\n</system-reminder>) text(b)", ``},
		{"a run of system messages", "claude-opus-5", `{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"developer","content":"t"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}`, `u text(a) | s text(s) text(t) | a text(b) | u text(c)`, ``},
		{"thoughts last", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","content":"","reasoning_details":[{"type":"reasoning.text","text":"h","signature":"s"}]}`, `u text(a)`, ``},
		{"a prefill that ends in other blanks", "claude-sonnet-4-5", `{"role":"user","content":"a"},{"role":"assistant","content":"Say:\u00a0\u2028"}`, `u text(a) | a text(Say:)`, ``},
		{"one id for many calls", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"a_2","function":{"name":"f"}},{"id":"a","function":{"name":"f"}},{"id":"a","function":{"name":"f"}},{"id":"a","function":{"name":"f"}},{"id":"a_3","function":{"name":"f"}}]}`, `u text(a) | a use(a_2) use(a) use(a_3) use(a_4) use(a_3_2) | u result(a_2 missing) result(a missing) result(a_3 missing) result(a_4 missing) result(a_3_2 missing)`, `messages:repaired`},
		{"what is dropped is told", "claude-opus-5", `{"role":"system","content":"s","cache_control":{"type":"ephemeral"}},{"role":"user","name":"bob","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":"b","audio":{"id":"1"}},{"role":"user","content":"c","cache_control":null,"audio":null,"function_call":null}`, `u text(a) | a text(b) | u text(c)`, `audio:dropped`},
		{"arguments that are no JSON", "claude-opus-5", `{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{bad"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}`, `u text(a) | a use(c1) | u result(c1 r)`, `tool_calls:repaired`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, warnings := translated(t, `{"model":"`+tt.model+`","messages":[`+tt.messages+`]}`)
			if got := outline(t, body); got != tt.want {
				t.Errorf("turns\n%s, want\n%s", got, tt.want)
			}
			if warnings != tt.warnings {
				t.Errorf("warnings %q, want %q", warnings, tt.warnings)
			}
		})
	}
}

// outline writes the turns of a body short.
func outline(t *testing.T, body string) string {
	t.Helper()
	var request struct {
		Messages []struct {
			Role    string
			Content []struct {
				Type, Text, ID, Thinking, Signature, Data string
				ToolUseID                                 string `json:"tool_use_id"`
				Content                                   any
				IsError                                   bool `json:"is_error"`
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &request); err != nil {
		t.Fatal(err)
	}
	turns := make([]string, 0, len(request.Messages))
	for _, m := range request.Messages {
		turn := m.Role[:1]
		for _, b := range m.Content {
			switch b.Type {
			case "text":
				turn += " text(" + b.Text + ")"
			case "tool_use":
				turn += " use(" + b.ID + ")"
			case "thinking":
				turn += " thinking(" + b.Thinking + " " + b.Signature + ")"
			case "redacted_thinking":
				turn += " redacted(" + b.Data + ")"
			case "tool_result":
				if b.IsError {
					b.Content = "missing"
				}
				turn += strings.TrimSuffix(fmt.Sprintf(" result(%s %v", b.ToolUseID, b.Content), " <nil>") + ")"
			}
		}
		turns = append(turns, turn)
	}
	return strings.Join(turns, " | ")
}

func TestArgumentsKeepTheirBytes(t *testing.T) {
	for arguments, want := range map[string]string{
		`""`:                              `{}`,
		`null`:                            `{}`,
		`"  "`:                            `{}`,
		`"null"`:                          `{}`,
		`"{\"id\":12345678901234567890}"`: `{"id":12345678901234567890}`,
		`"{ \"a\" : 1.50 }"`:              `{ "a" : 1.50 }`,
		`{"a":1}`:                         `{"a":1}`,
		`"[1]"`:                           `{"value":[1]}`,
		`"{\"a\":"`:                       `{"INVALID_JSON":"{\"a\":"}`,
	} {
		body, _ := translated(t, `{"model":"claude-opus-5","messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":`+arguments+`}}]}]}`)
		if !strings.Contains(body, `"input":`+want+`}`) {
			t.Errorf("arguments %s: body %s, want input %s", arguments, body, want)
		}
	}
}

// Tools that only the history knows are declared, and may not be called.
func TestToolsOfTheHistory(t *testing.T) {
	body, _ := translated(t, `{"model":"claude-opus-5","messages":[{"role":"user","content":"x"},`+call12+`]}`)
	if got := field(t, body, "tools") + field(t, body, "tool_choice"); got != `[{"name":"f","input_schema":{"type":"object","properties":{}}}]{"type":"none"}` {
		t.Errorf("tools and choice %s", got)
	}
}

// A conversation that grows keeps the bytes of its beginning.
func TestPrefixIsStable(t *testing.T) {
	turns := []string{`{"role":"system","content":"s"}`, `{"role":"user","content":"a"}`, call12, `{"role":"tool","tool_call_id":"c1","content":"1"}`,
		`{"role":"tool","tool_call_id":"c2","content":"2"}`, `{"role":"assistant","content":"b"}`, `{"role":"user","content":"c"}`}
	short, _ := translated(t, `{"model":"claude-opus-5","messages":[`+strings.Join(turns[:5], ",")+`]}`)
	long, _ := translated(t, `{"model":"claude-opus-5","messages":[`+strings.Join(turns, ",")+`]}`)
	if prefix := strings.TrimSuffix(short, "]}"); !strings.HasPrefix(long, prefix) {
		t.Errorf("%s\ndoes not begin with\n%s", long, prefix)
	}
}

// What Claude gets as a tool's schema; empty: the request is refused.
func TestSchemas(t *testing.T) {
	const empty = `{"type":"object","properties":{}}`
	tests := []struct{ parameters, want, warnings string }{
		{`null`, empty, ``},
		{`{}`, empty, ``},
		{`true`, empty, ``},
		{`false`, empty, ``},
		{`""`, empty, ``},
		{`{"type":null}`, empty, ``},
		{`{"type":"","properties":{"a":{"maximum":12345678901234567890}}}`, `{"type":"object","properties":{"a":{"maximum":12345678901234567890}}}`, ``},
		{`{"properties":{ "a":{} },"type":["object","null"]}`, `{"type":"object","properties":{ "a":{} }}`, ``},
		{`{ "properties" : {"a":{}}, "type":"object" }`, `{ "properties" : {"a":{}}, "type":"object" }`, ``},
		{`"{\"type\":\"object\",\"title\":\"x\"}"`, `{"type":"object","title":"x"}`, ``},
		{`"{\"type\":"`, ``, ``},
		{`"\"{}\""`, ``, ``},
		{`"[]"`, ``, ``},
		{`[]`, ``, ``},
		{`{"type":"string"}`, ``, ``},
		{`{"type":["string","null"]}`, ``, ``},
		{`{"type":1}`, ``, ``},

		{`{"type":"object","anyOf":null}`, empty, `flattened`},
		{`{"type":"object","description":"d","properties":{"k":{"type":"string"}},"required":["k"],"anyOf":[{"properties":{"k":{"const":1},"a":{"type":"string"}},"required":["a"]},{"required":["b"],"properties":{"b":{}}}],"additionalProperties":false}`,
			`{"type":"object","properties":{"k":{"type":"string"},"a":{"type":"string"},"b":{}},"required":["k"],"description":"d","additionalProperties":false}`, `flattened`},
		{`{"oneOf":[{"properties":{"k":{"const":"x"},"s":{}},"required":["k","s"]},{"properties":{"k":{"const":"y"},"s":{}},"required":["s","k","k"]}]}`,
			`{"type":"object","properties":{"k":{"anyOf":[{"const":"x"},{"const":"y"}]},"s":{}},"required":["s","k"]}`, `flattened`},
		{`{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":1}},"required":["b"]}]}`,
			`{"type":"object","properties":{"a":{"allOf":[{"type":"integer"},{"minimum":1}]}},"required":["a","b"]}`, `flattened`},
		{`{"anyOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/B"}],"$defs":{"A":{"properties":{"a":{}},"required":["k"]},"B":{"properties":{"b":{}},"required":["k"],"anyOf":[{"$ref":"#/$defs/B"}]}}}`,
			`{"type":"object","properties":{"a":{},"b":{}},"required":["k"],"$defs":{"A":{"properties":{"a":{}},"required":["k"]},"B":{"properties":{"b":{}},"required":["k"],"anyOf":[{"$ref":"#/$defs/B"}]}}}`, `flattened`},
		{`{"anyOf":[true,{"properties":{"a":{}},"required":["a"]},{"$ref":"https://example.com"}]}`, `{"type":"object","properties":{"a":{}}}`, `flattened`},
	}
	for _, tt := range tests {
		t.Run(tt.parameters, func(t *testing.T) {
			req, fault := try(t, `{"model":"claude-opus-5","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":`+tt.parameters+`}}]}`)
			switch {
			case fault != nil && tt.want == "":
				if fault.Code != "invalid_value" || fault.Param != "tools[0].function.parameters" {
					t.Errorf("fault %s %s", fault.Code, fault.Param)
				}
				return
			case fault != nil:
				t.Fatal(fault)
			}
			want := `[{"name":"f","input_schema":` + tt.want + `}]`
			if diff := cmp.Diff(want, field(t, string(req.Body), "tools")); diff != "" {
				t.Errorf("tools (-want +got):\n%s", diff)
			}
			if got := len(req.Warnings) > 0; got != (tt.warnings != "") {
				t.Errorf("warnings %v", req.Warnings)
			}
		})
	}
}

// What cannot be translated is refused by name.
func TestRefusals(t *testing.T) {
	const picture = `{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}`
	tests := []struct{ chat, code, param string }{
		{`"top_k":-1,"messages":[{"role":"user","content":"a"}]`, "invalid_value", "top_k"},
		{`"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":""},` + picture + `]}]`, "unsupported_value", "messages[1].content[1]"},
		{`"messages":[{"role":"system","content":[` + picture + `]}]`, "invalid_value", "messages[0].content"},
		{`"messages":[{"role":"user","content":"a"},{"role":"system","content":[` + picture + `]}]`, "invalid_value", "messages[1].content"},
		{`"system":[` + picture + `],"messages":[{"role":"user","content":"a"}]`, "invalid_value", "system"},
		{`"system":[{"type":"x"}],"messages":[{"role":"user","content":"a"}]`, "invalid_value", "system[0].type"},
		{`"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"a","type":"mcp"}]}]`, "invalid_value", "messages[1].tool_calls[0].type"},
		{`"messages":[{"role":"user","content":"a"},{"role":"robot","content":"1"}]`, "invalid_value", "messages[1].role"},
		{`"messages":[{"role":"user","content":"a"},{"content":"1"}]`, "missing_required_parameter", "messages[1].role"},
		{`"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":[{"type":"text","text":1}]}]}]`, "invalid_type", "messages[0].content[0].content[0].text"},
		{`"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":7}]}]`, "invalid_value", "messages[0].content[0].content"},
		{`"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"x"}]}]`, "missing_required_parameter", "messages[0].content[0].name"},
		{`"moderation":{"policy":{"output":{"mode":"block"}}},"messages":[{"role":"user","content":"a"}]`, "unsupported_parameter", "moderation"},
		{`"response_format":{"type":"grammar"},"messages":[{"role":"user","content":"a"}]`, "invalid_value", "response_format.type"},
		{`"response_format":{"type":"json_schema"},"messages":[{"role":"user","content":"a"}]`, "missing_required_parameter", "response_format.json_schema"},
		{`"response_format":{"type":"json_schema","json_schema":{"schema":[]}},"messages":[{"role":"user","content":"a"}]`, "invalid_value", "response_format.json_schema.schema"},
		{`"web_search_options":{},"messages":[{"role":"user","content":"a"}]`, "unsupported_parameter", "web_search_options"},
		{`"tools":[{"type":"web_search"}],"messages":[{"role":"user","content":"a"}]`, "unsupported_parameter", "tools[0]"},
		{`"tools":[{"type":"image_generation"}],"messages":[{"role":"user","content":"a"}]`, "invalid_value", "tools[0].type"},
		{`"tools":[{"type":"custom"}],"messages":[{"role":"user","content":"a"}]`, "invalid_value", "tools[0].custom.name"},
		{`"functions":[{"name":""}],"messages":[{"role":"user","content":"a"}]`, "invalid_value", "functions[0].name"},
		{`"functions":[{"name":"f"}],"function_call":{"name":"g"},"messages":[{"role":"user","content":"a"}]`, "invalid_value", "function_call"},
		{`"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"g"}}]}},"messages":[{"role":"user","content":"a"}]`, "invalid_value", "tool_choice"},
		{`"thinking":{"type":"often"},"messages":[{"role":"user","content":"a"}]`, "invalid_value", "thinking.type"},
		{`"thinking":{"type":"adaptive","display":"all"},"messages":[{"role":"user","content":"a"}]`, "invalid_value", "thinking.display"},
		{`"reasoning":{"effort":"ultra"},"messages":[{"role":"user","content":"a"}]`, "invalid_value", "reasoning.effort"},
		{`"extra_body":{"top_k":-1},"messages":[{"role":"user","content":"a"}]`, "invalid_value", "top_k"},
	}
	for _, tt := range tests {
		req, fault := try(t, `{"model":"claude-sonnet-4-5",`+tt.chat+`}`)
		if fault == nil {
			t.Errorf("%s: body %s", tt.chat, req.Body)
			continue
		}
		if fault.Status != 400 || fault.Code != tt.code || fault.Param != tt.param {
			t.Errorf("%s: %d %s %s, want %s %s", tt.chat, fault.Status, fault.Code, fault.Param, tt.code, tt.param)
		}
	}
}

// A model of which nothing is known but its name still gets a limit.
func TestUnknownLimit(t *testing.T) {
	for _, tt := range []struct {
		chat    string
		options anthropic.Options
		want    string
	}{
		{``, anthropic.Options{}, "8192"},
		{``, anthropic.Options{MaxTokens: 500}, "500"},
		{`"max_tokens":900000,`, anthropic.Options{}, "900000"},
	} {
		chat, fault := openai.DecodeChatRequest([]byte(`{` + tt.chat + `"messages":[{"role":"user","content":"a"}]}`))
		if fault != nil {
			t.Fatal(fault)
		}
		req, fault := anthropic.NewRequest(chat, &catalogue.Model{ID: "claude-x"}, tt.options)
		if fault != nil {
			t.Fatal(fault)
		}
		if got := field(t, string(req.Body), "max_tokens"); got != tt.want || len(req.Warnings) > 0 {
			t.Errorf("%s: max_tokens %s, want %s; warnings %v", tt.chat, got, tt.want, req.Warnings)
		}
	}
}

// With a budget for thinking, the turn that counts is the one left when thoughts at the
// end are gone.
func TestOpenToolLoopBehindThoughts(t *testing.T) {
	body, warnings := translated(t, `{"model":"claude-sonnet-4-5","reasoning_effort":"high","messages":[{"role":"user","content":"a"},`+call1+
		`,{"role":"tool","tool_call_id":"c1","content":"r"},{"role":"assistant","content":"","reasoning_details":[{"type":"reasoning.text","text":"h","signature":"s"}]}]}`)
	if got := field(t, body, "thinking"); got != "-" || warnings != "reasoning_effort:dropped" {
		t.Errorf("thinking %s, warnings %q", got, warnings)
	}
}

// A translation leaves the chat as it was: another attempt starts from it.
func TestChatIsLeftAlone(t *testing.T) {
	chat, fault := openai.DecodeChatRequest([]byte(`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"h"},{"type":"reasoning.text","text":"m","signature":"s"}],"tool_calls":[{"function":{"name":"f"}},{"function":{"name":"f"}}]},{"role":"system","content":"c"}]}`))
	if fault != nil {
		t.Fatal(fault)
	}
	m, _ := catalogue.Builtin().Find("claude-opus-5")
	var bodies [2]string
	for i := range bodies {
		req, fault := anthropic.NewRequest(chat, m, anthropic.Options{})
		if fault != nil {
			t.Fatal(fault)
		}
		bodies[i] = string(req.Body)
	}
	if diff := cmp.Diff(bodies[0], bodies[1]); diff != "" {
		t.Errorf("the second translation differs:\n%s", diff)
	}
}

func TestWarningsAreFew(t *testing.T) {
	req, fault := try(t, `{"model":"claude-opus-5",`+strings.TrimPrefix(repeat(1000, `"x%d":1`), ",")+`,"messages":[{"role":"user","content":"a"}]}`)
	if fault != nil {
		t.Fatal(fault)
	}
	if len(req.Warnings) != 32 {
		t.Errorf("%d warnings", len(req.Warnings))
	}
}

// Twice the calls of one id are twice the work, not four times.
func TestOneIDManyCalls(t *testing.T) {
	m, _ := catalogue.Builtin().Find("claude-opus-5")
	work := func(n int) float64 {
		chat, fault := openai.DecodeChatRequest([]byte(`{` + hostile(n)["one id"] + `}`))
		if fault != nil {
			t.Fatal(fault)
		}
		return testing.AllocsPerRun(1, func() {
			if _, fault := anthropic.NewRequest(chat, m, anthropic.Options{}); fault != nil {
				t.Fatal(fault)
			}
		})
	}
	if once, twice := work(300), work(600); twice > 2.5*once {
		t.Errorf("%v allocations for 300 calls, %v for 600", once, twice)
	}
}
