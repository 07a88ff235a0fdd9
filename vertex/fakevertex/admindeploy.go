package fakevertex

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// A deployment is the body of deploy, with all its names that are known here.
type deployment struct {
	Custom struct {
		URI string `json:"gcsUri"`
	} `json:"customModel"`
	Publisher   string `json:"publisherModelName"`
	HuggingFace string `json:"huggingFaceModelId"`
	Model       struct {
		AcceptEULA bool   `json:"acceptEula"`
		Token      string `json:"huggingFaceAccessToken"`
		Name       string `json:"modelDisplayName"`
	} `json:"modelConfig"`
	Endpoint struct {
		Name    string          `json:"endpointDisplayName"`
		Shared  bool            `json:"dedicatedEndpointDisabled"`
		Private *privateConnect `json:"privateServiceConnectConfig"`
	} `json:"endpointConfig"`
	Deploy struct {
		Resources *resources `json:"dedicatedResources"`
	} `json:"deployConfig"`
}

// An operation is a deployment under way, or done.
type operation struct {
	Name     string            `json:"name"`
	Metadata operationMetadata `json:"metadata"`

	weights string // gs:// and a folder; empty: the model is another's
	made    *endpoint
	left    int // questions until it is done
	done    bool
}

type operationMetadata struct {
	Type    string `json:"@type"`
	Generic struct {
		Created time.Time `json:"createTime,omitzero"`
		Updated time.Time `json:"updateTime,omitzero"`
	} `json:"genericMetadata"`
	Publisher   string `json:"publisherModel,omitempty"`
	Destination string `json:"destination"`
	Number      string `json:"projectNumber"`
}

// googleType begins the names of the messages of the API.
const googleType = "type.googleapis.com/google.cloud.aiplatform.v1beta1."

// deploy begins a deployment.
func (c *call) deploy(body []byte) error {
	d := new(deployment)
	if err := json.Unmarshal(body, d, json.RejectUnknownMembers(true)); err != nil {
		return invalidArgument("Invalid JSON payload received. %v", err)
	}
	if r := d.check(c.path.location); r != nil {
		return r
	}
	if strings.Contains(d.Publisher, "llama") && !d.Model.AcceptEULA {
		return c.misled("eula")
	}
	return c.report(c.estate.begin(d, c.path.location, c.now()))
}

func (d *deployment) check(location string) *refusal {
	models := 0
	for _, name := range []string{d.Custom.URI, d.Publisher, d.HuggingFace} {
		if name != "" {
			models++
		}
	}
	switch {
	case slices.Contains([]string{"global", "us", "eu"}, location):
		return invalidArgument("Location %s does not support deployments.", location)
	case models != 1:
		return invalidArgument("Exactly one of publisher_model_name, hugging_face_model_id and custom_model must be set.")
	case d.Custom.URI != "" && !strings.HasPrefix(d.Custom.URI, "gs://"):
		return invalidArgument("Invalid Google Cloud Storage URI: %s", d.Custom.URI)
	case d.Publisher != "" && (!strings.HasPrefix(d.Publisher, "publishers/") || !strings.Contains(d.Publisher, "@")):
		return invalidArgument("Invalid publisher model name: %s", d.Publisher)
	case d.Endpoint.Shared && d.Endpoint.Private != nil:
		return invalidArgument("dedicated_endpoint_disabled and private_service_connect_config exclude each other.")
	}
	return d.checkResources()
}

func (d *deployment) checkResources() *refusal {
	on := d.Deploy.Resources
	switch {
	case on == nil:
		return nil
	case on.Machine.Type == "":
		return invalidArgument("machine_spec.machine_type is required.")
	case (on.Machine.Accelerator == "") != (on.Machine.Accelerators == 0):
		return invalidArgument("accelerator_type and accelerator_count must be set together.")
	case on.MaxReplicas > 0 && on.MaxReplicas < on.MinReplicas:
		return invalidArgument("max_replica_count must be at least min_replica_count.")
	case on.MinReplicas == 0 && on.InitialReplicas == 0:
		return invalidArgument("initial_replica_count is required where min_replica_count is 0.")
	case on.MinReplicas == 0 && d.Endpoint.Shared:
		return invalidArgument("Scaling to zero is not supported on shared endpoints.")
	}
	return nil
}

// patience is how many questions find a deployment under way.
const patience = 2

// begin notes a deployment. Its endpoint exists when it is done.
func (s *estate) begin(d *deployment, location string, now time.Time) operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := strconv.Itoa(s.next)
	s.next++
	o := &operation{Name: parent(location) + "/operations/" + number, weights: d.Custom.URI, left: patience, made: d.endpoint(location, number, now)}
	o.Metadata = operationMetadata{
		Type: googleType + "DeployOperationMetadata", Publisher: d.Publisher, Destination: parent(location), Number: strconv.Itoa(project),
	}
	o.Metadata.Generic.Created, o.Metadata.Generic.Updated = now, now
	s.operations[o.Name] = o
	return *o
}

// endpoint is what comes of the deployment.
func (d *deployment) endpoint(location, number string, now time.Time) *endpoint {
	name := d.Custom.URI + d.Publisher + d.HuggingFace
	name = name[strings.LastIndexByte(strings.TrimSuffix(name, "/"), '/')+1:]
	e := newEndpoint(location, "800000000"+number, cmp.Or(d.Endpoint.Name, strings.TrimSuffix(name, "/")+"-mg-one-click-deploy"))
	e.Created = now
	on := oneL4
	if d.Deploy.Resources != nil {
		on = *d.Deploy.Resources
		on.MaxReplicas = max(on.MaxReplicas, on.MinReplicas, 1)
	}
	switch private := d.Endpoint.Private; {
	case private != nil && private.Enabled:
		e.hide(private.Projects...)
	case !d.Endpoint.Shared:
		e.dedicate()
	}
	return e.deploy(number, on)
}

// undertaking is the operation that is asked for; nil: there is none of that name.
func (c *call) undertaking() *operation {
	_, id, _ := strings.Cut(c.path.item, "/operations/")
	c.estate.mu.Lock()
	defer c.estate.mu.Unlock()
	return c.estate.operations[parent(c.path.location)+"/operations/"+id]
}

// operation tells how a deployment is getting on.
func (c *call) operation([]byte) error {
	o := c.undertaking()
	if o == nil {
		return googleError(http.StatusNotFound, "NOT_FOUND", "The operation %s does not exist.", c.path.item)
	}
	failed := c.scenario.Fault != ""
	answer := members{{"name", o.Name}, {"metadata", o.Metadata}}
	switch {
	case !c.estate.proceed(o, failed):
		return c.report(answer)
	case failed:
		r := c.misled(c.scenario.Fault)
		return c.report(append(answer, member{"done", true}, member{"error", members{{"code", cmp.Or(grpcCodes[r.grpc], 13)}, {"message", r.text}}}))
	}
	return c.report(append(answer, member{"done", true}, member{"response", members{
		{"@type", googleType + "DeployResponse"}, {"publisherModel", o.Metadata.Publisher},
		{"endpoint", o.made.Name}, {"model", o.made.Models[0].Model},
	}}))
}

// proceed reports whether the operation is done. One that fails makes no endpoint.
func (s *estate) proceed(o *operation, fails bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.left > 0 {
		o.left--
		return false
	}
	if !o.done && !fails {
		s.endpoints = append(s.endpoints, o.made)
		o.done = true
	}
	return true
}
