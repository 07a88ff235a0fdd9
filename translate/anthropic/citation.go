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

// A textState is what becomes of text blocks.
type textState uint8

const (
	textFlows textState = iota
	textWaits           // it may turn out that a call's input is the text of the answer
	textOver            // such a call came: its input is all the text there is
)

// A passage is a text block that waits, with what it cites.
type passage struct {
	text      []byte
	citations []openai.Citation
}

// giveOpening gives out what the request put into Claude's mouth, before anything else.
func (s *Stream) giveOpening() {
	if len(s.opening) > 0 {
		s.show(s.opening)
		s.opening = nil
	}
}

func (s *Stream) startText(b *contentBlock) {
	s.open, s.from, s.citations = openText, s.position.points, nil
	if s.state == textWaits {
		s.held = append(s.held, passage{})
	}
	if first := inside(b.Text); len(first) > 0 {
		s.text(first)
	}
	for _, citation := range citations(b.Citations) {
		s.cite(citation)
	}
}

// text takes a piece of the open text block.
func (s *Stream) text(piece openai.Escaped) {
	switch {
	case !s.shaped:
		s.emitText(openai.DeltaContent, 0, piece)
	case s.state == textWaits:
		last := &s.held[len(s.held)-1]
		last.text = append(last.text, piece...)
	case s.state == textFlows:
		s.show(s.fence.take(piece))
	}
}

// show emits text and counts it.
func (s *Stream) show(piece openai.Escaped) {
	if s.reading.cites {
		s.position.advance(piece)
	}
	s.emitText(openai.DeltaContent, 0, piece)
}

func (s *Stream) stopText() {
	switch s.state {
	case textWaits:
		s.held[len(s.held)-1].citations = s.citations
	case textFlows:
		s.emitCitations(s.from, s.citations)
	case textOver:
	}
	s.citations = nil // a front may still hold them
}

// startJSON begins the call whose input is the text of the answer. It is one text: of a
// second call nothing is shown.
func (s *Stream) startJSON() {
	if s.state == textOver {
		return
	}
	s.open, s.state = openJSON, textOver
	s.held, s.fence = nil, fence{}
}

// release gives out the text that waited.
func (s *Stream) release() {
	if s.state != textWaits {
		return
	}
	s.state = textFlows
	for _, p := range s.held {
		from := s.position.points
		s.show(s.fence.take(p.text))
		s.emitCitations(from, p.citations)
	}
	s.held = nil
}

// closeFence gives out what might have been a fence and is none, at the end of the text.
func (s *Stream) closeFence() { s.show(s.fence.rest()) }

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
	citation := openai.Citation{URL: location.URL, Title: cmp.Or(location.Title, location.URL)}
	if !slices.Contains(s.citations, citation) {
		s.citations = append(s.citations, citation)
	}
}

// emitCitations emits the citations of the text from a position on.
func (s *Stream) emitCitations(from int, citations []openai.Citation) {
	for i := range citations {
		citations[i].Start, citations[i].End = from, s.position.points
	}
	if len(citations) > 0 {
		s.emit(openai.Delta{Kind: openai.DeltaCitations, Citations: citations})
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
