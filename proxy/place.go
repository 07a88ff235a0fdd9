package proxy

import (
	"context"
	"maps"
	"net/http"

	"vertexgateway/translate"
	"vertexgateway/vertex"
)

// A place is a target with what it takes to call it.
type place struct {
	vertex.Target
	client *vertex.Client
	cool   *cooldown
	// throughput is the request type that Google is asked for: dedicated or shared; empty:
	// it chooses (vertex.md 5).
	throughput string
}

// do posts a request to the place.
func (p *place) do(ctx context.Context, req *translate.Request) (res *http.Response, token string, err error) {
	return p.client.Do(ctx, p.Target, req.Method, p.header(req), req.Body)
}

// header is what the call adds to the headers of every call.
func (p *place) header(req *translate.Request) http.Header {
	if p.throughput == "" {
		return req.Header
	}
	h := make(http.Header, len(req.Header)+1)
	maps.Copy(h, req.Header)
	h["X-Vertex-Ai-Llm-Request-Type"] = []string{p.throughput}
	return h
}
