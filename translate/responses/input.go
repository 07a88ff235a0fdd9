// Package responses reads the requests of OpenAI's Responses API as chat requests, for
// that API and for the agents that send its form to the chat endpoint.
package responses

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// Messages reads input and instructions, both valid JSON or empty, as chat messages
// (openai-claude.md E.4.1). Instructions become the first message, of the role system.
// Calls, reasoning and text of the assistant that follow each other become one message.
// Items that mean nothing to another provider's model are left out: reasoning that was not
// encrypted here, and the calls of OpenAI's own tools. Errors are 400s that name the item.
func Messages(input, instructions jsontext.Value) ([]openai.Message, *openai.Error) {
	var c conversation
	if err := c.instruct(instructions); err != nil {
		return nil, err
	}
	if err := c.read(input); err != nil {
		return nil, err
	}
	return c.messages, nil
}

// A conversation is the messages made so far.
type conversation struct {
	messages []openai.Message
}

// An item is one element of input. Which fields count depends on the type.
type item struct {
	Type      string         `json:"type"`
	Role      string         `json:"role"`
	ID        string         `json:"id"`
	CallID    string         `json:"call_id"`
	Name      string         `json:"name"`
	Namespace string         `json:"namespace"`
	Arguments jsontext.Value `json:"arguments"`
	Input     jsontext.Value `json:"input"`
	// Action and Operation are the arguments of the tools that OpenAI's models know without
	// being told.
	Action    jsontext.Value `json:"action"`
	Operation jsontext.Value `json:"operation"`
	Output    jsontext.Value `json:"output"`
	Encrypted jsontext.Value `json:"encrypted_content"`
}

// knownTools :: type of an item that calls a tool of OpenAI's which the client runs -> name
// of the tool.
var knownTools = map[string]string{
	"local_shell_call": "local_shell",
	"shell_call":       "shell",
	"apply_patch_call": "apply_patch",
}

// foreign are the types of items that only OpenAI's server could make something of.
var foreign = []string{
	"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call",
	"computer_call", "computer_call_output", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call",
	"tool_search_call", "tool_search_output", "program", "program_output",
	"compaction", "compaction_trigger", "configuration_update",
}

// unavailable :: type of an item that would be missed -> what to do instead.
var unavailable = map[string]string{
	"item_reference":   "items are not stored; send the item itself",
	"additional_tools": "send the tools in 'tools'",
}

func (c *conversation) instruct(instructions jsontext.Value) *openai.Error {
	switch instructions.Kind() {
	case 0, 'n':
	case '"':
		c.add(openai.Message{Role: "system", Content: openai.Content{Text: instructions.Clone()}})
	default:
		return invalidType("instructions", "a string")
	}
	return nil
}

func (c *conversation) read(input jsontext.Value) *openai.Error {
	switch input.Kind() {
	case 0, 'n':
	case '"':
		c.add(openai.Message{Role: "user", Content: openai.Content{Text: input.Clone()}})
	case '[':
		return c.addItems(input)
	default:
		return invalidType("input", "a string or an array of items")
	}
	return nil
}

func (c *conversation) addItems(input jsontext.Value) *openai.Error {
	var items []jsontext.Value
	if err := decode(input, &items, "input"); err != nil {
		return err
	}
	for i, value := range items {
		if err := c.addItem(value, fmt.Sprintf("input[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversation) addItem(value jsontext.Value, param string) *openai.Error {
	var it item
	if err := decode(value, &it, param); err != nil {
		return err
	}
	switch it.Type {
	case "message":
		return c.addMessage(value, param)
	case "":
		if it.Role == "" {
			return openai.InvalidValue(param, "an item needs a type, or a role if it is a message")
		}
		return c.addMessage(value, param)
	case "reasoning":
		c.addReasoning(it.Encrypted)
		return nil
	case "function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call":
		return c.addCall(&it, param)
	case "function_call_output", "custom_tool_call_output", "local_shell_call_output", "shell_call_output", "apply_patch_call_output":
		return c.addOutput(&it, value, param)
	}
	if slices.Contains(foreign, it.Type) {
		return nil
	}
	return openai.InvalidValue(param+".type", cmp.Or(unavailable[it.Type], "unknown item type '"+it.Type+"'"))
}

// addMessage adds a message, whose members are those of a chat message. Its content parts
// are of the Responses API's types, which a chat message may have as well.
func (c *conversation) addMessage(value jsontext.Value, param string) *openai.Error {
	var m openai.Message
	if err := decode(value, &m, param); err != nil {
		return err
	}
	switch m.Role {
	case "assistant":
		join(c.assistant(), &m)
	case "user", "system", "developer", "tool":
		c.add(m)
	case "":
		return openai.MissingParam(param + ".role")
	default:
		return openai.InvalidValue(param+".role", "must be user, assistant, system or developer")
	}
	return nil
}

func (c *conversation) addReasoning(encrypted jsontext.Value) {
	thought, ok := openCarrier(encrypted)
	if !ok {
		return
	}
	m := c.assistant()
	thought.Index = nextIndex(m.ReasoningDetails)
	m.ReasoningDetails = append(m.ReasoningDetails, thought)
}

func (c *conversation) addCall(it *item, param string) *openai.Error {
	call := openai.ToolCall{ID: cmp.Or(it.CallID, it.ID), Type: "function"}
	name := cmp.Or(knownTools[it.Type], it.qualifiedName())
	switch {
	case call.ID == "":
		return openai.MissingParam(param + ".call_id")
	case name == "":
		return openai.MissingParam(param + ".name")
	case it.Type == "custom_tool_call":
		if it.Input.Kind() != '"' {
			return invalidType(param+".input", "a string")
		}
		call.Type, call.Custom = "custom", openai.CustomCall{Name: name, Input: it.Input}
	default:
		call.Function = openai.FunctionCall{Name: name, Arguments: it.arguments()}
	}
	m := c.assistant()
	m.ToolCalls = append(m.ToolCalls, call)
	return nil
}

// qualifiedName is the name of a tool of a namespace as it stands in a flat list of tools.
func (it *item) qualifiedName() string {
	if it.Namespace == "" || it.Name == "" || strings.HasPrefix(it.Name, "mcp__") {
		return it.Name
	}
	return it.Namespace + "__" + it.Name
}

func (it *item) arguments() jsontext.Value {
	for _, value := range []jsontext.Value{it.Arguments, it.Action, it.Operation} {
		if value.Kind() != 0 {
			return value
		}
	}
	return nil
}

// addOutput adds the result of a call: a string or content parts, or what the client's
// shell has to say, which is told as JSON.
func (c *conversation) addOutput(it *item, value jsontext.Value, param string) *openai.Error {
	m := openai.Message{Role: "tool", ToolCallID: cmp.Or(it.CallID, it.ID)}
	if m.ToolCallID == "" {
		return openai.MissingParam(param + ".call_id")
	}
	if it.Type == "shell_call_output" && it.Output.Kind() == '[' {
		m.Content.Text = openai.AppendString(nil, string(it.Output))
		c.add(m)
		return nil
	}
	var result struct {
		Output openai.Content `json:"output"`
	}
	if err := decode(value, &result, param); err != nil {
		return err
	}
	m.Content = result.Output
	c.add(m)
	return nil
}

func (c *conversation) add(m openai.Message) {
	c.messages = append(c.messages, m)
}

// assistant is the assistant's message that is being put together.
func (c *conversation) assistant() *openai.Message {
	last := len(c.messages) - 1
	if last < 0 || c.messages[last].Role != "assistant" {
		c.add(openai.Message{Role: "assistant"})
		last++
	}
	return &c.messages[last]
}

// join adds what another message of the same turn holds.
func join(m, more *openai.Message) {
	m.Content = concat(m.Content, more.Content)
	m.ToolCalls = append(m.ToolCalls, more.ToolCalls...)
	next := nextIndex(m.ReasoningDetails)
	for _, d := range more.ReasoningDetails {
		d.Index += next
		m.ReasoningDetails = append(m.ReasoningDetails, d)
	}
	m.ThinkingBlocks = append(m.ThinkingBlocks, more.ThinkingBlocks...)
	m.Refusal = cmp.Or(m.Refusal, more.Refusal)
	m.FunctionCall = cmp.Or(m.FunctionCall, more.FunctionCall)
	m.CacheControl = cmp.Or(more.CacheControl, m.CacheControl)
	m.Prefix, m.Partial = m.Prefix || more.Prefix, m.Partial || more.Partial
}

// concat gives the content of both; one alone stays as it is.
func concat(a, b openai.Content) openai.Content {
	switch {
	case len(b.Text) == 0 && b.Parts == nil:
		return a
	case len(a.Text) == 0 && a.Parts == nil:
		return b
	}
	return openai.Content{Parts: append(parts(a), parts(b)...)}
}

func parts(c openai.Content) []openai.Part {
	if len(c.Text) == 0 {
		return c.Parts
	}
	return []openai.Part{{Type: "text", Text: c.Text}}
}

// nextIndex is an index that none of the pieces has: those of one index are one thought.
func nextIndex(pieces []openai.ReasoningDetail) int {
	next := 0
	for i := range pieces {
		next = max(next, pieces[i].Index+1)
	}
	return next
}

// decode reads an item, or all of them.
func decode(value jsontext.Value, into any, param string) *openai.Error {
	err := json.Unmarshal(value, into)
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return openai.BadRequest("invalid_json", param, "Invalid JSON in '"+param+"'.")
	}
	if field := openai.Param(wrong.JSONPointer); field != "" {
		param += "." + field
	}
	fault := openai.BadRequest("invalid_type", param, "Invalid type for '"+param+"'.")
	if wrong.Err != nil {
		fault.Message = "Invalid type for '" + param + "': " + wrong.Err.Error() + "."
	}
	return fault
}

func invalidType(param, want string) *openai.Error {
	return openai.BadRequest("invalid_type", param, "Invalid type for '"+param+"': expected "+want+".")
}
