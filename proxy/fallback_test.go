package proxy_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"vertexgateway/vertex/fakevertex"
)

const (
	model = "claude-opus-4-8" // which does not think unless asked to
)

// threeLocations is the start of most configurations here: newWorld's own line names the
// rest of the vertex section, so the locations are the model's.
const threeLocations = "models:\n  - {name: " + model + ", locations: [global, us, eu]}\n"

// at makes a scenario for a location.
func at(location string, s fakevertex.Scenario) fakevertex.Scenario {
	s.Location = location
	return s
}

// Every row of vertex.md 4.7, through the whole gateway, streamed and not.
func TestFailureTable(t *testing.T) {
	const (
		iam    = `{"error":{"code":403,"message":"Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/secret-project' (or it may not exist).","status":"PERMISSION_DENIED"}}`
		policy = `{"error":{"code":403,"message":"Request is disallowed by organization's constraints/gcp.restrictEndpointUsage constraint.","status":"PERMISSION_DENIED"}}`
		stale  = `{"type":"error","error":{"type":"invalid_request_error","message":"thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'"},"request_id":"req_vrtx_1"}`
		denied = `[{"error":{"code":400,"message":"Project ` + "`123456`" + ` is not allowed to use Publisher Model ` + "`projects/secret-project/locations/global/publishers/anthropic/models/x`" + `","status":"FAILED_PRECONDITION"}}]`
		long   = `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 208310 tokens > 200000 maximum"}}`
	)
	status := func(code int, body string) fakevertex.Scenario { return fakevertex.Scenario{Status: code, Body: body} }
	ok := ""
	tests := []struct {
		name      string
		at        string // where it fails
		fails     fakevertex.Scenario
		locations string // called in turn
		status    int
		code      string
	}{
		{"429", "global", status(429, ""), "global us", 200, ok},
		{"529", "global", status(529, ""), "global us", 200, ok},
		{"503", "global", status(503, ""), "global us", 200, ok},
		{"500 is tried again once", "global", status(500, ""), "global global us", 200, ok},
		{"502 is tried again once", "global", status(502, ""), "global global us", 200, ok},
		{"504 has one hop", "global", status(504, ""), "global us", 200, ok},
		{"504 everywhere has one hop", "", status(504, ""), "global us", 504, "timeout"},
		{"404", "global", status(404, ""), "global us", 200, ok},
		{"404 everywhere", "", status(404, ""), "global us eu", 404, "model_not_found"},
		{"403 of a blocked global endpoint", "global", status(403, policy), "global us", 200, ok},
		{"403 of a blocked region", "", status(403, policy), "global us", 502, "upstream_auth_error"},
		{"403 of IAM", "", status(403, iam), "global", 502, "upstream_auth_error"},
		{"401 refreshes once", "global", fakevertex.Scenario{Status: 401, Times: 1}, "global global", 200, ok},
		{"401 again", "", status(401, ""), "global global", 502, "upstream_auth_error"},
		{"400 of the project", "", status(400, denied), "global", 404, "model_not_found"},
		{"400 of the request", "", status(400, long), "global", 400, "context_length_exceeded"},
		{"400 of a stale server", "global", status(400, stale), "global us", 200, ok},
		{"400 of stale servers has one hop", "", status(400, stale), "global us", 400, ok},
		{"402", "", status(402, ""), "global", 502, "upstream_auth_error"},
		{"409", "", status(409, ""), "global", 503, "upstream_error"},
		{"413", "", status(413, ""), "global", 413, "request_too_large"},
		{"422", "", status(422, ""), "global", 400, ok},
		{"401 of the credentials in a stream", "", fakevertex.Scenario{ErrorAfter: 2, ErrorType: "permission_error"}, "global", 502, "upstream_auth_error"},
		{"520 of a front end", "global", status(520, "<html>"), "global global us", 200, ok},
		{"408", "global", status(408, ""), "global us", 200, ok},
		{"429 everywhere", "", status(429, ""), "global us eu", 429, "rate_limit_exceeded"},
		{"529 everywhere", "", status(529, ""), "global us eu", 503, "overloaded"},
		{"500 everywhere", "", status(500, ""), "global global us eu", 500, "upstream_error"},
		{"a web page", "global", fakevertex.Scenario{Status: 502, HTML: true}, "global global us", 200, ok},
		{"an error event before the content", "global", fakevertex.Scenario{ErrorAfter: 2}, "global us", 200, ok},
		{"an error event of the client's making", "", fakevertex.Scenario{ErrorAfter: 2, ErrorType: "invalid_request_error"}, "global", 400, ok},
		{"cut off before the content", "global", fakevertex.Scenario{CutAfter: 2}, "global global us", 200, ok},
		{"closed before the content", "global", fakevertex.Scenario{CloseAfter: 2}, "global global us", 200, ok},
		{"an answer without content type and end", "global", fakevertex.Scenario{CloseAfter: -1}, "global global us", 200, ok},
	}
	for _, tt := range tests {
		for _, extra := range []string{"", streamed} {
			name := tt.name
			if extra != "" {
				name += ", streamed"
			}
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, threeLocations, at(tt.at, tt.fails))
				r := w.chat(model, extra)
				w.wantLocations(tt.locations)
				places := strings.Fields(tt.locations)
				r.wantHeaders("X-Gateway-Attempts", strconv.Itoa(len(places)), "X-Gateway-Location", places[len(places)-1])
				if tt.status == 200 {
					if r.status != 200 || extra != "" && !r.transcript().done {
						t.Errorf("status %d, answer %s", r.status, r.body)
					}
					return
				}
				param := ""
				switch tt.code {
				case "model_not_found":
					param = "model"
				case "context_length_exceeded":
					param = "messages"
				}
				e := r.failure(tt.status, tt.code, param)
				if strings.Contains(e.Message, "secret-project") || strings.Contains(e.Message, "123456") {
					t.Errorf("message %q names the project", e.Message)
				}
			})
		}
	}
}

func TestNoConnection(t *testing.T) {
	w := newWorld(t, threeLocations)
	w.upstream.Close()
	r := w.chat(model, "")
	r.failure(502, "upstream_error", "")
	r.wantHeaders("X-Gateway-Attempts", "4", "Retry-After", "2") // one quick retry, then each location
}

func TestMaxAttempts(t *testing.T) {
	w := newWorld(t, threeLocations+"fallback: {max_attempts: 2}\n", fakevertex.Scenario{Status: 529})
	w.chat(model, "").failure(503, "overloaded", "")
	w.wantLocations("global us")
}

func TestFallbackIsTold(t *testing.T) {
	w := newWorld(t, threeLocations, at("global", fakevertex.Scenario{Status: 529}))
	w.chat(model, "").completion()
	moves := w.log.FilterMessage("location failed, trying the next").All()
	if len(moves) != 1 || moves[0].ContextMap()["from"] != "global" || moves[0].ContextMap()["to"] != "us" {
		t.Errorf("log %v", moves)
	}
	want := `
# HELP gateway_fallbacks_total Moves from one location to the next.
# TYPE gateway_fallbacks_total counter
gateway_fallbacks_total{from="global",model="claude-opus-4-8",reason="overloaded",to="us"} 1
# HELP gateway_upstream_attempts_total Calls made upstream.
# TYPE gateway_upstream_attempts_total counter
gateway_upstream_attempts_total{location="global",model="claude-opus-4-8",outcome="overloaded"} 1
gateway_upstream_attempts_total{location="us",model="claude-opus-4-8",outcome="ok"} 1
`
	if err := testutil.GatherAndCompare(w.registry, strings.NewReader(want), "gateway_fallbacks_total", "gateway_upstream_attempts_total"); err != nil {
		t.Error(err)
	}
}

func TestTheMostTellingError(t *testing.T) {
	w := newWorld(t, threeLocations, at("global", fakevertex.Scenario{Status: 429, Header: map[string]string{"Retry-After": "7"}}),
		at("us", fakevertex.Scenario{Status: 503}), at("eu", fakevertex.Scenario{Status: 404}))
	r := w.chat(model, "")
	r.failure(429, "rate_limit_exceeded", "")
	r.wantHeaders("Retry-After", "2") // us is the first to be tried again
}

func TestFirstTokenTimeout(t *testing.T) {
	for name, silence := range map[string]fakevertex.Scenario{
		"no headers":        {Stall: true},
		"headers only":      {StallAfter: -1},
		"no content":        {StallAfter: 2},
		"nothing but pings": {StallAfter: 2, Pings: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, threeLocations, at("global", silence))
				began := time.Now()
				w.chat(model, "").completion()
				w.wantLocations("global us")
				if took := time.Since(began); took != 30*time.Second {
					t.Errorf("moved on after %v, want 30 s", took)
				}
				<-w.vertex.Requests()[0].Gone
			})
		})
	}
}

// With the defaults too, the last location's silence ends in time and in one way, and a
// longer patience is not cut short.
func TestSilenceOfTheLastLocation(t *testing.T) {
	for timeout, want := range map[string]time.Duration{"30s": 2 * time.Minute, "31s": 124 * time.Second, "5m": 20 * time.Minute} {
		t.Run(timeout, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, "models: [{name: "+model+", locations: [us]}]\nfallback: {first_token_timeout: "+timeout+"}\n", fakevertex.Scenario{Stall: true})
				began := time.Now()
				w.chat(model, "").failure(504, "timeout", "")
				w.wantLocations("us")
				if took := time.Since(began); took != want {
					t.Errorf("gave up after %v, want %v", took, want)
				}
			})
		})
	}
}

func TestSilenceEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations+"fallback: {first_token_timeout: 1s}\n", fakevertex.Scenario{Stall: true})
		began := time.Now()
		w.chat(model, "").failure(504, "timeout", "")
		w.wantLocations("global us eu")
		if took := time.Since(began); took != 6*time.Second { // the last location gets four times the patience
			t.Errorf("gave up after %v, want 6 s", took)
		}
	})
}

// A model that thinks to itself has begun: only when nothing at all comes for two minutes
// is it given up, and as the client has seen nothing, the next location may still answer.
func TestHiddenThinkingIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, at("global", fakevertex.Scenario{StallAfter: 4}))
		began := time.Now()
		w.chat(model, "").completion()
		w.wantLocations("global us")
		if took := time.Since(began); took < 120*time.Second || took > 135*time.Second {
			t.Errorf("moved on after %v, want about 120 s", took)
		}
	})
}

func TestCooldown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations+"  - {name: claude-opus-5}\n", at("global", fakevertex.Scenario{Status: 429, Header: map[string]string{"Retry-After": "20"}, Times: 1}))
		w.chat(model, "")
		w.chat(model, "") // global is left alone
		w.wantLocations("global us us")
		time.Sleep(19 * time.Second)
		w.chat(model, "")
		w.wantLocations("global us us us")
		time.Sleep(2 * time.Second)
		w.chat(model, "") // and is back
		w.wantLocations("global us us us global")
		w.chat("claude-opus-5", "") // other models never minded
		w.chat(model, "")
		w.wantLocations("global us us us global global global")
	})
}

func TestCooldownGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, at("global", fakevertex.Scenario{Status: 529}))
		var pauses []time.Duration
		began := time.Now()
		for last := began; time.Since(began) < 20*time.Minute; time.Sleep(500 * time.Millisecond) {
			if w.chat(model, "").header.Get("X-Gateway-Attempts") == "2" { // global was tried
				pauses = append(pauses, time.Since(last))
				last = time.Now()
			}
		}
		first, end := pauses[2], pauses[len(pauses)-1]
		if first > 3*time.Second || end < time.Minute || end > 121*time.Second {
			t.Errorf("pauses %v, want them to grow from 1 s to 2 m", pauses)
		}
	})
}

// A burst that fails together is one failure: the location is back after the least pause.
func TestCooldownOfABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, at("global", fakevertex.Scenario{Status: 429, Delay: 100 * time.Millisecond, Times: 16}))
		var burst sync.WaitGroup
		for range 16 {
			burst.Go(func() { w.chat(model, "") })
		}
		burst.Wait()
		time.Sleep(1500 * time.Millisecond)
		w.chat(model, "").wantHeaders("X-Gateway-Location", "global", "X-Gateway-Attempts", "1")
	})
}

// A typing error upstream does not take a location away for days.
func TestRetryAfterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, at("global", fakevertex.Scenario{Status: 429, Header: map[string]string{"Retry-After": "900000"}, Times: 1}))
		w.chat(model, "")
		time.Sleep(10*time.Minute + time.Second)
		w.chat(model, "").wantHeaders("X-Gateway-Location", "global")
	})
}

// A new token costs no attempt.
func TestRefreshWithOneAttempt(t *testing.T) {
	w := newWorld(t, threeLocations+"fallback: {max_attempts: 1}\n", fakevertex.Scenario{Status: 401, Times: 1})
	w.chat(model, "").completion()
	w.wantLocations("global global")
}

// While a location is on trial after its pause, one request tries it; the others do not.
func TestHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, at("global", fakevertex.Scenario{Status: 429, Times: 1}), at("global", fakevertex.Scenario{Delay: 5 * time.Second, Times: 1}))
		w.chat(model, "")
		time.Sleep(2 * time.Minute)
		probe := make(chan *reply)
		go func() { probe <- w.chat(model, "") }()
		synctest.Wait()
		w.chat(model, "")
		(<-probe).wantHeaders("X-Gateway-Location", "global")
		w.chat(model, "")
		w.wantLocations("global us global us global")
	})
}

func TestAllCooling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations,
			at("global", fakevertex.Scenario{Status: 429, Header: map[string]string{"Retry-After": "90"}}),
			at("us", fakevertex.Scenario{Status: 429, Header: map[string]string{"Retry-After": "30"}, Times: 1}),
			at("eu", fakevertex.Scenario{Status: 429, Header: map[string]string{"Retry-After": "300"}}))
		r := w.chat(model, "")
		r.failure(429, "rate_limit_exceeded", "")
		r.wantHeaders("Retry-After", "30")
		w.chat(model, "").wantHeaders("X-Gateway-Location", "us", "X-Gateway-Attempts", "1") // due first
	})
}

func TestRetryAfterIsAtMostAMinute(t *testing.T) {
	w := newWorld(t, threeLocations, fakevertex.Scenario{Status: 429, Header: map[string]string{"Retry-After": "287441"}})
	r := w.chat(model, "")
	r.wantHeaders("Retry-After", "60")
	if r.status != http.StatusTooManyRequests {
		t.Errorf("status %d", r.status)
	}
}
