package vertex

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A Deployment asks for a model on an endpoint of its own.
type Deployment struct {
	Project  string
	Location string // a region
	// Model is gs:// and the folder of the weights; or PUBLISHER/MODEL@VERSION, with or
	// without publishers/ and models/, from Model Garden; or AUTHOR/MODEL from Hugging Face.
	Model string
	// Name is how the endpoint is called for people; empty: Google makes one up.
	Name string
	// Machine is the type of the machines; empty: what Google recommends for the model.
	Machine string
	// Accelerator as NVIDIA_L4, and how many a machine has; empty and 0: what the machine
	// type comes with.
	Accelerator  string
	Accelerators int
	// Replicas is how many machines there are at least. 0: 1.
	Replicas int
	// MaxReplicas is how many there may be under load. 0: Replicas.
	MaxReplicas int
	// ScaleToZero lets them all go while nobody asks; whoever asks then waits.
	ScaleToZero bool
	// Shared has the location's host serve the endpoint, in place of one of its own.
	Shared bool
	// PrivateProjects may reach the endpoint by Private Service Connect, and nobody else
	// can. Empty: it is public.
	PrivateProjects []string
	// AcceptEULA accepts the licence of the model.
	AcceptEULA bool
	// HuggingFaceToken opens gated models; empty: none.
	HuggingFaceToken string
}

// deployRequest is the body of the call (aiplatform v1beta1, ModelGardenService.Deploy).
type deployRequest struct {
	Custom      *customModel    `json:"customModel,omitempty"`
	Publisher   string          `json:"publisherModelName,omitempty"`
	HuggingFace string          `json:"huggingFaceModelId,omitempty"`
	Model       *modelConfig    `json:"modelConfig,omitempty"`
	Endpoint    *endpointConfig `json:"endpointConfig,omitempty"`
	Deploy      *deployConfig   `json:"deployConfig,omitempty"`
}

type customModel struct {
	URI string `json:"gcsUri"`
}

type modelConfig struct {
	AcceptEULA       bool   `json:"acceptEula,omitzero"`
	HuggingFaceToken string `json:"huggingFaceAccessToken,omitempty"`
}

type endpointConfig struct {
	Name    string          `json:"endpointDisplayName,omitempty"`
	Shared  bool            `json:"dedicatedEndpointDisabled,omitzero"`
	Private *PrivateConnect `json:"privateServiceConnectConfig,omitempty"`
}

type deployConfig struct {
	Resources resources `json:"dedicatedResources"`
}

// Check tells what in the deployment cannot be or contradicts, before anything is asked
// for, and notes what could not be checked.
func (d *Deployment) Check() (notes []string, err error) {
	_, notes, err = d.request()
	return notes, err
}

func (d *Deployment) request() (r *deployRequest, notes []string, err error) {
	r = new(deployRequest)
	if d.AcceptEULA || d.HuggingFaceToken != "" {
		r.Model = &modelConfig{d.AcceptEULA, d.HuggingFaceToken}
	}
	machine, note, machineErr := d.resources()
	if machine != nil {
		r.Deploy = &deployConfig{*machine}
	}
	if note != "" {
		notes = append(notes, note)
	}
	return r, notes, errors.Join(d.checkPlace(), d.setModel(r), d.setEndpoint(r), machineErr)
}

func (d *Deployment) checkPlace() error {
	if !IsRegion(d.Location) {
		return fmt.Errorf("location %q: endpoints are in single regions, as us-central1", d.Location)
	}
	return EndpointName{d.Project, d.Location, "new"}.Target().Check()
}

func (d *Deployment) setModel(r *deployRequest) error {
	path, isStorage := strings.CutPrefix(d.Model, "gs://")
	bucket, _, _ := strings.Cut(path, "/")
	publisher, model, _ := strings.Cut(strings.TrimPrefix(d.Model, "publishers/"), "/")
	model = strings.TrimPrefix(model, "models/")
	switch {
	case isStorage && (len(bucket) < 3 || !isSegment(bucket, "")):
		return fmt.Errorf("model %q: %q is not the name of a bucket", d.Model, bucket)
	case isStorage && (strings.HasSuffix(path, ".safetensors") || strings.HasSuffix(path, ".json")):
		return fmt.Errorf("model %q: want the folder of the weights, not one of its files", d.Model)
	case isStorage:
		r.Custom = &customModel{d.Model}
	case !isSegment(publisher, "") || !isSegment(model, "@"):
		return fmt.Errorf("model %q: want gs://BUCKET/FOLDER, PUBLISHER/MODEL@VERSION of Model Garden or AUTHOR/MODEL of Hugging Face", d.Model)
	case strings.Contains(model, "@"):
		r.Publisher = "publishers/" + publisher + "/models/" + model
	case strings.HasPrefix(d.Model, "publishers/"):
		return fmt.Errorf("model %q: want its version too, as in publishers/google/models/gemma3@gemma-3-27b-it", d.Model)
	default:
		r.HuggingFace = d.Model
	}
	return nil
}

func (d *Deployment) setEndpoint(r *deployRequest) error {
	switch {
	case d.Shared && len(d.PrivateProjects) > 0:
		return errors.New("an endpoint is either on the shared host or reached by Private Service Connect")
	case d.Shared && d.ScaleToZero:
		return errors.New("an endpoint on the shared host cannot scale to zero") // vertex.md 8.5
	case d.Name == "" && !d.Shared && len(d.PrivateProjects) == 0:
		return nil
	}
	r.Endpoint = &endpointConfig{Name: d.Name, Shared: d.Shared}
	if len(d.PrivateProjects) > 0 {
		r.Endpoint.Private = &PrivateConnect{Enabled: true, Projects: d.PrivateProjects}
	}
	for _, p := range d.PrivateProjects {
		if !isSegment(p, ":") {
			return fmt.Errorf("project %q that may connect: not a project id", p)
		}
	}
	return nil
}

// resources are nil where Google shall choose.
func (d *Deployment) resources() (r *resources, note string, err error) {
	r = &resources{Machine: machineSpec{d.Machine, d.Accelerator, d.Accelerators}}
	if note, err = r.Machine.fit(); err != nil {
		return nil, "", err
	}
	least := max(d.Replicas, 1)
	most := max(d.MaxReplicas, least)
	switch {
	case d.Replicas < 0 || d.MaxReplicas < 0 || d.MaxReplicas > 0 && d.MaxReplicas < least:
		return nil, "", fmt.Errorf("replicas from %d to %d: want at least 1, and not fewer at most", d.Replicas, d.MaxReplicas)
	case d.Machine == "" && (most > 1 || d.ScaleToZero):
		return nil, "", errors.New("with a number of replicas the machine type is to be told too")
	case d.Machine == "":
		return nil, "", nil
	}
	r.MinReplicas, r.MaxReplicas = least, most
	if d.ScaleToZero {
		r.MinReplicas, r.InitialReplicas = 0, least
	}
	return r, note, nil
}

// Deploy begins a deployment that Check has no objection to. The error may be an
// [*APIError]. It needs aiplatform.endpoints.deploy and more, all in roles/aiplatform.user.
func (c *Client) Deploy(ctx context.Context, d *Deployment) (*Operation, error) {
	body, _, err := d.request()
	if err != nil {
		return nil, err
	}
	return c.operation(func(answer any) error {
		return c.post(ctx, Host(d.Location), "/v1beta1/"+path(d.Project, d.Location)+":deploy", body, answer)
	})
}

// An Operation is a deployment under way, or its end.
type Operation struct {
	Name string // projects/P/locations/L/operations/O
	Done bool
	// Endpoint it made or deployed to; zero: it is not done, failed, or was about
	// something else.
	Endpoint EndpointName
	// Updated is when something happened to it last; zero: not told.
	Updated time.Time
	// Err is why it failed, an [*APIError]; nil: it did not.
	Err error
}

// operation makes an operation of an answer.
func (c *Client) operation(call func(answer any) error) (*Operation, error) {
	var answer struct {
		Name     string `json:"name"`
		Done     bool   `json:"done"`
		Error    *fault `json:"error"`
		Metadata struct {
			Generic struct {
				Updated time.Time `json:"updateTime"`
			} `json:"genericMetadata"`
		} `json:"metadata"`
		Response struct {
			Endpoint EndpointName `json:"endpoint"`
		} `json:"response"`
	}
	if err := call(&answer); err != nil {
		return nil, err
	}
	if _, err := locationOf(answer.Name); err != nil {
		return nil, err
	}
	o := &Operation{Name: answer.Name, Done: answer.Done, Endpoint: answer.Response.Endpoint, Updated: answer.Metadata.Generic.Updated}
	if o.Endpoint == (EndpointName{}) && o.Done && answer.Error == nil { // the answer to gcloud ai endpoints deploy-model does not name it
		above, _, _ := strings.Cut(answer.Name, "/operations/")
		o.Endpoint, _ = ParseEndpointName(above) // else it remains zero
	}
	if f := answer.Error; f != nil {
		o.Done, o.Err = true, f.ofOperation()
	}
	return o, nil
}

// ofOperation is the error of an operation, whose code is gRPC's.
func (f *fault) ofOperation() *APIError {
	codes := map[int]APIError{
		3:  {Status: http.StatusBadRequest, Code: "INVALID_ARGUMENT"},
		5:  {Status: http.StatusNotFound, Code: "NOT_FOUND"},
		7:  {Status: http.StatusForbidden, Code: "PERMISSION_DENIED"},
		8:  {Status: http.StatusTooManyRequests, Code: "RESOURCE_EXHAUSTED"},
		9:  {Status: http.StatusBadRequest, Code: "FAILED_PRECONDITION"},
		14: {Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE"},
	}
	e, ok := codes[f.Code]
	if !ok {
		e = APIError{Status: http.StatusInternalServerError, Code: "INTERNAL"}
	}
	e.Reason, e.Message = f.reason(), f.Message
	return &e
}

// CheckOperation tells what is wrong with the name of an operation.
func CheckOperation(name string) error {
	_, err := locationOf(name)
	return err
}

// locationOf finds the location in the name of an operation, which may be below an endpoint.
func locationOf(operation string) (string, error) {
	part := strings.Split(operation, "/")
	if len(part) < 6 || part[0] != "projects" || part[2] != "locations" || part[len(part)-2] != "operations" || !isLabel(part[3]) {
		return "", fmt.Errorf("%q is not an operation: want projects/PROJECT/locations/REGION/operations/ID", operation)
	}
	for _, p := range part {
		if !isSegment(p, ":") {
			return "", fmt.Errorf("operation %q: %q cannot stand in a path", operation, p)
		}
	}
	return part[3], nil
}

// Operation asks how an operation is getting on. The error may be an [*APIError].
func (c *Client) Operation(ctx context.Context, name string) (*Operation, error) {
	location, err := locationOf(name)
	if err != nil {
		return nil, err
	}
	return c.operation(func(answer any) error { return c.get(ctx, Host(location), "/v1beta1/"+name, answer) })
}

const (
	// followTimeout bounds one question about an operation.
	followTimeout = 30 * time.Second
	// maxSilence is how often in a row a question may remain without answer.
	maxSilence = 10
)

// Follow asks about an operation every so often until it is done or the context is, and
// tells each answer. A question that fails for a passing reason is asked again, ten times
// in a row; the last error is then returned.
func (c *Client) Follow(ctx context.Context, name string, every time.Duration, tell func(*Operation)) (*Operation, error) {
	if err := CheckOperation(name); err != nil { // else it would count as a reason that passes
		return nil, err
	}
	pause := time.NewTicker(every)
	defer pause.Stop()
	for silent := 0; ; {
		o, err := c.operationInTime(ctx, name)
		switch {
		case err == nil && o.Done:
			return o, nil
		case err == nil:
			silent = 0
			tell(o)
		case !passes(err) || silent == maxSilence:
			return nil, err
		default:
			silent++
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (c *Client) operationInTime(ctx context.Context, name string) (*Operation, error) {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	return c.Operation(ctx, name)
}

// passes tells whether a later call may do better.
func passes(err error) bool {
	refusal, ok := errors.AsType[*APIError](err)
	return !ok || refusal.Status == http.StatusTooManyRequests || refusal.Status >= http.StatusInternalServerError
}
