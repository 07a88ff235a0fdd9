package vertex_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"vertexgateway/vertex"
)

func TestClient(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = r
				_, _ = w.Write(body)
			}))
			protocols := new(http.Protocols)
			protocols.SetHTTP1(true)
			protocols.SetUnencryptedHTTP2(true)
			server.Config.Protocols = protocols
			server.Start()
			defer server.Close()
			client := vertex.NewClient(vertex.Options{Credentials: vertex.StaticCredentials("secret"), BaseURL: server.URL, HTTP2: http2})
			defer client.Close()
			res, token, err := client.Do(t.Context(), target("global", "claude-opus-5"), "streamRawPredict", http.Header{"Anthropic-Beta": {"x"}}, []byte(`{"a":1}`))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			if string(body) != `{"a":1}` || token != "secret" {
				t.Errorf("body %s, token %s", body, token)
			}
			for header, want := range map[string]string{"Authorization": "Bearer secret", "Anthropic-Beta": "x", "Content-Type": "application/json", "Accept-Encoding": "", "X-Goog-User-Project": ""} {
				if value := got.Header.Get(header); value != want {
					t.Errorf("%s: %q, want %q", header, value, want)
				}
			}
			if got.Proto != name || got.Method != http.MethodPost {
				t.Errorf("%s %s", got.Method, got.Proto)
			}
		})
	}
}

func TestClientRefusesNames(t *testing.T) {
	client := vertex.NewClient(vertex.Options{})
	if _, _, err := client.Do(t.Context(), target("evil.example", "m"), "rawPredict", nil, nil); err == nil { //nolint:bodyclose // there is none
		t.Error("a location that is a host was taken")
	}
}
