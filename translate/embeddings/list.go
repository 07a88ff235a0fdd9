package embeddings

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// A list is OpenAI's object of embeddings, while it is written.
type list struct {
	base64 bool
	count  int
	out    []byte
}

// add adds an array of numbers, whose digits stay as they are.
func (l *list) add(values jsontext.Value) *openai.Error {
	if l.count == 0 {
		l.out = append(l.out, `{"object":"list","data":[`...)
	} else {
		l.out = append(l.out, ',')
	}
	l.out = append(l.out, `{"object":"embedding","index":`...)
	l.out = strconv.AppendInt(l.out, int64(l.count), 10)
	l.out = append(l.out, `,"embedding":`...)
	l.count++
	encoded, err := encode(values, l.base64)
	if err != nil {
		return err
	}
	l.out = append(append(l.out, encoded...), '}')
	return nil
}

// end gives the object.
func (l *list) end(model string, tokens int64) []byte {
	l.out = openai.AppendString(append(l.out, `],"model":`...), model)
	l.out = strconv.AppendInt(append(l.out, `,"usage":{"prompt_tokens":`...), tokens, 10)
	l.out = strconv.AppendInt(append(l.out, `,"total_tokens":`...), tokens, 10)
	return append(l.out, `}}`...)
}

// encode gives an array of numbers as it is, without the white space in which Google writes
// it, or as base64 of 32-bit floats, little-endian, as OpenAI's SDKs decode it.
func encode(values jsontext.Value, asBase64 bool) (jsontext.Value, *openai.Error) {
	var numbers []float32
	if err := json.Unmarshal(values, &numbers); err != nil || values.Kind() != '[' {
		return nil, translate.BadAnswer("an embedding that is no list of numbers", err)
	}
	if !asBase64 {
		_ = values.Compact() // it was decoded
		return values, nil
	}
	data := make([]byte, 0, 4*len(numbers))
	for _, n := range numbers {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(n))
	}
	text := append(jsontext.Value{'"'}, base64.StdEncoding.AppendEncode(nil, data)...)
	return append(text, '"'), nil
}
