package usage

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"
)

// TestPassesAreBounded: the last ones are always there.
func TestPassesAreBounded(t *testing.T) {
	var p passes
	now := time.Unix(1_800_000_000, 0)
	sum := func(i int) (s [sha256.Size]byte) {
		binary.BigEndian.PutUint64(s[:], uint64(i))
		return s
	}
	for i := range 25_000 {
		p.add(sum(i), pass{Key{Team: "a"}, now.Add(time.Second)})
		if n := len(p.young) + len(p.old); n > maxPasses {
			t.Fatalf("%d passes after %d", n, i+1)
		}
		if _, ok := p.find(sum(max(0, i-maxPasses/2+1)), now); !ok {
			t.Fatalf("one of the last %d is missing after %d", maxPasses/2, i+1)
		}
	}
}
