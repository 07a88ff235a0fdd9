package compat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

const (
	system    = "system"
	user      = "user"
	assistant = "assistant"
	toolRole  = "tool"
)

// A message has only members that every publisher takes.
type message struct {
	Role       string  `json:"role"`
	Content    content `json:"content"`
	ToolCalls  []call  `json:"tool_calls,omitzero"`
	ToolCallID string  `json:"tool_call_id,omitzero"`
	Prefix     bool    `json:"prefix,omitzero"`

	missing bool // of a result: the client has not sent it
}

// A call of a function that the assistant made.
type call struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function called `json:"function"`

	client string // the client's id
}

type called struct {
	Name      string         `json:"name"`
	Arguments jsontext.Value `json:"arguments"` // a JSON string that holds an object
}

// setMessages translates every message by itself; arrange sees to their order.
func (t *translation) setMessages() *openai.Error {
	if len(t.chat.Messages) == 0 {
		return openai.MissingParam("messages")
	}
	t.history = history{results: make(map[string]int), sent: make(map[string]bool), repeated: make(map[string]int)}
	first, err := t.contentOf(t.chat.System, place{-1, -1})
	if err != nil {
		return err
	}
	if len(first) > 0 {
		t.history.add(message{Role: system, Content: first})
	}
	for i := range t.chat.Messages {
		if err := t.addMessage(&t.chat.Messages[i], place{i, -1}); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(t.history.messages, func(m message) bool { return m.missing }) {
		t.warn("messages", "repaired")
	}
	t.body.Messages = arrange(t.history.messages)
	if last := &t.body.Messages[len(t.body.Messages)-1]; last.Role == assistant {
		last.Prefix = t.dialect.Prefix
	}
	return nil
}

func (t *translation) addMessage(m *openai.Message, at place) *openai.Error {
	t.dropIf("audio", bool(m.Audio))
	switch role := strings.ToLower(strings.TrimSpace(m.Role)); role {
	case system, "developer":
		return t.addText(system, m, at)
	case user:
		if err := t.addResultParts(m, at); err != nil {
			return err
		}
		return t.addText(user, m, at)
	case assistant:
		return t.addAssistant(m, at)
	case toolRole, "function":
		id := m.ToolCallID
		if role == "function" {
			id = t.history.functions[m.Name]
		}
		result, err := t.contentOf(m.Content, at)
		if err == nil {
			t.addResult(id, m.Name, result)
		}
		return err
	case "":
		return openai.MissingParam(at.field("role"))
	}
	return openai.InvalidValue(at.field("role"), "must be system, developer, user, assistant, tool or function")
}

// addText adds what a system or a user says; one that says nothing is left out, unless it
// is a user's who does not just bring results.
func (t *translation) addText(role string, m *openai.Message, at place) *openai.Error {
	content, err := t.contentOf(m.Content, at)
	if err != nil {
		return err
	}
	brings := slices.ContainsFunc(m.Content.Parts, func(p openai.Part) bool { return p.Type == "tool_result" })
	if len(content) > 0 || role == user && !brings {
		t.history.add(message{Role: role, Content: content})
	}
	return nil
}

// addAssistant adds the assistant's message, and behind it a place for the result of each
// of its calls. One that holds nothing is refused by Mistral, and left out.
func (t *translation) addAssistant(m *openai.Message, at place) *openai.Error {
	calls, err := t.callsOf(m, at)
	if err != nil {
		return err
	}
	content, err := t.contentOf(m.Content, at)
	if err != nil {
		return err
	}
	if len(content) == 0 && m.Refusal != "" {
		content = append(content, textPart(m.Refusal))
	}
	if len(content) == 0 && len(calls) == 0 {
		return nil
	}
	t.history.add(message{Role: assistant, Content: content, ToolCalls: calls})
	for i := range calls {
		t.history.open(&calls[i])
	}
	return nil
}

// callsOf gathers the calls in all forms: those that are content parts, in Anthropic's
// form, OpenAI's, and the one of the time before there were tools.
func (t *translation) callsOf(m *openai.Message, at place) ([]call, *openai.Error) {
	var calls []call
	for i := range m.Content.Parts {
		if p := &m.Content.Parts[i]; p.Type == "tool_use" {
			calls = append(calls, t.callOf(p.ID, p.Name, p.Input, at, len(calls)))
		}
	}
	inParts := make(map[string]bool, len(calls))
	for _, c := range calls {
		inParts[c.client] = true
	}
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		if c.Type != "function" && c.Type != "" || c.Custom.Name != "" {
			return nil, openai.UnsupportedValue(at.field(fmt.Sprintf("tool_calls[%d].type", i)), "only calls of functions are possible with this model")
		}
		if c.ID != "" && inParts[c.ID] {
			continue // sent in both forms
		}
		calls = append(calls, t.callOf(c.ID, c.Function.Name, c.Function.Arguments, at, len(calls)))
	}
	if f := m.FunctionCall; f != nil {
		c := t.callOf("", f.Name, f.Arguments, at, len(calls))
		t.history.called(f.Name, c.client)
		calls = append(calls, c)
	}
	return calls, nil
}

func (t *translation) callOf(id, name string, arguments jsontext.Value, at place, index int) call {
	if id == "" {
		id = fmt.Sprintf("call_%d_%d", at.message, index)
	}
	sent := t.history.id(id, t.dialect.ShortIDs)
	text, ok := argumentsOf(arguments)
	if !ok {
		t.warn("tool_calls", "repaired")
	}
	return call{ID: sent, Type: "function", Function: called{name, text}, client: id}
}

// argumentsOf writes arguments as the string that holds them. False: they are no object,
// and become one that holds them as they are (openai-claude.md A.4).
func argumentsOf(arguments jsontext.Value) (text jsontext.Value, ok bool) {
	if arguments.Kind() == '"' && objectOf(arguments) != nil {
		return arguments, true
	}
	if arguments.Kind() == '{' {
		return openai.AppendString(nil, string(arguments)), true
	}
	plain := string(arguments)
	if arguments.Kind() == '"' {
		plain = openai.Unquote(arguments)
	}
	if blank := strings.TrimSpace(plain); blank == "" || blank == "null" {
		return jsontext.Value(`"{}"`), true
	}
	return openai.AppendString(nil, string(translate.InvalidArguments(plain))), false
}

// addResultParts adds the results that some clients put into a user's message, in
// Anthropic's form.
func (t *translation) addResultParts(m *openai.Message, at place) *openai.Error {
	for i := range m.Content.Parts {
		p := &m.Content.Parts[i]
		if p.Type != "tool_result" {
			continue
		}
		inside := place{at.message, i}
		var inner openai.Content
		if len(p.Content) > 0 && json.Unmarshal(p.Content, &inner) != nil {
			return openai.InvalidValue(inside.field("content"), "must be a string or an array of content parts")
		}
		content, err := t.contentOf(inner, inside)
		if err != nil {
			return err
		}
		t.addResult(p.ToolUseID, "", content)
	}
	return nil
}

// addResult puts a result behind its call; one without a call becomes text. Of several
// results for one call the last that says something counts.
func (t *translation) addResult(id, name string, result content) {
	at, ok := t.history.results[id]
	switch {
	case !ok && len(result) == 0:
	case !ok:
		parts := append(content{textPart("Tool result (" + cmp.Or(id, name) + "):")}, result...)
		if !t.dialect.Parts {
			parts = joined(parts)
		}
		t.history.add(message{Role: user, Content: parts})
		t.warn("tool_call_id", "orphaned")
	case t.history.messages[at].missing || len(result) > 0:
		t.history.messages[at].Content, t.history.messages[at].missing = result, false
	}
}
