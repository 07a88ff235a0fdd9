package proxy_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"vertexgateway/vertex/fakevertex"
)

func TestChat(t *testing.T) {
	w := newWorld(t, "")
	r := w.chat("claude-sonnet-4-5", "")
	c := r.completion()
	if c.Model != "claude-sonnet-4-5" || len(c.Choices) != 1 || text(c.Choices[0].Message.Content) == "" || c.Choices[0].FinishReason != "stop" {
		t.Errorf("answer %s", r.body)
	}
	if c.Usage.Total != c.Usage.Prompt+c.Usage.Completion || c.Usage.Completion == 0 {
		t.Errorf("usage %+v", c.Usage)
	}
	r.wantHeaders("X-Gateway-Model", "claude-sonnet-4-5@20250929", "X-Gateway-Location", "global", "X-Gateway-Attempts", "1",
		"Content-Type", "application/json", "X-Gateway-Warnings", "")
	if r.header.Get("X-Request-Id") == "" {
		t.Error("no request id")
	}
	if got := w.vertex.Requests()[0].Method; got != "streamRawPredict" {
		t.Errorf("method %s: a unary request is streamed upstream", got)
	}
}

func TestChatStreamed(t *testing.T) {
	w := newWorld(t, "")
	plain := w.chat("claude-sonnet-4-5", "").completion()
	r := w.chat("claude-sonnet-4-5", streamed+`,"stream_options":{"include_usage":true}`)
	tr := r.transcript()
	if !tr.done || tr.broken || tr.finish != "stop" || tr.text != text(plain.Choices[0].Message.Content) {
		t.Errorf("stream %+v, want the text %q", tr, text(plain.Choices[0].Message.Content))
	}
	last := tr.chunks[len(tr.chunks)-1]
	if len(last.Choices) != 0 || last.Usage == nil || *last.Usage != *plain.Usage {
		t.Errorf("last chunk %+v, want usage %+v", last, plain.Usage)
	}
	for _, c := range tr.chunks {
		if c.ID != tr.chunks[0].ID || c.Model != "claude-sonnet-4-5" {
			t.Errorf("chunk of %s, %s", c.ID, c.Model)
		}
	}
	r.wantHeaders("Content-Type", "text/event-stream; charset=utf-8", "Cache-Control", "no-cache, no-transform", "X-Accel-Buffering", "no")
}

func TestChatStreamedWithoutUsage(t *testing.T) {
	w := newWorld(t, "")
	for _, c := range w.chat("claude-sonnet-4-5", streamed).transcript().chunks {
		if c.Usage != nil || len(c.Choices) != 1 {
			t.Errorf("chunk %+v has usage or no choice", c)
		}
	}
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t, "")
	ask := func(extra string) string { return question("claude-opus-5", extra) }
	tests := []struct {
		name, body  string
		status      int
		code, param string
	}{
		{"no JSON", `{"model":`, 400, "invalid_json", ""},
		{"empty", ``, 400, "invalid_json", ""},
		{"array", `[]`, 400, "invalid_type", ""},
		{"no model", `{"messages":[{"role":"user","content":"x"}]}`, 400, "missing_required_parameter", "model"},
		{"unknown model", question("gpt-4o", ""), 404, "model_not_found", "model"},
		{"model that is a path", question("../../evil", ""), 404, "model_not_found", "model"},
		{"no messages", `{"model":"claude-opus-5"}`, 400, "missing_required_parameter", "messages"},
		{"messages of another type", `{"model":"claude-opus-5","messages":"hi"}`, 400, "invalid_type", "messages"},
		{"content of another type", `{"model":"claude-opus-5","messages":[{"role":"user","content":7}]}`, 400, "invalid_type", "messages[0].content"},
		{"unknown role", `{"model":"claude-opus-5","messages":[{"role":"robot","content":"x"}]}`, 400, "invalid_value", "messages[0].role"},
		{"no role", `{"model":"claude-opus-5","messages":[{"content":"x"}]}`, 400, "missing_required_parameter", "messages[0].role"},
		{"unknown part", `{"model":"claude-opus-5","messages":[{"role":"user","content":[{"type":"smell"}]}]}`, 400, "invalid_value", "messages[0].content[0].type"},
		{"audio", `{"model":"claude-opus-5","messages":[{"role":"user","content":[{"type":"input_audio"}]}]}`, 400, "unsupported_value", "messages[0].content[0].type"},
		{"image that is none", `{"model":"claude-opus-5","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}`, 400, "invalid_value", "messages[0].content[0].image_url"},
		{"max_tokens as text", ask(`"max_tokens":"100"`), 400, "invalid_type", "max_tokens"},
		{"max_tokens 1.5", ask(`"max_tokens":1.5`), 400, "invalid_type", "max_tokens"},
		{"max_tokens 0", ask(`"max_tokens":0`), 400, "invalid_value", "max_tokens"},
		{"temperature 3", ask(`"temperature":3`), 400, "invalid_value", "temperature"},
		{"n 2", ask(`"n":2`), 400, "unsupported_value", "n"},
		{"audio out", ask(`"modalities":["text","audio"]`), 400, "unsupported_value", "modalities"},
		{"unknown effort", ask(`"reasoning_effort":"ultra"`), 400, "invalid_value", "reasoning_effort"},
		{"tool of another type", ask(`"tools":[{"type":"browser"}]`), 400, "invalid_value", "tools[0].type"},
		{"tool without a name", ask(`"tools":[{"type":"function","function":{}}]`), 400, "invalid_value", "tools[0].function.name"},
		{"schema that is none", ask(`"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]`), 400, "invalid_value", "tools[0].function.parameters"},
		{"choice of an unknown tool", ask(`"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}}`), 400, "invalid_value", "tool_choice"},
		{"twice the same member", `{"model":"a","model":"b"}`, 400, "invalid_json", "model"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := w.post("/v1/chat/completions", tt.body)
			r.t = t
			r.failure(tt.status, tt.code, tt.param)
			r.wantHeaders("X-Gateway-Attempts", "0")
		})
	}
	if n := len(w.vertex.Requests()); n != 0 {
		t.Errorf("%d requests went upstream, want none", n)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	w := newWorld(t, "")
	w.post("/v1/nothing", "{}").failure(404, "unknown_url", "")
	w.get("/v1/chat/completions").failure(405, "method_not_allowed", "")
	w.post("/v1/models", "{}").failure(405, "method_not_allowed", "")
	w.get("/").failure(404, "unknown_url", "")
}

func TestBodyTooLarge(t *testing.T) {
	w := newWorld(t, "")
	huge := `{"model":"claude-opus-5","messages":[{"role":"user","content":"` + strings.Repeat("x", 40<<20) + `"}]}`
	w.post("/v1/chat/completions", huge).failure(413, "request_too_large", "")
	req, _ := http.NewRequest(http.MethodPost, w.api.URL+"/v1/chat/completions", struct{ *strings.Reader }{strings.NewReader(huge)})
	req.ContentLength = -1
	w.do(req).failure(413, "request_too_large", "")
}

func TestWarnings(t *testing.T) {
	extra := `"temperature":0.2,"seed":7,"max_tokens":900000,"made up\n":1,"metadata":{"a":"b"}`
	w := newWorld(t, "")
	r := w.chat("claude-opus-5", extra)
	r.completion()
	r.wantHeaders("X-Gateway-Warnings", "seed:dropped, made_up_:dropped, max_tokens:clamped, temperature:dropped")
	strict := newWorld(t, "strict: true\n")
	strict.chat("claude-opus-5", extra).failure(400, "unsupported_parameter", "seed")
	strict.chat("claude-opus-5", "").completion()
}

// However much is dropped, the header stays small enough for every proxy.
func TestManyWarnings(t *testing.T) {
	w := newWorld(t, "")
	var extra strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&extra, `"unknown%d":1,`, i)
	}
	r := w.chat("claude-opus-5", extra.String()+`"seed":null`)
	r.completion()
	if got := r.header.Get("X-Gateway-Warnings"); len(got) > 4096 || !strings.Contains(got, "unknown0:dropped") {
		t.Errorf("%d bytes of warnings", len(got))
	}
}

func TestRequestID(t *testing.T) {
	w := newWorld(t, "")
	w.chat("claude-opus-5", "", "X-Request-Id", "my-id.1").wantHeaders("X-Request-Id", "my-id.1")
	if id := w.chat("claude-opus-5", "", "X-Request-Id", "a b").header.Get("X-Request-Id"); !strings.HasPrefix(id, "req_") {
		t.Errorf("id %q, want one of the gateway's", id)
	}
}

func TestAliasAndFamilies(t *testing.T) {
	w := newWorld(t, "models: [{name: fast, model: claude-haiku-4-5, locations: [us-east5], max_tokens: 77}, {name: 'claude-opus-*'}]\n")
	r := w.chat("fast", "")
	if c := r.completion(); c.Model != "fast" {
		t.Errorf("model %q, want the client's name", c.Model)
	}
	r.wantHeaders("X-Gateway-Model", "claude-haiku-4-5@20251001", "X-Gateway-Location", "us-east5")
	if body := string(w.vertex.Requests()[0].Body); !strings.Contains(body, `"max_tokens":77`) {
		t.Errorf("sent %s, want the model's max_tokens", body)
	}
	w.chat("anthropic/claude-opus-4-5-20251101", "").wantHeaders("X-Gateway-Model", "claude-opus-4-5@20251101")
	w.chat("claude-sonnet-5", "").failure(404, "model_not_found", "model")
	w.chat("claude-haiku-4-5", "").failure(404, "model_not_found", "model")
}

func TestDryRun(t *testing.T) {
	w := newWorld(t, "models: [{name: claude-opus-4-6, locations: [global, us-east5]}]\n")
	r := w.chat("claude-opus-4-6", "", "X-Gateway-Dry-Run", "true")
	got := decode[struct {
		Attempts []struct {
			Location, Method, URL string
			Headers               map[string]string
			Body                  map[string]any
		}
	}](t, r.body)
	if len(got.Attempts) != 2 || got.Attempts[1].Location != "us-east5" || got.Attempts[0].Body["max_tokens"] == nil {
		t.Fatalf("answer %s", r.body)
	}
	want := w.upstream.URL + "/v1/projects/test-project/locations/global/publishers/anthropic/models/claude-opus-4-6:streamRawPredict"
	if a := got.Attempts[0]; a.URL != want || a.Method != "POST" || a.Headers["authorization"] != "Bearer [hidden]" {
		t.Errorf("attempt %+v, want the URL %s", a, want)
	}
	w.wantLocations("")
	w.vertex.Set(fakevertex.Scenario{Location: "global", Status: 429, Times: 1})
	w.chat("claude-opus-4-6", "").completion()
	if r := w.chat("claude-opus-4-6", "", "X-Gateway-Dry-Run", "true"); strings.Index(string(r.body), `"us-east5"`) > strings.Index(string(r.body), `"global"`) {
		t.Errorf("global cools, and yet comes first: %s", r.body)
	}
}

func TestModels(t *testing.T) {
	w := newWorld(t, "models: [{name: fast, model: claude-haiku-4-5}, {name: claude-sonnet-5}]\n")
	r := w.get("/v1/models")
	openaitestCheck(t, "ListModelsResponse", r.body)
	list := decode[struct {
		Data []struct{ ID, Object, OwnedBy string }
	}](t, r.body)
	if len(list.Data) != 2 || list.Data[0].ID != "fast" || list.Data[1].ID != "claude-sonnet-5" {
		t.Errorf("list %s", r.body)
	}
	one := w.get("/v1/models/claude-sonnet-5")
	openaitestCheck(t, "Model", one.body)
	w.get("/v1/models/gpt-4o").failure(404, "model_not_found", "model")
	whole := newWorld(t, "")
	for _, path := range []string{"claude-haiku-4-5%4020251001", "anthropic/claude-haiku-4-5", "anthropic%2Fclaude-haiku-4-5"} {
		if r := whole.get("/v1/models/" + path); r.status != 200 {
			t.Errorf("%s: status %d", path, r.status)
		}
	}
}

func TestKeys(t *testing.T) {
	hash := sha256.Sum256([]byte("gw-test-key"))
	w := newWorld(t, "teams: [{name: search, keys: [{name: ci, sha256: '"+hex.EncodeToString(hash[:])+"'}]}]\n")
	w.chat("claude-opus-5", "").failure(401, "invalid_api_key", "")
	w.chat("claude-opus-5", "", "Authorization", "Bearer wrong").failure(401, "invalid_api_key", "")
	w.get("/v1/models").failure(401, "invalid_api_key", "")
	for _, header := range [][]string{{"Authorization", "Bearer gw-test-key"}, {"X-Api-Key", "gw-test-key"}, {"Api-Key", "gw-test-key"}} {
		w.chat("claude-opus-5", "", header...).completion()
	}
	for _, r := range w.vertex.Requests() {
		if fmt.Sprint(r.Header, string(r.Body)) != strings.ReplaceAll(fmt.Sprint(r.Header, string(r.Body)), "gw-test-key", "") {
			t.Error("the key went upstream")
		}
	}
	if team := w.line().ContextMap()["team"]; team != "search" {
		t.Errorf("team %v in the log", team)
	}
}

func TestReasoning(t *testing.T) {
	w := newWorld(t, "", fakevertex.Scenario{Thinking: "Let me see."})
	c := w.chat("claude-opus-4-8", `"reasoning_effort":"high"`).completion()
	if got := c.Choices[0].Message.ReasoningContent; got != "Let me see." {
		t.Errorf("reasoning %q", got)
	}
	tr := w.chat("claude-opus-4-8", `"reasoning_effort":"high",`+streamed).transcript()
	if tr.reasoning != "Let me see." || !tr.done {
		t.Errorf("stream %+v", tr)
	}
}
