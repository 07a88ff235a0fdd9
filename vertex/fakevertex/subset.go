package fakevertex

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// subset are the keywords that native structured outputs know, by type; "" is every type
// (openai-claude.md A.8).
var subset = map[string][]string{
	"":        {"type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions", "default", "description", "title", "$schema", "$id", "$comment", "examples"},
	"object":  {"properties", "required", "additionalProperties"},
	"array":   {"items", "minItems", "prefixItems"},
	"string":  {"format", "pattern"},
	"integer": {},
	"number":  {},
	"boolean": {},
	"null":    {},
}

// A subsetter checks that a schema stays within the subset.
type subsetter struct {
	root map[string]any
	load *load
}

// A load is what makes the schemas of a request costly to compile.
type load struct {
	schemas  int // with those inside, each counted wherever it is referred to
	optional int // properties
	unions   int // properties of several types
}

// The limits are those of openai-claude.md A.8, but for the first, which bounds our work.
const (
	maxSchemas  = 10_000
	maxOptional = 24
	maxUnions   = 16
)

// checkLoad comes when all schemas were walked.
func (i *inspection) checkLoad() *refusal {
	if l := i.load; l.schemas > maxSchemas || l.optional > maxOptional || l.unions > maxUnions {
		return refuse("Schema is too complex for compilation.")
	}
	return nil
}

// checkSubset refuses a schema that structured outputs and strict tools do not know, and
// adds what it costs to sum.
func checkSubset(schema jsontext.Value, sum *load) *refusal {
	var root map[string]any
	if json.Unmarshal(schema, &root) != nil {
		return refuse("Input should be a valid dictionary")
	}
	return (&subsetter{root, sum}).check(root, nil)
}

// check walks a schema; open are the references it was reached by.
func (s *subsetter) check(v any, open []string) *refusal {
	schema, ok := v.(map[string]any)
	if !ok {
		return refuse("Schema must be an object")
	}
	if s.load.schemas++; s.load.schemas > maxSchemas {
		return nil // enough is known
	}
	if ref, ok := schema["$ref"].(string); ok {
		return s.follow(ref, open)
	}
	types, r := s.types(schema)
	if r != nil {
		return r
	}
	if r := checkKeywords(schema, types); r != nil {
		return r
	}
	for _, word := range []string{"anyOf", "allOf"} {
		all, _ := schema[word].([]any)
		if word == "anyOf" && len(all) > 0 {
			s.load.unions++
		}
		for _, one := range all {
			if part, _ := one.(map[string]any); word == "allOf" && part["$ref"] != nil {
				return refuse("allOf with $ref is not supported")
			}
			if r := s.check(one, open); r != nil {
				return r
			}
		}
	}
	return s.inside(schema, open)
}

func (s *subsetter) types(schema map[string]any) ([]string, *refusal) {
	switch t := schema["type"].(type) {
	case nil:
		return nil, nil
	case string:
		if _, ok := subset[t]; !ok || t == "" {
			return nil, refuse("Unsupported type '%s'", t)
		}
		return []string{t}, nil
	case []any:
		s.load.unions++
		var all []string
		for _, one := range t {
			all = append(all, fmt.Sprint(one))
		}
		return all, nil
	}
	return nil, refuse("'type' must be a string or a list of strings")
}

func checkKeywords(schema map[string]any, types []string) *refusal {
	for _, word := range sortedKeys(schema) {
		known := slices.Contains(subset[""], word)
		for _, t := range types {
			known = known || slices.Contains(subset[t], word)
		}
		if !known && len(types) == 0 {
			return refuse("property '%s' is not supported", word)
		}
		if !known {
			return refuse("For '%s' type, property '%s' is not supported", types[0], word)
		}
	}
	if slices.Contains(types, "object") && schema["additionalProperties"] != false {
		return refuse("For 'object' type, 'additionalProperties' must be explicitly set to false")
	}
	if n, ok := schema["minItems"].(float64); ok && n > 1 {
		return refuse("For 'array' type, 'minItems' values other than 0 or 1 are not supported")
	}
	if f, ok := schema["format"].(string); ok && formats[f] == "" {
		return refuse("For 'string' type, format '%s' is not supported", f)
	}
	return checkPattern(schema)
}

func checkPattern(schema map[string]any) *refusal {
	pattern, _ := schema["pattern"].(string)
	if _, err := regexp.Compile(pattern); err != nil || strings.Contains(pattern, `\b`) {
		return refuse("For 'string' type, pattern '%s' is not supported", pattern)
	}
	enum, _ := schema["enum"].([]any)
	for _, one := range enum {
		switch one.(type) {
		case map[string]any, []any:
			return refuse("'enum' values must be scalars")
		}
	}
	return nil
}

// inside checks what an object or a list holds.
func (s *subsetter) inside(schema map[string]any, open []string) *refusal {
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	s.load.optional += max(0, len(properties)-len(required))
	for _, name := range sortedKeys(properties) {
		if r := s.check(properties[name], open); r != nil {
			return r
		}
	}
	if items, ok := schema["items"]; ok {
		return s.check(items, open)
	}
	return nil
}

func (s *subsetter) follow(ref string, open []string) *refusal {
	if !strings.HasPrefix(ref, "#") {
		return refuse("External $ref '%s' is not supported", ref)
	}
	if slices.Contains(open, ref) || len(open) > 1 && ref == "#" {
		return refuse("Circular reference detected in schema definitions: %s", ref)
	}
	target := maker{root: s.root}.resolve(ref)
	if target == nil {
		return refuse("$ref '%s' cannot be resolved", ref)
	}
	return s.check(target, append(slices.Clip(open), ref))
}
