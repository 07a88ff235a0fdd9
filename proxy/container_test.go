package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// container is a gateway in front of an endpoint whose container answers everything with
// one body.
func container(t *testing.T, contentType, body string) *world {
	t.Helper()
	w := newWorld(t, "models:\n  - {name: own, endpoint: projects/test-project/locations/us-central1/endpoints/1234567890, upstream_model: any}\n")
	emulator := w.upstream.Config.Handler
	w.upstream.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost { // the endpoint's description
			emulator.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("Content-Type", contentType)
		io.WriteString(rw, body)
	})
	return w
}

// A front end between may answer with a page and status 200.
func TestPageInPlaceOfAnAnswer(t *testing.T) {
	w := container(t, "text/html; charset=utf-8", "<html><body>Sign in</body></html>")
	for _, ask := range []struct{ path, body string }{
		{"/v1/chat/completions", `{"model":"own","messages":[{"role":"user","content":"Hi"}]}`},
		{"/v1/chat/completions", `{"model":"own","messages":[{"role":"user","content":"Hi"}],"stream":true}`},
		{"/v1/completions", `{"model":"own","prompt":"Hi"}`},
		{"/v1/completions", `{"model":"own","prompt":"Hi","stream":true}`},
		{"/v1/embeddings", `{"model":"own","input":"Hi"}`},
	} {
		if e := w.post(ask.path, ask.body).failure(http.StatusBadGateway, "upstream_error", ""); e.Message != "The upstream sent a web page." {
			t.Errorf("%s: message %q", ask.path, e.Message)
		}
	}
}

// Predictions have no id, but OpenAI's answers do, and each its own.
func TestIDOfPredictions(t *testing.T) {
	w := container(t, "application/json", `{"predictions":["Hi."]}`)
	seen := make(map[string]bool)
	for _, extra := range []string{"", "", `,"stream":true`} {
		r := w.post("/v1/completions", `{"model":"own","prompt":"Hi"`+extra+`}`)
		_, rest, _ := strings.Cut(string(r.body), `"id":"cmpl-`)
		id, _, _ := strings.Cut(rest, `"`)
		if r.status != http.StatusOK || id == "" || seen[id] {
			t.Errorf("status %d: %s", r.status, r.body)
		}
		seen[id] = true
	}
}
