package fakevertex

import (
	"strings"
	"testing"
)

const jambaMini = "jamba-1.5-mini"

func jambaPath(method string) string { return publisherPath("ai21", jambaMini, method) }

func TestJamba(t *testing.T) {
	s := New(Options{})
	got := chatAt(t, s, jambaPath("rawPredict"), hi(jambaMini, raw(`{"max_tokens": 2, "temperature": 0.5, "documents": []}`)))
	if got.Choices[0].Message.Content != "You said" || got.Choices[0].Finish != "length" || got.Usage.Completion != 2 || got.Object != "" {
		t.Errorf("got %+v", got)
	}
	for _, edits := range []edit{unset("stream"), set("stream", true)} { // the verb alone is enough
		chunks, done := streamAt(t, s, jambaPath("streamRawPredict"), hi(jambaMini, edits), "\r\n")
		if text, _ := joined(chunks); text != "You said: What is a vertex?" || !done || chunks[len(chunks)-1].Usage == nil || chunks[0].Choices[0].Delta.Content != nil {
			t.Errorf("done %v, %q of %+v", done, text, chunks)
		}
	}
	tools := chatAt(t, s, jambaPath("rawPredict"), hi(jambaMini, raw(functions), set("tool_choice", "required")))
	if call := tools.Choices[0].Message.ToolCalls[0]; call.Function.Name != "get_weather" || tools.Choices[0].Finish != "tool_calls" {
		t.Errorf("got %+v", tools)
	}
	undone := New(Options{Scenarios: []Scenario{{Undone: true}}})
	if _, done := streamAt(t, undone, jambaPath("streamRawPredict"), hi(jambaMini), "\r\n"); done {
		t.Error("the stream is over although the scenario leaves it open")
	}
}

func TestJambaFailures(t *testing.T) {
	checkFailures(t, jambaPath("rawPredict"), hi(jambaMini), []failure{
		{Scenario{Status: 429}, 429, "with base model: ai21-jamba-1.5-mini."},
		{Scenario{Status: 400}, 400, `{"error":{"message":"Error","type":"BadRequestError","param":null,"code":400}}`},
		{Scenario{Status: 500, ErrorType: "x", Message: "no"}, 500, `{"error":{"message":"no","type":"x","param":null,"code":500}}`},
	})
	for name, test := range map[string]struct {
		edit edit
		want string
	}{
		"no messages":   {unset("messages"), `{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required"`},
		"another model": {set("model", "jamba"), "are needed, not for jamba"},
		"a bad number":  {set("temperature", 3), `"loc":["body","temperature"]`},
	} {
		res, text := post(t, New(Options{}), jambaPath("rawPredict"), hi(jambaMini, test.edit))
		if res.StatusCode != 422 || !strings.Contains(text, test.want) {
			t.Errorf("%s: %s %s", name, res.Status, text)
		}
	}
}
