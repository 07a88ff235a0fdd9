package fakevertex

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// instances is a body for :predict.
func instances(texts ...string) map[string]any {
	all := []any{}
	for _, text := range texts {
		all = append(all, map[string]any{"content": text})
	}
	return map[string]any{"instances": all}
}

type predictReply struct {
	Predictions []struct {
		Embeddings struct {
			Values     []float32
			Statistics struct {
				Tokens    int `json:"token_count"`
				Truncated bool
			}
		}
	}
}

func predicted(t *testing.T, h http.Handler, model string, body any) (r predictReply) {
	t.Helper()
	res, text := post(t, h, publisherPath("google", model, "predict"), body)
	if err := json.Unmarshal([]byte(text), &r); err != nil || res.StatusCode != 200 {
		t.Fatalf("%v: %s %s", err, res.Status, text)
	}
	return r
}

func length(values []float32) float64 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

func TestEmbeddings(t *testing.T) {
	s := New(Options{})
	for model, size := range map[string]int{"text-embedding-005": 768, "text-multilingual-embedding-002": 768, "gemini-embedding-001": 3072} {
		got := predicted(t, s, model, instances("a vertex", "an edge", "a vertex")).Predictions
		first := got[0].Embeddings
		if len(got) != 3 || len(first.Values) != size || first.Statistics.Tokens != 2 || math.Abs(length(first.Values)-1) > 1e-3 {
			t.Errorf("%s: %d of %d, %+v", model, len(got), len(first.Values), first.Statistics)
		}
		if cmp.Equal(first.Values, got[1].Embeddings.Values) || !cmp.Equal(first.Values, got[2].Embeddings.Values) {
			t.Errorf("%s: texts and vectors do not go together", model)
		}
	}
	if last := s.Requests()[2]; last.Method != "predict" || last.Usage.Input != 6 {
		t.Errorf("journal %+v", last)
	}
	short := instances(strings.Repeat("word ", 3000))
	short["parameters"] = map[string]any{"outputDimensionality": 10, "autoTruncate": true}
	if got := predicted(t, s, "text-embedding-005", short).Predictions[0].Embeddings; len(got.Values) != 10 || !got.Statistics.Truncated || got.Statistics.Tokens != 2048 {
		t.Errorf("got %d values, %+v", len(got.Values), got.Statistics)
	}
}

func TestEmbeddingsRefused(t *testing.T) {
	many := make([]string, 251)
	for i := range many {
		many[i] = "a"
	}
	for _, test := range []struct {
		body map[string]any
		edit edit
		want string
	}{
		{instances(), raw(`{}`), "no instances"},
		{instances(many...), raw(`{}`), "250 instance(s) is allowed per prediction. Actual: 251"},
		{instances(""), raw(`{}`), "content is empty"},
		{instances(), raw(`{"instances": [{"text": "a"}]}`), "content is empty"},
		{instances(), raw(`{"instances": [{"content": "a", "task_type": "GUESSING"}]}`), "GUESSING is not known"},
		{instances(), raw(`{"instances": [{"content": "a", "title": "b"}]}`), "RETRIEVAL_DOCUMENT only"},
		{instances("a"), raw(`{"parameters": {"outputDimensionality": 769}}`), "between 1 and 768"},
		{instances("a"), raw(`{"parameters": {"outputDimensionality": "9"}}`), "Invalid JSON payload"},
		{instances(strings.Repeat("word ", 3000)), raw(`{"parameters": {"autoTruncate": false}}`), "3750 but the model supports up to 2048"},
	} {
		test.edit(test.body)
		res, text := post(t, New(Options{}), publisherPath("google", "text-embedding-005", "predict"), test.body)
		if res.StatusCode != 400 || !strings.Contains(text, test.want) || !strings.Contains(text, `"INVALID_ARGUMENT"`) {
			t.Errorf("got %s %s, want %s", res.Status, text, test.want)
		}
	}
	checkFailures(t, publisherPath("google", "text-embedding-005", "predict"), instances("a"), []failure{
		{Scenario{Method: "predict", Status: 429}, 429, "base model: google-text-embedding-005"},
		{Scenario{Status: 400, Message: "no"}, 400, `"status": "INVALID_ARGUMENT"`},
		{Scenario{ErrorAfter: 1}, 500, "Internal error encountered."},
	})
}

func TestOpenEmbeddings(t *testing.T) {
	s, path := New(Options{}), openPath("us-central1", "embeddings")
	body := map[string]any{"model": "intfloat/multilingual-e5-large-maas", "input": []string{"a vertex", "an edge"}}
	var got struct {
		Data []struct {
			Index     int
			Embedding jsonVector
		}
		Usage struct {
			Prompt int `json:"prompt_tokens"`
		}
	}
	for _, format := range []string{"float", "base64"} {
		body["encoding_format"] = format
		res, text := post(t, s, path, body)
		before := got.Data
		got.Data = nil
		if err := json.Unmarshal([]byte(text), &got); err != nil || res.StatusCode != 200 {
			t.Fatalf("%v: %s %s", err, res.Status, text)
		}
		if len(got.Data) != 2 || got.Data[1].Index != 1 || len(got.Data[1].Embedding) != 1024 || got.Usage.Prompt != 4 {
			t.Errorf("%s: got %d %+v", format, len(got.Data), got.Usage)
		}
		if before != nil && !cmp.Equal(before, got.Data) {
			t.Error("the formats differ in their numbers")
		}
	}
	for input, want := range map[string]string{
		`[]`: "at least one", `[1]`: "input.0: Input should be a valid string", `[[1]]`: "input.0",
		`"` + strings.Repeat("word ", 600) + `"`: "maximum context length is 512 tokens",
	} {
		raw(`{"input": ` + input + `}`)(body)
		if res, text := post(t, s, path, body); res.StatusCode != 400 || !strings.Contains(text, want) {
			t.Errorf("%s %s", res.Status, text)
		}
	}
}

// A jsonVector is a list of numbers, or base64 of them.
type jsonVector []float32

func (v *jsonVector) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return json.Unmarshal(data, (*[]float32)(v))
	}
	bytes, err := base64.StdEncoding.DecodeString(text)
	for ; len(bytes) >= 4; bytes = bytes[4:] {
		*v = append(*v, math.Float32frombits(binary.LittleEndian.Uint32(bytes)))
	}
	return err
}
