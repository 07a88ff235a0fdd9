package main

import (
	"context"
	"fmt"
	"net/http"
)

type shutdownCommand struct {
	remote
}

// Run asks and does not wait: the gateway drains and ends by itself.
func (c *shutdownCommand) Run(ctx context.Context, s *system) error {
	address, err := c.address(s)
	if err != nil {
		return err
	}
	if err := ask(ctx, http.MethodPost, "http://"+address+"/quitquitquit"); err != nil {
		return fmt.Errorf("not asked to stop: %w", err)
	}
	return nil
}
