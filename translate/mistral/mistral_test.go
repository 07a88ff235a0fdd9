package mistral_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/mistral"
	"vertexgateway/translate/openai"
)

var medium = catalogue.Model{ID: "mistral-medium-3@001", API: catalogue.APIMistral, MaxOutput: 4000}

// try translates the members of a request to which model and message are added.
func try(t *testing.T, chat string, m catalogue.Model, o mistral.Options) (*translate.Request, *openai.Error) {
	t.Helper()
	if !strings.Contains(chat, `"messages"`) {
		chat = `"messages":[{"role":"user","content":"Hi"}]` + strings.TrimSuffix(","+chat, ",")
	}
	req, err := openai.DecodeChatRequest([]byte(`{"model":"client's",` + chat + `}`))
	if err != nil {
		t.Fatalf("%s: %v", chat, err)
	}
	return mistral.NewRequest(req, &m, o)
}

// warnings writes them as the header does.
func warnings(req *translate.Request) string {
	list := make([]string, len(req.Warnings))
	for i, w := range req.Warnings {
		list[i] = w.Param + ":" + w.What
	}
	return strings.Join(list, " ")
}

const (
	aTool    = `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"b":{},"a":{}}}}}]`
	sentTool = `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"b":{},"a":{}}}}}]`
	noSchema = `"parameters":{"type":"object","properties":{}}`
)

// Each member becomes what Mistral takes of it, and nothing else is sent.
func TestParameters(t *testing.T) {
	for _, tt := range []struct{ chat, sent, told string }{ // sent: ... stands for the messages
		{``, ``, ``},
		{`"max_tokens":5`, `"max_tokens":5`, ``},
		{`"max_tokens":5,"max_completion_tokens":7`, `"max_tokens":7`, ``},
		{`"max_completion_tokens":5000`, `"max_tokens":4000`, `max_completion_tokens:clamped`},
		{`"stream":true,"stream_options":{"include_usage":true}`, `"stream":true`, ``},
		{`"temperature":0.10,"top_p":0.5`, `"temperature":0.1,"top_p":0.5`, ``},
		{`"temperature":2`, `"temperature":1.5`, `temperature:clamped`},
		{`"temperature":0,"top_p":0.5`, `"temperature":0`, ``},
		{`"presence_penalty":0.5,"frequency_penalty":0`, `"presence_penalty":0.5,"frequency_penalty":0`, ``},
		{`"stop":"END"`, `"stop":["END"]`, ``},
		{`"stop":["a",""],"stop_sequences":["\n"]`, `"stop":["a","\n"]`, `stop:dropped`},
		{`"seed":12345678901234567890`, `...,"random_seed":12345678901234567890`, ``},
		{`"random_seed":1,"seed":2`, `...,"random_seed":1`, ``},
		{`"prediction":{"type":"content","content":"x"},"metadata":{"k":"\u00e9"},"guardrails":null`, `...,"metadata":{"k":"\u00e9"},"prediction":{"type":"content","content":"x"}`, ``},
		{`"n":1,"user":"u","safety_identifier":"s","prompt_cache_key":"k","service_tier":"auto","store":false,"modalities":["text"]`, ``, ``},
		{`"logprobs":true,"top_logprobs":2,"logit_bias":{},"verbosity":"low","safe_prompt":true`, ``, `logprobs:dropped logit_bias:dropped safe_prompt:dropped top_logprobs:dropped verbosity:dropped`},
		{`"store":true,"service_tier":"flex","top_k":3,"moderation":{"model":"m"}`, ``, `moderation:dropped store:dropped service_tier:dropped top_k:dropped`},
		{`"cache_control":{"type":"ephemeral"},"prompt_cache_retention":"24h","anthropic_beta":["x"]`, ``, ``},
		{`"response_format":{"type":"text"}`, ``, ``},
		{`"response_format":{"type":"json_object"}`, `"response_format":{"type":"json_object"}`, ``},
		{
			`"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"b":1.0,"a":2}}}`,
			`"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"b":1.0,"a":2},"strict":true}}`, ``,
		},
		{
			`"response_format":{"type":"json_object","schema":{"type":"object"}}`,
			`"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"},"strict":false}}`, ``,
		},
		{`"response_format":{"type":"json_schema","json_schema":{"name":"x"}}`, `"response_format":{"type":"json_object"}`, `response_format.json_schema.schema:relaxed`},
		{`"reasoning_effort":"low"`, ``, `reasoning_effort:dropped`},
		{`"reasoning_effort":"none"`, ``, ``},
		{aTool, sentTool, ``},
		{`"tools":[],"tool_choice":"auto","parallel_tool_calls":false`, ``, ``},
		{aTool + `,"tool_choice":"auto","parallel_tool_calls":true`, sentTool + `,"tool_choice":"auto","parallel_tool_calls":true`, ``},
		{aTool + `,"tool_choice":"none"`, sentTool + `,"tool_choice":"none"`, ``},
		{aTool + `,"tool_choice":"required"`, sentTool + `,"tool_choice":"any"`, ``},
		{aTool + `,"tool_choice":{"type":"any","disable_parallel_tool_use":true}`, sentTool + `,"tool_choice":"any","parallel_tool_calls":false`, ``},
		{aTool + `,"tool_choice":{"type":"function","function":{"name":"f"}}`, sentTool + `,"tool_choice":{"type":"function","function":{"name":"f"}}`, ``},
		{
			`"tools":[{"type":"function","name":"f","parameters":"{\"type\":\"object\"}"},{"name":"g","description":"G","input_schema":{"type":"object","x":1.50}},{"type":"function","function":{"name":"h","strict":true,"parameters":{}}}]`,
			`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}},{"type":"function","function":{"name":"g","description":"G","parameters":{"type":"object","x":1.50}}},{"type":"function","function":{"name":"h","strict":true,` + noSchema + `}}]`,
			``,
		},
		{
			`"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}},{"type":"web_search"}]`,
			`"tools":[{"type":"function","function":{"name":"f",` + noSchema + `}}]`, `tools[1]:dropped tools[2]:dropped`,
		},
		{
			`"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}`,
			`"tools":[{"type":"function","function":{"name":"g",` + noSchema + `}}],"tool_choice":"any"`, ``,
		},
		{
			`"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}`,
			`"tools":[{"type":"function","function":{"name":"f",` + noSchema + `}}],"tool_choice":"none"`, ``,
		},
		{
			`"functions":[{"name":"f"}],"function_call":{"name":"f"}`,
			`"tools":[{"type":"function","function":{"name":"f",` + noSchema + `}}],"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false`, ``,
		},
	} {
		req, err := try(t, tt.chat, medium, mistral.Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.chat, err)
			continue
		}
		sent := tt.sent
		if !strings.Contains(sent, "...") {
			sent = strings.TrimPrefix(sent+",...", ",")
		}
		want := `{"model":"mistral-medium-3",` + strings.Replace(sent, "...", `"messages":[{"role":"user","content":"Hi"}]`, 1) + `}`
		if diff := cmp.Diff(want, string(req.Body)); diff != "" {
			t.Errorf("%s: %s", tt.chat, diff)
		}
		if got := warnings(req); got != tt.told {
			t.Errorf("%s: told %q, want %q", tt.chat, got, tt.told)
		}
		if stream := strings.Contains(tt.sent, `"stream"`); (req.Method == "streamRawPredict") != stream || (req.Method == "rawPredict") == stream {
			t.Errorf("%s: method %s", tt.chat, req.Method)
		}
	}
}

func TestDefaultMaxTokens(t *testing.T) {
	for _, tt := range []struct{ option, largest, want int }{{0, 0, 0}, {0, 100, 0}, {50, 0, 50}, {50, 100, 50}, {200, 100, 100}} {
		m := catalogue.Model{ID: "m", MaxOutput: tt.largest}
		req, err := try(t, ``, m, mistral.Options{MaxTokens: tt.option})
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			MaxTokens int `json:"max_tokens"`
		}
		if err := json.Unmarshal(req.Body, &body); err != nil || body.MaxTokens != tt.want {
			t.Errorf("%+v: %d, error %v", tt, body.MaxTokens, err)
		}
	}
}

// Effort goes to models that take it, in all forms that clients have for it.
func TestEffort(t *testing.T) {
	reasoning := catalogue.Model{ID: "m", Accepts: catalogue.Accepts{Effort: []string{"high"}}}
	for chat, want := range map[string]string{
		``:                               ``,
		`"reasoning_effort":"minimal"`:   `none`,
		`"reasoning_effort":"medium"`:    `high`,
		`"reasoning":{"effort":"xhigh"}`: `high`,
		`"reasoning":{"enabled":false}`:  `none`,
		`"reasoning":{"max_tokens":100}`: `high`,
		`"thinking":{"type":"disabled"}`: `none`,
		`"thinking":{"type":"enabled"}`:  `high`,
		`"enable_thinking":true`:         `high`,
		`"chat_template_kwargs":{"enable_thinking":false},"stop":[]`: `none`,
	} {
		req, err := try(t, chat, reasoning, mistral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			Effort string `json:"reasoning_effort"`
		}
		if err := json.Unmarshal(req.Body, &body); err != nil || body.Effort != want || len(req.Warnings) > 0 {
			t.Errorf("%s: %q, warnings %q, error %v; want %q", chat, body.Effort, warnings(req), err, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ chat, code, param string }{
		{`"messages":[]`, "missing_required_parameter", "messages"},
		{`"n":2`, "unsupported_value", "n"},
		{`"modalities":["text","audio"]`, "unsupported_value", "modalities"},
		{`"moderation":{"policy":{"mode":"block"}}`, "unsupported_parameter", "moderation"},
		{`"web_search_options":{}`, "unsupported_parameter", "web_search_options"},
		{`"max_tokens":0`, "invalid_value", "max_tokens"},
		{`"max_completion_tokens":-1`, "invalid_value", "max_completion_tokens"},
		{`"temperature":2.1`, "invalid_value", "temperature"},
		{`"top_p":-1`, "invalid_value", "top_p"},
		{`"reasoning_effort":"ultra"`, "invalid_value", "reasoning_effort"},
		{`"response_format":{"type":"grammar"}`, "invalid_value", "response_format.type"},
		{`"response_format":{"type":"json_schema"}`, "missing_required_parameter", "response_format.json_schema"},
		{`"response_format":{"type":"json_schema","json_schema":{"schema":true}}`, "invalid_value", "response_format.json_schema.schema"},
		{`"tools":[{"type":"custom","custom":{"name":"c"}}]`, "unsupported_value", "tools[0].type"},
		{`"tools":[{"type":"web_search"}]`, "invalid_value", "tools[0].type"},
		{`"tools":[{"type":"function","function":{}}]`, "missing_required_parameter", "tools[0].function.name"},
		{`"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]`, "invalid_value", "tools[0].function.parameters"},
		{aTool + `,"tool_choice":{"type":"function","function":{"name":"g"}}`, "invalid_value", "tool_choice"},
		{aTool + `,"tool_choice":"sometimes"`, "invalid_value", "tool_choice"},
		{aTool + `,"tool_choice":{"type":"allowed_tools","tools":[{"name":"g"}]}`, "invalid_value", "tool_choice"},
		{`"functions":[{"name":"f"}],"function_call":{"name":"g"}`, "invalid_value", "function_call"},
		{`"functions":[{}]`, "missing_required_parameter", "functions[0].name"},
		{`"messages":[{"content":"Hi"}]`, "missing_required_parameter", "messages[0].role"},
		{`"messages":[{"role":"critic","content":"Hi"}]`, "invalid_value", "messages[0].role"},
		{`"messages":[{"role":"user","content":[{"type":"text"}]}]`, "invalid_type", "messages[0].content[0].text"},
		{`"messages":[{"role":"user","content":[{"type":"input_audio"}]}]`, "unsupported_value", "messages[0].content[0].type"},
		{`"messages":[{"role":"user","content":[{"type":"new"}]}]`, "invalid_value", "messages[0].content[0].type"},
		{`"messages":[{"role":"user","content":[{"type":"image_url"}]}]`, "missing_required_parameter", "messages[0].content[0].image_url"},
		{`"messages":[{"role":"user","content":[{"type":"tool_result","content":7}]}]`, "invalid_value", "messages[0].content[0].content"},
		{`"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"new"}]}]}]`, "invalid_value", "messages[0].content[0].content[0].type"},
		{`"messages":[{"role":"assistant","tool_calls":[{"type":"custom","custom":{"name":"c"}}]}]`, "unsupported_value", "messages[0].tool_calls[0].type"},
		{`"system":[{"type":"new"}],"messages":[{"role":"user","content":"Hi"}]`, "invalid_value", "system[0].type"},
	} {
		_, err := try(t, tt.chat, medium, mistral.Options{})
		if err == nil || err.Status != 400 || err.Code != tt.code || err.Param != tt.param {
			t.Errorf("%s: %+v, want %s of %s", tt.chat, err, tt.code, tt.param)
		}
	}
}

// call is an assistant's call as OpenAI has it, sentCall as Mistral gets it.
func call(id, arguments string) string {
	return fmt.Sprintf(`{"id":%q,"type":"function","function":{"name":"f","arguments":%s}}`, id, arguments)
}

func TestMessages(t *testing.T) {
	const (
		user   = `{"role":"user","content":"Hi"}`
		id     = "a1B2c3D4e"
		hashed = "74196fe72" // of call_1
	)
	for _, tt := range []struct{ name, messages, sent, told string }{
		{
			"roles and extras", `{"role":" Developer ","content":"Be brief."},{"role":"user","name":"u","content":"Hi"},{"role":"assistant","content":"Yes","refusal":null,"annotations":[],"reasoning_content":"x","name":"a"},` + user,
			`{"role":"system","content":"Be brief."},` + user + `,{"role":"assistant","content":"Yes"},` + user, "",
		},
		{"escapes and parts", `{"role":"user","content":[{"type":"text","text":"\u00e9"},{"type":"text","text":""}]}`, `{"role":"user","content":"\u00e9"}`, ""},
		{
			"images", `{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":"https://x/y.png"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA","detail":"low"}},{"type":"image","source":{"type":"base64","media_type":"image/gif","data":"BB"}},{"type":"image","source":{"type":"url","url":"https://x"}}]}`,
			`{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":"https://x/y.png"},{"type":"image_url","image_url":"data:image/png;base64,AA"},{"type":"image_url","image_url":"data:image/gif;base64,BB"},{"type":"image_url","image_url":"https://x"}]}`, "",
		},
		{"nothing said", `{"role":"user","content":null},{"role":"assistant","content":""},{"role":"system","content":[]}`, `{"role":"user","content":""}`, ""},
		{"a refusal", user + `,{"role":"assistant","content":null,"refusal":"No"},` + user, user + `,{"role":"assistant","content":"No"},` + user, ""},
		{"an answer to go on from", user + `,{"role":"assistant","content":"Well,"}`, user + `,{"role":"assistant","content":"Well,","prefix":true}`, ""},
		{
			"a call and its result", user + `,{"role":"assistant","content":null,"tool_calls":[` + call(id, `"{\"n\":12345678901234567890}"`) + `]},{"role":"tool","tool_call_id":"` + id + `","name":"f","content":[{"type":"text","text":"ok"}]}`,
			user + `,{"role":"assistant","content":"","tool_calls":[` + call(id, `"{\"n\":12345678901234567890}"`) + `]},{"role":"tool","content":"ok","tool_call_id":"` + id + `"}`, "",
		},
		{
			"an id that Mistral does not take", user + `,{"role":"assistant","tool_calls":[` + call("call_1", `{"a":1.0}`) + `]},{"role":"tool","tool_call_id":"call_1","content":"ok"}`,
			user + `,{"role":"assistant","content":"","tool_calls":[` + call(hashed, `"{\"a\":1.0}"`) + `]},{"role":"tool","content":"ok","tool_call_id":"` + hashed + `"}`, "",
		},
		{
			"arguments that are no object", user + `,{"role":"assistant","tool_calls":[` + call("aaaaaaaaa", `""`) + `,` + call("bbbbbbbbb", `null`) + `,` + call("ccccccccc", `"{\"a\""`) + `]}`,
			user + `,{"role":"assistant","content":"","tool_calls":[` + call("aaaaaaaaa", `"{}"`) + `,` + call("bbbbbbbbb", `"{}"`) + `,` + call("ccccccccc", `"{\"INVALID_JSON\":\"{\\\"a\\\"\"}"`) + `]}` +
				`,{"role":"tool","content":"Tool result missing.","tool_call_id":"aaaaaaaaa"},{"role":"tool","content":"Tool result missing.","tool_call_id":"bbbbbbbbb"},{"role":"tool","content":"Tool result missing.","tool_call_id":"ccccccccc"}`,
			"tool_calls:repaired messages:repaired",
		},
		{
			"a result that comes late and more than once, and one of nobody's", user + `,{"role":"assistant","tool_calls":[` + call(id, `"{}"`) + `]},{"role":"user","content":"Wait"},{"role":"tool","tool_call_id":"` + id + `","content":"one"},{"role":"tool","tool_call_id":"` + id + `","content":"two"},{"role":"tool","tool_call_id":"` + id + `","content":""},{"role":"tool","tool_call_id":"x","content":"lost"},{"role":"tool","tool_call_id":"y","content":""}`,
			user + `,{"role":"assistant","content":"","tool_calls":[` + call(id, `"{}"`) + `]},{"role":"tool","content":"two","tool_call_id":"` + id + `"},{"role":"assistant","content":"OK."},{"role":"user","content":"Wait"},{"role":"user","content":[{"type":"text","text":"Tool result (x):"},{"type":"text","text":"lost"}]}`,
			"tool_call_id:orphaned",
		},
		{
			"system messages in the middle", user + `,{"role":"system","content":"A"},{"role":"assistant","content":"B"},{"role":"system","content":"C"},{"role":"developer","content":"D"}`,
			user + `,{"role":"system","content":"A"},{"role":"assistant","content":"B"},{"role":"user","content":"<system-reminder>\nC\n</system-reminder>"},{"role":"system","content":"D"}`, "",
		},
		{
			"functions", user + `,{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"ok"}`,
			user + `,{"role":"assistant","content":"","tool_calls":[` + call("8474f0992", `"{}"`) + `]},{"role":"tool","content":"ok","tool_call_id":"8474f0992"}`, "",
		},
		{
			"calls and results in Anthropic's form", user + `,{"role":"assistant","content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"A"},{"type":"tool_use","id":"` + id + `","name":"f","input":{"a":1}}],"tool_calls":[` + call(id, `"{}"`) + `]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"` + id + `","content":"ok"}]}`,
			user + `,{"role":"assistant","content":"A","tool_calls":[` + call(id, `"{\"a\":1}"`) + `]},{"role":"tool","content":"ok","tool_call_id":"` + id + `"}`, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := try(t, `"messages":[`+tt.messages+`]`, medium, mistral.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(`{"model":"mistral-medium-3","messages":[`+tt.sent+`]}`, string(req.Body)); diff != "" {
				t.Error(diff)
			}
			if got := warnings(req); got != tt.told {
				t.Errorf("told %q, want %q", got, tt.told)
			}
			var body struct{ Messages []sentMessage }
			if err := json.Unmarshal(req.Body, &body); err != nil {
				t.Fatal(err)
			}
			if why := fault(body.Messages); why != "" {
				t.Error(why)
			}
		})
	}
}

func TestSystemField(t *testing.T) {
	req, err := try(t, `"system":[{"type":"text","text":"Be brief."}],"messages":[{"role":"user","content":"Hi"}]`, medium, mistral.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"model":"mistral-medium-3","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]}`; string(req.Body) != want {
		t.Errorf("%s, want %s", req.Body, want)
	}
}

// What was fetched is sent as data, with the type that it shows.
func TestFetchedImage(t *testing.T) {
	const png = "\x89PNG\r\n\x1a\n"
	for _, tt := range []struct{ data, url, code string }{
		{png, "data:image/png;base64,iVBORw0KGgo=", ""},
		{"<html>", "", "invalid_image_url"},
	} {
		chat := &openai.ChatRequest{Messages: []openai.Message{{Role: "user", Content: openai.Content{Parts: []openai.Part{
			{Type: "image_url", ImageURL: openai.ImageURL{URL: "https://x/y.jpg"}, Media: &openai.Media{Data: []byte(tt.data)}},
		}}}}}
		req, err := mistral.NewRequest(chat, &medium, mistral.Options{})
		switch {
		case tt.code != "":
			if err == nil || err.Code != tt.code || err.Param != "messages[0].content[0].image_url" {
				t.Errorf("%q: error %v", tt.data, err)
			}
		case err != nil:
			t.Error(err)
		case !strings.Contains(string(req.Body), `"image_url":"`+tt.url+`"`):
			t.Errorf("%s", req.Body)
		}
	}
}

// A conversation that grows keeps the bytes of its beginning: ids that come again in later
// turns get others, but always the same.
func TestRepeatedIDs(t *testing.T) {
	round := `{"role":"assistant","tool_calls":[` + call("call_0", `"{}"`) + `]},{"role":"tool","tool_call_id":"call_0","content":"ok"},`
	var sent []string
	for n := range 3 {
		req, err := try(t, `"messages":[{"role":"user","content":"Hi"},`+strings.Repeat(round, n+1)+`{"role":"assistant","content":"A"},{"role":"user","content":"B"}]`, medium, mistral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var body struct{ Messages []sentMessage }
		if err := json.Unmarshal(req.Body, &body); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, m := range body.Messages {
			for _, c := range m.ToolCalls {
				ids = append(ids, c.ID)
			}
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(ids))); len(unique) != n+1 || !slices.Equal(ids[:n], sent) {
			t.Errorf("ids %q behind %q", ids, sent)
		}
		if why := fault(body.Messages); why != "" {
			t.Error(why)
		}
		sent = ids
	}
}

// Who repeats one id in every call must not keep the gateway busy for minutes.
func TestOneIDInAllCalls(t *testing.T) {
	calls := strings.Repeat(`,`+call("call_0", `"{}"`), 50000)[1:]
	req, err := try(t, `"messages":[{"role":"assistant","tool_calls":[`+calls+`]}]`, medium, mistral.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var body struct{ Messages []sentMessage }
	if err := json.Unmarshal(req.Body, &body); err != nil {
		t.Fatal(err)
	}
	if got := len(body.Messages[0].ToolCalls); got != 50000 {
		t.Errorf("%d calls", got)
	}
}

// The reading of an answer follows what the client wants to see.
func TestReasoningShown(t *testing.T) {
	const event = `{"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":"Hm"}]}}]}`
	for chat, want := range map[string]int{``: 1, `"reasoning":{"exclude":true}`: 0, `"include_reasoning":false`: 0, `"include_reasoning":true`: 1} {
		req, err := try(t, chat, medium, mistral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if deltas, err := req.Read().Event([]byte(event)); err != nil || len(deltas) != want {
			t.Errorf("%s: %d deltas, error %v", chat, len(deltas), err)
		}
	}
}

func TestFIM(t *testing.T) {
	codestral := catalogue.Model{ID: "codestral-2@001", API: catalogue.APIMistral}
	for _, tt := range []struct{ prompt, suffix, chat, want, told string }{
		{"def f(", "", `{}`, `{"model":"codestral-2","prompt":"def f("}`, ""},
		{"", "\n", `{"messages":[{"role":"user","content":"unused"}]}`, `{"model":"codestral-2","prompt":"","suffix":"\n"}`, ""},
		{
			"a", "b", `{"max_tokens":64,"temperature":0,"top_p":0.9,"stop":["\n\n",""],"seed":1,"min_tokens":2,"stream":true,"logit_bias":{},"presence_penalty":1}`,
			`{"model":"codestral-2","prompt":"a","suffix":"b","max_tokens":64,"stream":true,"temperature":0,"stop":["\n\n"],"random_seed":1,"min_tokens":2}`,
			"presence_penalty:dropped stop:dropped logit_bias:dropped",
		},
		{
			"a", "b", `{"reasoning_effort":"high","response_format":{"type":"json_object"},"functions":[{"name":"f"}]}`,
			`{"model":"codestral-2","prompt":"a","suffix":"b"}`, "response_format:dropped functions:dropped reasoning_effort:dropped",
		},
		{"a", "b", `{"reasoning_effort":"none","response_format":{"type":"text"}}`, `{"model":"codestral-2","prompt":"a","suffix":"b"}`, ""},
	} {
		chat, err := openai.DecodeChatRequest([]byte(tt.chat))
		if err != nil {
			t.Fatal(err)
		}
		req, err := mistral.NewFIM(tt.prompt, tt.suffix, chat, &codestral, mistral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, string(req.Body)); diff != "" || warnings(req) != tt.told {
			t.Errorf("told %q\n%s", warnings(req), diff)
		}
		if stream := bytes.Contains(req.Body, []byte(`"stream"`)); (req.Method == "streamRawPredict") != stream {
			t.Errorf("%s by %s", req.Body, req.Method)
		}
	}
	if _, err := mistral.NewFIM("a", "b", &openai.ChatRequest{MaxTokens: new(int64)}, &codestral, mistral.Options{}); err == nil || err.Param != "max_tokens" {
		t.Errorf("max_tokens 0: error %v", err)
	}
}
