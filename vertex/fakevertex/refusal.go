package fakevertex

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A refusal is an error answer. It has one of the shapes of vertex.md 4.1: Anthropic's,
// Google's (in an array on streaming methods), another publisher's, or a page.
type refusal struct {
	status int
	kind   string // of Anthropic's shape: invalid_request_error ...
	grpc   string // of Google's shape: NOT_FOUND ...
	path   string // of the offending field: messages.0.content
	text   string
	detail *errorInfo // Google's
	page   bool
	plain  bool   // nothing but the text
	raw    []byte // the body in the shape of another publisher
}

type errorInfo struct {
	Type     string            `json:"@type"`
	Reason   string            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata"`
}

var errPage = &refusal{status: http.StatusNotFound, page: true}

func (r *refusal) Error() string {
	if r.path == "" {
		return r.text
	}
	return r.path + ": " + r.text
}

// under tells in which field the offending field was found.
func (r *refusal) under(field string) *refusal {
	if r.path != "" {
		field += "." + r.path
	}
	r.path = field
	return r
}

func (r *refusal) underIndex(i int) *refusal { return r.under(strconv.Itoa(i)) }

// refuse is what Anthropic says to a request that it does not like.
func refuse(format string, args ...any) *refusal {
	return refuseAs(http.StatusBadRequest, "invalid_request_error", format, args...)
}

func refuseAs(status int, kind, format string, args ...any) *refusal {
	return &refusal{status: status, kind: kind, text: fmt.Sprintf(format, args...)}
}

func googleError(status int, grpc, format string, args ...any) *refusal {
	return &refusal{status: status, grpc: grpc, text: fmt.Sprintf(format, args...)}
}

func unauthenticated(p path) *refusal {
	r := googleError(http.StatusUnauthorized, "UNAUTHENTICATED", "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.")
	r.detail = &errorInfo{
		Type:     "type.googleapis.com/google.rpc.ErrorInfo",
		Reason:   "CREDENTIALS_MISSING",
		Domain:   "googleapis.com",
		Metadata: map[string]string{"service": "aiplatform.googleapis.com", "method": "google.cloud.aiplatform.v1.PredictionService." + p.rpc()},
	}
	return r
}

const notFoundPage = `<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That’s an error.</ins>
  <p>The requested URL was not found on this server.  <ins>That’s all we know.</ins>
`

const errorPage = `<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>%[1]d %[2]s</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: %[2]s</h1>
<h2>The server encountered a temporary error and could not complete your request.<p>Please try again in 30 seconds.</h2>
<h2></h2>
</body></html>
`

type anthropicBody struct {
	Type  string `json:"type"`
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
	RequestID string `json:"request_id"`
}

type googleBody struct {
	Error struct {
		Code    int          `json:"code"`
		Message string       `json:"message"`
		Status  string       `json:"status"`
		Details []*errorInfo `json:"details,omitempty"`
	} `json:"error"`
}

// body writes the refusal down. An id is only in Anthropic's shape.
func (r *refusal) body(requestID string, array bool) []byte {
	if r.page {
		return r.html()
	}
	if r.plain {
		return []byte(r.Error())
	}
	if r.raw != nil {
		return r.raw
	}
	if r.grpc == "" {
		return r.anthropic(requestID)
	}
	var b googleBody
	b.Error.Code, b.Error.Message, b.Error.Status = r.status, r.Error(), r.grpc
	if r.detail != nil {
		b.Error.Details = []*errorInfo{r.detail}
	}
	var v any = b
	if array {
		v = []googleBody{b}
	}
	text, _ := json.Marshal(v, jsontext.WithIndent("  "), json.Deterministic(true))
	return append(text, '\n')
}

func (r *refusal) anthropic(requestID string) []byte {
	var b anthropicBody
	b.Type, b.RequestID = "error", requestID
	b.Error.Type, b.Error.Message = r.kind, r.Error()
	text, _ := json.Marshal(b)
	return text
}

func (r *refusal) html() []byte {
	if r.status == http.StatusNotFound {
		return []byte(notFoundPage)
	}
	return fmt.Appendf(nil, errorPage, r.status, http.StatusText(r.status))
}

// answerRefusal sends r.
func (c *call) answerRefusal(r *refusal) {
	kind := "application/json; charset=UTF-8"
	switch {
	case r.page:
		kind = "text/html; charset=UTF-8"
	case r.plain:
		kind = "text/plain; charset=utf-8"
	case r.raw != nil:
		kind = plainJSON
	case r.grpc == "":
		kind = plainJSON
		c.w.Header().Set("request-id", c.dice.requestID())
	}
	c.answerBytes(r.status, kind, r.body(c.dice.requestID(), c.path.streams()))
}

// answerBytes sends a whole body, and the scenario's headers before it.
func (c *call) answerBytes(status int, kind string, body []byte) {
	c.head(status, kind)
	_, err := c.w.Write(body)
	c.complete = err == nil
}

func (c *call) head(status int, kind string) {
	h := c.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Vary", "Origin, X-Origin, Referer")
	h.Set("Server", "scaffolding on HTTPServer2")
	for name, value := range maps.All(c.scenario.Header) {
		h.Set(name, value)
	}
	c.journal.note(c.entry, func(e *Request) { e.Status = status })
	c.w.WriteHeader(status)
}

// errorInStream is the event of vertex.md 4.6.
func errorInStream(t trouble, requestID string) []byte {
	event := []byte("event: error\ndata: {\"type\":\"error\",\"error\":{\"details\":null,\"type\":")
	event = appendQuoted(event, t.kind)
	event = append(event, `,"message":`...)
	event = appendQuoted(event, t.text)
	event = append(event, `},"request_id":`...)
	event = appendQuoted(event, requestID)
	return append(event, "}\n\n"...)
}

// appendQuoted writes s as a JSON string. It is raw UTF-8, as on Vertex.
func appendQuoted(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // it fails on invalid UTF-8 only, which is replaced
	return dst
}
