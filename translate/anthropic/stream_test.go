package anthropic_test

import (
	"net/http"
	"testing"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/openai"
)

// Errors come in Claude's form and in Google's, in a stream and in place of an answer.
func TestErrorsInAnswers(t *testing.T) {
	const google = `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}`
	for _, tt := range []struct {
		data   string
		status int
	}{
		{`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, http.StatusServiceUnavailable},
		{google, http.StatusTooManyRequests},
		{`[` + google + `]`, http.StatusTooManyRequests},
		{` [` + google + `] `, http.StatusTooManyRequests},
		{`[nonsense`, http.StatusBadGateway},
	} {
		want := tt.status
		_, inStream := new(anthropic.Request).Stream().Event([]byte(tt.data))
		_, whole := new(anthropic.Request).Stream().Message([]byte(tt.data))
		for how, fault := range map[string]*openai.Error{"stream": inStream, "message": whole} {
			if fault == nil || fault.Status != want {
				t.Errorf("%s %s: error %+v, want status %d", how, tt.data, fault, want)
			}
		}
	}
}

func TestEventsThatSayNothing(t *testing.T) {
	for _, data := range []string{`{}`, `{"error":null}`, `{"type":"ping"}`, `{"type":"new","error":{}}`} {
		if deltas, fault := new(anthropic.Request).Stream().Event([]byte(data)); fault != nil || len(deltas) > 0 {
			t.Errorf("%s: %v, error %v", data, deltas, fault)
		}
	}
}

// What is not UTF-8 must not reach a client.
func TestInvalidUTF8(t *testing.T) {
	s := new(anthropic.Request).Stream()
	for _, tt := range []struct{ event, want string }{
		{"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\xff\\n\"}}", "\ufffd\\n"},
		{"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\xc3\\\"\"}}", "a\ufffd\\\""},
	} {
		deltas, fault := s.Event([]byte(tt.event))
		if fault != nil || len(deltas) != 1 || string(deltas[0].Text) != tt.want {
			t.Errorf("%q: %v, error %v, want %q", tt.event, deltas, fault, tt.want)
		}
	}
}
