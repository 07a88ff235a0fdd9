package ledger

import (
	"time"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
)

// A Query asks for sums.
type Query struct {
	// Since and Until are the first instant and the one behind the last; zero: no bound.
	Since, Until time.Time
	// Team, Key, Model and Location select; empty: all.
	Team, Key, Model, Location string
	// By are the names of what is told apart, in order: team, key, model, served, publisher,
	// location, day, month (UTC). Empty: one row with the total.
	By []string
}

// A Row is one sum.
type Row struct {
	// By are the values of what the query told apart, in its order.
	By []string
	// Requests, and those of them that did not finish.
	Requests, Failed int64
	// Tokens of all of them.
	Tokens openai.Usage
	// Cost of those with a known price.
	Cost usage.Micros
	// Unpriced are the requests with no known price for some of their tokens.
	Unpriced int64
	// Estimated are the requests with estimated tokens.
	Estimated int64
	// Saved by the prompt cache.
	Saved usage.Micros
}

// Add adds another sum.
func (r *Row) Add(s *Row) {
	r.Requests += s.Requests
	r.Failed += s.Failed
	r.Tokens.Add(s.Tokens)
	r.Cost += s.Cost
	r.Unpriced += s.Unpriced
	r.Estimated += s.Estimated
	r.Saved += s.Saved
}
