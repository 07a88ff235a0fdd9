package fakevertex

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxDepth is how deep an instance goes: a schema that must be deeper has none.
	maxDepth = 64
	// turnDepth is where alternatives that end a recursion are taken.
	turnDepth = 6
	// maxValues bounds the work for schemas that refer to themselves.
	maxValues = 10_000
)

// A maker makes instances of JSON schemas: as small as the schema allows, with sample for
// texts that may be anything.
type maker struct {
	root   map[string]any
	sample string
	left   *int // schemas that may still be looked at
}

// instance returns a JSON value that fits the schema.
func instance(schema jsontext.Value, sample string) []byte {
	var root map[string]any
	if json.Unmarshal(schema, &root) != nil {
		return []byte("{}")
	}
	value := maker{root, clip(sample, 60), new(maxValues)}.value(root, 0)
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
	if !ok || depth > maxDepth || *m.left < 0 {
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
	if *m.left--; *m.left < 0 || depth > maxDepth {
		return s
	}
	for range maxDepth {
		ref, ok := s["$ref"].(string)
		if !ok {
			break
		}
		s = merged(without(s, "$ref"), m.resolve(ref))
	}
	if all, ok := s["allOf"].([]any); ok {
		s = without(s, "allOf")
		for _, one := range all {
			part, _ := one.(map[string]any)
			s = merged(s, m.flat(part, depth+1))
		}
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if all, ok := s[word].([]any); ok && len(all) > 0 {
			return m.flat(merged(without(s, word), choose(all, depth)), depth+1)
		}
	}
	return s
}

// choose takes the first alternative, but one without parts where a recursion must end.
func choose(all []any, depth int) any {
	if depth < turnDepth {
		return all[0]
	}
	for _, one := range all {
		if s, ok := one.(map[string]any); ok && isLeaf(s) {
			return one
		}
	}
	return all[0]
}

// isLeaf reports whether instances have no parts.
func isLeaf(s map[string]any) bool {
	for _, word := range []string{"$ref", "allOf", "anyOf", "oneOf"} {
		if s[word] != nil {
			return false
		}
	}
	kind := typeOf(s)
	return kind != "object" && kind != "array"
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

// merged is the schema of what fits both.
func merged(a map[string]any, other any) map[string]any {
	b, ok := other.(map[string]any)
	if !ok {
		return a
	}
	sum := without(a, "")
	for k, v := range b {
		was, both := sum[k]
		if both {
			v = meet(k, was, v)
		}
		sum[k] = v
	}
	return sum
}

// meet is what a keyword says where two schemas have it.
func meet(word string, a, b any) any {
	switch word {
	case "required", "allOf":
		return append(slices.Clip(listed(a)), listed(b)...)
	case "enum", "type":
		return slices.DeleteFunc(slices.Clone(listed(a)), func(one any) bool {
			return !slices.ContainsFunc(listed(b), func(other any) bool { return reflect.DeepEqual(one, other) })
		})
	}
	switch a := a.(type) {
	case map[string]any:
		return merged(a, b)
	case float64:
		if n, ok := b.(float64); ok && (strings.HasPrefix(word, "m") || strings.HasPrefix(word, "exclusive")) {
			return stricter(word, a, n)
		}
	}
	return b
}

func stricter(word string, a, b float64) float64 {
	if strings.Contains(strings.ToLower(word), "max") {
		return min(a, b)
	}
	return max(a, b)
}

// listed is a list as it is, and anything else as a list of its own.
func listed(v any) []any {
	if all, ok := v.([]any); ok {
		return all
	}
	return []any{v}
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

func (m maker) text(s map[string]any) any {
	if format, _ := s["format"].(string); formats[format] != "" {
		return formats[format]
	}
	low, high := int(bound(s, "minLength", 0)), int(bound(s, "maxLength", math.MaxInt32))
	if pattern, ok := s["pattern"].(string); ok {
		return matching(pattern, m.sample, low, high)
	}
	text := m.sample
	if n := utf8.RuneCountInString(text); n < low {
		text += strings.Repeat("x", min(low, 1<<16)-n)
	}
	if utf8.RuneCountInString(text) > high {
		text = string([]rune(text)[:max(high, 0)])
	}
	return text
}
