package catalogue

import (
	"slices"
	"strings"
)

// An API is how a model is spoken to on Vertex AI.
type API string

const (
	// APIMessages is Anthropic's, by rawPredict and streamRawPredict.
	APIMessages API = "messages"
	// APIMistral is Mistral's chat, fill-in-the-middle and OCR, by rawPredict and streamRawPredict.
	APIMistral API = "mistral"
	// APIJamba is AI21's chat, by rawPredict and streamRawPredict.
	APIJamba API = "jamba"
	// APIOpenAPI is OpenAI's form, at endpoints/openapi, of Gemini and the open models.
	APIOpenAPI API = "openapi"
	// APIPredict is that of Google's text embeddings, by predict.
	APIPredict API = "predict"
)

// What clients may ask of a model.
const (
	PathChat        = "chat"
	PathCompletions = "completions"
	PathFIM         = "fim" // completions with a suffix
	PathOCR         = "ocr"
	PathEmbeddings  = "embeddings"
)

// apis :: each API -> the paths that a model of it may offer
var apis = map[API][]string{
	APIMessages: {PathChat, PathCompletions},
	APIMistral:  {PathChat, PathCompletions, PathFIM, PathOCR},
	APIJamba:    {PathChat, PathCompletions},
	APIOpenAPI:  {PathChat, PathCompletions, PathEmbeddings},
	APIPredict:  {PathEmbeddings},
}

// anthropic is the publisher whose models speak Messages without saying so.
const anthropic = "anthropic"

// defaultPaths are those of a model that names none.
func (a API) defaultPaths() []string {
	paths := apis[a]
	return slices.Clone(paths[:min(2, len(paths))])
}

// apiOf is the API of a publisher: that of its first model, else the one by which Vertex
// serves everybody's models.
func apiOf(publisher string, models []*Model) API {
	if m := first(publisher, models); m != nil {
		return m.API
	}
	if publisher == anthropic {
		return APIMessages
	}
	return APIOpenAPI
}

// first is the publisher's first model; nil when it has none.
func first(publisher string, models []*Model) *Model {
	i := slices.IndexFunc(models, func(m *Model) bool { return m.Publisher == publisher })
	if i < 0 {
		return nil
	}
	return models[i]
}

// Offers reports whether clients may ask the path, such as PathChat, of the model.
func (m *Model) Offers(path string) bool { return slices.Contains(m.Paths, path) }

// ProvisionedIn reports whether provisioned throughput can be had in the location.
func (m *Model) ProvisionedIn(location string) bool {
	if len(m.Provisioned) == 0 {
		return location != "global" // vertex.md 1.3
	}
	return slices.Contains(m.Provisioned, location)
}

// Upstream is what the model field of a request's body holds, where its API has one.
func (m *Model) Upstream() string {
	if m.API == APIOpenAPI {
		return m.Publisher + "/" + m.ID
	}
	if m.API == APIMistral || m.API == APIJamba {
		id, _, _ := strings.Cut(m.ID, "@")
		return id
	}
	return m.ID
}

// Begins reports whether a name of the model begins with prefix: its id, with or without
// date, one of its further names, or any of them behind the publisher and a slash.
func (m *Model) Begins(prefix string) bool {
	return slices.ContainsFunc(m.spellings(), func(name string) bool {
		return strings.HasPrefix(name, prefix) || strings.HasPrefix(m.Publisher+"/"+name, prefix)
	})
}
