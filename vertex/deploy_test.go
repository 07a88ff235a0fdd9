package vertex_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/vertex"
)

// deployment makes one of what all have and what differs.
func deployment(change func(*vertex.Deployment)) *vertex.Deployment {
	d := &vertex.Deployment{Project: "my-project", Location: "us-central1", Model: "gs://weights/llama"}
	change(d)
	return d
}

const (
	deployCall    = "POST /v1beta1/projects/my-project/locations/us-central1:deploy"
	operationName = "projects/987/locations/us-central1/operations/55"
	underWay      = `{"name":"` + operationName + `","metadata":{"genericMetadata":{"updateTime":"2026-11-01T10:00:00Z"}}}`
	deployed      = `{"name":"` + operationName + `","done":true,"response":{"endpoint":"projects/987/locations/us-central1/endpoints/123"}}`
)

func TestDeploy(t *testing.T) {
	tests := map[string]struct {
		change func(*vertex.Deployment)
		want   string
	}{
		"weights":      {func(*vertex.Deployment) {}, `{"customModel":{"gcsUri":"gs://weights/llama"}}`},
		"garden":       {func(d *vertex.Deployment) { d.Model = "google/gemma3@gemma-3-27b-it" }, `{"publisherModelName":"publishers/google/models/gemma3@gemma-3-27b-it"}`},
		"whole name":   {func(d *vertex.Deployment) { d.Model = "publishers/google/models/gemma3@v1" }, `{"publisherModelName":"publishers/google/models/gemma3@v1"}`},
		"hugging face": {func(d *vertex.Deployment) { d.Model, d.HuggingFaceToken = "google/gemma-2-2b-it", "hf_x" }, `{"huggingFaceModelId":"google/gemma-2-2b-it","modelConfig":{"huggingFaceAccessToken":"hf_x"}}`},
		"licence":      {func(d *vertex.Deployment) { d.AcceptEULA = true }, `{"customModel":{"gcsUri":"gs://weights/llama"},"modelConfig":{"acceptEula":true}}`},
		"machine": {func(d *vertex.Deployment) { d.Machine, d.MaxReplicas = "g2-standard-24", 3 }, `{"customModel":{"gcsUri":"gs://weights/llama"},"deployConfig":{"dedicatedResources":{
			"machineSpec":{"machineType":"g2-standard-24","acceleratorType":"NVIDIA_L4","acceleratorCount":2},"minReplicaCount":1,"maxReplicaCount":3}}}`},
		"to zero": {func(d *vertex.Deployment) { d.Machine, d.Replicas, d.ScaleToZero = "c3-standard-4", 2, true }, `{"customModel":{"gcsUri":"gs://weights/llama"},"deployConfig":{"dedicatedResources":{
			"machineSpec":{"machineType":"c3-standard-4"},"maxReplicaCount":2,"initialReplicaCount":2}}}`},
		"shared": {func(d *vertex.Deployment) { d.Name, d.Shared = "llama", true }, `{"customModel":{"gcsUri":"gs://weights/llama"},"endpointConfig":{"endpointDisplayName":"llama","dedicatedEndpointDisabled":true}}`},
		"private": {func(d *vertex.Deployment) { d.PrivateProjects = []string{"a", "b"} }, `{"customModel":{"gcsUri":"gs://weights/llama"},"endpointConfig":{
			"privateServiceConnectConfig":{"enablePrivateServiceConnect":true,"projectAllowlist":["a","b"]}}}`},
	}
	for label, test := range tests {
		t.Run(label, func(t *testing.T) {
			g, client := newGoogle(t, map[string]string{deployCall: underWay})
			o, err := client.Deploy(t.Context(), deployment(test.change))
			if err != nil {
				t.Fatal(err)
			}
			if o.Name != operationName || o.Done || o.Updated.Hour() != 10 {
				t.Errorf("%+v", o)
			}
			want := []question{{deployCall, strings.NewReplacer("\n", "", "\t", "").Replace(test.want)}}
			if d := cmp.Diff(want, g.asked); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestDeploymentCheck(t *testing.T) {
	for want, change := range map[string]func(*vertex.Deployment){
		`location "global"`:    func(d *vertex.Deployment) { d.Location = "global" },
		`location "eu"`:        func(d *vertex.Deployment) { d.Location = "eu" },
		`project "a/b"`:        func(d *vertex.Deployment) { d.Project = "a/b" },
		`model ""`:             func(d *vertex.Deployment) { d.Model = "" },
		`model "gemma"`:        func(d *vertex.Deployment) { d.Model = "gemma" },
		`its version too`:      func(d *vertex.Deployment) { d.Model = "publishers/google/models/gemma3" },
		`name of a bucket`:     func(d *vertex.Deployment) { d.Model = "gs:///llama" },
		`not one of its files`: func(d *vertex.Deployment) { d.Model = "gs://weights/llama/model.safetensors" },
		`want the machine type that has it; NVIDIA_L4 is in g2-`: func(d *vertex.Deployment) { d.Accelerator = "NVIDIA_L4" },
		`machine type "g2-standard-24" has 2 NVIDIA_L4, not 1 NVIDIA_TESLA_T4; n1 machines have NVIDIA_TESLA_T4, 1, 2, 4 at a time`: func(d *vertex.Deployment) {
			d.Machine, d.Accelerator = "g2-standard-24", "NVIDIA_TESLA_T4"
		},
		`has 2 NVIDIA_L4, not 4 NVIDIA_L4; NVIDIA_L4 is in g2-standard-4, g2-standard-8, g2-standard-12, g2-standard-16, g2-standard-32, g2-standard-24`: func(d *vertex.Deployment) {
			d.Machine, d.Accelerators = "g2-standard-24", 4
		},
		`has 2 NVIDIA_L4, not 3 NVIDIA_L4`: func(d *vertex.Deployment) {
			d.Machine, d.Accelerator, d.Accelerators = "g2-standard-24", "NVIDIA_L4", 3
		},
		`machine type "n1-standard-8" cannot have 1 NVIDIA_L4; NVIDIA_L4 is in`: func(d *vertex.Deployment) {
			d.Machine, d.Accelerator = "n1-standard-8", "NVIDIA_L4"
		},
		`cannot have 3 NVIDIA_TESLA_T4`: func(d *vertex.Deployment) {
			d.Machine, d.Accelerator, d.Accelerators = "n1-standard-8", "NVIDIA_TESLA_T4", 3
		},
		`2 accelerators: of which type?`:            func(d *vertex.Deployment) { d.Machine, d.Accelerators = "n1-standard-8", 2 },
		`machine type "e2-standard-4" takes no acc`: func(d *vertex.Deployment) { d.Machine, d.Accelerators = "e2-standard-4", 1 },
		`-1 accelerators`:                           func(d *vertex.Deployment) { d.Machine, d.Accelerators = "g2-standard-24", -1 },
		`replicas from 3 to 2`:                      func(d *vertex.Deployment) { d.Machine, d.Replicas, d.MaxReplicas = "g2-standard-4", 3, 2 },
		`replicas from -1`:                          func(d *vertex.Deployment) { d.Machine, d.Replicas = "g2-standard-4", -1 },
		`the machine type is to be told`:            func(d *vertex.Deployment) { d.MaxReplicas = 2 },
		`cannot scale to zero`:                      func(d *vertex.Deployment) { d.Machine, d.Shared, d.ScaleToZero = "g2-standard-4", true, true },
		`either on the shared host`:                 func(d *vertex.Deployment) { d.Shared, d.PrivateProjects = true, []string{"a"} },
		`project "a/b" that may connect`:            func(d *vertex.Deployment) { d.PrivateProjects = []string{"a/b"} },
	} {
		d := deployment(change)
		if _, err := d.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
		if _, err := vertex.NewClient(vertex.Options{BaseURL: "http://127.0.0.1:1"}).Deploy(t.Context(), d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v of Deploy, want one about %s", err, want)
		}
	}
}

// Machines that are newer than the gateway are Google's to judge.
func TestUnknownMachine(t *testing.T) {
	d := deployment(func(d *vertex.Deployment) { d.Machine, d.Accelerator = "a9-highgpu-1g", "NVIDIA_X" })
	if notes, err := d.Check(); err != nil || len(notes) != 1 || !strings.Contains(notes[0], "a9-highgpu-1g") {
		t.Errorf("notes %q, error %v", notes, err)
	}
	g, client := newGoogle(t, map[string]string{deployCall: underWay})
	if _, err := client.Deploy(t.Context(), d); err != nil || !strings.Contains(g.asked[0].Body, `"machineType":"a9-highgpu-1g","acceleratorType":"NVIDIA_X","acceleratorCount":1`) {
		t.Errorf("asked %q, error %v", g.asked, err)
	}
	d = deployment(func(d *vertex.Deployment) { d.Machine, d.Accelerator = "n1-standard-8", "NVIDIA_TESLA_T4" })
	if notes, err := d.Check(); err != nil || len(notes) > 0 {
		t.Errorf("notes %q, error %v", notes, err)
	}
}

func TestOperation(t *testing.T) {
	const call = "GET /v1beta1/" + operationName
	made := vertex.EndpointName{Project: "987", Location: "us-central1", ID: "123"}
	_, client := newGoogle(t, map[string]string{call: deployed})
	if o, err := client.Operation(t.Context(), operationName); err != nil || !o.Done || o.Err != nil || o.Endpoint != made {
		t.Errorf("%+v, %v", o, err)
	}
	_, client = newGoogle(t, map[string]string{call: `{"name":"` + operationName + `","done":true,"error":{"code":8,"message":"Quota exceeded"}}`})
	o, err := client.Operation(t.Context(), operationName)
	if err != nil || !o.Done || o.Err == nil || o.Err.Error() != "RESOURCE_EXHAUSTED: Quota exceeded" {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []string{"", "operations/55", "projects/987/locations/evil.example/operations/55", "projects/987/locations/us-central1/operations/../55", "projects/987/locations/us-central1/endpoints/55"} {
		if _, err := client.Operation(t.Context(), bad); err == nil || isAPIError(err) {
			t.Errorf("%q: error %v", bad, err)
		}
	}
	_, client = newGoogle(t, map[string]string{deployCall: `{"done":true}`})
	if _, err := client.Deploy(t.Context(), deployment(func(*vertex.Deployment) {})); err == nil {
		t.Error("an operation without a name was taken")
	}
}

// follower answers each question about an operation with the next of its answers.
func follower(t *testing.T, answers ...string) *vertex.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		if answer == "503" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if answer == "403" {
			w.WriteHeader(http.StatusForbidden)
		}
		io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	client := vertex.NewClient(vertex.Options{BaseURL: server.URL})
	t.Cleanup(client.Close)
	return client
}

func TestFollow(t *testing.T) {
	answers := slices.Concat([]string{underWay}, slices.Repeat([]string{"503"}, 9), []string{underWay}, slices.Repeat([]string{"503"}, 9), []string{deployed})
	client := follower(t, answers...)
	told := 0
	o, err := client.Follow(t.Context(), operationName, time.Millisecond, func(o *vertex.Operation) {
		if told++; o.Done {
			t.Error("told of the end")
		}
	})
	if err != nil || !o.Done || told != 2 {
		t.Errorf("%+v, error %v, told %d times", o, err, told)
	}
}

func TestFollowEnds(t *testing.T) {
	tell := func(*vertex.Operation) {}
	if _, err := follower(t, "503").Follow(t.Context(), operationName, time.Millisecond, tell); !isAPIError(err) {
		t.Errorf("error %v of a server that is down", err)
	}
	if _, err := follower(t, underWay, "403", deployed).Follow(t.Context(), operationName, time.Millisecond, tell); !isAPIError(err) {
		t.Errorf("error %v of one that refuses", err)
	}
	if _, err := follower(t, "503").Follow(t.Context(), "operations/55", time.Hour, tell); err == nil || isAPIError(err) {
		t.Errorf("error %v of what is no operation", err)
	}
	left := errors.New("left")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := follower(t, underWay).Follow(ctx, operationName, time.Hour, func(*vertex.Operation) { cancel(left) })
	if !errors.Is(err, left) {
		t.Errorf("error %v of a caller that leaves", err)
	}
}
