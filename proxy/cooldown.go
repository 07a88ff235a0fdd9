package proxy

import (
	"sync"
	"time"

	"vertexgateway/config"
)

// A cooldown keeps requests away from a place that failed, for longer each time it fails
// again. When the time is up one request may try; the others wait for how it goes.
type cooldown struct {
	mu       sync.Mutex
	until    time.Time
	failures int  // in a row
	probing  bool // a request is trying after the time was up
}

// claim tells whether a request may go to the place now. After a failure it goes as the
// one probe, and must end in succeed, fail or release.
func (c *cooldown) claim(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures == 0 {
		return true
	}
	if c.probing || now.Before(c.until) {
		return false
	}
	c.probing = true
	return true
}

// due is when the place may be tried again; the zero time: at once.
func (c *cooldown) due() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.until
}

// succeed ends the cooldown.
func (c *cooldown) succeed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until, c.failures, c.probing = time.Time{}, 0, false
}

// release gives the probe back without a finding.
func (c *cooldown) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}

// fail starts the cooldown, or lengthens it when the probe failed: to retryAfter where the
// upstream named it, else doubling from the least to the most, with jitter so that replicas
// do not return together. Requests that were under way when another failed say nothing
// new: they only pass on a longer retryAfter. A pause is never shortened.
func (c *cooldown) fail(now time.Time, retryAfter time.Duration, limits config.Cooldown, jitter float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pause := retryAfter
	if c.failures == 0 || c.probing {
		pause = max(pause, nextPause(c.failures, time.Duration(limits.Min), time.Duration(limits.Max), jitter))
		c.failures++
		c.probing = false
	}
	if until := now.Add(pause); until.After(c.until) {
		c.until = until
	}
}

// nextPause is after so many failures in a row, before this one.
func nextPause(failures int, least, most time.Duration, jitter float64) time.Duration {
	pause := least << min(failures, 20)
	if pause >= most || pause <= 0 {
		return most - time.Duration(float64(most-least)*jitter/4)
	}
	return min(most, pause+time.Duration(float64(pause)*jitter/2))
}
