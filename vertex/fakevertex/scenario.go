package fakevertex

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/catalogue"
)

// A Scenario arranges what happens to the requests that it matches: a failure in place of
// an answer, an answer that breaks off, or what an answer holds. The zero value matches
// every request and changes nothing. Where several match, the first counts. In JSON the
// names are those of the tags and durations are strings; a file is a list:
//
//	[
//	  {"location": "global", "status": 429},
//	  {"location": "us", "times": 2, "status": 529},
//	  {"model": "claude-haiku-4-5", "events": 500, "pace": "20ms"},
//	  {"location": "eu", "stall_after": 3, "pings": "5s"},
//	  {"model": "claude-opus-5", "error_after": 4, "error_type": "overloaded_error"},
//	  {"text": "Tomorrow.", "calls": [{"name": "weather", "input": {"city": "Oslo"}}]},
//	  {"denied": ["structured_outputs", "web_search"]},
//	  {"model": "claude-opus-4-1", "window": 3000, "accepts": {"prefill": "never"}}
//	]
//
// That is: no quota on global; us overloaded for two requests; an answer of 500 pieces in
// ten seconds; silence after three events; an error event in the middle; a fixed answer;
// an organisation policy; a model that is not what its catalogue entry says.
type Scenario struct {
	// Location, Model and Method are those of the requests it is for; empty: every.
	// Model is any spelling that the catalogue knows, Method rawPredict,
	// streamRawPredict, count-tokens or predict, or behind endpoints
	// chat/completions, completions or embeddings; or describe, list, deploy, operation,
	// permissions, service or identity. An endpoint of the project's own is a Model by its id.
	Location string `json:"location,omitzero"`
	Model    string `json:"model,omitzero"`
	Method   string `json:"method,omitzero"`
	// RequestType is the value of X-Vertex-AI-LLM-Request-Type of those it is for: dedicated
	// or shared; empty: every.
	RequestType string `json:"request_type,omitzero"`
	// Times is how many requests it is for, counted from Set; 0: all.
	Times int `json:"times,omitzero"`

	// Delay passes before anything is sent.
	Delay time.Duration `json:"delay,omitzero,format:units"`

	// Status is answered in place of an answer, from 400 on; before the request's body is
	// looked at.
	Status int `json:"status,omitzero"`
	// Body goes with Status; empty: what Vertex says with that status, in its shape, with
	// the text of Message if there is one. With ErrorType it has the publisher's shape and
	// that type.
	Body      string `json:"body,omitzero"`
	Message   string `json:"message,omitzero"`
	ErrorType string `json:"error_type,omitzero"`
	// Header is added to those of the answer, whatever it is.
	Header map[string]string `json:"header,omitzero"`
	// HTML makes the body a page as of a Google front end: of Status, or 502.
	HTML bool `json:"html,omitzero"`
	// Stall: not even headers come.
	Stall bool `json:"stall,omitzero"`
	// Replay is the exact body of a good answer: an event stream if it starts with event: or
	// data:, else JSON. The places where a stream breaks off count in it too.
	Replay string `json:"replay,omitzero"`

	// These break off the stream after n events, message_start, ping and [DONE] counted; -1: after
	// the headers. Whole answers break off in the middle of their body, and answer
	// ErrorAfter with an error status. StallAfter is silence, with a ping every Pings, which
	// is a comment where the API has no such event; CutAfter breaks the connection;
	// CloseAfter ends the body as if it were complete; ErrorAfter sends an error event of
	// ErrorType (empty: overloaded_error, or the publisher's like) and Message.
	StallAfter int           `json:"stall_after,omitzero"`
	CutAfter   int           `json:"cut_after,omitzero"`
	CloseAfter int           `json:"close_after,omitzero"`
	ErrorAfter int           `json:"error_after,omitzero"`
	Pings      time.Duration `json:"pings,omitzero,format:units"`

	// Pace is the pause between two events; 0: that of Options.
	Pace time.Duration `json:"pace,omitzero,format:units"`
	// Text is what the answer says; empty: something about the question. With Text no
	// tool is called unless one must be.
	Text string `json:"text,omitzero"`
	// Events is the number of text deltas. Without Text, the text has as many words.
	Events int `json:"events,omitzero"`
	// Tokens is the length of the text without Text and Events.
	Tokens int `json:"tokens,omitzero"`
	// Thinking is the text of the thinking block, if the request's thinking is on, or if the
	// model reasons. Mistral's models do with Chunked.
	Thinking string `json:"thinking,omitzero"`
	// Redacted puts a redacted_thinking block before the others.
	Redacted bool `json:"redacted,omitzero"`
	// Calls are the tools called, after Text.
	Calls []Call `json:"calls,omitzero"`
	// StopReason replaces the right one: refusal, pause_turn, model_length ...
	StopReason string `json:"stop_reason,omitzero"`
	// Interleaved puts a text and another thinking block before the tool calls.
	Interleaved bool `json:"interleaved,omitzero"`

	// Chunked makes the content of Mistral's answers a list of chunks.
	Chunked bool `json:"chunked,omitzero"`
	// ObjectArguments makes the arguments of tool calls an object instead of a string, where
	// the API is Mistral's or Jamba's. Nameless leaves their index and type out, and the id is
	// the string null.
	ObjectArguments bool `json:"object_arguments,omitzero"`
	Nameless        bool `json:"nameless,omitzero"`
	// Undone leaves [DONE] out at the end of a stream.
	Undone bool `json:"undone,omitzero"`
	// Cached is how many tokens of the prompt were read from a cache that the request does
	// not ask for, as behind endpoints/openapi and at Mistral.
	Cached int `json:"cached,omitzero"`

	// Pauses is how many times an answer stops with pause_turn, where the request offers
	// web search, which is then made whatever the question: each round is one block, the
	// search or what it found, until the text comes. The request that goes on with it ends in the
	// assistant's message, with every block of the rounds so far.
	Pauses int `json:"pauses,omitzero"`
	// SearchError makes web searches fail with this error_code: max_uses_exceeded ...
	SearchError string `json:"search_error,omitzero"`
	// Untitled leaves the title of citations null.
	Untitled bool `json:"untitled,omitzero"`

	// Fault is a failure in place of an answer, by its usual text or that of Message: cold,
	// moved or undeployed on own endpoints; quota, bucket or eula of a deployment;
	// not_enabled, model_policy or endpoint_policy of a project; busy of a container. With
	// Method operation it is what the deployment ends with.
	Fault string `json:"fault,omitzero"`
	// Lacks are permissions that the caller has not: what needs one of them is denied.
	Lacks []string `json:"lacks,omitempty"`
	// Disabled are Google's services that the project has not switched on:
	// aiplatform.googleapis.com ...
	Disabled []string `json:"disabled,omitempty"`

	// Denied are the features that an organisation policy denies, of structured_outputs
	// and web_search. Requests that use none of them are answered.
	Denied []string `json:"denied,omitzero"`
	// Accepts changes rules of the model for these requests; it is an object with some of
	// the members of catalogue.Accepts.
	Accepts jsontext.Value `json:"accepts,omitzero"`
	// Window is the model's context window for these requests, in tokens; 0: the catalogue's.
	Window int `json:"window,omitzero"`
	// Bound makes a thinking block good only behind the tools, the system prompt and the
	// turns that it was given behind. Blocks given without Bound stay good everywhere.
	Bound bool `json:"bound,omitzero"`
}

// A Call is a tool call of an answer.
type Call struct {
	Name  string         `json:"name"`
	Input jsontext.Value `json:"input,omitzero"` // an object; nil: {}
}

// ParseScenarios reads a JSON list of scenarios. Their members are location, model, method,
// request_type and times; delay, status, body, message, error_type, header, html, stall and replay;
// stall_after, cut_after, close_after, error_after and pings; pace, text, events, tokens,
// thinking, redacted, calls, stop_reason and interleaved; chunked, object_arguments,
// nameless, undone and cached; pauses, search_error and untitled; denied, accepts, window
// and bound; fault, lacks and disabled. Any other name, a wrong type and a contradiction are errors.
func ParseScenarios(data []byte) ([]Scenario, error) {
	var list []Scenario
	err := json.Unmarshal(data, &list, json.RejectUnknownMembers(true), json.ExperimentalSupportFormatTag(true))
	if err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, fmt.Errorf("scenarios[%d]: %w", i, err)
		}
	}
	return list, nil
}

// scenarioMethods are what a scenario's method may be.
var scenarioMethods = slices.Concat([]string{"rawPredict", "streamRawPredict", "count-tokens", "predict"}, openapiPaths, errandNames)

func (s *Scenario) check() error {
	ends := 0
	for _, set := range []bool{s.Status != 0 || s.HTML, s.Stall, s.StallAfter != 0, s.CutAfter != 0, s.CloseAfter != 0, s.ErrorAfter != 0} {
		if set {
			ends++
		}
	}
	counts := []int{s.StallAfter + 1, s.CutAfter + 1, s.CloseAfter + 1, s.ErrorAfter + 1, s.Times, s.Events, s.Tokens, s.Pauses, s.Window, s.Cached, int(s.Delay), int(s.Pace), int(s.Pings)}
	switch {
	case ends > 1:
		return errors.New("only one of status, html, stall, stall_after, cut_after, close_after and error_after can be")
	case s.Status != 0 && (s.Status < 400 || s.Status > 599):
		return fmt.Errorf("status %d is not an error's", s.Status)
	case slices.Min(counts) < 0:
		return errors.New("negative number")
	case s.Method != "" && !slices.Contains(scenarioMethods, s.Method):
		return fmt.Errorf("unknown method %q", s.Method)
	case s.Fault != "" && faults[s.Fault].status == 0:
		return fmt.Errorf("unknown fault %q", s.Fault)
	case s.SearchError != "" && !slices.Contains(searchErrors, s.SearchError):
		return fmt.Errorf("unknown search_error %q", s.SearchError)
	}
	return s.checkRules()
}

func (s *Scenario) checkRules() error {
	for _, feature := range s.Denied {
		if partnerFeatures[feature] == nil {
			return fmt.Errorf("unknown feature %q is denied", feature)
		}
	}
	_, err := s.played(&catalogue.Model{})
	return err
}

// breakAfter is the number of events before the stream breaks off, and whether it does.
func (s *Scenario) breakAfter() (int, bool) {
	n := cmp.Or(s.StallAfter, s.CutAfter, s.CloseAfter, s.ErrorAfter)
	return max(n, 0), n != 0
}

// replaces reports whether the request's body does not matter.
func (s *Scenario) replaces() bool { return s.Status != 0 || s.HTML || s.Stall || s.Replay != "" }

func (s *Scenario) matches(c *call) bool {
	method := c.path.method
	if c.path.counts() {
		method = "count-tokens"
	}
	switch {
	case s.Location != "" && s.Location != c.path.location,
		s.Method != "" && s.Method != method,
		s.RequestType != "" && s.RequestType != c.r.Header.Get("X-Vertex-AI-LLM-Request-Type"):
		return false
	case s.Model == "" || s.Model == c.path.model:
		return true
	}
	meant, ok := c.find(s.Model)
	return ok && c.model != nil && meant.ID == c.model.ID && meant.Publisher == c.model.Publisher
}

// A script is the scenarios in force.
type script struct {
	mu   sync.Mutex
	list []Scenario
	used []int
}

// Set replaces all scenarios; what they were used for is forgotten. Requests under way
// keep theirs.
func (s *Server) Set(scenarios ...Scenario) {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	s.script.list = slices.Clone(scenarios)
	s.script.used = make([]int, len(scenarios))
}

// pick uses up one time of the scenario for a request.
func (s *script) pick(c *call) Scenario {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		one := &s.list[i]
		if one.matches(c) && (one.Times == 0 || s.used[i] < one.Times) {
			s.used[i]++
			return *one
		}
	}
	return Scenario{}
}

// playInstead plays a scenario that needs no request.
func (c *call) playInstead() error {
	sc := &c.scenario
	if sc.Stall {
		<-c.ctx.Done()
		return c.ctx.Err()
	}
	if err := c.pause(sc.Delay); err != nil {
		return err
	}
	if sc.Replay != "" {
		return c.replay()
	}
	if sc.HTML {
		return &refusal{status: cmp.Or(sc.Status, http.StatusBadGateway), page: true}
	}
	if sc.Body != "" {
		c.answerBytes(sc.Status, bodyType(sc.Body), []byte(sc.Body))
		return nil
	}
	return c.usual(sc.Status)
}

func bodyType(body string) string {
	if strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[") {
		return "application/json; charset=UTF-8"
	}
	return "text/plain; charset=utf-8"
}

// usual is what Vertex says with a status (vertex.md 4.2 to 4.5).
func (c *call) usual(status int) *refusal {
	own := c.api.own[status]
	if kind := cmp.Or(c.scenario.ErrorType, own.kind); kind != "" {
		return c.api.refuse(status, trouble{kind, cmp.Or(c.scenario.Message, own.text, http.StatusText(status))})
	}
	grpc := cmp.Or(grpcNames[status], "UNKNOWN")
	text := cmp.Or(c.scenario.Message, googleTexts[status])
	switch {
	case text != "":
		return googleError(status, grpc, "%s", text)
	case status == http.StatusUnauthorized:
		return unauthenticated(c.path)
	case status == http.StatusNotFound:
		return c.path.notFound()
	case status == http.StatusTooManyRequests:
		return c.overQuota()
	case status == http.StatusForbidden:
		return c.path.denied(c.path.need().permission)
	}
	return googleError(status, grpc, "%s", http.StatusText(status))
}

// overQuota names the metric of the location's kind (vertex.md 4.2, 11). Models of
// endpoints/openapi share what there is.
func (c *call) overQuota() *refusal {
	if c.path.endpoint != "" {
		return googleError(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
	}
	bucket := ""
	switch c.path.location {
	case "global":
		bucket = "global_"
	case "us", "eu":
		bucket = c.path.location + "_multi_region_"
	}
	base, _, _ := strings.Cut(c.path.model, "@")
	return googleError(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED",
		"Quota exceeded for aiplatform.googleapis.com/%sonline_prediction_requests_per_base_model with base model: %s-%s. Please submit a quota increase request. https://cloud.google.com/vertex-ai/docs/generative-ai/quotas-genai.", bucket, c.path.publisher, base)
}

var grpcNames = map[int]string{
	http.StatusBadRequest:          "INVALID_ARGUMENT",
	http.StatusUnauthorized:        "UNAUTHENTICATED",
	http.StatusForbidden:           "PERMISSION_DENIED",
	http.StatusNotFound:            "NOT_FOUND",
	http.StatusConflict:            "ABORTED",
	http.StatusTooManyRequests:     "RESOURCE_EXHAUSTED",
	499:                            "CANCELLED",
	http.StatusInternalServerError: "INTERNAL",
	http.StatusServiceUnavailable:  "UNAVAILABLE",
	http.StatusGatewayTimeout:      "DEADLINE_EXCEEDED",
}

var googleTexts = map[int]string{
	499:                            "The operation was cancelled.",
	http.StatusInternalServerError: "Internal error encountered.",
	http.StatusServiceUnavailable:  "The service is currently unavailable.",
	http.StatusGatewayTimeout:      "Deadline expired before operation could complete.",
}
