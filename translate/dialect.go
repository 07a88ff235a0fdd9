package translate

import (
	"net/http"

	"vertexgateway/translate/openai"
)

// A Request is a client's request in the words of one publisher's API.
type Request struct {
	// Method is what is asked of the place: streamRawPredict, predict, chat/completions...
	// (see vertex.Target).
	Method string
	// Header is added to the headers of every call; nil: nothing is.
	Header http.Header
	// Body is what is posted.
	Body []byte
	// Warnings tell what was changed or dropped.
	Warnings []openai.Warning
	// Read begins to read an answer to the request. Each attempt needs a new reader.
	Read func() Answer
}

// An Answer reads what an upstream answers to one request, as it comes: events, or one
// message where the upstream does not stream. It holds the state of that answer, and is
// for one goroutine.
type Answer interface {
	// Event takes the data of one event and returns the deltas in it; they are valid until
	// the next call. An error is the upstream's own, or a 502 for what is no answer.
	Event(data []byte) ([]openai.Delta, *openai.Error)
	// Message takes an answer that came as one body.
	Message(body []byte) ([]openai.Delta, *openai.Error)
	// Ending is how the answer ended; false while it has not. Some upstreams close a whole
	// stream without a mark: closed tells that nothing more will come.
	Ending(closed bool) (openai.Ending, bool)
	// ID is the upstream's id of the answer, known from the first delta on.
	ID() string
	// Begun tells whether the model has begun, be it with thoughts it keeps to itself.
	Begun() bool
	// Billed is what the upstream has reported so far, over all rounds.
	Billed() openai.Usage
	// More is the request that an answer needs which only paused; nil: it is whole. The
	// same Answer reads on.
	More() *Request
	// Settle gives what was held back for a further round that does not come.
	Settle() []openai.Delta
	// Kept is the turn in the publisher's own form, for clients that do not send all of it
	// back, under the id of its first tool call; empty: there is nothing to keep.
	Kept() (callID string, content []byte)
	// Warnings tell the client what its answer lacks.
	Warnings() []openai.Warning
	// Remarks are short texts for the log about what the client is not told.
	Remarks() []string
}

// Whole is for answers that come in one piece and keep nothing: the part of [Answer] that
// they have no use for.
type Whole struct{}

// More is nil: the answer never pauses.
func (Whole) More() *Request { return nil }

// Settle is nil: nothing is held back.
func (Whole) Settle() []openai.Delta { return nil }

// Kept is empty.
func (Whole) Kept() (callID string, content []byte) { return "", nil }

// Warnings is nil.
func (Whole) Warnings() []openai.Warning { return nil }

// Remarks is nil.
func (Whole) Remarks() []string { return nil }
