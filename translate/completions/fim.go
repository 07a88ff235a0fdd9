package completions

import (
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// FillIn takes a request apart for a model that fills in: the prompt, and the parameters
// in the form of a chat request without messages. Prompts that such a model cannot have
// are refused, as by [Request.Text].
func (r *Request) FillIn() (prompt string, parameters *openai.ChatRequest, err *openai.Error) {
	text, err := r.Text()
	if err != nil {
		return "", nil, err
	}
	parameters, err = r.chat([]passthrough.Edit{{Name: "prompt"}, {Name: "suffix"}, {Name: "n"}, {Name: "best_of"}, {Name: "echo"}, {Name: "logprobs"}})
	return openai.Unquote(text), parameters, err
}

// Plain is what of the request every answer depends on, in the form of a chat request.
func (r *Request) Plain() *openai.ChatRequest {
	return &openai.ChatRequest{Model: r.Model, N: r.N, Stream: r.Stream, StreamOptions: r.StreamOptions}
}
