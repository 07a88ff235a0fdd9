package fakevertex

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// edit changes a good request.
type edit func(b map[string]any)

// hello is a body that every model takes.
func hello(edits ...edit) map[string]any {
	b := map[string]any{
		"anthropic_version": "vertex-2023-10-16",
		"max_tokens":        1000,
		"messages":          []any{user("What is a vertex?")},
	}
	for _, e := range edits {
		e(b)
	}
	return b
}

func set(name string, value any) edit { return func(b map[string]any) { b[name] = value } }

func unset(name string) edit { return func(b map[string]any) { delete(b, name) } }

func both(edits ...edit) edit {
	return func(b map[string]any) {
		for _, e := range edits {
			e(b)
		}
	}
}

// raw sets fields from a JSON object.
func raw(text string) edit {
	return func(b map[string]any) {
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			panic(err)
		}
	}
}

// talk sets the messages.
func talk(messages ...any) edit { return set("messages", append([]any{}, messages...)) }

func user(content any) map[string]any { return map[string]any{"role": "user", "content": content} }

func assistant(content any) map[string]any {
	return map[string]any{"role": "assistant", "content": content}
}

func blocks(text string) []any {
	var all []any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		panic(err)
	}
	return all
}

func pathOf(location, model, method string) string {
	return "/v1/projects/p/locations/" + location + "/publishers/anthropic/models/" + model + ":" + method
}

// A result is an answer but for its body.
type result struct {
	Status     string
	StatusCode int
	Header     http.Header
}

// post asks the handler and returns the whole answer.
func post(t *testing.T, h http.Handler, path string, body any, header ...string) (result, string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(string(text)))
	r.Header.Set("Authorization", "Bearer token")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	status := fmt.Sprintf("%d %s", w.Code, http.StatusText(w.Code))
	return result{status, w.Code, w.Header()}, w.Body.String()
}

// A reply is an answer's message.
type reply struct {
	ID         string
	Model      string
	Content    []map[string]any
	StopReason string `json:"stop_reason"`
	Sequence   string `json:"stop_sequence"`
	Usage      struct {
		Input    int `json:"input_tokens"`
		Write    int `json:"cache_creation_input_tokens"`
		Read     int `json:"cache_read_input_tokens"`
		Creation struct {
			Short int `json:"ephemeral_5m_input_tokens"`
			Long  int `json:"ephemeral_1h_input_tokens"`
		} `json:"cache_creation"`
		Output  int `json:"output_tokens"`
		Details *struct {
			Thinking int `json:"thinking_tokens"`
		} `json:"output_tokens_details"`
	}
}

// ask posts to model on global and reads the message.
func ask(t *testing.T, h http.Handler, model string, body any) reply {
	t.Helper()
	res, text := post(t, h, pathOf("global", model, "rawPredict"), body)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", res.Status, text)
	}
	return readReply(t, text)
}

func readReply(t *testing.T, text string) (m reply) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

const weather = `{"tools": [{"name": "get_weather", "description": "The weather.", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}}, "required": ["city", "unit"]}}]}`

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
