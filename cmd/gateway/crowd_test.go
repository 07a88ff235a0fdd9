package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An inquiry is one request, and what came of it.
type inquiry struct {
	by           *visitor
	id           string
	began, ended time.Time
	status       int // 0: no answer began
	header       http.Header
	code         string // of the error
	err          error  // the answer did not come to its end
	// prompt and completion are the tokens that the answer tells.
	prompt, completion int64
}

// whole tells whether the client has seen a good answer to its end.
func (a *inquiry) whole() bool { return a.status == http.StatusOK && a.err == nil }

// A visitor asks in the name of a tenant. It is safe for concurrent use.
type visitor struct {
	*tenant
	http *http.Client
	last atomic.Int64
}

func visit(t testing.TB, n *tenant) *visitor {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: patience}
	t.Cleanup(c.CloseIdleConnections)
	return &visitor{tenant: n, http: c}
}

const question = `{"model":"claude-opus-4-8","max_tokens":200,"messages":[{"role":"user","content":"How are you?"}]%s}`

// ask sends a request with an id of its own, and reads the answer.
func (v *visitor) ask(url string, stream bool) *inquiry {
	more := ""
	if stream {
		more = `,"stream":true,"stream_options":{"include_usage":true}`
	}
	a := &inquiry{by: v, id: fmt.Sprintf("%s-%d", v.name, v.last.Add(1)), began: time.Now()}
	defer func() { a.ended = time.Now() }()
	res, err := v.send(context.Background(), url, a.id, fmt.Sprintf(question, more))
	if err != nil {
		a.err = err
		return a
	}
	defer res.Body.Close()
	a.status, a.header = res.StatusCode, res.Header
	body, err := io.ReadAll(res.Body)
	if err == nil {
		err = a.read(body, stream)
	}
	a.err = err
	return a
}

func (v *visitor) send(ctx context.Context, url, id, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Request-Id", id)
	req.Header.Set("Authorization", "Bearer "+v.secret)
	return v.http.Do(req)
}

// linger opens a stream that does not end before the client leaves.
func (v *visitor) linger(t *testing.T, url string) (leave func()) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	res, err := v.send(ctx, url, "lingers", strings.Replace(fmt.Sprintf(question, `,"stream":true`), "claude-opus-4-8", endless, 1))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%+v, %v", res, err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return leave
}

// read takes what the test looks at out of a body.
func (a *inquiry) read(body []byte, stream bool) error {
	if stream && a.status == http.StatusOK {
		events, found := bytes.CutSuffix(body, []byte("\n\ndata: [DONE]\n\n"))
		if !found {
			return errors.New("a stream without [DONE]")
		}
		body = events[bytes.LastIndex(events, []byte("data: "))+len("data: "):]
	}
	var answer struct {
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
		} `json:"usage"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	err := json.Unmarshal(body, &answer)
	a.prompt, a.completion, a.code = answer.Usage.Prompt, answer.Usage.Completion, answer.Error.Code
	return err
}

// A crowd asks all the time, each of its clients one question after the other, every second
// of them streamed. A client whose answer breaks off leaves.
type crowd struct {
	t       testing.TB
	over    atomic.Bool
	clients sync.WaitGroup
	whole   atomic.Int64

	mu   sync.Mutex
	asks []*inquiry
}

// gather lets so many clients begin, at all of these gateways.
func gather(t testing.TB, v *visitor, clients int, urls ...string) *crowd {
	c := &crowd{t: t}
	for i := range clients {
		c.clients.Go(func() {
			for n := i; !c.over.Load(); n++ {
				a := v.ask(urls[n%len(urls)], n/len(urls)%2 == 0)
				c.note(a)
				if a.err != nil {
					return
				}
			}
		})
	}
	t.Cleanup(func() { c.leave() })
	return c
}

func (c *crowd) note(a *inquiry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asks = append(c.asks, a)
	if a.whole() {
		c.whole.Add(1)
	}
}

// await waits for so many more good answers.
func (c *crowd) await(n int) {
	c.t.Helper()
	enough := c.whole.Load() + int64(n)
	until(c.t, "answers", func() bool { return c.whole.Load() >= enough })
}

// leave ends the questions, and is all that were asked.
func (c *crowd) leave() []*inquiry {
	c.over.Store(true)
	c.clients.Wait()
	return c.asks
}

// attempt lets so many clients ask so often each, and returns when all have.
func attempt(v *visitor, clients, times int, urls ...string) []*inquiry {
	asks := make([]*inquiry, clients*times)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for n := range times {
				asks[i*times+n] = v.ask(urls[(i+n)%len(urls)], n%2 == 0)
			}
		})
	}
	all.Wait()
	return asks
}

// tally counts inquiries by status and code; those that broke off are "broken".
func tally(asks []*inquiry) map[string]int {
	count := map[string]int{}
	for _, a := range asks {
		switch {
		case a.err != nil:
			count["broken"]++
		case a.code != "":
			count[fmt.Sprintf("%d %s", a.status, a.code)]++
		default:
			count[strconv.Itoa(a.status)]++
		}
	}
	return count
}
