package proxy

import (
	"fmt"
	"os"

	"vertexgateway/config"
	"vertexgateway/translate/catalogue"
	"vertexgateway/vertex"
)

// newEndpointRoute makes the route to an endpoint of the project's own. What has to be
// looked up is looked up when it is first asked for: an endpoint that is gone must not
// keep the gateway from starting.
func (g *Gateway) newEndpointRoute(s *snapshot, e config.Model) (*route, error) {
	name, err := vertex.ParseEndpointName(e.Endpoint)
	if err != nil {
		return nil, err
	}
	client, err := s.clientFor(e)
	if err != nil {
		return nil, err
	}
	own := &ownEndpoint{name: name, url: e.URL, model: e.UpstreamModel, lookup: s.lookup}
	m := &catalogue.Model{ID: e.Name, Publisher: "endpoint", Title: e.Name, API: catalogue.APIOpenAPI, Status: "active",
		Locations: []string{name.Location}, Paths: []string{catalogue.PathChat, catalogue.PathCompletions, catalogue.PathEmbeddings}}
	return &route{label: e.Name, model: m, names: config.NamesOf(e.Name, nil), entry: e, prices: e.Prices, dialect: ownDialect(own, e), places: []*place{{
		Target: name.Target(), client: client, own: own, cool: g.cooldown(e.Name, name.Location, ""),
	}}}, nil
}

// clientFor is the client for an endpoint: one of its own where the configuration says at
// which address it is.
func (s *snapshot) clientFor(e config.Model) (*vertex.Client, error) {
	if e.URL == "" {
		return s.client, nil
	}
	how := vertex.TLS{ServerName: e.TLS.ServerName, InsecureSkipVerify: e.TLS.InsecureSkipVerify}
	if e.TLS.CAFile != "" {
		text, err := os.ReadFile(e.TLS.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.ca_file: %w", err)
		}
		how.CAs = text
	}
	c, err := how.Config()
	if err != nil {
		return nil, fmt.Errorf("tls.ca_file: %w", err)
	}
	private := s.client.Private(c)
	s.private = append(s.private, private)
	return private, nil
}
