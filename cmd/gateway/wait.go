package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// askEvery is the pause between two looks at a gateway that has not started.
const askEvery = 100 * time.Millisecond

type waitCommand struct {
	remote

	Max time.Duration `default:"30s" placeholder:"30s" help:"How long to wait."`
}

// Run returns once the gateway has started; otherwise the error says why it had not when
// time was up.
func (c *waitCommand) Run(ctx context.Context, s *system) error {
	address, err := c.address(s)
	if err != nil {
		return err
	}
	url := "http://" + address + "/startupz"
	limit, cancel := context.WithTimeout(ctx, c.Max)
	defer cancel()
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		// Not bound to the limit: what it says near the end is better than that time is up.
		if err = ask(ctx, http.MethodGet, url); err == nil {
			return nil
		}
		select {
		case <-limit.Done():
			return fmt.Errorf("not started after %s: %w", c.Max, err)
		case <-again.C:
		}
	}
}
