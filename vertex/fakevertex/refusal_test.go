package fakevertex

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const (
	opus55   = "claude-opus-5-5"
	opus5    = "claude-opus-5"
	sonnet55 = "claude-sonnet-5-5"
	sonnet5  = "claude-sonnet-5"
	opus46   = "claude-opus-4-6"
	opus45   = "claude-opus-4-5"
	haiku45  = "claude-haiku-4-5"
	sonnet37 = "claude-3-7-sonnet"
)

func toolTalk(call, result string) edit {
	return talk(user("q"), assistant(blocks(call)), user(blocks(result)))
}

func marked(n int) edit {
	var all []any
	for range n {
		all = append(all, map[string]any{"type": "text", "text": "x", "cache_control": map[string]any{"type": "ephemeral"}})
	}
	return talk(user(all))
}

const (
	toolCall   = `[{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]`
	toolResult = `[{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]`
)

// refusals are requests that must not pass, with a part of what is said then.
var refusals = []struct {
	name  string
	model string
	edit  edit
	want  string
}{
	{"no version", haiku45, unset("anthropic_version"), "anthropic_version: Field required"},
	{"first party's version", haiku45, set("anthropic_version", "2023-06-01"), "Invalid API version"},
	{"sampling with the new version", haiku45, both(set("anthropic_version", "2026-10-21"), set("temperature", 1)), "temperature: Extra inputs are not permitted"},
	{"model", haiku45, set("model", "claude-haiku-4-5"), "model: Extra inputs are not permitted"},
	{"unknown field", haiku45, set("n", 1), "n: Extra inputs are not permitted"},
	{"unknown field of a message", haiku45, raw(`{"messages": [{"role": "user", "content": "a", "name": "x"}]}`), "messages.0.name: Extra inputs are not permitted"},
	{"unknown field of a block", haiku45, talk(user(blocks(`[{"type": "text", "text": "a", "annotations": []}]`))), "messages.0.content.0.text.annotations: Extra inputs are not permitted"},
	{"unknown field of metadata", haiku45, raw(`{"metadata": {"team": "x"}}`), "metadata.team: Extra inputs are not permitted"},
	{"unknown block", haiku45, talk(user(blocks(`[{"type": "image_url"}]`))), "messages.0.content.0: Input tag 'image_url' found using 'type' does not match any of the expected tags: "},
	{"unknown role", haiku45, raw(`{"messages": [{"role": "tool", "content": "a"}]}`), "messages.0.role: Input should be 'user', 'assistant' or 'system'"},
	{"content null", haiku45, raw(`{"messages": [{"role": "user", "content": null}]}`), "messages.0.content: Input should be a valid list"},
	{"stream null", haiku45, raw(`{"stream": null}`), "stream: Input should be a valid boolean"},

	{"no max_tokens", haiku45, unset("max_tokens"), "max_tokens: Field required"},
	{"fraction of a token", haiku45, set("max_tokens", 1.5), "max_tokens: Input should be a valid integer"},
	{"text for a number", haiku45, set("max_tokens", "1"), "max_tokens: Input should be a valid integer"},
	{"too many tokens", haiku45, set("max_tokens", 200000), "max_tokens: 200000 > 64000, which is the maximum allowed number of output tokens for claude-haiku-4-5-20251001"},
	{"none in a stream", haiku45, both(set("max_tokens", 0), set("stream", true)), "max_tokens: 0"},

	{"hot", haiku45, set("temperature", 1.5), "temperature: Input should be less than or equal to 1"},
	{"temperature on a new model", opus5, set("temperature", 0.5), "temperature"},
	{"top_p on a new model", opus5, set("top_p", 0.9), "top_p"},
	{"top_k on a new model", opus5, set("top_k", 5), "top_k"},
	{"temperature and top_p", haiku45, raw(`{"temperature": 1, "top_p": 1}`), "`temperature` and `top_p` cannot both be specified for this model. Please use only one."},
	{"temperature with thinking", opus46, raw(`{"temperature": 0, "thinking": {"type": "adaptive"}}`), "`temperature` may only be set to 1"},
	{"top_k with thinking", opus46, raw(`{"top_k": 3, "thinking": {"type": "adaptive"}}`), "`top_k` must be unset"},

	{"enabled on a new model", opus5, raw(`{"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}`), `"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive"`},
	{"adaptive on an old model", haiku45, raw(`{"thinking": {"type": "adaptive"}}`), "adaptive thinking is not supported on this model"},
	{"disabled where always on", opus55, raw(`{"thinking": {"type": "disabled"}}`), `"thinking.type.disabled" is not supported for this model.`},
	{"between_tools elsewhere", opus5, raw(`{"thinking": {"type": "between_tools"}}`), "thinking: Input tag 'between_tools' found using 'type' does not match any of the expected tags"},
	{"small budget", haiku45, raw(`{"thinking": {"type": "enabled", "budget_tokens": 1000}, "max_tokens": 2000}`), "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"},
	{"no budget", haiku45, raw(`{"thinking": {"type": "enabled"}}`), "thinking.enabled.budget_tokens: Field required"},
	{"budget not below max_tokens", haiku45, raw(`{"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 2000}`), "`max_tokens` must be greater than `thinking.budget_tokens`"},
	{"display with disabled", opus5, raw(`{"thinking": {"type": "disabled", "display": "omitted"}}`), "thinking.disabled.display: Extra inputs are not permitted"},
	{"unknown effort", opus5, raw(`{"output_config": {"effort": "minimal"}}`), "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"},
	{"effort too high for the model", opus46, raw(`{"output_config": {"effort": "xhigh"}}`), "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."},
	{"effort on a model without", haiku45, raw(`{"output_config": {"effort": "low"}}`), "effort"},
	{"output_config on a model without", sonnet37, raw(`{"output_config": {"effort": "low"}}`), "output_config: Extra inputs are not permitted"},
	{"high effort without thinking", opus5, raw(`{"output_config": {"effort": "max"}, "thinking": {"type": "disabled"}}`), "output_config.effort: 'max'"},

	{"forced tool on the newest", opus55, both(raw(weather), raw(`{"tool_choice": {"type": "any"}}`)), `tool_choice: type "tool" and "any" are not supported for this model.`},
	{"forced tool with a budget", opus46, both(raw(weather), raw(`{"tool_choice": {"type": "any"}, "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}`)), "Thinking may not be enabled when tool_choice forces tool use."},
	{"choice without tools", haiku45, raw(`{"tool_choice": {"type": "auto"}}`), "tool_choice may only be specified while providing tools"},
	{"choice of an unknown tool", haiku45, both(raw(weather), raw(`{"tool_choice": {"type": "tool", "name": "x"}}`)), "Tool 'x' not found in provided tools"},
	{"choice in OpenAI's form", haiku45, both(raw(weather), raw(`{"tool_choice": "auto"}`)), "tool_choice: Input should be a valid dictionary"},
	{"none and single", haiku45, both(raw(weather), raw(`{"tool_choice": {"type": "none", "disable_parallel_tool_use": true}}`)), "tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted"},
	{"tool's name", haiku45, raw(`{"tools": [{"name": "a.b", "input_schema": {"type": "object"}}]}`), "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"},
	{"tools of one name", haiku45, raw(`{"tools": [{"name": "a", "input_schema": {"type": "object"}}, {"name": "a", "input_schema": {"type": "object"}}]}`), "tools: Tool names must be unique."},
	{"tool without schema", haiku45, raw(`{"tools": [{"name": "a"}]}`), "tools.0.custom.input_schema: Field required"},
	{"tool with null schema", haiku45, raw(`{"tools": [{"name": "a", "input_schema": null}]}`), "tools.0.custom.input_schema: Input does not match the expected shape."},
	{"schema without type", haiku45, raw(`{"tools": [{"name": "a", "input_schema": {}}]}`), "tools.0.custom.input_schema.type: Field required"},
	{"schema of alternatives", haiku45, raw(`{"tools": [{"name": "a", "input_schema": {"type": "object", "anyOf": []}}]}`), "input_schema does not support oneOf, allOf, or anyOf at the top level"},
	{"tool in OpenAI's form", haiku45, raw(`{"tools": [{"type": "function", "function": {"name": "a"}}]}`), "tools.0: Input tag 'function' found using 'type' does not match any of the expected tags"},
	{"web search of later", opus5, raw(`{"tools": [{"type": "web_search_20260209", "name": "web_search"}]}`), "tools.0: Input tag 'web_search_20260209' found using 'type'"},
	{"computer without its header", opus46, raw(`{"tools": [{"type": "computer_20251124", "name": "computer", "display_width_px": 1, "display_height_px": 1}]}`), "tools.0: Input tag 'computer_20251124'"},
	{"strict tool with an open object", opus5, raw(`{"tools": [{"name": "a", "strict": true, "input_schema": {"type": "object"}}]}`), "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false"},
	{"strict tool on a model without", sonnet37, raw(`{"tools": [{"name": "a", "strict": true, "input_schema": {"type": "object", "additionalProperties": false}}]}`), "tools.0.custom.strict: Extra inputs are not permitted"},

	{"format on a model without", sonnet37, raw(`{"output_config": {"format": {"type": "json_schema", "schema": {}}}}`), "output_config: Extra inputs are not permitted"},
	{"format without schema", opus5, raw(`{"output_config": {"format": {"type": "json_schema"}}}`), "output_config.format.json_schema.schema: Field required"},
	{"format of an open object", opus5, raw(`{"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}`), "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"},
	{"format with a bound", opus5, raw(`{"output_config": {"format": {"type": "json_schema", "schema": {"type": "integer", "minimum": 1}}}}`), "output_config.format.schema: For 'integer' type, property 'minimum' is not supported"},
	{"format with oneOf", opus5, raw(`{"output_config": {"format": {"type": "json_schema", "schema": {"oneOf": []}}}}`), "property 'oneOf' is not supported"},
	{"format with many items", opus5, raw(`{"output_config": {"format": {"type": "json_schema", "schema": {"type": "array", "minItems": 2}}}}`), "minItems"},
	{"format that contains itself", opus5, raw(`{"output_config": {"format": {"type": "json_schema", "schema": {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}}}}`), "Circular reference"},
	{"format with a far reference", opus5, raw(`{"output_config": {"format": {"type": "json_schema", "schema": {"$ref": "https://example.com/s"}}}}`), "External $ref"},
	{"OpenAI's json_object", opus5, raw(`{"output_config": {"format": {"type": "json_object"}}}`), "output_config.format: Input tag 'json_object'"},

	{"no messages", haiku45, talk(), "messages: at least one message is required"},
	{"assistant first", haiku45, talk(assistant("a"), user("b")), `messages: first message must use the "user" role`},
	{"empty content", haiku45, talk(user("")), "messages.0: all messages must have non-empty content except for the optional final assistant message"},
	{"no blocks", haiku45, talk(user([]any{}), assistant("x"), user("y")), "messages.0: all messages must have non-empty content"},
	{"empty text block", haiku45, talk(user(blocks(`[{"type": "text", "text": "a"}, {"type": "text", "text": ""}]`))), "messages: text content blocks must be non-empty"},
	{"blank text", haiku45, talk(user(" \n")), "messages: text content blocks must contain non-whitespace text"},
	{"blank system", haiku45, set("system", ""), "system: text content blocks must be non-empty"},
	{"prefill on a new model", opus46, talk(user("a"), assistant("b")), "This model does not support assistant message prefill. The conversation must end with a user message."},
	{"prefill with thinking", haiku45, both(talk(user("a"), assistant("b")), raw(`{"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}`)), "prefill"},
	{"prefill that ends in a blank", haiku45, talk(user("a"), assistant("b ")), "messages: final assistant content cannot end with trailing whitespace"},
	{"system message on an old model", sonnet5, raw(`{"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}`), "role 'system' is not supported on this model"},
	{"system message first", opus5, raw(`{"messages": [{"role": "system", "content": "b"}, {"role": "user", "content": "a"}]}`), `first message must use the "user" role`},
	{"system message after an answer", opus5, raw(`{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "system", "content": "c"}, {"role": "user", "content": "d"}]}`), "messages.2: a `system` message must directly follow"},
	{"system message before a question", opus5, raw(`{"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "c"}, {"role": "user", "content": "d"}]}`), "messages.1: a `system` message must be followed by"},

	{"call without result", haiku45, talk(user("q"), assistant(blocks(toolCall)), user("never mind")), "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1."},
	{"result behind text", haiku45, toolTalk(toolCall, `[{"type": "text", "text": "here:"}, {"type": "tool_result", "tool_use_id": "t1"}]`), "ids were found without `tool_result` blocks immediately after: t1"},
	{"call at the end", haiku45, talk(user("q"), assistant(blocks(toolCall))), "ids were found without `tool_result`"},
	{"result without call", haiku45, talk(user(blocks(toolResult))), "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: t1."},
	{"two results", haiku45, toolTalk(toolCall, `[{"type": "tool_result", "tool_use_id": "t1"}, {"type": "tool_result", "tool_use_id": "t1"}]`), "messages.2.content.1: each tool_use must have a single result."},
	{"two calls of one id", haiku45, toolTalk(`[{"type": "tool_use", "id": "t1", "name": "f", "input": {}}, {"type": "tool_use", "id": "t1", "name": "f", "input": {}}]`, toolResult), "messages.1.content.1: `tool_use` ids must be unique"},
	{"call's id", haiku45, toolTalk(`[{"type": "tool_use", "id": "a.b", "name": "f", "input": {}}]`, toolResult), "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"},
	{"arguments as text", haiku45, toolTalk(`[{"type": "tool_use", "id": "t1", "name": "f", "input": "{}"}]`, toolResult), "messages.1.content.0.tool_use.input: Input should be a valid dictionary"},
	{"call by the user", haiku45, talk(user(blocks(toolCall))), "messages.0.content.0: `tool_use` blocks can only be in `assistant` messages"},
	{"image by the assistant", haiku45, talk(user("q"), assistant(blocks(`[{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "`+png+`"}}]`)), user("x")), "`image` blocks can only be in `user` messages"},
	{"empty text in a result", haiku45, toolTalk(toolCall, `[{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": ""}]}]`), "messages: text content blocks must be non-empty"},

	{"foreign thinking", opus5, talk(user("q"), assistant(blocks(`[{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": "a"}]`)), user("b")), "messages.1.content.0: Invalid `signature` in `thinking` block"},
	{"thinking without signature", opus5, talk(user("q"), assistant(blocks(`[{"type": "thinking", "thinking": "hm"}]`)), user("b")), "messages.1.content.0.thinking.signature: Field required"},
	{"foreign redacted thinking", opus5, talk(user("q"), assistant(blocks(`[{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "a"}]`)), user("b")), "messages.1.content.0: Invalid `data`"},
	{"tool loop without its thinking", haiku45, both(toolTalk(toolCall, toolResult), raw(`{"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}`)), "messages.1.content.0: Expected `thinking` or `redacted_thinking`, but found `tool_use`."},

	{"blank stop sequence", haiku45, raw(`{"stop_sequences": ["\n"]}`), "stop_sequences: each stop sequence must contain non-whitespace"},
	{"mail address", haiku45, raw(`{"metadata": {"user_id": "a@example.com"}}`), "metadata.user_id"},
	{"long user", haiku45, raw(`{"metadata": {"user_id": "` + strings.Repeat("x", 257) + `"}}`), "metadata.user_id: String should have at most 256 characters"},
	{"five marks", haiku45, marked(5), "A maximum of 4 blocks with cache_control may be provided. Found 5."},
	{"four marks and the automatic one", haiku45, both(marked(4), raw(`{"cache_control": {"type": "ephemeral"}}`)), "Found 5."},
	{"mark on thinking", opus5, talk(user("q"), assistant(blocks(`[{"type": "thinking", "thinking": "", "signature": "", "cache_control": {"type": "ephemeral"}}]`)), user("b")), "messages.1.content.0"},
	{"unknown ttl", haiku45, raw(`{"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "2h"}}]}`), "system.0.text.cache_control.ephemeral.ttl: Input should be '5m' or '1h'"},
	{"long mark after a short one", haiku45, raw(`{"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}`), "system.1: cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m'"},

	{"image by URL", haiku45, talk(user(blocks(`[{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]`))), "messages.0.content.0.image.source: URL sources are not supported"},
	{"wrong media type", haiku45, talk(user(blocks(`[{"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "` + png + `"}}]`))), "Image does not match the provided media type image/jpeg"},
	{"image of no kind", haiku45, talk(user(blocks(`[{"type": "image", "source": {"type": "base64", "media_type": "image/svg+xml", "data": "eA=="}}]`))), "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"},
	{"data URI", haiku45, talk(user(blocks(`[{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "data:image/png;base64,` + png + `"}}]`))), "Invalid base64 data"},
	{"large image", haiku45, talk(user(blocks(`[{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "` + png[:92] + strings.Repeat("A", 5<<20) + `"}}]`))), "image exceeds 5 MB maximum"},
	{"no PDF", haiku45, talk(user(blocks(`[{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "eHh4"}}]`))), "The PDF specified was not valid."},
	{"many images", haiku45, talk(user(blocks(`[` + strings.TrimSuffix(strings.Repeat(`{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "`+png+`"}},`, 101), ",") + `]`))), "Too much media: 0 document pages + 101 images > 100"},
	{"long prompt", haiku45, talk(user(strings.Repeat("word ", 200_000))), "prompt is too long: 250000 tokens > 200000 maximum"},
	{"document by the assistant, new version", opus5, both(set("anthropic_version", "2026-10-21"), talk(user("q"), assistant(blocks(`[{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}]`)), user("a"))), "`document` blocks can only be in `user` messages"},
	{"edits without their header", opus5, raw(`{"context_management": {"edits": []}}`), "context_management: Extra inputs are not permitted"},
	{"binding without its header", opus5, raw(`{"thinking": {"type": "adaptive", "block_binding": {}}}`), "thinking.adaptive.block_binding: Extra inputs are not permitted"},
	{"fast mode", opus5, set("speed", "fast"), "Fast mode"},
}

func TestRefusals(t *testing.T) {
	s := New(Options{})
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			res, text := post(t, s, pathOf("global", test.model, "rawPredict"), hello(test.edit))
			if res.StatusCode != http.StatusBadRequest {
				t.Fatalf("%s: %s", res.Status, text)
			}
			var body struct {
				Error struct {
					Message string `json:"message"`
				} `json:"error"`
			}
			if err := json.Unmarshal([]byte(text), &body); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(body.Error.Message, test.want) {
				t.Errorf("message %q lacks %q", body.Error.Message, test.want)
			}
		})
	}
}

// accepted are near neighbours of the refusals.
var accepted = []struct {
	name  string
	model string
	edit  edit
}{
	{"plain", haiku45, both()},
	{"dated", "claude-haiku-4-5@20251001", both()},
	{"new version", opus5, set("anthropic_version", "2026-10-21")},
	{"all tokens", haiku45, set("max_tokens", 64000)},
	{"no token", haiku45, set("max_tokens", 0)},
	{"default sampling on a new model", opus5, raw(`{"temperature": 1, "top_p": 0.99}`)},
	{"temperature and top_k", haiku45, raw(`{"temperature": 0, "top_k": 4}`)},
	{"temperature and top_p on an old model", sonnet37, raw(`{"temperature": 0.5, "top_p": 0.5}`)},
	{"thinking with a budget", haiku45, raw(`{"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}`)},
	{"display", opus5, raw(`{"thinking": {"type": "adaptive", "display": "summarized"}}`)},
	{"between_tools", sonnet55, raw(`{"thinking": {"type": "between_tools"}}`)},
	{"effort without thinking", opus5, raw(`{"output_config": {"effort": "high"}, "thinking": {"type": "disabled"}}`)},
	{"forced tool with thinking by default", opus5, both(raw(weather), raw(`{"tool_choice": {"type": "any"}}`))},
	{"forced tool with adaptive thinking", opus46, both(raw(weather), raw(`{"tool_choice": {"type": "tool", "name": "get_weather"}, "thinking": {"type": "adaptive"}}`))},
	{"web search", opus5, raw(`{"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3, "user_location": {"type": "approximate", "city": "Oslo"}}]}`)},
	{"web search used", haiku45, both(raw(`{"tools": [{"type": "web_search_20250305", "name": "web_search"}]}`), talk(user("Search for it")))},
	{"typed tool", opus5, raw(`{"tools": [{"type": "custom", "name": "a", "input_schema": {"type": "object"}, "eager_input_streaming": true}]}`)},
	{"strict tool", opus5, raw(`{"tools": [{"name": "a", "strict": true, "input_schema": {"type": "object", "properties": {"x": {"type": ["string", "null"]}}, "required": ["x"], "additionalProperties": false}}]}`)},
	{"prefill", haiku45, talk(user("a"), assistant("b"))},
	{"empty prefill", haiku45, talk(user("a"), assistant(""))},
	{"two questions", haiku45, talk(user("a"), user("b"))},
	{"system in its place", opus5, raw(`{"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}, {"role": "assistant", "content": "c"}, {"role": "user", "content": "d"}]}`)},
	{"tool loop", haiku45, toolTalk(toolCall, toolResult)},
	{"tool loop in pieces", haiku45, talk(user("q"), assistant("let me see"), assistant(blocks(toolCall)), user(blocks(toolResult)), user("and now?"))},
	{"image in a result", haiku45, toolTalk(toolCall, `[{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "`+png+`"}}]}]`)},
	{"start of a JPEG", haiku45, talk(user(blocks(`[{"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AA="}}]`)))},
	{"PDF", haiku45, talk(user(blocks(`[{"type": "document", "title": "x", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}}]`)))},
	{"text document", haiku45, talk(user(blocks(`[{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "citations": {"enabled": true}}]`)))},
	{"four marks", haiku45, marked(4)},
	{"long mark before a short one", haiku45, raw(`{"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]}`)},
	{"user", haiku45, raw(`{"metadata": {"user_id": "u-17"}}`)},
}

func TestAccepted(t *testing.T) {
	s := New(Options{})
	for _, test := range accepted {
		t.Run(test.name, func(t *testing.T) {
			ask(t, s, test.model, hello(test.edit))
		})
	}
}

func TestDoor(t *testing.T) {
	s := New(Options{})
	good := pathOf("global", haiku45, "rawPredict")
	stream := pathOf("global", haiku45, "streamRawPredict")
	tests := []struct {
		name   string
		path   string
		header []string
		status int
		want   string
	}{
		{"no token", good, []string{"Authorization", ""}, 401, `"status": "UNAUTHENTICATED"`},
		{"empty token", good, []string{"Authorization", "Bearer "}, 401, `"code": 401`},
		{"API key", stream, []string{"Authorization", "", "x-api-key", "k"}, 401, "[\n"},
		{"unknown path", "/v1/messages", nil, 404, "<title>Error 404 (Not Found)!!1</title>"},
		{"unknown model", pathOf("global", "claude-9", "rawPredict"), nil, 404, "Publisher Model `projects/p/locations/global/publishers/anthropic/models/claude-9` was not found or your project does not have access to it."},
		{"first party's spelling", pathOf("global", "claude-haiku-4-5-20251001", "rawPredict"), nil, 404, "was not found"},
		{"wrong location", pathOf("us", haiku45, "rawPredict"), nil, 404, `"status": "NOT_FOUND"`},
		{"new model in a region", pathOf("us-east5", opus55, "streamRawPredict"), nil, 404, "[\n"},
		{"other publisher", strings.Replace(good, "anthropic", "google", 1), nil, 404, "publishers/google/models/"},
		{"Gemini's method", pathOf("global", haiku45, "streamGenerateContent"), nil, 400, "claude-haiku-4-5 is not supported in the streamGenerateContent API."},
		{"beta", good, []string{"anthropic-beta", "interleaved-thinking-2025-05-14, oauth-2025-04-20"}, 400, "Unexpected value(s) `oauth-2025-04-20` for the `anthropic-beta` header."},
		{"beta on the counter", pathOf("global", "count-tokens", "rawPredict"), []string{"anthropic-beta", "interleaved-thinking-2025-05-14"}, 400, "Unexpected value(s) `interleaved-thinking-2025-05-14`"},
		{"counter elsewhere", pathOf("mars", "count-tokens", "rawPredict"), nil, 404, "NOT_FOUND"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res, text := post(t, s, test.path, hello(), test.header...)
			if res.StatusCode != test.status || !strings.Contains(text, test.want) {
				t.Errorf("%s: %s", res.Status, text)
			}
		})
	}
}

func TestAnthropicErrorShape(t *testing.T) {
	res, text := post(t, New(Options{}), pathOf("global", haiku45, "streamRawPredict"), hello(set("n", 1)))
	var body map[string]any
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(body["type"], " ", body["error"])
	if want := "error map[message:n: Extra inputs are not permitted type:invalid_request_error]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	id, _ := body["request_id"].(string)
	if !strings.HasPrefix(id, "req_vrtx_") || res.Header.Get("request-id") != id {
		t.Errorf("request id %q, header %q", id, res.Header.Get("request-id"))
	}
}

func TestTooLarge(t *testing.T) {
	res, text := post(t, New(Options{}), pathOf("global", haiku45, "rawPredict"), strings.Repeat("x", maxBody))
	if res.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(text, "request_too_large") {
		t.Errorf("%s: %s", res.Status, text)
	}
}
