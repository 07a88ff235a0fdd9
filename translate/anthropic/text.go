package anthropic

import "vertexgateway/translate/openai"

// A textState is what becomes of text blocks.
type textState uint8

const (
	textFlows textState = iota
	textWaits           // it may turn out that a call's input is the text of the answer
	textOver            // such a call came: its input is all the text there is
)

// A heldText is a text block that waits, with what it cites.
type heldText struct {
	text  []byte
	pages []openai.Page
}

// giveOpening gives out what the request put into Claude's mouth, before anything else.
func (s *Stream) giveOpening() {
	if len(s.opening) > 0 {
		s.show(s.opening)
		s.opening = nil
	}
}

func (s *Stream) startText(b *contentBlock) {
	s.open, s.from, s.pages = openText, s.position.points, nil
	if s.state == textWaits {
		s.held = append(s.held, heldText{})
	}
	if first := openai.Inside(b.Text); len(first) > 0 {
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
		s.held[len(s.held)-1].pages = s.pages
	case textFlows:
		s.emitPassage(s.from, s.pages)
	case textOver:
	}
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
	for _, h := range s.held {
		from := s.position.points
		s.show(s.fence.take(h.text))
		s.emitPassage(from, h.pages)
	}
	s.held = nil
}

// closeFence gives out what might have been a fence and is none, at the end of the text.
func (s *Stream) closeFence() { s.show(s.fence.rest()) }
