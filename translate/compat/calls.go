package compat

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// A callPiece is a call of a function, whole or a piece of one.
type callPiece struct {
	Index    *int   `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string         `json:"name"`
		Arguments jsontext.Value `json:"arguments"` // a string, or the object itself
	} `json:"function"`
}

// A begunCall is one that the client has been told of.
type begunCall struct {
	index *int   // the upstream's; nil: it gives none
	id    string // the upstream's; empty: it gives none
	given bool   // it has had arguments
}

// call takes a call or a piece of one, which goes on with one of the first calls or begins
// another.
func (a *Answer) call(p *callPiece, first int) {
	if p.ID == "null" { // Mistral's word for none
		p.ID = ""
	}
	at := a.find(p, first)
	if at < 0 {
		at = a.begin(p)
	}
	if text := argumentText(p.Function.Arguments); len(text) > 0 {
		a.calls[at].given = true
		a.emit(openai.Delta{Kind: openai.DeltaArguments, Index: at, Text: text})
	}
}

// find is the one of the first calls that a piece goes on with; -1: it begins one. An id
// tells, else the index, else whether a function is named: upstreams leave out any of them.
func (a *Answer) find(p *callPiece, first int) int {
	for at := first - 1; at >= 0; at-- { // of two with one index the later is meant
		if a.calls[at].goesOn(p) {
			return at
		}
	}
	return -1
}

func (c *begunCall) goesOn(p *callPiece) bool {
	switch {
	case p.ID != "":
		return p.ID == c.id
	case p.Index != nil:
		return c.index != nil && *c.index == *p.Index
	}
	return p.Function.Name == ""
}

func (a *Answer) begin(p *callPiece) int {
	at := len(a.calls)
	id := p.ID
	if id == "" {
		id = "call_" + a.ID() + "_" + strconv.Itoa(at)
	}
	a.calls = append(a.calls, begunCall{index: p.Index, id: p.ID})
	a.emit(openai.Delta{Kind: openai.DeltaToolCall, Index: at, ID: id, Name: p.Function.Name})
	return at
}

// argumentText is the JSON text of arguments, however they are written.
func argumentText(arguments jsontext.Value) openai.Escaped {
	switch arguments.Kind() {
	case '"':
		return openai.Inside(arguments)
	case '{', '[':
		return openai.Inside(openai.AppendString(nil, string(arguments)))
	}
	return nil
}

// closeCalls gives arguments to calls that came without: clients parse them.
func (a *Answer) closeCalls() {
	for i := range a.calls {
		if !a.calls[i].given {
			a.calls[i].given = true
			a.emit(openai.Delta{Kind: openai.DeltaArguments, Index: i, Text: openai.Escaped("{}")})
		}
	}
}
