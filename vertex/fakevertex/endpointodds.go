package fakevertex

import (
	"math"
)

// An odds says how likely a text was, in the form of its API.
type odds func(said member) any

// of is null where nobody asked.
func (o odds) of(said member) any {
	if o == nil {
		return nil
	}
	return o(said)
}

// odds of the answer; nil: nobody asked for them.
func (s *sampling) odds() odds {
	switch s.Logprobs.Kind() {
	case 't':
		return s.ofChat
	case '0':
		return s.ofPrompt
	}
	return nil
}

// ofChat is the log probability of each token, and of as many others as were asked for.
func (s *sampling) ofChat(said member) any {
	list := []members{}
	for _, token := range tokensOf(said) {
		likely := append([]string{token}, rivals[:]...)
		others := make([]members, min(s.TopLogprobs, len(likely)))
		for i := range others {
			others[i] = likelihood(likely[i], i)
		}
		list = append(list, append(likelihood(token, 0), member{"top_logprobs", others}))
	}
	if len(list) == 0 {
		return nil
	}
	return members{{"content", list}}
}

// rivals are what might have been said.
var rivals = [...]string{" the", " a", "\n", ".", " and"}

func likelihood(token string, rank int) members {
	all := make([]int, len(token))
	for i := range token {
		all[i] = int(token[i])
	}
	return members{{"token", token}, {"logprob", logprob(rank)}, {"bytes", all}}
}

// logprob is that of a token's rank.
func logprob(rank int) float64 { return -math.Ldexp(1, rank-3) }

// ofPrompt is the form that completions have.
func (s *sampling) ofPrompt(said member) any {
	var all, offsets, probable, top []any
	at := 0
	for _, token := range tokensOf(said) {
		all, offsets, probable = append(all, token), append(offsets, at), append(probable, logprob(0))
		top = append(top, members{{token, logprob(0)}})
		at += len(token)
	}
	if all == nil {
		return nil
	}
	return members{{"tokens", all}, {"token_logprobs", probable}, {"top_logprobs", top}, {"text_offset", offsets}}
}

// tokensOf cuts what a choice says; a token has some four bytes.
func tokensOf(said member) []string {
	text, _ := said.value.(string)
	if m, ok := said.value.(members); ok {
		text = m.text()
	}
	var all []string
	for text != "" {
		token := head(text, 4)
		all, text = append(all, token), text[len(token):]
	}
	return all
}
