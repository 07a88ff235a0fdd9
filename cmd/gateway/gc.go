package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// leastSlack is the garbage that may gather while little is alive: collecting a heap of
	// a few megabytes again and again would take a quarter of the CPU.
	leastSlack = 16 << 20
	// slackPercent of what is alive may gather as garbage when much is alive, as with
	// thousands of open streams: a third of Go's usual, to keep the process small.
	slackPercent = 33
	mostPercent  = 1000
)

// tuneGC keeps the collector's pace fitting to the size of the heap, looking anew after
// each collection. It is for processes whose GOGC is not set.
func tuneGC() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	debug.SetGCPercent(gcPercent(sample[0].Value.Uint64()))
	sentinel := new([16]byte) // is garbage at once, so that the next collection finds it
	runtime.AddCleanup(sentinel, func(struct{}) { tuneGC() }, struct{}{})
}

func gcPercent(live uint64) int {
	live = max(live, 1<<20)
	return int(min(max(leastSlack*100/live, slackPercent), mostPercent))
}
