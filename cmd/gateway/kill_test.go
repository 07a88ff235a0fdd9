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
		k.run(k.nothing, k.hang)
		k.reckon()
	})
	t.Run("postgres", func(t *testing.T) {
		servers := newServers(t)
		k := newKilling(t, newSchema(t, servers.begin("postgres")))
		k.run(k.hang, k.does(servers, "stop"), k.does(servers, "start"), func(c *crowd) func() {
			servers.do("kill", "postgres")
			c.await(1 + k.dice.IntN(100))
			return func() { servers.do("start", "postgres") }
		})
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
	asks    []*inquiry
	kept    int64 // rows that were in the journal when the gateway was killed
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
		t: t, rounds: rounds, dice: rand.New(rand.NewPCG(seed, 0)), books: openBooks(t, store), visitor: visit(t, n),
		gateway: newReplica(t, writeConfig(t, store, "", n)),
	}
}

// A mishap happens to the store while the gateway is under load. What it returns is called
// when the gateway was killed.
type mishap func(*crowd) func()

func (k *killing) nothing(*crowd) func() { return func() {} }

// does something to PostgreSQL.
func (k *killing) does(servers *ownServers, word string) mishap {
	return func(c *crowd) func() {
		servers.do(word, "postgres")
		return k.nothing(c)
	}
}

// hang makes the store take no rows.
func (k *killing) hang(*crowd) func() { return k.books.lock() }

// run plays the rounds.
func (k *killing) run(mishaps ...mishap) {
	k.t.Helper()
	for i := range k.rounds {
		k.round(mishaps[i%len(mishaps)])
	}
	if k.rounds > len(mishaps) && k.kept == 0 {
		k.t.Error("no row was in the journal at a kill")
	}
}

// reckon compares what the clients saw with what is written.
func (k *killing) reckon() {
	k.t.Helper()
	settle(k.t, k.gateway)
	k.t.Logf("%d rows were in the journal at a kill", k.kept)
	k.books.check(k.asks)
	k.gateway.stop()
}

// round loads the gateway, lets something happen, kills it, and starts it again.
func (k *killing) round(happens mishap) {
	k.t.Helper()
	c := gather(k.t, k.visitor, 16, k.gateway.url)
	c.await(1 + k.dice.IntN(100))
	then := happens(c)
	c.await(1 + k.dice.IntN(100))
	k.gateway.kill()
	k.asks = append(k.asks, c.leave()...)
	k.kept += openBooks(k.t, "sqlite:"+k.gateway.journal).number("SELECT count(*) FROM requests")
	then()
	k.gateway.start()
}
