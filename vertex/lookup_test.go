package vertex_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vertexgateway/vertex"
)

// registry is where a look-up finds endpoints; it takes a second.
type registry struct {
	looked atomic.Int64
	err    atomic.Pointer[error]
}

func (r *registry) find(ctx context.Context, name vertex.EndpointName) (*vertex.Endpoint, error) {
	n := r.looked.Add(1)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := r.err.Load(); err != nil {
		return nil, *err
	}
	return &vertex.Endpoint{Name: name, DisplayName: string(rune('a' + n - 1))}, nil
}

func (r *registry) fail(err error) {
	if r.err.Store(&err); err == nil {
		r.err.Store(nil)
	}
}

// get looks up and tells how it went and how long it took.
func get(t *testing.T, l *vertex.Lookup) (name string, took time.Duration, err error) {
	t.Helper()
	began := time.Now()
	e, err := l.Get(t.Context(), llama)
	if err == nil {
		name = e.DisplayName
	}
	return name, time.Since(began), err
}

func wantFound(t *testing.T, l *vertex.Lookup, want string, in time.Duration) {
	t.Helper()
	if name, took, err := get(t, l); name != want || took != in || err != nil {
		t.Errorf("%q after %v, error %v; want %q after %v", name, took, err, want, in)
	}
}

func TestLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(registry)
		l := vertex.NewLookup(r.find, time.Now)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { wantFound(t, l, "a", time.Second) })
		}
		all.Wait()
		if n := r.looked.Load(); n != 1 {
			t.Errorf("%d look-ups for ten at a time, want 1", n)
		}
		time.Sleep(4 * time.Minute)
		wantFound(t, l, "a", 0)
		time.Sleep(time.Minute)
		wantFound(t, l, "a", 0) // while it is looked up anew
		time.Sleep(2 * time.Second)
		wantFound(t, l, "b", 0)
		if n := r.looked.Load(); n != 2 {
			t.Errorf("%d look-ups, want 2", n)
		}
	})
}

func TestLookupOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := vertex.NewLookup(new(registry).find, time.Now)
		wantFound(t, l, "a", time.Second)
		other := llama
		other.ID = "456"
		if e, err := l.Get(t.Context(), other); err != nil || e.Name != other {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

// A failure stands for a while, so that no storm of requests becomes one of look-ups.
func TestLookupFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, down := new(registry), errors.New("down")
		r.fail(down)
		l := vertex.NewLookup(r.find, time.Now)
		if _, took, err := get(t, l); !errors.Is(err, down) || took != time.Second {
			t.Errorf("error %v after %v", err, took)
		}
		r.fail(nil)
		time.Sleep(9 * time.Second)
		if _, took, err := get(t, l); !errors.Is(err, down) || took != 0 {
			t.Errorf("error %v after %v, want the old one at once", err, took)
		}
		time.Sleep(time.Second)
		wantFound(t, l, "b", time.Second)
	})
}

func TestLookupKeepsTheOldOneWhileAskingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(registry)
		l := vertex.NewLookup(r.find, time.Now)
		wantFound(t, l, "a", time.Second)
		r.fail(&vertex.APIError{Status: 503})
		time.Sleep(time.Hour)
		for range 20 {
			wantFound(t, l, "a", 0)
			time.Sleep(2 * time.Second)
		}
		if n := r.looked.Load(); n < 3 || n > 5 {
			t.Errorf("%d look-ups in 40 s, want one in 10 s or so", n-1)
		}
		r.fail(&vertex.APIError{Status: 404})
		time.Sleep(time.Minute)
		wantFound(t, l, "a", 0)
		time.Sleep(2 * time.Second)
		if _, _, err := get(t, l); err == nil {
			t.Error("an endpoint that is gone was found")
		}
	})
}

func TestLookupDoubted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(registry)
		l := vertex.NewLookup(r.find, time.Now)
		l.Doubt(llama) // nothing is known of it
		wantFound(t, l, "a", time.Second)
		l.Doubt(llama)
		wantFound(t, l, "a", 0)
		synctest.Wait()
		if n := r.looked.Load(); n != 1 {
			t.Errorf("%d look-ups: the description was quite new", n)
		}
		time.Sleep(10 * time.Second)
		wantFound(t, l, "a", 0)
		time.Sleep(2 * time.Second)
		wantFound(t, l, "b", 0)
		time.Sleep(20 * time.Second)
		wantFound(t, l, "b", 0)
		if n := r.looked.Load(); n != 2 {
			t.Errorf("%d look-ups, want 2: the doubt is settled", n)
		}
	})
}

// Who waits may leave; the look-up goes on, but not for ever.
func TestLookupIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := vertex.NewLookup(new(registry).find, time.Now)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := l.Get(ctx, llama); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		time.Sleep(2 * time.Second)
		wantFound(t, l, "a", 0)

		l = vertex.NewLookup(func(ctx context.Context, _ vertex.EndpointName) (*vertex.Endpoint, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, time.Now)
		if _, took, err := get(t, l); err == nil || took != 5*time.Second {
			t.Errorf("error %v after %v", err, took)
		}
	})
}
