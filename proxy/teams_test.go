package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"vertexgateway/usage"
	"vertexgateway/vertex/fakevertex"
)

// Keys of the teams in these tests.
const (
	searchKey = "vgw_search-0123456789abcdefghijklmnopqrstuvwxyz0123456789"
	otherKey  = "vgw_search-0123456789abcdefghijklmnopqrstuvwxyz0123456780" // begins alike
)

// withTeam is a configuration with one team, of which yaml says more, indented by four.
func withTeam(yaml string) string {
	return "teams:\n  - name: search\n    keys: [{name: ci, sha256: " + usage.Hash(searchKey) + "}]\n" + indent(yaml) +
		"  - name: other\n    keys: [{name: o, sha256: " + usage.Hash(otherKey) + "}]\n"
}

func indent(yaml string) string {
	var b strings.Builder
	for line := range strings.Lines(yaml) {
		b.WriteString("    " + strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String()
}

const authorization = "Authorization"

func TestTeamKeys(t *testing.T) {
	w := newWorld(t, withTeam(""))
	for _, header := range []string{authorization, "x-api-key", "api-key"} {
		secret := searchKey
		if header == authorization {
			secret = "Bearer " + secret
		}
		w.chat("claude-sonnet-4-5", "", header, secret).completion()
	}
	for _, header := range [][]string{nil, {authorization, "Bearer " + searchKey[:len(searchKey)-1]}, {authorization, "Bearer " + usage.Hash(searchKey)}, {"x-api-key", "a.b.c"}} {
		w.chat("claude-sonnet-4-5", "", header...).failure(http.StatusUnauthorized, "invalid_api_key", "")
	}
	w.chat("claude-sonnet-4-5", "", authorization, "Bearer "+otherKey).completion()
	if team := w.line().ContextMap()["team"]; team != "other" {
		t.Errorf("the other key is of team %v", team)
	}
}

// A key in a URL stands in the logs of everything on its way.
func TestKeyInQuery(t *testing.T) {
	w := newWorld(t, withTeam(""))
	for _, name := range []string{"key", "api_key", "api-key", "apiKey", "access_token"} {
		r := w.get("/v1/models?"+name+"=anything", authorization, "Bearer "+searchKey)
		if e := r.failure(http.StatusUnauthorized, "invalid_api_key", ""); !strings.Contains(e.Message, "URL") {
			t.Errorf("%s: %s", name, e.Message)
		}
	}
	w.get("/v1/models?beta=true", authorization, "Bearer "+searchKey).status200()
	for _, entry := range w.log.All() {
		if strings.Contains(fmt.Sprint(entry.Message, entry.ContextMap()), searchKey) {
			t.Errorf("the log has the key: %v", entry)
		}
	}
}

func (r *reply) status200() {
	r.t.Helper()
	if r.status != http.StatusOK {
		r.t.Errorf("status %d: %s", r.status, r.body)
	}
}

func TestTeamModels(t *testing.T) {
	w := newWorld(t, withTeam("models: [claude-haiku-*, fast]\n")+`
models:
  - name: claude-*
  - name: fast
    model: claude-sonnet-4-5
`)
	me := []string{authorization, "Bearer " + searchKey}
	w.chat("claude-haiku-4-5", "", me...).completion()
	w.chat("claude-haiku-4-5-20251001", "", me...).completion()
	w.chat("anthropic/claude-haiku-4.5", "", me...).completion()
	w.chat("fast", "", me...).completion()
	w.chat("claude-sonnet-4-5", "", me...).failure(http.StatusNotFound, "model_not_found", "model")
	w.chat("claude-opus-4-8-high", "", me...).failure(http.StatusNotFound, "model_not_found", "model")
	w.get("/v1/models/claude-sonnet-4-5", me...).failure(http.StatusNotFound, "model_not_found", "model")
	w.get("/v1/models/fast", me...).status200()
	names := w.models(me...)
	if !slices.Contains(names, "fast") || slices.ContainsFunc(names, func(n string) bool { return n != "fast" && !strings.HasPrefix(n, "claude-haiku-") }) {
		t.Errorf("listed: %q", names)
	}
	if all := w.models(authorization, "Bearer "+otherKey); !slices.Contains(all, "claude-sonnet-4-5") {
		t.Errorf("the other team has %q", all)
	}
}

// models are the names that /v1/models lists.
func (w *world) models(header ...string) []string {
	w.t.Helper()
	list := decode[struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}](w.t, w.get("/v1/models", header...).body)
	var names []string
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	return names
}

// Residency holds for every attempt, fallback included.
func TestTeamLocations(t *testing.T) {
	w := newWorld(t, withTeam("locations: [eu, europe-west1, asia-southeast1]\n"), fakevertex.Scenario{Status: http.StatusServiceUnavailable})
	me := []string{authorization, "Bearer " + searchKey}
	w.chat("claude-opus-5", "", me...).failure(http.StatusServiceUnavailable, "upstream_error", "")
	w.wantLocations("eu asia-southeast1")
	// A model that is served nowhere there is none of theirs.
	for _, name := range w.models(me...) {
		dry := w.chat(name, "", append(me, "x-gateway-dry-run", "true")...)
		if dry.status != http.StatusOK || strings.Contains(string(dry.body), `"location":"global"`) || strings.Contains(string(dry.body), "locations/us") {
			t.Errorf("%s goes to %s", name, dry.body)
		}
	}
	w.chat("mistral-small-2503", "", authorization, "Bearer "+otherKey).failure(http.StatusServiceUnavailable, "upstream_error", "")
}

func TestLabels(t *testing.T) {
	w := newWorld(t, withTeam(""))
	w.chat("claude-sonnet-4-5", "", authorization, "Bearer "+searchKey).completion()
	w.chat("claude-sonnet-4-5", "", authorization, "Bearer "+otherKey).completion()
	var teams []string
	for _, r := range w.vertex.Requests() {
		teams = append(teams, r.Labels["team"])
	}
	if !slices.Equal(teams, []string{"search", "other"}) {
		t.Errorf("Google was told %q", teams)
	}
}

func TestRequestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, withTeam("limits: {requests_per_minute: 3}\n"))
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
		me := []string{authorization, "Bearer " + searchKey}
		for left := 2; left >= 0; left-- {
			r := w.chat("claude-sonnet-4-5", "", me...)
			r.completion()
			r.wantHeaders("x-ratelimit-limit-requests", "3", "x-ratelimit-remaining-requests", strconv.Itoa(left))
		}
		r := w.chat("claude-sonnet-4-5", "", me...)
		e := r.failure(http.StatusTooManyRequests, "rate_limit_exceeded", "")
		if e.Type != "requests" || !strings.Contains(e.Message, "requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in ") {
			t.Errorf("%+v", e)
		}
		if r.header.Get("retry-after") == "" || r.header.Get("x-ratelimit-remaining-requests") != "0" {
			t.Errorf("headers %v", r.header)
		}
		// What reads costs nothing, and neither does another team.
		w.get("/v1/models", me...).status200()
		w.get("/v1/usage", me...).status200()
		w.chat("claude-sonnet-4-5", "", append(me, "x-gateway-dry-run", "true")...).status200()
		w.chat("claude-sonnet-4-5", "", authorization, "Bearer "+otherKey).completion()
		w.wantSeries("gateway_limited_total", map[string]float64{`limit="requests_per_minute",team="search"`: 1})
		time.Sleep(2 * time.Minute)
		w.chat("claude-sonnet-4-5", "", me...).completion()
	})
}

func TestTokenLimit(t *testing.T) {
	w := newWorld(t, withTeam("limits: {tokens_per_minute: 1500}\n"))
	me := []string{authorization, "Bearer " + searchKey}
	r := w.chat("claude-sonnet-4-5", `"max_tokens":100`, me...)
	r.completion()
	if r.header.Get("x-ratelimit-limit-tokens") != "1500" {
		t.Errorf("headers %v", r.header)
	}
	long := `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"` + strings.Repeat("word ", 4000) + `"}]}`
	r = w.post("/v1/chat/completions", long, me...)
	if e := r.failure(http.StatusTooManyRequests, "rate_limit_exceeded", ""); e.Type != "tokens" || !strings.Contains(e.Message, "Request too large") {
		t.Errorf("%+v", e)
	}
	r.wantHeaders("x-should-retry", "false", "retry-after", "")
}

// A slot is free as soon as its request has ended, whatever the end.
func TestConcurrencyLimit(t *testing.T) {
	w := newWorld(t, withTeam("limits: {concurrency: 1}\n"),
		fakevertex.Scenario{Model: "claude-opus-4-8", StallAfter: 5}, fakevertex.Scenario{Model: "claude-haiku-4-5", Status: http.StatusBadRequest})
	me := []string{authorization, "Bearer " + searchKey}
	for range 3 {
		w.chat("claude-sonnet-4-5", "", me...).completion()
		w.chat("claude-haiku-4-5", "", me...).failure(http.StatusBadRequest, "", "")
		w.chat("claude-sonnet-4-5", `"temperature":9`, me...).failure(http.StatusBadRequest, "invalid_value", "temperature")
	}
	hangUp := w.holdSlot()
	defer hangUp()
	e := w.chat("claude-sonnet-4-5", "", me...).failure(http.StatusTooManyRequests, "rate_limit_exceeded", "")
	if !strings.Contains(e.Message, "requests at the same time") {
		t.Errorf("%+v", e)
	}
	hangUp()
	w.eventually("the slot is free", func() bool { return w.chat("claude-sonnet-4-5", "", me...).status == http.StatusOK })
}

func TestBudget(t *testing.T) {
	w := newAccounted(t, withTeam("limits: {usd_per_day: 0.001}\n")+`
models:
  - name: claude-*
  - name: gemini-4-argon
  - name: free
    model: claude-haiku-4-5
    prices: {input: 0, output: 0}
`)
	me := []string{authorization, "Bearer " + searchKey}
	spent := 0
	for ; spent < 100; spent++ {
		r := w.chat("claude-opus-4-8", `"max_tokens":30`, me...)
		if r.status == http.StatusOK {
			continue
		}
		e := r.failure(http.StatusTooManyRequests, "insufficient_quota", "")
		if e.Type != "insufficient_quota" || !strings.Contains(e.Message, "budget of team search") {
			t.Errorf("%+v", e)
		}
		r.wantHeaders("x-should-retry", "false", "retry-after", "")
		break
	}
	if spent == 0 || spent == 100 {
		t.Fatalf("%d requests were admitted", spent)
	}
	w.get("/v1/models", me...).status200()
	w.chat("free", "", me...).completion()
	if e := w.chat("gemini-4-argon", "", me...).failure(http.StatusForbidden, "unknown_price", "model"); !strings.Contains(e.Message, "price") {
		t.Errorf("%+v", e)
	}
	// A gateway that starts anew knows what was spent.
	w.options.Limiter = newLimiter(t)
	w.restart()
	w.chat("claude-opus-4-8", `"max_tokens":30`, me...).failure(http.StatusTooManyRequests, "insufficient_quota", "")
}

// Limits of keys and of models hold besides the team's.
func TestLimitsOfKeysAndModels(t *testing.T) {
	w := newWorld(t, `teams:
  - name: search
    keys:
      - {name: ci, sha256: `+usage.Hash(searchKey)+`, limits: {requests_per_minute: 2}}
      - {name: web, sha256: `+usage.Hash(otherKey)+`}
    limits: {requests_per_minute: 5}
    model_limits: [{models: ["claude-opus-*"], limits: {requests_per_minute: 1}}]
`)
	ci, web := []string{authorization, "Bearer " + searchKey}, []string{authorization, "Bearer " + otherKey}
	w.chat("claude-opus-4-8", "", ci...).completion()
	e := w.chat("claude-opus-5", "", web...).failure(http.StatusTooManyRequests, "rate_limit_exceeded", "")
	if !strings.Contains(e.Message, "claude-opus-* of team search") {
		t.Error(e.Message)
	}
	w.chat("claude-haiku-4-5", "", ci...).completion()
	if e := w.chat("claude-haiku-4-5", "", ci...).failure(http.StatusTooManyRequests, "rate_limit_exceeded", ""); !strings.Contains(e.Message, "key ci of team search") {
		t.Error(e.Message)
	}
	// What was refused took nothing of the team's five.
	for range 3 {
		w.chat("claude-haiku-4-5", "", web...).completion()
	}
	if e := w.chat("claude-haiku-4-5", "", web...).failure(http.StatusTooManyRequests, "rate_limit_exceeded", ""); !strings.Contains(e.Message, "in team search") {
		t.Error(e.Message)
	}
}

// Pay-as-you-go beside provisioned throughput costs money, and a budget knows.
func TestBudgetOfSpilled(t *testing.T) {
	w := newWorld(t, withTeam("limits: {usd_per_day: 0.0001}\n")+"models: [{name: paid, model: claude-opus-4-8, locations: [us], provisioned_throughput: spill}]\n",
		fakevertex.Scenario{RequestType: "dedicated", Status: 429})
	me := []string{authorization, "Bearer " + searchKey}
	w.chat("paid", "", me...).completion()
	w.chat("paid", "", me...).failure(http.StatusTooManyRequests, "insufficient_quota", "")
}

// OpenAI's SDK tries again where that helps, and only there.
func TestLimitsForSDK(t *testing.T) {
	for _, tt := range []struct {
		limits string
		calls  float64 // of the second request, tries included
	}{{"limits: {concurrency: 1}\n", 3}, {"limits: {usd_per_day: 0.00001}\n", 1}, {"limits: {tokens_per_minute: 100}\n", 1}} {
		w := newWorld(t, withTeam(tt.limits), fakevertex.Scenario{Model: "claude-opus-4-8", StallAfter: 6})
		if strings.Contains(tt.limits, "concurrency") {
			stop := w.holdSlot()
			defer stop()
		} else {
			w.chat("claude-haiku-4-5", `"max_tokens":50`, authorization, "Bearer "+searchKey)
		}
		before := w.series()[`gateway_requests_total{endpoint="chat_completions",model="claude-haiku-4-5",status="429",team="search"}`]
		client := w.official(option.WithAPIKey(searchKey), option.WithMaxRetries(2))
		_, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "claude-haiku-4-5", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(strings.Repeat("word ", 200))}})
		var refusal *openai.Error
		if !errors.As(err, &refusal) || refusal.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%s: %v", tt.limits, err)
		}
		after := w.series()[`gateway_requests_total{endpoint="chat_completions",model="claude-haiku-4-5",status="429",team="search"}`]
		if after-before != tt.calls {
			t.Errorf("%s: %v calls, want %v", tt.limits, after-before, tt.calls)
		}
	}
}

// holdSlot begins a stream that stalls, until stop.
func (w *world) holdSlot() (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.api.URL+"/v1/chat/completions", strings.NewReader(question("claude-opus-4-8", streamed)))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set(authorization, "Bearer "+searchKey)
	res, err := w.client.Do(req) //nolint:bodyclose // stop does
	if err != nil {
		w.t.Fatal(err)
	}
	return func() {
		cancel()
		res.Body.Close()
	}
}

// Rounds and repairs carry the label; an endpoint of one's own does not.
func TestLabelsOfAllCalls(t *testing.T) {
	w := newWorld(t, withTeam("")+ownModel(tunedEndpoint, "")+"  - {name: claude-opus-5, web_search: true}\n",
		fakevertex.Scenario{Model: "claude-opus-5", Pauses: 2, Times: 3})
	me := []string{authorization, "Bearer " + searchKey}
	w.post("/v1/chat/completions", `{"model":"claude-opus-5","messages":[{"role":"user","content":"Please search for a vertex."}],"web_search_options":{}}`, me...).status200()
	w.chat(own, "", me...).status200()
	for _, r := range w.vertex.Requests() {
		want := "search"
		if r.Method == containerChat || r.Model != "claude-opus-5" {
			want = ""
		}
		if r.Labels["team"] != want {
			t.Errorf("%s %s: labels %v", r.Model, r.Method, r.Labels)
		}
	}
}

// A budget that others hold is no budget that is used up: it is worth another try.
func TestBudgetUnderWay(t *testing.T) {
	w := newWorld(t, withTeam("limits: {usd_per_day: 0.01}\n"), fakevertex.Scenario{Model: "claude-opus-4-8", StallAfter: 6})
	stop := w.holdSlot()
	defer stop()
	r := w.chat("claude-opus-5", "", authorization, "Bearer "+searchKey)
	if e := r.failure(http.StatusTooManyRequests, "rate_limit_exceeded", ""); !strings.Contains(e.Message, "is reserved for requests that are under way") {
		t.Error(e.Message)
	}
	r.wantHeaders("retry-after", "1", "x-should-retry", "")
	stop()
	w.eventually("there is room", func() bool {
		return w.chat("claude-opus-5", "", authorization, "Bearer "+searchKey).status == http.StatusOK
	})
}
