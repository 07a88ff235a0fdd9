package ledger

import (
	"context"
	"database/sql"
	"time"

	"go.uber.org/zap"
)

const (
	// maxSweep is the number of rows that are deleted at once: other writers wait for it.
	maxSweep = 500
	// sweepInterval is the time between two sweeps.
	sweepInterval = time.Hour
)

// retain deletes what is older than retention, now and every hour.
func (w *writer) retain(ctx context.Context, retention time.Duration, now func() time.Time) {
	for {
		if w.fault() == nil {
			// Whole hours: sums by the hour know no half ones.
			before := floorHour(now().Add(-retention).UnixMicro())
			if err := w.store.sweep(ctx, before); err != nil && ctx.Err() == nil {
				w.log.Warn("old usage is not deleted", zap.Error(err))
			}
		}
		if !pause(ctx, sweepInterval) {
			return
		}
	}
}

// sweep deletes what is older than before, in small steps.
func (s *store) sweep(ctx context.Context, before int64) error {
	if err := s.repeat(ctx, deleteHour, before); err != nil {
		return err
	}
	return s.repeat(ctx, deleteRequests, before, maxSweep)
}

// repeat executes a statement until it changes nothing.
func (s *store) repeat(ctx context.Context, statement string, args ...any) error {
	for {
		n, err := changed(s.step(ctx, statement, args...))
		if err != nil || n == 0 {
			return s.fault(err)
		}
	}
}

func (s *store) step(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.write.ExecContext(ctx, statement, args...)
}

func changed(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
