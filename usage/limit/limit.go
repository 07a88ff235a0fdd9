// Package limit bounds what teams, keys and models may use: requests and tokens a minute,
// requests at a time, dollars a day and a month. It counts in memory, or in Redis for all
// replicas together.
package limit

import (
	"context"
	"time"

	"go.uber.org/zap"

	"vertexgateway/usage"
)

// Limits of one scope; 0: no limit.
type Limits struct {
	RequestsPerMinute int64
	TokensPerMinute   int64
	Concurrency       int64
	PerDay, PerMonth  usage.Micros // by the clock of UTC
}

// A Scope is what limits are set for: a team, one of its keys, some of its models.
type Scope struct {
	// ID names its counters for ever, in all replicas. It begins with the team's name.
	ID string
	// Title is what clients are told: "team search", "key ci of team search".
	Title string
	Limits
	// Spent is what was spent since an instant, by the ledger: budgets go on from there when
	// their counters are lost. Nil: they begin with nothing.
	Spent func(ctx context.Context, since time.Time) (usage.Micros, error)
}

// A Charge is what a request is expected to use. The zero Micros need no budget.
type Charge struct {
	Tokens int64
	Micros usage.Micros
}

// A Refusal tells which limit a request is over.
type Refusal struct {
	// Scope is the title of the scope.
	Scope string
	// Limit is requests_per_minute, tokens_per_minute, concurrency, usd_per_day or usd_per_month.
	Limit string
	// Max is the limit, Used what of it is used, Asked what the request would need: requests,
	// tokens or Micros.
	Max, Used, Asked int64
	// RetryAfter is when there will be room; 0: not told.
	RetryAfter time.Duration
	// Never: the request alone is above the limit.
	Never bool
}

// A Level is how full one limit is.
type Level struct {
	Scope, Limit string
	// Max is the limit, Used what of it is used: requests, tokens or Micros.
	Max, Used int64
	// Reset is when the limit is unused again if nobody asks for anything.
	Reset time.Duration
}

// Policies for the time when Redis is away.
const (
	FailLocal  = "local"  // this process counts for itself
	FailOpen   = "open"   // everything is admitted
	FailClosed = "closed" // nothing is
)

// Options of a [Limiter].
type Options struct {
	// Redis is a URL, redis://... or rediss://...; empty: this process counts for itself.
	Redis string
	// Fail is the policy.
	Fail string
	// Log tells when Redis goes away and comes back.
	Log *zap.Logger
	// Now is the clock.
	Now func() time.Time
}
