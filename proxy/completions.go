package proxy

import (
	"context"

	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/completions"
	"vertexgateway/translate/mistral"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// completionsFront is POST /v1/completions.
type completionsFront struct{ usage bool }

func (f completionsFront) chunks(head openai.Head) chunkWriter {
	return completions.NewChunkWriter(head, f.usage)
}
func (completionsFront) fold() folder { return new(completions.Fold) }

// completions answers POST /v1/completions.
func (g *Gateway) completions(x *exchange) *openai.Error {
	body, err := x.readBody()
	if err != nil {
		return err
	}
	req, err := completions.Decode(body)
	if err != nil {
		return err
	}
	if err := x.findRoute(req.Model, catalogue.PathCompletions, catalogue.PathFIM); err != nil {
		return err
	}
	d := &draft{chat: req.Plain(), body: body}
	if err := x.admit(forecast(body, d.chat)); err != nil {
		return err
	}
	if err := x.complete(d, req); err != nil {
		return err
	}
	return x.deliver(d, completionsFront{req.StreamOptions.IncludeUsage})
}

// complete chooses how the model completes: by filling in, by its own API of completions, or
// by answering the prompt.
func (x *exchange) complete(d *draft, req *completions.Request) *openai.Error {
	m := x.route.model
	switch {
	case x.route.places[0].own != nil:
		d.dialect = func(context.Context, *draft) (*translate.Request, *openai.Error) { return completions.NewPredict(req) }
	case m.Offers(catalogue.PathFIM) && (req.Suffix != "" || m.Status != "unknown"): // a model nobody knows is asked as all can be
		prompt, parameters, err := req.FillIn()
		if err != nil {
			return err
		}
		d.dialect = func(context.Context, *draft) (*translate.Request, *openai.Error) {
			return mistral.NewFIM(prompt, req.Suffix, parameters, m, mistral.Options{MaxTokens: x.route.entry.MaxTokens})
		}
	case m.API == catalogue.APIOpenAPI && m.Offers(catalogue.PathCompletions):
		d.dialect = func(_ context.Context, d *draft) (*translate.Request, *openai.Error) {
			return passthrough.NewRequest(d.body, d.chat, passthrough.Options{Method: "/completions", Model: m.Upstream()}), nil
		}
	default:
		chat, err := req.Chat()
		if err != nil {
			return err
		}
		d.chat = chat
	}
	return nil
}
