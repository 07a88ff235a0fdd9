package fakevertex

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A shape says whether a decoded JSON value has a form, in the words of the API (which are
// those of the Python library pydantic).
type shape func(v any) *refusal

type field struct {
	name     string
	required bool
	shape    shape
}

func must(name string, s shape) field { return field{name, true, s} }
func may(name string, s shape) field  { return field{name, false, s} }

// object has these fields and no others.
func object(fields ...field) shape {
	listed := loose(fields...)
	return func(v any) *refusal {
		if r := listed(v); r != nil {
			return r
		}
		m, known := v.(map[string]any), 0
		for _, f := range fields {
			if _, present := m[f.name]; present {
				known++
			}
		}
		if known < len(m) {
			return refuse("Extra inputs are not permitted").under(extra(m, fields))
		}
		return nil
	}
}

// loose has these fields, and any others.
func loose(fields ...field) shape {
	return func(v any) *refusal {
		m, ok := v.(map[string]any)
		if !ok {
			return refuse("Input should be a valid dictionary")
		}
		for _, f := range fields {
			value, present := m[f.name]
			if !present && f.required {
				return refuse("Field required").under(f.name)
			}
			if !present {
				continue
			}
			if r := f.shape(value); r != nil {
				return r.under(f.name)
			}
		}
		return nil
	}
}

func extra(m map[string]any, fields []field) string {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }) {
			return name
		}
	}
	return ""
}

// tagged is an object whose field type tells which of these it is.
func tagged(kinds map[string]shape) shape { return taggedBy("type", kinds) }

// taggedBy is an object one of whose fields tells which of these it is.
func taggedBy(field string, kinds map[string]shape) shape {
	return func(v any) *refusal {
		m, ok := v.(map[string]any)
		if !ok {
			return refuse("Input should be a valid dictionary")
		}
		tag, ok := m[field]
		if !ok {
			return refuse("Field required").under(field)
		}
		name, _ := tag.(string)
		kind, ok := kinds[name]
		if !ok {
			return refuse("Input tag '%v' found using '%s' does not match any of the expected tags: %s", tag, field, quotedList(slices.Sorted(maps.Keys(kinds))))
		}
		if r := kind(v); r != nil {
			return r.under(name)
		}
		return nil
	}
}

// kind is an object of tagged with these fields besides its type.
func kind(fields ...field) shape { return object(append(fields, must("type", text))...) }

func quotedList(words []string) string { return "'" + strings.Join(words, "', '") + "'" }

func list(of shape) shape {
	return func(v any) *refusal {
		items, ok := v.([]any)
		if !ok {
			return refuse("Input should be a valid list")
		}
		for i, item := range items {
			if r := of(item); r != nil {
				return r.underIndex(i)
			}
		}
		return nil
	}
}

// textOr takes a string or s.
func textOr(s shape) shape {
	return func(v any) *refusal {
		if _, ok := v.(string); ok {
			return nil
		}
		return s(v)
	}
}

func nullable(s shape) shape {
	return func(v any) *refusal {
		if v == nil {
			return nil
		}
		return s(v)
	}
}

func text(v any) *refusal {
	if _, ok := v.(string); !ok {
		return refuse("Input should be a valid string")
	}
	return nil
}

func boolean(v any) *refusal {
	if _, ok := v.(bool); !ok {
		return refuse("Input should be a valid boolean")
	}
	return nil
}

func dictionary(v any) *refusal {
	if _, ok := v.(map[string]any); !ok {
		return refuse("Input should be a valid dictionary")
	}
	return nil
}

func anything(any) *refusal { return nil }

// integer is a whole number of at least low.
func integer(low float64) shape {
	return func(v any) *refusal {
		n, ok := v.(float64)
		switch {
		case !ok || n != math.Trunc(n):
			return refuse("Input should be a valid integer")
		case n < low:
			return refuse("Input should be greater than or equal to %v", low)
		}
		return nil
	}
}

// count is a whole number from 1 to high.
func count(high float64) shape {
	whole, within := integer(1), number(1, high)
	return func(v any) *refusal {
		if r := whole(v); r != nil {
			return r
		}
		return within(v)
	}
}

func number(low, high float64) shape {
	return func(v any) *refusal {
		n, ok := v.(float64)
		switch {
		case !ok:
			return refuse("Input should be a valid number")
		case n < low:
			return refuse("Input should be greater than or equal to %v", low)
		case n > high:
			return refuse("Input should be less than or equal to %v", high)
		}
		return nil
	}
}

// oneOf is one of these strings.
func oneOf(words ...string) shape {
	return func(v any) *refusal {
		if s, ok := v.(string); ok && slices.Contains(words, s) {
			return nil
		}
		all := "'" + words[0] + "'"
		if last := len(words) - 1; last > 0 {
			all = quotedList(words[:last]) + " or '" + words[last] + "'"
		}
		return refuse("Input should be %s", all)
	}
}

// sized is a string of so many characters.
func sized(low, high int) shape {
	return func(v any) *refusal {
		s, ok := v.(string)
		n := utf8.RuneCountInString(s)
		switch {
		case !ok:
			return refuse("Input should be a valid string")
		case n < low:
			return refuse("String should have at least %s", characters(low))
		case n > high:
			return refuse("String should have at most %s", characters(high))
		}
		return nil
	}
}

func characters(n int) string {
	if n == 1 {
		return "1 character"
	}
	return strconv.Itoa(n) + " characters"
}

// patterned is a string of the letters that ids and names may have.
func patterned(pattern string) shape {
	expr := regexp.MustCompile(pattern)
	return func(v any) *refusal {
		s, ok := v.(string)
		switch {
		case !ok:
			return refuse("Input should be a valid string")
		case !expr.MatchString(s):
			return refuse("String should match pattern '%s'", pattern)
		}
		return nil
	}
}
