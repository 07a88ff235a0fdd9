package anthropic

import (
	"cmp"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// citations takes a list apart; what is no list has none.
func citations(list jsontext.Value) []jsontext.Value {
	var elements []jsontext.Value
	if list.Kind() != '[' || json.Unmarshal(list, &elements, translate.Lenient) != nil {
		return nil
	}
	return elements
}

// cite takes a citation of the open text block. Only pages of the web have a form at
// OpenAI (openai-claude.md B); the same page twice says no more than once.
func (s *Stream) cite(value jsontext.Value) {
	if s.open != openText {
		return
	}
	if s.kept != nil {
		s.kept.cite(value)
	}
	if !s.reading.cites {
		return
	}
	var location struct {
		Type  string `json:"type"`
		URL   string `json:"url"`
		Title string `json:"title"`
	}
	err := json.Unmarshal(value, &location, translate.Lenient)
	if err != nil || location.Type != "web_search_result_location" || location.URL == "" {
		return
	}
	page := openai.Page{URL: location.URL, Title: cmp.Or(location.Title, location.URL)}
	if !slices.Contains(s.pages, page) {
		s.pages = append(s.pages, page)
	}
}

// emitPassage tells what the text from a position on cites, if it cites anything.
func (s *Stream) emitPassage(from int, pages []openai.Page) {
	if len(pages) > 0 {
		s.emit(openai.Delta{Kind: openai.DeltaPassage, Passage: &openai.Passage{Start: from, End: s.position.points, Pages: pages}})
	}
}

// A position counts text that comes in pieces.
type position struct {
	points int  // Unicode code points
	high   bool // the last unit was the first half of a surrogate pair
}

func (p *position) advance(text openai.Escaped) {
	for len(text) > 0 {
		n := unitLength(text)
		unit := text[:n]
		text = text[n:]
		if n == len(`\u0000`) {
			p.surrogate(hexRune(unit))
			continue
		}
		p.high = false
		if utf8.RuneStart(unit[0]) {
			p.points++
		}
	}
}

// surrogate counts a character that was written as \u and four digits.
func (p *position) surrogate(r rune) {
	if p.high && isLow(r) {
		p.high = false
		return
	}
	p.points++
	p.high = isHigh(r)
}

func isHigh(r rune) bool { return utf16.IsSurrogate(r) && r < 0xdc00 }
func isLow(r rune) bool  { return utf16.IsSurrogate(r) && r >= 0xdc00 }

// hexRune is the character of an escape of six bytes.
func hexRune(escape []byte) rune {
	var r rune
	for _, c := range escape[2:6] {
		digit := rune(c - '0')
		if c > '9' {
			digit = rune(c|0x20-'a') + 10
		}
		r = r<<4 | digit
	}
	return r
}
