package proxy_test

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"

	"vertexgateway/vertex/fakevertex"
)

// embedders :: models of embeddings -> the length of their vectors
var embedders = map[string]int{
	"text-embedding-005": 768, "text-multilingual-embedding-002": 768, "gemini-embedding-001": 3072,
	"multilingual-e5-large-maas": 1024, "multilingual-e5-large-instruct-maas": 1024,
}

// texts are different ones, n of them.
func texts(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "text number " + strconv.Itoa(i)
	}
	return all
}

func embed(t *testing.T, w *world, params openai.EmbeddingNewParams, texts ...string) *openai.CreateEmbeddingResponse {
	t.Helper()
	params.Model = configured
	params.Input.OfArrayOfStrings = texts
	a, err := w.official().Embeddings.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	openaitestCheck(t, "CreateEmbeddingResponse", []byte(a.RawJSON()))
	return a
}

func TestEmbeddings(t *testing.T) {
	for id, size := range embedders {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t, as(id, ""))
			a := embed(t, w, openai.EmbeddingNewParams{}, "one", "two words", "one")
			if len(a.Data) != 3 || a.Model != configured || !slices.Equal(a.Data[0].Embedding, a.Data[2].Embedding) || slices.Equal(a.Data[0].Embedding, a.Data[1].Embedding) {
				t.Errorf("answer of %d, %s", len(a.Data), a.Model)
			}
			for i, d := range a.Data {
				if len(d.Embedding) != size || int(d.Index) != i {
					t.Errorf("embedding %d: index %d, %d numbers", i, d.Index, len(d.Embedding))
				}
			}
			method := "predict"
			if strings.HasSuffix(id, "-maas") {
				method = "embeddings"
			}
			m, _ := w.config.Catalogue.Find(id)
			w.wantCall(m, method)
			w.wantBill("embeddings", a.Usage.PromptTokens, 0, a.Usage.TotalTokens)
		})
	}
}

// OpenAI's SDKs for Python and Node ask for base64 where their user asks for nothing.
func TestEmbeddingsInBase64(t *testing.T) {
	for id := range embedders {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t, as(id, ""))
			floats := embed(t, w, openai.EmbeddingNewParams{}, "one", "two").Data
			r := w.post("/v1/embeddings", `{"model":"mine","input":["one","two"],"encoding_format":"base64"}`)
			data := decode[struct {
				Data []struct {
					Index     int
					Embedding string
				}
			}](t, r.body).Data
			if len(data) != 2 {
				t.Fatalf("answer %s", r.body)
			}
			for i, d := range data {
				if diff := cmp.Diff(floats[i].Embedding, numbers(t, d.Embedding)); diff != "" || d.Index != i {
					t.Errorf("embedding %d, index %d (-float +base64):\n%s", i, d.Index, diff)
				}
			}
		})
	}
}

// numbers decodes base64 of 32-bit floats, rounded as they are in JSON.
func numbers(t *testing.T, text string) []float64 {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var values []float64
	for ; len(raw) >= 4; raw = raw[4:] {
		short := strconv.FormatFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))), 'g', -1, 32)
		value, err := strconv.ParseFloat(short, 64)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	return values
}

func TestEmbeddingsDimensions(t *testing.T) {
	for _, id := range []string{"text-embedding-005", "gemini-embedding-001"} {
		w := newWorld(t, as(id, ""))
		if got := len(embed(t, w, openai.EmbeddingNewParams{Dimensions: openai.Int(256)}, "one").Data[0].Embedding); got != 256 {
			t.Errorf("%s: %d numbers, want 256", id, got)
		}
		r := w.post("/v1/embeddings", `{"model":"mine","input":"one","dimensions":9999}`)
		if e := r.failure(400, "", ""); !strings.Contains(e.Message, "outputDimensionality") {
			t.Errorf("%s: %s", id, e.Message)
		}
	}
}

// More texts than one call takes are parted, and come back in order and as one answer.
func TestEmbeddingsBatches(t *testing.T) {
	all := texts(600)
	w := newWorld(t, as("text-embedding-005", ""))
	a := embed(t, w, openai.EmbeddingNewParams{}, all...)
	if len(a.Data) != len(all) {
		t.Fatalf("%d embeddings", len(a.Data))
	}
	var sizes []int
	sum := 0
	for _, r := range w.vertex.Requests() {
		sizes = append(sizes, len(decode[struct{ Instances []any }](t, r.Body).Instances))
		sum += r.Usage.Input
	}
	if !slices.Equal(sizes, []int{250, 250, 100}) || int(a.Usage.PromptTokens) != sum || a.Usage.TotalTokens != a.Usage.PromptTokens {
		t.Errorf("batches %v, usage %+v, billed %d", sizes, a.Usage, sum)
	}
	w.wantSeries("gateway_tokens_total", map[string]float64{`model="mine",team="",type="input"`: float64(sum)})
	for _, i := range []int{0, 249, 250, 499, 500, 599} {
		alone := embed(t, w, openai.EmbeddingNewParams{}, all[i]).Data[0]
		if d := a.Data[i]; int(d.Index) != i || !slices.Equal(d.Embedding, alone.Embedding) {
			t.Errorf("embedding %d, index %d, is not that of %q", i, d.Index, all[i])
		}
	}
}

// A batch that fails is asked for elsewhere, with all of them: what was billed in vain is
// counted, but not told as the answer's.
func TestEmbeddingsBatchFails(t *testing.T) {
	w := newWorld(t, as("text-embedding-005", ""), fakevertex.Scenario{Times: 1}, fakevertex.Scenario{Status: 429, Times: 1})
	a := embed(t, w, openai.EmbeddingNewParams{}, texts(300)...)
	w.wantLocations("us-central1 us-central1 europe-west4 europe-west4")
	calls := w.vertex.Requests()
	answered := calls[2].Usage.Input + calls[3].Usage.Input
	if len(a.Data) != 300 || int(a.Usage.PromptTokens) != answered {
		t.Errorf("%d embeddings, usage %+v, billed %d", len(a.Data), a.Usage, answered)
	}
	w.wantSeries("gateway_tokens_total", map[string]float64{`model="mine",team="",type="input"`: float64(answered + calls[0].Usage.Input)})
}
