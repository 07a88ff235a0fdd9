package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vertexgateway/config"
	"vertexgateway/vertex"
)

// endpointsCommand is about the project's endpoints with weights of its own.
type endpointsCommand struct {
	List   endpointsList   `cmd:"" default:"withargs" help:"List the endpoints of all locations (the default)."`
	Show   endpointsShow   `cmd:"" help:"Describe an endpoint, with the lines for the configuration."`
	Deploy endpointsDeploy `cmd:"" help:"Deploy a model on a new endpoint."`
}

// account are the flags of commands that speak to Google for a project.
type account struct {
	Config  string `placeholder:"FILE" help:"Configuration file; none: the defaults."`
	Project string `placeholder:"ID" help:"Project, in place of the configuration's."`
}

// A desk is where Google is asked about a project.
type desk struct {
	config  *config.Config
	client  *vertex.Client
	project string
	patient patient
}

// open reads the configuration and finds credentials and project.
func (a *account) open(ctx context.Context, s *system) (*desk, error) {
	c, err := (&settings{Config: a.Config}).load(s)
	if err != nil {
		return nil, err
	}
	client, err := connect(ctx, s, c.Vertex)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if _, err := client.Credentials().Token(limited); err != nil { // once, not once for each location
		client.Close()
		return nil, fmt.Errorf("%s: no token: %w\n%s", who(client.Credentials().Kind, client.Credentials().Account), err, signIn)
	}
	project := cmp.Or(a.Project, c.Vertex.Project, s.getenv("GOOGLE_CLOUD_PROJECT"), client.Credentials().Project)
	if project == "" {
		return nil, errors.New("no Google Cloud project: set --project, vertex.project or GOOGLE_CLOUD_PROJECT")
	}
	return &desk{c, client, project, patient{project: project, account: client.Credentials().Account}}, nil
}

// connect makes a client for a few questions, whose token nobody keeps.
func connect(ctx context.Context, s *system, v config.Vertex) (*vertex.Client, error) {
	credentials, err := vertex.FindCredentials(ctx, v.Credentials, nil, s.getenv, time.Now)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, signIn)
	}
	return vertex.NewClient(vertex.Options{Credentials: credentials, BaseURL: v.BaseURL, HTTP2: v.HTTPVersion == "2"}), nil
}

type endpointsList struct {
	account

	Location []string `placeholder:"REGION" help:"Ask only there; default: vertex.locations, else everywhere."`
}

// Run lists what there is. Locations that could not be asked are an error, told after the
// others' endpoints.
func (c *endpointsList) Run(ctx context.Context, s *system) error {
	d, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer d.client.Close()
	locations, err := c.locations(d.config)
	if err != nil {
		return err
	}
	listings := d.client.List(ctx, d.project, locations)
	found := newTable("REGION", "ID", "NAME", "MODEL", "MACHINE", "REPLICAS", "REACHED BY")
	for _, l := range listings {
		for _, e := range l.Endpoints {
			found.add(rowOf(e)...)
		}
	}
	failed := d.failures(listings)
	if len(found.rows) > 1 {
		return errors.Join(found.write(s.stdout), failed)
	}
	if failed == nil {
		_, err = fmt.Fprintf(s.stdout, "No endpoints of %s in %s.\n", d.project, several(locations))
	}
	return errors.Join(err, failed)
}

// locations to ask: nothing outside vertex.locations is called unless by wish.
func (c *endpointsList) locations(conf *config.Config) ([]string, error) {
	if len(c.Location) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(c.Location))), nil
	}
	if len(conf.Vertex.Locations) == 0 {
		return vertex.Regions(), nil
	}
	within := slices.DeleteFunc(slices.Clone(conf.Vertex.Locations), func(l string) bool { return !vertex.IsRegion(l) })
	if len(within) == 0 {
		return nil, fmt.Errorf("vertex.locations %q has no single region, where endpoints are; --location names one", conf.Vertex.Locations)
	}
	return within, nil
}

// rowOf is an endpoint in the list.
func rowOf(e *vertex.Endpoint) []string {
	row := []string{e.Name.Location, e.Name.ID, e.DisplayName, "none", "", "", reachedBy(e)}
	if len(e.Models) > 0 {
		m := &e.Models[0]
		row[3], row[4], row[5] = cmp.Or(m.DisplayName, m.ID), m.Machine(), replicasOf(m)
	}
	if more := len(e.Models) - 1; more > 0 {
		row[3] += fmt.Sprintf(" and %d more", more)
	}
	return row
}

// replicasOf tells how many there may be of a model; empty: that is not known.
func replicasOf(m *vertex.DeployedModel) string {
	switch least, most := m.Replicas(); {
	case most == 0:
		return ""
	case least == most:
		return strconv.Itoa(most)
	default:
		return fmt.Sprintf("%d to %d", least, most)
	}
}

func reachedBy(e *vertex.Endpoint) string {
	switch {
	case e.Private.Enabled:
		return "Private Service Connect"
	case e.DNS != "":
		return "its own host"
	}
	return "the location's host"
}

// failures tells each reason once, with the locations it was met in.
func (d *desk) failures(listings []vertex.Listing) error {
	var reasons []string
	where, example := map[string][]string{}, map[string]error{}
	for _, l := range listings {
		if l.Err == nil {
			continue
		}
		reason := strings.ReplaceAll(l.Err.Error(), l.Location, "LOCATION")
		if example[reason] == nil {
			reasons, example[reason] = append(reasons, reason), l.Err
		}
		where[reason] = append(where[reason], l.Location)
	}
	told := make([]error, len(reasons))
	for i, reason := range reasons {
		told[i] = fmt.Errorf("%s: %w", several(where[reason]), d.patient.advise(example[reason]))
	}
	return errors.Join(told...)
}

// several names locations, or counts them where they are many.
func several(locations []string) string {
	if len(locations) > 4 {
		return fmt.Sprintf("%d locations", len(locations))
	}
	return strings.Join(locations, ", ")
}
