package proxy

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// A listing is one entry of /v1/models.
type listing struct {
	name  string
	model *catalogue.Model
}

// listModels answers GET /v1/models, in a form that serves OpenAI's and Anthropic's
// clients alike (openai-claude.md E.1).
func (g *Gateway) listModels(x *exchange) *openai.Error {
	listed := x.listed()
	dst := []byte(`{"object":"list","data":[`)
	for i, l := range listed {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = l.append(dst)
	}
	dst = append(dst, `],"has_more":false,"first_id":`...)
	dst = appendNameOf(dst, listed, 0)
	dst = append(dst, `,"last_id":`...)
	dst = appendNameOf(dst, listed, len(listed)-1)
	x.writeJSON(http.StatusOK, append(dst, '}'))
	return nil
}

// listed are the models that the caller may use.
func (x *exchange) listed() []listing {
	var own []listing
	for _, l := range x.snapshot.listed {
		if r, ok := x.gateway.route(x.snapshot, l.name); ok && x.team.within(r) != nil {
			own = append(own, l)
		}
	}
	return own
}

func appendNameOf(dst []byte, listed []listing, i int) []byte {
	if i < 0 || i >= len(listed) {
		return append(dst, "null"...)
	}
	return openai.AppendString(dst, listed[i].name)
}

// getModel answers GET /v1/models/{id}; the id may hold slashes.
func (g *Gateway) getModel(x *exchange) *openai.Error {
	name := strings.TrimPrefix(x.r.URL.EscapedPath(), "/v1/models/")
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	r, ok := g.route(x.snapshot, name)
	if !ok || x.team.within(r) == nil {
		return modelNotFound(name)
	}
	x.writeJSON(http.StatusOK, listing{name, r.model}.append(nil))
	return nil
}

func (l listing) append(dst []byte) []byte {
	created := l.model.Created()
	dst = append(dst, `{"id":`...)
	dst = openai.AppendString(dst, l.name)
	dst = append(dst, `,"object":"model","created":`...)
	dst = strconv.AppendInt(dst, created, 10)
	dst = append(dst, `,"owned_by":`...)
	dst = openai.AppendString(dst, l.model.Publisher)
	if l.model.Status == "deprecated" && l.model.Retires != "" {
		dst = append(dst, `,"shutdown_date":`...)
		dst = openai.AppendString(dst, l.model.Retires)
	}
	dst = append(dst, `,"type":"model","display_name":`...)
	dst = openai.AppendString(dst, l.model.Title)
	dst = append(dst, `,"created_at":`...)
	dst = openai.AppendString(dst, time.Unix(created, 0).UTC().Format(time.RFC3339))
	return append(dst, '}')
}
