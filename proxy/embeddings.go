package proxy

import (
	"context"

	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/embeddings"
	"vertexgateway/translate/openai"
	"vertexgateway/vertex"
)

// wholeFront is for paths whose answers come in one piece, as their dialects make them.
type wholeFront struct{}

func (wholeFront) chunks(head openai.Head) chunkWriter {
	return openai.NewChunkWriter(head, openai.Form{})
}
func (wholeFront) fold() folder { return new(openai.Fold) }

// embeddings answers POST /v1/embeddings.
func (g *Gateway) embeddings(x *exchange) *openai.Error {
	body, err := x.readBody()
	if err != nil {
		return err
	}
	req, err := embeddings.Decode(body)
	if err != nil {
		return err
	}
	if err := x.findRoute(req.Model, catalogue.PathEmbeddings); err != nil {
		return err
	}
	if err := x.admit(openai.Usage{Input: inputTokens(body)}); err != nil {
		return err
	}
	m, own := x.route.model, x.route.places[0].own
	dialect := func(ctx context.Context, _ *draft) (*translate.Request, *openai.Error) {
		switch {
		case own != nil:
			put := embeddings.NewPassed(req, own.upstream(ctx))
			put.Method = vertex.Invoke + "v1/embeddings"
			return put, nil
		case m.API == catalogue.APIOpenAPI:
			return embeddings.NewPassed(req, m.Upstream()), nil
		}
		return embeddings.NewPredict(req, 0), nil
	}
	return x.deliver(&draft{chat: &openai.ChatRequest{Model: req.Model}, body: body, dialect: dialect}, wholeFront{})
}
