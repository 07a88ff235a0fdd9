package mistral

import (
	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/compat"
	"vertexgateway/translate/openai"
)

// fim is all that Mistral takes with a prompt and a suffix besides them (vertex.md 6.3).
var fim = compat.Dialect{
	MaxTemperature: maxTemperature,
	Members:        []compat.Member{{Name: "random_seed", OpenAI: "seed"}, {Name: "min_tokens"}},
}

// NewFIM translates a request for what stands between a prompt and a suffix, either of
// which may be empty. Its parameters are those of a chat request, whose messages and tools
// do not count. The answer is a chat's, with the text that was looked for as its content.
// Errors are 400s that name the field.
func NewFIM(prompt, suffix string, parameters *openai.ChatRequest, m *catalogue.Model, o Options) (*translate.Request, *openai.Error) {
	return fim.NewFIM(prompt, suffix, parameters, m, o)
}
