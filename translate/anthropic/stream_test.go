package anthropic_test

import (
	"net/http"
	"strings"
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

// A block that is never closed ends where the next begins, or the answer.
func TestUnclosedBlocks(t *testing.T) {
	s := anthropic.Reading{Custom: []string{"patch"}, Keeps: true}.Stream()
	var got strings.Builder
	for _, event := range []string{
		`{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}`,
		`{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}`,
		`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"b","name":"patch","input":{"input":"x"}}}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use"}}`,
		`{"type":"message_stop"}`,
	} {
		deltas, fault := s.Event([]byte(event))
		if fault != nil {
			t.Fatal(fault)
		}
		for _, d := range deltas {
			got.WriteString(d.Name + "(" + string(d.Text) + ")")
		}
	}
	if want := "f()({})patch()(x)"; got.String() != want {
		t.Errorf("deltas %s, want %s", &got, want)
	}
	const kept = `[{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"patch","input":{"input":"x"}}]`
	if content := string(s.Content()); content != kept {
		t.Errorf("content %s, want %s", content, kept)
	}
}

// Of two tools of one name the first counts, and tells how its calls are read.
func TestCallsOfTheFirstOfTwoTools(t *testing.T) {
	const function, custom = `{"type":"function","function":{"name":"p"}}`, `{"type":"custom","custom":{"name":"p"}}`
	for tools, want := range map[string]openai.DeltaKind{function + "," + custom: openai.DeltaToolCall, custom + "," + function: openai.DeltaCustomCall} {
		req, fault := tryWith(t, `{"model":"claude-opus-5","messages":[{"role":"user","content":"a"}],"tools":[`+tools+`]}`, anthropic.Options{})
		if fault != nil {
			t.Fatal(fault)
		}
		deltas, fault := req.Stream().Event([]byte(`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"p","input":{}}}`))
		if fault != nil || len(deltas) != 1 || deltas[0].Kind != want {
			t.Errorf("%s: %v, %v", tools, deltas, fault)
		}
	}
}
