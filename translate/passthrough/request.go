// Package passthrough is for upstreams that speak OpenAI's API themselves: JSON goes on
// byte for byte, but for the few members that are the gateway's business.
package passthrough

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// Options tell what of a request is the gateway's business.
type Options struct {
	// Method is the path at the endpoint: /chat/completions or /completions.
	Method string
	// Model is the upstream's name of the model. It may be empty: some own endpoints know
	// their model by no other name (vertex.md 8.2).
	Model string
	// MaxTokens is sent where the client names no limit; 0: nothing is.
	MaxTokens int64
}

// NewRequest makes a request of body, the JSON that chat was decoded from. The answer
// names the model as chat does.
func NewRequest(body []byte, chat *openai.ChatRequest, o Options) *translate.Request {
	put := &translate.Request{Method: o.Method, Body: body}
	object := new(Object)
	if object.Parse(body) == nil { // it was decoded before
		put.Body = object.Append(nil, edits(object, chat, o))
	}
	put.Read = func() translate.Answer { return newAnswer(chat) }
	return put
}

func edits(object *Object, chat *openai.ChatRequest, o Options) []Edit {
	list := []Edit{{"model", openai.AppendString(nil, o.Model)}}
	if o.MaxTokens > 0 && chat.MaxTokens == nil && chat.MaxCompletionTokens == nil {
		list = append(list, Edit{"max_tokens", strconv.AppendInt(nil, o.MaxTokens, 10)})
	}
	switch {
	case chat.Stream:
		list = append(list, Edit{"stream", jsontext.Value("true")}, Edit{"stream_options", withUsage(object.Value("stream_options"))})
	case object.Value("stream").Kind() == 't': // what stands in extra_body counts more
		list = append(list, Edit{"stream", jsontext.Value("false")})
	}
	return list
}

// withUsage asks for the usage, whether the client wants it or not: it is needed to meter.
func withUsage(options jsontext.Value) jsontext.Value {
	object := new(Object)
	if object.Parse(options) != nil {
		return jsontext.Value(`{"include_usage":true}`)
	}
	return object.Append(nil, []Edit{{"include_usage", jsontext.Value("true")}})
}

// Dropped tells of the members of an object that are not passed on; null is none.
func Dropped(others jsontext.Value) []openai.Warning {
	var list openai.Warnings
	object := new(Object)
	if object.Parse(others) != nil {
		return nil // there are none
	}
	for name, value := range object.All() {
		if value.Kind() != 'n' {
			list.Add(name, "dropped")
		}
	}
	return list
}
