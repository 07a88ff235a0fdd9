package vertex

import (
	"context"
	"sync"
	"time"
)

const (
	// lookupLife is how long a description is believed. Endpoints move when their owner
	// changes them, which takes minutes by itself.
	lookupLife = 5 * time.Minute
	// lookupRetry is the least time between two look-ups of an endpoint.
	lookupRetry = 10 * time.Second
	// lookupTimeout bounds one look-up.
	lookupTimeout = 5 * time.Second
)

// A Lookup knows endpoints by their names. It asks for each one at a time and keeps the
// answer for five minutes, then goes on with it while it asks again; an answer that it is
// gone counts at once, other failures leave the last description as it is. It is safe for
// concurrent use.
type Lookup struct {
	find func(context.Context, EndpointName) (*Endpoint, error)
	now  func() time.Time

	mu    sync.Mutex
	known map[EndpointName]*finding
}

// A finding is what is known of one endpoint; Lookup.mu guards it.
type finding struct {
	endpoint *Endpoint     // nil: never found, or gone
	err      error         // of the last look-up
	ended    time.Time     // of the last look-up
	doubted  bool          // since then
	underway chan struct{} // closed when the look-up ends; nil: there is none
}

// NewLookup makes a look-up that finds endpoints by find, as [Client.Endpoint] does.
func NewLookup(find func(context.Context, EndpointName) (*Endpoint, error), now func() time.Time) *Lookup {
	return &Lookup{find: find, now: now, known: make(map[EndpointName]*finding)}
}

// Get describes an endpoint; the description is shared and must not be changed. It waits
// only for one that is not known yet, and no longer than the context allows. A failure
// stands for ten seconds.
func (l *Lookup) Get(ctx context.Context, name EndpointName) (*Endpoint, error) {
	f, underway := l.finding(name)
	if underway != nil {
		select {
		case <-underway:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.endpoint != nil {
		return f.endpoint, nil
	}
	return nil, f.err
}

// Doubt has an endpoint looked up anew, since a request got an answer from it as from one
// that was deleted or has moved.
func (l *Lookup) Doubt(name EndpointName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.known[name]; f != nil {
		f.doubted = true
	}
}

// finding gives what is known of an endpoint, and what to wait for where that is nothing.
func (l *Lookup) finding(name EndpointName) (*finding, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.known[name]
	if f == nil {
		f = new(finding)
		l.known[name] = f
	}
	if f.underway == nil && f.isDue(l.now()) {
		l.start(name, f)
	}
	if f.endpoint != nil {
		return f, nil
	}
	return f, f.underway
}

func (f *finding) isDue(now time.Time) bool {
	switch age := now.Sub(f.ended); {
	case f.ended.IsZero():
		return true
	case f.err != nil || f.doubted:
		return age >= lookupRetry
	default:
		return age >= lookupLife
	}
}

// start looks an endpoint up in the background: whoever waits for it may leave, and the
// next one shall find it.
func (l *Lookup) start(name EndpointName, f *finding) {
	f.underway = make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		defer cancel()
		endpoint, err := l.find(ctx, name)
		l.mu.Lock()
		defer l.mu.Unlock()
		if err == nil || IsGone(err) {
			f.endpoint = endpoint
		}
		f.err, f.ended, f.doubted = err, l.now(), false
		close(f.underway)
		f.underway = nil
	}()
}
