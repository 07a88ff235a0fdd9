package main

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"vertexgateway/config"
	"vertexgateway/vertex"
)

const (
	// keepEvery is how often a good token is looked at; [vertex.Credentials] replaces it
	// minutes before its end.
	keepEvery = time.Minute
	// firstRetry and lastRetry bound the pause after a token could not be had.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// warmTimeout bounds the opening of the first connection.
	warmTimeout = 10 * time.Second
)

const signIn = `To sign in as yourself:   gcloud auth application-default login
With a credentials file:  set vertex.credentials to its path, or GOOGLE_APPLICATION_CREDENTIALS
To try it without:        gateway demo`

// connect makes the client for the vertex section, and keeps its token.
func (p *process) connect(ctx context.Context, v config.Vertex) (*vertex.Client, error) {
	credentials, err := vertex.FindCredentials(ctx, v.Credentials, nil, p.system.getenv, time.Now)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, signIn)
	}
	client := vertex.NewClient(vertex.Options{Credentials: credentials, BaseURL: v.BaseURL, HTTP2: v.HTTPVersion == "2"})
	ctx, stop := context.WithCancel(ctx)
	p.keepers.next = &keeper{client, stop}
	p.background.Go(func() { keep(ctx, credentials.Token, p.log) })
	return client, nil
}

// A keeper keeps the token of a client.
type keeper struct {
	client *vertex.Client
	stop   context.CancelFunc
}

// keepers are that of the client in use and that of the one a reload may bring.
type keepers struct {
	serving, next *keeper
}

// settle drops the keeper of the client that lost, when the outcome of a load is known.
func (k *keepers) settle(err error) {
	if k.next == nil {
		return
	}
	loser := k.next
	if err == nil {
		loser, k.serving = k.serving, k.next
	}
	k.next = nil
	if loser != nil {
		loser.stop()
	}
}

// keep has a token fetched at once and whenever it nears its end, until ctx is done.
// Requests would do that too, but a gateway without a token is not ready, and one that
// is not ready gets no requests.
func keep(ctx context.Context, token func(context.Context) (string, error), log *zap.Logger) {
	retry := firstRetry
	for {
		pause := keepEvery
		switch _, err := token(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Warn("no token", zap.Error(err), zap.Duration("retry_in", retry))
			pause, retry = retry, min(2*retry, lastRetry)
		default:
			retry = firstRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// warm opens a connection to a location in the background.
func (p *process) warm(ctx context.Context, client *vertex.Client, location string) {
	p.background.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, warmTimeout)
		defer cancel()
		if err := client.Warm(ctx, location); err != nil {
			p.log.Debug("no connection beforehand", zap.String("location", location), zap.Error(err))
		}
	})
}

// firstLocation is where the first request is likely to go; never outside of where
// requests may go.
func firstLocation(c *config.Config) string {
	var entry config.Model
	if len(c.Models) > 0 {
		entry = c.Models[0]
	}
	for _, m := range c.Catalogue.Models() {
		if places := c.LocationsOf(entry, m); len(places) > 0 {
			return places[0]
		}
	}
	return ""
}
