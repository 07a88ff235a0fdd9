package fakevertex

import (
	"crypto/sha256"
	"strings"

	"github.com/go-json-experiment/json"
)

// A binding names what a thinking block stands behind; zero: it is bound to nothing.
type binding [8]byte

// binding is that of a block in an assistant's turn behind these (openai-claude.md 0.12).
// Cache marks, which move, and other thinking, which may go, are no part of it.
func (r *request) binding(before []turn) binding {
	hash := sha256.New()
	for i := range r.Tools {
		t := r.Tools[i]
		t.CacheControl = nil
		text, _ := json.Marshal(t)
		_, _ = hash.Write(text)
	}
	for i := range r.System {
		_, _ = hash.Write(r.System[i].segment("system", true).text)
	}
	for _, t := range before {
		for _, b := range t.blocks {
			if !strings.HasSuffix(b.Type, "thinking") {
				_, _ = hash.Write(b.segment(t.role, true).text)
			}
		}
	}
	return binding(hash.Sum(nil)[:len(binding{})])
}

// binding is that of the thinking in the answer.
func (c *call) binding() binding {
	if !c.scenario.Bound {
		return binding{}
	}
	turns := c.request.turns()
	if last := len(turns) - 1; turns[last].role == "assistant" {
		turns = turns[:last] // the answer goes on with it
	}
	return c.request.binding(turns)
}

// isBound reports whether thinking with this signature may stand in the nth turn.
func (i *inspection) isBound(signature string, n int) bool {
	to := boundTo(signature)
	if !i.bound || to == (binding{}) || i.Thinking != nil && strings.Contains(string(i.Thinking.Binding), `"drop_block"`) {
		return true
	}
	return to == i.binding(i.turns[:n])
}
