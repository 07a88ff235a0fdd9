package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestKill kills the program under load, again and again, on the same store. KILLS is how
// often, KILL_SEED repeats a run.
func TestKill(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		k := newKilling(t, "sqlite:"+filepath.Join(t.TempDir(), "usage.db"))
		for range k.rounds {
			k.round(func(*crowd) {})
		}
		k.reckon()
	})
	t.Run("postgres", func(t *testing.T) {
		servers := newServers(t)
		k := newKilling(t, newSchema(t, servers.begin("postgres")))
		// PostgreSQL is there, goes away, comes back, crashes: the gateway is killed after each.
		faults := [][]string{{"start"}, {"stop"}, {"start"}, {"kill", "start"}}
		for i := range k.rounds {
			k.round(func(c *crowd) {
				for _, word := range faults[i%len(faults)] {
					servers.do(word, "postgres")
					c.await(k.dice.IntN(30))
				}
			})
		}
		servers.do("start", "postgres")
		k.reckon()
	})
}

// A killing is the story of one gateway, and of all that was asked of it.
type killing struct {
	t       *testing.T
	rounds  int
	dice    *rand.Rand
	books   *books
	visitor *visitor
	gateway *replica
	asks    []*ask
}

func newKilling(t *testing.T, store string) *killing {
	t.Helper()
	rounds, seed := 5, uint64(time.Now().UnixNano())
	if n, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		rounds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("KILL_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("%d rounds, KILL_SEED=%d", rounds, seed)
	n := newTenant("killed", "requests_per_minute: 10000000, usd_per_day: 1000000")
	return &killing{
		t: t, rounds: rounds, dice: rand.New(rand.NewPCG(seed, 0)), books: openBooks(t, store), visitor: visit(t, n), //nolint:gosec // not a secret
		gateway: newReplica(t, writeConfig(t, store, "", n)),
	}
}

// round loads the gateway, lets something happen, kills it, and starts it again.
func (k *killing) round(happens func(*crowd)) {
	k.t.Helper()
	c := gather(k.t, k.visitor, 16, k.gateway.url)
	c.await(1 + k.dice.IntN(100))
	happens(c)
	c.await(1 + k.dice.IntN(100))
	k.gateway.kill()
	k.asks = append(k.asks, c.leave()...)
	k.gateway.start()
}

// reckon compares what the clients saw with what is written.
func (k *killing) reckon() {
	k.t.Helper()
	settle(k.t, k.gateway)
	k.books.check(k.asks)
	k.gateway.stop()
}
