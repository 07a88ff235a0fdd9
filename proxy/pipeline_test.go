package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vertexgateway/config"
	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/sse"
	"vertexgateway/vertex"
)

// sink is a client's connection that takes everything.
type sink struct{ header http.Header }

func (s sink) Header() http.Header         { return s.header }
func (s sink) Write(p []byte) (int, error) { return len(p), nil }
func (s sink) WriteHeader(int)             {}
func (s sink) Flush()                      {}

// trickle gives one event at each read.
type trickle struct{ events []string }

func (t *trickle) Read(p []byte) (int, error) {
	if len(t.events) == 0 {
		return 0, io.EOF
	}
	n := copy(p, t.events[0])
	t.events = t.events[1:]
	return n, nil
}

const pipelineDeltas = 1000

// pipeline gives a function that takes a stream of text deltas from upstream bytes to
// client bytes through the code that serves them, a read and a write for each; there is
// no network.
func pipeline(tb testing.TB) func() {
	tb.Helper()
	events := []string{"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"}
	for range pipelineDeltas {
		events = append(events, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" and then some\"}      }\n\n")
	}
	events = append(events, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	c := config.Default()
	c.Vertex.Project = "p"
	g, err := New(c, Options{
		Log: zap.NewNop(), Registry: prometheus.NewRegistry(), Now: time.Now, Rand: func() float64 { return 0 },
		Connect: func(config.Vertex) (*vertex.Client, error) { return vertex.NewClient(vertex.Options{}), nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	route, _ := g.route(g.snapshot.Load(), "claude-opus-4-8")
	return func() {
		x := g.newExchange("chat_completions", sink{make(http.Header)}, httptest.NewRequest(http.MethodPost, "/", http.NoBody))
		x.route, x.stream = route, true
		a := newAnswer(x, "claude-opus-4-8", chatFront{})
		r := &reception{x: x, a: a, draft: new(draft), place: route.places[0], reader: new(anthropic.Request).Put().Read()}
		r.ctx, r.cancel = context.WithCancelCause(x.ctx)
		a.watch(route.places[0], "", r.cancel, time.Minute)
		if fault := r.events(sse.NewReader(&trickle{events}, maxEvent)); fault != nil {
			tb.Fatal(fault)
		}
		r.close()
		x.cancel(nil)
	}
}

// BenchmarkPipeline: 0.14 microseconds for each delta (docs/performance.md).
func BenchmarkPipeline(b *testing.B) {
	run := pipeline(b)
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*pipelineDeltas), "ns/delta")
}

// The path of a streamed text delta allocates at most twice; in fact, hardly ever.
func TestPipelineAllocations(t *testing.T) {
	if each := testing.AllocsPerRun(10, pipeline(t)) / pipelineDeltas; each > 0.5 {
		t.Errorf("%.2f allocations for each delta", each)
	}
}
