package anthropic

import (
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// The most an output schema may hold. Of the optional members Vertex AI takes fewer than
// Anthropic does; the last three keep hostile schemas cheap (openai-claude.md A.8).
const (
	maxOptional    = 10
	maxUnions      = 16
	maxSubschemas  = 2000
	maxSchemaDepth = 48
	maxSchemaSize  = 64 << 10 // bytes
)

// definitionWords are the keywords that hold definitions, today's and the older one.
var definitionWords = []string{"$defs", "definitions"}

// outputFormats are the formats of strings that structured output keeps to.
var outputFormats = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}

// silentWords say nothing that an answer could break.
var silentWords = append([]string{
	"title", "$schema", "$id", "$anchor", "$dynamicAnchor", "$comment", "examples", "example", "discriminator",
	"deprecated", "readOnly", "writeOnly",
}, definitionWords...)

// structuralWords change what an answer may be in ways that no description could make up for.
var structuralWords = []string{
	"not", "if", "then", "else", "prefixItems", "additionalItems", "unevaluatedItems", "contains",
	"patternProperties", "propertyNames", "dependentSchemas", "dependentRequired", "dependencies",
	"$dynamicRef", "$recursiveRef",
}

// safeIntegers are the bounds that zod writes for every integer. They are JavaScript's, and
// the client never thought of them.
var safeIntegers = map[string]string{"minimum": "-9007199254740991", "maximum": "9007199254740991"}

// outputSchema turns a client's JSON Schema into one that Claude's structured output takes
// (openai-claude.md A.8). What Claude cannot check is told in descriptions; ok is false
// where the schema is beyond that, and the answer must come from a tool. Members of objects
// keep their order, numbers their digits, and the same schema gives the same bytes.
func outputSchema(schema jsontext.Value) (clean jsontext.Value, ok bool) {
	if len(schema) > maxSchemaSize {
		return nil, false
	}
	c := newCleaner(schema)
	clean = c.appendSchema(nil, c.root(schema), 0)
	var top head
	if c.refused || json.Unmarshal(clean, &top) != nil || string(top.Type) != `"object"` {
		return nil, false
	}
	return c.appendDefinitions(clean), true
}

// A cleaner writes the clean schema. Once it has refused, what is written is of no use.
type cleaner struct {
	definitions []*definition
	byReference map[string]*definition
	spent       cost
	refused     bool
}

// A definition is what a $ref refers to. It is cleaned when it is first referred to, and
// left out if it never is.
type definition struct {
	word, name string
	schema     jsontext.Value
	clean      []byte
	cost       cost
}

// A cost is what a schema adds to the grammar, where every reference counts as the whole
// of what it refers to.
type cost struct {
	subschemas, optional, unions int
}

func newCleaner(schema jsontext.Value) *cleaner {
	c := &cleaner{byReference: make(map[string]*definition)}
	for word, definitions := range members(schema) {
		if !slices.Contains(definitionWords, word) {
			continue
		}
		for name, value := range members(definitions) {
			d := &definition{word: word, name: name, schema: value.Clone()}
			c.definitions = append(c.definitions, d)
			c.byReference["#"+string(jsontext.Pointer("").AppendToken(word).AppendToken(name))] = d
		}
	}
	return c
}

// root is the schema, or the definition that a schema of nothing but a $ref stands for:
// Claude wants to see an object at the top.
func (c *cleaner) root(schema jsontext.Value) jsontext.Value {
	var k keywords
	if json.Unmarshal(schema, &k) != nil {
		return nil
	}
	if d := c.byReference[unquoted(k.Ref)]; d != nil {
		return d.schema
	}
	return schema
}

// spend adds to what the schema costs, and refuses it when that is too much.
func (c *cleaner) spend(more cost) {
	c.spent.subschemas += more.subschemas
	c.spent.optional += more.optional
	c.spent.unions += more.unions
	if c.spent.subschemas > maxSubschemas || c.spent.optional > maxOptional || c.spent.unions > maxUnions {
		c.refused = true
	}
}

func (c *cleaner) refuse(dst []byte) []byte {
	c.refused = true
	return dst
}

func (c *cleaner) appendSchema(dst []byte, schema jsontext.Value, depth int) []byte {
	var k keywords
	c.spend(cost{subschemas: 1})
	if c.refused || depth > maxSchemaDepth || json.Unmarshal(schema, &k) != nil {
		return c.refuse(dst)
	}
	if k.Ref.Kind() != 0 {
		return c.appendReference(dst, k.Ref, depth)
	}
	alternatives := k.alternatives()
	if !k.settle(alternatives) {
		return c.refuse(dst)
	}
	if all := elements(k.AllOf); len(all) == 1 && !k.hasForm() { // pydantic's way to describe a $ref
		return c.appendSchema(dst, all[0], depth+1)
	}
	dst = append(dst, '{')
	switch {
	case k.isComposed():
		dst = c.appendUnion(dst, &k, depth)
	case len(alternatives) == 1:
		dst = c.appendAlternative(dst, &k, alternatives[0], depth)
	default:
		dst = c.appendAlternatives(dst, &k, alternatives, depth)
	}
	return append(k.appendAnnotations(dst), '}')
}

// appendReference writes a $ref without what stood beside it: Claude takes it only alone.
// A recursion goes on until it is too deep.
func (c *cleaner) appendReference(dst []byte, ref jsontext.Value, depth int) []byte {
	d := c.byReference[unquoted(ref)]
	if d == nil || d.name == "" {
		return c.refuse(dst)
	}
	if d.clean == nil {
		before := c.spent
		c.spent = cost{}
		d.clean = c.appendSchema(nil, d.schema, depth+1)
		c.spent, d.cost = before, c.spent
	}
	c.spend(d.cost)
	return append(appendMember(append(dst, '{'), "$ref", ref), '}')
}

// appendDefinitions puts the definitions that are referred to behind the members of the
// root.
func (c *cleaner) appendDefinitions(root []byte) []byte {
	dst := root[:len(root)-1]
	for _, word := range definitionWords {
		before := len(dst)
		dst = append(appendName(dst, word), '{')
		start := len(dst)
		for _, d := range c.definitions {
			if d.word == word && d.clean != nil {
				dst = appendMember(dst, d.name, d.clean)
			}
		}
		if len(dst) == start {
			dst = dst[:before]
			continue
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// appendUnion writes the alternatives that the client wrote as such. Beside a form of
// their own or each other they would have to be multiplied out.
func (c *cleaner) appendUnion(dst []byte, k *keywords, depth int) []byte {
	union := k.AnyOf
	if len(union) == 0 {
		union = k.OneOf
	}
	schemas := elements(union)
	if k.hasForm() || len(k.AllOf) > 0 || len(k.AnyOf) > 0 && len(k.OneOf) > 0 || len(schemas) == 0 {
		return c.refuse(dst)
	}
	return c.appendAnyOf(dst, len(schemas), func(dst []byte, i int) []byte {
		return c.appendSchema(dst, schemas[i], depth+1)
	})
}

// appendAlternatives writes the types of a list each by itself.
func (c *cleaner) appendAlternatives(dst []byte, k *keywords, all []alternative, depth int) []byte {
	if len(all) == 0 {
		return c.refuse(dst)
	}
	return c.appendAnyOf(dst, len(all), func(dst []byte, i int) []byte {
		return append(c.appendAlternative(append(dst, '{'), k, all[i], depth), '}')
	})
}

func (c *cleaner) appendAnyOf(dst []byte, n int, appendOne func(dst []byte, i int) []byte) []byte {
	c.spend(cost{unions: 1})
	dst = append(appendName(dst, "anyOf"), '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendOne(dst, i)
	}
	return append(dst, ']')
}

func (c *cleaner) appendAlternative(dst []byte, k *keywords, a alternative, depth int) []byte {
	if a.kind != "" {
		dst = appendMember(dst, "type", openai.AppendString(nil, a.kind))
	}
	dst = k.appendValues(dst, a.values)
	switch a.kind {
	case "":
		if len(a.values) > 0 {
			return dst
		}
	case "object":
		return c.appendObject(dst, k, depth)
	case "array":
		dst = appendGiven(dst, "minItems", k.MinItems)
		return c.appendSchema(appendName(dst, "items"), k.Items, depth+1)
	case "string":
		return appendGiven(appendGiven(dst, "format", k.Format), "pattern", k.Pattern)
	case "integer", "number", "boolean", "null":
		return dst
	}
	return c.refuse(dst)
}

// appendObject closes the object. One that must stay open, or that says nothing of its
// members, has no grammar.
func (c *cleaner) appendObject(dst []byte, k *keywords, depth int) []byte {
	if !k.mayBeClosed() {
		return c.refuse(dst)
	}
	required := make(map[string]bool)
	for _, name := range stringsOf(k.Required) {
		required[name] = true
	}
	var names []byte
	dst = append(appendName(dst, "properties"), '{')
	for name, schema := range members(k.Properties) {
		dst = c.appendSchema(appendName(dst, name), schema, depth+1)
		if !required[name] {
			c.spend(cost{optional: 1})
			continue
		}
		delete(required, name)
		names = openai.AppendString(append(names, ','), name)
	}
	if len(required) > 0 {
		return c.refuse(dst) // by a member that may be anything
	}
	dst = append(dst, '}')
	if len(names) > 0 {
		names[0] = '['
		dst = appendMember(dst, "required", append(names, ']'))
	}
	return appendMember(dst, "additionalProperties", jsontext.Value("false"))
}

// keywords are those of a JSON Schema that may stay, or that decide what may.
type keywords struct {
	schema
	AdditionalProperties  jsontext.Value `json:"additionalProperties"`
	UnevaluatedProperties jsontext.Value `json:"unevaluatedProperties"`
	Items                 jsontext.Value `json:"items"`
	MinItems              jsontext.Value `json:"minItems"`
	Format                jsontext.Value `json:"format"`
	Pattern               jsontext.Value `json:"pattern"`
	Enum                  jsontext.Value `json:"enum"`
	Const                 jsontext.Value `json:"const"`
	Default               jsontext.Value `json:"default"`
	Description           jsontext.Value `json:"description"`
	Others                jsontext.Value `json:",embed"`

	notes []string // for the description
}

// An alternative is one type, with the values of it that are possible; nil: all are. The
// type is empty where only the values tell it.
type alternative struct {
	kind   string
	values []jsontext.Value
}

// alternatives are the types that a value may have; none where that is anything, nothing,
// or a value given that is no scalar.
func (k *keywords) alternatives() []alternative {
	values, limited := k.values()
	if slices.ContainsFunc(values, func(v jsontext.Value) bool { return v.Kind() == '{' || v.Kind() == '[' }) {
		return nil
	}
	types := k.types()
	if len(types) == 0 && len(values) > 0 {
		return []alternative{{"", values}}
	}
	var all []alternative
	for _, kind := range types {
		fitting := slices.DeleteFunc(slices.Clone(values), func(v jsontext.Value) bool { return !hasType(v, kind) })
		switch {
		case limited && len(fitting) == 0:
		case kind == "null":
			all = append(all, alternative{kind: kind}) // there is but one
		default:
			all = append(all, alternative{kind, fitting})
		}
	}
	return all
}

// values are what const or enum leave; limited tells whether one of them is there.
func (k *keywords) values() (values []jsontext.Value, limited bool) {
	if k.Const.Kind() != 0 {
		return []jsontext.Value{k.Const}, true
	}
	return elements(k.Enum), k.Enum.Kind() != 0
}

// types are those the schema names, or means.
func (k *keywords) types() []string {
	switch {
	case k.Type.Kind() == '[':
		return stringsOf(k.Type)
	case k.Type.Kind() != 0 && k.Type.Kind() != 'n':
		return []string{unquoted(k.Type)}
	case k.Properties.Kind() != 0:
		return []string{"object"}
	case k.Items.Kind() != 0:
		return []string{"array"}
	}
	return nil
}

func hasType(scalar jsontext.Value, kind string) bool {
	switch scalar.Kind() {
	case '"':
		return kind == "string"
	case 't', 'f':
		return kind == "boolean"
	case 'n':
		return kind == "null"
	}
	return kind == "number" || kind == "integer" && !strings.ContainsAny(string(scalar), ".eE")
}

// hasForm tells whether the schema says by itself what a value looks like.
func (k *keywords) hasForm() bool {
	return len(k.Type)+len(k.Enum)+len(k.Const)+len(k.Items)+len(k.Properties)+len(k.Required)+len(k.AdditionalProperties) > 0
}

// mayBeClosed tells whether an object may do without further members. One that has none
// at all must say itself that this is all.
func (k *keywords) mayBeClosed() bool {
	const closed = "false"
	for _, more := range []jsontext.Value{k.AdditionalProperties, k.UnevaluatedProperties} {
		if more.Kind() != 0 && string(more) != closed {
			return false
		}
	}
	for range members(k.Properties) {
		return true
	}
	return string(k.AdditionalProperties) == closed
}

// settle takes out what Claude does not check, and notes it for the description. It is
// false where a note would not do.
func (k *keywords) settle(all []alternative) bool {
	isA := func(kind string) bool {
		return slices.ContainsFunc(all, func(a alternative) bool { return a.kind == kind })
	}
	if !isA("string") || !slices.Contains(outputFormats, unquoted(k.Format)) {
		k.note("format", k.Format)
		k.Format = nil
	}
	if !isA("string") || !isSimplePattern(k.Pattern) {
		k.note("pattern", k.Pattern)
		k.Pattern = nil
	}
	if n := string(k.MinItems); !isA("array") || n != "0" && n != "1" {
		k.note("minItems", k.MinItems)
		k.MinItems = nil
	}
	for name, value := range members(k.Others) {
		if slices.Contains(structuralWords, name) {
			return false
		}
		if !slices.Contains(silentWords, name) && safeIntegers[name] != string(value) {
			k.note(name, value)
		}
	}
	return true
}

func (k *keywords) note(name string, value jsontext.Value) {
	if value.Kind() == 0 {
		return
	}
	plain := value.Clone()
	if plain.Compact() == nil {
		k.notes = append(k.notes, name+": "+string(plain))
	}
}

func (k *keywords) appendValues(dst []byte, values []jsontext.Value) []byte {
	switch {
	case len(values) == 0:
		return dst
	case k.Const.Kind() != 0:
		return appendMember(dst, "const", values[0])
	}
	dst = append(appendName(dst, "enum"), '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, v...)
	}
	return append(dst, ']')
}

func (k *keywords) appendAnnotations(dst []byte) []byte {
	description := unquoted(k.Description)
	switch notes := strings.Join(k.notes, ", "); {
	case notes == "":
	case description == "":
		description = notes
	default:
		description += " (" + notes + ")"
	}
	if description != "" {
		dst = openai.AppendString(appendName(dst, "description"), description)
	}
	return appendGiven(dst, "default", k.Default)
}

// isSimplePattern tells whether the value is a regular expression without looking around
// and back, word boundaries, and groups of special kinds.
func isSimplePattern(value jsontext.Value) bool {
	pattern := unquoted(value)
	for _, special := range []string{`\b`, `\B`, "(?"} {
		if strings.Contains(strings.ReplaceAll(pattern, "(?:", "("), special) {
			return false
		}
	}
	_, err := syntax.Parse(pattern, syntax.Perl)
	return err == nil && value.Kind() == '"'
}

// unquoted is the text of a JSON string; empty if the value is none.
func unquoted(value jsontext.Value) string {
	if value.Kind() != '"' {
		return ""
	}
	plain, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return ""
	}
	return string(plain)
}

// appendName begins a member of the object that is being written.
func appendName(dst []byte, name string) []byte {
	if len(dst) > 0 && dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(openai.AppendString(dst, name), ':')
}

func appendMember(dst []byte, name string, value []byte) []byte {
	return append(appendName(dst, name), value...)
}

// appendGiven appends a member that was given.
func appendGiven(dst []byte, name string, value jsontext.Value) []byte {
	if value.Kind() == 0 {
		return dst
	}
	return appendMember(dst, name, value)
}
