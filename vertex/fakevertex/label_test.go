package fakevertex

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func labelled(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func manyLabels(n int) string {
	all := map[string]string{}
	for i := range n {
		all[fmt.Sprint("k", i)] = ""
	}
	text, _ := json.Marshal(all) // strings have no error
	return string(text)
}

func TestLabels(t *testing.T) {
	s := New(Options{})
	want := map[string]string{"team": "search", "key": "", strings.Repeat("k", 63): strings.Repeat("9", 63)}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]any{
		pathOf("global", haiku45, "rawPredict"):           hello(),
		pathOf("global", "count-tokens", "rawPredict"):    map[string]any{"model": haiku45, "messages": []any{user("a")}},
		"/v1/projects/p/locations/x/endpoints/1:predict":  map[string]any{},
		pathOf("global", haiku45, "streamRawPredict"):     hello(set("stream", true)),
		"/v1/projects/p/locations/europe-west1/endpoints": nil,
	}
	for path, body := range calls {
		post(t, s, path, body, labelsHeader, labelled(string(text)))
		last := s.Requests()[len(s.Requests())-1]
		if strings.HasSuffix(path, "/endpoints") {
			if last.Labels != nil { // it is not billed
				t.Errorf("%s has labels %v", path, last.Labels)
			}
			continue
		}
		if diff := cmp.Diff(want, last.Labels); diff != "" {
			t.Errorf("%s: labels (-want +got):\n%s", path, diff)
		}
	}
	post(t, s, pathOf("global", haiku45, "rawPredict"), hello())
	if last := s.Requests()[len(calls)]; last.Labels != nil {
		t.Errorf("without the header, labels are %v", last.Labels)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/emulator/requests", nil))
	if got := w.Body.String(); strings.Count(got, `"labels":{`) != len(calls)-1 || !strings.Contains(got, `"team":"search"`) {
		t.Errorf("the journal does not show the labels: %s", got)
	}
	res, answer := post(t, s, pathOf("global", haiku45, "rawPredict"), hello(), labelsHeader, labelled(manyLabels(64)))
	if res.StatusCode != http.StatusOK {
		t.Errorf("64 labels: %s %s", res.Status, answer)
	}
}

func TestBadLabels(t *testing.T) {
	for name, header := range map[string]string{
		"empty":                   "",
		"plain":                   `{"team":"search"}`,
		"without padding":         strings.TrimRight(labelled(`{"team":"search"}`), "="),
		"two headers":             labelled(`{"a":"b"}`) + ", " + labelled(`{"c":"d"}`),
		"no JSON":                 labelled("team=search"),
		"cut":                     labelled(`{"team":"search"`),
		"list":                    labelled(`["team"]`),
		"null":                    labelled("null"),
		"number":                  labelled(`{"team":1}`),
		"no value":                labelled(`{"team":null}`),
		"nested":                  labelled(`{"team":{"a":"b"}}`),
		"twice":                   labelled(`{"team":"a","team":"b"}`),
		"not UTF-8":               labelled("{\"team\":\"\xff\"}"),
		"no key":                  labelled(`{"":"a"}`),
		"upper case in a key":     labelled(`{"Team":"a"}`),
		"key begins with a digit": labelled(`{"1team":"a"}`),
		"long key":                labelled(`{"` + strings.Repeat("k", 64) + `":"a"}`),
		"upper case":              labelled(`{"team":"Search"}`),
		"space":                   labelled(`{"team":"a b"}`),
		"line break":              labelled(`{"team":"a\n"}`),
		"long value":              labelled(`{"team":"` + strings.Repeat("v", 64) + `"}`),
		"65":                      labelled(manyLabels(65)),
	} {
		t.Run(name, func(t *testing.T) {
			s := New(Options{})
			res, text := post(t, s, pathOf("global", haiku45, "rawPredict"), hello(), labelsHeader, header)
			var body googleBody
			if err := json.Unmarshal([]byte(text), &body); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			if e := body.Error; res.StatusCode != http.StatusBadRequest || e.Code != 400 || e.Status != "INVALID_ARGUMENT" || e.Message == "" {
				t.Errorf("%s %s, want Google's 400", res.Status, text)
			}
			if last := s.Requests()[0]; last.Labels != nil || last.Usage != (Usage{}) {
				t.Errorf("it has labels %v and costs %+v", last.Labels, last.Usage)
			}
		})
	}
}
