package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"vertexgateway/usage"
	"vertexgateway/vertex/fakevertex"
)

// A key comes out nowhere, wherever a client or an upstream puts it.
func TestCanary(t *testing.T) {
	secret := usage.NewSecret()
	for _, shown := range []string{secret, "sk-made-up-by-hand-0123456789"} {
		w := newAccounted(t, "teams: [{name: search, keys: [{name: ci, sha256: "+usage.Hash(shown)+"}]}]\nmodels: [{name: 'claude-*'}]\n",
			fakevertex.Scenario{Model: "claude-opus-4-8", Status: 400, Message: "bad " + shown}, fakevertex.Scenario{Model: "claude-opus-5", Status: 503, Message: "bad " + shown},
			fakevertex.Scenario{Model: "claude-opus-4-7", ErrorAfter: 6, ErrorType: "api_error", Message: "bad " + shown})
		me := []string{authorization, "Bearer " + shown}
		with := func(more ...string) []string { return append(more, me...) }
		const ok = "claude-haiku-4-5"
		for where, r := range map[string]*reply{
			"request id":     w.chat(ok, "", with("x-request-id", shown)...),
			"model":          w.chat(shown, "", me...),
			"model's end":    w.chat("claude-"+shown, "", me...),
			"path":           w.get("/v1/"+shown, me...),
			"model's path":   w.get("/v1/models/"+shown, me...),
			"query":          w.get("/v1/models?secret="+shown, me...),
			"query, parted":  w.get("/v1/models?a=b;key="+shown, me...),
			"user":           w.chat(ok, `"user":"`+shown+`","metadata":{"user_id":"`+shown+`"}`, me...),
			"parameter":      w.chat(ok, `"`+shown+`":1`, me...),
			"value":          w.chat(ok, `"reasoning_effort":"`+shown+`"`, me...),
			"tool choice":    w.chat(ok, `"tool_choice":"`+shown+`"`, me...),
			"beta":           w.chat(ok, "", with("anthropic-beta", shown)...),
			"wrong type":     w.chat(ok, `"temperature":"`+shown+`"`, me...),
			"URL":            w.chat(ok, `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://127.0.0.1/`+shown+`"}}]}]`, me...),
			"broken JSON":    w.post("/v1/chat/completions", `{"model":"x","a":"`+shown, me...),
			"upstream's 400": w.chat("claude-opus-4-8", "", me...),
			"upstream's 503": w.chat("claude-opus-5", "", me...),
			"event":          w.chat("claude-opus-4-7", streamed, me...),
			"dry run":        w.chat(ok, "", with("x-gateway-dry-run", "true")...),
			"statement":      w.get("/v1/usage", me...),
		} {
			if where == "query" || where == "query, parted" {
				r.failure(http.StatusUnauthorized, "invalid_api_key", "")
			}
			if out := fmt.Sprintf("%s %v", r.body, r.header); strings.Contains(out, shown) && where != "user" {
				t.Errorf("%s: the client gets %s", where, out)
			}
		}
		// Without a key that is good, a lost one is hidden by its form.
		if shown == secret {
			w.get("/v1/"+secret, "x-request-id", secret)
		}
		for _, entry := range w.log.All() {
			if line := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(line, shown) {
				t.Errorf("the log has %s", line)
			}
		}
		if metrics := w.admin("/metrics").Body.String(); strings.Contains(metrics, shown) {
			t.Error("the metrics have it")
		}
		for _, e := range w.entries() {
			if strings.Contains(fmt.Sprint(e), shown) {
				t.Errorf("the ledger has %+v", e)
			}
		}
	}
}
