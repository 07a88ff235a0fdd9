// Package translate holds what all dialects share: how the errors of Vertex AI and of
// the models on it become OpenAI's.
package translate

import (
	"bytes"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// BadAnswer is the error for an upstream that answered with something else than it should.
func BadAnswer(what string, cause error) *openai.Error {
	return &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "upstream_error",
		Message: "The upstream sent " + what + ".", Upstream: http.StatusBadGateway, Cause: cause}
}

// ParseError turns an error answer of Vertex into the client's (openai-claude.md D.2).
// With status 0 the error came inside a stream or with status 200, and its type or its
// code tells the status.
func ParseError(status int, body []byte) *openai.Error {
	f := parseFault(body)
	if status < http.StatusBadRequest {
		status = f.status()
	}
	e := clientError(status, f)
	e.Upstream, e.Reason = status, f.kind
	return e
}

// A fault is what all forms of upstream errors have in common.
type fault struct {
	kind    string // Anthropic's type or Google's status
	code    int    // a status again, or 0
	param   string
	message string
}

// parseFault knows the forms of vertex.md 4.1.
func parseFault(body []byte) fault {
	text := bytes.TrimSpace(body)
	if len(text) > 0 && text[0] == '[' { // Google wraps errors of streaming methods
		var list []jsontext.Value
		if json.Unmarshal(text, &list, Lenient) == nil && len(list) > 0 {
			text = list[0]
		}
	}
	f, ok := parseObject(text)
	if !ok {
		return fault{message: plainText(text)}
	}
	if strings.HasPrefix(f.message, "{") { // an Anthropic error in a Google one's message
		if inner, ok := parseObject([]byte(f.message)); ok {
			return inner
		}
	}
	return f
}

// Lenient options take what an upstream sends, within reason.
var Lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func parseObject(text []byte) (fault, bool) {
	type details struct {
		Type    jsontext.Value `json:"type"`
		Status  string         `json:"status"`
		Message jsontext.Value `json:"message"`
		Code    jsontext.Value `json:"code"`
		Param   jsontext.Value `json:"param"`
	}
	var object struct {
		details `json:",embed"`
		Error   jsontext.Value `json:"error"`
		Detail  jsontext.Value `json:"detail"`
	}
	if json.Unmarshal(text, &object, Lenient) != nil {
		return fault{}, false
	}
	found := object.details
	switch {
	case object.Error.Kind() == '{':
		found = details{}
		if json.Unmarshal(object.Error, &found, Lenient) != nil {
			return fault{}, false
		}
	case object.Error.Kind() == '"':
		found.Message = object.Error
	case len(found.Message) == 0:
		found.Message = object.Detail
	}
	f := fault{kind: found.Status, message: words(found.Message)}
	if f.kind == "" {
		f.kind = words(found.Type)
	}
	if found.Param.Kind() == '"' {
		f.param = words(found.Param)
	}
	f.code, _ = strconv.Atoi(words(found.Code)) // else it is a name
	f.readComplaints(found.Message)
	return f, f.message != ""
}

// A complaint is one of FastAPI's about a request: the servers of Mistral and of many open
// models have them (vertex.md 6.2).
type complaint struct {
	Place   []jsontext.Value `json:"loc"` // body, messages, 0, content
	Message string           `json:"msg"`
}

// readComplaints makes words of a list of complaints, which may stand in a detail of its
// own.
func (f *fault) readComplaints(list jsontext.Value) {
	var object struct {
		Detail jsontext.Value `json:"detail"`
	}
	if list.Kind() == '{' && json.Unmarshal(list, &object, Lenient) == nil {
		list = object.Detail
	}
	var all []complaint
	if list.Kind() != '[' || json.Unmarshal(list, &all, Lenient) != nil {
		return
	}
	var lines []string
	for _, c := range all {
		lines = append(lines, strings.TrimPrefix(c.param()+": "+c.Message, ": "))
	}
	if len(lines) > 0 {
		f.param, f.message = all[0].param(), strings.Join(lines, "; ")
	}
}

// param is the field a complaint is about.
func (c complaint) param() string {
	var pointer jsontext.Pointer
	for i, step := range c.Place {
		if name := words(step); i > 0 || name != "body" {
			pointer = pointer.AppendToken(name)
		}
	}
	return openai.Param(pointer)
}

// words gives a JSON string's text, or other JSON as it is.
func words(value jsontext.Value) string {
	if value.Kind() != '"' {
		return string(value)
	}
	return openai.Unquote(value)
}

// plainText keeps the beginning of a text, and nothing of a web page.
func plainText(text []byte) string {
	const most = 300
	if len(text) == 0 || text[0] == '<' {
		return ""
	}
	return strings.ToValidUTF8(string(text[:min(most, len(text))]), "")
}

// statuses of errors inside a stream, which has none of its own (vertex.md 4.4).
var statuses = map[string]int{
	"invalid_request_error": http.StatusBadRequest,
	"authentication_error":  http.StatusUnauthorized,
	"billing_error":         http.StatusPaymentRequired,
	"permission_error":      http.StatusForbidden,
	"not_found_error":       http.StatusNotFound,
	"conflict_error":        http.StatusConflict,
	"request_too_large":     http.StatusRequestEntityTooLarge,
	"rate_limit_error":      http.StatusTooManyRequests,
	"timeout_error":         http.StatusGatewayTimeout,
	"overloaded_error":      StatusOverloaded,
	"INVALID_ARGUMENT":      http.StatusBadRequest,
	"FAILED_PRECONDITION":   http.StatusBadRequest,
	"UNAUTHENTICATED":       http.StatusUnauthorized,
	"PERMISSION_DENIED":     http.StatusForbidden,
	"NOT_FOUND":             http.StatusNotFound,
	"RESOURCE_EXHAUSTED":    http.StatusTooManyRequests,
	"UNAVAILABLE":           http.StatusServiceUnavailable,
	"DEADLINE_EXCEEDED":     http.StatusGatewayTimeout,
}

// StatusOverloaded is Anthropic's status for a model without capacity.
const StatusOverloaded = 529

func (f fault) status() int {
	if status, ok := statuses[f.kind]; ok {
		return status
	}
	if f.code >= http.StatusBadRequest && f.code < 600 {
		return f.code
	}
	return http.StatusInternalServerError
}

// clientError gives the client the error it can act on. What is wrong with the gateway's
// own credentials must not look like a fault of the client's key.
func clientError(status int, f fault) *openai.Error {
	e := &openai.Error{Status: status, Type: openai.TypeServer, Message: withoutProject(f.message)}
	if status == http.StatusTooManyRequests && strings.Contains(f.message, "not yet ready for inference") { // others may quote a client's words
		return notReady(e)
	}
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return badRequest(e, f)
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusPaymentRequired:
		e.Status, e.Code, e.Final = http.StatusBadGateway, "upstream_auth_error", true
		e.Message = "Vertex AI refused the gateway's credentials. " + e.Message
	case http.StatusNotFound:
		e.Type, e.Code, e.Param = openai.TypeInvalidRequest, "model_not_found", "model"
	case http.StatusRequestEntityTooLarge:
		e.Type, e.Code = openai.TypeInvalidRequest, "request_too_large"
	case http.StatusTooManyRequests:
		e.Type, e.Code = "tokens", "rate_limit_exceeded"
	case http.StatusInternalServerError:
		e.Code = "upstream_error"
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusBadGateway, http.StatusServiceUnavailable:
		e.Status, e.Code = http.StatusServiceUnavailable, "upstream_error"
	case http.StatusGatewayTimeout:
		e.Code = "timeout"
	case StatusOverloaded:
		e.Status, e.Code = http.StatusServiceUnavailable, "overloaded"
	default:
		e.Status, e.Code = http.StatusBadGateway, "upstream_error"
	}
	if f.message == "" {
		e.Message = strings.TrimSpace(e.Message + "The upstream answered with status " + http.StatusText(status) + ".")
	}
	return e
}

// NotReady is the code of the error for an own endpoint without replicas, which has only
// now begun to start one.
const NotReady = "model_not_ready"

// notReady tells scaling up from zero apart from a quota that is used up, though the
// status is the same (vertex.md 8.5). It takes from tens of seconds to minutes.
func notReady(e *openai.Error) *openai.Error {
	e.Status, e.Code, e.RetryAfter = http.StatusServiceUnavailable, NotReady, 30*time.Second
	return e
}

// badRequest finds the reasons a client can do something about.
func badRequest(e *openai.Error, f fault) *openai.Error {
	e.Status, e.Type, e.Param = http.StatusBadRequest, openai.TypeInvalidRequest, f.param
	switch {
	case strings.Contains(f.message, "prediction.vertexai.goog"): // called at the shared address, it names its own
		return &openai.Error{Status: http.StatusBadGateway, Type: openai.TypeServer, Code: "upstream_error", Final: true,
			Message: "The endpoint has another address than the one the gateway calls.", Cause: errors.New(f.message)}
	case strings.Contains(f.message, "prompt is too long"), strings.Contains(f.message, "exceed context limit"),
		strings.Contains(f.message, "maximum context length"): // vLLM's
		e.Code, e.Param = "context_length_exceeded", "messages"
	case strings.Contains(f.message, "is not allowed to use Publisher Model"):
		e.Status, e.Code, e.Param = http.StatusNotFound, "model_not_found", "model"
	case strings.Contains(f.message, "Organization Policy constraint"):
		e.Code, e.Param = "unsupported_parameter", forbiddenFeature(f.message)
	}
	if e.Message == "" {
		e.Message = "The upstream refused the request."
	}
	return e
}

// forbiddenFeature is the client's field for a feature that a policy forbids (vertex.md 4.3).
func forbiddenFeature(message string) string {
	switch {
	case strings.Contains(message, "structured_outputs"):
		return "response_format"
	case strings.Contains(message, "web_search"):
		return "web_search_options"
	}
	return ""
}

// projects matches project numbers and ids in the places where Google names them.
var projects = regexp.MustCompile("(projects/|[Pp]roject `|project: )([0-9]+|[a-z][a-z0-9-]{4,28}[a-z0-9])")

// withoutProject hides whose project it was.
func withoutProject(message string) string {
	return projects.ReplaceAllString(message, "${1}PROJECT")
}
