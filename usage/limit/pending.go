package limit

import (
	"strconv"
	"sync"

	"vertexgateway/usage"
)

// perCall bounds the settlements and leases of one call: Redis does nothing else meanwhile.
const perCall = 500

// A settlement is what a request leaves in one scope.
type settlement struct {
	key    string // of the scope
	member string // what is open in its name; empty: nothing
	second int64  // of the admission
	tokens int64  // to be added there
	day    int64  // of the admission, since 1970
	micros usage.Micros
	at     instant // when it was settled, by this process's clock
}

// A batch is a call's settlements. Its id lets Redis know it again, when it is sent once more
// because the first answer was lost.
type batch struct {
	id          string
	settlements []settlement
	// known are batches whose answers came: their ids can be forgotten.
	known []string
	again bool
}

// pending are the settlements that Redis does not know yet. While it is away they are few:
// those of requests that it had admitted, and one debt for each scope and minute.
type pending struct {
	mu      sync.Mutex // guards all below
	last    uint64
	waiting []settlement
	debts   map[debt]settlement
	unsure  []*batch // sent, and no answer came
	known   []string
}

// A debt is told apart by when it was made: the ledger's answer, from which Redis may have begun
// again without its data, has the older ones already.
type debt struct {
	key         string
	day, minute int64
}

// add keeps settlements for the next call, and tells whether they are the first to wait.
func (p *pending) add(s []settlement) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := len(p.waiting) == 0 && len(p.debts) == 0
	p.waiting = append(p.waiting, s...)
	return first
}

// owe adds up what was spent without Redis. A minute's sum is as old as its oldest part: Redis
// comes back in the last of them, where little is younger.
func (p *pending) owe(s settlement) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := len(p.waiting) == 0 && len(p.debts) == 0
	if p.debts == nil {
		p.debts = make(map[debt]settlement)
	}
	d := debt{s.key, s.day, s.at.second() / 60}
	if old, ok := p.debts[d]; ok {
		s.micros, s.at = s.micros+old.micros, min(s.at, old.at)
	}
	p.debts[d] = s
	return first
}

// take gives what the next call takes along, own settlements with it, and tells whether there
// is more.
func (p *pending) take(own []settlement) (b *batch, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, own...)
	if len(p.unsure) > 0 {
		b, p.unsure = p.unsure[0], p.unsure[1:]
		return b, true
	}
	for d, s := range p.debts {
		p.waiting = append(p.waiting, s)
		delete(p.debts, d)
	}
	n := min(len(p.waiting), perCall)
	b = &batch{settlements: p.waiting[:n:n], known: p.known}
	p.waiting, p.known = p.waiting[n:], nil
	if len(p.waiting) == 0 {
		p.waiting = nil
	}
	if n > 0 {
		p.name(b)
	}
	return b, len(p.waiting) > 0
}

func (p *pending) name(b *batch) {
	p.last++
	b.id = strconv.FormatUint(p.last, 36)
}

// arrived ends a batch. The id of one that was sent twice stays in Redis: the first may still
// be on its way.
func (p *pending) arrived(b *batch) {
	if b.id == "" || b.again {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = append(p.known, b.id)
}

// failed keeps a batch of which nobody knows whether it arrived.
func (p *pending) failed(b *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(b.settlements) == 0 {
		p.known = append(p.known, b.known...)
		return
	}
	b.again = true
	p.unsure = append(p.unsure, b)
}

// size is how many settlements wait.
func (p *pending) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.waiting) + len(p.debts)
	for _, b := range p.unsure {
		n += len(b.settlements)
	}
	return n
}
