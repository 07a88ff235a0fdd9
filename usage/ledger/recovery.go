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
		if err := w.revive(ctx); err != nil {
			w.fellUnless(ctx, err)
			return nil
		}
	}
	moved, err := w.replay(ctx, was != nil)
	var f *fall
	fallen := errors.As(err, &f)
	if was != nil && !fallen && moved == 0 {
		w.rose() // no row waited, or the journal cannot tell
	}
	if moved > 0 || was != nil && !fallen {
		w.log.Info("usage store is up", zap.Bool("was_down", was != nil), zap.Int64("replayed", moved))
	}
	if fallen {
		w.fellUnless(ctx, f.error)
		return nil
	}
	return err
}

// revive tries to write, and makes the tables if need be.
func (w *writer) revive(ctx context.Context) error {
	if err := w.store.probe(ctx); err != nil && !w.store.absent(err) {
		return err
	}
	if err := w.store.migrate(ctx); err != nil {
		return err
	}
	return w.store.probe(ctx)
}

// A fall is an error of the store, not of the journal.
type fall struct{ error }

// replay moves the journal to the store. One that was down is up when it has taken the first
// batch, and not when it merely answers: it may refuse, or hang, for the sake of a row.
func (w *writer) replay(ctx context.Context, down bool) (moved int64, err error) {
	if w.journal == nil {
		return 0, nil
	}
	return w.journal.replay(ctx, func(ctx context.Context, rows []row) error {
		if err := w.store.insert(ctx, rows); err != nil {
			return &fall{err}
		}
		if down {
			w.rose()
			down = false
		}
		return nil
	})
}

// fellUnless notes that the store is down, unless it is ctx that ended.
func (w *writer) fellUnless(ctx context.Context, err error) {
	if ctx.Err() == nil {
		w.fell(err)
	}
}
