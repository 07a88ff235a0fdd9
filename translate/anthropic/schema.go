package anthropic

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// emptySchema is what a tool without parameters declares.
const emptySchema = `{"type":"object","properties":{}}`

// A head is the part of a JSON Schema that Claude has rules for at the top of a tool's
// parameters (openai-claude.md A.6).
type head struct {
	Type  jsontext.Value `json:"type"`
	AnyOf jsontext.Value `json:"anyOf"`
	OneOf jsontext.Value `json:"oneOf"`
	AllOf jsontext.Value `json:"allOf"`
}

// A schema is the part of a JSON Schema that tells an object's members.
type schema struct {
	head
	Ref        jsontext.Value `json:"$ref"`
	Properties jsontext.Value `json:"properties"`
	Required   jsontext.Value `json:"required"`
}

// objectSchema gives parameters the shape Claude asks for, and leaves the bytes alone
// where they have it already. The result is nil where they describe no object; flattened
// tells that alternatives were merged.
func objectSchema(parameters jsontext.Value) (object jsontext.Value, flattened bool) {
	if parameters.Kind() == '"' {
		parameters = quotedObject(parameters)
	}
	switch parameters.Kind() {
	case 0, 'n', 't', 'f':
		return jsontext.Value(emptySchema), false
	case '{':
	default:
		return nil, false
	}
	var top head
	if err := json.Unmarshal(parameters, &top); err != nil || !top.mayBeObject() {
		return nil, false
	}
	switch {
	case top.isComposed():
		return flatten(parameters), true
	case string(top.Type) == `"object"`:
		return parameters, false
	}
	return withType(parameters), false
}

// quotedObject reads parameters written as a JSON string. One that holds nothing is as
// good as none; one that holds no JSON is kept, and no schema.
func quotedObject(value jsontext.Value) jsontext.Value {
	plain, err := jsontext.AppendUnquote(nil, value)
	switch inner := jsontext.Value(plain); {
	case err != nil:
	case isBlank(string(plain)):
		return nil
	case inner.IsValid():
		return inner
	}
	return value
}

// mayBeObject tells whether the type, if there is one, allows an object.
func (h *head) mayBeObject() bool {
	switch h.Type.Kind() {
	case 0, 'n':
		return true
	case '"':
		return string(h.Type) == `"object"` || string(h.Type) == `""`
	case '[':
		return slices.Contains(stringsOf(h.Type), "object")
	}
	return false
}

func (h *head) isComposed() bool {
	return len(h.AnyOf)+len(h.OneOf)+len(h.AllOf) > 0
}

// withType writes the schema with its type in front.
func withType(parameters jsontext.Value) jsontext.Value {
	dst := appendOthers([]byte(`{"type":"object"`), parameters, "type")
	if string(dst) == `{"type":"object"` {
		return jsontext.Value(emptySchema)
	}
	return append(dst, '}')
}

// appendOthers appends the members of an object but for some, each behind a comma.
func appendOthers(dst []byte, object jsontext.Value, but ...string) []byte {
	for name, value := range members(object) {
		if !slices.Contains(but, name) {
			dst = append(openai.AppendString(append(dst, ','), name), ':')
			dst = append(dst, value...)
		}
	}
	return dst
}

// elements gives the elements of an array; none if it is something else.
func elements(array jsontext.Value) []jsontext.Value {
	var list []jsontext.Value
	if json.Unmarshal(array, &list) != nil {
		return nil
	}
	return list
}

// stringsOf gives the strings in an array.
func stringsOf(array jsontext.Value) []string {
	var found []string
	for _, value := range elements(array) {
		if value.Kind() == '"' {
			plain, _ := jsontext.AppendUnquote(nil, value) // valid: it was decoded
			found = append(found, string(plain))
		}
	}
	return found
}

// flatten merges the alternatives at the top of a schema into one object: Claude takes
// them anywhere but there. What the result allows is no less than what the schema did.
func flatten(parameters jsontext.Value) jsontext.Value {
	merged := newFlattener(parameters).members(parameters, 0)
	dst := append(merged.appendProperties([]byte(`{"type":"object","properties":{`)), '}')
	for i, name := range merged.required {
		if i == 0 {
			dst = append(dst, `,"required":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = openai.AppendString(dst, name)
	}
	if len(merged.required) > 0 {
		dst = append(dst, ']')
	}
	return append(appendOthers(dst, parameters, "type", "properties", "required", "anyOf", "oneOf", "allOf"), '}')
}

// maxNesting of alternatives in alternatives; what lies deeper is left out.
const maxNesting = 4

// A flattener holds the definitions that alternatives refer to, by reference. Each is
// taken once: what it says is in the result then, and a circle ends.
type flattener map[string]jsontext.Value

func newFlattener(parameters jsontext.Value) flattener {
	var top struct {
		Defs        map[string]jsontext.Value `json:"$defs"`
		Definitions map[string]jsontext.Value `json:"definitions"`
	}
	f := make(flattener)
	if json.Unmarshal(parameters, &top) != nil {
		return f // nothing can be referred to
	}
	for name, value := range top.Defs {
		f["#/$defs/"+name] = value
	}
	for name, value := range top.Definitions {
		f["#/definitions/"+name] = value
	}
	return f
}

// members reads what a schema and its alternatives say of an object's members.
func (f flattener) members(value jsontext.Value, nesting int) *objectMembers {
	o := &objectMembers{schemas: make(map[string]jsontext.Value), isRequired: make(map[string]bool)}
	var s schema
	if nesting > maxNesting || value.Kind() != '{' || json.Unmarshal(value, &s) != nil {
		return o
	}
	for name, schema := range members(s.Properties) {
		o.add(name, schema.Clone())
	}
	for _, name := range stringsOf(s.Required) {
		o.require(name)
	}
	all := append(elements(s.AllOf), f.take(s.Ref))
	anyOf, oneOf := elements(s.AnyOf), elements(s.OneOf)
	o.merge("allOf", f.branches(all, nesting), 1)
	o.merge("anyOf", f.branches(anyOf, nesting), len(anyOf))
	o.merge("anyOf", f.branches(oneOf, nesting), len(oneOf))
	return o
}

// take gives the definition that is referred to, for the first time only.
func (f flattener) take(ref jsontext.Value) jsontext.Value {
	if ref.Kind() != '"' {
		return nil
	}
	name, _ := jsontext.AppendUnquote(nil, ref) // valid: it was decoded
	definition := f[string(name)]
	delete(f, string(name))
	return definition
}

func (f flattener) branches(schemas []jsontext.Value, nesting int) []*objectMembers {
	list := make([]*objectMembers, len(schemas))
	for i, s := range schemas {
		list[i] = f.members(s, nesting+1)
	}
	return list
}

// objectMembers are an object's members with their schemas, in the order they were met.
type objectMembers struct {
	names      []string
	schemas    map[string]jsontext.Value
	required   []string
	isRequired map[string]bool
}

func (o *objectMembers) add(name string, schema jsontext.Value) {
	if _, known := o.schemas[name]; !known {
		o.names = append(o.names, name)
		o.schemas[name] = schema
	}
}

func (o *objectMembers) require(name string) {
	if !o.isRequired[name] {
		o.isRequired[name] = true
		o.required = append(o.required, name)
	}
}

// merge adds the members of branches that the object does not have itself. Required is
// what that many of the branches require.
func (o *objectMembers) merge(word string, branches []*objectMembers, enough int) {
	var names []string
	schemas := make(map[string][]jsontext.Value)
	requirers := make(map[string]int)
	for _, b := range branches {
		for _, name := range b.names {
			if schemas[name] == nil {
				names = append(names, name)
			}
			schemas[name] = append(schemas[name], b.schemas[name])
		}
		for _, name := range b.required {
			if requirers[name]++; requirers[name] == enough {
				o.require(name)
			}
		}
	}
	for _, name := range names {
		o.add(name, combine(word, schemas[name]))
	}
}

// combine makes one schema of those that branches have for one member.
func combine(word string, schemas []jsontext.Value) jsontext.Value {
	dst := append([]byte(`{"`), word...)
	dst = append(dst, `":[`...)
	seen := make(map[string]bool)
	for i, s := range schemas {
		if seen[string(s)] {
			continue
		}
		seen[string(s)] = true
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, s...)
	}
	if len(seen) == 1 {
		return schemas[0]
	}
	return append(dst, `]}`...)
}

func (o *objectMembers) appendProperties(dst []byte) []byte {
	for i, name := range o.names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(openai.AppendString(dst, name), ':')
		dst = append(dst, o.schemas[name]...)
	}
	return dst
}
