package main

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"vertexgateway/config"
	"vertexgateway/usage/ledger"
	"vertexgateway/usage/limit"
)

// accounts are what a gateway keeps of its callers: what they used, and what is left to them.
type accounts struct {
	ledger  *ledger.Ledger
	limiter *limit.Limiter
}

// openAccounts opens what the configuration names.
func openAccounts(ctx context.Context, c *config.Config, log *zap.Logger) (*accounts, error) {
	l, err := ledger.Open(ctx, ledger.Options{
		Store: c.Usage.Store, Journal: c.Usage.Journal, Sync: c.Usage.Sync, Retention: time.Duration(c.Usage.Retention), Log: log, Now: time.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("usage.store: %w", err)
	}
	limiter, err := limit.New(limit.Options{Redis: c.Limits.Redis, Fail: c.Limits.Fail, Log: log, Now: time.Now})
	if err != nil {
		_ = l.Close(ctx) // nothing is in it
		return nil, fmt.Errorf("limits.redis: %w", err)
	}
	return &accounts{l, limiter}, nil
}

// close keeps what is not kept yet. It is called when no request runs any more.
func (a *accounts) close(log *zap.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if err := a.limiter.Close(ctx); err != nil {
		log.Error("limits not closed", zap.Error(err))
	}
	if err := a.ledger.Close(ctx); err != nil {
		log.Error("usage not closed", zap.Error(err))
	}
}

// unaccounted is c without any record of usage, for gateways that only try something out.
func unaccounted(c *config.Config) *config.Config {
	plain := *c
	plain.Usage.Store, plain.Usage.Journal, plain.Limits.Redis = "none", "", ""
	return &plain
}
