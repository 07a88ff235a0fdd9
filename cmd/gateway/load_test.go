package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkLoad measures the whole process on loopback, everything switched on but accounts
// (BenchmarkAccounts has them), in turn with httputil.ReverseProxy, which passes on the
// OpenAI bytes of the same answer. The CPU time is that of the process measured, not of the
// load. One run takes about a minute or two. ReverseProxy is as it comes, which keeps two
// idle connections; with LOAD_REUSE=1 it keeps them all. LOAD_HTTP=2 speaks HTTP/2 between
// gateway and upstream:
//
//	go test -run '^$' -bench Load -benchtime 1x ./cmd/gateway
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	upstream := startRole(b, "upstream", "")
	g := startGateway(b, dir, buildGateway(b, dir), upstream.url, "usage: {store: none}")
	post(b, upstream.url+"/sample", g.answer(b))
	p := startRole(b, "reverseproxy", upstream.url)
	b.Run("start", func(b *testing.B) { b.ReportMetric(float64(g.started.Milliseconds()), "ms") })
	for _, m := range []struct {
		name, unit string
		run        func(*testing.B, *loadServer) float64
	}{
		{"unary", "µs/request", unaryLoad}, {"flat", "µs/event", flatLoad}, {"paced", "µs/event", pacedLoad}, {"memory", "KB/stream", memoryLoad},
	} {
		b.Run(m.name, func(b *testing.B) {
			for range b.N {
				ours, theirs, ratio := measure(b, m.run, g, p)
				b.ReportMetric(ours, m.unit)
				b.ReportMetric(theirs, "ReverseProxy-"+m.unit)
				b.ReportMetric(ratio, "ratio")
			}
		})
	}
}

const loadRounds = 7

// measure runs one load against both in turn, several times, and gives the medians: of
// each, and of what they were to each other in the same moment.
func measure(b *testing.B, run func(*testing.B, *loadServer) float64, g, p *loadServer) (ours, theirs, ratio float64) {
	var all [3][]float64
	rounds := loadRounds
	if b.Name() == "BenchmarkLoad/memory" {
		rounds = 1 // what a process once had it keeps for a while
	}
	for range rounds {
		a, c := run(b, g), run(b, p)
		all[0], all[1], all[2] = append(all[0], a), append(all[1], c), append(all[2], a/c)
		b.Logf("gateway %.2f, ReverseProxy %.2f", a, c)
	}
	for _, values := range all {
		slices.Sort(values)
	}
	return all[0][rounds/2], all[1][rounds/2], all[2][rounds/2]
}

const loadBody = `{"model":"claude-opus-4-8","stream":%t,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Tell me about the history of the lighthouse at Alexandria."}]}`

func unaryLoad(b *testing.B, p *loadServer) float64 {
	p.mode(b, 50, inOneGo)
	const requests = 4000
	return p.cpuPer(requests, func() { p.load(b, 16, requests/16, false) })
}

func flatLoad(b *testing.B, p *loadServer) float64 {
	const streams, rounds, events = 16, 20, 2000
	p.mode(b, events, 0)
	return p.cpuPer(streams*rounds*events, func() { p.load(b, streams, rounds, true) })
}

func pacedLoad(b *testing.B, p *loadServer) float64 {
	const streams, events = 100, 200
	p.mode(b, events, 20*time.Millisecond)
	return p.cpuPer(streams*events, func() { p.load(b, streams, 1, true) })
}

// memoryLoad holds 4,000 streams open and looks at the process's memory.
func memoryLoad(b *testing.B, p *loadServer) float64 {
	const streams = 4000
	p.mode(b, 1000, time.Second)
	before := p.memory(b)
	ctx, cancel := context.WithCancel(b.Context())
	var open, done sync.WaitGroup
	for range streams {
		open.Add(1)
		done.Go(func() { p.hold(ctx, b, open.Done) })
	}
	open.Wait()
	after := p.memory(b)
	cancel()
	done.Wait()
	p.mode(b, 1, 0)
	return float64(after-before) / streams / 1024
}

// A loadServer is a process that is measured, or serves the measurement.
type loadServer struct {
	cmd      *exec.Cmd
	url      string
	upstream string // where its upstream is told how to answer
	started  time.Duration
	client   *http.Client
}

func (p *loadServer) answer(b *testing.B) []byte {
	p.mode(b, 50, 0)
	return post(b, p.url+"/v1/chat/completions", fmt.Appendf(nil, loadBody, true))
}

// mode tells the upstream how many events to answer with, at which pace.
func (p *loadServer) mode(b *testing.B, events int, pace time.Duration) {
	post(b, fmt.Sprintf("%s/mode?events=%d&pace=%s", p.upstream, events, pace), nil)
}

func post(b *testing.B, url string, body []byte) []byte {
	res, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%s: status %d, error %v: %s", url, res.StatusCode, err, answer)
	}
	return answer
}

// load asks from so many clients at a time, each so many times in a row.
func (p *loadServer) load(b *testing.B, clients, times int, stream bool) {
	body := fmt.Appendf(nil, loadBody, stream)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range times {
				res, err := p.client.Post(p.url+"/v1/chat/completions", "application/json", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				n, err := io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != http.StatusOK || n < 1000 {
					p.fail(b, fmt.Errorf("status %d, %d bytes, error %w", res.StatusCode, n, err))
					return
				}
			}
		})
	}
	all.Wait()
}

// fail fails the benchmark for a fault of the gateway. ReverseProxy now and then breaks a
// stream off; that is only told.
func (p *loadServer) fail(b *testing.B, err error) {
	if p.started == 0 {
		b.Logf("ReverseProxy: %v", err)
		return
	}
	b.Errorf("gateway: %v", err)
}

// hold opens a stream, reads its beginning, and keeps reading until ctx is done.
func (p *loadServer) hold(ctx context.Context, b *testing.B, opened func()) {
	opened = sync.OnceFunc(opened)
	defer opened()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(loadBody, true)))
	res, err := p.client.Do(req)
	if err != nil {
		p.fail(b, err)
		return
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 500)); err != nil {
		p.fail(b, err)
		return
	}
	opened()
	_, _ = io.Copy(io.Discard, res.Body) // ends with ctx
}

// cpuPer is the CPU time the process takes for each of n, in microseconds.
func (p *loadServer) cpuPer(n int, work func()) float64 {
	before := p.cpu()
	work()
	return float64((p.cpu() - before).Nanoseconds()) / float64(n) / 1000
}

// cpu is the time all threads of the process ran.
func (p *loadServer) cpu() (total time.Duration) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	for _, file := range files {
		data, _ := os.ReadFile(file)
		ns, _ := strconv.ParseInt(strings.Fields(string(data) + " 0")[0], 10, 64)
		total += time.Duration(ns)
	}
	return total
}

// memory is what the process holds in RAM, in bytes.
func (p *loadServer) memory(b *testing.B) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skip("needs /proc")
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kb * 1024
}

func buildGateway(b *testing.B, dir string) string {
	binary := filepath.Join(dir, "gateway")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return binary
}

// startGateway measures from the start of the process to its first whole answer.
func startGateway(b *testing.B, dir, binary, upstream, more string) *loadServer {
	address, admin := freeAddress(b), freeAddress(b)
	file := filepath.Join(dir, "gateway.yaml")
	yaml := fmt.Sprintf("listen: %s\nadmin_listen: %s\nvertex: {project: load, credentials: none, base_url: '%s', http_version: '%s'}\n%s\n",
		address, admin, upstream, loadHTTPVersion(), more)
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		b.Fatal(err)
	}
	p := &loadServer{cmd: exec.Command(binary, "serve", "--config", file), url: "http://" + address, upstream: upstream, client: loadClient()}
	p.cmd.Dir = dir // where what it keeps is kept
	began := time.Now()
	p.start(b)
	for {
		res, err := http.Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(fmt.Sprintf(loadBody, false)))
		if err == nil {
			res.Body.Close()
			p.started = time.Since(began)
			return p
		}
		if time.Since(began) > 10*time.Second {
			b.Fatal(err)
		}
	}
}

// loadHTTPVersion is spoken between gateway and upstream; LOAD_HTTP=2 compares.
func loadHTTPVersion() string {
	if version := os.Getenv("LOAD_HTTP"); version != "" {
		return version
	}
	return "1.1"
}

func loadClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1 << 16, DisableCompression: true}}
}

func (p *loadServer) start(b *testing.B) {
	if os.Getenv("LOAD_LOG") != "" {
		p.cmd.Stderr = os.Stderr
	}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
}

func freeAddress(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

const roleVariable = "GATEWAY_LOAD_ROLE"

// startRole runs this test binary again, as a server of the benchmark.
func startRole(b *testing.B, role, upstream string) *loadServer {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := &loadServer{cmd: exec.Command(self, "-test.run", "^TestLoadRole$"), upstream: upstream, client: loadClient()}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+role, "GATEWAY_LOAD_UPSTREAM="+upstream)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	p.start(b)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	p.url = "http://" + strings.TrimSpace(line)
	return p
}

// TestLoadRole is no test: it serves BenchmarkLoad when that starts it.
func TestLoadRole(t *testing.T) {
	var handler http.Handler
	switch os.Getenv(roleVariable) {
	case "upstream":
		handler = newLoadUpstream()
	case "reverseproxy":
		target, err := url.Parse(os.Getenv("GATEWAY_LOAD_UPSTREAM"))
		if err != nil {
			t.Fatal(err)
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
		if os.Getenv("LOAD_REUSE") != "" {
			proxy.Transport = loadClient().Transport
		}
		handler = proxy
	default:
		t.Skip("skipped: serves BenchmarkLoad only")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(l.Addr())
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	t.Fatal((&http.Server{Handler: handler, Protocols: protocols}).Serve(l)) //nolint:gosec // until it is killed
}

// A loadUpstream answers as Vertex does, and on OpenAI's path with what the gateway made
// of such an answer: event by event, each in a write of its own.
type loadUpstream struct {
	mu                 sync.Mutex
	events             int
	pace               time.Duration
	first, event, last []byte // of the OpenAI stream
	whole              []byte
}

func newLoadUpstream() http.Handler {
	u := new(loadUpstream)
	mux := http.NewServeMux()
	mux.HandleFunc("/mode", u.mode)
	mux.HandleFunc("/sample", u.sample)
	mux.HandleFunc("/v1/chat/completions", u.openAI)
	mux.HandleFunc("/", u.claude)
	return mux
}

func (u *loadUpstream) mode(_ http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.events, _ = strconv.Atoi(r.FormValue("events"))
	u.pace, _ = time.ParseDuration(r.FormValue("pace"))
}

// sample takes an answer of the gateway apart.
func (u *loadUpstream) sample(_ http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	events := bytes.SplitAfter(data, []byte("\n\n"))
	u.mu.Lock()
	defer u.mu.Unlock()
	u.first, u.event, u.last = events[0], events[1], bytes.Join(events[len(events)-3:], nil)
	text := strings.Repeat(loadWord, 50)
	u.whole = []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"claude-opus-4-8","choices":[{"index":0,"message":{"role":"assistant","content":"` + text +
		`","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":25,"completion_tokens":100,"total_tokens":125,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}`)
}

const loadWord = " and then some"

func (u *loadUpstream) openAI(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if bytes.Contains(body, []byte(`"stream":false`)) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(u.whole)
		return
	}
	u.stream(w, r, u.first, u.event, u.last)
}

func (u *loadUpstream) claude(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	u.stream(w, r,
		[]byte("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-opus-4-8\",\"id\":\"msg_vrtx_01Lc\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}  }\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}  }\n\n"),
		[]byte("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\""+loadWord+"\"}      }\n\n"),
		[]byte("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":100}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"))
}

func (u *loadUpstream) stream(w http.ResponseWriter, r *http.Request, first, event, last []byte) {
	u.mu.Lock()
	events, pace := u.events, u.pace
	u.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	flush := func(p []byte) bool {
		_, err := w.Write(p)
		w.(http.Flusher).Flush()
		return err == nil
	}
	if !flush(first) {
		return
	}
	for range events {
		if pace > 0 {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(pace):
			}
		}
		if pace == inOneGo {
			_, _ = w.Write(event) // a client that left is seen at the end
			continue
		}
		if !flush(event) {
			return
		}
	}
	flush(last)
}

// inOneGo is the pace of an answer that is written without a flush between its events.
const inOneGo = -1
