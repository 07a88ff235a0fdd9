package fetch

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	png  = "\x89PNG\r\n\x1a\n..."
	jpeg = "\xff\xd8\xff\xe0..."
)

// gives answers with the body, whatever is asked.
func gives(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// wantReason checks that a fetch failed for the reason, told about the URL.
func wantReason(t *testing.T, f *Fetcher, link, url, reason string) {
	t.Helper()
	data, err := f.Get(t.Context(), link)
	if data != nil {
		t.Errorf("%s: got %d bytes beside the error", link, len(data))
	}
	want := url + ": " + reason
	if _, ok := errors.AsType[*Error](err); !ok || err.Error() != want {
		t.Errorf("%s:\n got %v\nwant %s", link, err, want)
	}
}

func wantData(t *testing.T, f *Fetcher, link, want string) {
	t.Helper()
	data, err := f.Get(t.Context(), link)
	if err != nil || string(data) != want {
		t.Errorf("%s: got %q, %v; want %q", link, data, err, want)
	}
}

func TestKinds(t *testing.T) {
	n := newNetwork(t)
	s := serve(t, "127.0.0.1:0", true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png") // labels are not believed
		_, _ = io.WriteString(w, r.URL.Query().Get("body"))
	})
	f := n.fetcher(Options{}, s.Server)
	for name, body := range map[string]string{
		"PNG": png, "JPEG": jpeg, "GIF 87": "GIF87a.", "GIF 89": "GIF89a\x00\xff", "WebP": "RIFF\x00\x00\xff\x00WEBPVP8 ", "PDF": "%PDF-1.7\n\x00\xff",
		"text": "grüß dich\n", "JSON": `{"a": 1}`, "text with a mark": "\ufefftext",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := f.Get(t.Context(), s.URL+"?body="+percent(body))
			if err != nil || string(got) != body {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	for name, body := range map[string]string{
		"nothing": "", "BMP": "BM\x00\xff", "TIFF": "II*\x00", "AVIF": "\x00\x00\x00\x20ftypavif", "WAV": "RIFF\x00\x00\xff\x00WAVEfmt ", "Latin-1": "gr\xfc\xdf",
		"zeros": "a\x00b", "gzip": "\x1f\x8b\x08\x00", "half of RIFF": "RIFF\xff",
	} {
		t.Run(name, func(t *testing.T) {
			wantReason(t, f, s.URL+"/?body="+percent(body), s.URL+"/", "it is no JPEG, PNG, GIF, WebP, PDF or UTF-8 text")
		})
	}
}

func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteString("%" + strconv.FormatUint(uint64(c)|0x100, 16)[1:])
	}
	return b.String()
}

// TestURLsRefused: D12, and what else no address can make right.
func TestURLsRefused(t *testing.T) {
	n := newNetwork(t)
	f := n.stranger(Options{})
	for link, want := range map[string]string{
		"file:///etc/passwd":                 "file:///etc/passwd: only https URLs are fetched",
		"gopher://a.test:70/1":               "gopher://a.test:70/1: only https URLs are fetched",
		"ftp://a.test/x.png":                 "ftp://a.test/x.png: only https URLs are fetched",
		"FTP://user:secret@a.test/?secret":   "ftp://a.test/: only https URLs are fetched",
		"gs:bucket/secret":                   "gs:...: only https URLs are fetched",
		"//a.test/x.png":                     "//a.test/x.png: only https URLs are fetched",
		"x.png":                              "x.png: only https URLs are fetched",
		"http://a.test/x.png?secret#secret":  "http://a.test/x.png: plain http is not fetched; use https",
		"https://user:secret@a.test/x.png":   "https://a.test/x.png: URLs with a user or a password are not fetched",
		"https://secret@a.test/":             "https://a.test/: URLs with a user or a password are not fetched",
		"https://@a.test/":                   "https://a.test/: URLs with a user or a password are not fetched",
		"https:///x.png":                     "https:///x.png: it names no host",
		"https://:443/x.png":                 "https://:443/x.png: it names no host",
		"https:a.test/x.png":                 "https:...: it names no host",
		"https://a.test:secret/":             "the URL: it is malformed",
		"https://a.test/%zz?secret":          "the URL: it is malformed",
		"https://a.test/\n":                  "the URL: it is malformed",
		"":                                   ": only https URLs are fetched",
		"https://nowhere.test/x?secret":      "https://nowhere.test/x: its host is not known",
		"https://10.0.0.1/" + long(300):      "https://10.0.0.1/" + long(183) + "...: it leads to an address that is not public",
		"https://[::ffff:169.254.169.254]/x": "https://[::ffff:169.254.169.254]/x: it leads to an address that is not public",
		"https://[fe80::1%25lo]/x":           "https://[fe80::1%25lo]/x: it leads to an address that is not public",
	} {
		_, err := f.Get(t.Context(), link)
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", link, err, want)
		}
		if e, ok := errors.AsType[*Error](err); ok && e.Cause != nil && strings.Contains(e.Cause.Error(), "secret") {
			t.Errorf("%q: the cause tells the secret: %v", link, e.Cause)
		}
	}
}

func long(n int) string { return strings.Repeat("a", n) }

// TestNamesOfPrivateAddresses: D09. The names lead to a server that would answer.
func TestNamesOfPrivateAddresses(t *testing.T) {
	n := newNetwork(t)
	s := serve(t, "127.0.0.1:0", true, gives(png))
	f := n.stranger(Options{}, s.Server)
	for _, addr := range []string{
		"169.254.169.254", "127.0.0.1", "10.1.2.3", "192.168.0.1", "0.0.0.0", "100.64.0.1", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "fd00:ec2::254", "64:ff9b::7f00:1",
	} {
		n.hosts["pictures.test"] = [][]string{{addr}}
		link := "https://pictures.test:" + s.port() + "/x.png"
		wantReason(t, f, link, link, "it leads to an address that is not public")
	}
	link := "https://127.0.0.1:" + s.port() + "/"
	wantReason(t, f, link, link, "it leads to an address that is not public")
	s.wantUntouched(t)
	n.hosts["pictures.test"] = [][]string{{"127.0.0.1"}}
	f = n.fetcher(Options{}, s.Server)
	f.transport.TLSClientConfig.ServerName = "example.com" // which the server's certificate is for
	wantData(t, f, "https://pictures.test:"+s.port()+"/x.png", png)
}

// TestRedirectsAreGuarded: D10.
func TestRedirectsAreGuarded(t *testing.T) {
	n := newNetwork(t)
	inside := serve(t, "127.0.0.2:0", true, gives(png))
	n.hosts["inside.test"] = [][]string{{"127.0.0.2"}}
	s := serve(t, "127.0.0.1:0", true, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	f := n.fetcher(Options{}, s.Server, inside.Server)
	for to, reason := range map[string]string{
		"http://169.254.169.254/":                     "plain http is not fetched; use https",
		"https://169.254.169.254/":                    "it leads to an address that is not public",
		"https://127.0.0.2:" + inside.port() + "/x":   "it leads to an address that is not public",
		"https://inside.test:" + inside.port() + "/x": "it leads to an address that is not public",
		"//inside.test:" + inside.port() + "/x":       "it leads to an address that is not public",
		"file:///etc/passwd":                          "only https URLs are fetched",
		"https://u:p@127.0.0.1/":                      "URLs with a user or a password are not fetched",
		"https://%zz":                                 "it was redirected to nowhere",
	} {
		wantReason(t, f, s.URL+"/x.png?to="+percent(to), s.URL+"/x.png", reason)
	}
	inside.wantUntouched(t)
}

// TestRebinding: D11. The name leads to the Internet when it is looked up first, and to the
// inside afterwards.
func TestRebinding(t *testing.T) {
	n := newNetwork(t)
	s := serve(t, "127.0.0.1:0", false, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, png)
	})
	inside := serve(t, "127.0.0.2:"+s.port(), false, gives(png))
	n.hosts["pictures.test"] = [][]string{{"127.0.0.1"}, {"127.0.0.2"}}
	f := n.fetcher(Options{})
	link := "http://pictures.test:" + s.port() + "/x.png"
	wantData(t, f, link, png)
	wantReason(t, f, link, link, "plain http is not fetched; use https")
	inside.wantUntouched(t)
	n.hosts["pictures.test"] = [][]string{{"127.0.0.2", "127.0.0.1"}}
	wantData(t, f, link, png) // by the address that is allowed
	inside.wantUntouched(t)
}

func TestPlainHTTPIsForAllowedAddresses(t *testing.T) {
	n := newNetwork(t)
	s := serve(t, "127.0.0.1:0", false, gives(jpeg))
	wantReason(t, n.stranger(Options{}), s.URL, s.URL, "plain http is not fetched; use https")
	wantReason(t, n.stranger(Options{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}), s.URL, s.URL, "plain http is not fetched; use https")
	s.wantUntouched(t)
	wantData(t, n.fetcher(Options{}), s.URL, jpeg)
}

func TestRedirects(t *testing.T) {
	n := newNetwork(t)
	var asked atomic.Int64
	s := serve(t, "127.0.0.1:0", false, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		left, err := strconv.Atoi(strings.Trim(r.URL.Path, "/"))
		if err != nil || left == 0 {
			_, _ = io.WriteString(w, png)
			return
		}
		w.Header().Set("Location", strconv.Itoa(left-1))
		w.WriteHeader([]int{301, 302, 303, 307, 308}[left%5])
	})
	f := n.fetcher(Options{})
	wantData(t, f, s.URL+"/5", png)
	asked.Store(0)
	wantReason(t, f, s.URL+"/6", s.URL+"/6", "it was redirected more than 5 times")
	if n := asked.Load(); n != 6 {
		t.Errorf("%d requests, want 6", n)
	}
}

func TestRedirectsTellNothing(t *testing.T) {
	n := newNetwork(t)
	headers := make(chan http.Header, 10)
	s := serve(t, "127.0.0.1:0", false, func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header
		w.Header().Set("Set-Cookie", "a=b")
		if r.URL.Path != "/end" {
			http.Redirect(w, r, "/end", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, png)
	})
	wantData(t, n.fetcher(Options{}), s.URL+"/x?signature=secret", png)
	wantData(t, n.fetcher(Options{}), s.URL+"/end", png)
	if len(headers) != 3 {
		t.Fatalf("%d requests, want 3", len(headers))
	}
	for range 3 {
		h := <-headers
		if diff := cmp.Diff([]string{"Accept", "User-Agent"}, slices.Sorted(maps.Keys(h))); diff != "" {
			t.Error(diff)
		}
		if agent := h.Get("User-Agent"); agent != "vertexgateway" {
			t.Errorf("user agent %q", agent)
		}
	}
}

// TestProxiesAreNotUsed: one would connect in the gateway's place, to whatever address.
func TestProxiesAreNotUsed(t *testing.T) {
	for _, plain := range []bool{false, true} {
		if newTransport(Options{}, plain).Proxy != nil {
			t.Errorf("plain %v: a proxy", plain)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	n := newNetwork(t)
	s := serve(t, "127.0.0.1:0", false, func(w http.ResponseWriter, r *http.Request) {
		switch status, _ := strconv.Atoi(r.URL.Path[1:]); status {
		case 0:
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, png)
		case 1:
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, png)
		default:
			w.WriteHeader(status)
		}
	})
	f := n.fetcher(Options{})
	for path, reason := range map[string]string{
		"/404": "it was answered with status 404",
		"/500": "it was answered with status 500",
		"/206": "it was answered with status 206",
		"/204": "it was answered with status 204",
		"/304": "it was answered with status 304",
		"/302": "it was redirected to nowhere",
		"/0":   "it was sent compressed, though nothing asked for that",
		"/1":   "it did not arrive whole",
	} {
		wantReason(t, f, s.URL+path, s.URL+path, reason)
	}
	s.Close()
	wantReason(t, f, s.URL+"/", s.URL+"/", "its server cannot be reached")
}

func TestUnknownCertificate(t *testing.T) {
	s := serve(t, "127.0.0.1:0", true, gives(png))
	s.Config.ErrorLog = nil
	wantReason(t, newNetwork(t).fetcher(Options{}), s.URL, s.URL, "its server has no valid certificate")
}

// TestSizes: D08.
func TestSizes(t *testing.T) {
	n := newNetwork(t)
	text := long(1 << 10)
	s := serve(t, "127.0.0.1:0", false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/declared" {
			w.Header().Set("Content-Length", "79167488")
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done() // the body never comes
			return
		}
		pieces, _ := strconv.Atoi(r.URL.Path[1:])
		for range pieces {
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	})
	f := n.fetcher(Options{MaxBytes: 50 << 20})
	wantReason(t, f, s.URL+"/declared", s.URL+"/declared",
		"it has 79167488 bytes (75.50 MiB), more than the 52428800 bytes (50.00 MiB) that are fetched at most")
	f = n.fetcher(Options{MaxBytes: 3 << 10})
	wantData(t, f, s.URL+"/3", strings.Repeat(text, 3))
	for _, path := range []string{"/4", "/1000000000"} {
		wantReason(t, f, s.URL+path, s.URL+path, "it has more than the 3072 bytes (0.00 MiB) that are fetched at most")
	}
}

func TestSlowServersAreCut(t *testing.T) {
	n := newNetwork(t)
	s := serve(t, "127.0.0.1:0", false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, png)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	f := n.fetcher(Options{Timeout: 50 * time.Millisecond})
	wantReason(t, f, s.URL+"/header", s.URL+"/header", "it took longer than 50ms")
	wantReason(t, f, s.URL+"/body", s.URL+"/body", "it took longer than 50ms")
}

func TestWhoeverAskedMayLeave(t *testing.T) {
	n := newNetwork(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("left")
	s := serve(t, "127.0.0.1:0", false, func(_ http.ResponseWriter, r *http.Request) {
		cancel(left)
		<-r.Context().Done()
	})
	if data, err := n.fetcher(Options{}).Get(ctx, s.URL); err != left { //nolint:errorlint // the very one
		t.Errorf("got %q, %v; want the cause of the end", data, err)
	}
}

// What strangers write into an error must not fill the log.
func TestCausesAreBrief(t *testing.T) {
	_, err := newNetwork(t).fetcher(Options{}).Get(t.Context(), "https://"+strings.Repeat("a", 1<<20)+"/")
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Cause == nil || len(e.Cause.Error()) > 400 || len(e.Error()) > 400 {
		t.Errorf("an error of %d bytes with a cause of %d", len(e.Error()), len(e.Cause.Error()))
	}
}
