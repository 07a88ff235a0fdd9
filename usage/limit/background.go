package limit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// soon lets the background send what waits, if no request does before.
func (s *shared) soon() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// run sends, renews and probes until stop.
func (s *shared) run() {
	ctx := context.Background()
	renew, flush, probe := time.NewTicker(s.tuning.renew), time.NewTimer(0), time.NewTimer(0)
	defer renew.Stop()
	defer flush.Stop()
	defer probe.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-s.kick:
			flush.Reset(s.tuning.flush)
		case <-flush.C:
			s.flush(ctx, nil)
		case <-renew.C:
			s.renew(ctx)
		case <-s.gone:
			probe.Reset(0)
		case <-probe.C:
			if !s.probe(ctx) {
				probe.Reset(s.tuning.probe)
			}
		}
	}
}

// probe tells whether Redis is there: it answers, and takes all that is pending. It gets at
// least something, for one that cannot write is of no use.
func (s *shared) probe(ctx context.Context) bool {
	if err := s.ping(ctx); err != nil {
		s.lost(err)
		return false
	}
	for more := true; more; {
		var b *batch
		b, more = s.pending.take(nil)
		b.id = cmp.Or(b.id, "probe")
		if _, err := s.send(ctx, b, s.plain(b, nil)); err != nil {
			return false
		}
	}
	if s.away.CompareAndSwap(true, false) {
		s.log.Info("redis is back")
	}
	return true
}

// ping leaves only connections that work: one that was restarted has forgotten those that
// idle here, and each would be another outage.
func (s *shared) ping(ctx context.Context) error {
	for {
		idle := s.pool.IdleCount()
		err := s.pingOne(ctx)
		var slow net.Error
		if err == nil || errors.As(err, &slow) && slow.Timeout() || idle == 0 {
			return err
		}
	}
}

func (s *shared) pingOne(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.tuning.answer)
	defer cancel()
	c, err := s.pool.GetContext(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // it goes back to the pool
	_, err = c.Do("PING")
	return err
}

// renew renews the leases of all open requests.
func (s *shared) renew(ctx context.Context) {
	all := s.leases.list(s)
	for len(all) > 0 && !s.away.Load() {
		n := min(len(all), perCall)
		b, _ := s.pending.take(nil)
		if _, err := s.send(ctx, b, s.plain(b, all[:n])); err != nil {
			return
		}
		all = all[n:]
	}
}

// close ends the background and sends what is pending. What is open stays open until it is
// settled elsewhere, or lapses.
func (s *shared) close(ctx context.Context) error {
	s.once.Do(func() { close(s.stop) })
	s.background.Wait()
	for more := true; more && ctx.Err() == nil; {
		var b *batch
		if b, more = s.pending.take(nil); len(b.settlements) == 0 {
			break
		}
		if _, err := s.send(ctx, b, s.plain(b, nil)); err != nil {
			break
		}
	}
	err := s.pool.Close()
	if n := s.pending.size(); n > 0 {
		return fmt.Errorf("redis does not know %d settlements: %w", n, errAway)
	}
	if err != nil {
		return fmt.Errorf("close redis: %w", err)
	}
	return nil
}
