package fakevertex

import (
	"context"
	"net/http"
	"slices"
	"sync"
)

const (
	maxRequests = 1000     // kept
	maxKept     = 64 << 20 // bytes of bodies kept
)

// A Request is one that the emulator received, and what became of it.
type Request struct {
	Location  string      `json:"location"`  // as in the path
	Publisher string      `json:"publisher"` // as in the path, or in the body that goes to endpoints/openapi
	Model     string      `json:"model"`     // likewise
	Method    string      `json:"method"`    // rawPredict, streamRawPredict, chat/completions ...
	URL       string      `json:"url"`       // path and query
	Header    http.Header `json:"header"`
	Body      []byte      `json:"-"`      // nil while it is being read, and when it was too large
	Status    int         `json:"status"` // of the answer; 0: none was begun
	Usage     Usage       `json:"usage"`  // billed so far; all zero for refusals

	// Labels are those by which the bill tells requests apart; nil: the header
	// X-Vertex-AI-Labels is missing or refused.
	Labels map[string]string `json:"labels,omitempty"`

	// Gone is closed when the client hung up before the answer was complete.
	Gone <-chan struct{} `json:"-"`
	// Done is closed when nothing more will be sent, for whatever reason.
	Done <-chan struct{} `json:"-"`

	gone, done chan struct{}
	dropped    bool // from the journal
}

// Usage is what an answer costs, in tokens, by Anthropic's names, whatever its API.
type Usage struct {
	Input        int `json:"input_tokens"` // neither read from the cache nor written to it
	CacheWrite5m int `json:"ephemeral_5m_input_tokens"`
	CacheWrite1h int `json:"ephemeral_1h_input_tokens"`
	CacheRead    int `json:"cache_read_input_tokens"`
	Output       int `json:"output_tokens"`       // with Thinking
	Thinking     int `json:"thinking_tokens"`     // of Output
	Searches     int `json:"web_search_requests"` // not tokens, but requests
	Pages        int `json:"pages_processed"`     // of OCR
}

// Prompt is the sum of the prompt's tokens.
func (u Usage) Prompt() int { return u.Input + u.CacheWrite5m + u.CacheWrite1h + u.CacheRead }

// A journal remembers the last requests.
type journal struct {
	mu      sync.Mutex
	entries []*Request
	kept    int           // bytes of their bodies
	total   int           // requests ever received
	news    chan struct{} // closed at the next request; nil: nobody waits
}

func (j *journal) open(r *http.Request) *Request {
	e := &Request{URL: r.URL.RequestURI(), Header: r.Header.Clone(), gone: make(chan struct{}), done: make(chan struct{})}
	e.Gone, e.Done = e.gone, e.done
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
	j.total++
	j.trim()
	if j.news != nil {
		close(j.news)
		j.news = nil
	}
	return e
}

func (j *journal) trim() {
	for len(j.entries) > maxRequests || j.kept > maxKept && len(j.entries) > 1 {
		j.kept -= len(j.entries[0].Body)
		j.entries[0].dropped = true
		j.entries = slices.Delete(j.entries, 0, 1)
	}
}

// note changes an entry.
func (j *journal) note(e *Request, change func(*Request)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	before := len(e.Body)
	change(e)
	if !e.dropped {
		j.kept += len(e.Body) - before
		j.trim()
	}
}

// abandon says that the client hung up.
func (j *journal) abandon(e *Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case <-e.gone:
	default:
		close(e.gone)
	}
}

// finish returns what became of the request.
func (j *journal) finish(e *Request, gone bool) Request {
	if gone {
		j.abandon(e)
	}
	close(e.done)
	j.mu.Lock()
	defer j.mu.Unlock()
	return *e
}

// Requests returns copies of the last 1000 requests received, fewer where they hold more
// than 64 MiB, oldest first. A copy does not change when its request goes on, save for
// the channels.
func (s *Server) Requests() []*Request {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	copies := make([]*Request, len(s.journal.entries))
	for i, e := range s.journal.entries {
		now := *e
		copies[i] = &now
	}
	return copies
}

// Wait returns when n requests were received since New, or with the context's error.
func (s *Server) Wait(ctx context.Context, n int) error {
	for {
		news := s.journal.await(n)
		if news == nil {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// await returns nil when there were n requests.
func (j *journal) await(n int) <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.total >= n {
		return nil
	}
	if j.news == nil {
		j.news = make(chan struct{})
	}
	return j.news
}
