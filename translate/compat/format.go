package compat

import (
	"cmp"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// A format is the form of the answer's text.
type format struct {
	Type       string  `json:"type"`
	JSONSchema *schema `json:"json_schema,omitzero"`
}

type schema struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Schema      jsontext.Value `json:"schema"`
	Strict      bool           `json:"strict"`
}

func (t *translation) setFormat() *openai.Error {
	f := t.chat.ResponseFormat
	if f == nil {
		return nil
	}
	switch f.Type {
	case "text", "":
		return nil
	case "json_object":
		if f.Schema.Kind() == '{' && t.dialect.Schemas { // some clients' own
			return t.setSchema(&openai.JSONSchema{Schema: f.Schema})
		}
		t.body.ResponseFormat = &format{Type: "json_object"}
		t.dropIf("response_format.schema", f.Schema.Kind() == '{')
		return nil
	case "json_schema":
		if f.JSONSchema == nil {
			return openai.MissingParam("response_format.json_schema")
		}
		return t.setSchema(f.JSONSchema)
	}
	return openai.InvalidValue("response_format.type", "must be text, json_object or json_schema")
}

func (t *translation) setSchema(s *openai.JSONSchema) *openai.Error {
	const param = "response_format.json_schema"
	if !t.dialect.Schemas {
		return openai.UnsupportedValue("response_format.type", "this model has json_object, but no schemas")
	}
	switch s.Schema.Kind() {
	case '{':
		name := cmp.Or(s.Name, "answer")
		t.body.ResponseFormat = &format{Type: "json_schema", JSONSchema: &schema{name, s.Description, s.Schema, s.Strict}}
	case 0, 'n':
		t.body.ResponseFormat = &format{Type: "json_object"}
		t.warn(param+".schema", "relaxed")
	default:
		return openai.InvalidValue(param+".schema", "must be a JSON Schema object")
	}
	return nil
}
