package completions

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// A forecast is one prediction, in whichever form its container has it.
type forecast struct {
	text   jsontext.Value // a JSON string, or absent
	finish string
	usage  jsontext.Value
	tokens int64 // written; 0: not told
}

// forecastOf finds the prediction of an answer; false: there is none.
func forecastOf(object *passthrough.Object) (forecast, bool) {
	value := object.Value("predictions")
	if value == nil { // streamRawPredict passes a container's own answer on
		return readForecast(object.Append(nil, nil))
	}
	f, ok := readForecast(first(first(value)))
	if n := count(object.Value("output_token_counts")); n > 0 {
		f.tokens = n
	}
	return f, ok
}

// first is a list's first element: there is one instance, and one answer to it.
func first(value jsontext.Value) jsontext.Value {
	var list []jsontext.Value
	if value.Kind() != '[' || json.Unmarshal(value, &list, translate.Lenient) != nil {
		return value
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// shape is what the objects of vLLM, TGI and OpenAI's API have.
type shape struct {
	Text          jsontext.Value `json:"text"`
	GeneratedText jsontext.Value `json:"generated_text"`
	Tokens        jsontext.Value `json:"output_token_counts"`
	Usage         jsontext.Value `json:"usage"`
	Choices       []struct {
		Text         jsontext.Value `json:"text"`
		Message      content        `json:"message"`
		Delta        content        `json:"delta"`
		FinishReason jsontext.Value `json:"finish_reason"`
	} `json:"choices"`
}

type content struct {
	Text jsontext.Value `json:"content"`
}

func readForecast(value jsontext.Value) (forecast, bool) {
	if value.Kind() == '"' {
		return forecast{text: value}, true
	}
	var s shape
	if value.Kind() != '{' || json.Unmarshal(value, &s, translate.Lenient) != nil {
		return forecast{}, false
	}
	f := forecast{text: text(s.Text, s.GeneratedText), usage: s.Usage, tokens: count(s.Tokens)}
	if len(s.Choices) > 0 {
		c := s.Choices[0]
		f.text = text(c.Text, c.Message.Text, c.Delta.Text, f.text)
		f.finish = openai.Unquote(c.FinishReason)
	}
	return f, f.text != nil || s.Choices != nil
}

// text is the first of the values that is a string; where a list stands for it, its first
// element counts.
func text(values ...jsontext.Value) jsontext.Value {
	for _, value := range values {
		if value = first(value); value.Kind() == '"' {
			return value
		}
	}
	return nil
}

// count adds up the numbers of a value, of which there is one for each answer.
func count(value jsontext.Value) (sum int64) {
	dec := jsontext.NewDecoder(bytes.NewReader(value))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return sum
		}
		if token.Kind() == '0' {
			n, _ := token.Float() // the error only reports what is out of range
			sum += int64(min(max(n, 0), 1<<40))
		}
	}
}
