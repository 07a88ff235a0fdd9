package fakevertex

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// refuseFlat has the shape of Mistral's errors (vertex.md 4.1, 6.2).
func refuseFlat(status int, kind, code string, message any) *refusal {
	m := members{{"object", "error"}, {"message", message}, {"type", kind}, {"param", nil}, {"code", nil}}
	if code != "" {
		m[4].value = code
	}
	raw, _ := json.Marshal(m)
	return &refusal{status: status, kind: kind, raw: raw}
}

// invalid is what Mistral says to a body that has not the form r asks for.
func invalid(body any, r *refusal) *refusal {
	return refuseFlat(http.StatusUnprocessableEntity, "invalid_request_error", "", members{{"detail", []members{validation(body, r)}}})
}

// validation is what FastAPI says of r.
func validation(body any, r *refusal) members {
	where := []any{"body"}
	for step := range strings.SplitSeq(r.path, ".") {
		if i, err := strconv.Atoi(step); err == nil {
			where = append(where, i)
		} else if step != "" {
			where = append(where, step)
		}
	}
	return members{{"type", validationKind(r.text)}, {"loc", where}, {"msg", r.text}, {"input", found(body, where[1:])}}
}

// found is the value at a place, or the nearest around it. Steps that name a kind lead nowhere.
func found(v any, where []any) any {
	for _, step := range where {
		switch in := v.(type) {
		case map[string]any:
			name, _ := step.(string)
			if inner, ok := in[name]; ok {
				v = inner
			}
		case []any:
			if i, ok := step.(int); ok && i < len(in) {
				v = in[i]
			}
		}
	}
	return v
}

// validationKinds :: beginning of a message of pydantic's -> its name
var validationKinds = [][2]string{
	{"Field required", "missing"},
	{"Extra inputs", "extra_forbidden"},
	{"Input tag", "union_tag_invalid"},
	{"Input should be a valid string", "string_type"},
	{"Input should be a valid integer", "int_type"},
	{"Input should be a valid number", "float_type"},
	{"Input should be a valid boolean", "bool_type"},
	{"Input should be a valid list", "list_type"},
	{"Input should be a valid dictionary", "dict_type"},
	{"Input should be greater", "greater_than_equal"},
	{"Input should be less", "less_than_equal"},
	{"Input should be '", "literal_error"},
	{"String should match", "string_pattern_mismatch"},
}

func validationKind(message string) string {
	for _, kind := range validationKinds {
		if strings.HasPrefix(message, kind[0]) {
			return kind[1]
		}
	}
	return "value_error"
}
