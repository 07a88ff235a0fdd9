package passthrough_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/passthrough"
)

func value(s string) jsontext.Value { return jsontext.Value(s) }

func TestEdits(t *testing.T) {
	edits := []passthrough.Edit{{"model", value(`"m"`)}, {"usage", nil}}
	for before, want := range map[string]string{
		`{}`:                             `{"model":"m"}`,
		` { } `:                          `{"model":"m" }`,
		`{"model":"a"}`:                  `{"model":"m"}`,
		`{"model" : null , "b" : 1.50 }`: `{"model" : "m" , "b" : 1.50 }`,
		"{\n  \"b\": [1, 2],\n  \"model\": \"a\"\n}\n": "{\n  \"b\": [1, 2],\n  \"model\": \"m\"\n}",
		`{"usage":null}`:                        `{"model":"m"}`,
		`{"usage":1,"model":"a"}`:               `{"model":"m"}`,
		`{"a":1, "usage":{"b":2}, "c":3}`:       `{"a":1, "c":3,"model":"m"}`,
		`{"usage":1,"usage":2,"c":3,"usage":4}`: `{"c":3,"model":"m"}`,
		`{"model":"a","model":"b"}`:             `{"model":"m","model":"m"}`,
		`{"mod\u0065l":"a","c":{"model":"a"}}`:  `{"mod\u0065l":"m","c":{"model":"a"}}`,
		"{\"b\":\"\\u00e9\u00e9\xff\"}":         "{\"b\":\"\\u00e9\u00e9\xff\",\"model\":\"m\"}",
	} {
		object := new(passthrough.Object)
		if err := object.Parse([]byte(before)); err != nil {
			t.Errorf("%s: %v", before, err)
			continue
		}
		if got := string(object.Append(nil, edits)); got != want {
			t.Errorf("%s: %s, want %s", before, got, want)
		}
	}
}

func TestMembers(t *testing.T) {
	object := new(passthrough.Object)
	if err := object.Parse([]byte(`{"a": [1], "b\"":"x", "a":12345678901234567890}`)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, value := range object.All() {
		got = append(got, name+"="+string(value))
	}
	if diff := cmp.Diff([]string{"a=[1]", `b"="x"`, "a=12345678901234567890"}, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if last, none := object.Value("a"), object.Value("c"); string(last) != "12345678901234567890" || none != nil {
		t.Errorf("values %s and %s", last, none)
	}
}

func TestNoObject(t *testing.T) {
	for _, data := range []string{``, ` `, `[]`, `"a"`, `{`, `{"a"`, `{"a":}`, `{"a":1`, `{"a":1,}`, `{"a":1}}`, `{"a":1} {}`, `{"a":1}x`, `data`} {
		if err := new(passthrough.Object).Parse([]byte(data)); err == nil {
			t.Errorf("%s is taken for an object", data)
		}
	}
}

// FuzzObject: an edited object is an object; without edits it is the one it was.
func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"model":"a", "usage" : {"b":[1,{}]},"c":"\ud83d\ude00"}`))
	f.Add([]byte(` {"usage":1 ,"usage":2} `))
	f.Fuzz(func(t *testing.T, data []byte) {
		object := new(passthrough.Object)
		if object.Parse(data) != nil {
			return
		}
		if same := string(object.Append(nil, nil)); same != strings.Trim(string(data), " \t\r\n") {
			t.Fatalf("%q became %q", data, same)
		}
		edited := object.Append(nil, []passthrough.Edit{{"model", value(`"m"`)}, {"usage", nil}})
		var members map[string]json.RawMessage
		if err := json.Unmarshal(edited, &members); err != nil {
			t.Fatalf("%q became %q: %v", data, edited, err)
		}
		if _, usage := members["usage"]; usage || string(members["model"]) != `"m"` {
			t.Errorf("%q became %q", data, edited)
		}
	})
}
