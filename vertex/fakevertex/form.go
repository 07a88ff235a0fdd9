package fakevertex

import "slices"

// forms are the shapes of the bodies that are taken. They are made by a function, and
// kept by it, as they are trees.
type forms struct {
	messages, countTokens shape
	mistral               mistralForms
	jamba                 shape
	openapi               openForms
}

func newForms() forms {
	blocks := contentForm()
	shared := []field{
		must("anthropic_version", text),
		must("messages", list(object(
			must("role", oneOf("user", "assistant", "system")),
			must("content", textOr(list(blocks))),
		))),
		may("system", textOr(list(tagged(map[string]shape{"text": textForm()})))),
		may("tools", list(toolForm())),
		may("tool_choice", toolChoiceForm()),
		may("thinking", thinkingForm()),
		may("output_config", object(
			may("effort", nullable(oneOf("low", "medium", "high", "xhigh", "max"))),
			may("format", nullable(tagged(map[string]shape{"json_schema": kind(must("schema", dictionary))}))),
		)),
		may("cache_control", cacheForm()),
		may("speed", nullable(oneOf("standard", "fast"))),
	}
	messages := slices.Concat(shared, []field{
		must("max_tokens", integer(0)),
		may("stream", boolean),
		may("stop_sequences", list(text)),
		may("temperature", number(0, 1)),
		may("top_p", number(0, 1)),
		may("top_k", integer(0)),
		may("metadata", object(may("user_id", nullable(sized(0, 256))))),
		may("service_tier", oneOf("auto", "standard_only")),
		may("context_management", nullable(dictionary)),
	})
	return forms{
		messages:    object(messages...),
		countTokens: object(append(slices.Clip(shared), must("model", text))...),
		mistral:     newMistralForms(),
		jamba:       jambaForm(),
		openapi:     newOpenForms(),
	}
}

const (
	idPattern       = "^[a-zA-Z0-9_-]+$"
	serverIDPattern = "^srvtoolu_[a-zA-Z0-9_]+$"
	namePattern     = "^[a-zA-Z0-9_-]{1,128}$"
)

func cacheForm() shape {
	return nullable(tagged(map[string]shape{"ephemeral": kind(may("ttl", oneOf("5m", "1h")))}))
}

func cached() field { return may("cache_control", cacheForm()) }

func textForm() shape {
	return kind(must("text", text), cached(), may("citations", nullable(list(dictionary))))
}

func citationsForm() field { return may("citations", nullable(object(may("enabled", boolean)))) }

func imageForm() shape {
	sources := map[string]shape{
		"base64": kind(must("data", text), must("media_type", oneOf("image/jpeg", "image/png", "image/gif", "image/webp"))),
	}
	return kind(must("source", withoutURL(tagged(sources))), cached(), may("transformations", nullable(dictionary)))
}

func documentForm() shape {
	sources := map[string]shape{
		"base64":  kind(must("data", text), must("media_type", oneOf("application/pdf"))),
		"text":    kind(must("data", text), must("media_type", oneOf("text/plain"))),
		"content": kind(must("content", textOr(list(tagged(map[string]shape{"text": textForm(), "image": imageForm()}))))),
	}
	return kind(
		must("source", withoutURL(tagged(sources))), cached(), citationsForm(),
		may("title", nullable(text)), may("context", nullable(text)),
	)
}

// withoutURL says in plain words what Vertex lacks (vertex.md 2.3).
func withoutURL(s shape) shape {
	return func(v any) *refusal {
		if m, ok := v.(map[string]any); ok && (m["type"] == "url" || m["type"] == "file") {
			return refuse("%s sources are not supported", map[any]string{"url": "URL", "file": "File"}[m["type"]])
		}
		return s(v)
	}
}

func searchResultForm() shape {
	return kind(
		must("content", list(tagged(map[string]shape{"text": textForm()}))),
		must("source", text), must("title", text), cached(), citationsForm(),
	)
}

func contentForm() shape {
	results := map[string]shape{
		"text": textForm(), "image": imageForm(), "document": documentForm(),
		"search_result":  searchResultForm(),
		"tool_reference": kind(must("tool_name", text), cached()),
	}
	input := []field{
		must("id", patterned(idPattern)), must("name", sized(1, 200)), must("input", dictionary),
		cached(), may("caller", dictionary),
	}
	serverCall := append([]field{must("id", patterned(serverIDPattern))}, input[1:]...)
	served := func(content shape) shape {
		return kind(must("tool_use_id", patterned(serverIDPattern)), must("content", content), cached(), may("caller", dictionary))
	}
	return tagged(map[string]shape{
		"text":              textForm(),
		"image":             imageForm(),
		"document":          documentForm(),
		"search_result":     searchResultForm(),
		"thinking":          kind(must("thinking", text), must("signature", text), cached()),
		"redacted_thinking": kind(must("data", text), cached()),
		"tool_use":          kind(input...),
		"tool_result": kind(
			must("tool_use_id", patterned(idPattern)),
			may("content", textOr(list(tagged(results)))),
			may("is_error", boolean), cached(),
		),
		"server_tool_use":         kind(serverCall...),
		"web_search_tool_result":  served(pagesForm()),
		"tool_search_tool_result": served(anything),
	})
}

// pagesForm is what a web search brought: pages, or why there are none.
func pagesForm() shape {
	pages := list(tagged(map[string]shape{"web_search_result": kind(
		must("encrypted_content", text), must("title", text), must("url", text), may("page_age", nullable(text)),
	)}))
	failure := tagged(map[string]shape{"web_search_tool_result_error": kind(must("error_code", oneOf(searchErrors...)))})
	return func(v any) *refusal {
		if _, ok := v.(map[string]any); ok {
			return failure(v)
		}
		return pages(v)
	}
}

// toolForm is a tool of the client, which needs no type, or one that Vertex knows. Their
// types are those of vertex.md 2.3.
func toolForm() shape {
	all := []field{
		cached(), may("strict", nullable(boolean)), may("defer_loading", nullable(boolean)),
		may("allowed_callers", nullable(list(text))),
	}
	with := func(fields ...field) shape { return kind(append(fields, all...)...) }
	named := func(name string, fields ...field) shape {
		return with(append(fields, must("name", oneOf(name)), may("input_examples", list(dictionary)))...)
	}
	custom := object(append(all,
		may("type", nullable(text)),
		must("name", patterned(namePattern)),
		may("description", text),
		must("input_schema", inputSchema),
		may("eager_input_streaming", nullable(boolean)),
		may("input_examples", list(dictionary)),
	)...)
	display := []field{must("display_width_px", integer(1)), must("display_height_px", integer(1)), may("display_number", nullable(integer(0))), may("enable_zoom", boolean)}
	kinds := tagged(map[string]shape{
		"custom":                          custom,
		"bash_20250124":                   named("bash"),
		"text_editor_20250124":            named("str_replace_editor"),
		"text_editor_20250429":            named("str_replace_based_edit_tool"),
		"text_editor_20250728":            named("str_replace_based_edit_tool", may("max_characters", nullable(integer(1)))),
		"memory_20250818":                 named("memory"),
		"computer_20250124":               named("computer", display...),
		"computer_20251124":               named("computer", display...),
		"tool_search_tool_regex_20251119": named("tool_search_tool_regex"),
		"tool_search_tool_bm25_20251119":  named("tool_search_tool_bm25"),
		"web_search_20250305": named("web_search",
			may("max_uses", nullable(integer(1))),
			may("allowed_domains", nullable(list(text))), may("blocked_domains", nullable(list(text))),
			may("user_location", nullable(tagged(map[string]shape{"approximate": kind(
				may("city", nullable(text)), may("country", nullable(text)), may("region", nullable(text)), may("timezone", nullable(text)),
			)}))),
		),
	})
	return func(v any) *refusal {
		if m, ok := v.(map[string]any); ok && m["type"] == nil {
			if r := custom(v); r != nil {
				return r.under("custom")
			}
			return nil
		}
		return kinds(v)
	}
}

func inputSchema(v any) *refusal {
	m, ok := v.(map[string]any)
	if !ok {
		return refuse("Input does not match the expected shape.")
	}
	if _, ok := m["type"]; !ok {
		return refuse("Field required").under("type")
	}
	if m["type"] != "object" {
		return refuse("Input should be 'object'").under("type")
	}
	for _, word := range []string{"oneOf", "allOf", "anyOf"} {
		if _, ok := m[word]; ok {
			return refuse("input_schema does not support oneOf, allOf, or anyOf at the top level")
		}
	}
	return nil
}

func toolChoiceForm() shape {
	single := may("disable_parallel_tool_use", boolean)
	return tagged(map[string]shape{
		"auto": kind(single),
		"any":  kind(single),
		"tool": kind(must("name", text), single),
		"none": kind(),
	})
}

func thinkingForm() shape {
	display := may("display", nullable(oneOf("summarized", "omitted")))
	binding := may("block_binding", nullable(dictionary))
	return tagged(map[string]shape{
		"adaptive":      kind(display, binding),
		"enabled":       kind(must("budget_tokens", integer(1024)), display, binding),
		"disabled":      kind(),
		"between_tools": kind(),
	})
}
