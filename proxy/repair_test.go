package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"vertexgateway/vertex/fakevertex"
)

// A model that has changed refuses a request once. The client does not notice but for a
// warning, and for ten minutes the model gets what it takes at once.
func TestRefusedRequestsAreMended(t *testing.T) {
	const schema = `"response_format":{"type":"json_schema","json_schema":{"name":"city","schema":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}}}`
	tests := []struct {
		name, model, chat string
		scenario          fakevertex.Scenario
		repair, warning   string
	}{
		{"structured output by policy", "claude-opus-5", schema, fakevertex.Scenario{Denied: []string{"structured_outputs"}}, "structured_outputs", "response_format:emulated"},
		{"effort", "claude-opus-5", `"reasoning_effort":"max"`, fakevertex.Scenario{Accepts: jsontext.Value(`{"effort":["low","high"]}`)}, "effort", "reasoning_effort:clamped"},
		{"thinking", "claude-sonnet-4-6", `"thinking":{"type":"enabled","budget_tokens":2000}`, fakevertex.Scenario{Accepts: jsontext.Value(`{"thinking":["adaptive"]}`)}, "thinking", "thinking:adapted"},
		{"a forced tool", "claude-opus-5", `"tools":[{"name":"f","input_schema":{}}],"tool_choice":"required"`, fakevertex.Scenario{Accepts: jsontext.Value(`{"forced_tools":"never"}`)}, "tool_choice", "tool_choice:relaxed"},
		{"sampling", "claude-haiku-4-5", `"temperature":0.5`, fakevertex.Scenario{Accepts: jsontext.Value(`{"sampling":"none"}`)}, "sampling", "temperature:dropped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, "", tt.scenario)
				ask := func(calls int, warning string) {
					t.Helper()
					before := len(w.vertex.Requests())
					r := w.chat(tt.model, tt.chat)
					if r.status != http.StatusOK {
						t.Fatalf("status %d: %s", r.status, r.body)
					}
					r.completion()
					if got := len(w.vertex.Requests()) - before; got != calls {
						t.Errorf("%d calls upstream, want %d", got, calls)
					}
					if got := r.header.Get("X-Gateway-Warnings"); !strings.Contains(got, warning) {
						t.Errorf("warnings %q, want %q", got, warning)
					}
				}
				ask(2, tt.warning)
				ask(1, "")
				time.Sleep(11 * time.Minute)
				ask(2, tt.warning)
				if n := testutil.CollectAndCount(w.registry, "gateway_repairs_total"); n != 1 {
					t.Errorf("%d series of repairs, want 1", n)
				}
				want := "# HELP gateway_repairs_total Requests that a model refused and that were mended.\n# TYPE gateway_repairs_total counter\n" +
					`gateway_repairs_total{model="` + tt.model + `",repair="` + tt.repair + "\"} 2\n"
				if err := testutil.GatherAndCompare(w.registry, strings.NewReader(want), "gateway_repairs_total"); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The same refusal twice is the client's: it is not mended again and again.
func TestRepairThatDoesNotHelp(t *testing.T) {
	w := newWorld(t, "", fakevertex.Scenario{Status: 400, ErrorType: "invalid_request_error", Message: "adaptive thinking is not supported on this model"})
	r := w.chat("claude-opus-5", `"reasoning_effort":"high"`)
	r.failure(http.StatusBadRequest, "", "")
	if got := len(w.vertex.Requests()); got != 2 {
		t.Errorf("%d calls upstream, want 2", got)
	}
}

// What did not help one client is not done to others: the refusal may have quoted it.
func TestRepairThatDoesNotHelpTeachesNothing(t *testing.T) {
	const refusal = "max_tokens: 9 > 1, which is the maximum allowed number of output tokens for claude-opus-5"
	w := newWorld(t, "", fakevertex.Scenario{Status: 400, ErrorType: "invalid_request_error", Message: refusal, Times: 2})
	w.chat("claude-opus-5", "").failure(http.StatusBadRequest, "", "")
	r := w.chat("claude-opus-5", "")
	r.completion()
	r.wantHeaders("X-Gateway-Warnings", "")
	requests := w.vertex.Requests()
	if first, next := string(requests[0].Body), string(requests[len(requests)-1].Body); len(requests) != 3 || first != next {
		t.Errorf("%d calls upstream; the next request is\n%s, want\n%s", len(requests), next, first)
	}
}

// In strict mode nothing is taken away to please the model, but the way to JSON may change.
func TestRepairsInStrictMode(t *testing.T) {
	w := newWorld(t, "strict: true", fakevertex.Scenario{Denied: []string{"structured_outputs"}, Accepts: jsontext.Value(`{"effort":["low"]}`)})
	r := w.chat("claude-opus-5", `"reasoning_effort":"max"`)
	if r.status != http.StatusBadRequest || len(w.vertex.Requests()) != 1 {
		t.Errorf("status %d after %d calls, want 400 after 1", r.status, len(w.vertex.Requests()))
	}
	r = w.chat("claude-opus-5", `"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}}`)
	r.completion()
	r.wantHeaders("X-Gateway-Warnings", "")
}

// A turn that paused is gone on with until it ends; the client sees one answer.
func TestPausedAnswerGoesOn(t *testing.T) {
	for _, pauses := range []int{1, 2, 3} {
		w := newWorld(t, "models: [{name: claude-opus-5, web_search: true}]", fakevertex.Scenario{Pauses: pauses})
		const search = `"web_search_options":{}`
		whole := w.chat("claude-opus-5", search)
		c := whole.completion()
		if got := len(w.vertex.Requests()); got != pauses+1 {
			t.Errorf("%d calls upstream, want %d", got, pauses+1)
		}
		if c.Choices[0].FinishReason != "stop" || c.Choices[0].Message.Content == nil || *c.Choices[0].Message.Content == "" {
			t.Errorf("answer %s", whole.body)
		}
		tr := w.chat("claude-opus-5", search+","+streamed).transcript()
		if !tr.done || tr.text != *c.Choices[0].Message.Content || tr.finish != "stop" {
			t.Errorf("stream %+v, want the text %q", tr, *c.Choices[0].Message.Content)
		}
	}
}

// A pause that cannot be gone on with is tried from the beginning, as long as the client has
// seen nothing; every call that answered is billed.
func TestPauseThatIsCutBeginsAnew(t *testing.T) {
	const yaml = "models: [{name: claude-opus-4-8, web_search: true, locations: [global]}]"
	w := newWorld(t, yaml, fakevertex.Scenario{Pauses: 1})
	var calls atomic.Int64
	w.upstream = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		w.vertex.ServeHTTP(out, r)
	}))
	t.Cleanup(w.upstream.Close)
	if err := w.gateway.Reload(w.load(yaml)); err != nil {
		t.Fatal(err)
	}
	r := w.chat("claude-opus-4-8", `"web_search_options":{}`)
	r.completion()
	r.wantHeaders("X-Gateway-Attempts", "4")
	w.wantSeries("gateway_upstream_attempts_total", map[string]float64{
		`location="global",model="claude-opus-4-8",outcome="connect"`: 1, `location="global",model="claude-opus-4-8",outcome="ok"`: 3,
	})
	if got, want := w.series()[`gateway_tokens_total{model="claude-opus-4-8",team="",type="input"}`], w.billed().Input; int(got) != want {
		t.Errorf("%v tokens of input, billed %d", got, want)
	}
}

// An answer that never stops pausing ends as one that was too long.
func TestPausesAreBounded(t *testing.T) {
	w := newWorld(t, "models: [{name: claude-opus-5, web_search: true}]", fakevertex.Scenario{Pauses: 100})
	c := w.chat("claude-opus-5", `"web_search_options":{}`).completion()
	if got := len(w.vertex.Requests()); got != 5 || c.Choices[0].FinishReason != "length" {
		t.Errorf("%d calls upstream, finish %q; want 5 and length", got, c.Choices[0].FinishReason)
	}
}

// The thinking of a tool loop survives a client that knows nothing of thinking: signatures
// here hold for the very bytes that came before.
func TestThinkingSurvivesPlainClients(t *testing.T) {
	for _, tt := range []struct{ name, config, warning string }{
		{"kept", "", ""},
		{"not kept", "thinking_store: {entries: 0}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.config, fakevertex.Scenario{Bound: true, Interleaved: true})
			const tools = `"reasoning_effort":"high","tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]`
			conversation := `{"role":"user","content":"How is get_weather in Oslo?"}`
			for range 3 {
				c := w.post("/v1/chat/completions", `{"model":"claude-opus-5",`+tools+`,"messages":[`+conversation+`]}`).completion()
				m := c.Choices[0].Message
				if len(m.ToolCalls) == 0 {
					break
				}
				call := m.ToolCalls[0]
				f := call["function"].(map[string]any)
				arguments, _ := jsontext.AppendQuote(nil, f["arguments"].(string))
				content, _ := jsontext.AppendQuote(nil, text(m.Content))
				conversation += `,{"role":"assistant","content":` + string(content) + `,"tool_calls":[{"id":"` + call["id"].(string) + `","type":"function","function":{"name":"get_weather","arguments":` + string(arguments) + `}}]},` +
					`{"role":"tool","tool_call_id":"` + call["id"].(string) + `","content":"rain"},{"role":"user","content":"And get_weather in Bergen?"}`
			}
			requests := w.vertex.Requests()
			last := string(requests[len(requests)-1].Body)
			if got := strings.Contains(last, `"type":"thinking","thinking"`); got != (tt.config == "") {
				t.Errorf("thinking in the last request: %v\n%s", got, last)
			}
			for _, r := range requests {
				if r.Status != http.StatusOK {
					t.Errorf("status %d for %s", r.Status, r.Body)
				}
			}
		})
	}
}
