package ledger

import (
	"context"
	"errors"

	"go.uber.org/zap"
)

// recover finds out when a store that was down is back, and brings it the rows of the
// journal. It has its own goroutine: a store that hangs must not keep the writer from the
// journal.
func (w *writer) recover(ctx context.Context) {
	var told string
	for {
		err := w.mend(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != told {
			w.log.Warn("usage cannot be brought from the journal to the store", zap.Error(err))
		}
		told = ""
		if err != nil {
			told = err.Error()
		}
		if !pause(ctx, interval) {
			return
		}
	}
}

// mend tries the store if it is down, and replays the journal if it is not. The error is of
// the journal; that of the store is told where it falls.
func (w *writer) mend(ctx context.Context) error {
	was := w.fault()
	if was != nil {
		if !w.revives(ctx) {
			return nil
		}
		w.rose()
	}
	moved, err := w.replay(ctx)
	if was != nil || moved > 0 {
		w.log.Info("usage store is up", zap.Bool("was_down", was != nil), zap.Int64("replayed", moved))
	}
	var f *fall
	if errors.As(err, &f) && ctx.Err() == nil {
		w.fell(f.error)
		return nil
	}
	return err
}

// revives tries to write, and makes the tables if need be.
func (w *writer) revives(ctx context.Context) bool {
	err := w.store.probe(ctx)
	if err != nil && !w.store.absent(err) {
		return false
	}
	return w.store.migrate(ctx) == nil && w.store.probe(ctx) == nil
}

// A fall is an error of the store, not of the journal.
type fall struct{ error }

func (w *writer) replay(ctx context.Context) (moved int64, err error) {
	if w.journal == nil || w.journal.rows.Load() == 0 {
		return 0, nil
	}
	return w.journal.replay(ctx, func(ctx context.Context, rows []row) error {
		if err := w.store.insert(ctx, rows); err != nil {
			return &fall{err}
		}
		return nil
	})
}
