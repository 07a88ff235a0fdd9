package completions_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/completions"
	"vertexgateway/translate/openai"
)

func decode(t testing.TB, body string) *completions.Request {
	t.Helper()
	r, fault := completions.Decode([]byte(body))
	if fault != nil {
		t.Fatalf("%s: %v", body, fault)
	}
	return r
}

func TestDecode(t *testing.T) {
	for body, want := range map[string]string{ // code and param; empty: taken
		`{"model":"a","prompt":"b"}`:       "",
		`{"prompt":["b"],"stop":["c"]}`:    "",
		`{"prompt":[[1,2]],"suffix":null}`: "",
		`{"prompt":"b","n":3,"echo":true}`: "",
		`x`:                                "invalid_json ",
		`{}`:                               "missing_required_parameter prompt",
		`{"prompt":null}`:                  "missing_required_parameter prompt",
		`{"prompt":1}`:                     "invalid_type prompt",
		`{"prompt":{}}`:                    "invalid_type prompt",
		`{"prompt":"b","max_tokens":"1"}`:  "invalid_type max_tokens",
		`{"prompt":"b","logprobs":true}`:   "invalid_type logprobs",
		`{"prompt":"b","stop":{}}`:         "invalid_type stop",
		`{"prompt":"b","stream_options":{"include_usage":1}}`: "invalid_type stream_options.include_usage",
		`{"messages":[{"role":"user","content":"b"}]}`:        "unsupported_parameter messages",
		`{"prompt":"b","tools":[]}`:                           "unsupported_parameter tools",
	} {
		got := ""
		if _, e := completions.Decode([]byte(body)); e != nil {
			got = e.Code + " " + e.Param
			if e.Status != 400 {
				t.Errorf("%s: status %d", body, e.Status)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

// What one plain text cannot answer is refused, whoever the model is.
func TestText(t *testing.T) {
	for body, want := range map[string]string{
		`{"prompt":"a\u00e9"}`:                              `"a\u00e9"`,
		`{"prompt":[ "a" ],"n":1,"best_of":1,"echo":false}`: `"a"`,
		`{"prompt":[]}`:                                     "invalid_value prompt",
		`{"prompt":["a","b"]}`:                              "unsupported_value prompt",
		`{"prompt":[1,2]}`:                                  "unsupported_value prompt",
		`{"prompt":[[1],[2]]}`:                              "unsupported_value prompt",
		`{"prompt":"a","n":2}`:                              "unsupported_value n",
		`{"prompt":"a","best_of":2}`:                        "unsupported_value best_of",
		`{"prompt":"a","echo":true}`:                        "unsupported_value echo",
		`{"prompt":"a","logprobs":0}`:                       "unsupported_value logprobs",
	} {
		text, e := decode(t, body).Text()
		got := string(text)
		if e != nil {
			got = e.Code + " " + e.Param
		}
		if got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

func TestChat(t *testing.T) {
	sixteen, one, half := int64(16), int64(1), 0.5
	for body, want := range map[string]*openai.ChatRequest{
		`{"model":"m","prompt":"a\nb","seed":7,"logit_bias":{"1":2},"echo":false,"suffix":""}`: {
			Model: "m", MaxTokens: &sixteen, Others: []byte(`{"seed":7,"logit_bias":{"1":2}}`),
		},
		`{"model":"m","prompt":["a\nb"],"max_tokens":1,"temperature":0.5,"top_p":0.5,"top_k":1,"stop":"x","user":"u","n":1,"stream":true,"stream_options":{"include_usage":true},"frequency_penalty":0.5}`: {
			Model: "m", MaxTokens: &one, Temperature: &half, TopP: &half, TopK: &one, Stop: openai.OneOrMany{"x"}, User: "u", N: &one,
			Stream: true, StreamOptions: openai.StreamOptions{IncludeUsage: true}, FrequencyPenalty: &half,
		},
	} {
		want.Messages = []openai.Message{{Role: "user", Content: openai.Content{Text: []byte(`"a\nb"`)}}}
		got, e := decode(t, body).Chat()
		if diff := cmp.Diff(want, got); diff != "" || e != nil {
			t.Errorf("%s: %v (-want +got):\n%s", body, e, diff)
		}
	}
}

func TestNoChat(t *testing.T) {
	for body, want := range map[string]string{
		`{"prompt":"a","suffix":"b"}`:   "unsupported_parameter suffix",
		`{"prompt":" \n"}`:              "invalid_value prompt",
		`{"prompt":"a","n":2}`:          "unsupported_value n",
		`{"prompt":"a","thinking":"b"}`: "invalid_type thinking",
	} {
		_, e := decode(t, body).Chat()
		if e == nil || e.Code+" "+e.Param != want || !strings.Contains(e.Message, e.Param) {
			t.Errorf("%s: %+v, want %s", body, e, want)
		}
	}
}
