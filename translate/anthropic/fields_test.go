package anthropic_test

import (
	"flag"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
)

var update = flag.Bool("update", false, "rewrite the table of translate/README.md")

// A documented field is a row of the table in translate/README.md. What becomes of the
// example is found out by translating it.
type documented struct {
	field   string // of the request, or what stands in a message or a tool
	example string // its value; with @model in front another model than usual
	note    string
}

const (
	aTool    = `[{"type":"function","function":{"name":"f"}}]`
	aSchema  = `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`
	aPicture = `"data:image/jpg;base64,iVBORw0KGgo="`
)

// requestFields are all fields of OpenAI's request, and the extensions that are read.
var requestFields = []documented{
	{"model", `"anthropic/claude-opus-5"`, "goes into the URL; the answer has the client's name"},
	{"messages", `[{"role":"user","content":"Hi"}]`, "see below"},
	{"max_completion_tokens", `100`, "wins over max_tokens; above the model's limit it is clamped; without either the model's limit is sent, or max_tokens of the configuration"},
	{"max_tokens", `100`, ""},
	{"temperature", `@claude-haiku-4-5 0.7`, "from 1 to 2 it is clamped to 1"},
	{"temperature", `0.7`, "models from Opus 4.7 on take no sampling parameters"},
	{"top_p", `@claude-haiku-4-5 0.9`, "not beside temperature where the model refuses both"},
	{"top_k", `@claude-haiku-4-5 5`, "extension"},
	{"n", `2`, "one answer costs one answer"},
	{"stop", `["END"," "]`, "Claude takes no blanks"},
	{"stop_sequences", `["END"]`, "Anthropic's name of it"},
	{"stream", `true`, "the gateway always streams from Vertex AI"},
	{"stream_options", `{"include_usage":true}`, "the last chunk has the usage"},
	{"usage", `{"include":true}`, "OpenRouter's way to ask for it"},
	{"tools", aTool, "see below"},
	{"tool_choice", `"required"`, "of no effect without tools"},
	{"parallel_tool_calls", `false`, "of no effect without tools"},
	{"functions", `[{"name":"f"}]`, "the answer has function_call"},
	{"function_call", `"none"`, "of no effect without functions"},
	{"response_format", `{"type":"json_object"}`, "asked for in words; a code fence is taken off the answer"},
	{"response_format", `{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":` + aSchema + `}}`, "by a tool that takes the answer where model, project or schema do not allow it"},
	{"reasoning_effort", `"low"`, "what the model takes for it"},
	{"reasoning_effort", `@claude-haiku-4-5 "low"`, "a share of max_tokens on models that think by budget"},
	{"reasoning", `{"effort":"high","exclude":true}`, "OpenRouter's; excluded reasoning is not shown"},
	{"include_reasoning", `true`, "OpenRouter's"},
	{"thinking", `{"type":"enabled","budget_tokens":8000}`, "Anthropic's; it wins over the others"},
	{"enable_thinking", `false`, "Qwen's"},
	{"chat_template_kwargs", `{"enable_thinking":false}`, "Qwen's"},
	{"verbosity", `"low"`, ""},
	{"logprobs", `true`, "logprobs of the answer are null"},
	{"top_logprobs", `3`, ""},
	{"logit_bias", `{"50256":-100}`, ""},
	{"presence_penalty", `0.5`, "0 is dropped without a word"},
	{"frequency_penalty", `0.5`, "0 is dropped without a word"},
	{"seed", `1`, ""},
	{"user", `"alice@example.com"`, "a keyed hash: nobody's name leaves"},
	{"safety_identifier", `"u-17"`, "wins over user"},
	{"metadata", `{"team":"a"}`, ""},
	{"store", `true`, ""},
	{"service_tier", `"priority"`, "auto and default are dropped without a word; the answer says default"},
	{"prediction", `{"type":"content","content":"x"}`, ""},
	{"modalities", `["text","audio"]`, "text alone is taken"},
	{"audio", `{"voice":"x","format":"mp3"}`, "of no effect without the modality"},
	{"moderation", `{"model":"m"}`, "a policy that blocks is refused"},
	{"web_search_options", `{"search_context_size":"low"}`, "if the model's web_search allows it, else refused"},
	{"prompt_cache_key", `"k"`, ""},
	{"prompt_cache_options", `{"mode":"implicit"}`, "with cache: auto; explicit leaves the marking to the client"},
	{"prompt_cache_retention", `"24h"`, "with cache: auto, an hour"},
	{"cache_control", `{"type":"ephemeral"}`, "extension; at most four marks, the latest count"},
	{"system", `"Be brief."`, "Anthropic's; stands before system messages"},
	{"anthropic_beta", `["context-1m-2025-08-07"]`, "sent as a header, as far as Vertex AI is known to take it"},
	{"input", `"Hi"`, "in place of messages: read as in the Responses API"},
	{"instructions", `"Be brief."`, "beside input"},
	{"max_output_tokens", `100`, "the Responses API's name of it"},
	{"text", `{"format":{"type":"json_object"}}`, "the Responses API's response_format"},
	{"extra_body", `{"max_tokens":100}`, "its members count as the request's"},
	{"anything else", `1`, "never sent"},
}

// messageFields are what a message may hold. An example is the conversation.
var messageFields = []documented{
	{"role system, first", `[{"role":"system","content":"s"},{"role":"user","content":"a"}]`, "developer is the same"},
	{"role system, later", `[{"role":"user","content":"a"},{"role":"system","content":"s"}]`, "in place where the model takes it"},
	{"role system, later", `@claude-haiku-4-5 [{"role":"user","content":"a"},{"role":"system","content":"s"}]`, "else a reminder in the user's turn"},
	{"role tool", `[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"r"}]`, "results stand first in the turn behind their calls; a missing one is made up, an orphaned one becomes text"},
	{"role function", `[{"role":"user","content":"a"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}]`, ""},
	{"text", `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":" "}]}]`, "blank text is left out"},
	{"image_url", `[{"role":"user","content":[{"type":"image_url","image_url":{"url":` + aPicture + `,"detail":"low"}}]}]`, "told by its bytes; an https URL is fetched"},
	{"file", `[{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain,hello"}}]}]`, "PDF, text or image; file_url is fetched; file_id is refused"},
	{"input_audio", `[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"","format":"wav"}}]}]`, ""},
	{"refusal", `[{"role":"user","content":"a"},{"role":"assistant","content":null,"refusal":"no"},{"role":"user","content":"b"}]`, ""},
	{"name", `[{"role":"user","name":"bob","content":"a"}]`, "dropped without a word"},
	{"audio of an answer", `[{"role":"user","content":"a"},{"role":"assistant","content":"b","audio":{"id":"x"}},{"role":"user","content":"c"}]`, ""},
	{"reasoning_details", `[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"h","signature":"s","index":0}]},{"role":"user","content":"c"}]`, "signed thinking goes back; unsigned is left out, and so is reasoning_content"},
	{"cache_control", `[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]`, "also on messages and tools; prompt_cache_breakpoint is the same"},
	{"a last assistant message", `@claude-haiku-4-5 [{"role":"user","content":"a"},{"role":"assistant","content":"Say: "}]`, "the model goes on from it where it can"},
	{"a last assistant message", `[{"role":"user","content":"a"},{"role":"assistant","content":"Say: "}]`, "else it is asked to go on"},
}

// toolFields are the forms of tools. An example is the list.
var toolFields = []documented{
	{"function", `[{"type":"function","function":{"name":"geo.lookup","description":"d","parameters":{"properties":{"a":{"type":"string"}}},"strict":true}}]`, "names are made acceptable and changed back in the answer; strict is dropped without a word"},
	{"function, parameters with alternatives at the top", `[{"type":"function","function":{"name":"f","parameters":{"anyOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{}}}]}}}]`, "Claude refuses them there"},
	{"custom", `[{"type":"custom","custom":{"name":"p","format":{"type":"text"}}}]`, "the answer has the custom call again"},
	{"flat", `[{"type":"function","name":"f","parameters":{"type":"object"}}]`, "as in the Responses API"},
	{"Anthropic's", `[{"name":"f","input_schema":{"type":"object"}}]`, ""},
	{"web_search", `[{"type":"web_search"}]`, "as web_search_options"},
	{"another type, beside others", `[{"type":"image_generation"},{"type":"function","function":{"name":"f"}}]`, "alone it is refused"},
}

// The table in translate/README.md says what becomes of each field.
func TestDocumentedFields(t *testing.T) {
	var table strings.Builder
	for _, part := range []struct {
		title string
		rows  []documented
		with  func(example, field string) string
	}{
		{"Fields of the request", requestFields, func(example, field string) string { return `"` + field + `":` + example }},
		{"Messages", messageFields, func(example, _ string) string { return `"messages":` + example }},
		{"Tools", toolFields, func(example, _ string) string { return `"tools":` + example }},
	} {
		fmt.Fprintf(&table, "### %s\n\n| field | example | sent to Claude | told | |\n| --- | --- | --- | --- | --- |\n", part.title)
		for _, row := range part.rows {
			model, example := "claude-opus-5", row.example
			if other, rest, ok := strings.Cut(example, " "); ok && strings.HasPrefix(other, "@") {
				model, example = other[1:], rest
			}
			sent, told := translatedField(t, model, part.with(example, row.field))
			note := row.note
			if model != "claude-opus-5" {
				note = model + ": " + note
			}
			fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", row.field, openaitest.Code(example), sent, told, note)
		}
		table.WriteString("\n")
	}
	openaitest.Documented(t, "../README.md", tables, table.String(), *update)
}

// translatedField translates a request with and without the member, and tells the difference.
func translatedField(t *testing.T, model, member string) (sent, told string) {
	t.Helper()
	base := `"model":"` + model + `"`
	chat := `{` + member
	if !strings.HasPrefix(member, `"model"`) {
		chat += "," + base
	}
	if !strings.Contains(member, `"messages":`) && !strings.HasPrefix(member, `"input"`) {
		chat += `,"messages":[{"role":"user","content":"Hi"}]`
	}
	if strings.HasPrefix(member, `"input"`) {
		return "as messages", ""
	}
	req, fault := tryWith(t, chat+`}`, anthropic.Options{WebSearch: true})
	if fault != nil {
		return "400 " + fault.Code, ""
	}
	plain, _ := tryWith(t, `{`+base+`,"messages":[]}`, anthropic.Options{})
	if plain == nil {
		plain, _ = tryWith(t, `{`+base+`,"messages":[{"role":"user","content":"Hi"}]}`, anthropic.Options{})
	}
	warnings := make([]string, 0, len(req.Warnings))
	for _, w := range req.Warnings {
		warnings = append(warnings, openaitest.Code(w.Param+":"+w.What))
	}
	return openaitest.Added(t, req.Body, plain.Body), strings.Join(warnings, " ")
}

const tables = "<!-- The tables are written by: go test ./translate/anthropic -run DocumentedFields -update -->"

// No field that is read, and none of OpenAI's, is missing in the table.
func TestEveryFieldIsDocumented(t *testing.T) {
	known := make(map[string]bool)
	for _, row := range requestFields {
		known[row.field] = true
	}
	chat := reflect.TypeFor[openai.ChatRequest]()
	for i := range chat.NumField() {
		name, _, _ := strings.Cut(chat.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" && !known[name] {
			t.Errorf("%s is read and not documented", name)
		}
	}
	for _, name := range openaitest.Load(t).Properties(t, "CreateChatCompletionRequest") {
		if !known[name] {
			t.Errorf("%s is OpenAI's and not documented", name)
		}
	}
}
