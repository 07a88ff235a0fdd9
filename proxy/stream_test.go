package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vertexgateway/vertex/fakevertex"
)

// A stream has three ends; only the first looks whole.
func TestThreeEnds(t *testing.T) {
	tests := []struct {
		name  string
		fails fakevertex.Scenario
		end   string
		code  string
	}{
		{"finished", fakevertex.Scenario{}, "finished", ""},
		{"upstream error", fakevertex.Scenario{ErrorAfter: 6}, "error", "overloaded"},
		{"cut off", fakevertex.Scenario{CutAfter: 6}, "cut", "upstream_stream_truncated"},
		{"closed early", fakevertex.Scenario{CloseAfter: 6}, "cut", "upstream_stream_truncated"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.fails.Text = "one two three four five six seven eight nine ten"
			tt.fails.Events = 10
			w := newWorld(t, threeLocations, tt.fails)
			tr := w.chat(model, streamed).transcript()
			if tr.text == "" {
				t.Error("no text came before the end")
			}
			if whole := tt.code == ""; tr.done != whole || tr.broken == whole || (tr.finish != "") != whole {
				t.Errorf("stream %+v", tr)
			}
			if tt.code != "" && (tr.err == nil || text(tr.err.Code) != tt.code) {
				t.Errorf("error %+v, want code %s", tr.err, tt.code)
			}
			if end := w.line().ContextMap()["end"]; end != tt.end {
				t.Errorf("logged end %v, want %s", end, tt.end)
			}
			w.wantLocations("global") // never another location once content was sent
		})
	}
}

// HTTP/1.0 ends an answer by closing the connection, so a broken one must be reset.
func TestBrokenStreamOverHTTP10(t *testing.T) {
	for name, fails := range map[string]fakevertex.Scenario{"finished": {}, "broken": {Events: 10, CutAfter: 6}} {
		w := newWorld(t, threeLocations, fails)
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.api.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		body := question(model, streamed)
		if _, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); (err == nil) != (name == "finished") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// The same ends of an answer that is not streamed to the client are errors with a status.
func TestBrokenUnary(t *testing.T) {
	w := newWorld(t, threeLocations, fakevertex.Scenario{Events: 10, ErrorAfter: 6, Times: 1}, fakevertex.Scenario{Events: 10, CutAfter: 6})
	w.chat(model, "").failure(503, "overloaded", "")
	w.chat(model, "").failure(502, "upstream_stream_truncated", "")
	w.wantLocations("global global")
}

// An event reaches the client while the upstream is still busy with the next: the
// emulator sends no more until the client has read.
func TestEachEventIsFlushed(t *testing.T) {
	gate := make(chan struct{})
	upstream := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		for _, word := range []string{"one", "two", "three"} {
			if word == "one" {
				io.WriteString(rw, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n")
			}
			io.WriteString(rw, "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\""+word+"\"}}\n\n")
			rw.(http.Flusher).Flush()
			<-gate
		}
		io.WriteString(rw, "data: {\"type\":\"message_stop\"}\n\n")
	})
	w := newWorld(t, threeLocations)
	w.upstream.Config.Handler = upstream
	res, err := w.client.Post(w.api.URL+"/v1/chat/completions", "application/json", strings.NewReader(question(model, streamed)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for _, word := range []string{"one", "two", "three"} {
		for lines.Scan() && !strings.Contains(lines.Text(), `"content":"`+word+`"`) {
		}
		gate <- struct{}{}
	}
	for lines.Scan() && lines.Text() != "data: [DONE]" {
	}
	if lines.Text() != "data: [DONE]" {
		t.Errorf("last line %q, error %v", lines.Text(), lines.Err())
	}
}

// While nothing comes, the headers are held back for 10 s, then comments keep the
// connection alive; the next location may still answer.
func TestHeldHeadersAndKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, at("global", fakevertex.Scenario{StallAfter: 4}))
		began := time.Now()
		res, err := w.client.Post(w.api.URL+"/v1/chat/completions", "application/json", strings.NewReader(question(model, streamed)))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if held := time.Since(began); held != 10*time.Second {
			t.Errorf("headers after %v, want 10 s", held)
		}
		body, err := io.ReadAll(res.Body)
		tr := readTranscript(t, body, err)
		if !tr.done || tr.text == "" || tr.comments < 10 {
			t.Errorf("stream %+v, want an answer behind 10 comments or more", tr)
		}
		w.wantLocations("global us")
	})
}

// The first content comes in the very moment in which the headers are sent without it.
func TestContentAsTheHeadersGo(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w := newBubble(t, threeLocations, fakevertex.Scenario{Delay: holdHeaders})
			if tr := w.chat(model, streamed).transcript(); !tr.done {
				t.Errorf("stream %+v", tr)
			}
			w = newBubble(t, threeLocations, fakevertex.Scenario{Delay: holdHeaders, ErrorAfter: -1})
			if r := w.chat(model, streamed); r.status == http.StatusOK && r.transcript().err == nil {
				t.Errorf("status %d without an error: %s", r.status, r.body)
			}
		})
	}
}

const holdHeaders = 10 * time.Second

// A client that stops sending in the middle of its request never sees an empty answer.
func TestHalfARequest(t *testing.T) {
	w := newWorld(t, threeLocations)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.api.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"mode"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, _ := io.ReadAll(conn); strings.Contains(string(answer), "200 OK") {
		t.Errorf("answer %s", answer)
	}
}

// An error within the 10 s still has its own status.
func TestErrorBeforeHeaders(t *testing.T) {
	w := newWorld(t, threeLocations, fakevertex.Scenario{Status: 529})
	r := w.chat(model, streamed)
	r.failure(503, "overloaded", "")
	r.wantHeaders("Content-Type", "application/json")
}

// An error after the headers is an event and a broken connection.
func TestErrorAfterHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, fakevertex.Scenario{Stall: true})
		tr := w.chat(model, streamed).transcript()
		if tr.err == nil || text(tr.err.Code) != "timeout" || tr.done || !tr.broken || tr.comments == 0 {
			t.Errorf("stream %+v, want an error event and a broken connection", tr)
		}
	})
}

// The upstream sees within 100 ms that the client has left, before and after content.
func TestClientLeaves(t *testing.T) {
	for name, stall := range map[string]fakevertex.Scenario{
		"before headers": {Stall: true},
		"before content": {StallAfter: 2},
		"in the middle":  {StallAfter: 6, Events: 20},
	} {
		for _, extra := range []string{streamed, `"n":1`} {
			t.Run(name+" "+extra, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newBubble(t, threeLocations, stall)
					ctx, leave := context.WithCancel(t.Context())
					req, _ := http.NewRequestWithContext(ctx, http.MethodPost, w.api.URL+"/v1/chat/completions", strings.NewReader(question(model, extra)))
					var gone sync.WaitGroup
					gone.Go(func() {
						if res, err := w.client.Do(req); err == nil {
							_, _ = io.Copy(io.Discard, res.Body)
							res.Body.Close()
						}
					})
					synctest.Wait()
					left := time.Now()
					leave()
					<-w.vertex.Requests()[0].Gone
					if took := time.Since(left); took > 100*time.Millisecond {
						t.Errorf("the upstream saw it after %v", took)
					}
					gone.Wait()
					synctest.Wait()
					line := w.line().ContextMap()
					if line["end"] != "cancelled" || line["status"] != int64(499) {
						t.Errorf("logged %v", line)
					}
					w.wantLocations("global")
				})
			})
		}
	}
}

// A client that does not read is given up, and does not hold the upstream for ever.
func TestClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, fakevertex.Scenario{Events: 1000})
		conn, err := w.client.Transport.(*http.Transport).DialContext(t.Context(), "tcp", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		body := question(model, streamed)
		req, _ := http.NewRequest(http.MethodPost, w.api.URL+"/v1/chat/completions", strings.NewReader(body))
		if err := req.Write(conn); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		synctest.Wait()
		<-w.vertex.Requests()[0].Done
		if took := time.Since(began); took > 3*time.Minute {
			t.Errorf("given up after %v", took)
		}
		synctest.Wait()
		w.line()
	})
}

// A running stream outlives the beginning of a drain, and ends it when it is done.
func TestDrainWaitsForStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, fakevertex.Scenario{Events: 30, Pace: time.Second})
		answer := make(chan *reply)
		go func() { answer <- w.chat(model, streamed) }()
		time.Sleep(5 * time.Second)
		began := time.Now()
		grace, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		drained := make(chan struct{})
		go func() { w.gateway.Drain(grace); close(drained) }()
		synctest.Wait()
		if r := w.admin("/readyz"); r.Code != http.StatusServiceUnavailable {
			t.Errorf("/readyz says %d while draining", r.Code)
		}
		tr := (<-answer).transcript()
		<-drained
		if !tr.done || time.Since(began) < 20*time.Second || time.Since(began) > 40*time.Second {
			t.Errorf("done %v after %v, want a whole answer after about 30 s", tr.done, time.Since(began))
		}
	})
}

// A stream that outlasts the grace gets an error event and a broken connection.
func TestDrainEndsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, threeLocations, fakevertex.Scenario{Events: 300, Pace: time.Second})
		answer := make(chan *reply)
		go func() { answer <- w.chat(model, streamed) }()
		time.Sleep(5 * time.Second)
		grace, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w.gateway.Drain(grace)
		tr := (<-answer).transcript()
		if tr.done || !tr.broken || tr.err == nil || text(tr.err.Code) != "shutting_down" {
			t.Errorf("stream %+v, want an error event and a broken connection", tr)
		}
		<-w.vertex.Requests()[0].Gone
	})
}

// Requests under way and those that come never notice a reload.
func TestReloadUnderLoad(t *testing.T) {
	w := newWorld(t, threeLocations)
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if tr := w.chat(model, streamed).transcript(); !tr.done {
					t.Errorf("stream %+v", tr)
					return
				}
			}
		})
	}
	for i := range 50 {
		yaml := threeLocations + "fallback: {max_attempts: " + string(rune('1'+i%4)) + "}\n"
		if err := w.gateway.Reload(w.load(yaml)); err != nil {
			t.Error(err)
		}
	}
	other := httptest.NewServer(w.vertex)
	defer other.Close()
	moved := w.load(threeLocations)
	moved.Vertex.BaseURL = other.URL // streams under way keep their connections
	if err := w.gateway.Reload(moved); err != nil {
		t.Error(err)
	}
	w.chat(model, streamed)
	broken := w.load(threeLocations)
	broken.Vertex.Project = ""
	if err := w.gateway.Reload(broken); err == nil {
		t.Error("a configuration without a project was taken")
	}
	w.chat(model, "").completion() // by the one before
	close(stop)
	load.Wait()
}

// The connection of a finished answer serves the next request.
func TestConnectionsAreUsedAgain(t *testing.T) {
	w := newWorld(t, threeLocations)
	for range 10 {
		w.chat(model, streamed)
		w.chat(model, "")
	}
	if n := w.upstream.Listener.(*countingListener).accepted.Load(); n != 1 {
		t.Errorf("%d connections for requests one after the other, want 1", n)
	}
}
