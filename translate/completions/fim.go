package completions

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
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
	plain, _ := jsontext.AppendUnquote(nil, text) // valid: it was decoded
	object := new(passthrough.Object)
	if err := object.Parse(r.body); err != nil { // as above
		return "", nil, translate.BadAnswer("no request", err)
	}
	edits := []passthrough.Edit{{Name: "prompt"}, {Name: "suffix"}, {Name: "n"}, {Name: "best_of"}, {Name: "echo"}, {Name: "logprobs"}}
	if r.MaxTokens == nil {
		edits = append(edits, passthrough.Edit{Name: "max_tokens", Value: jsontext.Value(strconv.Itoa(defaultMaxTokens))})
	}
	parameters, err = openai.DecodeChatRequest(object.Append(nil, edits))
	return string(plain), parameters, err
}

// Plain is what of the request every answer depends on, in the form of a chat request.
func (r *Request) Plain() *openai.ChatRequest {
	return &openai.ChatRequest{Model: r.Model, N: r.N, Stream: r.Stream, StreamOptions: r.StreamOptions}
}
