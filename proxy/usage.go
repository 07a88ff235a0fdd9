package proxy

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
	"vertexgateway/usage/ledger"
	"vertexgateway/usage/limit"
)

// usage answers GET /v1/usage: what the caller's team has used since the month began, and
// what is left of its limits. It costs nothing.
func (g *Gateway) usage(x *exchange) *openai.Error {
	now := x.now().UTC()
	since := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	rows, err := x.used(since)
	if err != nil {
		return err
	}
	levels, fault := g.options.Limiter.Levels(x.ctx, x.team.allScopes(x.key.Name))
	if fault != nil {
		return limitsUnavailable(fault)
	}
	dst := []byte(`{"object":"usage","team":`)
	dst = openai.AppendString(dst, x.key.Team)
	dst = openai.AppendString(append(dst, `,"key":`...), x.key.Name)
	dst = openai.AppendString(append(dst, `,"since":`...), since.Format(time.RFC3339))
	dst = openai.AppendString(append(dst, `,"until":`...), now.Format(time.RFC3339))
	dst = appendTotals(dst, rows, x.key.Name)
	dst = appendLevels(dst, levels)
	x.writeJSON(http.StatusOK, append(dst, '}'))
	return nil
}

// used reads the ledger by model and key; where there is none, nothing is known to be used.
func (x *exchange) used(since time.Time) ([]ledger.Row, *openai.Error) {
	rows, err := x.gateway.options.Ledger.Sum(x.ctx, ledger.Query{Since: since, Team: x.key.Team, By: []string{"model", "key"}})
	if err != nil && !errors.Is(err, ledger.ErrNone) {
		return nil, usageUnavailable("The usage cannot be read at the moment.", err)
	}
	return rows, nil
}

// appendTotals appends the sums of all, of the key that asks, and of each model; the rows
// come in the order of models.
func appendTotals(dst []byte, rows []ledger.Row, key string) []byte {
	var total, own ledger.Row
	var models []ledger.Row
	for i := range rows {
		r := &rows[i]
		if last := len(models) - 1; last < 0 || models[last].By[0] != r.By[0] {
			models = append(models, ledger.Row{By: r.By})
		}
		models[len(models)-1].Add(r)
		total.Add(r)
		if r.By[1] == key {
			own.Add(r)
		}
	}
	dst = total.AppendJSON(append(dst, `,"total":{`...))
	dst = own.AppendJSON(append(dst, `},"own_key":{`...))
	dst = append(dst, `},"models":[`...)
	for i := range models {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = openai.AppendString(append(dst, `{"model":`...), models[i].By[0])
		dst = append(models[i].AppendJSON(append(dst, ',')), '}')
	}
	return append(dst, ']')
}

// appendLevels appends what is left of limits: requests, tokens, or US dollars.
func appendLevels(dst []byte, levels []limit.Level) []byte {
	dst = append(dst, `,"limits":[`...)
	for i, l := range levels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = openai.AppendString(append(dst, `{"scope":`...), l.Scope)
		dst = openai.AppendString(append(dst, `,"limit":`...), l.Limit)
		for _, n := range []struct {
			name  string
			value int64
		}{{"max", l.Max}, {"used", l.Used}, {"remaining", max(0, l.Max-l.Used)}} {
			dst = append(append(append(dst, `,"`...), n.name...), `":`...)
			if limit.IsBudget(l.Limit) {
				dst = append(dst, usage.Micros(n.value).String()...)
			} else {
				dst = strconv.AppendInt(dst, n.value, 10)
			}
		}
		dst = append(dst, `,"resets_in_seconds":`...)
		dst = append(strconv.AppendFloat(dst, l.Reset.Seconds(), 'f', -1, 64), '}')
	}
	return append(dst, ']')
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
