package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/config"
	"vertexgateway/proxy/fetch"
	"vertexgateway/translate/openai"
)

// newLinkExchange is an exchange whose gateway fetches from loopback.
func newLinkExchange(t *testing.T) *exchange {
	c := config.Default()
	c.Fetch.AllowPrivate = []config.Network{{Prefix: netip.MustParsePrefix("127.0.0.0/8")}}
	x := &exchange{snapshot: &snapshot{config: c, fetcher: newFetcher(c.Fetch)}, r: httptest.NewRequest(http.MethodPost, "/", http.NoBody)}
	x.ctx, x.cancel = context.WithCancelCause(t.Context())
	return x
}

// linkedChat is a request with a user message of images at these URLs.
func linkedChat(t *testing.T, urls ...string) *openai.ChatRequest {
	t.Helper()
	var parts []string
	for _, u := range urls {
		parts = append(parts, fmt.Sprintf(`{"type":"image_url","image_url":{"url":%q}}`, u))
	}
	return decodeChat(t, `{"model":"m","messages":[{"role":"user","content":[`+strings.Join(parts, ",")+`]}]}`)
}

func decodeChat(t *testing.T, body string) *openai.ChatRequest {
	t.Helper()
	chat, err := openai.DecodeChatRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return chat
}

// newSite serves on loopback until the test ends.
func newSite(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// media is what the links of the request hold; - is none.
func media(chat *openai.ChatRequest) []string {
	var held []string
	for _, l := range chat.Links() {
		data := "-"
		if l.Part.Media != nil {
			data = string(l.Part.Media.Data)
		}
		held = append(held, data)
	}
	return held
}

func wantBadLink(t *testing.T, err *openai.Error, param, message string) {
	t.Helper()
	want := openai.BadRequest("invalid_image_url", param, message)
	want.Quotes = true
	if err == nil {
		t.Fatalf("no error, want %+v", want)
	}
	got := *err
	got.Cause = nil
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Error(diff)
	}
}

func TestLinksAreFetchedIntoTheirParts(t *testing.T) {
	var asked sync.Map
	site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := asked.LoadOrStore(r.URL.Path, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		_, _ = io.WriteString(w, "what is at "+r.URL.Path)
	})
	chat := decodeChat(t, strings.ReplaceAll(`{"model":"m","messages":[
		{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"SITE/a"}},{"type":"image_url","image_url":"SITE/b"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
		{"role":"tool","tool_call_id":"1","content":[{"type":"image_url","image_url":{"url":"SITE/a"}},{"type":"file","file":{"file_url":"SITE/c"}}]},
		{"role":"user","content":[{"type":"image","source":{"type":"url","url":"SITE/d"}}]}]}`, "SITE", site))
	if err := newLinkExchange(t).fetchLinks(chat.Links()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"what is at /a", "what is at /b", "what is at /a", "what is at /c", "what is at /d"}, media(chat)); diff != "" {
		t.Error(diff)
	}
	asked.Range(func(path, n any) bool {
		if n := n.(*atomic.Int64).Load(); n != 1 {
			t.Errorf("%s was fetched %d times", path, n)
		}
		return true
	})
}

func TestNoLinksNeedNoFetcher(t *testing.T) {
	x := &exchange{snapshot: new(snapshot), r: httptest.NewRequest(http.MethodPost, "/", http.NoBody)}
	if err := x.fetchLinks(linkedChat(t, "data:image/png;base64,AAAA").Links()); err != nil {
		t.Error(err)
	}
}

// TestFirstFailingLinkIsTold: the second image fails only after the third has.
func TestFirstFailingLinkIsTold(t *testing.T) {
	third := make(chan struct{})
	site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/2":
			<-third
			w.WriteHeader(http.StatusNotFound)
		case "/3":
			w.WriteHeader(http.StatusGone)
			close(third)
		default:
			_, _ = io.WriteString(w, "text")
		}
	})
	chat := linkedChat(t, site+"/1", site+"/2?secret", site+"/3")
	err := newLinkExchange(t).fetchLinks(chat.Links())
	wantBadLink(t, err, "messages[0].content[1]", "Could not fetch "+site+"/2: it was answered with status 404.")
}

func TestLinkToTheInsideIsRefused(t *testing.T) {
	err := newLinkExchange(t).fetchLinks(linkedChat(t, "https://169.254.169.254/computeMetadata/v1/").Links())
	wantBadLink(t, err, "messages[0].content[0]", "Could not fetch https://169.254.169.254/computeMetadata/v1/: it leads to an address that is not public.")
	if err.Cause == nil || !strings.Contains(err.Error(), "169.254.169.254:443") {
		t.Errorf("the log is told %q; want the address", err.Error())
	}
}

func TestLinksAreRefusedWhereFetchingIsOff(t *testing.T) {
	x := newLinkExchange(t)
	x.snapshot.config.Fetch.Enabled = false
	wantBadLink(t, x.fetchLinks(linkedChat(t, "data:,a", "https://a.test/").Links()), "messages[0].content[1]",
		"The gateway is set not to fetch URLs; send the data itself.")
}

func TestLinksAreCounted(t *testing.T) {
	site := newSite(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "text") })
	urls := make([]string, maxLinks)
	for i := range urls {
		urls[i] = site + fmt.Sprintf("/%d", i%3)
	}
	if err := newLinkExchange(t).fetchLinks(linkedChat(t, urls...).Links()); err != nil {
		t.Error(err)
	}
	wantBadLink(t, newLinkExchange(t).fetchLinks(linkedChat(t, append(urls, urls[0])...).Links()), "messages[0].content[100]",
		"The request names 101 images and documents by URL, more than the 100 that are fetched.")
}

func TestFewLinksAreFetchedAtOnce(t *testing.T) {
	var d *download
	var running atomic.Int64
	full, fill := context.WithCancel(t.Context())
	defer fill()
	site := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		if running.Add(1) == fetchers {
			d.mu.Lock()
			if n := len(d.waiting); n != fetchers {
				t.Errorf("%d links wait while as many run as may, want %d", n, fetchers)
			}
			d.mu.Unlock()
			fill()
		}
		<-full.Done()
		_, _ = io.WriteString(w, "text")
	})
	urls := make([]string, 2*fetchers)
	for i := range urls {
		urls[i] = site + fmt.Sprintf("/%d", i)
	}
	x := newLinkExchange(t)
	d = newDownload(linkedChat(t, urls...).Links())
	d.run(x.ctx, x.snapshot.fetcher)
	if n := running.Load(); n != 2*fetchers {
		t.Errorf("%d were fetched, want all %d", n, 2*fetchers)
	}
}

func TestNothingIsBegunAfterAFailure(t *testing.T) {
	d := newDownload(linkedChat(t, "https://a.test/1", "https://a.test/2", "https://a.test/3").Links())
	d.next()
	second := d.next()
	d.done(second, nil, errors.New("no"))
	if f := d.next(); f != nil {
		t.Errorf("%s is begun", f.url)
	}
}

func TestLinksAreBoundedTogether(t *testing.T) {
	mebibyte := strings.Repeat("x", 1<<20)
	site := newSite(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, mebibyte) })
	urls := make([]string, maxFetched>>20)
	for i := range urls {
		urls[i] = site
	}
	x := newLinkExchange(t)
	if err := x.fetchLinks(linkedChat(t, urls...).Links()); err != nil {
		t.Error(err)
	}
	wantBadLink(t, x.fetchLinks(linkedChat(t, append(urls, site)...).Links()), "messages", "What the request names by URL holds more than 30 MiB together.")
}

func TestTooMuchEndsWhatRuns(t *testing.T) {
	site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	})
	urls := []string{site + "/slow"}
	for range 1 + maxFetched>>20 {
		urls = append(urls, site+"/fast")
	}
	x := newLinkExchange(t)
	d := newDownload(linkedChat(t, urls...).Links())
	d.run(x.ctx, x.snapshot.fetcher)
	if err := d.files[site+"/slow"].err; !errors.Is(err, context.Canceled) {
		t.Errorf("the slow one ended with %v, want it cancelled", err)
	}
	wantBadLink(t, x.attach(nil, d), "messages", "What the request names by URL holds more than 30 MiB together.")
}

func TestLinksAreBoundedInTime(t *testing.T) {
	site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/fast" {
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, "text")
	})
	urls := []string{site + "/fast"}
	for i := range 2 * fetchers {
		urls = append(urls, site+fmt.Sprintf("/%d", i))
	}
	x := newLinkExchange(t)
	links := linkedChat(t, urls...).Links()
	d := newDownload(links)
	d.patience = 50 * time.Millisecond
	d.run(x.ctx, x.snapshot.fetcher)
	wantBadLink(t, x.attach(links, d), "messages[0].content[1]", "Could not fetch all that the request names by URL within 30s.")
}

func TestLinksOfAnExchangeThatEnds(t *testing.T) {
	for _, test := range []struct {
		cause  error
		status int
	}{{errors.New("the client left"), statusClientLeft}, {errShutdown, http.StatusServiceUnavailable}} {
		x := newLinkExchange(t)
		site := newSite(t, func(_ http.ResponseWriter, r *http.Request) {
			x.cancel(test.cause)
			<-r.Context().Done()
		})
		if err := x.fetchLinks(linkedChat(t, site).Links()); err == nil || err.Status != test.status {
			t.Errorf("%v: got %v, want status %d", test.cause, err, test.status)
		}
	}
}

func TestFetcherIsAsConfigured(t *testing.T) {
	site := newSite(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "12345") })
	x := newLinkExchange(t)
	c := x.snapshot.config.Fetch
	c.MaxBytes = 4
	if data, err := newFetcher(c).Get(t.Context(), site); err == nil {
		t.Errorf("above the limit: %q", data)
	}
	c.MaxBytes = 5
	if data, err := newFetcher(c).Get(t.Context(), site); err != nil {
		t.Errorf("at the limit: %q, %v", data, err)
	}
	c.AllowPrivate = nil
	_, err := newFetcher(c).Get(t.Context(), site)
	if _, ok := errors.AsType[*fetch.Error](err); !ok {
		t.Errorf("from an address that is not allowed: %v", err)
	}
}
