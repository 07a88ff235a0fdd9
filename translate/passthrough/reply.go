package passthrough

import (
	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// A Reply is an answer that comes as JSON objects, one for each request: no stream. What
// is read of them goes to the client as it is.
type Reply struct {
	translate.Whole
	read  func(*Object) ([]byte, openai.Usage, *openai.Error)
	used  openai.Usage
	begun bool
	done  bool
}

// NewReply reads each object with read, which gives the client's JSON, or nil while more
// objects are to come, and what the object reports as used.
func NewReply(read func(*Object) ([]byte, openai.Usage, *openai.Error)) *Reply {
	return &Reply{read: read}
}

// Event has no place: no stream was asked for.
func (r *Reply) Event([]byte) ([]openai.Delta, *openai.Error) {
	return nil, translate.BadAnswer("a stream where none was asked for", nil)
}

// Message takes one object.
func (r *Reply) Message(body []byte) ([]openai.Delta, *openai.Error) {
	object := new(Object)
	if err := Read(object, body); err != nil {
		return nil, err
	}
	text, used, err := r.read(object)
	if err != nil {
		return nil, err
	}
	r.begun, r.done = true, text != nil
	r.used.Add(used)
	if !r.done {
		return nil, nil
	}
	return []openai.Delta{{Kind: openai.DeltaCompletion, Text: text}}, nil
}

// Ending comes with the last object.
func (r *Reply) Ending(bool) (openai.Ending, bool) {
	return openai.Ending{Passed: true, Usage: r.used}, r.done
}

// ID is empty: such answers have none.
func (r *Reply) ID() string { return "" }

// Begun tells whether an object has come.
func (r *Reply) Begun() bool { return r.begun }

// Billed is the sum of what the objects report.
func (r *Reply) Billed() openai.Usage { return r.used }
