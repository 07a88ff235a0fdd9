package proxy_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"vertexgateway/vertex/fakevertex"
)

// pathRequests :: what each path is asked -> a model of it; the paths beside chat.
var pathRequests = []struct{ path, model, body string }{
	{"/v1/embeddings", "text-embedding-005", `{"model":"mine","input":"one"}`},
	{"/v1/embeddings", "multilingual-e5-large-maas", `{"model":"mine","input":"one"}`},
	{"/v1/completions", "claude-opus-4-8", `{"model":"mine","prompt":"one"}`},
	{"/v1/completions", "mistral-medium-3", `{"model":"mine","prompt":"one"}`},
	{"/v1/completions", "codestral-2", `{"model":"mine","prompt":"one","suffix":"two"}`},
	{"/v1/completions", "codestral-2", `{"model":"mine","prompt":"one","suffix":"two","stream":true}`},
	{"/v1/completions", "jamba-1.5-mini", `{"model":"mine","prompt":"one","stream":true}`},
	{"/v1/ocr", "mistral-ocr-2505", `{"model":"mine","document":{"type":"document_url","document_url":"data:application/pdf;base64,JVBERi0xLjQ="}}`},
}

func TestPathFallback(t *testing.T) {
	for _, tt := range pathRequests {
		t.Run(tt.path+" "+tt.model, func(t *testing.T) {
			w := newWorld(t, as(tt.model, ""), fakevertex.Scenario{Status: 429, Times: 1})
			r := w.post(tt.path, tt.body)
			m, _ := w.config.Catalogue.Find(tt.model)
			w.wantLocations(strings.Join(m.Locations[:2], " "))
			r.wantHeaders("X-Gateway-Location", m.Locations[1], "X-Gateway-Attempts", "2", "X-Gateway-Model", m.ID)
			if r.status != http.StatusOK {
				t.Errorf("status %d: %s", r.status, r.body)
			}
		})
	}
}

func TestPathErrors(t *testing.T) {
	for _, tt := range pathRequests {
		t.Run(tt.path+" "+tt.model, func(t *testing.T) {
			w := newWorld(t, as(tt.model, ""), fakevertex.Scenario{Status: 429, Header: map[string]string{"Retry-After": "7"}})
			r := w.post(tt.path, tt.body)
			r.failure(429, "rate_limit_exceeded", "")
			r.wantHeaders("Retry-After", "7")
			w.vertex.Set(fakevertex.Scenario{Status: 400, Message: "that is too silly"})
			r = w.post(tt.path, tt.body)
			if e := r.failure(400, "", ""); !strings.Contains(e.Message, "that is too silly") {
				t.Errorf("message %q", e.Message)
			}
			w.vertex.Set(fakevertex.Scenario{Status: 502, HTML: true})
			w.post(tt.path, tt.body).failure(503, "upstream_error", "")
			endpoint := strings.TrimPrefix(tt.path, "/v1/")
			w.wantSeries("gateway_requests_total", map[string]float64{
				`endpoint="` + endpoint + `",model="mine",status="429",team=""`: 1, `endpoint="` + endpoint + `",model="mine",status="400",team=""`: 1,
				`endpoint="` + endpoint + `",model="mine",status="503",team=""`: 1,
			})
		})
	}
}

// completed is an answer of the old API, which must hold the text and cost what was billed.
func completed(t *testing.T, w *world, params openai.CompletionNewParams, want string, stream bool) *openai.Completion {
	t.Helper()
	params.Model = configured
	a, err := ownCompletion(t.Context(), w.official(), params, stream)
	if err != nil {
		t.Fatal(err)
	}
	if c := a.Choices[0]; !strings.HasSuffix(c.Text, want) || c.Text == "" || a.Model != configured || a.Object != "text_completion" || a.ID == "" {
		t.Errorf("answer %+v", a)
	}
	w.wantBill("completions", a.Usage.PromptTokens, a.Usage.CompletionTokens, a.Usage.TotalTokens)
	return a
}

func prompt(text string) openai.CompletionNewParams {
	return openai.CompletionNewParams{Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String(text)}}
}

// A model of chat takes the prompt as one user message.
func TestCompletionsByChat(t *testing.T) {
	inModes(t, "", []string{"claude-opus-4-8", "claude-haiku-4-5", "mistral-medium-3", "jamba-1.5-large"}, func(t *testing.T, id string, stream bool) {
		w := newWorld(t, as(id, ""))
		if a := completed(t, w, prompt("How are you?"), "You said: How are you?", stream); a.Choices[0].FinishReason != "stop" {
			t.Errorf("finish %s", a.Choices[0].FinishReason)
		}
		body := decode[struct {
			Messages  []struct{ Role string }
			MaxTokens int `json:"max_tokens"`
		}](t, w.vertex.Requests()[0].Body)
		if len(body.Messages) != 1 || body.Messages[0].Role != "user" || body.MaxTokens != 16 {
			t.Errorf("sent %s", w.vertex.Requests()[0].Body)
		}
	})
}

// The old API's default is 16 tokens.
func TestCompletionsLength(t *testing.T) {
	inModes(t, "", []string{"claude-opus-4-8", "codestral-2", "deepseek-v3.2-maas"}, func(t *testing.T, id string, stream bool) {
		w := newWorld(t, as(id, ""), fakevertex.Scenario{Tokens: 50})
		a := completed(t, w, prompt("Count."), "", stream)
		if a.Choices[0].FinishReason != "length" || a.Usage.CompletionTokens != 16 {
			t.Errorf("finish %s, usage %+v", a.Choices[0].FinishReason, a.Usage)
		}
	})
}

func TestCompletionsOfOpenModels(t *testing.T) {
	for _, id := range []string{"deepseek-v3.2-maas", "deepseek-v3.1-maas", "kimi-k2-thinking-maas", "minimax-m2-maas", "glm-5-maas"} {
		inModes(t, "", []string{id}, func(t *testing.T, id string, stream bool) {
			w := newWorld(t, as(id, ""))
			params := prompt("How are you?")
			params.MaxTokens = openai.Int(200)
			completed(t, w, params, "You said: How are you?", stream)
			m, _ := w.config.Catalogue.Find(id)
			w.wantCall(m, "completions")
		})
	}
}

// Codestral fills in what stands between the prompt and the suffix.
func TestFillInTheMiddle(t *testing.T) {
	inModes(t, "", []string{"codestral-2", "codestral-2501"}, func(t *testing.T, id string, stream bool) {
		w := newWorld(t, as(id, ""), fakevertex.Scenario{Text: "\treturn a + b\n"})
		params := prompt("func add(a, b int) int {\n")
		params.Suffix, params.Seed, params.Stop.OfString = openai.String("}\n"), openai.Int(7), openai.String("func ")
		if a := completed(t, w, params, "\treturn a + b\n", stream); a.Choices[0].FinishReason != "stop" {
			t.Errorf("finish %s", a.Choices[0].FinishReason)
		}
		m, _ := w.config.Catalogue.Find(id)
		w.wantCall(m, partnerMethod(m, stream))
		sent := decode[map[string]any](t, w.vertex.Requests()[0].Body)
		for name, want := range map[string]any{"model": id, "prompt": "func add(a, b int) int {\n", "suffix": "}\n", "random_seed": 7.0, "max_tokens": 16.0, "messages": nil} {
			if !cmp.Equal(sent[name], want) {
				t.Errorf("sent %s %v, want %v", name, sent[name], want)
			}
		}
	})
}

// The same by plain HTTP, each object against the schema.
func TestFillInTheMiddlePlainly(t *testing.T) {
	w := newWorld(t, as("codestral-2", ""), fakevertex.Scenario{Text: "return a + b"})
	const body = `{"model":"mine","prompt":"func add(a, b int) int {","suffix":"}","max_tokens":64`
	r := w.post("/v1/completions", body+`}`)
	openaitestCheck(t, "CreateCompletionResponse", r.body)
	r.wantHeaders("X-Gateway-Model", "codestral-2", "X-Gateway-Warnings", "", "Content-Type", "application/json")
	s := w.post("/v1/completions", body+`,"stream":true}`)
	s.wantHeaders("Content-Type", "text/event-stream; charset=utf-8")
	lines := strings.Split(strings.TrimSpace(string(s.body)), "\n\n")
	var text strings.Builder
	for _, line := range lines[:len(lines)-1] {
		data := []byte(strings.TrimPrefix(line, "data: "))
		text.WriteString(decode[struct{ Choices []struct{ Text string } }](t, data).Choices[0].Text)
	}
	if text.String() != "return a + b" || lines[len(lines)-1] != "data: [DONE]" || s.err != nil {
		t.Errorf("stream %s, %v", s.body, s.err)
	}
}

func TestCompletionsBrokenStream(t *testing.T) {
	for _, id := range []string{"claude-opus-4-8", "codestral-2", "deepseek-v3.2-maas"} {
		for name, fails := range map[string]fakevertex.Scenario{"upstream error": {ErrorAfter: 6}, "cut off": {CutAfter: 6}, "closed early": {CloseAfter: 6}} {
			t.Run(id+", "+name, func(t *testing.T) {
				fails.Text, fails.Events = "one two three four five six seven eight nine ten", 10
				w := newWorld(t, as(id, ""), fails)
				params := prompt("Count.")
				params.Model, params.MaxTokens = configured, openai.Int(100)
				a, err := ownCompletion(t.Context(), w.official(option.WithMaxRetries(0)), params, true)
				if _, ok := errors.AsType[*ssestream.StreamError](err); !ok || a.Choices[0].Text == "" || a.Choices[0].FinishReason != "" {
					t.Errorf("error %T %v behind %+v", err, err, a)
				}
			})
		}
	}
}

// pdf is a document with so many pages.
func pdf(pages int) []byte {
	return []byte("%PDF-1.4\n" + strings.Repeat("<< /Type /Page >>\n", pages))
}

// scan asks for the text of a document.
func scan(kind, url, more string) string {
	return `{"model":"mine","document":{"type":"` + kind + `","` + kind + `":"` + url + `"}` + more + `}`
}

func TestOCR(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/scan.pdf" {
			_, _ = w.Write(pdf(2))
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(site.Close)
	inline := func(kind string, data []byte) string {
		return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
	}
	for _, tt := range []struct {
		name, body string
		pages      []int
		images     int // with data
	}{
		{"a document", scan("document_url", inline("application/pdf", pdf(3)), ""), []int{0, 1, 2}, 0},
		{"a link", scan("document_url", site.URL+"/scan.pdf", ""), []int{0, 1}, 0},
		{"pages by number", scan("document_url", inline("application/pdf", pdf(9)), `,"pages":[0,7]`), []int{0, 7}, 0},
		{"pages by range", scan("document_url", inline("application/pdf", pdf(9)), `,"pages":"1-3"`), []int{1, 2, 3}, 0},
		{"with images", scan("document_url", inline("application/pdf", pdf(2)), `,"include_image_base64":true`), []int{0, 1}, 2},
		{"a picture", scan("image_url", "data:image/png;base64,"+grayPNG(t), ""), []int{0}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, as("mistral-ocr-2505", "")+"fetch: {allow_private: [127.0.0.0/8]}\n", fakevertex.Scenario{Text: "An invoice."})
			r := w.post("/v1/ocr", tt.body)
			if r.status != http.StatusOK {
				t.Fatalf("status %d: %s", r.status, r.body)
			}
			w.wantScan(r, tt.pages, tt.images)
			call := w.vertex.Requests()[0]
			if sent := string(call.Body); call.Method != "rawPredict" || call.Model != "mistral-ocr-2505" || strings.Contains(sent, site.URL) || !strings.Contains(sent, `"model":"mistral-ocr-2505"`) {
				t.Errorf("called %s by %s with %s", call.Model, call.Method, sent)
			}
			w.wantSeries("gateway_requests_total", map[string]float64{`endpoint="ocr",model="mine",status="200",team=""`: 1})
			w.wantSeries("gateway_tokens_total", map[string]float64{})
			if got := w.line().ContextMap()["pages"]; got != int64(call.Usage.Pages) || call.Usage.Pages != len(tt.pages) {
				t.Errorf("logged %v pages, billed %d", got, call.Usage.Pages)
			}
		})
	}
}

// wantScan checks what was read of a document.
func (w *world) wantScan(r *reply, pages []int, images int) {
	w.t.Helper()
	a := decode[struct {
		Model string
		Pages []struct {
			Index    int
			Markdown string
			Images   []struct {
				Data *string `json:"image_base64"`
			}
		}
		Usage struct {
			Pages int `json:"pages_processed"`
		} `json:"usage_info"`
	}](w.t, r.body)
	var read []int
	for _, p := range a.Pages {
		read = append(read, p.Index)
		if !strings.Contains(p.Markdown, "An invoice.") {
			w.t.Errorf("page %d: %s", p.Index, p.Markdown)
		}
		for _, image := range p.Images {
			if image.Data != nil {
				images--
			}
		}
	}
	if a.Model != configured || !slices.Equal(read, pages) || images != 0 || a.Usage.Pages != len(pages) {
		w.t.Errorf("answer %s, want pages %v", r.body, pages)
	}
}

func TestOCRRefusals(t *testing.T) {
	w := newWorld(t, as("mistral-ocr-2505", ""))
	w.post("/v1/ocr", `{"model":"mine"}`).failure(400, "missing_required_parameter", "document")
	w.post("/v1/ocr", `{"model":"nobody","document":{"type":"image_url","image_url":"data:,"}}`).failure(404, "model_not_found", "model")
	w.post("/v1/ocr", scan("document_url", "http://127.0.0.1:1/a.pdf", "")).failure(400, "invalid_image_url", "document")
	if n := len(w.vertex.Requests()); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
	long := scan("document_url", "data:application/pdf;base64,"+base64.StdEncoding.EncodeToString(pdf(31)), "")
	if e := w.post("/v1/ocr", long).failure(400, "", ""); !strings.Contains(e.Message, "more than 30") {
		t.Errorf("message %q", e.Message)
	}
}

// A model asked for what it has no business with is refused with the right path.
func TestWrongPath(t *testing.T) {
	const chat, completions, embeddings, ocr = "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/ocr"
	bodies := map[string]string{
		chat: `{"model":"mine","messages":[{"role":"user","content":"a"}]}`, completions: `{"model":"mine","prompt":"a"}`,
		embeddings: `{"model":"mine","input":"a"}`, ocr: scan("document_url", "data:application/pdf;base64,JVBERi0xLjQ=", ""),
	}
	for model, right := range map[string][]string{ // the first is named
		"mistral-ocr-2505":            {ocr},
		"text-embedding-005":          {embeddings},
		"multilingual-e5-large-maas":  {embeddings},
		"claude-opus-4-8":             {chat, completions},
		"mistral-medium-3":            {chat, completions},
		"codestral-2":                 {chat, completions},
		"jamba-1.5-mini":              {chat, completions},
		"gemini-3.8-flash":            {chat},
		"llama-3.3-70b-instruct-maas": {chat},
		"glm-5-maas":                  {chat, completions},
	} {
		w := newWorld(t, as(model, ""))
		for path, body := range bodies {
			r := w.post(path, body)
			if slices.Contains(right, path) {
				if r.status != http.StatusOK {
					t.Errorf("%s on %s: status %d: %s", path, model, r.status, r.body)
				}
				continue
			}
			if e := r.failure(400, "unsupported_value", "model"); !strings.Contains(e.Message, "POST "+right[0]+".") || !strings.Contains(e.Message, path) {
				t.Errorf("%s on %s: %s", path, model, e.Message)
			}
		}
	}
	for _, model := range []string{"claude-opus-4-8", "mistral-medium-3"} {
		w := newWorld(t, as(model, ""))
		e := w.post(completions, `{"model":"mine","prompt":"a","suffix":"b"}`).failure(400, "unsupported_parameter", "suffix")
		if !strings.Contains(e.Message, "Codestral") {
			t.Errorf("suffix on %s: %s", model, e.Message)
		}
	}
}

// A dry run tells where each path leads and with what, and calls nobody.
func TestPathDryRun(t *testing.T) {
	const publishers = "/v1/projects/test-project/locations/us-central1/publishers/"
	for _, tt := range []struct{ model, path, body, url, sent string }{
		{"mistral-medium-3", "/v1/chat/completions", question(configured, ""), publishers + "mistralai/models/mistral-medium-3:rawPredict", `{"model":"mistral-medium-3","messages":[{"role":"user","content":"How are you?"}]}`},
		{"jamba-1.5-large", "/v1/chat/completions", question(configured, streamed), publishers + "ai21/models/jamba-1.5-large:streamRawPredict", `{"model":"jamba-1.5-large","messages":[{"role":"user","content":"How are you?"}],"stream":true}`},
		{"gpt-oss-20b-maas", "/v1/chat/completions", question(configured, ""), "/v1/projects/test-project/locations/us-central1/endpoints/openapi/chat/completions", `{"model":"openai/gpt-oss-20b-maas","messages":[{"role":"user","content":"How are you?"}]}`},
		{"deepseek-v3.2-maas", "/v1/completions", `{"model":"mine","prompt":"a"}`, "/v1/projects/test-project/locations/global/endpoints/openapi/completions", `{"model":"deepseek-ai/deepseek-v3.2-maas","prompt":"a"}`},
		{"codestral-2", "/v1/completions", `{"model":"mine","prompt":"a","suffix":"b"}`, publishers + "mistralai/models/codestral-2:rawPredict", `{"model":"codestral-2","prompt":"a","suffix":"b","max_tokens":16}`},
		{"text-embedding-005", "/v1/embeddings", `{"model":"mine","input":["a","b"],"dimensions":5}`, publishers + "google/models/text-embedding-005:predict", `{"instances":[{"content":"a"},{"content":"b"}],"parameters":{"outputDimensionality":5}}`},
		{"multilingual-e5-large-maas", "/v1/embeddings", `{"model":"mine","input":"a"}`, "/v1/projects/test-project/locations/us-central1/endpoints/openapi/embeddings", `{"model":"intfloat/multilingual-e5-large-maas","input":"a"}`},
		{"mistral-ocr-2505", "/v1/ocr", scan("document_url", "data:application/pdf;base64,JVBERi0xLjQ=", ""), publishers + "mistralai/models/mistral-ocr-2505:rawPredict", `{"model":"mistral-ocr-2505","document":{"type":"document_url","document_url":"data:application/pdf;base64,JVBERi0xLjQ="}}`},
	} {
		t.Run(fmt.Sprint(tt.path, " ", tt.model), func(t *testing.T) {
			w := newWorld(t, as(tt.model, ""))
			r := w.post(tt.path, tt.body, "X-Gateway-Dry-Run", "true")
			shown := decode[struct {
				Attempts []struct {
					Method, URL string
					Body        json.RawMessage
				}
			}](t, r.body).Attempts
			if m, _ := w.config.Catalogue.Find(tt.model); len(shown) != len(m.Locations) {
				t.Fatalf("answer %s", r.body)
			}
			first := shown[0]
			if diff := cmp.Diff(decode[map[string]any](t, []byte(tt.sent)), decode[map[string]any](t, first.Body)); diff != "" || first.Method != "POST" || first.URL != w.upstream.URL+tt.url {
				t.Errorf("%s %s, body (-want +got):\n%s", first.Method, first.URL, diff)
			}
			w.wantLocations("")
		})
	}
}
