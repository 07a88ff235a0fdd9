// Package compat speaks APIs that are nearly OpenAI's: what their dialects have in common
// stands here once, and a [Dialect] says what one of them takes. Chat requests become
// bodies of rawPredict and streamRawPredict that hold only what the publisher accepts,
// since an unknown member is refused; answers become deltas. It is pure: bytes and values
// in, bytes and values out. The rules come from vertex.md (sections 6 and 7), what clients
// get from openai-claude.md (sections A to D).
package compat

import (
	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// A Dialect is what one publisher's API takes besides messages, tools, max_tokens,
// temperature, top_p and stop, which all of them take. The zero value takes no more.
type Dialect struct {
	// MaxTemperature is the highest temperature taken; 0: OpenAI's, which is 2.
	MaxTemperature float64
	// Penalties: presence_penalty and frequency_penalty are taken.
	Penalties bool
	// Members are further members that are passed on, in this order.
	Members []Member
	// Efforts :: reasoning_effort -> what the publisher calls it, for those models that the
	// catalogue has effort levels of.
	Efforts map[string]string
	// Schemas: response_format may be a schema; else only json_object.
	Schemas bool
	// ToolModes :: tool_choice -> what the publisher calls it; nil: it has no such field, and
	// no parallel_tool_calls.
	ToolModes map[string]string
	// Strict: a function may be strict.
	Strict bool
	// Parts: a message's content may be an array, with images in it; else it is a string.
	Parts bool
	// ShortIDs: the id of a call must be nine letters and digits.
	ShortIDs bool
	// Prefix: an assistant's message that ends the conversation must say that the answer goes
	// on from it.
	Prefix bool
}

// A Member of a request that is passed on as the client wrote it.
type Member struct {
	// Name is the publisher's, and one that clients may use.
	Name string
	// OpenAI is OpenAI's name of it; empty: the same or none.
	OpenAI string
}

// Options are what a request's body depends on besides the request and the model.
type Options struct {
	// MaxTokens is used when the client names no limit; 0: none is sent, and the publisher's
	// default holds.
	MaxTokens int
}

// NewRequest translates a chat request. Errors are 400s that name the field.
func (d *Dialect) NewRequest(chat *openai.ChatRequest, m *catalogue.Model, o Options) (*translate.Request, *openai.Error) {
	t := translation{dialect: d, chat: chat, model: m, options: o}
	return t.put(t.check, t.setMaxTokens, t.setSampling, t.setStop, t.setMembers, t.setEffort, t.setFormat, t.setTools, t.setToolChoice, t.setMessages)
}

// NewFIM translates a request for what stands between a prompt and a suffix (vertex.md 6.3).
// Its parameters are those of a chat request, whose messages and tools do not count. The
// answer is a chat's, with the text that was looked for as its content.
func (d *Dialect) NewFIM(prompt, suffix string, chat *openai.ChatRequest, m *catalogue.Model, o Options) (*translate.Request, *openai.Error) {
	t := translation{dialect: d, chat: chat, model: m, options: o}
	t.body.Prompt, t.body.Suffix = &prompt, suffix
	return t.put(t.check, t.dropChat, t.setMaxTokens, t.setSampling, t.setStop, t.setMembers)
}
