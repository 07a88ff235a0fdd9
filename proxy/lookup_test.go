package proxy_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vertexgateway/vertex/fakevertex"
)

// All requests share one look-up, which is good for five minutes; then they go on with what
// is known while it is asked for again.
func TestOwnLookupIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, ownModel(tunedEndpoint, ""), method(describe, fakevertex.Scenario{Delay: 2 * time.Second}))
		began := time.Now()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() { w.chat(own, []string{"", streamed}[i%2]) })
		}
		all.Wait()
		w.wantCalled(describe, 1)
		w.wantCalled(containerChat, 20)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v, want 2 s", took)
		}
		time.Sleep(4 * time.Minute)
		w.chat(own, "").completion()
		w.wantCalled(describe, 1)
		time.Sleep(time.Minute)
		began = time.Now()
		w.chat(own, "").completion()
		if took := time.Since(began); took != 0 {
			t.Errorf("waited %v for what was known", took)
		}
		time.Sleep(3 * time.Second)
		w.wantCalled(describe, 2)
	})
}

// An endpoint that cannot be looked up answers nothing, and is asked for again after ten
// seconds. Other models do not mind.
func TestOwnLookupFails(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint string
		fails    fakevertex.Scenario
		message  string
	}{
		"not there":     {noEndpoint, fakevertex.Scenario{}, "The endpoint 1111111111 of this model could not be looked up: it does not exist."},
		"not allowed":   {tunedEndpoint, fakevertex.Scenario{Status: 403}, "the gateway may not see it (aiplatform.endpoints.get)."},
		"permission":    {tunedEndpoint, fakevertex.Scenario{Lacks: []string{"aiplatform.endpoints.get"}}, "the gateway may not see it (aiplatform.endpoints.get)."},
		"fault":         {tunedEndpoint, fakevertex.Scenario{Status: 503}, "Google did not answer as it should."},
		"page":          {tunedEndpoint, fakevertex.Scenario{HTML: true}, "Google did not answer as it should."},
		"silence":       {tunedEndpoint, fakevertex.Scenario{Stall: true}, "Google did not answer as it should."},
		"private":       {privateEndpoint, fakevertex.Scenario{}, "it is reached by Private Service Connect, and the configuration has no url for it."},
		"no good host":  {tunedEndpoint, fakevertex.Scenario{Replay: `{"name":"projects/1/locations/us-central1/endpoints/1234567890","dedicatedEndpointDns":"evil.example/x"}`}, "Google did not answer as it should."},
		"another shape": {tunedEndpoint, fakevertex.Scenario{Replay: `[1]`}, "Google did not answer as it should."},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, ownModel(test.endpoint, ""), method(describe, test.fails))
				began := time.Now()
				for _, extra := range []string{"", streamed} {
					r := w.chat(own, extra)
					if e := r.failure(502, "endpoint_not_found", ""); !strings.HasSuffix(e.Message, test.message) || strings.Contains(e.Message, "test-project") {
						t.Errorf("message %q, want %q", e.Message, test.message)
					}
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("took %v", took)
				}
				w.wantCalled(containerChat, 0)
				w.wantCalled(describe, 1)
				w.chat(model, "").completion() // others do not mind
				time.Sleep(11 * time.Second)
				w.vertex.Set()
				r := w.chat(own, "")
				if times := len(w.called(describe)); (times == 1) != (test.endpoint == privateEndpoint) {
					t.Errorf("looked up %d times", times)
				}
				if is := test.endpoint == tunedEndpoint; is != (r.status == 200) {
					t.Errorf("then %s", r.body)
				}
			})
		})
	}
}

// An endpoint that was deleted, moved or has no model is no fault of the client's, and
// is looked up anew.
func TestOwnEndpointIsGone(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint string
		fails    fakevertex.Scenario
		message  string
	}{
		"deleted":    {tunedEndpoint, fakevertex.Scenario{Status: 404}, "The endpoint 1234567890 of this model answered with status 404 (Endpoint"},
		"page":       {tunedEndpoint, fakevertex.Scenario{Status: 404, HTML: true}, "The endpoint 1234567890 of this model answered with status 404 and a web page: it may be deleted, moved or without a model."},
		"page, 502":  {tunedEndpoint, fakevertex.Scenario{HTML: true}, "answered with status 502 and a web page"},
		"older's":    {sharedEndpoint, fakevertex.Scenario{Status: 404, ErrorType: "NotFoundError", Message: "The model `4562` does not exist."}, "answered with status 404 (The model `4562` does not exist): its server has another name for the model (upstream_model)"},
		"moved":      {sharedEndpoint, fakevertex.Scenario{Fault: "moved"}, "answered with status 400 (The endpoint has another address than the one the gateway calls): it may be deleted, moved"},
		"undeployed": {tunedEndpoint, fakevertex.Scenario{Fault: "undeployed"}, "has no deployed model"},
		"empty":      {emptyEndpoint, fakevertex.Scenario{}, "has no deployed model"},
	} {
		for mode, extra := range map[string]string{"unary": "", "streamed": streamed} {
			t.Run(name+", "+mode, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newBubble(t, ownModel(test.endpoint, ""), method(containerChat, test.fails))
					for range 2 {
						e := w.chat(own, extra).failure(502, "upstream_error", "")
						if !strings.Contains(e.Message, test.message) || strings.Contains(e.Message, "test-project") {
							t.Errorf("message %q, want %q", e.Message, test.message)
						}
					}
					w.wantCalled(describe, 1)
					w.chat(model, "").completion()
					time.Sleep(11 * time.Second)
					w.chat(own, extra)
					synctest.Wait()
					w.wantCalled(describe, 2)
				})
			})
		}
	}
}

// The host of an endpoint that was deleted goes with it; the next look-up tells why.
func TestOwnHostIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, ownModel(tunedEndpoint, ""))
		emulator := w.upstream.Config.Handler
		w.upstream.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				panic(http.ErrAbortHandler)
			}
			emulator.ServeHTTP(rw, r)
		})
		w.chat(own, "").failure(502, "upstream_error", "")
		w.vertex.Set(method(describe, fakevertex.Scenario{Status: 404}))
		time.Sleep(11 * time.Second)
		w.chat(own, "") // which still goes by what was known
		synctest.Wait()
		if e := w.chat(own, "").failure(502, "endpoint_not_found", ""); !strings.HasSuffix(e.Message, "it does not exist.") {
			t.Errorf("message %q", e.Message)
		}
		w.wantCalled(describe, 2)
	})
}
