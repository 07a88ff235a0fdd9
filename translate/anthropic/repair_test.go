package anthropic_test

import (
	"fmt"
	"strings"
	"testing"

	"vertexgateway/translate"
	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// A refusal in the words of Vertex AI mends the request that it refused.
func TestRepairs(t *testing.T) {
	const (
		tools  = `,"tools":[{"name":"f","input_schema":{}}]`
		schema = `,"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}}`
		signed = `{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"h","signature":"s","index":0}]},{"role":"user","content":"c"}`
	)
	tests := []struct {
		model, chat, refusal string
		name                 string // of the repair; empty: there is none
		lasting              bool
		before, after        string // a part of the body that goes, and one that comes
	}{
		{"claude-opus-5", schema, "Organization Policy constraint constraints/vertexai.allowedPartnerModelFeatures violated for projects/1attempting to use a disallowed feature structured_outputs for Partner model claude-opus-5.", "structured_outputs", true, `"output_config"`, `"tool_choice":{"type":"tool","name":"x"`},
		{"claude-opus-5", schema, "output_config.format: Extra inputs are not permitted", "structured_outputs", true, `"output_config"`, `"name":"x"`},
		{"claude-opus-5", schema + `,"reasoning_effort":"low"`, "output_config: Extra inputs are not permitted", "output_config", true, `"output_config"`, `"name":"x"`},
		{"claude-opus-5", schema, "output_config.format.schema: Schema is too complex for compilation.", "schema", false, `"output_config"`, `"name":"x"`},
		{"claude-opus-5", `,"reasoning_effort":"none"`, `"thinking.type.disabled" is not supported for this model. Thinking defaults to adaptive mode`, "thinking", true, `"thinking":{"type":"disabled"}`, `"output_config":{"effort":"low"}`},
		{"claude-haiku-4-5", `,"reasoning_effort":"high"`, `"thinking.type.enabled" is not supported for this model.`, "thinking", true, `"type":"enabled"`, `"thinking":{"type":"adaptive"`},
		{"claude-opus-5", `,"reasoning_effort":"high"`, "adaptive thinking is not supported on this model", "thinking", true, `"adaptive"`, `"type":"enabled","budget_tokens":`},
		{"claude-opus-5", `,"reasoning_effort":"xhigh"`, "This model does not support effort level 'xhigh'. Supported levels: 'high', 'low', 'max' and 'medium'.", "effort", true, `"xhigh"`, `"effort":"high"`},
		{"claude-opus-5", `,"reasoning_effort":"high"`, "This model does not support the effort parameter.", "effort", true, `"effort"`, `"adaptive"`},
		{"claude-sonnet-4-6", `,"reasoning_effort":"low"`, "output_config.effort: Extra inputs are not permitted", "effort", true, `"effort"`, `"adaptive"`},
		{"claude-opus-5", `,"reasoning_effort":"low"`, "thinking.adaptive.display: Extra inputs are not permitted", "thinking", true, `"display"`, `"adaptive"`},
		{"claude-haiku-4-5", `,"thinking":{"type":"enabled","budget_tokens":2000,"display":"omitted"}`, "thinking.enabled.display: Extra inputs are not permitted", "thinking", true, `"display"`, `"budget_tokens":2000`},
		{"claude-opus-5", tools + `,"tool_choice":"required"`, `tool_choice: type "tool" and "any" are not supported for this model.`, "tool_choice", true, `"tool_choice"`, `by calling one of the tools`},
		{"claude-haiku-4-5", `,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]`, "This model does not support assistant message prefill. The conversation must end with a user message.", "prefill", true, ``, `Continue.`},
		{"claude-opus-5", `,"messages":[{"role":"user","content":"a"},{"role":"system","content":"s"}]`, "role 'system' is not supported on this model", "system_role", true, `"role":"system"`, `<system-reminder>`},
		{"claude-haiku-4-5", `,"temperature":0.5`, "`temperature` is deprecated for this model.", "sampling", true, `"temperature"`, ``},
		{"claude-3-haiku", `,"temperature":0.5,"top_p":0.5`, "`temperature` and `top_p` cannot both be specified for this model. Please use only one.", "sampling", true, `"top_p"`, `"temperature"`},
		{"claude-opus-5", `,"messages":[{"role":"user","content":"a","cache_control":{"type":"ephemeral"}}]`, "A maximum of 4 blocks with cache_control may be provided. Found 5.", "cache_control", false, `"cache_control"`, ``},
		{"claude-opus-5", ``, "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease input length or `max_tokens` and try again", "max_tokens", false, `"max_tokens":64000`, `"max_tokens":20785`},
		{"claude-opus-5", ``, "input length and `max_tokens` exceed context limit: 199999 + 64000 > 200000", "", false, ``, ``},
		{"claude-opus-5", ``, "max_tokens: 128000 > 32000, which is the maximum allowed number of output tokens for claude-opus-5", "max_tokens", true, ``, `"max_tokens":32000`},
		{"claude-opus-5", `,"messages":[` + signed + `]`, "messages.1.content.0: Invalid `signature` in `thinking` block", "signature", false, `"thinking":"h"`, ``},
		{"claude-opus-5", `,"messages":[` + signed + `]`, "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.", "signature", false, `"thinking":"h"`, ``},
		{"claude-opus-5", `,"user":"u"`, "metadata: Extra inputs are not permitted", "extra_field", true, `"metadata"`, ``},
		{"claude-opus-5", ``, "messages.0.content: Extra inputs are not permitted", "", false, ``, ``},
		{"claude-opus-5", ``, "anthropic_version: Extra inputs are not permitted", "", false, ``, ``},
		{"claude-opus-5", ``, "prompt is too long: 208310 tokens > 200000 maximum", "", false, ``, ``},
	}
	for _, tt := range tests {
		t.Run(tt.refusal, func(t *testing.T) {
			chat := tt.chat
			if !strings.Contains(chat, `"messages"`) {
				chat += `,"messages":[{"role":"user","content":"a"}]`
			}
			decoded, fault := openai.DecodeChatRequest([]byte(`{"model":"` + tt.model + `"` + chat + `}`))
			if fault != nil {
				t.Fatal(fault)
			}
			m, _ := catalogue.Builtin().Find(tt.model)
			o := anthropic.Options{Version: "vertex-2023-10-16", MaxTokens: 64000}
			refused, fault := anthropic.NewRequest(decoded, m, o)
			if fault != nil {
				t.Fatal(fault)
			}
			body := `{"type":"error","error":{"type":"invalid_request_error","message":` + string(openai.AppendString(nil, tt.refusal)) + `}}`
			repair, ok := anthropic.Diagnose(translate.ParseError(400, []byte(body)))
			if repair.Name != tt.name || ok != (tt.name != "") || repair.Lasting != tt.lasting {
				t.Fatalf("repair %q (%v), lasting %v", repair.Name, ok, repair.Lasting)
			}
			for _, quoting := range []string{"messages.1.content.0: Input tag '%s' found using 'type'", "messages.1.content.0.%s: Extra inputs are not permitted"} {
				if r, _ := anthropic.Diagnose(&openai.Error{Upstream: 400, Message: fmt.Sprintf(quoting, tt.refusal)}); r.Lasting {
					t.Errorf("quoted in %s it teaches %s", quoting, r.Name)
				}
			}
			if !ok {
				return
			}
			m2, o2 := repair.Apply(m, o)
			mended, fault := anthropic.NewRequest(decoded, m2, o2)
			if fault != nil {
				t.Fatal(fault)
			}
			if !strings.Contains(string(refused.Body), tt.before) || tt.before != "" && strings.Contains(string(mended.Body), tt.before) {
				t.Errorf("%s went not from\n%s to\n%s", tt.before, refused.Body, mended.Body)
			}
			if !strings.Contains(string(mended.Body), tt.after) {
				t.Errorf("no %s in %s", tt.after, mended.Body)
			}
		})
	}
}

func TestUnknownBetaIsLeftOut(t *testing.T) {
	repair, ok := anthropic.Diagnose(translate.ParseError(400, []byte(`{"type":"error","error":{"type":"invalid_request_error","message":"Unexpected value(s) `+"`context-1m-2025-08-07`, `x`"+` for the `+"`anthropic-beta`"+` header."}}`)))
	if !ok {
		t.Fatal("no repair")
	}
	m, _ := catalogue.Builtin().Find("claude-opus-5")
	_, o := repair.Apply(m, anthropic.Options{})
	if got := strings.Join(o.Without, " "); got != "context-1m-2025-08-07" {
		t.Errorf("left out are %q", got)
	}
	if r, ok := anthropic.Diagnose(&openai.Error{Upstream: 400, Message: "Unexpected value(s) `thinking` for the `anthropic-beta` header."}); ok {
		t.Errorf("%s for a beta that was not sent", r.Name)
	}
}

// The conditions of one request are no property of its model.
func TestConditionsTeachNothing(t *testing.T) {
	for refusal, name := range map[string]string{
		"Thinking may not be enabled when tool_choice forces tool use.":                    "tool_choice",
		"`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.": "sampling",
		"`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.": "sampling",
	} {
		if r, ok := anthropic.Diagnose(&openai.Error{Upstream: 400, Message: refusal}); !ok || r.Name != name || r.Lasting {
			t.Errorf("%s: repair %q (%v), lasting %v", refusal, r.Name, ok, r.Lasting)
		}
	}
}

// What is not a refusal of the request's form is none of ours to mend.
func TestNoRepair(t *testing.T) {
	for _, status := range []int{401, 403, 404, 429, 500, 529} {
		if r, ok := anthropic.Diagnose(translate.ParseError(status, []byte(`{"error":{"message":"metadata: Extra inputs are not permitted"}}`))); ok {
			t.Errorf("status %d: %s", status, r.Name)
		}
	}
}
