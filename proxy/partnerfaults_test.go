package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"vertexgateway/config"
	"vertexgateway/vertex/fakevertex"
)

// officialError is the error that OpenAI's client gets.
func officialError(t *testing.T, w *world, stream bool) *openai.Error {
	t.Helper()
	_, _, err := officialAnswer(t.Context(), w.official(option.WithMaxRetries(0)), partnerAsk("How are you?"), stream)
	e, ok := errors.AsType[*openai.Error](err)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	return e
}

// What an upstream has against a request is told in its words, in whatever shape they come.
func TestPartnersRefusals(t *testing.T) {
	const complaint = "the question is too silly"
	for _, status := range []int{400, 422} {
		for _, shape := range []string{"", "invalid_request_error"} {
			inModes(t, strings.TrimSpace(fmt.Sprint(status, " ", shape)), spread, func(t *testing.T, id string, stream bool) {
				w := newWorld(t, as(id, ""), fakevertex.Scenario{Status: status, Message: complaint, ErrorType: shape})
				e := officialError(t, w, stream)
				if e.StatusCode != 400 || !strings.Contains(e.Message, complaint) || e.Type != "invalid_request_error" {
					t.Errorf("status %d, %s", e.StatusCode, e.RawJSON())
				}
				if n := len(w.vertex.Requests()); n != 1 {
					t.Errorf("%d calls, want 1", n)
				}
				w.wantSeries("gateway_requests_total", map[string]float64{`endpoint="chat_completions",model="mine",status="400",team=""`: 1})
			})
		}
	}
}

// Locations without quota, or that fail, are passed over.
func TestPartnersFallback(t *testing.T) {
	for _, status := range []int{429, 503, 404} {
		inModes(t, strconv.Itoa(status), spread, func(t *testing.T, id string, stream bool) {
			w := newWorld(t, as(id, ""), fakevertex.Scenario{Status: status, Times: 1})
			a, _, err := officialAnswer(t.Context(), w.official(option.WithMaxRetries(0)), partnerAsk("How are you?"), stream)
			if err != nil || !strings.HasSuffix(a.Choices[0].Message.Content, "How are you?") {
				t.Errorf("answer %+v, error %v", a, err)
			}
			m, _ := w.config.Catalogue.Find(id)
			w.wantLocations(strings.Join(m.Locations[:2], " "))
		})
	}
}

func TestPartnersWithoutQuota(t *testing.T) {
	inModes(t, "", spread, func(t *testing.T, id string, stream bool) {
		w := newWorld(t, as(id, ""), fakevertex.Scenario{Status: 429, Header: map[string]string{"Retry-After": "7"}})
		e := officialError(t, w, stream)
		if e.StatusCode != 429 || e.Code != "rate_limit_exceeded" || e.Response.Header.Get("Retry-After") != "7" {
			t.Errorf("status %d, header %v, %s", e.StatusCode, e.Response.Header, e.RawJSON())
		}
		m, _ := w.config.Catalogue.Find(id)
		w.wantLocations(strings.Join(m.Locations, " "))
	})
}

// An answer that broke off before its first token comes from the next location; one that
// broke off behind it is an error for the client.
func TestPartnersBrokenStream(t *testing.T) {
	for _, id := range spread {
		for name, tt := range map[string]struct {
			fails fakevertex.Scenario
			code  *regexp.Regexp
		}{
			"upstream error": {fakevertex.Scenario{ErrorAfter: 6}, regexp.MustCompile("upstream_error|overloaded")},
			"cut off":        {fakevertex.Scenario{CutAfter: 6}, regexp.MustCompile("upstream_stream_truncated")},
			"closed early":   {fakevertex.Scenario{CloseAfter: 6}, regexp.MustCompile("upstream_stream_truncated")},
		} {
			t.Run(id+", "+name, func(t *testing.T) {
				tt.fails.Thinking, tt.fails.Text, tt.fails.Events = "Hm.", "one two three four five six seven eight nine ten", 10
				w := newWorld(t, as(id, ""), tt.fails)
				a, _, err := officialAnswer(t.Context(), w.official(), partnerAsk("How are you?"), true)
				if e, ok := errors.AsType[*ssestream.StreamError](err); !ok || !tt.code.MatchString(e.Message) {
					t.Errorf("error %T %v, want one that tells %s", err, err, tt.code)
				}
				if len(a.Choices) == 0 || a.Choices[0].Message.Content == "" || a.Choices[0].FinishReason != "" {
					t.Errorf("answer %+v", a)
				}
				if n := len(w.vertex.Requests()); n != 1 {
					t.Errorf("%d calls, want 1", n)
				}
			})
		}
	}
}

// Until its first token an answer may come from another location, whole or streamed.
func TestPartnersBreakBeforeTheFirstToken(t *testing.T) {
	for name, fails := range map[string]fakevertex.Scenario{
		"an error": {ErrorAfter: 1}, "cut off": {CutAfter: 1}, "closed": {CloseAfter: 1}, "a web page": {HTML: true},
	} {
		inModes(t, name, spread, func(t *testing.T, id string, stream bool) {
			m, _ := config.Default().Catalogue.Find(id)
			w := newWorld(t, as(id, ""), at(m.Locations[0], fails))
			a, _, err := officialAnswer(t.Context(), w.official(option.WithMaxRetries(0)), partnerAsk("How are you?"), stream)
			if err != nil || !strings.HasSuffix(a.Choices[0].Message.Content, "You said: How are you?") || a.Choices[0].FinishReason != "stop" {
				t.Errorf("answer %+v, error %v", a, err)
			}
			if places := w.locations(); !strings.HasSuffix(places, m.Locations[0]+" "+m.Locations[1]) {
				t.Errorf("called %s", places)
			}
		})
	}
}

// A stream that does not begin is looked for elsewhere; a whole answer may take its time.
func TestPartnersSilence(t *testing.T) {
	for _, id := range spread {
		t.Run(id, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, _ := config.Default().Catalogue.Find(id)
				w := newBubble(t, as(id, ""), at(m.Locations[0], fakevertex.Scenario{Delay: 4 * time.Minute}))
				began := time.Now()
				if tr := w.chat(configured, streamed).transcript(); !tr.done || tr.text == "" {
					t.Errorf("streamed: %+v", tr)
				}
				w.wantLocations(m.Locations[0] + " " + m.Locations[1])
				if took := time.Since(began); took != 30*time.Second {
					t.Errorf("streamed: moved on after %v, want 30 s", took)
				}
				time.Sleep(time.Hour) // until the first location is tried again
				began = time.Now()
				w.chat(configured, "").wantHeaders("X-Gateway-Location", m.Locations[0])
				if took := time.Since(began); took != 4*time.Minute {
					t.Errorf("whole: answered after %v, want 4 m", took)
				}
			})
		})
	}
}

// A stream that falls silent is an error, and a client that leaves is not served on.
func TestPartnersStall(t *testing.T) {
	for _, id := range spread {
		t.Run(id, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, as(id, ""), fakevertex.Scenario{Events: 10, StallAfter: 6})
				_, _, err := officialAnswer(t.Context(), w.official(option.WithMaxRetries(0)), partnerAsk("How are you?"), true)
				if e, ok := errors.AsType[*ssestream.StreamError](err); !ok || !strings.Contains(e.Message, "timeout") {
					t.Errorf("error %T %v", err, err)
				}
				<-w.vertex.Requests()[0].Gone
				ctx, leave := context.WithTimeout(t.Context(), time.Second)
				defer leave()
				if _, _, err := officialAnswer(ctx, w.official(), partnerAsk("How are you?"), true); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				<-w.vertex.Requests()[1].Gone
				synctest.Wait()
				if n := w.series()[`gateway_requests_total{endpoint="chat_completions",model="mine",status="499",team=""}`]; n != 1 {
					t.Errorf("%v clients left, want 1", n)
				}
			})
		})
	}
}

// What only some models of an upstream take is for the upstream to refuse.
func TestGrokRefusesEffort(t *testing.T) {
	w := newWorld(t, as("grok-4.3", ""))
	for _, extra := range []string{"", "," + streamed} {
		if e := w.chat(configured, `"reasoning_effort":"low"`+extra).failure(400, "", ""); !strings.Contains(e.Message, "does not support parameter reasoningEffort") {
			t.Errorf("message %q", e.Message)
		}
	}
}

// Streams that end well without their mark are whole.
func TestPartnersUndone(t *testing.T) {
	for _, id := range spread {
		w := newWorld(t, as(id, ""), fakevertex.Scenario{Undone: true})
		if tr := w.chat(configured, streamed).transcript(); !tr.done || tr.finish != "stop" || tr.text == "" {
			t.Errorf("%s: %+v", id, tr)
		}
	}
}

// What is not the model's is left out, and told; in strict mode it is refused.
func TestPartnersWarnings(t *testing.T) {
	for id, want := range map[string]string{
		"mistral-medium-3": "temperature:clamped, logit_bias:dropped, made_up:dropped",
		"jamba-1.5-mini":   "frequency_penalty:dropped, logit_bias:dropped, made_up:dropped, seed:dropped",
	} {
		const extra = `"temperature":1.8,"seed":7,"made_up":1,"logit_bias":{"1":2},"frequency_penalty":0.5,"user":"u"`
		for _, more := range []string{"", "," + streamed} {
			w := newWorld(t, as(id, ""))
			r := w.chat(configured, extra+more)
			r.wantHeaders("X-Gateway-Warnings", want)
			if body := string(w.vertex.Requests()[0].Body); r.status != http.StatusOK || strings.Contains(body, "made_up") || strings.Contains(body, `"seed"`) {
				t.Errorf("%s: status %d, sent %s", id, r.status, body)
			}
		}
		strict := newWorld(t, as(id, "")+"strict: true\n")
		param, _, _ := strings.Cut(want, ":")
		strict.chat(configured, extra).failure(400, "unsupported_parameter", param)
	}
	w := newWorld(t, as("gpt-oss-120b-maas", ""))
	w.chat(configured, `"top_k":5,"made_up":1`).wantHeaders("X-Gateway-Warnings", "")
	if body := string(w.vertex.Requests()[0].Body); !strings.Contains(body, `"top_k":5`) || !strings.Contains(body, `"made_up":1`) {
		t.Errorf("sent %s, want all that the client sent", body)
	}
}

// Provisioned throughput is asked for where it is configured, and the answer tells which
// was had.
func TestProvisionedThroughput(t *testing.T) {
	exhausted := fakevertex.Scenario{RequestType: "dedicated", Status: 429}
	for _, tt := range []struct {
		how    string
		fails  []fakevertex.Scenario
		status int
		had    string
		types  string // of the calls
	}{
		{"auto", nil, 200, "", "-"},
		{"dedicated", nil, 200, "dedicated", "dedicated"},
		{"dedicated", []fakevertex.Scenario{exhausted}, 429, "dedicated", "dedicated"},
		{"shared", []fakevertex.Scenario{exhausted}, 200, "shared", "shared"},
		{"spill", nil, 200, "dedicated", "dedicated"},
		{"spill", []fakevertex.Scenario{exhausted}, 200, "shared", "dedicated shared"},
		{"spill", []fakevertex.Scenario{{Status: 429}}, 429, "shared", "dedicated shared"},
	} {
		for mode, extra := range map[string]string{"unary": "", "streamed": streamed} {
			for id, location := range map[string]string{"codestral-2": "us-central1", "claude-opus-4-8": "us", "gpt-oss-120b-maas": "us-central1"} {
				t.Run(fmt.Sprintf("%s %d, %s, %s", tt.how, tt.status, mode, id), func(t *testing.T) {
					w := newWorld(t, as(id, ", locations: ["+location+"], provisioned_throughput: "+tt.how), tt.fails...)
					r := w.chat(configured, extra)
					r.wantHeaders("X-Gateway-Throughput", tt.had, "X-Gateway-Location", location)
					var types []string
					for _, call := range w.vertex.Requests() {
						types = append(types, orDash(call.Header.Get("X-Vertex-AI-LLM-Request-Type")))
					}
					if got := strings.Join(types, " "); r.status != tt.status || got != tt.types {
						t.Errorf("status %d, asked %q, want status %d, %q", r.status, got, tt.status, tt.types)
					}
				})
			}
		}
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Where a location has none, it is asked for in the others only.
func TestProvisionedThroughputInSomeLocations(t *testing.T) {
	w := newWorld(t, as("claude-opus-4-8", ", locations: [us, global], provisioned_throughput: dedicated"), fakevertex.Scenario{RequestType: "dedicated", Status: 429})
	r := w.chat(configured, "")
	r.completion()
	r.wantHeaders("X-Gateway-Throughput", "", "X-Gateway-Location", "global")
}
