package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"vertexgateway/config"
	"vertexgateway/vertex"
)

type endpointsShow struct {
	account

	Endpoint string `arg:"" help:"projects/P/locations/L/endpoints/E, or only the last part."`
	Location string `placeholder:"REGION" help:"Where it is, if only the last part is given; default: found out."`
}

// Run describes an endpoint.
func (c *endpointsShow) Run(ctx context.Context, s *system) error {
	d, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer d.client.Close()
	e, err := c.find(ctx, d)
	if err != nil {
		return err
	}
	if err := describe(e).write(s.stdout); err != nil {
		return err
	}
	_, err = io.WriteString(s.stdout, "\nFor the configuration:\n\n"+entryOf(e, d.config))
	return err
}

// find finds the endpoint by its whole name, or by the last part in one or all locations.
func (c *endpointsShow) find(ctx context.Context, d *desk) (*vertex.Endpoint, error) {
	name := vertex.EndpointName{Project: d.project, Location: c.Location, ID: c.Endpoint}
	switch {
	case strings.Contains(c.Endpoint, "/"):
		var err error
		if name, err = vertex.ParseEndpointName(c.Endpoint); err != nil {
			return nil, err
		}
		d.patient.project = name.Project
	case c.Location == "":
		return c.search(ctx, d)
	}
	e, err := d.client.Endpoint(ctx, name)
	return e, d.patient.advise(err)
}

// search looks for the endpoint where the list does.
func (c *endpointsShow) search(ctx context.Context, d *desk) (*vertex.Endpoint, error) {
	locations, err := new(endpointsList).locations(d.config)
	if err != nil {
		return nil, err
	}
	listings := d.client.List(ctx, d.project, locations)
	for _, l := range listings {
		for _, e := range l.Endpoints {
			if e.Name.ID == c.Endpoint {
				return e, nil
			}
		}
	}
	none := fmt.Errorf("no endpoint %q of %s in %s", c.Endpoint, d.project, several(locations))
	return nil, errors.Join(none, d.failures(listings))
}

// describe puts an endpoint into words.
func describe(e *vertex.Endpoint) *table {
	t := newTable("endpoint", e.Name.String())
	if e.DisplayName != "" {
		t.add("name", e.DisplayName)
	}
	if !e.Created.IsZero() {
		t.add("created", e.Created.UTC().Format(time.DateTime)+" UTC")
	}
	switch {
	case e.Private.Enabled:
		describePrivate(t, &e.Private)
	case e.DNS != "":
		t.add("host", e.DNS)
	default:
		t.add("host", vertex.Host(e.Name.Location)+", shared with others")
	}
	if len(e.Models) == 0 {
		t.add("model", "none; it answers nothing until one is deployed")
	}
	for i := range e.Models {
		t.add("model", modelOf(e, &e.Models[i]))
	}
	for _, label := range slices.Sorted(maps.Keys(e.Labels)) {
		t.add("label", label+"="+e.Labels[label])
	}
	return t
}

func describePrivate(t *table, p *vertex.PrivateConnect) {
	t.add("host", "none; it is reached by Private Service Connect")
	t.add("attachment", cmp.Or(p.Attachment, "none yet"))
	t.add("projects", strings.Join(p.Projects, ", "))
	for _, rule := range p.Automation {
		t.add("address", cmp.Or(rule.IP, rule.Error, "none yet")+" in "+rule.Network+" of "+rule.Project)
	}
}

// modelOf describes a deployed model.
func modelOf(e *vertex.Endpoint, m *vertex.DeployedModel) string {
	parts := []string{strings.TrimSpace(m.DisplayName + " " + m.ID), m.Model}
	if machine := m.Machine(); machine != "" {
		if replicas := replicasOf(m); replicas != "" {
			machine = replicas + " x " + machine
		}
		parts = append(parts, machine)
	}
	parts = append(parts, fmt.Sprintf("%d %% of the requests", e.Traffic[m.ID]))
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// entryOf is the endpoint in the words of the configuration file.
func entryOf(e *vertex.Endpoint, c *config.Config) string {
	name := entryName(e)
	text := "models:\n  - name: " + name + "\n    endpoint: " + e.Name.String() + "\n"
	if e.Private.Enabled {
		text += privateEntry(e, name)
	}
	if all := c.Vertex.Locations; len(all) > 0 && !slices.Contains(all, e.Name.Location) {
		text += "# vertex.locations has to hold " + e.Name.Location + " too\n"
	}
	return text
}

// privateEntry pins the certificate, which no authority signed (vertex.md 8.4).
func privateEntry(e *vertex.Endpoint, name string) string {
	address, hint := "ADDRESS", "# ADDRESS is that of your forwarding rule to the attachment\n"
	for _, rule := range e.Private.Automation {
		if rule.IP != "" {
			address, hint = rule.IP, ""
		}
	}
	server := cmp.Or(e.PrivateName(), e.Name.ID+".prediction.p.vertexai.goog")
	return "    url: https://" + address + "\n" +
		"    tls: {ca_file: " + name + ".pem, server_name: " + server + "}\n" + hint +
		"# openssl s_client -connect " + address + ":443 </dev/null | openssl x509 >" + name + ".pem\n"
}

// unnamed matches what does not belong in the name of a model.
var unnamed = regexp.MustCompile(`[^a-z0-9._]+`)

// entryName makes a model's name of what people call the endpoint.
func entryName(e *vertex.Endpoint) string {
	name := strings.Trim(unnamed.ReplaceAllString(strings.ToLower(e.DisplayName), "-"), "-._")
	if name == "" || name[0] < 'a' || name == "null" || name == "true" || name == "false" { // the last are no text in YAML
		return "endpoint-" + cmp.Or(name, e.Name.ID)
	}
	return name
}
