package vertex

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// An EndpointName names an endpoint with weights of the project's own. It is comparable.
type EndpointName struct {
	Project  string // id or number
	Location string // a region
	ID       string
}

// ParseEndpointName reads projects/P/locations/L/endpoints/E.
func ParseEndpointName(s string) (EndpointName, error) {
	part := strings.Split(s, "/")
	if len(part) != 6 || part[0] != "projects" || part[2] != "locations" || part[4] != "endpoints" {
		return EndpointName{}, fmt.Errorf("%q is not an endpoint: want projects/PROJECT/locations/REGION/endpoints/ID", s)
	}
	n := EndpointName{Project: part[1], Location: part[3], ID: part[5]}
	if err := n.Target().Check(); err != nil {
		return EndpointName{}, err
	}
	return n, nil
}

func (n EndpointName) String() string {
	return "projects/" + n.Project + "/locations/" + n.Location + "/endpoints/" + n.ID
}

// UnmarshalText reads what ParseEndpointName does.
func (n *EndpointName) UnmarshalText(text []byte) (err error) {
	*n, err = ParseEndpointName(string(text))
	return err
}

// Target is the endpoint on the location's shared host.
func (n EndpointName) Target() Target {
	return Target{Project: n.Project, Location: n.Location, Endpoint: n.ID}
}

// An Endpoint is Google's description of an endpoint (vertex.md 8.1).
type Endpoint struct {
	// Name, with the project as it was asked for.
	Name EndpointName `json:"name"`
	// Number of the project; empty: not told.
	Number string `json:"-"`
	// DisplayName is what its owner calls it.
	DisplayName string `json:"displayName"`
	// Models that are deployed on it; empty: it answers nothing.
	Models []DeployedModel `json:"deployedModels"`
	// Traffic :: id of a deployed model -> its share of the requests in percent
	Traffic map[string]int `json:"trafficSplit"`
	// Labels its owner gave it.
	Labels map[string]string `json:"labels"`
	// Created; zero: not told.
	Created time.Time `json:"createTime"`
	// DNS is the host name of its own; empty: it has none. Then the location's host
	// serves it, unless it is private.
	DNS string `json:"dedicatedEndpointDns"`
	// Private tells how it is reached where it is not public.
	Private PrivateConnect `json:"privateServiceConnectConfig"`
}

// A DeployedModel is a model on an endpoint.
type DeployedModel struct {
	ID          string    `json:"id"`    // of the deployment
	Model       string    `json:"model"` // projects/P/locations/L/models/M, with @version sometimes
	DisplayName string    `json:"displayName"`
	Resources   resources `json:"dedicatedResources"`
}

// Machine is what one replica runs on, as g2-standard-12 + 1 NVIDIA_L4; empty: not told.
func (m *DeployedModel) Machine() string {
	spec := m.Resources.Machine
	if spec.Accelerators == 0 {
		return spec.Type
	}
	return fmt.Sprintf("%s + %d %s", spec.Type, spec.Accelerators, spec.Accelerator)
}

// Replicas are the least and the most there are of the model.
func (m *DeployedModel) Replicas() (least, most int) {
	return m.Resources.MinReplicas, max(m.Resources.MaxReplicas, m.Resources.MinReplicas)
}

// resources are what a deployment has for itself.
type resources struct {
	Machine         machineSpec `json:"machineSpec"`
	MinReplicas     int         `json:"minReplicaCount,omitzero"`
	MaxReplicas     int         `json:"maxReplicaCount,omitzero"`
	InitialReplicas int         `json:"initialReplicaCount,omitzero"`
}

type machineSpec struct {
	Type         string `json:"machineType"`
	Accelerator  string `json:"acceleratorType,omitzero"`
	Accelerators int    `json:"acceleratorCount,omitzero"`
}

// PrivateConnect is Private Service Connect (vertex.md 8.4).
type PrivateConnect struct {
	// Enabled: no public host serves the endpoint.
	Enabled bool `json:"enablePrivateServiceConnect"`
	// Projects that may connect.
	Projects []string `json:"projectAllowlist,omitempty"`
	// Attachment is what a forwarding rule has to point at; empty: there is none yet.
	Attachment string `json:"serviceAttachment,omitzero"`
	// Automation makes forwarding rules by itself; empty: their owner makes them.
	Automation []PrivateRule `json:"pscAutomationConfigs,omitempty"`
}

// A PrivateRule is a forwarding rule that Google made.
type PrivateRule struct {
	Project string `json:"projectId"`
	Network string `json:"network"`
	IP      string `json:"ipAddress"` // empty: there is none yet
	State   string `json:"state"`
	Error   string `json:"errorMessage"`
}

// Base is https:// and the endpoint's own host; empty: it has none.
func (e *Endpoint) Base() string {
	if e.DNS == "" {
		return ""
	}
	return "https://" + e.DNS
}

// PrivateName is the name by which the endpoint's certificate knows it where it is private
// (vertex.md 8.4); empty: the project's number is not known.
func (e *Endpoint) PrivateName() string {
	if e.Number == "" {
		return ""
	}
	return e.Name.ID + "-" + e.Name.Location + "-" + e.Number + ".prediction.p.vertexai.goog"
}

// settle makes an answer an answer for those who asked about a project.
func (e *Endpoint) settle(project string) error {
	if strings.Trim(e.Name.Project, "0123456789") == "" {
		e.Number = e.Name.Project
	}
	e.Name.Project = project
	e.DNS = strings.TrimSuffix(strings.TrimPrefix(e.DNS, "https://"), "/")
	if e.DNS != "" && !isSegment(e.DNS, "") { // the token goes there
		return fmt.Errorf("endpoint %s: %q is not a host name", e.Name, e.DNS)
	}
	return nil
}

// Endpoint describes an endpoint. The error may be an [*APIError]. It needs
// aiplatform.endpoints.get.
func (c *Client) Endpoint(ctx context.Context, name EndpointName) (*Endpoint, error) {
	if err := name.Target().Check(); err != nil {
		return nil, err
	}
	e := new(Endpoint)
	if err := c.get(ctx, Host(name.Location), "/v1/"+path(name.Project, name.Location)+"/endpoints/"+url.PathEscape(name.ID), e); err != nil {
		return nil, err
	}
	e.Name.Location, e.Name.ID = name.Location, name.ID
	if err := e.settle(name.Project); err != nil {
		return nil, err
	}
	return e, nil
}

// path of a location.
func path(project, location string) string {
	return "projects/" + url.PathEscape(project) + "/locations/" + location
}

const (
	pageSize = "100"
	maxPages = 100
)

// Endpoints lists the endpoints of a project in one location. The error may be an
// [*APIError]. It needs aiplatform.endpoints.list.
func (c *Client) Endpoints(ctx context.Context, project, location string) ([]*Endpoint, error) {
	if err := (EndpointName{Project: project, Location: location, ID: "all"}).Target().Check(); err != nil {
		return nil, err
	}
	var all []*Endpoint
	token := ""
	for range maxPages {
		var page struct {
			Endpoints []*Endpoint `json:"endpoints"`
			Next      string      `json:"nextPageToken"`
		}
		query := url.Values{"pageSize": {pageSize}}
		if token != "" {
			query.Set("pageToken", token)
		}
		if err := c.get(ctx, Host(location), "/v1/"+path(project, location)+"/endpoints?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		for _, e := range page.Endpoints {
			if err := e.settle(project); err != nil {
				return nil, err
			}
		}
		all, token = append(all, page.Endpoints...), page.Next
		if token == "" {
			return all, nil
		}
	}
	return nil, fmt.Errorf("%s has more than %d pages of endpoints", location, maxPages)
}

// A Listing are the endpoints of one location, or why they could not be had.
type Listing struct {
	Location  string
	Endpoints []*Endpoint
	Err       error
}

const (
	// listers is how many locations are asked at once.
	listers = 12
	// listTimeout is how long one of them may take.
	listTimeout = 20 * time.Second
)

// List asks all locations, several at once. The listings come in their order; one that
// fails does not stop the others.
func (c *Client) List(ctx context.Context, project string, locations []string) []Listing {
	all := make([]Listing, len(locations))
	free := make(chan struct{}, listers)
	var group sync.WaitGroup
	for i, location := range locations {
		group.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			ctx, cancel := context.WithTimeout(ctx, listTimeout)
			defer cancel()
			found, err := c.Endpoints(ctx, project, location)
			all[i] = Listing{location, found, err}
		})
	}
	group.Wait()
	return all
}
