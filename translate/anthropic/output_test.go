package anthropic

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai/openaitest"
	"vertexgateway/vertex/fakevertex"
)

// Schemas as the usual libraries write them, and what Claude gets.
func TestOutputSchema(t *testing.T) {
	judge := newSchemaJudge(t)
	tests := []struct{ name, schema, want string }{
		{
			"zod: $schema and JavaScript's bounds go",
			`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"city":{"type":"string"},"degrees":{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991}},"required":["city","degrees"],"additionalProperties":false}`,
			`{"type":"object","properties":{"city":{"type":"string"},"degrees":{"type":"integer"}},"required":["city","degrees"],"additionalProperties":false}`,
		},
		{
			"zod: bounds and lengths become words",
			`{"type":"object","properties":{"age":{"type":"integer","exclusiveMinimum":0,"maximum":1.50e2,"description":"in years"},"name":{"type":"string","minLength":1,"maxLength":20},"tags":{"type":"array","items":{"type":"string"},"minItems":2,"maxItems":5}},"required":["age","name","tags"]}`,
			`{"type":"object","properties":{"age":{"type":"integer","description":"in years (exclusiveMinimum: 0, maximum: 1.50e2)"},"name":{"type":"string","description":"minLength: 1, maxLength: 20"},"tags":{"type":"array","items":{"type":"string"},"description":"minItems: 2, maxItems: 5"}},"required":["age","name","tags"],"additionalProperties":false}`,
		},
		{
			"zod: a format stays, its pattern with look-ahead does not",
			`{"type":"object","properties":{"mail":{"type":"string","format":"email","pattern":"^(?!\\.)[a-z]+$"},"id":{"type":"string","pattern":"^(?:[a-z]+-)*[0-9]{3}$"},"page":{"type":"string","format":"uri-reference","pattern":"(?i)a"}},"required":["mail","id","page"]}`,
			`{"type":"object","properties":{"mail":{"type":"string","format":"email","description":"pattern: \"^(?!\\\\.)[a-z]+$\""},"id":{"type":"string","pattern":"^(?:[a-z]+-)*[0-9]{3}$"},"page":{"type":"string","description":"format: \"uri-reference\", pattern: \"(?i)a\""}},"required":["mail","id","page"],"additionalProperties":false}`,
		},
		{
			"zod: a nullable enum and a discriminated union",
			`{"type":"object","properties":{"unit":{"type":["string","null"],"enum":["C","F",null],"default":null},"shape":{"oneOf":[{"type":"object","properties":{"kind":{"type":"string","const":"circle"},"r":{"type":"number"}},"required":["kind","r"]},{"type":"object","properties":{"kind":{"const":"none"}},"required":["kind"]}]}},"required":["unit","shape"]}`,
			`{"type":"object","properties":{"unit":{"anyOf":[{"type":"string","enum":["C","F"]},{"type":"null"}],"default":null},"shape":{"anyOf":[{"type":"object","properties":{"kind":{"type":"string","const":"circle"},"r":{"type":"number"}},"required":["kind","r"],"additionalProperties":false},{"type":"object","properties":{"kind":{"const":"none"}},"required":["kind"],"additionalProperties":false}]}},"required":["unit","shape"],"additionalProperties":false}`,
		},
		{
			"zod: definitions, with the root among them",
			`{"$ref":"#/definitions/Order","definitions":{"Line":{"type":"object","properties":{"sku":{"type":"string"}},"required":["sku"]},"Order":{"type":"object","properties":{"lines":{"type":"array","items":{"$ref":"#/definitions/Line"},"minItems":1}},"required":["lines"]}}}`,
			`{"type":"object","properties":{"lines":{"type":"array","minItems":1,"items":{"$ref":"#/definitions/Line"}}},"required":["lines"],"additionalProperties":false,"definitions":{"Line":{"type":"object","properties":{"sku":{"type":"string"}},"required":["sku"],"additionalProperties":false}}}`,
		},
		{
			"pydantic: titles go, a $ref stands alone, what nobody refers to goes",
			`{"$defs":{"Unused":{"type":"object"},"Mood":{"enum":["good","bad"],"title":"Mood","type":"string"},"Day~/1":{"properties":{"on":{"format":"date","title":"On","type":"string"},"mood":{"$ref":"#/$defs/Mood"}},"required":["on","mood"],"title":"Day","type":"object"}},"properties":{"first":{"$ref":"#/$defs/Day~0~11","description":"the first","default":{}},"rest":{"items":{"anyOf":[{"$ref":"#/$defs/Day~0~11"},{"type":"null"}]},"title":"Rest","type":"array"}},"required":["first","rest"],"title":"Diary","type":"object","description":"A diary"}`,
			`{"type":"object","properties":{"first":{"$ref":"#/$defs/Day~0~11"},"rest":{"type":"array","items":{"anyOf":[{"$ref":"#/$defs/Day~0~11"},{"type":"null"}]}}},"required":["first","rest"],"additionalProperties":false,"description":"A diary","$defs":{"Mood":{"type":"string","enum":["good","bad"]},"Day~/1":{"type":"object","properties":{"on":{"type":"string","format":"date"},"mood":{"$ref":"#/$defs/Mood"}},"required":["on","mood"],"additionalProperties":false}}}`,
		},
		{
			"pydantic: allOf around a $ref, an optional member with its default",
			`{"type":"object","properties":{"a":{"allOf":[{"$ref":"#/$defs/A"}],"description":"x","default":"u"},"b":{"anyOf":[{"type":"integer"},{"type":"null"}],"default":12345678901234567890,"title":"B"}},"$defs":{"A":{"type":"string","enum":["u","v"]}}}`,
			`{"type":"object","properties":{"a":{"$ref":"#/$defs/A"},"b":{"anyOf":[{"type":"integer"},{"type":"null"}],"default":12345678901234567890}},"additionalProperties":false,"$defs":{"A":{"type":"string","enum":["u","v"]}}}`,
		},
		{
			"types that are meant, and lists of one type",
			`{"properties":{"a":{"items":{"type":["boolean"]}},"b":{"enum":["x",1,true,null]},"c":{"type":["string","integer"],"enum":[1,2.5]}},"required":["c","b","a","a"],"additionalProperties":false}`,
			`{"type":"object","properties":{"a":{"type":"array","items":{"type":"boolean"}},"b":{"enum":["x",1,true,null]},"c":{"type":"integer","enum":[1]}},"required":["a","b","c"],"additionalProperties":false}`,
		},
		{
			"an object that says that it is empty",
			`{"type":"object","properties":{"a":{"type":"object","properties":{},"additionalProperties":false}},"required":["a"],"unevaluatedProperties":false}`,
			`{"type":"object","properties":{"a":{"type":"object","properties":{},"additionalProperties":false}},"required":["a"],"additionalProperties":false}`,
		},
		{
			"words are written without blanks, and members may have any name",
			"{\"type\":\"object\",\"properties\":{\"\\u00fc{\":{\"type\":\"number\",\"x-range\": [ 1,\n 2.0 ], \"multipleOf\":0.10},\"required\":{\"type\":\"null\"}},\"required\":[\"ü{\",\"required\"]}",
			`{"type":"object","properties":{"ü{":{"type":"number","description":"x-range: [1,2.0], multipleOf: 0.10"},"required":{"type":"null"}},"required":["ü{","required"],"additionalProperties":false}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clean, ok := outputSchema(jsontext.Value(tt.schema))
			if !ok {
				t.Fatal("refused")
			}
			if diff := cmp.Diff(tt.want, string(clean)); diff != "" {
				t.Error(diff)
			}
			if why := judge.refusal(clean); why != "" {
				t.Errorf("Vertex AI says %s", why)
			}
		})
	}
}

// Schemas whose answers must come from a tool.
func TestOutputSchemaBeyond(t *testing.T) {
	in := func(schema string) string {
		return `{"type":"object","properties":{"a":` + schema + `},"required":["a"]}`
	}
	tests := map[string]string{
		"no object":                 `{"type":"array","items":{"type":"string"}}`,
		"a nullable object":         `{"type":["object","null"],"properties":{"a":{"type":"string"}}}`,
		"a union at the top":        `{"anyOf":[` + in(`{"type":"string"}`) + `]}`,
		"no schema":                 `true`,
		"no JSON":                   `{"type":"object"`,
		"open":                      `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":true}`,
		"open to a schema":          in(`{"type":"object","properties":{"b":{"type":"string"}},"additionalProperties":{"type":"string"}}`),
		"open unless evaluated":     in(`{"type":"object","properties":{"b":{"type":"string"}},"unevaluatedProperties":{}}`),
		"an object of anything":     in(`{"type":"object"}`),
		"without members":           in(`{"type":"object","properties":{}}`),
		"anything":                  in(`{"description":"anything"}`),
		"anything, said by true":    in(`true`),
		"anything, said by null":    in(`null`),
		"a list of anything":        in(`{"type":"array"}`),
		"an unknown type":           in(`{"type":"date"}`),
		"an empty type":             in(`{"type":""}`),
		"a type that is no string":  in(`{"type":1,"properties":{"b":{"type":"string"}}}`),
		"no type at all":            in(`{"type":[]}`),
		"an unknown type of two":    in(`{"type":["string","any"]}`),
		"no value":                  in(`{"enum":[]}`),
		"values of another type":    in(`{"type":"integer","enum":["a"]}`),
		"values that are no scalar": in(`{"enum":["a",{"b":1}]}`),
		"a constant object":         in(`{"const":{}}`),
		"a required member unknown": `{"type":"object","properties":{"a":{"type":"string"}},"required":["b"]}`,
		"recursion":                 `{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}}}}}`,
		"recursion of the root":     `{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}}}`,
		"recursion by two":          `{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`,
		"a $ref to the root":        in(`{"$ref":"#"}`),
		"a $ref elsewhere":          in(`{"$ref":"https://example.com/schema"}`),
		"a $ref to nothing":         in(`{"$ref":"#/$defs/a"}`),
		"a $ref that is no string":  in(`{"$ref":1}`),
		"a tuple":                   in(`{"type":"array","prefixItems":[{"type":"string"}],"items":{"type":"string"}}`),
		"a tuple of old":            in(`{"type":"array","items":[{"type":"string"}]}`),
		"not":                       in(`{"type":"string","not":{"const":"a"}}`),
		"conditions":                in(`{"type":"string","if":{"const":"a"},"then":{"minLength":1}}`),
		"members by pattern":        in(`{"type":"object","properties":{"b":{"type":"string"}},"patternProperties":{"^x":{}}}`),
		"both unions":               in(`{"anyOf":[{"type":"string"}],"oneOf":[{"type":"string"}]}`),
		"a union in an allOf":       in(`{"anyOf":[{"type":"string"}],"allOf":[{"type":"string"},{"type":"string"}]}`),
		"a $ref without a name":     `{"type":"object","properties":{"a":{"$ref":"#/$defs/"}},"$defs":{"":{"type":"string"}}}`,
		"an empty union":            in(`{"anyOf":[]}`),
		"a union beside members":    in(`{"type":"object","properties":{"b":{"type":"string"}},"anyOf":[{"required":["b"]}]}`),
		"a union beside a type":     in(`{"type":"string","anyOf":[{"type":"string"}]}`),
		"an intersection":           in(`{"allOf":[{"type":"string"},{"enum":["a"]}]}`),
		"11 optional members":       `{"type":"object","properties":{` + manyMembers(11) + `}}`,
		"6 optional members twice":  `{"type":"object","properties":{"a":{"$ref":"#/$defs/a"},"b":{"$ref":"#/$defs/a"}},"required":["a","b"],"$defs":{"a":{"type":"object","properties":{` + manyMembers(6) + `}}}}`,
		"17 unions":                 in(`{"anyOf":[` + strings.Repeat(`{"anyOf":[{"type":"string"}]},`, 16) + `{"type":"null"}]}`),
	}
	for name, schema := range tests {
		t.Run(name, func(t *testing.T) {
			if clean, ok := outputSchema(jsontext.Value(schema)); ok {
				t.Errorf("became %s", clean)
			}
		})
	}
}

// The limits themselves are taken.
func TestOutputSchemaLimits(t *testing.T) {
	for _, schema := range []string{
		`{"type":"object","properties":{` + manyMembers(maxOptional) + `}}`,
		`{"type":"object","properties":{"a":{"anyOf":[` + strings.Repeat(`{"anyOf":[{"type":"string"}]},`, maxUnions-1) + `{"type":"null"}]}}}`,
	} {
		if _, ok := outputSchema(jsontext.Value(schema)); !ok {
			t.Errorf("refused %.100s...", schema)
		}
	}
}

// Hostile schemas are refused before they cost anything (cases.md B12).
func TestOutputSchemaHostile(t *testing.T) {
	const levels = 9000
	chain := make([]string, 500) // every definition refers twice to the next
	for i := range chain {
		chain[i] = fmt.Sprintf(`"d%d":{"type":"object","properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}},"required":["a","b"]}`, i, i+1, i+1)
	}
	tests := map[string]string{
		"deep":             strings.Repeat(`{"type":"array","items":`, levels) + `{}` + strings.Repeat(`}`, levels),
		"deep and unequal": strings.Repeat(`{"anyOf":[`, 2000) + `{"type":"null"}` + strings.Repeat(`]}`, 2000),
		"wide":             `{"type":"object","properties":{` + manyMembers(200000) + `}}`,
		"long":             `{"type":"object","properties":{"a":{"enum":["` + strings.Repeat("a", maxSchemaSize) + `"]}}}`,
		"doubling":         `{"$ref":"#/$defs/d0","$defs":{` + strings.Join(chain[:20], ",") + `,"d20":{"type":"null"}}}`,
		"a long chain":     `{"$ref":"#/$defs/d0","$defs":{` + strings.Join(chain, ",") + `,"d500":{"type":"null"}}}`,
	}
	for name, schema := range tests {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			if clean, ok := outputSchema(jsontext.Value(schema)); ok {
				t.Errorf("became %.200s", clean)
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// Whatever the schema, what becomes of it is taken upstream, and is always the same.
func TestOutputSchemas(t *testing.T) {
	judge := newSchemaJudge(t)
	taken := 0
	const cases = 2000
	for seed := range uint64(cases) {
		if judge.try(t, seed) {
			taken++
		}
	}
	if taken < cases/10 {
		t.Errorf("only %d of %d schemas were taken: too few to show anything", taken, cases)
	}
}

func FuzzOutputSchema(f *testing.F) {
	judge := newSchemaJudge(f)
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { judge.try(t, seed) })
}

// FuzzOutputSchemaText: no text makes it panic, and a clean schema stays as it is.
func FuzzOutputSchemaText(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"type":["string","null"],"minLength":1}},"$defs":{"a":{"$ref":"#/$defs/a"}}}`)
	f.Add(`{"$ref":"#/$defs/","$defs":{"":{"type":"object","properties":{"a":{"allOf":[{"$ref":"#/$defs/"}]}}}}}`)
	f.Fuzz(func(t *testing.T, schema string) {
		clean, ok := outputSchema(jsontext.Value(schema))
		if !ok || len(clean) > maxSchemaSize {
			return
		}
		if again, ok := outputSchema(clean); !ok || string(again) != string(clean) {
			t.Errorf("%s\nbecame %s\nand then %s", schema, clean, again)
		}
	})
}

// The schemas of real requests.
func TestOutputSchemaOfRecordings(t *testing.T) {
	requests := openaitest.Recordings(t, func(r *openaitest.Recording) bool { return len(r.Request.Body) > 0 })
	judge := newSchemaJudge(t)
	seen, taken := 0, 0
	for _, r := range requests {
		var body struct {
			Format struct {
				JSONSchema struct{ Schema json.RawMessage } `json:"json_schema"`
			} `json:"response_format"`
			Text struct {
				Format struct{ Schema json.RawMessage }
			}
		}
		if json.Unmarshal(r.Request.Body, &body) != nil {
			continue // a body of another API
		}
		for _, schema := range []json.RawMessage{body.Format.JSONSchema.Schema, body.Text.Format.Schema} {
			if len(schema) == 0 {
				continue
			}
			seen++
			clean, ok := outputSchema(jsontext.Value(schema))
			if !ok {
				t.Logf("%s is beyond structured output: %.300s", r.ID, schema)
				continue
			}
			taken++
			if why := judge.refusal(clean); why != "" {
				t.Errorf("%s: Vertex AI says %s\n%s", r.ID, why, clean)
			}
		}
	}
	t.Logf("%d schemas seen, %d taken", seen, taken)
	if seen < 20 || taken < seen*2/3 {
		t.Errorf("%d schemas seen, %d taken", seen, taken)
	}
}

func manyMembers(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"m%d":{"type":"string"}`, i)
	}
	return strings.Join(all, ",")
}

// A schemaJudge asks the emulator, which has the rules of structured output from elsewhere.
type schemaJudge struct {
	server *fakevertex.Server
	path   string
}

func newSchemaJudge(tb testing.TB) *schemaJudge {
	tb.Helper()
	server := fakevertex.New(fakevertex.Options{})
	tb.Cleanup(func() { server.Close() })
	for _, m := range catalogue.Builtin().Models() {
		if m.Accepts.StructuredOutputs {
			return &schemaJudge{server, "/v1/projects/p/locations/" + m.Locations[0] + "/publishers/anthropic/models/" + m.ID + ":rawPredict"}
		}
	}
	tb.Fatal("no model has structured output")
	return nil
}

// refusal is what is said against an output schema; empty: nothing.
func (j *schemaJudge) refusal(schema jsontext.Value) string {
	body := `{"anthropic_version":"vertex-2023-10-16","max_tokens":1000,"messages":[{"role":"user","content":"a"}],"output_config":{"format":{"type":"json_schema","schema":` + string(schema) + `}}}`
	r := httptest.NewRequest(http.MethodPost, j.path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	j.server.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Sprintf("%d %s", w.Code, w.Body)
	}
	return ""
}

// try sends what becomes of a seed's schema and tells whether anything does.
func (j *schemaJudge) try(t *testing.T, seed uint64) bool {
	t.Helper()
	schema, err := json.Marshal(schemas{rand.New(rand.NewPCG(seed, 2))}.root())
	if err != nil {
		t.Fatal(err)
	}
	clean, ok := outputSchema(schema)
	if again, okAgain := outputSchema(schema); ok != okAgain || string(clean) != string(again) {
		t.Errorf("seed %d: %s\nand then %s", seed, clean, again)
	}
	if !ok {
		return false
	}
	if why := j.refusal(clean); why != "" {
		t.Errorf("seed %d: %s\nclient sent %s\nschema was %s", seed, why, schema, clean)
	}
	return true
}

// schemas makes JSON Schemas, most of them sound.
type schemas struct{ *rand.Rand }

type anyObject = map[string]any

func (s schemas) pick(from ...any) any { return from[s.IntN(len(from))] }

func (s schemas) oneIn(n int) bool { return s.IntN(n) == 0 }

func (s schemas) root() any {
	if s.oneIn(20) {
		return s.schema(0)
	}
	top := s.object(0)
	for _, word := range definitionWords {
		definitions := anyObject{}
		for _, name := range []string{"a", "b/c"} {
			definitions[name] = s.schema(2)
		}
		top[word] = definitions
	}
	if s.oneIn(10) {
		return anyObject{"$ref": "#/$defs/root", "$defs": anyObject{"root": top, "a": s.schema(2)}}
	}
	return top
}

func (s schemas) schema(depth int) any {
	kinds := 9
	if depth > 3 {
		kinds = 5
	}
	var schema anyObject
	switch s.IntN(kinds) {
	case 0, 1:
		schema = s.text()
	case 2:
		schema = anyObject{"type": s.pick("integer", "number", "boolean", "null")}
	case 3:
		schema = anyObject{"enum": s.pick([]any{"a", "b"}, []any{"a", nil}, []any{1, 2.5, true})}
	case 4:
		schema = anyObject{"$ref": s.pick("#/$defs/a", "#/$defs/b~1c", "#/definitions/a", "#/definitions/b~1c")}
	case 5:
		schema = anyObject{"type": "array", "items": s.schema(depth + 1), "minItems": s.IntN(4)}
	case 6:
		schema = anyObject{s.pick("anyOf", "oneOf").(string): []any{s.schema(depth + 1), s.schema(depth + 1)}}
	default:
		schema = s.object(depth)
	}
	return s.decorated(schema)
}

func (s schemas) text() anyObject {
	schema := anyObject{"type": s.pick("string", "string", []any{"string", "null"}, []any{"integer", "string", "boolean"})}
	switch s.IntN(5) {
	case 0:
		schema["format"] = s.pick("date", "uuid", "int32", "regex", 1)
	case 1:
		schema["pattern"] = s.pick("^a+$", `\bword\b`, "^(?=a)", `(a)\1`, "[", "(?i)a", "\\p{Greek}", 1)
	case 2:
		schema["enum"] = s.pick([]any{"x", "y", nil}, []any{"x", 1}, []any{})
	case 3:
		schema["const"] = s.pick("x", nil, 3)
	}
	return schema
}

func (s schemas) object(depth int) anyObject {
	properties, required := anyObject{}, []any{}
	for i := range 1 + s.IntN(3) {
		name := s.pick("a", "b", "ü", "$ref", "type", "{").(string)
		if _, twice := properties[name]; twice {
			continue
		}
		properties[name] = s.schema(depth + 1)
		if i > 0 || s.oneIn(2) {
			required = append(required, name)
		}
	}
	schema := anyObject{"type": "object", "properties": properties, "required": required}
	if s.oneIn(3) {
		schema["additionalProperties"] = false
	}
	return schema
}

// decorated adds what may stand beside anything.
func (s schemas) decorated(schema anyObject) anyObject {
	for _, d := range []struct {
		name  string
		rare  int
		value any
	}{
		{"description", 3, "about it"}, {"title", 3, "T"}, {"default", 4, s.pick(nil, 1, "a", anyObject{})}, {"$schema", 9, "x"}, {"examples", 9, []any{1}},
		{"minimum", 6, 1}, {"maxLength", 6, 3}, {"pattern", 9, "^a$"}, {"format", 9, "date"}, {"minItems", 9, 1}, {"nullable", 9, true}, {"x-y", 9, anyObject{"a": 1}},
		{"discriminator", 9, anyObject{"propertyName": "a"}}, {"not", 60, anyObject{}}, {"additionalProperties", 60, true}, {"type", 60, s.pick("object", "string", "x", 1)}, {"allOf", 40, []any{anyObject{"type": "string"}}},
		{"$ref", 60, s.pick("#", "#/$defs/a", "x", 1)}, {"items", 60, s.pick([]any{}, true)}, {"properties", 60, anyObject{}}, {"required", 60, s.pick([]any{"z"}, true)},
	} {
		if s.oneIn(d.rare) {
			schema[d.name] = d.value
		}
	}
	return schema
}
