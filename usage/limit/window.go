package limit

import "time"

// perMinute is a minute in the unit of an instant.
const perMinute = 60_000

// An instant is in milliseconds since 1970, by the clock that a store goes by.
type instant int64

func instantOf(t time.Time) instant { return instant(t.UnixMilli()) }

func (at instant) time() time.Time { return time.UnixMilli(int64(at)).UTC() }

func (at instant) minute() int64 { return int64(at) / perMinute }

// A window counts one minute, and remembers the one before. Of that it takes the part that a
// minute which ends now still covers, as if it had been spread evenly: with an even load no
// minute has more than the limit, wherever it begins. After an idle time one may have up to
// twice the limit, half of it at once.
type window struct{ minute, count, before int64 }

// turn makes a minute the current one. A clock that goes back changes nothing.
func (w *window) turn(minute int64) {
	switch {
	case minute <= w.minute:
	case minute == w.minute+1:
		*w = window{minute: minute, before: w.count}
	default:
		*w = window{minute: minute}
	}
}

// left is what is left of the minute, in milliseconds.
func (w *window) left(at instant) int64 {
	return min(max((w.minute+1)*perMinute-int64(at), 0), perMinute)
}

// weight is what is used, times the milliseconds of a minute: all sums are whole.
func (w *window) weight(at instant) int64 { return w.count*perMinute + w.before*w.left(at) }

// used is what is used, rounded up.
func (w *window) used(at instant) int64 { return (w.weight(at) + perMinute - 1) / perMinute }

func (w *window) fits(at instant, most, asked int64) bool {
	return w.weight(at)+asked*perMinute <= most*perMinute
}

// wait is the time until that is asked fits, if nobody else asks. It is not above the limit.
func (w *window) wait(at instant, most, asked int64) time.Duration {
	room, left := most-asked, w.left(at)
	if room < w.count { // not before the next minute, when count is what was before
		return milliseconds(left + perMinute - room*perMinute/w.count)
	}
	if w.before == 0 {
		return 0
	}
	return milliseconds(max(0, left-(room-w.count)*perMinute/w.before))
}

// reset is the time until nothing is used.
func (w *window) reset(at instant) time.Duration {
	switch {
	case w.count > 0:
		return milliseconds(w.left(at) + perMinute)
	case w.before > 0:
		return milliseconds(w.left(at))
	}
	return 0
}

// correct changes what was counted in a minute. What was used in one that is forgotten counts
// now; what was not used there does not.
func (w *window) correct(minute, n int64) {
	switch {
	case minute == w.minute-1:
		w.before = max(0, w.before+n)
	case minute == w.minute || n > 0:
		w.count = max(0, w.count+n)
	}
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
