package fakevertex

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestInstances(t *testing.T) {
	tests := []struct{ name, schema, want string }{
		{"nothing required", `{"type":"object","properties":{"a":{"type":"string"}}}`, `{}`},
		{"order", `{"type":"object","properties":{"a":{"type":"boolean"},"b":{"type":"null"}},"required":["b","a"]}`, `{"b":null,"a":true}`},
		{"const and enum", `{"type":"object","properties":{"a":{"const":7},"b":{"enum":["x","y"]}},"required":["a","b"]}`, `{"a":7,"b":"x"}`},
		{"alternatives", `{"type":"object","properties":{"a":{"anyOf":[{"type":"integer"},{"type":"null"}]}},"required":["a"]}`, `{"a":1}`},
		{"all of", `{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"boolean"}},"required":["b"]}]}`, `{"a":1,"b":true}`},
		{"reference", `{"type":"object","properties":{"a":{"$ref":"#/$defs/n"}},"required":["a"],"$defs":{"n":{"type":"integer","minimum":5}}}`, `{"a":5}`},
		{"recursion", `{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["next"]}`, `{"next":{"next":{"next":{"next":{"next":{"next":null}}}}}}`},
		{"numbers", `{"type":"object","properties":{"a":{"type":"integer","exclusiveMinimum":3},"b":{"type":"number","maximum":-2},"c":{"type":"integer","multipleOf":4},"d":{"type":"number","minimum":0.25,"maximum":0.5}},"required":["a","b","c","d"]}`, `{"a":4,"b":-2,"c":4,"d":0.375}`},
		{"texts", `{"type":"object","properties":{"a":{"type":"string","maxLength":3},"b":{"type":"string","minLength":10},"c":{"type":"string","format":"date"},"d":{"type":"string","pattern":"^[0-9]{4}$"}},"required":["a","b","c","d"]}`, `{"a":"sam","b":"samplexxxx","c":"2026-11-22","d":"1111"}`},
		{"lists", `{"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}},"b":{"type":"array","items":{"type":"integer"},"minItems":2}},"required":["a","b"]}`, `{"a":[],"b":[1,1]}`},
		{"pattern of some length", `{"type":"object","properties":{"a":{"type":"string","pattern":"^[A-Z]{2}-\\d+(x|y)?$","minLength":6}},"required":["a"]}`, `{"a":"AA-11x"}`},
		{"pattern of no great length", `{"type":"object","properties":{"a":{"type":"string","pattern":".+","maxLength":3}},"required":["a"]}`, `{"a":"a"}`},
		{"enum of both", `{"type":"object","properties":{"a":{"enum":["x","y"],"anyOf":[{"enum":["z","y"]}]}},"required":["a"]}`, `{"a":"y"}`},
		{"all of references", `{"type":"object","properties":{"a":{"allOf":[{"$ref":"#/$defs/n"},{"$ref":"#/$defs/m"}]}},"required":["a"],"$defs":{"n":{"type":"integer","minimum":5},"m":{"minimum":7}}}`, `{"a":7}`},
		{"tree", `{"type":"object","properties":{"a":{"$ref":"#/$defs/t"}},"required":["a"],"$defs":{"t":{"anyOf":[{"type":"array","items":{"$ref":"#/$defs/t"},"minItems":1},{"type":"boolean"}]}}}`, `{"a":[[[[[true]]]]]}`},
		{"several types", `{"type":"object","properties":{"a":{"type":["integer","null"]}},"required":["a"]}`, `{"a":1}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, string(instance([]byte(test.schema), "sample"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestInstancesOfHostileSchemas: what has no instance, or a huge one, costs little.
func TestInstancesOfHostileSchemas(t *testing.T) {
	const pair = `"aI":{"type":"object","properties":{"x":{"$ref":"#/$defs/aN"},"y":{"$ref":"#/$defs/aN"}},"required":["x","y"],"additionalProperties":false}`
	pairs := []string{`"a40":{"type":"null"}`}
	for i := range 40 {
		pairs = append(pairs, strings.NewReplacer("I", strconv.Itoa(i), "N", strconv.Itoa(i+1)).Replace(pair))
	}
	wide := `{"$ref":"#/$defs/a0","$defs":{` + strings.Join(pairs, ",") + `}}`
	for _, schema := range []string{
		`{"anyOf":[{"$ref":"#"}]}`,
		`{"allOf":[{"$ref":"#"},{"$ref":"#"}]}`,
		`{"$ref":"#"}`,
		`{"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}},"required":["a","b"]}`,
		`{"type":"string","pattern":"((((((a+)+)+)+)+)+)+b{900}","minLength":9e12}`,
		wide,
	} {
		if got := instance([]byte(schema), "sample"); !json.Valid(got) || len(got) > 1<<20 {
			t.Errorf("%.60s: %d bytes", schema, len(got))
		}
	}
	s := New(Options{})
	res, text := post(t, s, pathOf("global", opus5, "rawPredict"), hello(raw(`{"output_config": {"format": {"type": "json_schema", "schema": `+wide+`}}}`)))
	if got := complaint(t, text); got != "Schema is too complex for compilation." {
		t.Errorf("%s: %s", res.Status, got)
	}
}

// TestInstancesFit holds instances of many schemas against a checker of its own.
func TestInstancesFit(t *testing.T) {
	for seed := range uint64(3000) {
		s := schemer{rand.New(rand.NewPCG(seed, 1)), seed%2 == 0}
		root := s.object(0)
		root["$defs"] = map[string]any{"name": s.leaf(), "pair": s.object(3)}
		text, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		if r := checkSubset(text, new(load)); s.strict && r != nil {
			t.Fatalf("seed %d: %v: %s", seed, r, text)
		}
		var value any
		if err := json.Unmarshal(instance(text, "Grüße 📐"), &value); err != nil {
			t.Fatal(err)
		}
		if why := misfit(root, root, value); why != "" {
			t.Fatalf("seed %d: %s\nschema %s\nvalue %v", seed, why, text, value)
		}
	}
}

// A schemer makes schemas; a strict one those of the subset only.
type schemer struct {
	*rand.Rand
	strict bool
}

func (s schemer) any(depth int) map[string]any {
	if depth > 4 {
		return s.leaf()
	}
	switch s.IntN(8) {
	case 0:
		return s.object(depth)
	case 1:
		return map[string]any{"type": "array", "items": s.any(depth + 1), "minItems": float64(s.IntN(2))}
	case 2:
		return map[string]any{"anyOf": []any{s.any(depth + 1), s.leaf()}}
	case 3:
		return map[string]any{"$ref": "#/$defs/" + []string{"name", "pair"}[min(s.IntN(2), max(0, 3-depth))]}
	}
	return s.leaf()
}

func (s schemer) object(depth int) map[string]any {
	properties, required := map[string]any{}, []any{}
	for i := range s.IntN(4) {
		name := string(rune('a' + i))
		if depth >= 3 {
			properties[name] = s.leaf()
		} else {
			properties[name] = s.any(depth + 1)
		}
		if s.IntN(3) > 0 {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func (s schemer) leaf() map[string]any {
	text := map[string]any{"type": "string"}
	switch s.IntN(9) {
	case 0:
		return map[string]any{"type": "boolean"}
	case 1:
		return map[string]any{"type": []any{"null", "integer"}}
	case 2:
		return map[string]any{"enum": []any{"b", 2.0, nil}}
	case 3:
		return map[string]any{"const": "é"}
	case 4:
		text["format"] = sortedKeys(formats)[s.IntN(len(formats))]
	case 5:
		text["pattern"] = []string{`^[a-f0-9]{8}$`, `^\+\d{1,3} \d+$`, `^(x|yz)*w$`, `^\p{Lu}[^a-z]?$`}[s.IntN(4)]
	case 6:
		return s.number()
	case 7:
		if !s.strict {
			text["minLength"], text["maxLength"] = float64(s.IntN(9)), float64(9+s.IntN(9))
		}
	}
	return text
}

func (s schemer) number() map[string]any {
	if s.strict {
		return map[string]any{"type": "number"}
	}
	low := float64(s.IntN(20) - 10)
	return map[string]any{"type": "integer", "minimum": low, "maximum": low + float64(s.IntN(4))}
}

// misfit says why the value is no instance of the schema; empty: it is one.
func misfit(root, schema map[string]any, value any) string {
	if ref, ok := schema["$ref"].(string); ok {
		defs := root["$defs"].(map[string]any)
		return misfit(root, defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), value)
	}
	if all, ok := schema["anyOf"].([]any); ok {
		if !slices.ContainsFunc(all, func(one any) bool { return misfit(root, one.(map[string]any), value) == "" }) {
			return fmt.Sprintf("%v fits no alternative", value)
		}
	}
	if all, ok := schema["enum"].([]any); ok && !slices.Contains(all, value) {
		return fmt.Sprintf("%v is none of %v", value, all)
	}
	if want, ok := schema["const"]; ok && !reflect.DeepEqual(want, value) {
		return fmt.Sprintf("%v is not %v", value, want)
	}
	if kind, ok := schema["type"]; ok && !slices.ContainsFunc(listed(kind), func(one any) bool { return isOf(one.(string), value) }) {
		return fmt.Sprintf("%v is no %v", value, kind)
	}
	switch value := value.(type) {
	case string:
		return misfitText(schema, value)
	case float64:
		if value < bound(schema, "minimum", value) || value > bound(schema, "maximum", value) {
			return fmt.Sprintf("%v is out of bounds", value)
		}
	}
	return misfitParts(root, schema, value)
}

func isOf(kind string, value any) bool {
	switch value := value.(type) {
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case nil:
		return kind == "null"
	case float64:
		return kind == "number" || kind == "integer" && value == float64(int(value))
	case []any:
		return kind == "array"
	}
	return kind == "object"
}

func misfitText(schema map[string]any, value string) string {
	pattern, _ := schema["pattern"].(string)
	if !regexp.MustCompile(pattern).MatchString(value) {
		return fmt.Sprintf("%q does not match %s", value, pattern)
	}
	if n := float64(utf8.RuneCountInString(value)); n < bound(schema, "minLength", n) || n > bound(schema, "maxLength", n) {
		return fmt.Sprintf("%q has the wrong length", value)
	}
	if format, ok := schema["format"].(string); ok && value != formats[format] {
		return fmt.Sprintf("%q is no %s", value, format)
	}
	return ""
}

func misfitParts(root, schema map[string]any, value any) string {
	items, typed := schema["items"].(map[string]any)
	if all, ok := value.([]any); ok && typed {
		if float64(len(all)) < bound(schema, "minItems", 0) {
			return "too few items"
		}
		for _, one := range all {
			if why := misfit(root, items, one); why != "" {
				return why
			}
		}
	}
	members, ok := value.(map[string]any)
	if !ok || schema["properties"] == nil {
		return ""
	}
	for _, name := range schema["required"].([]any) {
		if _, ok := members[name.(string)]; !ok {
			return fmt.Sprintf("%v is missing", name)
		}
	}
	for name, member := range members {
		property, ok := schema["properties"].(map[string]any)[name].(map[string]any)
		if !ok {
			return name + " is too much"
		}
		if why := misfit(root, property, member); why != "" {
			return why
		}
	}
	return ""
}
