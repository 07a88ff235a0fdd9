package fakevertex

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"vertexgateway/translate/catalogue"
)

// An api is how one kind of model is spoken to, and how it speaks of what went wrong.
type api struct {
	methods []string // of publisher models that are the API's
	answer  func(*call, []byte) error
	// own are the errors that the publisher answers itself, by status. The others are
	// Google's.
	own map[int]trouble
	// usual is the publisher's error where a scenario names none.
	usual trouble
	// refuse has the publisher's shape.
	refuse func(status int, t trouble) *refusal
	// broken is what a stream ends with when an error comes in the midst of it.
	broken func(t trouble, requestID string) []byte
	ping   string // what a silent stream sends
	// streams is the content type of streams; empty: that of events.
	streams string
}

// A trouble is an error of a publisher, in its own words.
type trouble struct{ kind, text string }

// apis :: how a model is spoken to -> its API
var apis = map[catalogue.API]*api{
	catalogue.APIMessages: &messagesAPI,
	catalogue.APIMistral:  &mistralAPI,
	catalogue.APIJamba:    &jambaAPI,
	catalogue.APIOpenAPI:  &openAPI,
	catalogue.APIPredict:  &predictAPI,
}

var rawMethods = []string{"rawPredict", "streamRawPredict"}

var messagesAPI = api{
	methods: rawMethods,
	answer:  (*call).message,
	own: map[int]trouble{
		http.StatusBadRequest:            {"invalid_request_error", "Error"},
		http.StatusRequestEntityTooLarge: {"request_too_large", "Request exceeds the maximum size"},
		529:                              {"overloaded_error", "Overloaded"},
	},
	usual:  trouble{"overloaded_error", "Overloaded"},
	refuse: func(status int, t trouble) *refusal { return refuseAs(status, t.kind, "%s", t.text) },
	broken: errorInStream,
	ping:   pingEvent,
}

var mistralAPI = api{
	methods: rawMethods,
	answer:  (*call).mistral,
	own: map[int]trouble{
		http.StatusBadRequest:          {"invalid_request_error", "Error"},
		http.StatusUnprocessableEntity: {"invalid_request_error", "Error"},
	},
	usual:  trouble{"internal_server_error", "Service unavailable."},
	refuse: func(status int, t trouble) *refusal { return refuseFlat(status, t.kind, "", t.text) },
	broken: func(t trouble, _ string) []byte {
		return dataEvent(nil, refuseFlat(0, t.kind, "", t.text).raw, "\n")
	},
	ping: pingComment,
}

var jambaAPI = api{
	methods: rawMethods,
	answer:  (*call).jamba,
	own:     openAPI.own,
	usual:   openAPI.usual,
	refuse:  refuseOpenly,
	broken:  brokenOpenly,
	ping:    pingComment,
}

var openAPI = api{
	answer: (*call).openapi,
	own: map[int]trouble{
		http.StatusBadRequest:          {"BadRequestError", "Error"},
		http.StatusUnprocessableEntity: {"UnprocessableEntityError", "Error"},
	},
	usual:  trouble{"InternalServerError", "Internal server error"},
	refuse: refuseOpenly,
	broken: brokenOpenly,
	ping:   pingComment,
}

// predictAPI has none but Google's errors.
var predictAPI = api{
	methods: []string{"predict"},
	answer:  (*call).predict,
	usual:   trouble{"INTERNAL", "Internal error encountered."},
	refuse:  func(status int, t trouble) *refusal { return googleError(status, t.kind, "%s", t.text) },
	ping:    pingComment,
}

const pingComment = ": ping\n\n"

// refuseOpenly has the shape of OpenAI's errors, as vLLM writes them (vertex.md 4.1).
func refuseOpenly(status int, t trouble) *refusal {
	raw, _ := json.Marshal(members{{"error", members{
		{"message", t.text}, {"type", t.kind}, {"param", nil}, {"code", status},
	}}})
	return &refusal{status: status, kind: t.kind, text: t.text, raw: raw}
}

// brokenOpenly: the mark of the end stands behind an error too.
func brokenOpenly(t trouble, _ string) []byte {
	event := dataEvent(nil, refuseOpenly(http.StatusInternalServerError, t).raw, "\n")
	return append(event, doneEvent...)
}

const doneEvent = "data: [DONE]\n\n"

// dataEvent is an event that has no name.
func dataEvent(dst, data []byte, newline string) []byte {
	dst = append(dst, "data: "...)
	dst = append(dst, data...)
	return append(dst, newline+newline...)
}
