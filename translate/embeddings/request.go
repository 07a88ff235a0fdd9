// Package embeddings is POST /v1/embeddings (openai-claude.md E.3): put to Google's text
// embedding models by :predict, or passed on to an upstream that has the same API.
package embeddings

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// A Request is the body of POST /v1/embeddings. A field that is null is absent.
type Request struct {
	Model string `json:"model"`
	// Input is a string or an array of strings, as the client wrote it.
	Input jsontext.Value `json:"input"`
	// Dimensions of each embedding; nil: the model's own.
	Dimensions *int64 `json:"dimensions"`
	// EncodingFormat is float or base64; empty: float. OpenAI's SDKs for Node and Python ask
	// for base64 unless told otherwise.
	EncodingFormat string `json:"encoding_format"`
	User           string `json:"user"`
	// TaskType and Title are Google's: what the embedding is for, as RETRIEVAL_DOCUMENT, and
	// the title of such a document.
	TaskType string `json:"task_type"`
	Title    string `json:"title"`
	// Others are the members that stand above nowhere.
	Others jsontext.Value `json:",embed"`

	body   []byte
	inputs []jsontext.Value // JSON strings
}

// maxInputs is OpenAI's limit of one request.
const maxInputs = 2048

// Decode reads a request body, which must not change afterwards. Its errors are 400s that
// name the field.
func Decode(body []byte) (*Request, *openai.Error) {
	r := &Request{body: body}
	if err := openai.Decode(body, r); err != nil {
		return nil, err
	}
	if err := r.readInputs(); err != nil {
		return nil, err
	}
	switch {
	case r.Dimensions != nil && *r.Dimensions < 1:
		return nil, openai.InvalidValue("dimensions", "it must be at least 1")
	case r.EncodingFormat != "" && r.EncodingFormat != "float" && r.EncodingFormat != base64Format:
		return nil, openai.InvalidValue("encoding_format", "it must be float or base64")
	}
	return r, nil
}

const base64Format = "base64"

func (r *Request) readInputs() *openai.Error {
	switch r.Input.Kind() {
	case '"':
		r.inputs = []jsontext.Value{r.Input}
		return checkInput("input", r.Input)
	case '[':
	case 'n', 0:
		return openai.MissingParam("input")
	default:
		return openai.BadRequest("invalid_type", "input", "Invalid type for 'input': it must be a string or an array of strings.")
	}
	if err := openai.Decode(r.Input, &r.inputs); err != nil {
		return err
	}
	if n := len(r.inputs); n == 0 || n > maxInputs {
		return openai.InvalidValue("input", fmt.Sprintf("the array must have 1 to %d elements", maxInputs))
	}
	for i, text := range r.inputs {
		if err := checkInput(fmt.Sprintf("input[%d]", i), text); err != nil {
			return err
		}
	}
	return nil
}

func checkInput(param string, text jsontext.Value) *openai.Error {
	switch {
	case text.Kind() == '0' || text.Kind() == '[':
		return openai.UnsupportedValue("input", "it must be text, as token ids of another model mean nothing to this one")
	case text.Kind() != '"':
		return openai.BadRequest("invalid_type", param, "Invalid type for '"+param+"': it must be a string.")
	case string(text) == `""`:
		return openai.InvalidValue(param, "it must not be empty")
	}
	return nil
}
