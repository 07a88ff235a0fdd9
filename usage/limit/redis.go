package limit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
	"go.uber.org/zap"
)

// tuning is what tests set otherwise.
type tuning struct {
	answer time.Duration // that Redis may take
	flush  time.Duration // that a settlement waits for a request to ride along with
	probe  time.Duration // between attempts while Redis is away
	renew  time.Duration // between renewals of leases
	lease  time.Duration
	prefix string // of all keys
	script string // decides
	// connect replaces [redis.DialURLContext].
	connect func(context.Context, string, ...redis.DialOption) (redis.Conn, error)
}

// connections bounds the calls at a time: a queue in this process is no fault of Redis.
const connections = 32

// A shared counts in Redis, with everybody else.
type shared struct {
	now     func() time.Time
	log     *zap.Logger
	tuning  tuning
	pool    *redis.Pool
	script  *redis.Script
	process string // names this one
	gate    chan struct{}
	// onLoss is called when Redis went away.
	onLoss func()

	last    atomic.Uint64 // request
	away    atomic.Bool
	pending pending
	leases  leases

	kick       chan struct{} // a settlement waits
	gone       chan struct{} // Redis went away
	stop       chan struct{}
	once       sync.Once
	background sync.WaitGroup
}

func newShared(o Options, t tuning, onLoss func()) (*shared, error) {
	address, ok := addressOf(o.Redis)
	if !ok {
		return nil, errors.New("the address of redis is no URL like redis://user:password@host:6379/0")
	}
	s := &shared{
		now: o.Now, log: o.Log, tuning: t, pool: newPool(address, t, o.Now), script: redis.NewScript(anyKeys, t.script),
		process: rand.Text()[:12], gate: make(chan struct{}, connections), onLoss: onLoss,
		kick: make(chan struct{}, 1), gone: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	s.background.Go(s.run)
	return s, nil
}

// addressOf adds the port to a URL, for redigo cannot do that for [::1]. It tells whether the URL
// names a server and, at most, the number of a database.
func addressOf(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	u.Host = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "6379"))
	_, err = strconv.ParseUint(cmp.Or(strings.Trim(u.Path, "/"), "0"), 10, 16)
	return u.String(), err == nil
}

// anyKeys lets the first argument of a script tell how many keys it has.
const anyKeys = -1

const (
	// maxIdle is how long a connection waits to be used again, and sureIdle how long it is
	// trusted: firewalls forget those that idle, and a restarted Redis has never known them.
	maxIdle  = 30 * time.Second
	sureIdle = 10 * time.Second
)

// newPool keeps connections; it makes none yet.
func newPool(address string, t tuning, now func() time.Time) *redis.Pool {
	options := []redis.DialOption{
		redis.DialConnectTimeout(t.answer), redis.DialTLSHandshakeTimeout(t.answer),
		redis.DialReadTimeout(t.answer), redis.DialWriteTimeout(t.answer),
	}
	return &redis.Pool{
		MaxIdle: connections + 2, IdleTimeout: maxIdle, // and the background
		DialContext: func(ctx context.Context) (redis.Conn, error) { return t.connect(ctx, address, options...) },
		TestOnBorrowContext: func(ctx context.Context, c redis.Conn, last time.Time) error {
			if err := ctx.Err(); err != nil || now().Sub(last) < sureIdle {
				return err // one that hangs takes all the time: the others are closed unasked
			}
			_, err := c.Do("PING")
			return err
		},
	}
}

// take asks Redis, in one round trip, and sends what is pending with it.
func (s *shared) take(ctx context.Context, o *order) (*reply, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	b, more := s.pending.take(nil)
	if more {
		s.soon()
	}
	m, id := s.begin(b, nil), ""
	if !o.look {
		id = s.process + "-" + strconv.FormatUint(s.last.Add(1), 36)
	}
	s.order(m, o, id)
	n, err := s.send(ctx, b, m)
	if err != nil {
		s.undo(o, id)
		return nil, err
	}
	r, err := decode(o, n)
	if err != nil || o.look || r.refused || len(r.missing) > 0 {
		return r, err
	}
	r.id = id
	s.leases.add(r, o)
	return r, nil
}

// undo closes what Redis may have opened though it did not answer. If that comes too early it
// lapses.
func (s *shared) undo(o *order, id string) {
	if o.look {
		return
	}
	t := &Ticket{order: o, reply: &reply{at: instantOf(s.now()), id: id}}
	settlements, _ := s.settlements(t, Charge{Tokens: o.charge.Tokens})
	s.pending.add(settlements)
}

// settle sends what frees a place at once, and keeps the rest for the next call.
func (s *shared) settle(t *Ticket, used Charge) {
	s.leases.drop(t.reply)
	settlements, urgent := s.settlements(t, used)
	if urgent && !s.away.Load() {
		s.flush(context.Background(), settlements)
		return
	}
	if s.pending.add(settlements) {
		s.soon()
	}
}

// settlements are what a ticket leaves in its scopes; urgent ones free a place.
func (s *shared) settlements(t *Ticket, used Charge) (all []settlement, urgent bool) {
	asked, then := t.order.charge, t.reply.at
	for _, scope := range t.order.scopes {
		n := settlement{
			key: s.key(scope), member: member(t.reply, scope, asked),
			second: then.second(), day: then.label(perDay), at: instantOf(s.now()),
		}
		if scope.max(tokens) > 0 {
			n.tokens = used.Tokens - asked.Tokens
		}
		if scope.budgeted() {
			n.micros = used.Micros
		}
		if n.member != "" || n.tokens != 0 || n.micros != 0 {
			all = append(all, n)
		}
		urgent = urgent || scope.max(concurrency) > 0
	}
	return all, urgent
}

// owe keeps what was spent by a request that Redis did not admit.
func (s *shared) owe(t *Ticket, used Charge) {
	if used.Micros == 0 {
		return
	}
	for _, scope := range t.order.scopes {
		n := settlement{key: s.key(scope), day: t.reply.at.label(perDay), micros: used.Micros, at: instantOf(s.now())}
		if scope.budgeted() && s.pending.owe(n) {
			s.soon()
		}
	}
}

func (s *shared) enter(ctx context.Context) error {
	select {
	case s.gate <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.away.Load() {
		s.leave()
		return errAway
	}
	return nil
}

func (s *shared) leave() { <-s.gate }

// send calls the script. An answer is waited for even if the client hangs up: what it
// reserves must be known.
func (s *shared) send(ctx context.Context, b *batch, m *message) ([]int64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.tuning.answer)
	defer cancel()
	n, err := s.call(ctx, m)
	if err == nil && len(n) < header {
		err = fmt.Errorf("redis answered %d numbers", len(n))
	}
	if err != nil {
		s.pending.failed(b)
		s.lost(err)
		return nil, errAway
	}
	s.pending.arrived(b)
	return n, nil
}

// call calls the script, over a connection that goes back to the others if it works.
func (s *shared) call(ctx context.Context, m *message) ([]int64, error) {
	c, err := s.pool.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // it goes back to the pool
	args := make([]any, 0, 1+len(m.keys)+len(m.args))
	args = append(args, len(m.keys))
	for _, k := range m.keys {
		args = append(args, k)
	}
	return redis.Int64s(s.script.Do(c, append(args, m.args...)...))
}

// flush sends what is pending, and own settlements with it.
func (s *shared) flush(ctx context.Context, own []settlement) {
	if err := s.enter(ctx); err != nil {
		s.pending.add(own)
		return
	}
	defer s.leave()
	for more := true; more; own = nil {
		var b *batch
		b, more = s.pending.take(own)
		if len(b.settlements) == 0 {
			s.pending.failed(b)
			return
		}
		if _, err := s.send(ctx, b, s.plain(b, nil)); err != nil {
			return
		}
	}
}

// plain is a message without an order.
func (s *shared) plain(b *batch, renew []lease) *message {
	m := s.begin(b, renew)
	m.put(0)
	return m
}

func (s *shared) lost(err error) {
	if s.away.CompareAndSwap(false, true) {
		s.onLoss()
		s.log.Warn("redis is away", zap.Error(err))
		select {
		case s.gone <- struct{}{}:
		default:
		}
	}
}
