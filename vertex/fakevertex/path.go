package fakevertex

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// A path is what the URL of a request says.
type path struct {
	known                      bool // it has one of the forms that are served
	project, location          string
	publisher, model, endpoint string // either a publisher's model or an endpoint
	method                     string // a verb, the path behind an endpoint, or an errand
	item                       string // what an errand is about
	stream                     bool   // the body that names the model asks for a stream
}

// parsePath reads /VERSION/projects/P/locations/L/ and what is asked there:
// publishers/PUB/models/M:METHOD, endpoints/E/PATH or endpoints/E:METHOD; or an errand's.
func parsePath(s string) path {
	if p := parseErrand(s); p.known {
		return p
	}
	part := strings.Split(s, "/")
	if len(part) < 8 || part[0] != "" || part[2] != "projects" || part[4] != "locations" || slices.Contains(part[2:], "") {
		return path{}
	}
	p := path{project: part[3], location: part[5]}
	switch {
	case part[1] == "v1" && part[6] == "publishers" && len(part) == 10 && part[8] == "models":
		return p.toModel(part[7], part[9])
	case (part[1] == "v1" || part[1] == "v1beta1") && part[6] == "endpoints":
		return p.toEndpoint(part[1], part[7:])
	}
	return path{}
}

// methods are the custom verbs of publisher models. Which of them a model knows is
// decided by its API.
var methods = []string{"rawPredict", "streamRawPredict", "predict", "serverStreamingPredict", "generateContent", "streamGenerateContent"}

func (p path) toModel(publisher, call string) path {
	p.publisher = publisher
	p.model, p.method, _ = strings.Cut(call, ":")
	p.known = p.model != "" && slices.Contains(methods, p.method)
	return p
}

// openapi is the endpoint of all models that are spoken to as OpenAI's are. The model
// stands in the body.
const openapi = "openapi"

// openapiPaths are those behind it (vertex.md 1.2).
var openapiPaths = []string{"chat/completions", "completions", "embeddings"}

func (p path) toEndpoint(version string, part []string) path {
	if part[0] != openapi {
		return p.toOwn(version, part)
	}
	p.endpoint, p.method = openapi, strings.Join(part[1:], "/")
	p.known = slices.Contains(openapiPaths, p.method)
	return p
}

// address takes the model from the body.
func (p *path) address(body []byte) *refusal {
	var to struct {
		Model  string `json:"model"`
		Stream bool   `json:"stream"`
	}
	if err := json.Unmarshal(body, &to); err != nil {
		return googleError(http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid JSON payload received. %v", err)
	}
	p.stream = to.Stream
	var named bool
	if p.publisher, p.model, named = strings.Cut(to.Model, "/"); !named {
		return googleError(http.StatusBadRequest, "INVALID_ARGUMENT", "Malformed publisher model (got '%s', expected '{publisher}/{model}')", to.Model)
	}
	return nil
}

// counts reports whether the path is the token counter's.
func (p path) counts() bool { return p.known && p.model == "count-tokens" && p.method == "rawPredict" }

// streams reports whether Google wraps its errors in an array here (vertex.md 4.1).
func (p path) streams() bool {
	return p.stream || strings.HasPrefix(p.method, "stream") || strings.HasPrefix(p.method, "serverStreaming")
}

// resource is what Google calls the target.
func (p path) resource() string {
	place := "projects/" + p.project
	if p.location != "" {
		place += "/locations/" + p.location
	}
	switch {
	case p.endpoint != "":
		return place + "/endpoints/" + p.endpoint
	case p.publisher != "":
		return place + "/publishers/" + p.publisher + "/models/" + p.model
	}
	return place
}

// rpc is what Google calls the method.
func (p path) rpc() string {
	if p.endpoint == openapi {
		return openapiRoutes[p.method][1]
	}
	return p.method
}

// notFound is the text for a wrong id, a wrong location and a model that is not enabled alike (vertex.md 4.3).
func (p path) notFound() *refusal {
	if p.own() {
		return p.noEndpoint()
	}
	return googleError(http.StatusNotFound, "NOT_FOUND",
		"Publisher Model `projects/%s/locations/%s/publishers/%s/models/%s` was not found or your project does not have access to it. Please ensure you are using a valid model version. For more information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
		p.project, p.location, p.publisher, p.model)
}

// unsupported is the text for a verb that is not the model's (vertex.md 4.3).
func (p path) unsupported() *refusal {
	return googleError(http.StatusBadRequest, "FAILED_PRECONDITION", "%s is not supported in the %s API.", p.model, p.method)
}
