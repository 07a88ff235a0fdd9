package proxy

import (
	"context"

	"vertexgateway/config"
	"vertexgateway/translate"
	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/jamba"
	"vertexgateway/translate/mistral"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// A dialect puts a chat request into the words of one publisher's API.
type dialect func(context.Context, *draft) (*translate.Request, *openai.Error)

// chatPath is where OpenAI's API is spoken on an endpoint.
const chatPath = "/chat/completions"

// dialectOf chooses the dialect of a model of the catalogue.
func dialectOf(e config.Model, m *catalogue.Model) dialect {
	switch m.API {
	case catalogue.APIMistral:
		return func(_ context.Context, d *draft) (*translate.Request, *openai.Error) {
			return mistral.NewRequest(d.chat, d.model, mistral.Options{MaxTokens: e.MaxTokens})
		}
	case catalogue.APIJamba:
		return func(_ context.Context, d *draft) (*translate.Request, *openai.Error) {
			return jamba.NewRequest(d.chat, d.model, jamba.Options{MaxTokens: e.MaxTokens})
		}
	case catalogue.APIOpenAPI:
		return func(_ context.Context, d *draft) (*translate.Request, *openai.Error) {
			return passthrough.NewRequest(d.body, d.chat, passthrough.Options{Method: chatPath, Model: m.Upstream(), MaxTokens: int64(e.MaxTokens)}), nil
		}
	default: // those without chat were refused before
		return putClaude
	}
}

// putClaude is the dialect of Anthropic's models.
func putClaude(_ context.Context, d *draft) (*translate.Request, *openai.Error) {
	req, err := anthropic.NewRequest(d.chat, d.model, d.options)
	if err != nil {
		return nil, err
	}
	return req.Put(), nil
}

// ownDialect passes requests on to an endpoint of the project's own.
func ownDialect(own *ownEndpoint, e config.Model) dialect {
	return func(ctx context.Context, d *draft) (*translate.Request, *openai.Error) {
		return passthrough.NewRequest(d.body, d.chat, passthrough.Options{Method: chatPath, Model: own.upstream(ctx), MaxTokens: int64(e.MaxTokens)}), nil
	}
}
