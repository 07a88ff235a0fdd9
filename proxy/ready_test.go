package proxy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"vertexgateway/vertex/fakevertex"
)

// coldText is what Google says of a model that scales up from zero.
const coldText = "Model is not yet ready for inference. Please wait while model completes scale-up from zero, then try your request again"

// A model that scales up from zero is waited for.
func TestScaleFromZero(t *testing.T) {
	for _, path := range []string{"/v1/chat/completions", "/v1/completions"} {
		for mode, stream := range modes {
			t.Run(path+", "+mode, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newBubble(t, ownModel(sleepyEndpoint, ""))
					began := time.Now()
					if path == "/v1/completions" {
						params := openai.CompletionNewParams{Model: own, Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("How are you?")}, MaxTokens: openai.Int(50)}
						a, err := ownCompletion(t.Context(), w.official(), params, stream)
						if err != nil || a.Choices[0].Text != "You said: How are you?" {
							t.Errorf("%+v, %v", a, err)
						}
					} else if a, _, err := officialAnswer(t.Context(), w.official(), ownAsk("How are you?"), stream); err != nil || a.Choices[0].Message.Content != "You said: How are you?" {
						t.Errorf("%+v, %v", a, err)
					}
					if took := time.Since(began); took != 20*time.Second { // two refusals, two pauses
						t.Errorf("took %v, want 20 s", took)
					}
					w.client.CloseIdleConnections()
				})
			})
		}
	}
}

// A stream is kept alive in the meantime, and a longer start is waited for as well.
func TestScaleFromZeroTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, ownModel(tunedEndpoint, ""), fakevertex.Scenario{Method: containerChat, Fault: "cold", Times: 60})
		began := time.Now()
		tr := w.chat(own, streamed).transcript()
		if took := time.Since(began); took != 10*time.Minute || !tr.done || tr.text != "You said: How are you?" || tr.comments < 50 {
			t.Errorf("after %v: %+v", took, tr)
		}
		want := "# HELP gateway_upstream_attempts_total Calls made upstream.\n# TYPE gateway_upstream_attempts_total counter\n" +
			`gateway_upstream_attempts_total{location="us-central1",model="llama",outcome="not_ready"} 60` + "\n" +
			`gateway_upstream_attempts_total{location="us-central1",model="llama",outcome="ok"} 1` + "\n"
		if err := testutil.GatherAndCompare(w.registry, strings.NewReader(want), "gateway_upstream_attempts_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestNeverReady(t *testing.T) {
	for mode, stream := range modes {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, ownModel(tunedEndpoint, ""), fakevertex.Scenario{Method: containerChat, Fault: "cold"})
				began := time.Now()
				_, _, err := officialAnswer(t.Context(), w.official(option.WithMaxRetries(0)), ownAsk("How are you?"), stream)
				if took := time.Since(began); took != 20*time.Minute {
					t.Errorf("gave up after %v, want 20 m", took)
				}
				refused, ok := errors.AsType[*openai.Error](err)
				switch {
				case stream: // its status is out
					if err == nil || !strings.Contains(err.Error(), "model_not_ready") || !strings.Contains(err.Error(), coldText) {
						t.Errorf("error %v", err)
					}
				case !ok || refused.StatusCode != 503 || refused.Code != "model_not_ready" || refused.Message != coldText || refused.Response.Header.Get("Retry-After") == "":
					t.Errorf("error %+v", err)
				}
				w.client.CloseIdleConnections()
			})
		})
	}
}

// Nobody waits for a client that has gone.
func TestScaleFromZeroClientLeaves(t *testing.T) {
	for mode, stream := range modes {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, ownModel(tunedEndpoint, ""), fakevertex.Scenario{Method: containerChat, Fault: "cold"})
				ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
				defer cancel()
				_, _, err := officialAnswer(ctx, w.official(option.WithMaxRetries(0)), ownAsk("How are you?"), stream)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				time.Sleep(time.Minute)
				w.wantCalled(containerChat, 4) // at 0, 10, 20 and 30 s
				if line := w.line().ContextMap(); line["end"] != "cancelled" {
					t.Errorf("logged %v", line)
				}
				w.client.CloseIdleConnections()
			})
		})
	}
}

// A quota that is used up has the same status, and is not waited for.
func TestOwnQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, ownModel(tunedEndpoint, ""), method(containerChat, fakevertex.Scenario{Status: 429}))
		began := time.Now()
		r := w.chat(own, "")
		r.failure(429, "rate_limit_exceeded", "")
		if took := time.Since(began); took != 0 || r.header.Get("Retry-After") == "" {
			t.Errorf("took %v, headers %v", took, r.header)
		}
		w.wantCalled(containerChat, 1)
	})
}
