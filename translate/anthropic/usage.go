package anthropic

import "vertexgateway/translate/openai"

// usage as Claude counts it. In a stream it comes several times, each time with the
// totals so far; what is absent or null stays as it was.
type usage struct {
	Input         *int64 `json:"input_tokens"`
	Output        *int64 `json:"output_tokens"`
	CacheRead     *int64 `json:"cache_read_input_tokens"`
	CacheWrite    *int64 `json:"cache_creation_input_tokens"`
	CacheCreation struct {
		For5m *int64 `json:"ephemeral_5m_input_tokens"`
		For1h *int64 `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
	OutputDetails struct {
		Thinking *int64 `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
	ServerTools struct {
		WebSearches *int64 `json:"web_search_requests"`
	} `json:"server_tool_use"`
}

func (u *usage) overlay(total *openai.Usage) {
	set := func(field *int64, value *int64) {
		if value != nil {
			*field = *value
		}
	}
	set(&total.Input, u.Input)
	set(&total.Output, u.Output)
	set(&total.CacheRead, u.CacheRead)
	set(&total.Reasoning, u.OutputDetails.Thinking)
	set(&total.WebSearches, u.ServerTools.WebSearches)
	set(&total.CacheWrite5m, u.CacheCreation.For5m)
	set(&total.CacheWrite1h, u.CacheCreation.For1h)
	if u.CacheWrite != nil && *u.CacheWrite > 0 {
		// What the split does not explain was written for 5 minutes (cases.md H06).
		total.CacheWrite5m = max(0, *u.CacheWrite-total.CacheWrite1h)
	}
}

// Usage is what the upstream has reported so far, as the client is to see it: of an answer
// in several rounds the prompt of the last, and what all of them wrote (openai-claude.md
// B.2).
func (s *Stream) Usage() openai.Usage {
	u := s.usage
	u.Output += s.earlier.Output
	u.Reasoning += s.earlier.Reasoning
	u.WebSearches += s.earlier.WebSearches
	return u
}

// Billed is everything that all rounds used.
func (s *Stream) Billed() openai.Usage {
	u := s.earlier
	u.Add(s.usage)
	return u
}
