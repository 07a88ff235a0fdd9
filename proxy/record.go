package proxy

import (
	"time"

	"go.uber.org/zap"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
	"vertexgateway/usage/ledger"
	"vertexgateway/usage/limit"
)

// An account is what a request may use, and uses.
type account struct {
	forecast openai.Usage // what was expected
	ticket   *limit.Ticket
	metered  bool // the usage ledger gets to know of it

	usage       openai.Usage // of all attempts
	cost        usage.Cost   // likewise
	provisioned bool         // throughput answered
	estimated   bool         // some of the usage was not told
}

// bill accounts for what an attempt at a place used.
func (x *exchange) bill(p *place, u openai.Usage) {
	if u == (openai.Usage{}) {
		return
	}
	x.usage.Add(u)
	x.cost.Add(x.price(p, u))
	x.provisioned = p.isProvisioned()
}

// release gives back what was reserved and not used.
func (x *exchange) release() {
	x.ticket.Settle(limit.Charge{Tokens: x.usage.Prompt() + x.usage.Output, Micros: x.cost.Micros})
}

// record is the exchange as the usage ledger keeps it.
func (x *exchange) record(took time.Duration) *ledger.Record {
	return &ledger.Record{
		Time: x.started, RequestID: x.id, Team: x.key.Team, Key: x.key.Name, Endpoint: x.endpoint,
		Model: x.label(), Asked: x.asked, Served: x.route.model.ID, Publisher: x.route.model.Publisher,
		Location: x.location, Attempts: x.attempts, Provisioned: x.provisioned, Status: x.status, End: x.end, Stream: x.stream,
		Tokens: x.usage, Cost: x.cost, Estimated: x.estimated, FirstToken: x.firstToken, Duration: took,
	}
}

// fields are the exchange in its log line: the same as in the ledger, so that a sink of the
// log can stand in for it.
func (x *exchange) fields(took time.Duration) []zap.Field {
	fields := []zap.Field{
		zap.String("request_id", x.id), zap.String("endpoint", x.endpoint), zap.Int("status", x.status), zap.String("end", x.end),
		zap.String("model", x.label()), zap.String("location", x.location), zap.Int("attempts", x.attempts), zap.Bool("stream", x.stream),
		zap.Int64("input_tokens", x.usage.Input), zap.Int64("output_tokens", x.usage.Output),
		zap.Int64("cache_read_tokens", x.usage.CacheRead), zap.Int64("cache_write_tokens", x.usage.CacheWrite()),
		zap.Duration("first_token", x.firstToken), zap.Duration("duration", took),
	}
	if x.metered {
		fields = append(fields, x.accounts()...)
	}
	if x.key.Team != "" {
		fields = append(fields, zap.String("team", x.key.Team), zap.String("key", x.key.Name))
	}
	if x.warnings != "" {
		fields = append(fields, zap.String("warnings", x.hide(x.warnings)))
	}
	if x.fault != nil {
		fields = append(fields, zap.String("error", x.hide(x.fault.Error())))
	}
	if x.snapshot.config.Log.Content {
		fields = append(fields, zap.ByteString("prompt", x.prompt), zap.ByteString("answer", x.transcript))
	}
	return fields
}

// accounts are the fields of a request that may cost something.
func (x *exchange) accounts() []zap.Field {
	fields := []zap.Field{
		zap.String("asked_model", x.asked), zap.String("served_model", x.route.model.ID), zap.String("publisher", x.route.model.Publisher),
		zap.Int64("cache_write_1h_tokens", x.usage.CacheWrite1h), zap.Int64("reasoning_tokens", x.usage.Reasoning),
		zap.Int64("cost_micros", int64(x.cost.Micros)), zap.Int64("cache_saved_micros", int64(x.cost.Saved)), zap.Bool("cost_unknown", x.cost.Unknown), zap.Bool("estimated", x.estimated),
		zap.Bool("provisioned", x.provisioned),
	}
	if x.usage.WebSearches > 0 {
		fields = append(fields, zap.Int64("web_searches", x.usage.WebSearches))
	}
	if x.usage.Pages > 0 {
		fields = append(fields, zap.Int64("pages", x.usage.Pages))
	}
	return fields
}
