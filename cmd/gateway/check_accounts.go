package main

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"vertexgateway/usage/ledger"
	"vertexgateway/usage/limit"
)

// usage looks at the store of the usage ledger, and makes nothing there.
func (u *checkup) usage(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	where := u.config.Redacted().Usage.Store
	switch r, err := ledger.OpenReader(ctx, u.config.Usage.Store); {
	case errors.Is(err, ledger.ErrNone):
		u.tell("usage", where, works, "nothing is recorded", "")
	case errors.Is(err, ledger.ErrEmpty):
		u.tell("usage", where, works, "nothing was recorded yet", "")
	case err != nil:
		u.tell("usage", where, fails, err.Error(), "")
	default:
		_ = r.Close() // it was only read
		u.tell("usage", where, works, "can be read", "")
	}
	return nil
}

// limits asks Redis, where limits are counted there.
func (u *checkup) limits(ctx context.Context) error {
	if u.config.Limits.Redis == "" {
		return nil
	}
	where := u.config.Redacted().Limits.Redis
	l, err := limit.New(limit.Options{Redis: u.config.Limits.Redis, Fail: limit.FailClosed, Log: zap.NewNop(), Now: time.Now})
	if err == nil {
		_, err = l.Levels(ctx, []*limit.Scope{{ID: "check", Limits: limit.Limits{RequestsPerMinute: 1}}})
		_ = l.Close(ctx) // nothing was counted
	}
	if err != nil {
		u.tell("limits", where, fails, err.Error(), "")
		return nil
	}
	u.tell("limits", where, works, "counted for all replicas together", "")
	return nil
}
