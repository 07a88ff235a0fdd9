package anthropic

import (
	"slices"
	"strings"
)

// betas are the values of the anthropic-beta header that Vertex AI takes and that mean
// something to a chat request, by what clients ask for (vertex.md 2.3). All others are an
// error there.
var betas = map[string]string{
	"advanced-tool-use-2025-11-20":        "tool-search-tool-2025-10-19",
	"context-1m-2025-08-07":               "context-1m-2025-08-07",
	"interleaved-thinking-2025-05-14":     "interleaved-thinking-2025-05-14",
	"thinking-display-updates-2026-08-18": "thinking-display-updates-2026-08-18",
	"tool-search-tool-2025-10-19":         "tool-search-tool-2025-10-19",
	"web-search-2025-03-05":               "web-search-2025-03-05",
}

// setBetas keeps what is known of what the client asks for, each once.
func (t *translation) setBetas() {
	for _, list := range t.chat.AnthropicBeta {
		for asked := range strings.SplitSeq(list, ",") {
			asked = strings.TrimSpace(asked)
			beta, known := betas[asked]
			switch {
			case asked == "" || slices.Contains(t.betas, beta):
			case !known || slices.Contains(t.options.Without, beta):
				t.warn("anthropic_beta", "dropped")
			default:
				t.betas = append(t.betas, beta)
			}
		}
	}
}
