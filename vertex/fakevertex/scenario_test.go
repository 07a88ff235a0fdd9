package fakevertex

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUsualErrors(t *testing.T) {
	tests := []struct {
		scenario Scenario
		location string
		want     string
	}{
		{Scenario{Status: 429}, "global", "Quota exceeded for aiplatform.googleapis.com/global_online_prediction_requests_per_base_model with base model: anthropic-claude-opus-5."},
		{Scenario{Status: 429}, "us", "/us_multi_region_online_prediction_requests_per_base_model with"},
		{Scenario{Status: 429}, "asia-southeast1", "/online_prediction_requests_per_base_model with"},
		{Scenario{Status: 401}, "eu", "UNAUTHENTICATED"},
		{Scenario{Status: 403}, "eu", "PERMISSION_DENIED"},
		{Scenario{Status: 404}, "eu", "Publisher Model `projects/p/locations/eu/publishers/anthropic/models/claude-opus-5` was not found"},
		{Scenario{Status: 500}, "eu", "Internal error encountered."},
		{Scenario{Status: 503}, "eu", "UNAVAILABLE"},
		{Scenario{Status: 529}, "eu", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_vrtx_`},
		{Scenario{Status: 500, ErrorType: "api_error", Message: "no"}, "eu", `"error":{"type":"api_error","message":"no"}`},
		{Scenario{Status: 400, Message: "prompt is too long"}, "eu", `"invalid_request_error","message":"prompt is too long"`},
		{Scenario{Status: 502, HTML: true}, "eu", "<title>502 Bad Gateway</title>"},
		{Scenario{Status: 400, Body: `{"error":1}`}, "eu", `{"error":1}`},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			s := New(Options{Scenarios: []Scenario{test.scenario}})
			for _, method := range []string{"rawPredict", "streamRawPredict"} {
				res, text := post(t, s, pathOf(test.location, opus5, method), "not a request")
				if res.StatusCode != test.scenario.Status || !strings.Contains(text, test.want) {
					t.Errorf("%s: %s", res.Status, text)
				}
				google := strings.Contains(text, `"code"`)
				if array := strings.HasPrefix(text, "["); google && array != (method == "streamRawPredict") {
					t.Errorf("%s: array %v: %s", method, array, text)
				}
			}
		})
	}
}

func TestWhichRequests(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{
		{Location: "us", Times: 2, Status: 529},
		{Model: "claude-haiku-4-5-20251001", Method: "rawPredict", Status: 503, Header: map[string]string{"Retry-After": "3"}},
	}})
	status := func(location, model, method string) int {
		res, _ := post(t, s, pathOf(location, model, method), hello())
		if res.StatusCode == 503 && res.Header.Get("Retry-After") != "3" {
			t.Errorf("header %v", res.Header)
		}
		return res.StatusCode
	}
	got := []int{
		status("us", opus5, "rawPredict"), status("eu", opus5, "rawPredict"), status("us", opus5, "rawPredict"), status("us", opus5, "rawPredict"),
		status("global", "claude-haiku-4-5@20251001", "rawPredict"), status("global", haiku45, "streamRawPredict"),
	}
	if diff := cmp.Diff([]int{529, 200, 529, 200, 503, 200}, got); diff != "" {
		t.Error(diff)
	}
	s.Set()
	if got := status("global", haiku45, "rawPredict"); got != 200 {
		t.Errorf("after Set: %d", got)
	}
}

func TestStreamsThatBreakOff(t *testing.T) {
	tests := []struct {
		name     string
		scenario Scenario
		want     string
		err      error
	}{
		{"closed", Scenario{CloseAfter: 3}, "message_start ping content_block_start", nil},
		{"cut", Scenario{CutAfter: 3}, "message_start ping content_block_start", io.ErrUnexpectedEOF},
		{"error", Scenario{ErrorAfter: 4, Message: "sorry"}, "message_start ping content_block_start content_block_delta error", nil},
		{"closed at once", Scenario{CloseAfter: -1}, "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := httptest.NewServer(New(Options{Scenarios: []Scenario{test.scenario}}))
			defer s.Close()
			res := open(t, s, t.Context(), hello(set("stream", true)))
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if !errors.Is(err, test.err) {
				t.Errorf("got error %v, want %v", err, test.err)
			}
			if test.want == "" {
				if len(text) != 0 {
					t.Errorf("got %s", text)
				}
				return
			}
			events := readEvents(t, string(text))
			if diff := cmp.Diff(test.want, names(events)); diff != "" {
				t.Error(diff)
			}
			if last := events[len(events)-1]; last.name == "error" && !strings.Contains(last.data, `"error":{"details":null,"type":"overloaded_error","message":"sorry"},"request_id":"req_vrtx_`) {
				t.Errorf("error event %s", last.data)
			}
		})
	}
}

func TestWholeAnswersThatBreakOff(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{ErrorAfter: 1}}})
	if res, text := post(t, s, pathOf("global", haiku45, "rawPredict"), hello()); res.StatusCode != 529 {
		t.Errorf("%s: %s", res.Status, text)
	}
	s.Set(Scenario{CloseAfter: 1})
	if _, text := post(t, s, pathOf("global", haiku45, "rawPredict"), hello()); json.Valid([]byte(text)) || !strings.HasPrefix(text, `{"model":`) {
		t.Errorf("body %s", text)
	}
}

// open posts to a server and leaves the body to be read.
func open(t *testing.T, s *httptest.Server, ctx context.Context, body any) *http.Response {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, "POST", s.URL+pathOf("global", haiku45, "streamRawPredict"), strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer token")
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestGone(t *testing.T) {
	fake := New(Options{Scenarios: []Scenario{{StallAfter: 3}}})
	s := httptest.NewServer(fake)
	defer s.Close()
	ctx, leave := context.WithCancel(t.Context())
	res := open(t, s, ctx, hello(set("stream", true)))
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && lines.Text() != "event: content_block_start" {
	}
	got := fake.Requests()[0]
	select {
	case <-got.Gone:
		t.Error("gone too early")
	default:
	}
	leave()
	res.Body.Close()
	<-got.Gone
	<-got.Done
}

func TestNotGone(t *testing.T) {
	fake := New(Options{})
	post(t, fake, pathOf("global", haiku45, "rawPredict"), hello())
	got := fake.Requests()[0]
	<-got.Done
	select {
	case <-got.Gone:
		t.Error("gone")
	default:
	}
}

func TestRequests(t *testing.T) {
	fake := New(Options{})
	post(t, fake, pathOf("us-east5", haiku45, "rawPredict"), hello(talk(user("12345678"))), "x-test", "1")
	post(t, fake, pathOf("eu", opus55, "streamRawPredict"), hello(set("n", 1)))
	if err := fake.Wait(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	all := fake.Requests()
	first, second := all[0], all[1]
	if first.Location != "us-east5" || first.Model != haiku45 || first.Publisher != "anthropic" || first.Method != "rawPredict" || first.Status != 200 || first.Header.Get("x-test") != "1" {
		t.Errorf("first %+v", first)
	}
	if first.Usage.Input != 2 || first.Usage.Output != tokens(len("You said: 12345678")) || !strings.Contains(string(first.Body), "12345678") {
		t.Errorf("usage %+v, body %s", first.Usage, first.Body)
	}
	if second.Status != 400 || second.Usage != (Usage{}) || second.Method != "streamRawPredict" {
		t.Errorf("second %+v", second)
	}
	for range maxRequests {
		post(t, fake, "/", nil)
	}
	if all := fake.Requests(); len(all) != maxRequests || all[0].URL != "/" {
		t.Errorf("%d requests, the first %s", len(all), all[0].URL)
	}
}

func TestLog(t *testing.T) {
	var lines strings.Builder
	fake := New(Options{Log: slog.New(slog.NewTextHandler(&lines, nil))})
	post(t, fake, pathOf("eu", opus5, "rawPredict"), hello(set("n", 1)))
	if want := "msg=request location=eu model=claude-opus-5 method=rawPredict status=400 input=0 output=0"; !strings.Contains(lines.String(), want) {
		t.Errorf("logged %s", lines.String())
	}
}

func TestReplay(t *testing.T) {
	const start, stop = "event: message_start\ndata: {\"type\":\"message_start\"}\n\n", "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
	const recorded = start + stop
	s := New(Options{Scenarios: []Scenario{{Replay: recorded, Times: 1}, {Replay: recorded, CloseAfter: 1, Times: 1}, {Replay: `{"id":1}`}}})
	for _, want := range []string{recorded, start, `{"id":1}`} {
		if res, text := post(t, s, pathOf("global", haiku45, "rawPredict"), hello()); text != want || res.StatusCode != 200 {
			t.Errorf("%s: %s", res.Status, text)
		}
	}
}

func TestParseScenarios(t *testing.T) {
	got, err := ParseScenarios([]byte(`[{"model": "claude-opus-5", "events": 500, "pace": "20ms"}, {"text": "a", "calls": [{"name": "f", "input": {"x": 1}}]}]`))
	want := []Scenario{{Model: opus5, Events: 500, Pace: 20 * time.Millisecond}, {Text: "a", Calls: []Call{{"f", []byte(`{"x": 1}`)}}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err = ParseScenarios([]byte(`[{"denied": ["web_search"], "accepts": {"effort": []}, "window": 9, "bound": true}, {"pauses": 2, "search_error": "unavailable", "untitled": true, "interleaved": true}]`))
	want = []Scenario{{Denied: []string{"web_search"}, Accepts: []byte(`{"effort": []}`), Window: 9, Bound: true}, {Pauses: 2, SearchError: "unavailable", Untitled: true, Interleaved: true}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err = ParseScenarios([]byte(`[{"request_type": "dedicated", "method": "chat/completions", "status": 429}, {"chunked": true, "object_arguments": true, "nameless": true, "undone": true, "cached": 3}]`))
	want = []Scenario{{RequestType: "dedicated", Method: "chat/completions", Status: 429}, {Chunked: true, ObjectArguments: true, Nameless: true, Undone: true, Cached: 3}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	bad := []string{
		`[{"denied": ["images"]}]`, `[{"accepts": {"x": 1}}]`, `[{"accepts": {"prefill": true}}]`, `[{"accepts": []}]`, `[{"window": -1}]`, `[{"pauses": -1}]`, `[{"cached": -1}]`, `[{"search_error": "x"}]`,
		`{}`, `[{"sleep": 1}]`, `[{"pace": 20}]`, `[{"pace": "-1s"}]`, `[{"status": 200}]`, `[{"status": 500, "stall": true}]`, `[{"method": "explain"}]`, `[{"events": -1}]`, `[{"cut_after": -2}]`,
	}
	for _, bad := range bad {
		if got, err := ParseScenarios([]byte(bad)); err == nil {
			t.Errorf("%s is taken: %+v", bad, got)
		}
	}
}

func TestControl(t *testing.T) {
	fake := New(Options{})
	do := func(method, path, body string) (int, string) {
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	if code, text := do("PUT", "/emulator/scenarios", `[{"status": 503}]`); code != http.StatusNoContent {
		t.Errorf("%d %s", code, text)
	}
	if code, text := do("PUT", "/emulator/scenarios", `[{"status": "503"}]`); code != http.StatusBadRequest {
		t.Errorf("%d %s", code, text)
	}
	if res, _ := post(t, fake, pathOf("global", haiku45, "rawPredict"), hello()); res.StatusCode != 503 {
		t.Errorf("status %s", res.Status)
	}
	code, text := do("GET", "/emulator/requests", "")
	if code != http.StatusOK || !strings.Contains(text, `"location":"global"`) || !strings.Contains(text, `"status":503`) {
		t.Errorf("%d %s", code, text)
	}
	if code, _ := do("GET", "/emulator/x", ""); code != http.StatusNotFound {
		t.Errorf("%d", code)
	}
}

// bubble serves fake over a pipe, so that time is the bubble's.
func bubble(t *testing.T, fake *Server) *http.Client {
	listener := &pipes{conns: make(chan net.Conn)}
	server := &http.Server{Handler: fake}
	go func() { _ = server.Serve(listener) }()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		listener.conns <- theirs
		return ours, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return &http.Client{Transport: transport}
}

type pipes struct{ conns chan net.Conn }

func (p *pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p *pipes) Close() error { close(p.conns); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "bubble"} }

func TestTime(t *testing.T) {
	tests := []struct {
		name     string
		options  Options
		scenario Scenario
		want     time.Duration
		events   int // read
	}{
		{"paced", Options{}, Scenario{Events: 100, Pace: 20 * time.Millisecond}, 105 * 20 * time.Millisecond, 106},
		{"paced by the options", Options{Pace: time.Second}, Scenario{Events: 1}, 6 * time.Second, 7},
		{"delayed", Options{}, Scenario{Events: 1, Delay: time.Minute}, time.Minute, 7},
		{"pinged", Options{}, Scenario{StallAfter: 1, Pings: 5 * time.Second}, 15 * time.Second, 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.options.Scenarios = []Scenario{test.scenario}
				fake := New(test.options)
				defer fake.Close()
				client := bubble(t, fake)
				start := time.Now()
				text, _ := json.Marshal(hello(set("stream", true)))
				r, _ := http.NewRequest("POST", "http://vertex"+pathOf("global", haiku45, "streamRawPredict"), strings.NewReader(string(text)))
				r.Header.Set("Authorization", "Bearer token")
				res, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				lines := bufio.NewScanner(res.Body)
				for n := 0; n < test.events && lines.Scan(); {
					if strings.HasPrefix(lines.Text(), "data: ") {
						n++
					}
				}
				if got := time.Since(start); got != test.want {
					t.Errorf("took %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := New(Options{Scenarios: []Scenario{{Stall: true}}})
		client := bubble(t, fake)
		done := make(chan error)
		go func() {
			r, _ := http.NewRequest("POST", "http://vertex"+pathOf("global", haiku45, "rawPredict"), strings.NewReader("{}"))
			r.Header.Set("Authorization", "Bearer token")
			res, err := client.Do(r)
			if err == nil {
				res.Body.Close()
			}
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Errorf("answered: %v", err)
		default:
		}
		fake.Close()
		if err := <-done; err == nil {
			t.Error("a stalled request was answered")
		}
	})
}
