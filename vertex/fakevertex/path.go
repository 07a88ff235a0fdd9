package fakevertex

import (
	"net/http"
	"slices"
	"strings"
)

// A path is what the URL of a request says. Hosts are not looked at.
type path struct {
	known                                       bool // it has the form of a publisher model's
	project, location, publisher, model, method string
}

// parsePath reads /v1/projects/P/locations/L/publishers/PUB/models/M:METHOD.
func parsePath(s string) path {
	part := strings.Split(s, "/")
	if len(part) != 10 || part[0] != "" || part[1] != "v1" {
		return path{}
	}
	for i, word := range map[int]string{2: "projects", 4: "locations", 6: "publishers", 8: "models"} {
		if part[i] != word || part[i+1] == "" {
			return path{}
		}
	}
	model, method, ok := strings.Cut(part[9], ":")
	if !ok || !slices.Contains(methods, method) {
		return path{}
	}
	return path{known: true, project: part[3], location: part[5], publisher: part[7], model: model, method: method}
}

// methods are the custom verbs of publisher models; Claude knows the first two only.
var methods = []string{"rawPredict", "streamRawPredict", "predict", "serverStreamingPredict", "generateContent", "streamGenerateContent"}

// counts reports whether the path is the token counter's.
func (p path) counts() bool { return p.known && p.model == "count-tokens" && p.method == "rawPredict" }

// streams reports whether Google wraps its errors in an array here (vertex.md 4.1).
func (p path) streams() bool {
	return strings.HasPrefix(p.method, "stream") || strings.HasPrefix(p.method, "serverStreaming")
}

// notFound is the text for a wrong id, a wrong location and a model that is not enabled alike (vertex.md 4.3).
func (p path) notFound() *refusal {
	return googleError(http.StatusNotFound, "NOT_FOUND",
		"Publisher Model `projects/%s/locations/%s/publishers/%s/models/%s` was not found or your project does not have access to it. Please ensure you are using a valid model version. For more information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
		p.project, p.location, p.publisher, p.model)
}
