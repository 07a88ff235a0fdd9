package fakevertex

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

// jambaForm is the shape of the bodies that Jamba takes (vertex.md 7). What it does not
// know is no fault.
func jambaForm() shape {
	role := must("role", text)
	content := may("content", nullable(textOr(list(loose(must("type", text))))))
	message := taggedBy("role", map[string]shape{
		"system": loose(role, content), "user": loose(role, content), "assistant": loose(role, content),
		"tool": loose(role, content, must("tool_call_id", text)),
	})
	return loose(
		must("model", text), must("messages", list(message)),
		may("max_tokens", nullable(integer(0))),
		may("temperature", nullable(number(0, 2))),
		may("top_p", nullable(number(0, 1))),
		may("n", nullable(count(maxChoices))),
		may("stop", nullable(textOr(list(text)))),
		may("stream", nullable(boolean)),
		may("tools", nullable(list(loose(must("function", loose(must("name", text), may("parameters", dictionary))))))),
		may("response_format", nullable(loose(must("type", text)))),
		may("documents", nullable(list(dictionary))),
	)
}

// jamba answers the models of publishers/ai21.
func (c *call) jamba(body []byte) error {
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return refuseDetail("JSON decode error: " + err.Error())
	}
	if r := c.forms.jamba(tree); r != nil {
		return refuseDetail([]members{validation(tree, r)})
	}
	var b chat
	if err := json.Unmarshal(body, &b); err != nil {
		return refuseDetail(err.Error())
	}
	name, _, _ := strings.Cut(c.path.model, "@")
	if asked, _, _ := strings.Cut(b.Model, "@"); asked != name || len(b.Messages) == 0 {
		return refuseDetail("Messages for the model " + name + " are needed, not for " + b.Model)
	}
	c.request = b.request()
	c.request.Stream = b.Stream || c.path.streams() // the verb is enough
	return c.tell(c.completion(&b, jambaWay))
}

// refuseDetail has the shape of FastAPI's errors (vertex.md 4.1).
func refuseDetail(detail any) *refusal {
	raw, _ := json.Marshal(members{{"detail", detail}})
	return &refusal{status: http.StatusUnprocessableEntity, raw: raw}
}
