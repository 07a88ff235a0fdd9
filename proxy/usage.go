package proxy

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"vertexgateway/translate/openai"
	"vertexgateway/usage/ledger"
	"vertexgateway/usage/limit"
)

// A statement is the answer to GET /v1/usage.
type statement struct {
	Object string           `json:"object"` // usage
	Team   string           `json:"team"`
	Key    string           `json:"key"`
	Since  time.Time        `json:"since"`
	Until  time.Time        `json:"until"`
	Total  totals           `json:"total"`
	OwnKey totals           `json:"own_key"` // the part of the key that asks
	Models []modelTotals    `json:"models"`
	Limits []statementLimit `json:"limits"`
}

// totals are what was used. Input excludes what was read from and written to the cache.
type totals struct {
	Requests    int64   `json:"requests"`
	Failed      int64   `json:"failed_requests"`
	Input       int64   `json:"input_tokens"`
	Output      int64   `json:"output_tokens"`
	CacheRead   int64   `json:"cache_read_tokens"`
	CacheWrite  int64   `json:"cache_write_tokens"`
	Reasoning   int64   `json:"reasoning_tokens"`
	WebSearches int64   `json:"web_searches"`
	Pages       int64   `json:"pages"`
	CostUSD     float64 `json:"cost_usd"`
	SavedUSD    float64 `json:"cache_saved_usd"`
	Unpriced    int64   `json:"unpriced_requests"`
	Estimated   int64   `json:"estimated_requests"`
}

type modelTotals struct {
	Model string `json:"model"`
	totals
}

// A statementLimit is what is left of a limit: requests, tokens or US dollars.
type statementLimit struct {
	Scope     string  `json:"scope"`
	Limit     string  `json:"limit"`
	Max       float64 `json:"max"`
	Used      float64 `json:"used"`
	Remaining float64 `json:"remaining"`
	Reset     float64 `json:"resets_in_seconds"`
}

// usage answers GET /v1/usage: what the caller's team has used since the month began, and
// what is left of its limits. It costs nothing.
func (g *Gateway) usage(x *exchange) *openai.Error {
	now := x.now().UTC()
	s := statement{Object: "usage", Team: x.key.Team, Key: x.key.Name, Until: now.Truncate(time.Second), Models: []modelTotals{}, Limits: []statementLimit{}}
	s.Since = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	if err := s.addTotals(x); err != nil {
		return err
	}
	if err := s.addLimits(x); err != nil {
		return err
	}
	body, err := json.Marshal(&s)
	if err != nil {
		return &openai.Error{Status: http.StatusInternalServerError, Type: openai.TypeServer, Code: "internal_error", Message: "The usage could not be written.", Cause: err}
	}
	x.writeJSON(http.StatusOK, body)
	return nil
}

// addTotals reads the ledger; where there is none, nothing is known to be used.
func (s *statement) addTotals(x *exchange) *openai.Error {
	rows, err := x.gateway.options.Ledger.Sum(x.ctx, ledger.Query{Since: s.Since, Team: x.key.Team, By: []string{"model", "key"}})
	if errors.Is(err, ledger.ErrNone) {
		return nil
	}
	if err != nil {
		return &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.TypeServer, Code: "usage_store_unavailable", RetryAfter: time.Second, Cause: err,
			Message: "The usage cannot be read at the moment."}
	}
	for _, r := range rows {
		model, key := r.By[0], r.By[1]
		if last := len(s.Models) - 1; last < 0 || s.Models[last].Model != model { // rows come in the order of models
			s.Models = append(s.Models, modelTotals{Model: model})
		}
		s.Models[len(s.Models)-1].add(&r)
		s.Total.add(&r)
		if key == x.key.Name {
			s.OwnKey.add(&r)
		}
	}
	return nil
}

func (t *totals) add(r *ledger.Row) {
	t.Requests += r.Requests
	t.Failed += r.Failed
	t.Input += r.Tokens.Input
	t.Output += r.Tokens.Output
	t.CacheRead += r.Tokens.CacheRead
	t.CacheWrite += r.Tokens.CacheWrite()
	t.Reasoning += r.Tokens.Reasoning
	t.WebSearches += r.Tokens.WebSearches
	t.Pages += r.Tokens.Pages
	t.CostUSD += r.Cost.Dollars()
	t.SavedUSD += r.Saved.Dollars()
	t.Unpriced += r.Unpriced
	t.Estimated += r.Estimated
}

// addLimits adds those of the team, the key, and the team's models.
func (s *statement) addLimits(x *exchange) *openai.Error {
	levels, err := x.gateway.options.Limiter.Levels(x.ctx, x.team.allScopes(x.key.Name))
	if err != nil {
		return limitsUnavailable(err)
	}
	for _, l := range levels {
		unit := 1.0
		if isBudget(l.Limit) {
			unit = 1e6
		}
		s.Limits = append(s.Limits, statementLimit{Scope: l.Scope, Limit: l.Limit, Max: float64(l.Max) / unit, Used: float64(l.Used) / unit,
			Remaining: float64(max(0, l.Max-l.Used)) / unit, Reset: l.Reset.Seconds()})
	}
	return nil
}

// allScopes are those of a key, whatever model it asks for.
func (t *team) allScopes(key string) []*limit.Scope {
	scopes := t.scopesOf(key)
	for _, m := range t.byModel {
		if m.scope != nil {
			scopes = append(scopes, m.scope)
		}
	}
	return scopes
}
