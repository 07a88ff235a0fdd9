package proxy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
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
	own        *ownEndpoint // nil: the target needs no more
}

// An ownEndpoint is an endpoint of the project's own, of which only the name may be known
// before it is called.
type ownEndpoint struct {
	name   vertex.EndpointName
	url    string // from the configuration; empty: looked up
	model  string // the upstream's name of it, from the configuration; empty: looked up
	lookup *vertex.Lookup
}

// A lookupError is the failure to find out where an endpoint is.
type lookupError struct {
	name  vertex.EndpointName
	cause error
}

func (e *lookupError) Error() string { return fmt.Sprintf("endpoint %s: %v", e.name.ID, e.cause) }
func (e *lookupError) Unwrap() error { return e.cause }

// errPrivate: gateway endpoints show prints the lines that the configuration lacks.
var errPrivate = errors.New("it is reached by Private Service Connect, and the configuration has no url for it")

// reason is what a client may know of the failure.
func (e *lookupError) reason() string {
	if errors.Is(e.cause, errPrivate) {
		return errPrivate.Error() + "."
	}
	if refusal, ok := errors.AsType[*vertex.APIError](e.cause); ok {
		switch refusal.Status {
		case http.StatusNotFound:
			return "it does not exist."
		case http.StatusForbidden, http.StatusUnauthorized:
			return "the gateway may not see it (aiplatform.endpoints.get)."
		}
	}
	return "Google did not answer as it should."
}

// explain makes an error of an endpoint of one's own tell what is wrong: such an endpoint
// may be deleted or move, and then a front end answers in its place.
func (p *place) explain(f *failure, res *http.Response) {
	isPage := strings.HasPrefix(res.Header.Get("Content-Type"), "text/html")
	isState := f.err.Reason == "FAILED_PRECONDITION" // Google's word; the server behind it has others
	if p.own == nil || res.StatusCode != http.StatusNotFound && !isPage && !isState {
		return
	}
	p.own.lookup.Doubt(p.own.name)
	what, why := "answered with status "+strconv.Itoa(res.StatusCode), "it may be deleted, moved or without a model"
	if isPage {
		what += " and a web page"
	} else {
		what += " (" + strings.TrimSuffix(f.err.Message, ".") + ")"
	}
	if !isPage && !isState && f.err.Reason != "NOT_FOUND" { // that would be Google's word, too
		why = "its server has another name for the model (upstream_model), or lacks this path"
	}
	f.err = &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "upstream_error", Upstream: res.StatusCode,
		Message: "The endpoint " + p.own.name.ID + " of this model " + what + ": " + why + "."}
}

// base is https:// and the host of the endpoint; empty: that of its location.
func (e *ownEndpoint) base(ctx context.Context) (string, error) {
	if e.url != "" {
		return e.url, nil
	}
	found, err := e.lookup.Get(ctx, e.name)
	switch {
	case err != nil:
		return "", &lookupError{e.name, err}
	case found.Private.Enabled:
		return "", &lookupError{e.name, errPrivate} // no public host serves it
	}
	return found.Base(), nil
}

// upstream is what the endpoint calls its model. Where that is not to be found out, no
// name will do (vertex.md 8.2).
func (e *ownEndpoint) upstream(ctx context.Context) string {
	if e.model != "" {
		return e.model
	}
	found, err := e.lookup.Get(ctx, e.name)
	if err != nil || len(found.Models) == 0 {
		return ""
	}
	return found.Models[0].ID
}

// target is the place with its address.
func (p *place) target(ctx context.Context) (vertex.Target, error) {
	t := p.Target
	if p.own == nil {
		return t, nil
	}
	base, err := p.own.base(ctx)
	t.Base = base
	return t, err
}

// do posts a request to the place.
func (p *place) do(ctx context.Context, req *translate.Request) (res *http.Response, token string, err error) {
	t, err := p.target(ctx)
	if err != nil {
		return nil, "", err
	}
	res, token, err = p.client.Do(ctx, t, req.Method, p.header(req), req.Body)
	if err != nil && p.own != nil && ctx.Err() == nil {
		p.own.lookup.Doubt(p.own.name) // its host may be gone with it
	}
	return res, token, err
}

// isProvisioned tells whether only provisioned throughput answers there.
func (p *place) isProvisioned() bool { return p.throughput == "dedicated" }

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
