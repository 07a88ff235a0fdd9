// Package vertex knows Google: hosts and paths, credentials, connections, and which
// failures another location may cure. It knows nothing of what requests hold.
package vertex

import (
	"fmt"
	"net/url"
	"strings"
)

// A Target is one place on Vertex AI that can serve a request: a publisher's model, or an
// endpoint.
type Target struct {
	Project   string
	Location  string // global, us, eu or a region
	Publisher string // anthropic...
	Model     string // the publisher's id, with @date where it has one
	// Endpoint is the id of an endpoint of the project's own, or OpenAPI; empty: the target
	// is a publisher's model.
	Endpoint string
	// Base is https:// and the host of an endpoint that has one of its own; empty: the
	// location's host.
	Base string
}

// OpenAPI is the endpoint that serves open models and Gemini in OpenAI's form.
const OpenAPI = "openapi"

// Invoke begins the methods that are paths of the server behind an endpoint (vertex.md 1.2).
const Invoke = "/invoke/"

// Check tells whether every part can stand as a single path segment and the location as
// a host's label, so that no name can lead a request, and the token with it, elsewhere.
func (t Target) Check() error {
	if !isLabel(t.Location) {
		return fmt.Errorf("location %q is not a location of Vertex AI", t.Location)
	}
	parts := []struct{ what, value, also string }{
		{"project", t.Project, ":"}, {"publisher", t.Publisher, ""}, {"model", t.Model, "@"},
	}
	if t.Endpoint != "" {
		parts = append(parts[:1], struct{ what, value, also string }{"endpoint", t.Endpoint, ""})
	}
	for _, part := range parts {
		if !isSegment(part.value, part.also) {
			return fmt.Errorf("%s %q cannot stand in a path", part.what, part.value)
		}
	}
	return nil
}

// isLabel: letters, digits and inner hyphens, as in us-east5.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-')
	}) < 0
}

// isSegment: letters, digits, and - _ . as in project ids (a domain and a colon may stand
// before one), publishers and models (a date and @ may stand behind one); no path, and no
// method, which a colon begins.
func isSegment(s, also string) bool {
	if strings.Trim(s, ".") == "" || len(s) > 256 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_."+also, r))
	}) < 0
}

// Host of a location (vertex.md 1.1).
func Host(location string) string {
	switch location {
	case "global":
		return "aiplatform.googleapis.com"
	case "us", "eu":
		return "aiplatform." + location + ".rep.googleapis.com"
	}
	return location + "-aiplatform.googleapis.com"
}

// URL is the address of a method: one such as streamRawPredict, or on an endpoint also a
// path of its container, such as /chat/completions. A base, where given, stands in for
// https://HOST.
func (t Target) URL(base, method string) string {
	switch {
	case base != "":
		base = strings.TrimSuffix(base, "/")
	case t.Base != "":
		base = strings.TrimSuffix(t.Base, "/")
	default:
		base = "https://" + Host(t.Location)
	}
	place := "/projects/" + url.PathEscape(t.Project) + "/locations/" + t.Location
	switch {
	case t.Endpoint == "":
		return base + "/v1" + place + "/publishers/" + url.PathEscape(t.Publisher) + "/models/" + url.PathEscape(t.Model) + ":" + method
	case !strings.HasPrefix(method, "/"):
		return base + "/v1" + place + "/endpoints/" + url.PathEscape(t.Endpoint) + ":" + method
	case t.Endpoint == OpenAPI || strings.HasPrefix(method, Invoke):
		return base + "/v1" + place + "/endpoints/" + url.PathEscape(t.Endpoint) + method
	}
	return base + "/v1beta1" + place + "/endpoints/" + url.PathEscape(t.Endpoint) + method // under v1 there is no such path (vertex.md 8.2)
}
