// Package completions is the old API of completions, POST /v1/completions
// (openai-claude.md E.2): its requests as chat or as predictions of an own endpoint, and
// its answers, written from the same deltas as chat's.
package completions

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// A Request is the body of POST /v1/completions. A field that is null is absent.
type Request struct {
	Model string `json:"model"`
	// Prompt is a string or an array, as the client wrote it; see [Request.Text].
	Prompt jsontext.Value `json:"prompt"`
	// Suffix is what follows the text that is to be filled in; empty: nothing does.
	Suffix           string               `json:"suffix"`
	MaxTokens        *int64               `json:"max_tokens"`
	MinTokens        *int64               `json:"min_tokens"`
	Temperature      *float64             `json:"temperature"`
	TopP             *float64             `json:"top_p"`
	PresencePenalty  *float64             `json:"presence_penalty"`
	FrequencyPenalty *float64             `json:"frequency_penalty"`
	Stop             openai.OneOrMany     `json:"stop"`
	Seed             *int64               `json:"seed"`
	N                *int64               `json:"n"`
	BestOf           *int64               `json:"best_of"`
	Echo             bool                 `json:"echo"`
	Logprobs         *int64               `json:"logprobs"`
	LogitBias        jsontext.Value       `json:"logit_bias"`
	User             string               `json:"user"`
	Stream           bool                 `json:"stream"`
	StreamOptions    openai.StreamOptions `json:"stream_options"`
	// Messages and Tools have their place in chat only.
	Messages jsontext.Value `json:"messages"`
	Tools    jsontext.Value `json:"tools"`

	body []byte
}

// defaultMaxTokens is OpenAI's, of this API only.
const defaultMaxTokens = 16

// Decode reads a request body, which must not change afterwards. Its errors are 400s that
// name the field.
func Decode(body []byte) (*Request, *openai.Error) {
	r := &Request{body: body}
	if err := openai.Decode(body, r); err != nil {
		return nil, err
	}
	if err := r.checkPlace(); err != nil {
		return nil, err
	}
	switch r.Prompt.Kind() {
	case '"', '[':
		return r, nil
	case 'n', 0:
		return nil, openai.MissingParam("prompt")
	}
	return nil, openai.BadRequest("invalid_type", "prompt", "Invalid type for 'prompt': it must be a string or an array of one string.")
}

func (r *Request) checkPlace() *openai.Error {
	param := "messages"
	switch {
	case r.Messages.Kind() == '[':
	case r.Tools.Kind() == '[':
		param = "tools"
	default:
		return nil
	}
	return openai.UnsupportedParam(param, "it belongs to /v1/chat/completions")
}

// Text is the one prompt, a JSON string. A request that wants more than one plain text to
// be completed once is refused; who passes it on to an upstream that can do more has no
// need to ask.
func (r *Request) Text() (jsontext.Value, *openai.Error) {
	switch {
	case r.N != nil && *r.N != 1:
		return nil, openai.UnsupportedValue("n", "only n=1 is available with this model")
	case r.BestOf != nil && *r.BestOf > 1:
		return nil, openai.UnsupportedValue("best_of", "only one completion is available with this model")
	case r.Echo:
		return nil, openai.UnsupportedValue("echo", "this model does not repeat the prompt")
	case r.Logprobs != nil:
		return nil, openai.UnsupportedValue("logprobs", "this model does not report probabilities")
	case r.Prompt.Kind() == '"':
		return r.Prompt, nil
	}
	var list []jsontext.Value
	if err := openai.Decode(r.Prompt, &list); err != nil {
		return nil, err
	}
	switch {
	case len(list) == 0:
		return nil, openai.InvalidValue("prompt", "the array must not be empty")
	case list[0].Kind() != '"':
		return nil, openai.UnsupportedValue("prompt", "it must be text, as token ids of another model mean nothing to this one")
	case len(list) > 1:
		return nil, openai.UnsupportedValue("prompt", "only one prompt for each request is available with this model")
	}
	return list[0], nil
}

// Chat is the request as one user message. Fields that are not of this API, but of chat,
// count as they do there.
func (r *Request) Chat() (*openai.ChatRequest, *openai.Error) {
	prompt, err := r.Text()
	switch {
	case err != nil:
		return nil, err
	case r.Suffix != "":
		return nil, noSuffix()
	case strings.TrimSpace(openai.Unquote(prompt)) == "":
		return nil, openai.InvalidValue("prompt", "it must not be empty")
	}
	return r.chat([]passthrough.Edit{
		{Name: "prompt"}, {Name: "suffix"}, {Name: "best_of"}, {Name: "echo"},
		{Name: "messages", Value: append(append(jsontext.Value(`[{"role":"user","content":`), prompt...), `}]`...)},
	})
}

func noSuffix() *openai.Error {
	return openai.UnsupportedParam("suffix", "this model cannot fill in; a Codestral model can")
}

// chat reads the request as one of chat, after edits.
func (r *Request) chat(edits []passthrough.Edit) (*openai.ChatRequest, *openai.Error) {
	object := new(passthrough.Object)
	if err := object.Parse(r.body); err != nil { // it was decoded before
		return nil, translate.BadAnswer("no request", err)
	}
	return openai.DecodeChatRequest(object.Append(nil, r.limited(edits)))
}

// limited adds the limit that this API has by itself.
func (r *Request) limited(edits []passthrough.Edit) []passthrough.Edit {
	if r.MaxTokens != nil {
		return edits
	}
	return append(edits, passthrough.Edit{Name: "max_tokens", Value: jsontext.Value(strconv.Itoa(defaultMaxTokens))})
}
