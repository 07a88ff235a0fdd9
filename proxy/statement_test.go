package proxy_test

import (
	"database/sql"
	"errors"
	"net/http"
	"strings"
	"testing"

	"vertexgateway/usage"
)

type statement struct {
	Object, Team, Key string
	Models            []struct {
		Model    string
		Requests int
	}
	Limits []struct {
		Scope, Limit         string
		Max, Used, Remaining float64
	}
}

type statementTotals struct {
	Requests int     `json:"requests"`
	Input    int     `json:"input_tokens"`
	Output   int     `json:"output_tokens"`
	CostUSD  float64 `json:"cost_usd"`
}

// A team sees its own numbers and what is left to it, and nothing of the others.
func TestUsageStatement(t *testing.T) {
	w := newAccounted(t, withTeam("limits: {requests_per_minute: 10, usd_per_month: 5}\nmodel_limits: [{models: [claude-opus-*], limits: {concurrency: 4}}]\n"))
	me := []string{authorization, "Bearer " + searchKey}
	w.chat("claude-opus-4-8", "", me...).completion()
	w.chat("claude-haiku-4-5", streamed, me...).transcript()
	w.chat("claude-haiku-4-5", "", authorization, "Bearer "+otherKey).completion()
	r := w.get("/v1/usage", me...)
	r.status200()
	s := decode[statement](t, r.body)
	sums := decode[struct {
		Total  statementTotals `json:"total"`
		OwnKey statementTotals `json:"own_key"`
	}](t, r.body)
	var used, cost = 0, int64(0)
	for _, call := range w.vertex.Requests()[:2] {
		used += call.Usage.Input + call.Usage.Output
		cost += w.costOf(call)
	}
	if sums.Total != sums.OwnKey || sums.Total.Requests != 2 || sums.Total.Input+sums.Total.Output != used || int64(sums.Total.CostUSD*1e6+0.5) != cost {
		t.Errorf("total %+v, own %+v, want %d tokens for %d", sums.Total, sums.OwnKey, used, cost)
	}
	if s.Object != "usage" || s.Team != "search" || s.Key != "ci" || len(s.Models) != 2 || s.Models[0].Model != "claude-haiku-4-5" || s.Models[1].Requests != 1 {
		t.Errorf("%s", r.body)
	}
	left := map[string]float64{}
	for _, l := range s.Limits {
		left[l.Scope+" "+l.Limit] = l.Remaining
	}
	if len(left) != 3 || left["team search requests_per_minute"] != 8 || left["claude-opus-* of team search concurrency"] != 4 || left["team search usd_per_month"] >= 5 || left["team search usd_per_month"] < 4.9 {
		t.Errorf("left: %v", left)
	}
	w.get("/v1/usage").failure(http.StatusUnauthorized, "invalid_api_key", "")
}

// Without a ledger the limits are still told.
func TestUsageStatementWithoutLedger(t *testing.T) {
	w := newWorld(t, withTeam("limits: {requests_per_minute: 10}\n"))
	r := w.get("/v1/usage", authorization, "Bearer "+searchKey)
	r.status200()
	if s := decode[statement](t, r.body); len(s.Limits) != 1 || s.Limits[0].Remaining != 10 {
		t.Errorf("%s", r.body)
	}
}

// What cannot be recorded is not answered, and when it can be again, nothing is missing.
func TestNowhereToRecord(t *testing.T) {
	w := newAccounted(t, "")
	w.chat(model, "").completion()
	release := w.lockLedger()
	w.chat(model, "").completion() // nobody knows yet
	r := w.chat(model, "")
	r.failure(http.StatusServiceUnavailable, "usage_store_unavailable", "")
	r.wantHeaders("retry-after", "1")
	w.get("/v1/models").status200()
	release()
	w.eventually("all rows are there", func() bool { return len(w.entries()) == 2 })
	w.eventually("requests are answered again", func() bool { return w.chat(model, "").status == http.StatusOK })
}

// lockLedger keeps the gateway from writing to its ledger until release is called.
func (w *world) lockLedger() (release func()) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.ledger+"?_txlock=exclusive&_pragma=busy_timeout(5000)")
	if err != nil {
		w.t.Fatal(err)
	}
	tx, err := db.BeginTx(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return func() { _ = errors.Join(tx.Rollback(), db.Close()) }
}

// Reloading teams and limits loses no count, and a key that is gone lets nobody in.
func TestReloadTeams(t *testing.T) {
	w := newAccounted(t, withTeam("limits: {requests_per_minute: 3}\n"))
	me := []string{authorization, "Bearer " + searchKey}
	reload := func(yaml string) {
		t.Helper()
		if err := w.gateway.Reload(w.load(yaml)); err != nil {
			t.Fatal(err)
		}
	}
	w.chat("claude-haiku-4-5", "", me...).completion()
	reload(withTeam("limits: {requests_per_minute: 2}\n"))
	w.chat("claude-haiku-4-5", "", me...).completion()
	w.chat("claude-haiku-4-5", "", me...).failure(http.StatusTooManyRequests, "rate_limit_exceeded", "")
	reload(withTeam("models: [claude-opus-*]\n"))
	w.chat("claude-haiku-4-5", "", me...).failure(http.StatusNotFound, "model_not_found", "model")
	w.chat("claude-opus-4-8", "", me...).completion()
	reload(strings.ReplaceAll(withTeam(""), usage.Hash(searchKey), usage.Hash("another")))
	w.chat("claude-opus-4-8", "", me...).failure(http.StatusUnauthorized, "invalid_api_key", "")
	if all := w.entries(); len(all) != 3 {
		t.Errorf("%d rows, want 3: %+v", len(all), all)
	}
}
