package openai

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads a client's JSON into what v points to. Its errors are 400s that name the
// field.
func Decode(body []byte, v any) *Error {
	if err := json.Unmarshal(body, v); err != nil {
		return decodeError(err)
	}
	return nil
}

// DecodeChatRequest reads a request body. Its errors are 400s that name the field.
func DecodeChatRequest(body []byte) (*ChatRequest, *Error) {
	req := new(ChatRequest)
	if err := Decode(body, req); err != nil {
		return nil, err
	}
	if extra := req.ExtraBody; extra.Kind() == '{' { // an SDK would have merged it
		req.ExtraBody = nil
		if err := Decode(extra, req); err != nil {
			return nil, err
		}
	}
	req.readResponsesForm()
	return req, nil
}

// readResponsesForm takes what the Responses API calls by other names.
func (r *ChatRequest) readResponsesForm() {
	if r.MaxCompletionTokens == nil && r.MaxTokens == nil {
		r.MaxTokens = r.MaxOutputTokens
	}
	if f := r.Text.Format; f != nil && r.ResponseFormat == nil {
		r.ResponseFormat = &ResponseFormat{Type: f.Type}
		if f.Type == "json_schema" {
			r.ResponseFormat.JSONSchema = &f.JSONSchema
		}
	}
}

// typeError reports a value of a type the field cannot hold.
type typeError struct {
	want string
	got  jsontext.Kind
}

func (e *typeError) Error() string {
	return "expected " + e.want + ", but got " + kindName(e.got)
}

func wrongType(dec *jsontext.Decoder, want string) error {
	return &typeError{want, dec.PeekKind()}
}

func decodeError(err error) *Error {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return semanticError(e)
	}
	e := BadRequest("invalid_json", "", "We could not parse the JSON body of your request.")
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		e.Message += fmt.Sprintf(" At byte %d: %v.", syntax.ByteOffset, syntax.Err)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			e.Param = Param(syntax.JSONPointer)
		}
	}
	return e
}

func semanticError(err *json.SemanticError) *Error {
	param := Param(err.JSONPointer)
	wrong, ok := errors.AsType[*typeError](err)
	if !ok {
		wrong = &typeError{goTypeName(err.GoType), err.JSONKind}
	}
	if param == "" {
		return BadRequest("invalid_type", "", "Invalid request body: "+wrong.Error()+".")
	}
	return BadRequest("invalid_type", param, fmt.Sprintf("Invalid type for '%s': %v.", param, wrong))
}

// Param writes a JSON pointer the way OpenAI names parameters: messages[2].content.
func Param(pointer jsontext.Pointer) string {
	var b strings.Builder
	for token := range pointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil && b.Len() > 0 {
			b.WriteString("[" + token + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
	}
	return b.String()
}

func goTypeName(t reflect.Type) string {
	if t == nil {
		return "another type"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int64:
		return "an integer"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "something else"
}
