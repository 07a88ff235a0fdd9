package proxy

import (
	"strings"
	"testing"

	"vertexgateway/translate/openai"
)

// What is reserved follows the text of a request, and not the bytes of its images.
func TestInputTokens(t *testing.T) {
	image := strings.Repeat("iVBORw0KGgo", 100_000)
	for _, tt := range []struct {
		name, body string
		low, high  int64
	}{
		{"empty", "", 0, 0},
		{"text", strings.Repeat("word ", 8000), 9_000, 11_000},
		{"an image", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + image + `"}}]}]}`, 1500, 1600},
		{"in Anthropic's form", `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + image + `"}}`, 1500, 1600},
		{"spaced", `{"data": "` + image + `"}`, 1500, 1600},
		{"two", `"data:image/png;base64,` + image + `","data:image/png;base64,` + image + `"`, 3000, 3100},
		{"raw file_data", `{"file_data":"` + image + `"}`, 1500, 1600},
		{"text behind a mark", `"x;base64,` + strings.Repeat("word ", 8000) + `"`, 9_000, 11_000},
		{"text called data", `{"data":"short"}`, 1, 10},
		{"cut off", `"data:image/png;base64,` + strings.Repeat("A", 400), 100, 110},
	} {
		if got := inputTokens([]byte(tt.body)); got < tt.low || got > tt.high {
			t.Errorf("%s: %d tokens, want %d to %d", tt.name, got, tt.low, tt.high)
		}
	}
}

func TestForecast(t *testing.T) {
	for maxTokens, want := range map[int64]int64{0: expectedOutput, -5: expectedOutput, 10: 10, 64_000: expectedOutput} {
		if f := forecast([]byte("12345678"), &openai.ChatRequest{MaxTokens: &maxTokens}); f.Output != want || f.Input != 2 {
			t.Errorf("max_tokens %d: %+v", maxTokens, f)
		}
	}
	for n, want := range map[int64]int64{-1: 10, 3: 30, 1e9: 10 * maxChoices} {
		if f := forecast(nil, &openai.ChatRequest{MaxCompletionTokens: new(int64(10)), N: &n}); f.Output != want {
			t.Errorf("n %d: %+v", n, f)
		}
	}
}

func BenchmarkForecast(b *testing.B) {
	body := []byte(strings.Repeat(`{"role":"user","content":"How are you? Tell me at length."},`, 1500))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		forecast(body, new(openai.ChatRequest))
	}
}
