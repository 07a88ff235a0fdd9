package fakevertex

import (
	"encoding/json"
	"strings"
	"testing"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai/openaitest"
)

// TestRecorded sends what Vertex took when it was recorded, whole requests only: there is
// no other exception.
func TestRecorded(t *testing.T) {
	s := New(Options{})
	replayed := openaitest.Recordings(t, func(r *openaitest.Recording) bool {
		return r.API == "vertex-anthropic" && r.Response.Status == 200 && requested(t, r) != nil && !r.Has("shortened") && !r.Has("redacted")
	})
	for _, r := range replayed {
		t.Run(r.ID, func(t *testing.T) {
			res, text := post(t, s, recordedPath(&r), requested(t, &r))
			if res.StatusCode != 200 {
				t.Errorf("%s: %s", res.Status, text)
			}
		})
	}
	if len(replayed) < 35 {
		t.Errorf("only %d records were replayed", len(replayed))
	}
}

// requested is the body of a recorded request; nil: it was not recorded.
func requested(t *testing.T, r *openaitest.Recording) (body map[string]any) {
	t.Helper()
	if err := json.Unmarshal(r.Request.Body, &body); err != nil {
		t.Fatalf("%s: %v", r.ID, err)
	}
	return body
}

// recordedPath is the record's; where the collection's authors made it up, the model stands in
// it as clients of the first party spell it.
func recordedPath(r *openaitest.Recording) string {
	before, rest, _ := strings.Cut(r.Request.URLPath, "/models/")
	name, method, _ := strings.Cut(rest, ":")
	if m, ok := catalogue.Builtin().Find(name); ok && r.Has("url-assumed") {
		name = m.ID
	}
	return before + "/models/" + name + ":" + method
}

// TestRecordedMistral sends what Mistral took when it was recorded, but for what Vertex
// does not know (vertex.md 6.2) and for one conversation of a later model.
func TestRecordedMistral(t *testing.T) {
	s := New(Options{})
	replayed := openaitest.Recordings(t, func(r *openaitest.Recording) bool {
		return r.API == "mistral-chat" && r.Response.Status == 200 && requested(t, r) != nil && r.ID != "ruby_llm-43dbd2c663a3"
	})
	for _, r := range replayed {
		body := requested(t, &r)
		body["model"] = medium3
		delete(body, "safe_prompt")
		delete(body, "prompt_cache_key")
		t.Run(r.ID, func(t *testing.T) {
			res, text := post(t, s, mistralPath(medium3, "rawPredict"), body)
			if res.StatusCode != 200 {
				t.Errorf("%s: %s", res.Status, text)
			}
		})
	}
	if len(replayed) < 60 {
		t.Errorf("only %d records were replayed", len(replayed))
	}
}

// keys collects the paths of all members of v.
func keys(v any, path string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			into[path+"."+name] = true
			keys(inner, path+"."+name, into)
		}
	case []any:
		for _, inner := range v {
			keys(inner, path+"[]", into)
		}
	}
}

// keysOf are those of a body, whole or a stream.
func keysOf(body string, into map[string]bool) {
	var whole any
	if json.Unmarshal([]byte(body), &whole) == nil {
		keys(whole, "", into)
		return
	}
	for line := range strings.Lines(body) {
		var chunk any
		if data, ok := strings.CutPrefix(line, "data:"); ok && json.Unmarshal([]byte(data), &chunk) == nil {
			keys(chunk, "", into)
		}
	}
}

// TestKeys: an answer has no member that real ones lack.
func TestKeys(t *testing.T) {
	recorded := map[string]map[string]bool{}
	for _, r := range openaitest.Recordings(t, func(r *openaitest.Recording) bool { return r.Response.Status == 200 }) {
		api := r.API
		if strings.HasPrefix(api, "openai-compat-") {
			api = "openai-" + api[len("openai-compat-"):]
		}
		if recorded[api] == nil {
			recorded[api] = map[string]bool{}
		}
		keysOf(r.Response.Body, recorded[api])
	}
	keysOf(`{"choices":[{"message":{"role":"","content":"","tool_calls":[{"index":0,"id":"","type":"","function":{"name":"","arguments":""}}]}}]}`, recorded["ai21-chat"]) // there is no whole one
	calls := []Call{{Name: "f"}}
	s := New(Options{Scenarios: []Scenario{
		{Method: "completions", Calls: calls}, // no recorded one was cached
		{Method: "streamRawPredict", Model: jambaMini, Cached: 1},
		{Cached: 1, Chunked: true, Thinking: "Well.", Text: "So.", Calls: calls},
	}})
	usage := raw(`{"stream_options": {"include_usage": true}}`)
	for _, test := range []struct {
		api, path string
		body      map[string]any
	}{
		{"mistral-chat", mistralPath(medium3, "rawPredict"), hi(medium3)},
		{"ai21-chat", jambaPath("rawPredict"), hi(jambaMini)},
		{"openai-chat", openPath("us-central1", chatty), hi(gptOSS, usage)},
		{"openai-chat", openPath("global", chatty), hi("google/gemini-3.5-flash", usage)},
		{"openai-completions", openPath("global", "completions"), hi(glm, set("prompt", "a"), usage)},
	} {
		for _, stream := range []bool{false, true} {
			test.body["stream"] = stream
			path := test.path
			if stream {
				path = strings.Replace(path, ":raw", ":streamRaw", 1)
			}
			res, text := post(t, s, path, test.body)
			ours := map[string]bool{}
			keysOf(text, ours)
			if res.StatusCode != 200 || len(ours) < 5 {
				t.Fatalf("%s: %s", res.Status, text)
			}
			for key := range ours {
				if !recorded[test.api][key] {
					t.Errorf("%s, stream %v: %s is in no real answer", test.api, stream, key)
				}
			}
		}
	}
}
