package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"vertexgateway/config"
	"vertexgateway/proxy/fetch"
	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/usage"
	"vertexgateway/vertex"
)

// A snapshot is the compiled configuration: immutable, loaded once by each request, and
// swapped whole by a reload.
type snapshot struct {
	config   *config.Config
	client   *vertex.Client
	project  string
	keys     *usage.Keyring
	tokens   *usage.Tokens
	teams    map[string]*team // by name
	anyone   team             // where no key is asked for
	fallback config.Fallback
	fetcher  *fetch.Fetcher
	lookup   *vertex.Lookup   // of the project's own endpoints
	private  []*vertex.Client // for hosts of endpoints

	named    map[string]*route // by the name of a config entry
	byModel  map[string]*route // by the id of a catalogue model
	families []family
	listed   []listing
}

// A route leads from a name clients send to the places that serve it.
type route struct {
	label   string // of metrics and logs: from the config or the catalogue, never a client's
	model   *catalogue.Model
	names   []string     // by which patterns for teams know the model
	entry   config.Model // of the configuration
	dialect dialect
	options anthropic.Options // of Claude's dialect
	prices  *catalogue.Prices // nil: unknown
	places  []*place
	// guessed: neither config nor catalogue knows the model. All such models share their
	// cooldowns, so that one which does not exist must not cool them.
	guessed bool
}

// A family allows every model whose name has its prefix.
type family struct {
	prefix string
	entry  config.Model
}

// compile makes the snapshot of a configuration.
func (g *Gateway) compile(c *config.Config, client *vertex.Client) (*snapshot, error) {
	s := &snapshot{
		config:   c,
		client:   client,
		project:  cmp.Or(c.Vertex.Project, g.options.Project, client.Credentials().Project),
		keys:     usage.NewKeyring(),
		teams:    make(map[string]*team, len(c.Teams)),
		fallback: c.Fallback,
		fetcher:  newFetcher(c.Fetch),
		lookup:   vertex.NewLookup(client.Endpoint, g.options.Now),
		named:    make(map[string]*route),
		byModel:  make(map[string]*route),
	}
	if s.project == "" {
		return nil, errors.New("no Google Cloud project: set vertex.project or GOOGLE_CLOUD_PROJECT")
	}
	if err := g.addTeams(s); err != nil {
		return nil, err
	}
	return s, g.addModels(s)
}

// addTeams makes known who may call.
func (g *Gateway) addTeams(s *snapshot) error {
	var trusts []usage.Trust
	for _, t := range s.config.Teams {
		s.teams[t.Name] = g.newTeam(s.config, t)
		for _, key := range t.Keys {
			if !s.keys.Add(key.SHA256, usage.Key{Team: t.Name, Name: key.Name}) {
				return fmt.Errorf("team %q: key %q: not a SHA-256 in hexadecimal", t.Name, key.Name)
			}
		}
		if t.JWT != nil {
			trusts = append(trusts, usage.Trust{Team: t.Name, Issuer: t.JWT.Issuer, Audience: t.JWT.Audience, Claims: t.JWT.Claims})
		}
	}
	if old := g.snapshot.Load(); old != nil {
		s.tokens = old.tokens.With(trusts)
	} else {
		s.tokens = usage.NewTokens(trusts, usage.TokenOptions{Now: g.options.Now, Transport: g.options.Issuers})
	}
	return nil
}

func (g *Gateway) addModels(s *snapshot) error {
	entries := s.config.Models
	if len(entries) == 0 {
		entries = []config.Model{{Name: "*"}}
	}
	for _, e := range entries {
		if prefix, ok := e.Family(); ok {
			s.families = append(s.families, family{prefix, e})
			g.addFamily(s, prefix, e)
			continue
		}
		if err := g.addModel(s, e); err != nil {
			return fmt.Errorf("models: %q: %w", e.Name, err)
		}
	}
	return nil
}

// addModel adds an entry for one model, or for an endpoint.
func (g *Gateway) addModel(s *snapshot, e config.Model) error {
	if e.Endpoint != "" {
		r, err := g.newEndpointRoute(s, e)
		if err != nil {
			return err
		}
		s.named[e.Name] = r
		s.listed = append(s.listed, listing{e.Name, r.model})
		return nil
	}
	m, ok := s.config.Catalogue.Find(e.Serves())
	if !ok {
		return fmt.Errorf("unknown model %q", e.Serves())
	}
	r := g.newRoute(s, e.Name, e, m)
	s.named[e.Name] = r
	if e.Model == "" {
		s.byModel[key(m)] = r
	}
	s.listed = append(s.listed, listing{e.Name, m})
	return nil
}

// key of a model: two publishers may have one of the same id.
func key(m *catalogue.Model) string { return m.Publisher + "/" + m.ID }

// addFamily adds the catalogue's models of a family; a name the catalogue lacks is
// routed when it is asked for.
func (g *Gateway) addFamily(s *snapshot, prefix string, e config.Model) {
	for _, m := range s.config.Catalogue.Models() {
		if !m.Begins(prefix) || s.byModel[key(m)] != nil {
			continue
		}
		r := g.newRoute(s, m.Undated(), e, m)
		if len(r.places) == 0 {
			continue
		}
		s.byModel[key(m)] = r
		if m.Status != "retired" {
			s.listed = append(s.listed, listing{m.Undated(), m})
		}
	}
}

func (g *Gateway) newRoute(s *snapshot, label string, e config.Model, m *catalogue.Model) *route {
	r := &route{label: label, model: m, names: config.NamesOf(label, m), entry: e, prices: cmp.Or(e.Prices, m.Prices), dialect: dialectOf(e, m), options: anthropic.Options{
		Version: s.config.Vertex.AnthropicVersion, MaxTokens: e.MaxTokens, UserKey: s.project,
		Cache: e.Cache == "auto", Output: e.StructuredOutput, WebSearch: e.WebSearch,
	}}
	cooling := m.Undated()
	if m.Status == "unknown" {
		cooling = label
	}
	for _, location := range s.config.LocationsOf(e, m) {
		for _, throughput := range throughputs(e, m, location) {
			p := &place{client: s.client, throughput: throughput, cool: g.cooldown(cooling, location, throughput)}
			p.Target = vertex.Target{Project: s.project, Location: location, Publisher: m.Publisher, Model: m.ID}
			if m.API == catalogue.APIOpenAPI {
				p.Target = vertex.Target{Project: s.project, Location: location, Endpoint: vertex.OpenAPI}
			}
			r.places = append(r.places, p)
		}
	}
	return r
}

// throughputs are the request types that a location is asked for, one after the other;
// empty: Google chooses.
func throughputs(e config.Model, m *catalogue.Model, location string) []string {
	switch {
	case e.ProvisionedThroughput == "" || e.ProvisionedThroughput == "auto" || !m.ProvisionedIn(location):
		return []string{""}
	case e.ProvisionedThroughput == "spill":
		return []string{"dedicated", "shared"}
	}
	return []string{e.ProvisionedThroughput}
}

// cooldown of a model in a location; aliases share it and reloads leave it as it is.
func (g *Gateway) cooldown(model, location, throughput string) *cooldown {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := [3]string{model, location, throughput}
	c, ok := g.cooldowns[key]
	if !ok {
		c = new(cooldown)
		g.cooldowns[key] = c
		if throughput != "" { // the metric's labels are those of the contract
			return c
		}
		g.metrics.watchLocation(model, location, func() float64 {
			if g.options.Now().Before(c.due()) {
				return 0
			}
			return 1
		})
	}
	return c
}

// route finds the places for the name a client sent.
func (g *Gateway) route(s *snapshot, name string) (*route, bool) {
	if r, ok := s.named[name]; ok {
		return r, true
	}
	m, ok := s.config.Catalogue.Find(name)
	if !ok {
		return nil, false
	}
	if r, ok := s.byModel[key(m)]; ok {
		return r, true
	}
	if m.Status != "unknown" {
		return nil, false
	}
	for _, f := range s.families {
		if m.Begins(f.prefix) {
			// Clients can make up such names without end, so they share one label.
			r := g.newRoute(s, "other "+f.entry.Name, f.entry, m)
			r.guessed, r.names = true, config.NamesOf("", m)
			return r, len(r.places) > 0
		}
	}
	return nil, false
}

// pick chooses the place of the next attempt: the first that is not cooling, else, once
// in a request, of those that cool the one due first. tried are the places that had
// their turn.
func (r *route) pick(now time.Time, tried map[*place]bool, cooling *bool) *place {
	var first *place
	for _, p := range r.places {
		if tried[p] {
			continue
		}
		if p.cool.claim(now) {
			return p
		}
		if first == nil || p.cool.due().Before(first.cool.due()) {
			first = p
		}
	}
	if first == nil || *cooling {
		return nil
	}
	*cooling = true
	return first
}

// inOrder gives the places as requests try them now: those that cool come last, the one
// due first before the others.
func (r *route) inOrder(now time.Time) []*place {
	cools := func(p *place) time.Time {
		if due := p.cool.due(); due.After(now) {
			return due
		}
		return time.Time{}
	}
	places := slices.Clone(r.places)
	slices.SortStableFunc(places, func(a, b *place) int { return cools(a).Compare(cools(b)) })
	return places
}

// soonest is how long until a place of the route may be tried again.
func (r *route) soonest(now time.Time) time.Duration {
	soonest := time.Duration(-1)
	for _, p := range r.places {
		if wait := p.cool.due().Sub(now); soonest < 0 || wait < soonest {
			soonest = max(0, wait)
		}
	}
	return max(0, soonest)
}
