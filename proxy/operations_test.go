package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"vertexgateway/proxy"
	"vertexgateway/vertex"
	"vertexgateway/vertex/fakevertex"
)

// A name is looked up before anything in a bubble does that: the resolver keeps a channel
// from its first use, and one of a bubble would be of no use outside.
func TestMain(m *testing.M) {
	_, _ = net.DefaultResolver.LookupHost(context.Background(), "localhost") // whatever comes of it
	goleak.VerifyTestMain(m)
}

// ask calls an operations' path the way a caller at an address does.
func ask(g *proxy.Gateway, method, path, from string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	g.Admin().ServeHTTP(w, r)
	return w
}

const here, elsewhere = "127.0.0.1:4711", "192.0.2.7:4711"

// wantProbe checks a probe's status and its one line.
func wantProbe(t *testing.T, g *proxy.Gateway, path string, status int, line string) {
	t.Helper()
	if r := ask(g, http.MethodGet, path, elsewhere); r.Code != status || strings.TrimSpace(r.Body.String()) != line {
		t.Errorf("%s: status %d, %q; want %d, %q", path, r.Code, r.Body, status, line)
	}
}

func TestProbes(t *testing.T) {
	w := newWorld(t, "")
	w.options.Registry = prometheus.NewRegistry()
	g, err := proxy.New(w.config, w.options)
	if err != nil {
		t.Fatal(err)
	}
	wantProbe(t, g, "/livez", 200, "ok")
	wantProbe(t, g, "/startupz", 503, "starting")
	wantProbe(t, g, "/readyz", 503, "starting")
	g.Started()
	wantProbe(t, g, "/livez", 200, "ok")
	wantProbe(t, g, "/startupz", 200, "ok")
	wantProbe(t, g, "/readyz", 200, "ok")
	g.Drain(t.Context())
	g.Started() // comes too late
	wantProbe(t, g, "/livez", 200, "ok")
	wantProbe(t, g, "/startupz", 200, "ok")
	wantProbe(t, g, "/readyz", 503, "draining")
}

// tokens is Google's token endpoint: an error until there is a token.
type tokens struct{ token string }

func (s *tokens) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	if s.token == "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
	} else {
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, s.token)
	}
	res := w.Result()
	res.Request = r
	return res, nil
}

// A gateway without a token is not ready, and says why; neither are requests served.
func TestReadyWithoutToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "user.json")
	if err := os.WriteFile(file, []byte(`{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"very-secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	source := new(tokens)
	w := newWorld(t, threeLocations)
	var err error
	w.credentials, err = vertex.FindCredentials(t.Context(), file, &http.Client{Transport: source}, func(string) string { return "" }, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	other := *w.config
	other.Vertex.Credentials = file // so that the gateway connects anew
	if err := w.gateway.Reload(&other); err != nil {
		t.Fatal(err)
	}
	wantProbe(t, w.gateway, "/readyz", 503, "no token yet")
	r := w.chat(model, "")
	r.failure(502, "upstream_auth_error", "")
	if ready := w.admin("/readyz"); ready.Code != 503 || !strings.Contains(ready.Body.String(), "invalid_grant") || strings.Contains(ready.Body.String(), "very-secret") {
		t.Errorf("/readyz: %d %s", ready.Code, ready.Body)
	}
	w.wantLocations("")
	source.token = "good"
	w.chat(model, "").completion()
	wantProbe(t, w.gateway, "/readyz", 200, "ok")
}

func TestQuit(t *testing.T) {
	w := newWorld(t, "")
	for _, from := range []string{elsewhere, "[2001:db8::1]:4711", "", "nonsense", "localhost:1"} {
		if r := ask(w.gateway, http.MethodPost, "/quitquitquit", from); r.Code != http.StatusForbidden {
			t.Errorf("from %q: status %d, want 403", from, r.Code)
		}
	}
	if r := ask(w.gateway, http.MethodGet, "/quitquitquit", here); r.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d, want 405", r.Code)
	}
	select {
	case <-w.gateway.Quit():
		t.Fatal("it quits though nobody who may has asked")
	default:
	}
	for _, from := range []string{here, "[::1]:4711", "[::ffff:127.0.0.1]:4711", "127.8.9.10:1"} {
		if r := ask(w.gateway, http.MethodPost, "/quitquitquit", from); r.Code != http.StatusOK {
			t.Errorf("from %q: status %d, want 200", from, r.Code)
		}
	}
	<-w.gateway.Quit()
}

func TestAdminMethods(t *testing.T) {
	w := newWorld(t, "")
	for _, path := range []string{"/livez", "/readyz", "/startupz", "/metrics"} {
		for _, method := range []string{http.MethodPost, http.MethodDelete} {
			if r := ask(w.gateway, method, path, here); r.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: status %d, want 405", method, path, r.Code)
			}
		}
	}
	// What the API serves is not served here, and the other way round.
	if r := ask(w.gateway, http.MethodGet, "/v1/models", here); r.Code != http.StatusNotFound {
		t.Errorf("/v1/models: status %d, want 404", r.Code)
	}
	w.get("/metrics").failure(404, "unknown_url", "")
	w.post("/quitquitquit", "").failure(404, "unknown_url", "")
}

// series reads /metrics: what is told of each series.
func (w *world) series() map[string]float64 {
	w.t.Helper()
	r := w.admin("/metrics")
	if r.Code != http.StatusOK {
		w.t.Fatalf("/metrics: status %d: %s", r.Code, r.Body)
	}
	found := make(map[string]float64)
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			w.t.Fatal(err)
		}
		found[line[:at]] = value
	}
	return found
}

// of are the series of one metric.
func of(all map[string]float64, metric string) map[string]float64 {
	found := maps.Clone(all)
	maps.DeleteFunc(found, func(name string, _ float64) bool { return !strings.HasPrefix(name, metric+"{") })
	return found
}

func (w *world) wantSeries(metric string, want map[string]float64) {
	w.t.Helper()
	labelled := make(map[string]float64)
	for labels, value := range want {
		labelled[metric+"{"+labels+"}"] = value
	}
	if diff := cmp.Diff(labelled, of(w.series(), metric)); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", metric, diff)
	}
}

// billed sums up what the emulator took for all its answers.
func (w *world) billed() (sum fakevertex.Usage) {
	for _, r := range w.vertex.Requests() {
		u := &r.Usage
		sum.Input += u.Input
		sum.Output += u.Output
		sum.CacheRead += u.CacheRead
		sum.CacheWrite5m += u.CacheWrite5m
		sum.CacheWrite1h += u.CacheWrite1h
		sum.Thinking += u.Thinking
		sum.Searches += u.Searches
		sum.Pages += u.Pages
	}
	return sum
}

// What happened is counted exactly, and by the time its client has seen all of it.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations+"  - {name: fast, model: claude-haiku-4-5, locations: [us-east5]}\n"+teamsYAML(),
			at("global", fakevertex.Scenario{Status: 529, Times: 1, Header: map[string]string{"Retry-After": "3600"}}),
			fakevertex.Scenario{Delay: 3 * time.Second})
		key := []string{"Authorization", "Bearer " + testKey}
		w.chat(model, "", key...).completion()
		w.chat(model, streamed, key...).transcript()
		w.chat(model, `"reasoning_effort":"high",`+streamed, key...).transcript()
		w.chat("fast", "", key...).completion()
		w.chat("fast", `"n":2`, key...).failure(400, "unsupported_value", "n")
		w.chat("nobody", "", key...).failure(404, "model_not_found", "model")
		w.chat("fast", "").failure(401, "invalid_api_key", "")
		w.get("/v1/models", key...)
		w.get("/nothing", key...).failure(404, "unknown_url", "")
		synctest.Wait()

		w.wantSeries("gateway_requests_total", map[string]float64{
			`endpoint="chat_completions",model="claude-opus-4-8",status="200",team="search"`: 3,
			`endpoint="chat_completions",model="fast",status="200",team="search"`:            1,
			`endpoint="chat_completions",model="fast",status="400",team="search"`:            1,
			`endpoint="chat_completions",model="",status="404",team="search"`:                1,
			`endpoint="chat_completions",model="",status="401",team=""`:                      1,
			`endpoint="models",model="",status="200",team="search"`:                          1,
			`endpoint="unknown",model="",status="404",team="search"`:                         1,
		})
		w.wantSeries("gateway_upstream_attempts_total", map[string]float64{
			`location="global",model="claude-opus-4-8",outcome="overloaded"`: 1,
			`location="us",model="claude-opus-4-8",outcome="ok"`:             3,
			`location="us-east5",model="fast",outcome="ok"`:                  1,
		})
		w.wantSeries("gateway_fallbacks_total", map[string]float64{`from="global",model="claude-opus-4-8",reason="overloaded",to="us"`: 1})
		first := map[string]float64{`location="us",model="claude-opus-4-8"`: 3, `location="us-east5",model="fast"`: 1}
		w.wantSeries("gateway_time_to_first_token_seconds_count", first)
		w.wantSeries("gateway_time_to_first_token_seconds_sum", map[string]float64{`location="us",model="claude-opus-4-8"`: 9, `location="us-east5",model="fast"`: 3})
		w.wantSeries("gateway_request_duration_seconds_sum", map[string]float64{
			`endpoint="chat_completions",model="claude-opus-4-8"`: 9, `endpoint="chat_completions",model="fast"`: 3,
			`endpoint="chat_completions",model=""`: 0, `endpoint="models",model=""`: 0, `endpoint="unknown",model=""`: 0,
		})
		w.wantSeries("gateway_inflight_requests", map[string]float64{`endpoint="chat_completions"`: 0, `endpoint="completions"`: 0, `endpoint="embeddings"`: 0, `endpoint="ocr"`: 0, `endpoint="models"`: 0, `endpoint="usage"`: 0, `endpoint="unknown"`: 0})
		available := map[string]float64{`location="global",model="claude-opus-4-8"`: 0, `location="us",model="claude-opus-4-8"`: 1,
			`location="eu",model="claude-opus-4-8"`: 1, `location="us-east5",model="claude-haiku-4-5"`: 1}
		w.wantSeries("gateway_location_available", available)
		time.Sleep(time.Hour)
		available[`location="global",model="claude-opus-4-8"`] = 1
		w.wantSeries("gateway_location_available", available)
		w.wantTokens()
	})
}

// wantTokens compares the sums over teams and models with the emulator's books.
func (w *world) wantTokens() {
	w.t.Helper()
	sums := make(map[string]int)
	for name, n := range of(w.series(), "gateway_tokens_total") {
		_, kind, _ := strings.Cut(name, `type="`)
		sums[strings.TrimSuffix(kind, `"}`)] += int(n)
	}
	billed := w.billed()
	if want := map[string]int{"input": billed.Input, "output": billed.Output, "reasoning": billed.Thinking}; !cmp.Equal(sums, want) || billed.Thinking == 0 {
		w.t.Errorf("tokens %v, billed %v", sums, want)
	}
}

// The metrics tell of tokens of the prompt cache apart, and never twice.
func TestMetricsOfTheCache(t *testing.T) {
	const answer = `{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hi."}],"stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":11,"cache_read_input_tokens":13,"cache_creation_input_tokens":36,"cache_creation":{"ephemeral_5m_input_tokens":17,"ephemeral_1h_input_tokens":19}}}`
	w := newWorld(t, threeLocations, fakevertex.Scenario{Replay: answer})
	if u := w.chat(model, "").completion().Usage; u.Prompt != 7+13+36 || u.Completion != 11 {
		t.Errorf("usage %+v", u)
	}
	w.wantSeries("gateway_tokens_total", map[string]float64{
		`model="claude-opus-4-8",team="",type="input"`: 7, `model="claude-opus-4-8",team="",type="output"`: 11,
		`model="claude-opus-4-8",team="",type="cache_read"`: 13, `model="claude-opus-4-8",team="",type="cache_write"`: 36,
	})
}

// The prompt of an answer that broke off was billed.
func TestMetricsOfABrokenStream(t *testing.T) {
	w := newWorld(t, threeLocations, fakevertex.Scenario{Events: 10, CutAfter: 6})
	w.chat(model, streamed).transcript()
	name := `gateway_tokens_total{model="claude-opus-4-8",team="",type="input"}`
	if got, want := w.series()[name], w.billed().Input; int(got) != want {
		t.Errorf("%v tokens of input, billed %d", got, want)
	}
	w.wantSeries("gateway_upstream_attempts_total", map[string]float64{`location="global",model="claude-opus-4-8",outcome="broken"`: 1})
}

func TestInflight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, fakevertex.Scenario{Stall: true})
		ctx, leave := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for _, extra := range []string{"", streamed} {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.api.URL+"/v1/chat/completions", strings.NewReader(question(model, extra)))
			if err != nil {
				t.Fatal(err)
			}
			clients.Go(func() {
				if res, err := w.client.Do(req); err == nil {
					res.Body.Close()
				}
			})
		}
		synctest.Wait()
		w.wantSeries("gateway_inflight_requests", map[string]float64{`endpoint="chat_completions"`: 2, `endpoint="completions"`: 0, `endpoint="embeddings"`: 0, `endpoint="ocr"`: 0, `endpoint="models"`: 0, `endpoint="usage"`: 0, `endpoint="unknown"`: 0})
		leave()
		clients.Wait()
		synctest.Wait()
		w.wantSeries("gateway_inflight_requests", map[string]float64{`endpoint="chat_completions"`: 0, `endpoint="completions"`: 0, `endpoint="embeddings"`: 0, `endpoint="ocr"`: 0, `endpoint="models"`: 0, `endpoint="usage"`: 0, `endpoint="unknown"`: 0})
		w.wantSeries("gateway_requests_total", map[string]float64{`endpoint="chat_completions",model="claude-opus-4-8",status="499",team=""`: 2})
		w.wantSeries("gateway_upstream_attempts_total", map[string]float64{`location="global",model="claude-opus-4-8",outcome="cancelled"`: 2})
	})
}

// Whatever clients send, the number of series does not grow with it.
func TestLabelsAreNotTheClients(t *testing.T) {
	for name, yaml := range map[string]string{"whole catalogue": "", "a family": "models: [{name: 'claude-*'}]\n", "teams": teamsYAML()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, yaml)
			send := func(i int) {
				n := strconv.Itoa(i)
				key := []string{"Authorization", "Bearer " + testKey, "X-Request-Id", "strange-" + n}
				w.chat("claude-strange-"+n, "", key...)
				w.chat("claude-strange-"+n+"@20260101", streamed, key...)
				w.chat("strange-"+n, "", key...)
				w.chat("strange-"+n, "", "Authorization", "Bearer strange-"+n)
				w.get("/v1/models/claude-strange-"+n, key...)
				w.get("/v1/strange-"+n, key...)
				w.chat("claude-opus-4-8", `"strange-`+n+`":1`, key...)
				req, err := http.NewRequest("STRANGE"+n, w.api.URL+"/v1/models", http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				w.do(req, key...)
			}
			for i := range 5 { // attempts move on to all locations
				send(i)
			}
			before := w.series()
			for i := range 100 {
				send(5 + i)
			}
			after := w.series()
			if len(after) > len(before) {
				t.Errorf("%d series, %d before", len(after), len(before))
			}
			for name := range after {
				if strings.Contains(strings.ToLower(name), "strange") {
					t.Errorf("series %s", name)
				}
			}
		})
	}
}

// A model that nobody has must not keep requests away from the locations of those that the
// catalogue does not know yet.
func TestMadeUpModelsHarmNoOthers(t *testing.T) {
	w := newWorld(t, "models: [{name: 'claude-*', locations: [global, us]}]\n")
	w.chat("claude-made-up", "").failure(404, "model_not_found", "model")
	w.chat("claude-new", "").failure(404, "model_not_found", "model")
	w.wantLocations("global us global us")
	w.wantGauge(`gateway_location_available{location="global",model="other claude-*"}`, 1)
}

func (w *world) wantGauge(series string, want float64) {
	w.t.Helper()
	if got, ok := w.series()[series]; !ok || got != want {
		w.t.Errorf("%s is %v (%v), want %v", series, got, ok, want)
	}
}

func TestLogLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations+teamsYAML(), at("global", fakevertex.Scenario{Status: 529, Times: 1}),
			fakevertex.Scenario{Delay: 2 * time.Second, Events: 2, Pace: time.Second})
		w.chat(model, `"seed":7,`+streamed, "X-Request-Id", "my-id", "Authorization", "Bearer "+testKey).transcript()
		billed := w.billed()
		line := w.line()
		got := line.ContextMap()
		for _, name := range []string{"first_token", "duration"} {
			if d, _ := got[name].(time.Duration); d < 2*time.Second || d > 20*time.Second {
				t.Errorf("%s %v", name, got[name])
			}
			delete(got, name)
		}
		want := map[string]any{
			"request_id": "my-id", "endpoint": "chat_completions", "status": int64(200), "end": "finished",
			"model": model, "location": "us", "attempts": int64(2), "stream": true,
			"input_tokens": int64(billed.Input), "output_tokens": int64(billed.Output), "cache_read_tokens": int64(0), "cache_write_tokens": int64(0),
			"cache_write_1h_tokens": int64(0), "reasoning_tokens": int64(0), "cost_micros": int64(72), "cache_saved_micros": int64(0), "cost_unknown": false, "estimated": false, "provisioned": false,
			"asked_model": model, "served_model": model, "publisher": "anthropic",
			"team": "search", "key": "ci", "warnings": "seed:dropped",
		}
		if diff := cmp.Diff(want, got); diff != "" || line.Level.String() != "info" {
			t.Errorf("level %s, fields (-want +got):\n%s", line.Level, diff)
		}
		if n := w.log.FilterMessage("request").Len(); n != 1 {
			t.Errorf("%d lines for one request", n)
		}
	})
}

// A request that failed is logged with its error, and loudly where the client is not to blame.
func TestLogLineOfErrors(t *testing.T) {
	w := newWorld(t, threeLocations, fakevertex.Scenario{Status: 529})
	for _, tt := range []struct {
		extra, level string
		status       int64
	}{{`"n":2`, "info", 400}, {"", "warn", 503}, {streamed, "warn", 503}} {
		w.chat(model, tt.extra)
		line := w.line()
		got := line.ContextMap()
		if message, _ := got["error"].(string); message == "" || got["end"] != "error" || got["status"] != tt.status || line.Level.String() != tt.level {
			t.Errorf("%s: level %s, %v", tt.extra, line.Level, got)
		}
	}
}

// logged is all that was logged, as text.
func (w *world) logged() string {
	var b strings.Builder
	for _, e := range w.log.All() {
		fmt.Fprintln(&b, e.Message, e.ContextMap())
	}
	return b.String()
}

const (
	promptSecret = "PROMPTSECRET"
	answerSecret = "ANSWERSECRET"
)

// What clients say and hear, their keys and the gateway's token stay out of the log, also
// of requests that fail.
func TestLogHoldsNoSecrets(t *testing.T) {
	w := newWorld(t, threeLocations+teamsYAML(),
		fakevertex.Scenario{Text: answerSecret, Times: 2},
		fakevertex.Scenario{Text: answerSecret, Events: 12, CutAfter: 9, Times: 1},
		fakevertex.Scenario{Status: 401, Times: 2},
		fakevertex.Scenario{Status: 500})
	for _, message := range []string{
		`{"role":"user","content":"` + promptSecret + `"}`,
		`{"role":"user","content":{"text":"` + promptSecret + `"}}`,
		`{"role":"user","content":[{"type":"text","text":["` + promptSecret + `"]}]}`,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + promptSecret + `"}}]}`,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:` + promptSecret + `"}}]}`,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/` + promptSecret + `"}}]}`,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + promptSecret + `"}}]}`,
		`{"role":"user","content":[{"type":"file","file":{"file_data":"` + promptSecret + `","filename":"` + promptSecret + `"}}]}`,
		`{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"` + promptSecret + `"}}]},{"role":"tool","tool_call_id":"c","content":"x"}`,
		`{"role":"tool","tool_call_id":"c","content":"` + promptSecret + `"}`,
		`{"role":"user","content":"` + promptSecret + `\x"}`,
		`{"role":"user","content":"` + promptSecret,
		`{"role":"user","content":` + promptSecret + `}`,
	} {
		for _, extra := range []string{"", "," + streamed} {
			body := `{"model":"` + model + `","messages":[` + message + `]` + extra + `}`
			w.post("/v1/chat/completions", body, "Authorization", "Bearer "+testKey)
		}
	}
	w.chat(model, "", "Authorization", "Bearer wrong-"+testKey).failure(401, "invalid_api_key", "")
	w.get("/v1/models", "X-Api-Key", "wrong-"+testKey).failure(401, "invalid_api_key", "")
	w.get("/v1/models?key="+testKey, "X-Api-Key", testKey)
	w.get("/v1/nothing?key="+testKey, "X-Api-Key", testKey)
	if n := len(w.vertex.Requests()); n < 5 {
		t.Errorf("%d requests went upstream: the arranged failures did not happen", n)
	}
	for line := range strings.SplitSeq(w.logged(), "\n") {
		for _, secret := range []string{promptSecret, answerSecret, testKey, testToken} {
			if strings.Contains(line, secret) {
				t.Errorf("%s is logged: %s", secret, line)
			}
		}
	}
}

func TestLogContent(t *testing.T) {
	for mode, extra := range map[string]string{"unary": `"n":1`, "streamed": streamed} {
		for name, scenario := range map[string]fakevertex.Scenario{
			"short": {Text: answerSecret},
			"slow":  {Text: answerSecret + " and so on", Events: 4, Pace: time.Second},
		} {
			t.Run(mode+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newBubble(t, threeLocations+"log: {content: true}\n", scenario)
					body := strings.Replace(question(model, extra), "How are you?", promptSecret, 1)
					r := w.post("/v1/chat/completions", body)
					fields := w.line().ContextMap()
					if prompt, _ := fields["prompt"].(string); prompt != body {
						t.Errorf("prompt %q, want %s", prompt, body)
					}
					if answer, _ := fields["answer"].(string); answer != string(r.body) {
						t.Errorf("answer %q, want %s", answer, r.body)
					}
				})
			})
		}
	}
}

// A broken answer is logged as far as it went.
func TestLogContentOfABrokenStream(t *testing.T) {
	w := newWorld(t, threeLocations+"log: {content: true}\n", fakevertex.Scenario{Text: answerSecret, Events: 12, CutAfter: 9})
	got := w.chat(model, streamed)
	answer, _ := w.line().ContextMap()["answer"].(string)
	if answer == "" || !strings.HasPrefix(string(got.body), answer) {
		t.Errorf("answer %q, sent %s", answer, got.body)
	}
}

// fault is a part of the outside world that panics, as a library might.
type fault struct{}

func (fault) Read([]byte) (int, error) { panic("out of order") }

func TestPanic(t *testing.T) {
	w := newWorld(t, threeLocations)
	recorder := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", fault{})
	req.Header.Set("X-Request-Id", "my-id")
	w.gateway.Handler().ServeHTTP(recorder, req)
	r := &reply{t, recorder.Code, recorder.Header(), recorder.Body.Bytes(), nil}
	if e := r.failure(500, "internal_error", ""); !strings.Contains(e.Message, "my-id") || strings.Contains(e.Message, "out of order") {
		t.Errorf("message %q", e.Message)
	}
	r.wantHeaders("X-Request-Id", "my-id")
	all := w.series()
	if all["gateway_panics_total"] != 1 || all[`gateway_inflight_requests{endpoint="chat_completions"}`] != 0 ||
		all[`gateway_requests_total{endpoint="chat_completions",model="",status="500",team=""}`] != 1 {
		t.Errorf("metrics %v", all)
	}
	if panics := w.log.FilterMessage("panic").All(); len(panics) != 1 || panics[0].ContextMap()["request_id"] != "my-id" || panics[0].ContextMap()["stack"] == "" {
		t.Errorf("log %v", panics)
	}
	w.chat(model, "").completion()
}

// tornWriter panics at the second write of a stream.
type tornWriter struct {
	*httptest.ResponseRecorder
	writes int
}

func (w *tornWriter) Write(p []byte) (int, error) {
	if w.writes++; w.writes == 2 {
		panic("out of order")
	}
	return w.ResponseRecorder.Write(p)
}

// After a panic in the middle of a stream its connection is broken: it must not look whole.
func TestPanicInAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, fakevertex.Scenario{Events: 10, Pace: time.Second})
		torn := &tornWriter{ResponseRecorder: httptest.NewRecorder()}
		func() {
			defer func() {
				if cause, _ := recover().(error); !errors.Is(cause, http.ErrAbortHandler) {
					t.Errorf("the handler ended with %v, want the connection broken", cause)
				}
			}()
			w.gateway.Handler().ServeHTTP(torn, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(question(model, streamed))))
		}()
		if strings.Contains(torn.Body.String(), "[DONE]") || torn.Body.Len() == 0 {
			t.Errorf("sent %s", torn.Body)
		}
		<-w.vertex.Requests()[0].Gone // nobody pays for the rest
		if all := w.series(); all["gateway_panics_total"] != 1 || all[`gateway_inflight_requests{endpoint="chat_completions"}`] != 0 {
			t.Errorf("metrics %v", all)
		}
		if end := w.line().ContextMap()["end"]; end != "error" {
			t.Errorf("logged end %v", end)
		}
		w.chat(model, "").completion()
	})
}

func TestReloadGauges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations)
		want := func(ok float64, at time.Time) {
			t.Helper()
			all := w.series()
			if got, when := all["gateway_config_last_reload_successful"], all["gateway_config_last_reload_success_timestamp_seconds"]; got != ok || when != float64(at.UnixNano())/1e9 {
				t.Errorf("successful %v at %v, want %v at %v", got, when, ok, at.Unix())
			}
		}
		began := time.Now()
		want(1, began)
		time.Sleep(time.Minute)
		broken := w.load(threeLocations)
		broken.Vertex.Project = ""
		if err := w.gateway.Reload(broken); err == nil {
			t.Error("a configuration without a project was taken")
		}
		want(0, began)
		if err := w.gateway.Reload(w.load(threeLocations)); err != nil {
			t.Error(err)
		}
		want(1, time.Now())
		reloaded := time.Now()
		time.Sleep(time.Minute)
		w.gateway.Reloaded(io.ErrUnexpectedEOF) // the file could not be read
		want(0, reloaded)
		w.chat(model, "").completion()
	})
}
