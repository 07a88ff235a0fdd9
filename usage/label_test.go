package usage_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"vertexgateway/usage"
)

func TestLabel(t *testing.T) {
	for name, want := range map[string]string{
		"":                      "",
		"search":                "search",
		"Search & Ads":          "search___ads",
		"team-1_b":              "team-1_b",
		"Köln":                  "k_ln",
		"a\xff\n":               "a__",
		"jwt:a@b.example":       "jwt_a_b_example",
		strings.Repeat("x", 64): strings.Repeat("x", 63),
	} {
		if got := usage.Label(name); got != want {
			t.Errorf("label of %q is %q, want %q", name, got, want)
		}
	}
}

func TestLabelsHeader(t *testing.T) {
	tests := []struct{ team, key, want string }{
		{"Search", "CI", `{"team":"search","key":"ci"}`},
		{"search", "", `{"team":"search"}`},
		{"\"x\xff<", "k", `{"team":"_x__","key":"k"}`},
	}
	for _, test := range tests {
		got, err := base64.StdEncoding.DecodeString(usage.LabelsHeader(test.team, test.key))
		if err != nil || string(got) != test.want {
			t.Errorf("labels of %q, %q are %s, %v, want %s", test.team, test.key, got, err, test.want)
		}
	}
	for _, key := range []string{"", "ci"} {
		if got := usage.LabelsHeader("", key); got != "" {
			t.Errorf("no team has labels %q", got)
		}
	}
}
