// Package mistral speaks the API of Mistral's models on Vertex AI (vertex.md 6): chat, and
// the filling of a gap in a text that Codestral is made for. It is pure: bytes and values
// in, bytes and values out.
package mistral

import (
	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/compat"
	"vertexgateway/translate/openai"
)

// Options are what a request's body depends on besides the request and the model.
type Options = compat.Options

// chat is all that Mistral takes; the refusals of the rest are in vertex.md 6.2. That it
// takes no temperature above 1.5 stands in its own: "Input should be less than or equal to 1.5".
var chat = compat.Dialect{
	MaxTemperature: maxTemperature,
	Penalties:      true,
	Members: []compat.Member{
		{Name: "random_seed", OpenAI: "seed"}, {Name: "metadata"}, {Name: "prediction"}, {Name: "prompt_mode"}, {Name: "guardrails"},
	},
	Efforts: map[string]string{
		"none": "none", "minimal": "none", "low": "high", "medium": "high", "high": "high", "xhigh": "high", "max": "high",
	},
	Schemas:   true,
	ToolModes: map[string]string{"auto": "auto", "none": "none", "any": "any", "required": "any"},
	Strict:    true,
	Parts:     true,
	ShortIDs:  true,
	Prefix:    true,
}

const maxTemperature = 1.5

// NewRequest translates a chat request. Errors are 400s that name the field.
func NewRequest(request *openai.ChatRequest, m *catalogue.Model, o Options) (*translate.Request, *openai.Error) {
	return chat.NewRequest(request, m, o)
}
