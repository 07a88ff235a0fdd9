package passthrough

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
)

var null = jsontext.Value("null")

// complete gives the choices of a whole completion with the members that OpenAI's schema
// wants in each and servers leave out: clients in languages with types rely on them. Chunks
// go on as they are.
func complete(list jsontext.Value) jsontext.Value {
	var choices []jsontext.Value
	if json.Unmarshal(list, &choices, translate.Lenient) != nil {
		return list // it was parsed before
	}
	whole := jsontext.Value{'['}
	for i, c := range choices {
		if i > 0 {
			whole = append(whole, ',')
		}
		whole = appendChoice(whole, i, c)
	}
	return append(whole, ']')
}

func appendChoice(dst []byte, index int, choice jsontext.Value) []byte {
	object := new(Object)
	if object.Parse(choice) != nil {
		return append(dst, choice...)
	}
	edits := object.lacks(Edit{"index", strconv.AppendInt(nil, int64(index), 10)}, Edit{"logprobs", null})
	message := new(Object)
	if text := object.Value("message"); text.Kind() == '{' && message.Parse(text) == nil {
		missing := message.lacks(Edit{"role", jsontext.Value(`"assistant"`)}, Edit{"content", null}, Edit{"refusal", null})
		if len(missing) > 0 {
			edits = append(edits, Edit{"message", message.Append(nil, missing)})
		}
	}
	return object.Append(dst, edits)
}

// lacks are those of the members that the object has not.
func (o *Object) lacks(members ...Edit) (missing []Edit) {
	for _, m := range members {
		if o.Value(m.Name) == nil {
			missing = append(missing, m)
		}
	}
	return missing
}
