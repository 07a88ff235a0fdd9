package embeddings_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate"
	"vertexgateway/translate/embeddings"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
)

func decode(t testing.TB, body string) *embeddings.Request {
	t.Helper()
	r, fault := embeddings.Decode([]byte(body))
	if fault != nil {
		t.Fatalf("%s: %v", body, fault)
	}
	return r
}

func TestDecodeErrors(t *testing.T) {
	many := strings.TrimPrefix(strings.Repeat(`,"a"`, 2049), ",")
	for body, want := range map[string]string{
		`x`:                                      "invalid_json ",
		`{}`:                                     "missing_required_parameter input",
		`{"input":null}`:                         "missing_required_parameter input",
		`{"input":1}`:                            "invalid_type input",
		`{"input":{}}`:                           "invalid_type input",
		`{"input":""}`:                           "invalid_value input",
		`{"input":[]}`:                           "invalid_value input",
		`{"input":["a",""]}`:                     "invalid_value input[1]",
		`{"input":["a",null]}`:                   "invalid_type input[1]",
		`{"input":[1,2]}`:                        "unsupported_value input",
		`{"input":[[1,2],[3]]}`:                  "unsupported_value input",
		`{"input":[` + many + `]}`:               "invalid_value input",
		`{"input":"a","dimensions":0}`:           "invalid_value dimensions",
		`{"input":"a","dimensions":"1"}`:         "invalid_type dimensions",
		`{"input":"a","encoding_format":"int8"}`: "invalid_value encoding_format",
	} {
		_, e := embeddings.Decode([]byte(body))
		if e == nil || e.Status != 400 || e.Code+" "+e.Param != want {
			t.Errorf("%.40s: %+v, want %s", body, e, want)
		}
	}
}

func TestPredict(t *testing.T) {
	put := embeddings.NewPredict(decode(t, `{"model":"m","input":["a\u00e9","b"],"dimensions":256,"task_type":"RETRIEVAL_DOCUMENT","title":"t","user":"u","encoding_format":"base64","input_type":"query","x":null}`), 0)
	want := `{"instances":[{"content":"a\u00e9","task_type":"RETRIEVAL_DOCUMENT","title":"t"},{"content":"b","task_type":"RETRIEVAL_DOCUMENT","title":"t"}],"parameters":{"outputDimensionality":256}}`
	if string(put.Body) != want || put.Method != "predict" || !cmp.Equal(put.Warnings, []openai.Warning{{Param: "input_type", What: "dropped"}}) {
		t.Errorf("%s %s, want %s; warnings %v", put.Method, put.Body, want, put.Warnings)
	}
	if put := embeddings.NewPredict(decode(t, `{"model":"m","input":"a"}`), 0); string(put.Body) != `{"instances":[{"content":"a"}]}` || put.Warnings != nil {
		t.Errorf("%s, %v", put.Body, put.Warnings)
	}
}

// predicted answers a body of :predict: the vector of a text is made of its number.
func predicted(t testing.TB, body []byte) []byte {
	t.Helper()
	var request struct {
		Instances []struct{ Content string } `json:"instances"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, i := range request.Instances {
		list = append(list, fmt.Sprintf("{\"embeddings\": {\n \"values\": [\n  %s.50,\n  -1e-3\n ],\n \"statistics\": {\"token_count\": 2.0, \"truncated\": %v}}}", i.Content, i.Content == "7"))
	}
	return []byte(`{"predictions":[` + strings.Join(list, ",") + `],"metadata":{"billableCharacterCount":4}}`)
}

// all sends batch after batch, as the gateway does.
func all(t testing.TB, put *translate.Request) (text []byte, a translate.Answer, sizes []int) {
	t.Helper()
	a = put.Read()
	for more := put; more != nil; more = a.More() {
		sizes = append(sizes, strings.Count(string(more.Body), "content"))
		deltas, fault := a.Message(predicted(t, more.Body))
		if fault != nil {
			t.Fatal(fault)
		}
		for _, d := range deltas {
			text = append(text, d.Text...)
		}
	}
	return text, a, sizes
}

func TestBatches(t *testing.T) {
	input := `["0","1","2","3","4"]`
	for _, tt := range []struct {
		batch int
		sizes []int
	}{{0, []int{5}}, {5, []int{5}}, {2, []int{2, 2, 1}}, {1, []int{1, 1, 1, 1, 1}}} {
		put := embeddings.NewPredict(decode(t, `{"model":"alias","input":`+input+`}`), tt.batch)
		text, a, sizes := all(t, put)
		want := `{"object":"list","data":[` +
			`{"object":"embedding","index":0,"embedding":[0.50,-1e-3]},{"object":"embedding","index":1,"embedding":[1.50,-1e-3]},{"object":"embedding","index":2,"embedding":[2.50,-1e-3]},` +
			`{"object":"embedding","index":3,"embedding":[3.50,-1e-3]},{"object":"embedding","index":4,"embedding":[4.50,-1e-3]}],"model":"alias","usage":{"prompt_tokens":10,"total_tokens":10}}`
		if string(text) != want || !cmp.Equal(sizes, tt.sizes) {
			t.Errorf("%d: batches %v\n%s, want\n%s", tt.batch, sizes, text, want)
		}
		end, ok := a.Ending(true)
		if !ok || !end.Passed || a.Billed() != (openai.Usage{Input: 10}) || end.Usage != a.Billed() || a.Warnings() != nil {
			t.Errorf("%d: ended %v %+v, %v", tt.batch, ok, end, a.Warnings())
		}
		openaitest.Load(t).Check(t, "CreateEmbeddingResponse", text)
	}
}

func TestTooLong(t *testing.T) {
	_, a, _ := all(t, embeddings.NewPredict(decode(t, `{"model":"m","input":["7","8"]}`), 1))
	if !cmp.Equal(a.Warnings(), []openai.Warning{{Param: "input", What: "truncated"}}) {
		t.Errorf("warnings %v", a.Warnings())
	}
}

// floats decodes as OpenAI's SDKs do.
func floats(t *testing.T, text []byte) (vectors [][]float32) {
	t.Helper()
	var list struct {
		Data []struct{ Embedding []byte }
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, one := range list.Data {
		var vector []float32
		for i := 0; i < len(one.Embedding); i += 4 {
			vector = append(vector, math.Float32frombits(binary.LittleEndian.Uint32(one.Embedding[i:])))
		}
		vectors = append(vectors, vector)
	}
	return vectors
}

func TestBase64(t *testing.T) {
	text, _, _ := all(t, embeddings.NewPredict(decode(t, `{"model":"m","input":["3","4"],"encoding_format":"base64"}`), 1))
	if diff := cmp.Diff([][]float32{{3.5, -0.001}, {4.5, -0.001}}, floats(t, text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNoPrediction(t *testing.T) {
	for body, status := range map[string]int{
		`x`: 502, `{}`: 502, `{"predictions":[]}`: 502, `{"predictions":[{}]}`: 502,
		`{"predictions":[{"embeddings":{"values":["a"]}}]}`:                             502,
		`{"predictions":[{"embeddings":{"values":null}}]}`:                              502,
		`{"predictions":[{"embeddings":{"values":[1]}},{"embeddings":{"values":[1]}}]}`: 502,
		`{"error":{"code":400,"message":"no","status":"FAILED_PRECONDITION"}}`:          400,
	} {
		a := embeddings.NewPredict(decode(t, `{"model":"m","input":"a"}`), 0).Read()
		_, fault := a.Message([]byte(body))
		if _, ok := a.Ending(true); fault == nil || fault.Status != status || ok {
			t.Errorf("%s: %v, ended %v", body, fault, ok)
		}
	}
}

func TestPassed(t *testing.T) {
	const vectors = `{"id":"e","object":"list","model":"org/m","data":[{"index":0,"object":"embedding","embedding":[0.50, 2e0]},{"index":1,"object":"embedding","embedding":[-1,3]}],"usage":{"prompt_tokens":6,"total_tokens":6,"completion_tokens":0}}`
	for client, want := range map[string]string{
		`{"model":"alias","input":["a","b"],"truncate_prompt_tokens":-1}`:               `{"model":"org/m","input":["a","b"],"truncate_prompt_tokens":-1}`,
		`{"encoding_format":"base64","dimensions":2,"model":"alias","input":["a","b"]}`: `{"encoding_format":"float","dimensions":2,"model":"org/m","input":["a","b"]}`,
	} {
		r := decode(t, client)
		put := embeddings.NewPassed(r, "org/m")
		if string(put.Body) != want || put.Method != "/embeddings" || put.Warnings != nil {
			t.Errorf("%s: %s %s", client, put.Method, put.Body)
		}
		a := put.Read()
		deltas, fault := a.Message([]byte(vectors))
		if fault != nil || len(deltas) != 1 || a.Billed() != (openai.Usage{Input: 6}) {
			t.Fatalf("%s: %v %v %+v", client, fault, deltas, a.Billed())
		}
		text := deltas[0].Text
		if r.EncodingFormat == "" {
			openaitest.Load(t).Check(t, "CreateEmbeddingResponse", text)
			if want := strings.Replace(vectors, "org/m", "alias", 1); string(text) != want {
				t.Errorf("%s, want %s", text, want)
			}
			continue
		}
		if diff := cmp.Diff([][]float32{{0.5, 2}, {-1, 3}}, floats(t, text)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// An upstream that answers in base64 though it was asked for floats is no worse for it.
func TestPassedBase64(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte{0, 0, 0, 63})
	a := embeddings.NewPassed(decode(t, `{"model":"m","input":"a","encoding_format":"base64"}`), "m").Read()
	deltas, fault := a.Message([]byte(`{"data":[{"embedding":"` + encoded + `"}]}`))
	if fault != nil || !cmp.Equal(floats(t, deltas[0].Text), [][]float32{{0.5}}) {
		t.Errorf("%v %v", fault, deltas)
	}
	for _, body := range []string{`{"data":[1]}`, `{"data":[{}]}`, `{"data":[{"embedding":[true]}]}`, `{"data":[]}`, `{}`} {
		a := embeddings.NewPassed(decode(t, `{"model":"m","input":"a","encoding_format":"base64"}`), "m").Read()
		if _, fault := a.Message([]byte(body)); fault == nil || fault.Status != 502 {
			t.Errorf("%s: %v", body, fault)
		}
	}
}

// FuzzAnswers: whatever an upstream sends, the client gets JSON.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"predictions":[{"embeddings":{"values":[1, 2e99],"statistics":{"token_count":1}}}]}`), true)
	f.Add([]byte(`{"data":[{"embedding":[1]}],"usage":{"prompt_tokens":1}}`), false)
	f.Fuzz(func(t *testing.T, body []byte, asBase64 bool) {
		client := `{"model":"m","input":"a","encoding_format":"float"}`
		if asBase64 {
			client = strings.Replace(client, "float", "base64", 1)
		}
		r := decode(t, client)
		for _, put := range []*translate.Request{embeddings.NewPredict(r, 1), embeddings.NewPassed(r, "m")} {
			a := put.Read()
			deltas, fault := a.Message(body)
			if _, ok := a.Ending(true); ok != (fault == nil) || fault == nil && !json.Valid(deltas[0].Text) {
				t.Errorf("%q: %v %v", body, fault, deltas)
			}
		}
	})
}
