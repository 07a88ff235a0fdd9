package config

import (
	"context"
	"maps"
	"os"
	"time"
)

// Watch loads c's file again when it or its capabilities file changes, and at every
// signal on now, until ctx is done. reloaded gets the new Config, overrides applied and
// valid, or the error for which the running one is to be kept; it is called by the
// goroutine of Watch, one call at a time.
//
// The bytes are compared every so often, because a Kubernetes volume changes by swapping
// links. A change counts once two looks in a row agree, so that a file half written is
// not loaded. The same mistake is reported once; a signal always loads.
func Watch(ctx context.Context, c *Config, every time.Duration, now <-chan os.Signal, reloaded func(*Config, error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	loaded := c.source.files
	last := loaded
	for {
		forced := false
		select {
		case <-ctx.Done():
			return
		case <-now:
			forced = true
		case <-tick.C:
		}
		look := loaded.again()
		settled := maps.Equal(look, last)
		last = look
		if !forced && (!settled || maps.Equal(look, loaded)) {
			continue
		}
		next, err := c.reload()
		loaded = next.source.files
		last = loaded
		if err != nil {
			next = nil
		}
		reloaded(next, err)
	}
}

// reload is c read, overridden and checked anew; beside an error stands what was read.
func (c *Config) reload() (*Config, error) {
	next, err := read(c.source.path, c.source.lookupenv)
	if err != nil {
		return next, err
	}
	next.Apply(c.source.overrides)
	return next, next.Validate()
}

// again is what stands in the same files now.
func (f files) again() files {
	look := files{}
	for path := range f {
		_, _ = look.read(path)
	}
	return look
}
