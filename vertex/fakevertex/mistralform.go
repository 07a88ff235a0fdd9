package fakevertex

import "slices"

// mistralForms are the shapes of the bodies that Mistral's models take (vertex.md 6.2 to 6.4).
type mistralForms struct {
	chat, fim, ocr shape
}

func newMistralForms() mistralForms {
	shared := []field{
		must("model", text),
		may("stream", nullable(boolean)),
		may("temperature", nullable(number(0, 1.5))),
		may("top_p", nullable(number(0, 1))),
		may("max_tokens", nullable(integer(0))),
		may("stop", nullable(textOr(list(text)))),
		may("random_seed", nullable(integer(0))),
		may("metadata", nullable(dictionary)),
	}
	chat := slices.Concat(shared, []field{
		must("messages", list(mistralMessage())),
		may("n", nullable(count(maxChoices))),
		may("presence_penalty", nullable(number(-2, 2))),
		may("frequency_penalty", nullable(number(-2, 2))),
		may("tools", nullable(list(mistralTool()))),
		may("tool_choice", nullable(mistralChoice())),
		may("parallel_tool_calls", nullable(boolean)),
		may("response_format", nullable(mistralFormat())),
		may("prediction", nullable(object(may("type", oneOf("content")), must("content", text)))),
		may("reasoning_effort", nullable(oneOf("none", "high"))),
		may("prompt_mode", nullable(oneOf("reasoning"))),
		may("guardrails", nullable(list(dictionary))),
	})
	fim := slices.Concat(shared, []field{
		must("prompt", text), may("suffix", nullable(text)), may("min_tokens", nullable(integer(0))),
	})
	return mistralForms{chat: object(chat...), fim: object(fim...), ocr: ocrForm()}
}

func ocrForm() shape {
	return object(
		must("model", text), may("id", nullable(text)),
		must("document", tagged(map[string]shape{
			"document_url": kind(must("document_url", text), may("document_name", nullable(text))),
			"image_url":    kind(must("image_url", imageURL)),
		})),
		may("pages", nullable(textOr(list(integer(0))))),
		may("include_image_base64", nullable(boolean)),
		may("image_limit", nullable(integer(0))),
		may("image_min_size", nullable(integer(0))),
	)
}

// imageURL is a string, or an object that holds one.
func imageURL(v any) *refusal {
	return textOr(object(must("url", text), may("detail", nullable(text))))(v)
}

// mistralMessage is told by its role; none takes more than these fields.
func mistralMessage() shape {
	content := may("content", nullable(textOr(list(mistralChunk()))))
	role := must("role", text)
	return taggedBy("role", map[string]shape{
		"system": object(role, content),
		"user":   object(role, content),
		"assistant": object(role, content,
			may("tool_calls", nullable(list(mistralCall()))),
			may("prefix", boolean)),
		"tool": object(role, content, may("tool_call_id", nullable(text)), may("name", nullable(text))),
	})
}

func mistralChunk() shape {
	return tagged(map[string]shape{
		"text":         kind(must("text", text)),
		"image_url":    kind(must("image_url", imageURL)),
		"document_url": kind(must("document_url", text), may("document_name", nullable(text))),
		"reference":    kind(must("reference_ids", list(anything))),
		"thinking":     kind(must("thinking", list(dictionary)), may("closed", nullable(boolean))),
		"input_audio":  kind(must("input_audio", anything)),
	})
}

func mistralCall() shape {
	return object(
		may("id", nullable(text)),
		may("type", nullable(oneOf("function"))),
		may("index", nullable(integer(0))),
		must("function", object(must("name", text), must("arguments", textOr(dictionary)))),
	)
}

func mistralTool() shape {
	return object(
		may("type", oneOf("function")),
		must("function", object(
			must("name", text), may("description", text), must("parameters", dictionary), may("strict", boolean),
		)),
	)
}

func mistralChoice() shape {
	named := object(may("type", oneOf("function")), must("function", object(must("name", text))))
	word := oneOf("auto", "none", "any", "required")
	return func(v any) *refusal {
		if _, ok := v.(string); ok {
			return word(v)
		}
		return named(v)
	}
}

func mistralFormat() shape {
	schema := object(must("name", text), may("description", nullable(text)), must("schema", dictionary), may("strict", boolean))
	return object(may("type", oneOf("text", "json_object", "json_schema")), may("json_schema", nullable(schema)))
}
