package limit

import "time"

const (
	// perSecond is a second in the unit of an instant.
	perSecond = 1000
	// span is how many seconds 60 s may touch.
	span = 61
)

// An instant is in milliseconds since 1970, by the clock that a store goes by.
type instant int64

func instantOf(t time.Time) instant { return instant(t.UnixMilli()) }

func (at instant) time() time.Time { return time.UnixMilli(int64(at)).UTC() }

// second is not below 0.
func (at instant) second() int64 { return max(0, int64(at)/perSecond) }

// A window counts by the second, and remembers all that the last 60 s touch. The oldest of
// these seconds counts whole, though only a part of it may be within. So no 60 s have more
// than the limit, wherever they begin, and what fills it is forgotten after 60 to 61 s.
type window struct {
	second int64       // the current one
	sum    int64       // of all counts
	counts [span]int64 // of the seconds up to the current one; see count
}

func (w *window) count(second int64) *int64 { return &w.counts[second%span] }

// turn makes a second the current one. A clock that goes back a little changes nothing; one
// that was far ahead must not keep anybody waiting.
func (w *window) turn(second int64) {
	if second < w.second-span {
		*w = window{second: second}
	}
	for i := range min(second-w.second, span) {
		n := w.count(w.second + 1 + i)
		w.sum -= *n
		*n = 0
	}
	w.second = max(w.second, second)
}

func (w *window) add(n int64) { w.correct(w.second, n) }

// correct changes what was counted in a second. What was used in one that is forgotten counts
// now; what was not used there does not.
func (w *window) correct(second, n int64) {
	if second <= w.second-span {
		second, n = w.second, max(n, 0)
	}
	count := w.count(second)
	n = max(n, -*count)
	*count += n
	w.sum += n
}

// leaves is the time until a second is forgotten.
func (w *window) leaves(second int64, at instant) time.Duration {
	return milliseconds((second+span)*perSecond - max(int64(at), w.second*perSecond))
}

// wait is the time until that is asked fits, if nobody else asks. It is not above the limit.
func (w *window) wait(at instant, most, asked int64) time.Duration {
	left := w.sum
	for second := max(0, w.second-span+1); second < w.second; second++ {
		if left -= *w.count(second); left+asked <= most {
			return w.leaves(second, at)
		}
	}
	return w.leaves(w.second, at)
}

// reset is the time until nothing is used.
func (w *window) reset(at instant) time.Duration {
	for second := w.second; w.sum > 0; second-- {
		if *w.count(second) > 0 {
			return w.leaves(second, at)
		}
	}
	return 0
}

// rate is what it says at an instant.
func (w *window) rate(at instant) rate { return rate{w.sum, w.reset(at)} }

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
