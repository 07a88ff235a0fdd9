package fakevertex

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vertexgateway/translate/catalogue"
)

// An endpoint is one of the project's own. What has a name in JSON is Google's description
// of it (vertex.md 8.1).
type endpoint struct {
	Name        string            `json:"name"`
	DisplayName string            `json:"displayName"`
	Models      []deployedModel   `json:"deployedModels,omitempty"`
	Traffic     map[string]int    `json:"trafficSplit,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Created     time.Time         `json:"createTime,omitzero"`
	Dedicated   bool              `json:"dedicatedEndpointEnabled,omitzero"`
	DNS         string            `json:"dedicatedEndpointDns,omitzero"`
	Private     *privateConnect   `json:"privateServiceConnectConfig,omitempty"`

	location, id string
	older        bool // its container writes errors as vLLM once did
	embeds       bool // and does nothing else
	asleep       int  // requests that are refused until it is up again; estate.mu guards it
}

type deployedModel struct {
	ID          string    `json:"id"`
	Model       string    `json:"model"`
	DisplayName string    `json:"displayName"`
	Created     time.Time `json:"createTime,omitzero"`
	Resources   resources `json:"dedicatedResources"`
}

type resources struct {
	Machine         machine `json:"machineSpec"`
	MinReplicas     int     `json:"minReplicaCount,omitzero"`
	MaxReplicas     int     `json:"maxReplicaCount,omitzero"`
	InitialReplicas int     `json:"initialReplicaCount,omitzero"`
}

type machine struct {
	Type         string `json:"machineType"`
	Accelerator  string `json:"acceleratorType,omitzero"`
	Accelerators int    `json:"acceleratorCount,omitzero"`
}

type privateConnect struct {
	Enabled    bool          `json:"enablePrivateServiceConnect"`
	Projects   []string      `json:"projectAllowlist,omitempty"`
	Attachment string        `json:"serviceAttachment,omitzero"`
	Automation []privateRule `json:"pscAutomationConfigs,omitempty"`
}

type privateRule struct {
	Project string `json:"projectId"`
	Network string `json:"network"`
	IP      string `json:"ipAddress"`
	Rule    string `json:"forwardingRule"`
	State   string `json:"state"`
}

// oneL4 is the least that a language model is deployed on.
var oneL4 = resources{Machine: machine{"g2-standard-12", "NVIDIA_L4", 1}, MinReplicas: 1, MaxReplicas: 1}

// parent is the name of a location, with the project's number as Google's answers have it.
func parent(location string) string {
	return "projects/" + strconv.Itoa(project) + "/locations/" + location
}

// newEndpoint is one on the location's shared domain, where nothing is deployed.
func newEndpoint(location, id, name string) *endpoint {
	return &endpoint{Name: parent(location) + "/endpoints/" + id, DisplayName: name, location: location, id: id}
}

// dedicate gives it a domain of its own.
func (e *endpoint) dedicate() *endpoint {
	e.Dedicated = true
	e.DNS = e.id + "." + e.location + "-" + strconv.Itoa(project) + ".prediction.vertexai.goog"
	return e
}

// hide leaves Private Service Connect as the only way to it.
func (e *endpoint) hide(projects ...string) *endpoint {
	e.Private = &privateConnect{
		Enabled: true, Projects: projects,
		Attachment: "projects/" + strconv.Itoa(project) + "/regions/" + e.location + "/serviceAttachments/endpoint-" + e.id,
	}
	return e
}

// deploy puts a model there, whose number is that of its deployment too.
func (e *endpoint) deploy(number string, on resources) *endpoint {
	e.Models = []deployedModel{{
		ID: number, Model: parent(e.location) + "/models/" + number, DisplayName: e.DisplayName + "-model", Created: e.Created, Resources: on,
	}}
	e.Traffic = map[string]int{number: 100}
	return e
}

const (
	firstRegion = "us-central1"
	// drowsy is how many requests a model that scaled to zero refuses.
	drowsy = 2
)

// firstEndpoints are those that every project has.
func firstEndpoints() []*endpoint {
	tuned := newEndpoint(firstRegion, "1234567890", "llama-ft")
	tuned.Labels = map[string]string{"team": "research"}
	shared := newEndpoint(firstRegion, "2345678901", "llama-shared")
	shared.older = true
	private := newEndpoint(firstRegion, "3456789012", "llama-private").hide("my-project")
	private.Private.Automation = []privateRule{{
		Project: "my-project", Network: "projects/" + strconv.Itoa(project) + "/global/networks/default", IP: "10.0.0.5",
		Rule: "endpoint-" + private.id, State: "PSC_AUTOMATION_STATE_SUCCESSFUL",
	}}
	sleepy := newEndpoint(firstRegion, "5678901234", "llama-sleepy")
	sleepy.asleep = drowsy
	toZero := oneL4
	toZero.MinReplicas = 0
	vectors := newEndpoint("europe-west4", "6789012345", "e5")
	vectors.embeds = true
	all := []*endpoint{
		tuned.dedicate().deploy("4561", oneL4),
		shared.deploy("4562", oneL4),
		private.deploy("4563", oneL4),
		newEndpoint(firstRegion, "4567890123", "empty").dedicate(),
		sleepy.dedicate().deploy("4565", toZero),
		vectors.dedicate().deploy("4566", oneL4),
	}
	for _, e := range all {
		e.Created = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	}
	return all
}

// An estate is the endpoints there are, the same ones for every project.
type estate struct {
	mu         sync.Mutex
	endpoints  []*endpoint
	operations map[string]*operation // by name
	next       int                   // number of what is made next
}

func newEstate() *estate {
	return &estate{endpoints: firstEndpoints(), operations: map[string]*operation{}, next: 5551}
}

// in are the endpoints of a location.
func (s *estate) in(location string) []*endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.endpoints), func(e *endpoint) bool { return e.location != location })
}

// find returns nil where there is none.
func (s *estate) find(location, id string) *endpoint {
	for _, e := range s.in(location) {
		if e.id == id {
			return e
		}
	}
	return nil
}

// wakes reports whether a request that came for e is dropped, since its model is still
// scaling up from zero (vertex.md 8.5).
func (s *estate) wakes(e *endpoint) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.asleep == 0 {
		return false
	}
	e.asleep--
	return true
}

// invoked is what comes before a path of the container, of the deployed model's or not.
const invoked = "invoke/v1/"

// toOwn reads what is asked of an endpoint: E:predict, E/chat/completions of v1beta1 only,
// and E/invoke/v1/PATH (vertex.md 1.2).
func (p path) toOwn(version string, part []string) path {
	var verb string
	p.endpoint, verb, _ = strings.Cut(part[0], ":")
	p.model = p.endpoint
	if len(part) > 2 && part[1] == "deployedModels" {
		part = part[2:]
	}
	route := strings.Join(part[1:], "/")
	inner, isInvoked := strings.CutPrefix(route, invoked)
	switch {
	case route == "":
		p.method, p.known = verb, slices.Contains([]string{"predict", "rawPredict", "streamRawPredict"}, verb)
	case isInvoked:
		p.method, p.known = inner, slices.Contains(openapiPaths, inner)
	default:
		p.method, p.known = route, route == openapiPaths[0] && version == "v1beta1"
	}
	return p
}

// own reports whether the path leads to an endpoint of the project's own.
func (p path) own() bool { return p.endpoint != "" && p.endpoint != openapi }

// noEndpoint is the text for an endpoint that is not there.
func (p path) noEndpoint() *refusal {
	return googleError(http.StatusNotFound, "NOT_FOUND", "Endpoint `projects/%s/locations/%s/endpoints/%s` not found.", p.project, p.location, p.endpoint)
}

// ownWindow is the context window of all models on own endpoints.
const ownWindow = 131072

func (c *call) admitOwn() error {
	e := c.estate.find(c.path.location, c.path.endpoint)
	if e == nil {
		return c.path.noEndpoint()
	}
	c.endpoint, c.api = e, &containerAPI
	if e.older {
		c.api = &olderAPI
	}
	c.model = &catalogue.Model{ID: e.id, Window: ownWindow}
	return c.admitHost()
}

// admitHost: an endpoint with a domain of its own is not served on the shared one. Where
// the emulator is asked by another name than Google's, nobody can tell.
func (c *call) admitHost() error {
	host := c.r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	onShared := strings.HasSuffix(host, "aiplatform.googleapis.com")
	switch {
	case onShared && c.endpoint.DNS != "":
		return c.misled("moved")
	case onShared && c.endpoint.Private != nil:
		return googleError(http.StatusBadRequest, "FAILED_PRECONDITION", "Private Service Connect endpoint %s cannot be accessed through the Vertex AI domain.", c.endpoint.id)
	case strings.HasSuffix(host, ".prediction.vertexai.goog") && host != c.endpoint.DNS:
		return errPage
	}
	return nil
}
