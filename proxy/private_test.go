package proxy_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/prometheus/client_golang/prometheus"

	"vertexgateway/config"
	"vertexgateway/proxy"
	"vertexgateway/vertex"
	"vertexgateway/vertex/fakevertex"
	"vertexgateway/vertex/vertextest"
)

// A seal is a certificate in a file.
type seal struct {
	*vertextest.Certificate
	file string
}

// newSeal makes one for a name, "" for an authority, signed by another or, where that is
// nil, by itself.
func newSeal(t *testing.T, name string, by *seal) *seal {
	t.Helper()
	return newSealUntil(t, name, by, time.Now().Add(time.Hour))
}

// newSealUntil makes one that is good until then.
func newSealUntil(t *testing.T, name string, by *seal, end time.Time) *seal {
	t.Helper()
	var signer *vertextest.Certificate
	if by != nil {
		signer = by.Certificate
	}
	s := &seal{vertextest.NewCertificate(t, name, signer, end), filepath.Join(t.TempDir(), "seal.pem")}
	if err := os.WriteFile(s.file, s.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

const privateName = "3456789012-us-central1-123456789012.prediction.p.vertexai.goog"

// A privateHost is an emulator of its own behind an address.
type privateHost struct {
	*fakevertex.Server
	url   string
	asked atomic.Int64 // requests that came, whatever they were
}

// newPrivateHost starts one, with TLS if it has a seal.
func newPrivateHost(t *testing.T, by *seal) *privateHost {
	t.Helper()
	h := &privateHost{Server: fakevertex.New(fakevertex.Options{Now: time.Now})}
	t.Cleanup(h.Close)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		h.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if by == nil {
		server.Start()
	} else {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{by.Certificate.Certificate}}
		server.StartTLS()
	}
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// connect starts a world whose endpoint is at the host. It is the world's own emulator that
// vertex.base_url leads to.
func (h *privateHost) connect(t *testing.T, tls string) *world {
	t.Helper()
	return newWorld(t, ownModel(privateEndpoint, ", upstream_model: '4563', url: '"+h.url+"'"+tls))
}

func TestPrivateServiceConnect(t *testing.T) {
	authority := newSeal(t, "", nil)
	signed, alone := newSeal(t, vertextest.PrivateNames, authority), newSeal(t, vertextest.PrivateNames, nil)
	trust := func(s *seal, name string) string {
		return fmt.Sprintf(", tls: {ca_file: '%s', server_name: '%s'}", s.file, name)
	}
	for name, test := range map[string]struct {
		host  *seal
		tls   string
		fault string // empty: it is trusted
	}{
		"authority":       {signed, trust(authority, privateName), ""},
		"pinned":          {alone, trust(alone, privateName), ""},
		"pinned, signed":  {signed, trust(signed, privateName), ""},
		"not verified":    {alone, ", tls: {insecure_skip_verify: true}", ""},
		"plain":           {nil, "", ""},
		"other authority": {signed, trust(newSeal(t, "", nil), privateName), "no authority that the gateway trusts"},
		"other pinned":    {alone, trust(newSeal(t, vertextest.PrivateNames, nil), privateName), "no authority that the gateway trusts"},
		"other name":      {signed, trust(authority, "3456789012.example.com"), "is for another name"},
		"name too deep":   {signed, trust(authority, "a."+privateName), "is for another name"},
		"no name":         {signed, fmt.Sprintf(", tls: {ca_file: '%s'}", authority.file), "is for another name"},
		"no word of it":   {signed, "", "is for another name"},
		"out of date":     {newSealUntil(t, vertextest.PrivateNames, authority, time.Now().Add(-time.Minute)), trust(authority, privateName), "is not valid"},
		"name only":       {alone, ", tls: {server_name: '" + privateName + "'}", "no authority that the gateway trusts"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newPrivateHost(t, test.host)
			w := h.connect(t, test.tls)
			if test.fault != "" {
				w.wantDistrust(h, test.fault)
				return
			}
			w.wantPrivateAnswers(h)
		})
	}
}

// wantPrivateAnswers checks that all paths are served by the host and by nobody else.
func (w *world) wantPrivateAnswers(h *privateHost) {
	w.t.Helper()
	for mode, stream := range modes {
		a, _, err := officialAnswer(w.t.Context(), w.official(), ownAsk("How are you?"), stream)
		if err != nil || a.Choices[0].Message.Content != "You said: How are you?" || a.Model != own {
			w.t.Errorf("%s: %+v, %v", mode, a, err)
		}
		params := openai.CompletionNewParams{Model: own, Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Hello")}, MaxTokens: openai.Int(50)}
		c, err := ownCompletion(w.t.Context(), w.official(), params, stream)
		if err != nil || c.Choices[0].Text != "You said: Hello" {
			w.t.Errorf("%s: %+v, %v", mode, c, err)
		}
	}
	requests := h.Requests()
	if len(requests) != 4 {
		w.t.Errorf("the host was asked %d times, want 4", len(requests))
	}
	for _, r := range requests {
		if r.Header.Get("Authorization") != "Bearer "+testToken || !strings.Contains(r.URL, "/projects/test-project/locations/"+privateEndpoint) {
			w.t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
	}
	if others := w.vertex.Requests(); len(others) > 0 {
		w.t.Errorf("base_url was asked for %s", others[0].URL)
	}
}

// wantDistrust checks that a host which does not prove who it is gets neither a request nor
// the token with it, and that the client is told.
func (w *world) wantDistrust(h *privateHost, fault string) {
	w.t.Helper()
	for _, extra := range []string{"", streamed} {
		if e := w.chat(own, extra).failure(502, "upstream_error", ""); !strings.Contains(e.Message, fault) || strings.Contains(e.Message, "127.0.0.1") {
			w.t.Errorf("message %q, want %q", e.Message, fault)
		}
	}
	if n := h.asked.Load(); n > 0 {
		w.t.Errorf("%d requests reached it", n)
	}
	if others := w.vertex.Requests(); len(others) > 0 {
		w.t.Errorf("base_url was asked for %s", others[0].URL)
	}
	w.chat(model, "").completion() // others do not mind
}

// Only the model's name is looked up where the address is known, and it does without.
func TestPrivateModelIsLookedUp(t *testing.T) {
	for name, test := range map[string]struct {
		fails    []fakevertex.Scenario
		upstream string
	}{
		"known":   {nil, "4563"},
		"unknown": {[]fakevertex.Scenario{{Method: describe, Status: 403}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newPrivateHost(t, nil)
			w := newWorld(t, ownModel(privateEndpoint, ", url: '"+h.url+"'"), test.fails...)
			w.chat(own, "").completion()
			if sent := decode[map[string]any](t, h.Requests()[0].Body); sent["model"] != test.upstream {
				t.Errorf("sent the model %v, want %q", sent["model"], test.upstream)
			}
			w.wantCalled(describe, 1)
			w.wantCalled(containerChat, 0)
		})
	}
}

// A certificate file that cannot be read, or holds none, is told when the gateway starts.
func TestPrivateCertificateFile(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, "")
	for _, file := range []string{empty, empty + ".missing"} {
		c := *w.config
		c.Models = []config.Model{{Name: own, Endpoint: "projects/p/locations/" + privateEndpoint, URL: "https://10.0.0.5", TLS: config.TLS{CAFile: file}}}
		o := w.options
		o.Registry = prometheus.NewRegistry()
		if _, err := proxy.New(&c, o); err == nil || !strings.Contains(err.Error(), "tls.ca_file") {
			t.Errorf("%s: error %v", file, err)
		}
	}
}

// behindProxy tells the test below that it runs with an HTTP proxy set, in a process of its
// own: the environment is read but once.
const behindProxy = "VERTEXGATEWAY_TEST_BEHIND_PROXY"

// An address of one's own network is called directly, whatever proxy leads to Google.
func TestPrivateWithoutHTTPProxy(t *testing.T) {
	if os.Getenv(behindProxy) == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPrivateWithoutHTTPProxy$", "-test.count=1")
		again.Env = append(os.Environ(), behindProxy+"=1", "HTTP_PROXY=http://proxy.example:3128", "http_proxy=", "NO_PROXY=", "no_proxy=")
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	var (
		mu     sync.Mutex
		dialed []string
	)
	w := newWorld(t, ownModel(privateEndpoint, ", upstream_model: '4563', url: 'http://10.0.0.5'"))
	c := *w.config
	c.Vertex.BaseURL = "http://google.example"
	o := w.options
	o.Registry = prometheus.NewRegistry()
	o.Connect = func(v config.Vertex) (*vertex.Client, error) {
		client := vertex.NewClient(vertex.Options{Credentials: w.credentials, BaseURL: v.BaseURL, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			dialed = append(dialed, address)
			return new(net.Dialer).DialContext(ctx, network, w.upstream.Listener.Addr().String())
		}})
		t.Cleanup(client.Close)
		return client, nil
	}
	g, err := proxy.New(&c, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{own, model} {
		r := httptest.NewRecorder()
		g.Handler().ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(question(name, ""))))
		if r.Code != http.StatusOK {
			t.Errorf("%s: status %d: %s", name, r.Code, r.Body)
		}
	}
	if got := strings.Join(dialed, " "); got != "10.0.0.5:80 proxy.example:3128" {
		t.Errorf("dialed %s", got)
	}
}
