package fakevertex

import (
	"strings"

	"github.com/go-json-experiment/json"
)

// A found page is what every web search finds.
type found struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	URL     string `json:"url"`
	Content string `json:"encrypted_content"`
	Age     string `json:"page_age"`
}

// A citation points to a found page.
type citation struct {
	Type  string `json:"type"`
	Cited string `json:"cited_text"`
	URL   string `json:"url"`
	Title string `json:"title"`
	Index string `json:"encrypted_index"`
}

const (
	pageTitle = "Vertex (geometry)"
	pageURL   = "https://example.com/vertex"
)

// searches reports whether the web is searched: web search is offered and the question
// says "search".
func (w *writer) searches() bool {
	if choice := w.request.ToolChoice; choice != nil && choice.Type == "none" || w.scenario.plain() || w.request.answersTool() {
		return false
	}
	for i := range w.request.Tools {
		if w.request.Tools[i].Type == "web_search_20250305" {
			return strings.Contains(strings.ToLower(w.request.question()), "search")
		}
	}
	return false
}

// saySearch is a search, what it found, and a text that cites it.
func (w *writer) saySearch() {
	id := w.dice.id("srvtoolu_vrtx_01", 22)
	query, _ := json.Marshal(map[string]string{"query": clip(w.request.question(), 60)})
	w.say(said{kind: "server_tool_use", id: id, name: "web_search", text: string(query)})
	if w.full {
		return
	}
	w.answer.usage.Searches++
	pages, _ := json.Marshal(struct {
		Type    string  `json:"type"`
		ID      string  `json:"tool_use_id"`
		Content []found `json:"content"`
	}{"web_search_tool_result", id, []found{{"web_search_result", pageTitle, pageURL, w.dice.id("E", 200), "November 22, 2026"}}})
	w.answer.blocks = append(w.answer.blocks, said{kind: "web_search_tool_result", whole: string(pages)})
	w.say(said{kind: "text", text: "I found this: "})
	cited, _ := json.Marshal(citation{"web_search_result_location", "A vertex is a corner.", pageURL, pageTitle, w.dice.id("E", 80)})
	w.say(said{kind: "text", text: "a vertex is a corner.", citation: string(cited)})
}
