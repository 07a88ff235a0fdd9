package translate_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/jamba"
	"vertexgateway/translate/mistral"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
)

var update = flag.Bool("update", false, "rewrite the tables of partners in README.md")

// A partner is a publisher whose API is nearly OpenAI's.
type partner struct {
	model     string
	translate func(*openai.ChatRequest, *catalogue.Model) (*translate.Request, *openai.Error)
}

var partners = []partner{
	{"mistral-medium-3", func(chat *openai.ChatRequest, m *catalogue.Model) (*translate.Request, *openai.Error) {
		return mistral.NewRequest(chat, m, mistral.Options{})
	}},
	{"jamba-1.5-large", func(chat *openai.ChatRequest, m *catalogue.Model) (*translate.Request, *openai.Error) {
		return jamba.NewRequest(chat, m, jamba.Options{})
	}},
}

const (
	hi     = `"messages":[{"role":"user","content":"Hi"}]`
	aTool  = `"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object"}}}]`
	called = `"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"call_4711","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_4711","content":"r"}]`
)

// examples are members of a request; what becomes of each is found out by translating it.
var examples = []string{
	`"max_completion_tokens":100`, `"max_tokens":100`, `"temperature":2`, `"top_p":0.9`, `"top_k":5`, `"n":1`, `"n":2`,
	`"stop":"END"`, `"seed":7`, `"presence_penalty":0.5`, `"frequency_penalty":0.5`, `"reasoning_effort":"low"`,
	`"response_format":{"type":"json_object"}`,
	`"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object"}}}`,
	aTool, aTool + `,"tool_choice":"required"`, aTool + `,"tool_choice":{"type":"function","function":{"name":"f"}}`,
	aTool + `,"parallel_tool_calls":false`, aTool + `,` + called,
	`"messages":[{"role":"developer","content":"s"},{"role":"user","content":[{"type":"text","text":"a"}]}]`,
	`"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]`,
	`"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"Say: "}]`,
	`"logprobs":true`, `"logit_bias":{"1":1}`, `"user":"alice"`, `"metadata":{"team":"a"}`, `"prediction":{"type":"content","content":"x"}`,
	`"store":true`, `"service_tier":"priority"`, `"verbosity":"low"`, `"safe_prompt":true`, `"documents":[{"content":"d"}]`, `"anything_else":1`,
}

func TestPartnersDocumented(t *testing.T) {
	var table strings.Builder
	for _, p := range partners {
		m, ok := catalogue.Builtin().Find(p.model)
		if !ok {
			t.Fatal(p.model)
		}
		fmt.Fprintf(&table, "### %s\n\n| request | sent | told |\n| --- | --- | --- |\n", m.Title)
		for _, example := range examples {
			sent, told := p.row(t, m, example)
			fmt.Fprintf(&table, "| %s | %s | %s |\n", openaitest.Code(example), sent, told)
		}
		table.WriteString("\n")
	}
	openaitest.Documented(t, "README.md", "<!-- These are written by: go test ./translate -run PartnersDocumented -update -->", table.String(), *update)
}

// row translates a request with and without the example, and tells the difference.
func (p partner) row(t *testing.T, m *catalogue.Model, example string) (sent, told string) {
	t.Helper()
	full := example
	if !strings.Contains(example, `"messages"`) {
		full += "," + hi
	}
	put, fault := p.put(t, m, full)
	if fault != nil {
		return "400 " + fault.Code, ""
	}
	plain, _ := p.put(t, m, hi)
	warnings := make([]string, len(put.Warnings))
	for i, w := range put.Warnings {
		warnings[i] = openaitest.Code(w.Param + ":" + w.What)
	}
	return openaitest.Added(t, put.Body, plain.Body), strings.Join(warnings, " ")
}

func (p partner) put(t *testing.T, m *catalogue.Model, members string) (*translate.Request, *openai.Error) {
	t.Helper()
	chat, fault := openai.DecodeChatRequest([]byte(`{"model":"` + p.model + `",` + members + `}`))
	if fault != nil {
		t.Fatal(fault)
	}
	return p.translate(chat, m)
}
