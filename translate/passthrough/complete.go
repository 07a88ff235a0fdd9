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
	return edited(list, func(index int, choice *Object) []Edit {
		edits := choice.lacks(Edit{"index", strconv.AppendInt(nil, int64(index), 10)}, Edit{"logprobs", null})
		message := new(Object)
		if text := choice.Value("message"); text.Kind() == '{' && message.Parse(text) == nil {
			missing := message.lacks(Edit{"role", jsontext.Value(`"assistant"`)}, Edit{"content", null}, Edit{"refusal", null})
			if len(missing) > 0 {
				edits = append(edits, Edit{"message", message.Append(nil, missing)})
			}
		}
		return edits
	})
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

// edited is a list of objects with edits in each.
func edited(list jsontext.Value, edits func(index int, o *Object) []Edit) jsontext.Value {
	var values []jsontext.Value
	if json.Unmarshal(list, &values, translate.Lenient) != nil {
		return list // it was parsed before
	}
	whole := jsontext.Value{'['}
	for i, v := range values {
		if i > 0 {
			whole = append(whole, ',')
		}
		object := new(Object)
		if object.Parse(v) != nil {
			whole = append(whole, v...)
			continue
		}
		whole = object.Append(whole, edits(i, object))
	}
	return append(whole, ']')
}
