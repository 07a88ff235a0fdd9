package anthropic_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// try gives what becomes of a chat request with these options.
func tryWith(t *testing.T, chat string, o anthropic.Options) (*anthropic.Request, *openai.Error) {
	t.Helper()
	decoded, fault := openai.DecodeChatRequest([]byte(chat))
	if fault != nil {
		return nil, fault
	}
	m, ok := catalogue.Builtin().Find(decoded.Model)
	if !ok {
		t.Fatalf("no model %s", decoded.Model)
	}
	o.Version = "vertex-2023-10-16"
	return anthropic.NewRequest(decoded, m, o)
}

// A fields test says what members of the body and which warnings become of a request.
type fieldsTest struct {
	name, model, chat string
	want              string // name=value, one a line
	warnings          string
}

func (tt fieldsTest) run(t *testing.T, o anthropic.Options) {
	t.Helper()
	chat := tt.chat
	if !strings.Contains(chat, `"messages"`) {
		chat += `,"messages":[{"role":"user","content":"Hi"}]`
	}
	req, fault := tryWith(t, `{"model":"`+tt.model+`",`+chat+`}`, o)
	if fault != nil {
		t.Fatalf("%s", fault.AppendJSON(nil))
	}
	for line := range strings.Lines(tt.want) {
		name, want, _ := strings.Cut(strings.TrimSpace(line), "=")
		if diff := cmp.Diff(want, field(t, string(req.Body), name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	list := make([]string, 0, len(req.Warnings))
	for _, w := range req.Warnings {
		list = append(list, w.Param+":"+w.What)
	}
	if got := strings.Join(list, ", "); got != tt.warnings {
		t.Errorf("warnings %q, want %q", got, tt.warnings)
	}
}

// The forms of tools that clients send besides OpenAI's own.
func TestToolForms(t *testing.T) {
	const wrapped = `"input_schema":{"type":"object","properties":{"input":{"type":"string","description":"The input as it is, without quoting or wrapping."}},"required":["input"]}`
	tests := []fieldsTest{
		{"flat", "claude-opus-5", `"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object","properties":{"a":{}}}}],"tool_choice":{"type":"function","name":"f"}`,
			`tools=[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"a":{}}}}]
			tool_choice={"type":"tool","name":"f"}`, ``},
		{"Anthropic's", "claude-opus-5", `"tools":[{"name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"custom","name":"g","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"g","disable_parallel_tool_use":true}`,
			`tools=[{"name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral","ttl":"1h"}},{"name":"g","input_schema":{"type":"object"}}]
			tool_choice={"type":"tool","name":"g","disable_parallel_tool_use":true}`, ``},
		{"custom", "claude-opus-5", `"tools":[{"type":"custom","custom":{"name":"patch","description":"Edits.","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: x"}}}}],"tool_choice":{"type":"custom","custom":{"name":"patch"}}`,
			`tools=[{"name":"patch","description":"Edits.\n\nThe input must be text that this lark grammar describes:\nstart: x",` + wrapped + `}]
			tool_choice={"type":"tool","name":"patch"}`, ``},
		{"custom, flat", "claude-opus-5", `"tools":[{"type":"custom","name":"patch","format":{"type":"grammar","syntax":"regex","definition":"a+"}}]`,
			`tools=[{"name":"patch","description":"The input must be text that this regex grammar describes:\na+",` + wrapped + `}]`, ``},
		{"extras on the tool and in the function", "claude-opus-5", `"tools":[{"type":"function","defer_loading":true,"function":{"name":"f"}},{"type":"function","function":{"name":"g","input_examples":[{"a":1}],"eager_input_streaming":true}},{"type":"function","function":{"name":"h","input_examples":[]}}]`,
			`tools=[{"name":"f","input_schema":{"type":"object","properties":{}},"defer_loading":true},{"name":"g","input_schema":{"type":"object","properties":{}},"eager_input_streaming":true,"input_examples":[{"a":1}]},{"name":"h","input_schema":{"type":"object","properties":{}}}]`, ``},
		{"extras in both places", "claude-opus-5", `"tools":[{"type":"function","input_examples":[{"a":2}],"allowed_callers":null,"function":{"name":"f","defer_loading":true,"input_examples":[{"a":1}]}}]`,
			`tools=[{"name":"f","input_schema":{"type":"object","properties":{}},"defer_loading":true,"input_examples":[{"a":2}]}]`, ``},
		{"schemas that are null", "claude-opus-5", `"tools":[{"type":"function","name":"f","input_schema":null,"parameters":{"type":"object","properties":{"a":{}}}},{"type":"custom","input_schema":null,"custom":{"name":"patch"}}]`,
			`tools=[{"name":"f","input_schema":{"type":"object","properties":{"a":{}}}},{"name":"patch",` + wrapped + `}]`, ``},
		{"Claude's own, not allowed but called before", "claude-opus-5", `"tools":[{"type":"bash_20250124","name":"bash","cache_control":{"type":"ephemeral"}},{"name":"g","input_schema":{}}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"g"}]},
			"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"bash"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}]`,
			`tools=[{"name":"bash","description":"This tool cannot be called now.","input_schema":{"type":"object","properties":{}},"cache_control":{"type":"ephemeral"}},{"name":"g","input_schema":{"type":"object","properties":{}}}]`, ``},
		{"a forced call of no tool", "claude-opus-5", `"tool_choice":"required"`, `tools=-
			tool_choice=-`, `tool_choice:dropped`},
		{"a function that cannot be forced", "claude-opus-5-5", `"functions":[{"name":"f"}],"function_call":{"name":"f"}`, `tool_choice={"type":"auto","disable_parallel_tool_use":true}`, `function_call:relaxed`},
		{"a function that cannot be forced beside thinking", "claude-haiku-4-5", `"functions":[{"name":"f"}],"function_call":{"name":"f"},"thinking":{"type":"enabled","budget_tokens":2000}`, `tool_choice={"type":"auto","disable_parallel_tool_use":true}`, `function_call:relaxed`},
		{"Claude's own", "claude-opus-5", `"tools":[{"type":"tool_search_tool_regex_20251119","name":"tool_search_tool_regex"}]`,
			`tools=[{"type":"tool_search_tool_regex_20251119","name":"tool_search_tool_regex"}]`, ``},
		{"one that is unknown among others", "claude-opus-5", `"tools":[{"type":"image_generation"},{"type":"function","function":{"name":"f"}}]`,
			`tools=[{"name":"f","input_schema":{"type":"object","properties":{}}}]`, `tools[0]:dropped`},
		{"functions", "claude-opus-5", `"functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":"auto"`,
			`tools=[{"name":"f","input_schema":{"type":"object"}}]
			tool_choice={"type":"auto","disable_parallel_tool_use":true}`, ``},
		{"a function by name", "claude-opus-5", `"functions":[{"name":"f"}],"function_call":{"name":"f"}`,
			`tool_choice={"type":"tool","name":"f","disable_parallel_tool_use":true}`, ``},
		{"no function", "claude-opus-5", `"functions":[{"name":"f"}],"function_call":"none"`, `tool_choice={"type":"none"}`, ``},
		{"allowed", "claude-opus-5", `"tools":[{"name":"f","input_schema":{}},{"name":"g","input_schema":{}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}`,
			`tools=[{"name":"g","input_schema":{"type":"object","properties":{}}}]
			tool_choice={"type":"any"}`, ``},
		{"allowed, flat, with a history of another", "claude-opus-5", `"tools":[{"name":"f","input_schema":{}},{"name":"g","input_schema":{}}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"g"}]},
			"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}]`,
			`tools=[{"name":"f","description":"This tool cannot be called now.","input_schema":{"type":"object","properties":{}}},{"name":"g","input_schema":{"type":"object","properties":{}}}]
			tool_choice=-`, ``},
		{"a search", "claude-opus-5", `"web_search_options":{"search_context_size":"high","user_location":{"type":"approximate","approximate":{"city":"Oslo","country":"NO"}}}`,
			`tools=[{"type":"web_search_20250305","name":"web_search","max_uses":10,"user_location":{"type":"approximate","city":"Oslo","country":"NO"}}]`, ``},
		{"a search and a tool of that name", "claude-opus-5", `"web_search_options":{},"tools":[{"type":"function","function":{"name":"web_search"}}]`,
			`tools=[{"type":"web_search_20250305","name":"web_search","max_uses":5},{"name":"web_search_2a719626","input_schema":{"type":"object","properties":{}}}]`, ``},
		{"only a search allowed", "claude-opus-5", `"tools":[{"type":"web_search"},{"name":"f","input_schema":{}}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"web_search"}]}`,
			`tools=[{"type":"web_search_20250305","name":"web_search","max_uses":5}]
			tool_choice=-`, ``},
		{"a forced search with a schema for what follows", "claude-opus-5", `"tools":[{"type":"web_search"}],"tool_choice":{"type":"web_search"},"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object"}}}`,
			`tools=[{"type":"web_search_20250305","name":"web_search","max_uses":5},{"name":"x","description":"Give the final answer by calling this tool.","input_schema":{"type":"object"}}]
			tool_choice={"type":"tool","name":"web_search"}
			system=[{"type":"text","text":"When you have your final answer, give it by calling the tool x."}]`, `response_format:relaxed`},
		{"Anthropic's search", "claude-opus-5", `"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":2,"allowed_domains":["example.com"]}],"tool_choice":{"type":"web_search_preview"}`,
			`tools=[{"type":"web_search_20250305","name":"web_search","max_uses":2,"allowed_domains":["example.com"]}]
			tool_choice={"type":"tool","name":"web_search"}`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, anthropic.Options{WebSearch: true}) })
	}
}

// How an answer is made to be JSON.
func TestFormats(t *testing.T) {
	const (
		schema = `"response_format":{"type":"json_schema","json_schema":{"name":"city","description":"A city.","schema":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}}}`
		open   = `"response_format":{"type":"json_schema","json_schema":{"name":"city","schema":{"type":"object","additionalProperties":true}}}`
		clean  = `{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}`
		ask    = `{"type":"text","text":"Your whole answer must be one JSON object: nothing before it, nothing behind it, and no code fence around it."}`
		call   = `{"type":"text","text":"When you have your final answer, give it by calling the tool city."}`
	)
	tests := []fieldsTest{
		{"native", "claude-opus-5", schema, `output_config={"format":{"type":"json_schema","schema":` + clean + `}}
			tools=-`, ``},
		{"native with effort", "claude-opus-5", schema + `,"reasoning_effort":"low"`, `output_config={"effort":"low","format":{"type":"json_schema","schema":` + clean + `}}`, ``},
		{"by a tool", "claude-opus-5", open, `output_config=-
			tools=[{"name":"city","description":"Give the final answer by calling this tool.","input_schema":{"type":"object","additionalProperties":true}}]
			tool_choice={"type":"tool","name":"city","disable_parallel_tool_use":true}`, ``},
		{"by a tool on a model without", "claude-opus-4-1", schema, `tools=[{"name":"city","description":"A city.\nGive the final answer by calling this tool.","input_schema":` + clean + `}]`, ``},
		{"by a tool among others", "claude-opus-5", open + `,"tools":[{"name":"city","input_schema":{}}]`, `tools=[{"name":"city","input_schema":{"type":"object","properties":{}}},{"name":"city_2","description":"Give the final answer by calling this tool.","input_schema":{"type":"object","additionalProperties":true}}]
			tool_choice={"type":"any"}`, ``},
		{"by a tool that cannot be forced", "claude-opus-5-5", open, `tool_choice={"type":"auto","disable_parallel_tool_use":true}
			system=[` + call + `]`, `response_format:relaxed`},
		{"by a tool that cannot be forced, where no other may be called", "claude-opus-5-5", open + `,"tools":[{"name":"f","input_schema":{}},{"name":"g","input_schema":{}}],"tool_choice":"none","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"c","content":"r"}]`,
			`tools=[{"name":"f","description":"This tool cannot be called now.","input_schema":{"type":"object","properties":{}}},{"name":"city","description":"Give the final answer by calling this tool.","input_schema":{"type":"object","additionalProperties":true}}]
			tool_choice={"type":"auto","disable_parallel_tool_use":true}`, `response_format:relaxed`},
		{"by a tool that is forced, where no other may be called", "claude-opus-5", open + `,"tools":[{"name":"f","input_schema":{}}],"tool_choice":"none"`,
			`tools=[{"name":"f","input_schema":{"type":"object","properties":{}}},{"name":"city","description":"Give the final answer by calling this tool.","input_schema":{"type":"object","additionalProperties":true}}]
			tool_choice={"type":"tool","name":"city","disable_parallel_tool_use":true}`, ``},
		{"by a tool beside thinking", "claude-haiku-4-5", open + `,"reasoning_effort":"high","max_tokens":4000`, `thinking={"type":"enabled","budget_tokens":2400}
			tool_choice={"type":"auto","disable_parallel_tool_use":true}
			system=[` + call + `]`, `response_format:relaxed`},
		{"an object", "claude-opus-5", `"response_format":{"type":"json_object"}`, `system=[` + ask + `]
			messages=[{"role":"user","content":[{"type":"text","text":"Hi"}]}]`, ``},
		{"an object, begun for the model", "claude-haiku-4-5", `"response_format":{"type":"json_object"}`, `messages=[{"role":"user","content":[{"type":"text","text":"Hi"}]},{"role":"assistant","content":[{"type":"text","text":"{"}]}]`, ``},
		{"an object with its schema", "claude-opus-5", `"response_format":{"type":"json_object","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}`, `output_config={"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}`, ``},
		{"one that is not strict and would have to be changed", "claude-opus-5", `"response_format":{"type":"json_schema","json_schema":{"name":"city","strict":false,"schema":{"type":"object","properties":{"a":{"type":"string","minLength":2}}}}}`, `output_config=-
			tool_choice={"type":"tool","name":"city","disable_parallel_tool_use":true}`, ``},
		{"one that is strict and has to be changed", "claude-opus-5", `"response_format":{"type":"json_schema","json_schema":{"name":"city","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}}`, `output_config={"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}
			tools=-`, ``},
		{"a schema that is not there", "claude-opus-5", `"response_format":{"type":"json_schema","json_schema":{"name":"x"}}`, `system=[` + ask + `]`, `response_format.json_schema.schema:relaxed`},
		{"text", "claude-opus-5", `"response_format":{"type":"text"}`, `system=-
			tools=-`, ``},
		{"a call that cannot be forced", "claude-opus-5-5", open + `,"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"f"}`, `tools=[{"name":"f","input_schema":{"type":"object","properties":{}}}]
			system=[{"type":"text","text":"Answer this conversation's last message by calling one of the tools."}]`, `tool_choice:relaxed`},
		{"a forced call", "claude-opus-5", open + `,"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"f"}`, `tools=[{"name":"f","input_schema":{"type":"object","properties":{}}}]`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, anthropic.Options{}) })
	}
	fieldsTest{model: "claude-opus-5", chat: schema, want: `output_config=-
		tool_choice={"type":"tool","name":"city","disable_parallel_tool_use":true}`}.run(t, anthropic.Options{Output: "tool"})
	if _, fault := tryWith(t, `{"model":"claude-opus-5","messages":[{"role":"user","content":"a"}],`+open+`}`, anthropic.Options{Output: "native"}); fault == nil || fault.Param != "response_format.json_schema.schema" {
		t.Errorf("a schema that cannot be native: %v", fault)
	}
}

// Fields that other publishers and gateways made common.
func TestExtensions(t *testing.T) {
	tests := []fieldsTest{
		{"thinking, adapted", "claude-opus-5", `"thinking":{"type":"enabled","budget_tokens":8000}`, `thinking={"type":"adaptive","display":"summarized"}
			output_config={"effort":"medium"}`, `thinking:adapted`},
		{"thinking by budget", "claude-haiku-4-5", `"thinking":{"type":"enabled","budget_tokens":8000},"reasoning_effort":"low"`, `thinking={"type":"enabled","budget_tokens":8000}`, ``},
		{"a budget above the limit", "claude-haiku-4-5", `"thinking":{"type":"enabled","budget_tokens":8000},"max_tokens":4000`, `thinking={"type":"enabled","budget_tokens":3999}`, `thinking:clamped`},
		{"adaptive on a budget model", "claude-haiku-4-5", `"thinking":{"type":"adaptive"},"max_tokens":10000`, `thinking={"type":"enabled","budget_tokens":3000}`, `thinking:adapted`},
		{"adaptive with effort and display", "claude-opus-5", `"thinking":{"type":"adaptive","display":"omitted"},"reasoning_effort":"high"`, `thinking={"type":"adaptive","display":"omitted"}
			output_config={"effort":"high"}`, ``},
		{"disabled", "claude-opus-5", `"thinking":{"type":"disabled"}`, `thinking={"type":"disabled"}`, ``},
		{"disabled with too much effort", "claude-opus-5", `"thinking":{"type":"disabled"},"reasoning_effort":"max"`, `thinking={"type":"disabled"}
			output_config={"effort":"high"}`, `reasoning_effort:clamped`},
		{"disabled where it cannot be", "claude-opus-5-5", `"thinking":{"type":"disabled"}`, `thinking=-
			output_config={"effort":"low"}`, `thinking:clamped`},
		{"between tools", "claude-sonnet-5-5", `"thinking":{"type":"between_tools"}`, `thinking={"type":"between_tools"}`, ``},
		{"thinking before a forced call", "claude-haiku-4-5", `"thinking":{"type":"enabled","budget_tokens":2000},"tools":[{"name":"f","input_schema":{}}],"tool_choice":"required"`, `thinking={"type":"enabled","budget_tokens":2000}
			tool_choice=-`, `tool_choice:relaxed`},
		{"OpenRouter's effort", "claude-opus-5", `"reasoning":{"effort":"high"}`, `thinking={"type":"adaptive","display":"summarized"}
			output_config={"effort":"high"}`, ``},
		{"OpenRouter's effort, hidden", "claude-opus-5", `"reasoning":{"effort":"high","exclude":true}`, `thinking={"type":"adaptive"}`, ``},
		{"OpenRouter's budget", "claude-opus-5", `"reasoning":{"max_tokens":30000}`, `output_config={"effort":"xhigh"}`, `reasoning.max_tokens:adapted`},
		{"OpenRouter's off", "claude-opus-5", `"reasoning":{"enabled":false}`, `thinking={"type":"disabled"}`, ``},
		{"Qwen's off", "claude-opus-5", `"chat_template_kwargs":{"enable_thinking":false}`, `thinking={"type":"disabled"}`, ``},
		{"Qwen's on", "claude-haiku-4-5", `"enable_thinking":true,"max_tokens":10000`, `thinking={"type":"enabled","budget_tokens":3000}`, ``},
		{"reasoning to be seen", "claude-opus-5", `"include_reasoning":true`, `thinking={"type":"adaptive","display":"summarized"}
			output_config=-`, ``},
		{"system at the top", "claude-opus-5", `"system":"s","messages":[{"role":"system","content":"t"},{"role":"user","content":"a"}]`, `system=[{"type":"text","text":"s"},{"type":"text","text":"t"}]`, ``},
		{"stop_sequences", "claude-opus-5", `"stop":"a","stop_sequences":["b"," "]`, `stop_sequences=["a","b"]`, `stop_sequences:dropped`},
		{"extra_body", "claude-opus-5", `"extra_body":{"reasoning_effort":"low","foo":1}`, `output_config={"effort":"low"}`, `foo:dropped`},
		{"extra_body with a field that is there", "claude-opus-5", `"foo":1,"extra_body":{"foo":2,"bar":3}`, `foo=-`, `foo:dropped, bar:dropped`},
		{"a failed result that says nothing", "claude-opus-5", `"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"c","is_error":true,"content":""}]`,
			`messages=[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"(no content)","is_error":true}]}]`, ``},
		{"a failed result with a document", "claude-opus-5", `"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"c","is_error":true,"content":[{"type":"document","source":{"type":"text","data":"d"}}]}]`,
			`messages=[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"}}]}]}]`, `is_error:dropped`},
		{"roles in odd spelling", "claude-opus-5", `"messages":[{"role":" Developer ","content":"s"},{"role":"User","content":"a"}]`, `system=[{"type":"text","text":"s"}]
			messages=[{"role":"user","content":[{"type":"text","text":"a"}]}]`, ``},
		{"moderation that only reports", "claude-opus-5", `"moderation":{"model":"m"}`, `moderation=-`, `moderation:dropped`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, anthropic.Options{}) })
	}
}

func TestBetas(t *testing.T) {
	req, fault := tryWith(t, `{"model":"claude-opus-5","messages":[{"role":"user","content":"a"}],"anthropic_beta":["web-search-2025-03-05, context-1m-2025-08-07","files-api-2025-04-14","advanced-tool-use-2025-11-20","tool-search-tool-2025-10-19"]}`,
		anthropic.Options{Without: []string{"web-search-2025-03-05"}})
	if fault != nil {
		t.Fatal(fault)
	}
	if got := strings.Join(req.Betas, ","); got != "context-1m-2025-08-07,tool-search-tool-2025-10-19" {
		t.Errorf("betas %s", got)
	}
	if len(req.Warnings) != 1 || req.Warnings[0].Param != "anthropic_beta" {
		t.Errorf("warnings %v", req.Warnings)
	}
}
