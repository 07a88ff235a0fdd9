package fakevertex

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"vertexgateway/translate/catalogue"
)

// mistral answers the models of publishers/mistralai: chat, fill-in-the-middle and OCR.
func (c *call) mistral(body []byte) error {
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return refuseFlat(http.StatusBadRequest, "invalid_request_error", "", "The request body is not valid JSON: "+err.Error())
	}
	given, _ := tree.(map[string]any)
	_, completes := given["prompt"]
	switch {
	case c.model.Offers(catalogue.PathOCR):
		return c.recognise(body, tree)
	case completes && !c.model.Offers(catalogue.PathFIM):
		return refuseFlat(http.StatusBadRequest, "invalid_model", "1500", c.model.Title+" is not enabled for fill-in-the-middle")
	case completes:
		return c.fill(body, tree)
	}
	return c.chat(body, tree)
}

// decode takes a body of the form of shape, whose model is the path's.
func (c *call) decode(body []byte, tree any, form shape, into any) error {
	if r := form(tree); r != nil {
		return invalid(tree, r)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return refuseFlat(http.StatusBadRequest, "invalid_request_error", "", err.Error())
	}
	name, _, _ := strings.Cut(c.path.model, "@")
	if asked := tree.(map[string]any)["model"]; asked != name {
		return refuseFlat(http.StatusBadRequest, "invalid_model", "1500", "Invalid model: "+asked.(string))
	}
	return nil
}

func (c *call) chat(body []byte, tree any) error {
	var b chat
	if err := c.decode(body, tree, c.forms.mistral.chat, &b); err != nil {
		return err
	}
	for _, rule := range mistralRules {
		if r := rule(&b); r != nil {
			return r
		}
	}
	c.request = b.request()
	if c.scenario.Chunked && (c.scenario.Thinking != "" || b.Effort == "high") {
		c.request.Thinking = &thinking{Type: "enabled"}
	}
	return c.tellMistral(&b)
}

// fill answers fill-in-the-middle, in the form of a chat (vertex.md 6.3).
func (c *call) fill(body []byte, tree any) error {
	var b chat
	if err := c.decode(body, tree, c.forms.mistral.fim, &b); err != nil {
		return err
	}
	c.request = b.request()
	c.request.Messages = []message{{"user", content{{Type: "text", Text: b.prompts()[0]}}}}
	return c.tellMistral(&b)
}

func (c *call) tellMistral(b *chat) error {
	prompt := promptTokens(c.request.segments())
	if c.model.Window > 0 && prompt > c.model.Window {
		return refuseFlat(http.StatusBadRequest, "invalid_request_error", "3051",
			fmt.Sprintf("Prompt contains %d tokens and 0 draft tokens, too large for model with %d maximum context length", prompt, c.model.Window))
	}
	return c.tell(c.completion(b, mistralWay))
}

// mistralRules are what a chat must keep to besides its form. Mistral's own library,
// mistral-common, has them; Vertex runs the same validator.
var mistralRules = []func(*chat) *refusal{
	(*chat).checkRoles,
	(*chat).checkEmpty,
	(*chat).checkCallIDs,
	(*chat).checkCalls,
	(*chat).checkLast,
	(*chat).checkSchema,
}

// followers :: role -> those that may stand behind it
var followers = map[string][]string{
	"":          {"system", "user", "assistant"},
	"system":    {"system", "user", "assistant"},
	"user":      {"system", "user", "assistant"},
	"assistant": {"assistant", "user", "tool"},
	"tool":      {"assistant", "tool"},
}

func refuseOrder(text string) *refusal {
	return refuseFlat(http.StatusBadRequest, "invalid_request_message_order", "3230", text)
}

func (b *chat) checkRoles() *refusal {
	before := ""
	for _, m := range b.Messages {
		if !slices.Contains(followers[before], m.Role) {
			return refuseOrder(fmt.Sprintf("Unexpected role '%s' after role '%s'", m.Role, before))
		}
		before = m.Role
	}
	return nil
}

func (b *chat) checkEmpty() *refusal {
	for _, m := range b.Messages {
		if m.Role == "assistant" && len(m.ToolCalls) == 0 && m.Content.empty() {
			return refuseFlat(http.StatusBadRequest, "invalid_request_assistant_message", "3240", "Assistant message must have either content or tool_calls, but not none.")
		}
	}
	return nil
}

var mistralID = regexp.MustCompile("^[a-zA-Z0-9]{9}$")

func (b *chat) checkCallIDs() *refusal {
	for _, m := range b.Messages {
		ids := []string{m.ToolCallID}
		for _, call := range m.ToolCalls {
			ids = append(ids, call.ID)
		}
		for _, id := range ids {
			if id != "" && !mistralID.MatchString(id) {
				return refuseFlat(http.StatusBadRequest, "invalid_function_call", "3280", fmt.Sprintf("Tool call id was %s but must be a-z, A-Z, 0-9, with a length of 9.", id))
			}
		}
	}
	return nil
}

// checkCalls: every call has one result, right behind its message.
func (b *chat) checkCalls() *refusal {
	for i, m := range b.Messages {
		if m.Role != "assistant" {
			continue
		}
		results := 0
		for _, next := range b.Messages[i+1:] {
			if next.Role != "tool" {
				break
			}
			results++
			of := func(call chatCall) bool { return call.ID == next.ToolCallID }
			if next.ToolCallID != "" && len(m.ToolCalls) > 0 && !slices.ContainsFunc(m.ToolCalls, of) {
				return refuseOrder("Unexpected tool call id " + next.ToolCallID + " in tool results")
			}
		}
		if results != len(m.ToolCalls) && i < len(b.Messages)-1 {
			return refuseOrder("Not the same number of function calls and responses")
		}
	}
	return nil
}

func (b *chat) checkLast() *refusal {
	if len(b.Messages) == 0 {
		return refuseFlat(http.StatusBadRequest, "invalid_request_message_order", "3230", "Conversation must have at least one message")
	}
	last := b.Messages[len(b.Messages)-1]
	if last.Role == "user" || last.Role == "tool" || last.Role == "assistant" && last.Prefix {
		return nil
	}
	return refuseOrder("Expected last role User or Tool (or Assistant with prefix True) for serving but got " + last.Role)
}

func (b *chat) checkSchema() *refusal {
	if b.ResponseFormat.Type == "json_schema" && len(b.ResponseFormat.Schema.Schema) == 0 {
		return refuseFlat(http.StatusBadRequest, "invalid_request_error", "", "response_format of type json_schema needs json_schema")
	}
	return nil
}
