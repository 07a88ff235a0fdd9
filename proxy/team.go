package proxy

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"vertexgateway/config"
	"vertexgateway/translate/catalogue"
	"vertexgateway/usage"
	"vertexgateway/usage/ledger"
	"vertexgateway/usage/limit"
)

// A team is what the configuration says of one, compiled. The zero value may do everything.
type team struct {
	models    []string // that it may ask for, as patterns; empty: all
	locations []string // where it may be answered; empty: everywhere
	labels    string   // for Google's bill, as a header's value; empty: none
	scope     *limit.Scope
	keys      map[string]*limit.Scope // by the key's name
	byModel   []modelScope
}

// A modelScope limits requests for some models.
type modelScope struct {
	models []string // patterns
	scope  *limit.Scope
}

// newTeam compiles a team.
func (g *Gateway) newTeam(c *config.Config, t config.Team) *team {
	compiled := &team{models: t.Models, locations: t.Locations, keys: make(map[string]*limit.Scope)}
	if c.Usage.Labels {
		compiled.labels = usage.LabelsHeader(t.Name, "")
	}
	all := books{ledger: g.options.Ledger, catalogue: c.Catalogue, query: ledger.Query{Team: t.Name}}
	id := url.PathEscape(t.Name)
	compiled.scope = all.scope(id, "team "+t.Name, t.Limits)
	for _, k := range t.Keys {
		own := all
		own.query.Key = k.Name
		compiled.keys[k.Name] = own.scope(id+"/key/"+url.PathEscape(k.Name), "key "+k.Name+" of team "+t.Name, k.Limits)
	}
	for _, m := range t.ModelLimits {
		some := all
		some.models = m.Models
		names := strings.Join(slices.Sorted(slices.Values(m.Models)), ", ") // whatever their order in the file
		scope := some.scope(id+"/models/"+url.PathEscape(names), names+" of team "+t.Name, m.Limits)
		compiled.byModel = append(compiled.byModel, modelScope{m.Models, scope})
	}
	return compiled
}

// Books are what the ledger has of a scope: the requests of the query, of the models
// where some are named.
type books struct {
	ledger    *ledger.Ledger
	catalogue *catalogue.Catalogue
	query     ledger.Query
	models    []string
}

// scope makes the scope of some limits; nil where there are none.
func (b books) scope(id, title string, l config.Limits) *limit.Scope {
	if l == (config.Limits{}) {
		return nil
	}
	s := &limit.Scope{ID: id, Title: title, Limits: limit.Limits{
		RequestsPerMinute: int64(l.RequestsPerMinute), TokensPerMinute: int64(l.TokensPerMinute), Concurrency: int64(l.Concurrency),
		PerDay: usage.MicrosOf(l.USDPerDay), PerMonth: usage.MicrosOf(l.USDPerMonth),
	}}
	s.Spent = b.spent
	return s
}

// spent is what has been charged since then; nothing where nothing is recorded.
func (b books) spent(ctx context.Context, since time.Time) (usage.Micros, error) {
	if err := b.ledger.Settled(); err != nil {
		return 0, err
	}
	q := b.query
	q.Since, q.By = since, []string{"model", "served"}
	rows, err := b.ledger.Sum(ctx, q)
	if errors.Is(err, ledger.ErrNone) {
		return 0, nil
	}
	var sum usage.Micros
	for _, r := range rows {
		names := r.By
		if m, ok := b.catalogue.Find(r.By[1]); ok {
			names = config.NamesOf(r.By[0], m)
		}
		if config.Matches(b.models, names...) {
			sum += r.Cost
		}
	}
	return sum, err
}

// scopes are those whose limits hold for a request with the key for the route.
func (t *team) scopes(key string, r *route) []*limit.Scope {
	scopes := t.scopesOf(key)
	for _, m := range t.byModel {
		if m.scope != nil && config.Matches(m.models, r.names...) {
			scopes = append(scopes, m.scope)
		}
	}
	return scopes
}

// scopesOf are the scopes of the team and the key.
func (t *team) scopesOf(key string) []*limit.Scope {
	var scopes []*limit.Scope
	for _, s := range [...]*limit.Scope{t.scope, t.keys[key]} {
		if s != nil {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// within is the route as the team may take it: only through its locations, in every attempt.
// Nil: it may not take it at all.
func (t *team) within(r *route) *route {
	if !config.Matches(t.models, r.names...) {
		return nil
	}
	if len(t.locations) == 0 {
		return r
	}
	own := *r
	own.places = nil
	for _, p := range r.places {
		if slices.Contains(t.locations, p.Location) {
			own.places = append(own.places, p)
		}
	}
	if len(own.places) == 0 {
		return nil
	}
	return &own
}
