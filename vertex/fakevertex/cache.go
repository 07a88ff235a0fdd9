package fakevertex

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// tokens estimates what n bytes of text cost: one token for four bytes begun.
func tokens(n int) int { return (n + 3) / 4 }

// fileTokens is what an image or a document costs, whatever its size.
const fileTokens = 1568

// A segment is a piece of the prompt at whose end the cache may be marked.
type segment struct {
	tokens int
	text   []byte        // what makes it differ from others; only where the cache is used
	ttl    time.Duration // of the mark at its end; 0: there is none
}

// segments are the prompt in its order: tools, system, messages.
func (r *request) segments() []segment {
	cached := r.usesCache()
	var all []segment
	for i := range r.Tools {
		t := r.Tools[i]
		mark := t.CacheControl
		t.CacheControl = nil
		text, _ := json.Marshal(t)
		all = append(all, segment{tokens(len(text)), text, mark.ttl()})
	}
	for i := range r.System {
		all = append(all, r.System[i].segment("system", cached))
	}
	if cached {
		// What the model is told about thinking and tools is part of every prefix that
		// reaches into the messages.
		text, _ := json.Marshal([]any{r.Thinking, r.ToolChoice})
		all = append(all, segment{text: text})
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		for j := range m.Content {
			all = append(all, m.Content[j].segment(m.Role, cached))
		}
	}
	if len(all) > 0 && r.CacheControl != nil {
		all[len(all)-1].ttl = r.CacheControl.ttl()
	}
	return all
}

func (r *request) usesCache() bool {
	marked := func(b block) bool { return b.CacheControl != nil }
	return r.CacheControl != nil ||
		slices.ContainsFunc(r.Tools, func(t tool) bool { return t.CacheControl != nil }) ||
		slices.ContainsFunc(r.System, marked) ||
		slices.ContainsFunc(r.Messages, func(m message) bool { return slices.ContainsFunc(m.Content, marked) })
}

func (b *block) segment(role string, cached bool) segment {
	s := segment{tokens: b.tokens(), ttl: b.CacheControl.ttl()}
	if cached {
		same := *b
		same.CacheControl = nil // marks move on while the text stays
		s.text, _ = json.Marshal([]any{role, same})
	}
	return s
}

func (b *block) tokens() int {
	switch b.Type {
	case "image", "document":
		return fileTokens
	case "tool_result":
		if b.listed() {
			n := tokens(len(b.ToolUseID))
			for _, inner := range b.results() {
				n += inner.tokens()
			}
			return n
		}
	}
	return tokens(len(b.Text) + len(b.Thinking) + len(b.Data) + len(b.Name) + len(b.Input) + len(b.Content) + len(b.ToolUseID))
}

func (c *cacheControl) ttl() time.Duration {
	switch {
	case c == nil:
		return 0
	case c.TTL == "1h":
		return time.Hour
	}
	return 5 * time.Minute
}

// promptTokens is the size of the whole prompt; it is at least 1.
func promptTokens(all []segment) int {
	n := 0
	for _, s := range all {
		n += s.tokens
	}
	return max(n, 1)
}

// A promptCache remembers the prefixes that were marked, for each model and location.
type promptCache struct {
	mu      sync.Mutex
	entries map[prefix]entry
}

type prefix [sha256.Size]byte

type entry struct {
	ttl  time.Duration
	ends time.Time
}

const (
	maxPrefixes  = 100_000 // kept
	minCacheable = 1024    // tokens, where the catalogue does not say
)

// bill parts the prompt's tokens into read, written and other ones, and remembers what
// was written. A scope is a model in a location.
func (c *promptCache) bill(all []segment, scope string, least int, now time.Time) Usage {
	total := promptTokens(all)
	sums, prefixes := prefixesOf(all, scope)
	least = cmp.Or(least, minCacheable)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(now)
	u := Usage{}
	hit := -1
	last := lastMark(all)
	for i := last; i >= 0; i-- {
		if e, ok := c.entries[prefixes[i]]; ok && e.lives(now) {
			hit, u.CacheRead = i, sums[i]
			c.entries[prefixes[i]] = entry{e.ttl, now.Add(e.ttl)}
			break
		}
	}
	done := u.CacheRead
	for i := hit + 1; i <= last; i++ {
		if all[i].ttl == 0 || sums[i] < least {
			continue
		}
		if all[i].ttl == time.Hour {
			u.CacheWrite1h += sums[i] - done
		} else {
			u.CacheWrite5m += sums[i] - done
		}
		done = sums[i]
		c.entries[prefixes[i]] = entry{all[i].ttl, now.Add(all[i].ttl)}
	}
	u.Input = total - done
	return u
}

func (e entry) lives(now time.Time) bool { return !now.After(e.ends) }

// forget makes room.
func (c *promptCache) forget(now time.Time) {
	if c.entries == nil {
		c.entries = map[prefix]entry{}
	}
	if len(c.entries) < maxPrefixes {
		return
	}
	maps.DeleteFunc(c.entries, func(_ prefix, e entry) bool { return !e.lives(now) })
	if len(c.entries) >= maxPrefixes {
		clear(c.entries)
	}
}

func lastMark(all []segment) int {
	for i, s := range slices.Backward(all) {
		if s.ttl != 0 {
			return i
		}
	}
	return -1
}

// prefixesOf are the sums of tokens and the names of the prefixes that end at each segment.
func prefixesOf(all []segment, scope string) ([]int, []prefix) {
	if lastMark(all) < 0 {
		return nil, nil
	}
	sums, names := make([]int, len(all)), make([]prefix, len(all))
	before, sum := sha256.Sum256([]byte(scope)), 0
	for i, s := range all {
		sum += s.tokens
		before = sha256.Sum256(append(before[:], s.text...))
		sums[i], names[i] = sum, before
	}
	return sums, names
}
