package vertex_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vertexgateway/vertex"
	"vertexgateway/vertex/vertextest"
)

// newCertificate makes one for a name, signed by an authority or, where that is nil, by
// itself.
func newCertificate(t *testing.T, name string, by *vertextest.Certificate) *vertextest.Certificate {
	t.Helper()
	return vertextest.NewCertificate(t, name, by, time.Now().Add(time.Hour))
}

// private serves with a certificate on an IP.
func private(t *testing.T, own *vertextest.Certificate) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("Authorization")+" "+r.URL.Path)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{own.Certificate}}
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func TestPrivateServiceConnect(t *testing.T) {
	authority := newCertificate(t, "", nil)
	signed, own := newCertificate(t, vertextest.PrivateNames, authority), newCertificate(t, vertextest.PrivateNames, nil)
	const name = "123-us-central1-987.prediction.p.vertexai.goog"
	tests := map[string]struct {
		server *vertextest.Certificate
		client vertex.TLS
		fault  string // "": it works
	}{
		"authority":         {signed, vertex.TLS{CAs: authority.PEM, ServerName: name}, ""},
		"several":           {signed, vertex.TLS{CAs: append(own.PEM, authority.PEM...), ServerName: name}, ""},
		"pinned":            {own, vertex.TLS{CAs: own.PEM, ServerName: name}, ""},
		"not verified":      {own, vertex.TLS{InsecureSkipVerify: true}, ""},
		"system's":          {own, vertex.TLS{ServerName: name}, "certificate"},
		"other authority":   {signed, vertex.TLS{CAs: newCertificate(t, "", nil).PEM, ServerName: name}, "unknown authority"},
		"other pinned":      {own, vertex.TLS{CAs: newCertificate(t, vertextest.PrivateNames, nil).PEM, ServerName: name}, "unknown authority"},
		"other name":        {own, vertex.TLS{CAs: own.PEM, ServerName: "vertexai.goog"}, "not vertexai.goog"},
		"name below a name": {own, vertex.TLS{CAs: own.PEM, ServerName: "a.b.prediction.p.vertexai.goog"}, "not a.b.prediction.p.vertexai.goog"},
		"by its IP":         {own, vertex.TLS{CAs: own.PEM}, "127.0.0.1"},
	}
	for label, test := range tests {
		for _, http2 := range []bool{false, true} {
			t.Run(label+map[bool]string{true: " HTTP/2"}[http2], func(t *testing.T) {
				got, err := askPrivate(t, private(t, test.server), test.client, http2)
				switch {
				case test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)):
					t.Errorf("error %v, want one about %q", err, test.fault)
				case test.fault == "" && (err != nil || got != "Bearer secret /v1/projects/my-project/locations/us-central1/endpoints/123:predict"):
					t.Errorf("%q, %v", got, err)
				}
			})
		}
	}
}

func askPrivate(t *testing.T, url string, how vertex.TLS, http2 bool) (string, error) {
	t.Helper()
	config, err := how.Config()
	if err != nil {
		t.Fatal(err)
	}
	client := vertex.NewClient(vertex.Options{Credentials: vertex.StaticCredentials("secret"), TLS: config, HTTP2: http2})
	defer client.Close()
	target := llama.Target()
	target.Base = url
	res, _, err := client.Do(t.Context(), target, "predict", nil, nil)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if want := map[bool]int{false: 1, true: 2}[http2]; res.ProtoMajor != want {
		t.Errorf("HTTP/%d, want %d", res.ProtoMajor, want)
	}
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

func TestNoCertificate(t *testing.T) {
	if _, err := (vertex.TLS{CAs: []byte("none")}).Config(); err == nil {
		t.Error("taken")
	}
}

// Requests beyond the bound wait for a connection, and leave the attachment alone.
func TestConnections(t *testing.T) {
	var mu sync.Mutex
	callers := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		callers[r.RemoteAddr] = true
	}))
	defer server.Close()
	client := vertex.NewClient(vertex.Options{BaseURL: server.URL, Connections: 2})
	defer client.Close()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			res, _, err := client.Do(t.Context(), llama.Target(), "predict", nil, nil)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		})
	}
	all.Wait()
	if len(callers) > 2 {
		t.Errorf("%d connections, want at most 2", len(callers))
	}
}
