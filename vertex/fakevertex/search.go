package fakevertex

import (
	"strings"

	"github.com/go-json-experiment/json"
)

// A searchResult is the block that answers a web search.
type searchResult struct {
	Type    string `json:"type"`
	ID      string `json:"tool_use_id"`
	Content any    `json:"content"` // pages or a searchFailure
}

// A page is what every web search finds.
type page struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	URL     string `json:"url"`
	Content string `json:"encrypted_content"`
	Age     string `json:"page_age"`
}

// A searchFailure stands in place of pages.
type searchFailure struct {
	Type string `json:"type"`
	Code string `json:"error_code"`
}

// searchErrors are the codes of a searchFailure.
var searchErrors = []string{"invalid_tool_input", "max_uses_exceeded", "query_too_long", "request_too_large", "too_many_requests", "unavailable"}

// A citation points to a page.
type citation struct {
	Type  string  `json:"type"`
	Cited string  `json:"cited_text"`
	URL   string  `json:"url"`
	Title *string `json:"title"`
	Index string  `json:"encrypted_index"`
}

const (
	pageTitle = "Vertex (geometry)"
	pageURL   = "https://example.com/vertex"
)

// Bytes, UTF-16 units and code points of what an answer with citations says are different
// in number.
const (
	foundText = "I found this 🔎: "
	citedText = "a vertex is a corner — ein Éck 📐."
)

// searches reports whether the web is searched: web search is offered, and the question
// says "search", or the scenario wants it, or a search goes on.
func (w *writer) searches() bool {
	if choice := w.request.ToolChoice; choice != nil && choice.Type == "none" || !w.request.offersSearch() {
		return false
	}
	if w.scenario.Pauses > 0 || len(w.request.served()) > 0 {
		return true
	}
	return !w.scenario.plain() && !w.request.answersTool() && strings.Contains(strings.ToLower(w.request.question()), "search")
}

// saySearch says a search, what it found, and a text that cites it; or of that what the
// rounds before left, and only one block of it while the answer is to pause.
func (w *writer) saySearch() {
	before := w.request.served()
	pending := pendingCall(before)
	if len(before) < w.scenario.Pauses {
		w.sayStep(pending)
		if !w.full {
			w.answer.stop = "pause_turn"
		}
		return
	}
	if len(before) == 0 {
		pending = w.sayQuery()
	}
	if pending != "" {
		w.sayPages(pending)
	}
	w.sayCited()
}

// sayStep is one round of an answer that pauses.
func (w *writer) sayStep(pending string) {
	if pending == "" {
		w.sayQuery()
		return
	}
	w.sayPages(pending)
}

// sayQuery returns the id of the search.
func (w *writer) sayQuery() string {
	id := w.dice.serverToolID()
	query, _ := json.Marshal(map[string]string{"query": clip(w.request.question(), 60)})
	w.say(said{kind: "server_tool_use", id: id, name: "web_search", text: string(query)})
	return id
}

// sayPages says what the search found. One that failed costs nothing.
func (w *writer) sayPages(id string) {
	if w.full {
		return
	}
	result := searchResult{"web_search_tool_result", id, searchFailure{"web_search_tool_result_error", w.scenario.SearchError}}
	if w.scenario.SearchError == "" {
		w.answer.usage.Searches++
		result.Content = []page{{"web_search_result", pageTitle, pageURL, w.dice.seal(pageURL), "November 22, 2026"}}
	}
	block, _ := json.Marshal(result)
	w.answer.blocks = append(w.answer.blocks, said{kind: result.Type, whole: string(block)})
}

func (w *writer) sayCited() {
	switch {
	case w.scenario.Text != "":
		w.say(said{kind: "text", text: w.scenario.Text})
		return
	case w.scenario.SearchError != "":
		w.say(said{kind: "text", text: "I could not search: " + w.scenario.SearchError})
		return
	}
	w.say(said{kind: "text", text: foundText})
	title := new(pageTitle)
	if w.scenario.Untitled {
		title = nil
	}
	cited, _ := json.Marshal(citation{"web_search_result_location", "A vertex is a corner.", pageURL, title, w.dice.id("E", 80)})
	w.say(said{kind: "text", text: citedText, citation: string(cited)})
}
