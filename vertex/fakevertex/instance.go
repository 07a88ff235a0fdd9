package fakevertex

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep an instance goes before optional parts are left out; a schema that
// must be deeper has no instance.
const maxDepth = 12

// A maker makes instances of JSON schemas: as small as the schema allows, with sample for
// texts that may be anything.
type maker struct {
	root   map[string]any
	sample string
}

// instance returns a JSON value that fits the schema.
func instance(schema jsontext.Value, sample string) []byte {
	var root map[string]any
	if json.Unmarshal(schema, &root) != nil {
		return []byte("{}")
	}
	value := maker{root, clip(sample, 60)}.value(root, 0)
	text, _ := json.Marshal(value, json.Deterministic(true))
	return text
}

// clip cuts s to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// members is an object that keeps its order.
type members []member

type member struct {
	name  string
	value any
}

// MarshalJSONTo writes the members as they stand.
func (m members) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, one := range m {
		if err := enc.WriteToken(jsontext.String(one.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(enc, one.value); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

func (m maker) value(schema any, depth int) any {
	s, ok := schema.(map[string]any)
	if !ok || depth > maxDepth {
		return nil
	}
	s = m.flat(s, depth)
	if v, ok := s["const"]; ok {
		return v
	}
	if all, ok := s["enum"].([]any); ok && len(all) > 0 {
		return all[0]
	}
	switch typeOf(s) {
	case "object":
		return m.object(s, depth)
	case "array":
		return m.array(s, depth)
	case "integer", "number":
		return numberFor(s)
	case "boolean":
		return true
	case "null":
		return nil
	}
	return m.text(s)
}

// flat resolves references and alternatives: what is left says all by itself.
func (m maker) flat(s map[string]any, depth int) map[string]any {
	for range maxDepth {
		ref, ok := s["$ref"].(string)
		if !ok {
			break
		}
		s = merged(without(s, "$ref"), m.resolve(ref))
	}
	if all, ok := s["allOf"].([]any); ok {
		s = without(s, "allOf")
		for _, part := range all {
			s = merged(s, part)
		}
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if all, ok := s[word].([]any); ok && len(all) > 0 {
			return m.flat(merged(without(s, word), m.choose(all, depth)), depth)
		}
	}
	return s
}

// choose takes the first alternative, but null where a recursion must end.
func (m maker) choose(all []any, depth int) any {
	if depth < maxDepth/2 {
		return all[0]
	}
	for _, one := range all {
		if s, ok := one.(map[string]any); ok && s["type"] == "null" {
			return one
		}
	}
	return all[0]
}

func without(s map[string]any, name string) map[string]any {
	rest := make(map[string]any, len(s))
	for k, v := range s {
		if k != name {
			rest[k] = v
		}
	}
	return rest
}

// merged is a with what b adds: properties and required of both.
func merged(a map[string]any, other any) map[string]any {
	b, ok := other.(map[string]any)
	if !ok {
		return a
	}
	sum := without(a, "")
	for k, v := range b {
		switch was := sum[k].(type) {
		case map[string]any:
			sum[k] = merged(was, v)
		case []any:
			more, _ := v.([]any)
			sum[k] = append(slices.Clip(was), more...)
		default:
			sum[k] = v
		}
	}
	return sum
}

// resolve follows a reference into the same schema.
func (m maker) resolve(ref string) any {
	var at any = m.root
	rest, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	for step := range strings.SplitSeq(strings.TrimPrefix(rest, "/"), "/") {
		if step == "" {
			continue
		}
		s, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = s[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	return at
}

// typeOf is the first type that the schema allows.
func typeOf(s map[string]any) string {
	switch t := s["type"].(type) {
	case string:
		return t
	case []any:
		if len(t) > 0 {
			first, _ := t[0].(string)
			return first
		}
	}
	switch {
	case s["properties"] != nil || s["required"] != nil:
		return "object"
	case s["items"] != nil:
		return "array"
	case s["minimum"] != nil || s["maximum"] != nil:
		return "number"
	}
	return "string"
}

func (m maker) object(s map[string]any, depth int) any {
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	var all members
	seen := map[string]bool{}
	for _, name := range required {
		name, _ := name.(string)
		if seen[name] {
			continue
		}
		seen[name] = true
		all = append(all, member{name, m.value(properties[name], depth+1)})
	}
	return all
}

func (m maker) array(s map[string]any, depth int) any {
	all := []any{}
	prefix, _ := s["prefixItems"].([]any)
	for _, one := range prefix {
		all = append(all, m.value(one, depth+1))
	}
	for n := bound(s, "minItems", 0); len(all) < int(n) && len(all) < 100; {
		all = append(all, m.value(s["items"], depth+1))
	}
	return all
}

func bound(s map[string]any, name string, otherwise float64) float64 {
	if n, ok := s[name].(float64); ok {
		return n
	}
	return otherwise
}

// numberFor is the number nearest to 1 that the schema allows; it is whole where it can be.
func numberFor(s map[string]any) any {
	low := max(bound(s, "minimum", math.Inf(-1)), bound(s, "exclusiveMinimum", math.Inf(-1)))
	high := min(bound(s, "maximum", math.Inf(1)), bound(s, "exclusiveMaximum", math.Inf(1)))
	step := bound(s, "multipleOf", 1)
	n := math.Ceil(max(low, min(1, high))/step) * step
	if n == bound(s, "exclusiveMinimum", math.NaN()) {
		n += step
	}
	if n > high || n == bound(s, "exclusiveMaximum", math.NaN()) {
		n = math.Floor(high/step) * step
		if n == bound(s, "exclusiveMaximum", math.NaN()) {
			n -= step
		}
	}
	if n < low || n == bound(s, "exclusiveMinimum", math.NaN()) {
		n = (low + high) / 2
	}
	if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
		return int64(n)
	}
	return n
}

var formats = map[string]string{
	"date-time": "2026-11-22T12:00:00Z",
	"date":      "2026-11-22",
	"time":      "12:00:00Z",
	"duration":  "PT1H",
	"email":     "someone@example.com",
	"hostname":  "example.com",
	"uri":       "https://example.com/",
	"ipv4":      "192.0.2.1",
	"ipv6":      "2001:db8::1",
	"uuid":      "123e4567-e89b-42d3-a456-426614174000",
}

// samples are tried where a pattern must be met.
var samples = []string{"a", "A", "1", "ab", "abc", "AB", "ABC", "12", "123", "1234", "12345", "2026-11-22", "12:00", "a1", "A1", "a-b", "a_b", "a@example.com", "https://example.com/", "+15550100", "#aabbcc", "1.0.0"}

func (m maker) text(s map[string]any) any {
	if format, _ := s["format"].(string); formats[format] != "" {
		return formats[format]
	}
	if pattern, ok := s["pattern"].(string); ok {
		return matching(pattern, m.sample)
	}
	text := m.sample
	for low := int(bound(s, "minLength", 0)); utf8.RuneCountInString(text) < low && low < 1<<16; {
		text += "x"
	}
	if high := int(bound(s, "maxLength", math.MaxInt32)); utf8.RuneCountInString(text) > high {
		text = string([]rune(text)[:max(high, 0)])
	}
	return text
}

func matching(pattern, sample string) string {
	expr, err := regexp.Compile(pattern)
	if err != nil || expr.MatchString(sample) {
		return sample
	}
	for _, one := range samples {
		if expr.MatchString(one) {
			return one
		}
	}
	return sample
}
