package fakevertex

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"vertexgateway/translate/catalogue"
)

// openapiRoutes :: path behind the endpoint -> what it offers, by the catalogue's name and by Google's
var openapiRoutes = map[string][2]string{
	"chat/completions": {catalogue.PathChat, "ChatCompletions"},
	"completions":      {catalogue.PathCompletions, "Completions"},
	"embeddings":       {catalogue.PathEmbeddings, "Embeddings"},
}

// admitRoute refuses what is not the model's. Mistral's and other publishers' with APIs of
// their own are not served here.
func (c *call) admitRoute() error {
	route := openapiRoutes[c.path.method]
	if c.model.API != catalogue.APIOpenAPI || !c.model.Offers(route[0]) {
		return googleError(http.StatusBadRequest, "FAILED_PRECONDITION", "The deployed model does not support %s.", route[1])
	}
	return nil
}

// openForms are the shapes of bodies of endpoints/openapi. Its servers ignore what they
// do not know.
type openForms struct {
	chat, completion, embeddings shape
}

func newOpenForms() openForms {
	shared := []field{
		may("max_tokens", nullable(integer(1))),
		may("max_completion_tokens", nullable(integer(1))),
		may("temperature", nullable(number(0, 2))),
		may("top_p", nullable(number(0, 1))),
		may("n", nullable(count(maxChoices))),
		may("stop", nullable(textOr(list(text)))),
		may("stream", nullable(boolean)),
		may("stream_options", nullable(loose(may("include_usage", nullable(boolean))))),
	}
	message := loose(
		must("role", oneOf("system", "developer", "user", "assistant", "tool")),
		may("content", nullable(textOr(list(loose(must("type", text)))))),
		may("tool_calls", nullable(list(loose(must("function", loose(must("name", text), must("arguments", text))))))),
	)
	tools := list(loose(must("type", oneOf("function")), must("function", loose(must("name", text), may("parameters", nullable(dictionary))))))
	return openForms{
		chat:       loose(append(shared, must("messages", list(message)), may("tools", nullable(tools)))...),
		completion: loose(append(shared, must("prompt", textOr(list(text))))...),
		embeddings: loose(must("input", textOr(list(text))), may("encoding_format", oneOf("float", "base64"))),
	}
}

// openapi answers endpoints/openapi.
func (c *call) openapi(body []byte) error {
	switch c.path.method {
	case "completions":
		return c.openCompletion(body)
	case "embeddings":
		return c.openEmbeddings(body)
	}
	return c.openChat(body)
}

func badRequest(message string) *refusal {
	return refuseOpenly(http.StatusBadRequest, trouble{"BadRequestError", message})
}

// decodeOpen takes a body of the form of shape.
func decodeOpen(body []byte, form shape, into any) error {
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return badRequest(err.Error())
	}
	if r := form(tree); r != nil {
		return badRequest(r.Error())
	}
	if err := json.Unmarshal(body, into); err != nil {
		return badRequest(err.Error())
	}
	return nil
}

func (c *call) openChat(body []byte) error {
	var b chat
	if err := decodeOpen(body, c.forms.openapi.chat, &b); err != nil {
		return err
	}
	switch {
	case len(b.Messages) == 0:
		return badRequest("messages: at least one is required")
	case b.Effort != "" && c.model.Publisher == "xai":
		return badRequest("Model " + c.model.ID + " does not support parameter reasoningEffort.")
	}
	c.request = b.request()
	if c.reasons(&b) {
		c.request.Thinking = &thinking{Type: "enabled"}
	}
	return c.tellOpenly(&b)
}

// reasoners are parts of the ids of models that reason, whatever they are asked.
var reasoners = []string{"gpt-oss", "-thinking", "-reasoning", "deepseek-r1", "glm-", "minimax-m"}

// reasons tells whether the model will (vertex.md 1.4).
func (c *call) reasons(b *chat) bool {
	id := c.model.ID
	for _, part := range reasoners {
		if strings.Contains(id, part) && !strings.Contains(id, "non"+part) {
			return true
		}
	}
	return strings.Contains(id, "deepseek-v3") && b.Template.Thinking
}

// checkLength refuses more tokens than the model's window holds.
func (c *call) checkLength(b *chat) error {
	prompt, asked := promptTokens(c.request.segments()), int(*c.request.MaxTokens)
	if b.MaxTokens == nil && b.MaxCompletion == nil {
		asked = 0
	}
	if c.model.Window > 0 && prompt+asked > c.model.Window {
		return c.tooLong(prompt, asked)
	}
	return nil
}

func (c *call) tellOpenly(b *chat) error {
	if err := c.checkLength(b); err != nil {
		return err
	}
	w := openWay
	if c.model.Publisher == "google" {
		w = geminiWay
	}
	o := c.completion(b, w)
	o.apart = c.model.Publisher == "xai"
	o.hint = strings.Contains(c.model.ID, "gpt-oss")
	if strings.Contains(c.model.ID, "deepseek-r1") && o.reasoning != "" {
		o.text, o.reasoning = "<think>\n"+o.reasoning+"\n</think>\n\n"+o.text, ""
	}
	return c.tell(o)
}

// tooLong is what vLLM says to more tokens than the model's window holds.
func (c *call) tooLong(prompt, asked int) *refusal {
	return badRequest(fmt.Sprintf("This model's maximum context length is %d tokens. However, you requested %d tokens (%d in the messages, %d in the completion). Please reduce the length of the messages or completion.",
		c.model.Window, prompt+asked, prompt, asked))
}

// openCompletion answers the legacy completions.
func (c *call) openCompletion(body []byte) error {
	var b chat
	if err := decodeOpen(body, c.forms.openapi.completion, &b); err != nil {
		return err
	}
	if len(b.prompts()) != 1 {
		return badRequest("prompt: one is taken here")
	}
	c.request = b.request()
	c.request.MaxTokens = b.limit(completionTokens)
	c.request.Messages = []message{{"user", content{{Type: "text", Text: b.prompts()[0]}}}}
	return c.tellOpenly(&b)
}
