package embeddings

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// NewPassed passes the request on to an upstream that has the same API, under the
// upstream's name of the model. Floats are what every upstream can answer with; base64 is
// made of them here.
func NewPassed(r *Request, model string) *translate.Request {
	edits := []passthrough.Edit{{Name: "model", Value: openai.AppendString(nil, model)}}
	if r.EncodingFormat == base64Format {
		edits = append(edits, passthrough.Edit{Name: "encoding_format", Value: jsontext.Value(`"float"`)})
	}
	put := &translate.Request{Method: "/embeddings", Body: r.body}
	object := new(passthrough.Object)
	if object.Parse(r.body) == nil { // it was decoded before
		put.Body = object.Append(nil, edits)
	}
	put.Read = func() translate.Answer { return passthrough.NewReply(r.readPassed) }
	return put
}

func (r *Request) readPassed(object *passthrough.Object) ([]byte, openai.Usage, *openai.Error) {
	var data []jsontext.Value
	if err := json.Unmarshal(object.Value("data"), &data, translate.Lenient); err != nil || len(data) != len(r.inputs) {
		return nil, openai.Usage{}, translate.BadAnswer("no embeddings", err)
	}
	edits := []passthrough.Edit{{Name: "model", Value: openai.AppendString(nil, r.Model)}, {Name: "error"}}
	if r.EncodingFormat == base64Format {
		encoded, err := encodeAll(data)
		if err != nil {
			return nil, openai.Usage{}, err
		}
		edits = append(edits, passthrough.Edit{Name: "data", Value: encoded})
	}
	used, _ := passthrough.Usage(object.Value("usage"))
	used.Output, used.Reasoning = 0, 0 // an embedding has none
	return object.Append(nil, edits), used, nil
}

// encodeAll turns the numbers of all embeddings into base64; one that is base64 stays.
func encodeAll(data []jsontext.Value) (jsontext.Value, *openai.Error) {
	list := jsontext.Value{'['}
	for i, one := range data {
		if i > 0 {
			list = append(list, ',')
		}
		encoded, err := encodeOne(one)
		if err != nil {
			return nil, err
		}
		list = append(list, encoded...)
	}
	return append(list, ']'), nil
}

func encodeOne(one jsontext.Value) (jsontext.Value, *openai.Error) {
	object := new(passthrough.Object)
	if err := object.Parse(one); err != nil {
		return nil, translate.BadAnswer("no embedding", err)
	}
	values := object.Value("embedding")
	if values.Kind() == '"' {
		return one, nil
	}
	encoded, err := encode(values, true)
	if err != nil {
		return nil, err
	}
	return object.Append(nil, []passthrough.Edit{{Name: "embedding", Value: encoded}}), nil
}
