// Package jamba speaks the API of AI21's Jamba models on Vertex AI (vertex.md 7). It is
// pure: bytes and values in, bytes and values out.
package jamba

import (
	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/compat"
	"vertexgateway/translate/openai"
)

// Options are what a request's body depends on besides the request and the model.
type Options = compat.Options

// chat is what AI21's own API takes: text only, documents beside it, and no word about
// which tool to call.
var chat = compat.Dialect{Members: []compat.Member{{Name: "documents"}}}

// NewRequest translates a chat request. Errors are 400s that name the field.
func NewRequest(request *openai.ChatRequest, m *catalogue.Model, o Options) (*translate.Request, *openai.Error) {
	return chat.NewRequest(request, m, o)
}
