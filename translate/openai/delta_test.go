package openai_test

import (
	"testing"

	"vertexgateway/translate/openai"
)

// What a model has said is known in bytes even of chunks that are passed on.
func TestSpoken(t *testing.T) {
	for _, tt := range []struct {
		kind openai.DeltaKind
		text string
		want int
	}{
		{openai.DeltaContent, `one\ntwo`, 7},
		{openai.DeltaContent, `\u4f60\u597d`, 4},
		{openai.DeltaContent, "plain", 5},
		{openai.DeltaReasoning, "hm", 2},
		{openai.DeltaArguments, `{\"a\":1}`, 7},
		{openai.DeltaSignature, "c2lnbmVk", 0},
		{openai.DeltaPassage, "", 0},
		{openai.DeltaCompletion, `{"choices":[{"message":{"content":"whole"}}]}`, 5},
		{openai.DeltaChunk, `{"choices":[{"delta":{"role":"assistant","content":""}}]}`, 0},
		{openai.DeltaChunk, `{"choices":[{"delta":{"content":"12\"45"}},{"delta":{"content":"67","reasoning_content":"8"}}]}`, 8},
		{openai.DeltaChunk, `{"choices": [{"delta": {"content": "spaced", "reasoning": "ab", "reasoning_content": "ab"}}]}`, 8},
		{openai.DeltaChunk, `{"choices":[{"delta":{"content":null}}]}`, 0},
		{openai.DeltaChunk, `{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}`, 2},
		{openai.DeltaChunk, `{"choices":[{"text":"abc"}]}`, 3},
		{openai.DeltaChunk, `{"choices":[{"text":"cut off\`, 8},
	} {
		d := openai.Delta{Kind: tt.kind, Text: openai.Escaped(tt.text)}
		if got := d.Spoken(); got != tt.want {
			t.Errorf("%d %s: %d bytes, want %d", tt.kind, tt.text, got, tt.want)
		}
	}
}

func TestUsageMinus(t *testing.T) {
	part := openai.Usage{Input: 1, Output: 2, CacheRead: 3, CacheWrite5m: 4, CacheWrite1h: 5, Reasoning: 6, WebSearches: 7, Pages: 8}
	whole := part
	whole.Add(part)
	if rest := whole.Minus(part); rest != part {
		t.Errorf("%+v", rest)
	}
}
