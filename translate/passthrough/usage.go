package passthrough

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// Usage reads the usage object of an OpenAI-shaped answer; false: it is none.
func Usage(value jsontext.Value) (openai.Usage, bool) {
	var u struct {
		Prompt     tokens `json:"prompt_tokens"`
		Completion tokens `json:"completion_tokens"`
		Total      tokens `json:"total_tokens"`
		Cached     tokens `json:"cached_tokens"` // where some servers have it
		PromptOf   struct {
			Cached tokens `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		CompletionOf struct {
			Reasoning tokens `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
	if value.Kind() != '{' || json.Unmarshal(value, &u, translate.Lenient) != nil {
		return openai.Usage{}, false
	}
	prompt := u.Prompt.count()
	cached := min(max(u.Cached.count(), u.PromptOf.Cached.count()), prompt)
	// Grok counts its reasoning beside the completion, and in the total (vertex.md 1.4).
	output := max(u.Completion.count(), u.Total.count()-prompt)
	return openai.Usage{
		Input: prompt - cached, CacheRead: cached, Output: output,
		Reasoning: min(u.CompletionOf.Reasoning.count(), output),
	}, true
}

// tokens are a number that some servers write with a point.
type tokens float64

func (t tokens) count() int64 { return int64(min(max(t, 0), 1<<53)) }
