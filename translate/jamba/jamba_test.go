package jamba_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/jamba"
	"vertexgateway/translate/openai"
)

var mini = catalogue.Model{ID: "jamba-1.5-mini@001", API: catalogue.APIJamba}

const (
	hi    = `{"role":"user","content":"Hi"}`
	tools = `"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object"}}},{"type":"function","function":{"name":"g","parameters":{"type":"object"}}}]`
	sentF = `{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}`
	sentG = `{"type":"function","function":{"name":"g","parameters":{"type":"object"}}}`
	both  = `"tools":[` + sentF + `,` + sentG + `]`
)

func TestRequests(t *testing.T) {
	for _, tt := range []struct{ chat, sent, told string }{
		{`"messages":[` + hi + `]`, `"messages":[` + hi + `]`, ``},
		{
			`"messages":[` + hi + `],"stream":true,"max_completion_tokens":9,"temperature":2,"top_p":0.5,"stop":"x","n":1,"response_format":{"type":"json_object"},"documents":[{"content":"\u00e9","n":1.0}]`,
			`"max_tokens":9,"stream":true,"temperature":2,"top_p":0.5,"stop":["x"],"response_format":{"type":"json_object"},"messages":[` + hi + `],"documents":[{"content":"\u00e9","n":1.0}]`, ``,
		},
		{
			`"messages":[` + hi + `],"seed":1,"metadata":{},"presence_penalty":1,"frequency_penalty":0,"reasoning_effort":"high","response_format":{"type":"json_object","schema":{}}`,
			`"response_format":{"type":"json_object"},"messages":[` + hi + `]`, `presence_penalty:dropped seed:dropped reasoning_effort:dropped response_format.schema:dropped`,
		},
		{`"messages":[` + hi + `],` + tools + `,"tool_choice":"auto","parallel_tool_calls":true`, both + `,"messages":[` + hi + `]`, ``},
		{`"messages":[` + hi + `],` + tools + `,"tool_choice":"none","parallel_tool_calls":false`, `"messages":[` + hi + `]`, `parallel_tool_calls:dropped`},
		{`"messages":[` + hi + `],` + tools + `,"tool_choice":"required"`, both + `,"messages":[` + hi + `]`, `tool_choice:relaxed`},
		{`"messages":[` + hi + `],` + tools + `,"tool_choice":{"type":"function","function":{"name":"g"}}`, `"tools":[` + sentG + `],"messages":[` + hi + `]`, `tool_choice:relaxed`},
		{
			`"messages":[{"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"\"b"}]},` + hi + `,{"role":"assistant","tool_calls":[{"id":"call_1","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"ok"},{"role":"tool","tool_call_id":"x","content":"lost"}]`,
			`"messages":[{"role":"system","content":"a\n\"b"},` + hi + `,{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"ok","tool_call_id":"call_1"},{"role":"assistant","content":"OK."},{"role":"user","content":"Tool result (x):\nlost"}]`,
			`tool_call_id:orphaned`,
		},
		{`"messages":[` + hi + `,{"role":"assistant","content":"Well,"}]`, `"messages":[` + hi + `,{"role":"assistant","content":"Well,"}]`, ``},
	} {
		chat, err := openai.DecodeChatRequest([]byte(`{"model":"m",` + tt.chat + `}`))
		if err != nil {
			t.Fatal(err)
		}
		req, err := jamba.NewRequest(chat, &mini, jamba.Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.chat, err)
			continue
		}
		if diff := cmp.Diff(`{"model":"jamba-1.5-mini",`+tt.sent+`}`, string(req.Body)); diff != "" {
			t.Errorf("%s: %s", tt.chat, diff)
		}
		var told []string
		for _, w := range req.Warnings {
			told = append(told, w.Param+":"+w.What)
		}
		if got := strings.Join(told, " "); got != tt.told {
			t.Errorf("%s: told %q, want %q", tt.chat, got, tt.told)
		}
		if (req.Method == "streamRawPredict") != chat.Stream {
			t.Errorf("%s: method %s", tt.chat, req.Method)
		}
	}
}

func TestRefusals(t *testing.T) {
	for member, param := range map[string]string{
		`"n":3,"messages":[` + hi + `]`: "n",
		`"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]`: "messages[0].content[0].type",
		`"messages":[` + hi + `],"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}}`:      "response_format.type",
	} {
		chat, err := openai.DecodeChatRequest([]byte(`{"model":"m",` + member + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jamba.NewRequest(chat, &mini, jamba.Options{}); err == nil || err.Code != "unsupported_value" || err.Param != param {
			t.Errorf("%s: %+v, want %s", member, err, param)
		}
	}
}
