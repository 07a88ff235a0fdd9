package main

import "testing"

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 1000, 4 << 20: 400, 16 << 20: 100, 32 << 20: 50, 1 << 30: 33} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d bytes alive: %d percent, want %d", live, got, want)
		}
	}
}
