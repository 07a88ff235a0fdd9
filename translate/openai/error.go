package openai

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// An Error is what went wrong, in the words a client is told. It is the only error
// that reaches clients.
type Error struct {
	// Status of the HTTP answer.
	Status int
	// Type, Code and Param as in OpenAI's error object; Code and Param are null when empty.
	Type, Code, Param string
	// Message for the client; never holds a secret.
	Message string
	// Quotes: the message repeats what the client sent, and is not for the log.
	Quotes bool
	// RetryAfter is told in whole seconds; 0: not told.
	RetryAfter time.Duration
	// Final errors tell the client's SDK not to try again (x-should-retry: false).
	Final bool
	// Upstream is the status Vertex answered with, or meant by an error inside a stream; 0:
	// the gateway found the fault itself.
	Upstream int
	// Reason is the upstream's own name for the fault: Anthropic's type or Google's status.
	Reason string
	// Cause is for the log only.
	Cause error
}

// Error gives the message, or where it is not for the log what it is about, and the cause.
func (e *Error) Error() string {
	message := e.Message
	if e.Quotes {
		message = e.Code + " " + e.Param
	}
	if e.Cause != nil {
		return strings.TrimSuffix(message, ".") + ": " + e.Cause.Error()
	}
	return message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// The types of OpenAI's error object that the gateway uses.
const (
	TypeInvalidRequest = "invalid_request_error"
	TypeServer         = "server_error"
)

// BadRequest is a 400 that names the parameter at fault.
func BadRequest(code, param, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Type: TypeInvalidRequest, Code: code, Param: param, Message: message}
}

// MissingParam is the 400 for a parameter that must be given.
func MissingParam(param string) *Error {
	return BadRequest("missing_required_parameter", param, "Missing required parameter: '"+param+"'.")
}

// InvalidValue is the 400 for a value that no model takes.
func InvalidValue(param, why string) *Error {
	return BadRequest("invalid_value", param, "Invalid value for '"+param+"': "+why+".")
}

// UnsupportedValue is the 400 for a value that this model does not take.
func UnsupportedValue(param, why string) *Error {
	return BadRequest("unsupported_value", param, "Unsupported value for '"+param+"': "+why+".")
}

// UnsupportedParam is the 400 for a parameter that this model does not take.
func UnsupportedParam(param, why string) *Error {
	return BadRequest("unsupported_parameter", param, "Unsupported parameter: '"+param+"': "+why+".")
}

// AppendJSON appends {"error":{...}} with all four keys.
func (e *Error) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"error":{"message":`...)
	dst = AppendString(dst, e.Message)
	dst = append(dst, `,"type":`...)
	dst = AppendString(dst, e.Type)
	dst = append(dst, `,"param":`...)
	dst = appendNullable(dst, e.Param)
	dst = append(dst, `,"code":`...)
	dst = appendNullable(dst, e.Code)
	return append(dst, `}}`...)
}

// AppendEvent appends the event that ends a broken stream. The key error comes first
// and no event line stands before it: some clients see an error only in this form
// (clients.md, go-openai).
func (e *Error) AppendEvent(dst []byte) []byte {
	dst = append(dst, "data: "...)
	dst = e.AppendJSON(dst)
	return append(dst, "\n\n"...)
}

func appendNullable(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return AppendString(dst, s)
}

// AppendString appends s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error only reports the replacement
	return dst
}
