package fakevertex

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/vertex"
)

// serve gives the address of fake.
func serve(t *testing.T, fake *Server) string {
	t.Helper()
	s := httptest.NewServer(fake)
	t.Cleanup(s.Close)
	return s.URL
}

// clientOf is the gateway's client, with the emulator in Google's place.
func clientOf(t *testing.T, fake *Server) *vertex.Client {
	t.Helper()
	c := vertex.NewClient(vertex.Options{BaseURL: serve(t, fake)})
	t.Cleanup(c.Close)
	return c
}

func endpointName(id string) vertex.EndpointName {
	return vertex.EndpointName{Project: "my-project", Location: "us-central1", ID: id}
}

func TestDescribe(t *testing.T) {
	c := clientOf(t, New(Options{}))
	e, err := c.Endpoint(t.Context(), endpointName(tuned))
	if err != nil {
		t.Fatal(err)
	}
	if e.DNS != "1234567890.us-central1-123456789012.prediction.vertexai.goog" || e.Name != endpointName(tuned) || e.Number != "123456789012" || e.DisplayName != "llama-ft" ||
		e.Labels["team"] != "research" || e.Created.Month() != time.November || e.Private.Enabled || e.Traffic["4561"] != 100 {
		t.Errorf("got %+v", e)
	}
	if len(e.Models) != 1 || e.Models[0].ID != "4561" || e.Models[0].Machine() != "g2-standard-12 + 1 NVIDIA_L4" {
		t.Errorf("models %+v", e.Models)
	}
	e, err = c.Endpoint(t.Context(), endpointName(private))
	if err != nil || !e.Private.Enabled || e.Private.Automation[0].IP != "10.0.0.5" || e.DNS != "" || !strings.Contains(e.Private.Attachment, "/serviceAttachments/") {
		t.Errorf("%v, got %+v", err, e)
	}
	e, err = c.Endpoint(t.Context(), endpointName(empty))
	if err != nil || len(e.Models) != 0 {
		t.Errorf("%v, got %+v", err, e)
	}
	e, err = c.Endpoint(t.Context(), endpointName(sleepy))
	if least, most := e.Models[0].Replicas(); err != nil || least != 0 || most != 1 {
		t.Errorf("%v, replicas from %d to %d", err, least, most)
	}
}

// fails tells an error of Google's in short.
func fails(err error) string {
	refused, ok := errors.AsType[*vertex.APIError](err)
	if !ok {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%d %s %s %s", refused.Status, refused.Code, refused.Reason, refused.Message)
}

func TestDescribeFailures(t *testing.T) {
	for want, test := range map[string]struct {
		id       string
		scenario Scenario
	}{
		"404 NOT_FOUND  The Endpoint does not exist.": {"99", Scenario{}},
		"403 PERMISSION_DENIED IAM_PERMISSION_DENIED Permission 'aiplatform.endpoints.get' denied on resource '//aiplatform.googleapis.com/projects/my-project/locations/us-central1/endpoints/1234567890'": {tuned, Scenario{Method: "describe", Status: 403}},
		"403 PERMISSION_DENIED IAM_PERMISSION_DENIED Permission 'aiplatform.endpoints.get'":                                                                                                                 {tuned, Scenario{Lacks: []string{"aiplatform.endpoints.list", "aiplatform.endpoints.get"}}},
		"403 PERMISSION_DENIED SERVICE_DISABLED Vertex AI API has not been used in project my-project before":                                                                                               {tuned, Scenario{Disabled: []string{vertexService}}},
		"503 UNAVAILABLE  The service is currently unavailable.":                                                                                                                                            {tuned, Scenario{Model: tuned, Status: 503}},
		"404 NOT_FOUND  Endpoint `projects/my-project/locations/us-central1/endpoints/1234567890` not found.":                                                                                               {tuned, Scenario{Status: 404}},
		"502   a web page":          {tuned, Scenario{HTML: true}},
		"did not come whole":        {tuned, Scenario{CutAfter: 1}},
		"is not the JSON it should": {tuned, Scenario{Replay: "none"}},
	} {
		_, err := clientOf(t, New(Options{Scenarios: []Scenario{test.scenario}})).Endpoint(t.Context(), endpointName(test.id))
		if got := fails(err); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestList(t *testing.T) {
	fake := New(Options{Scenarios: []Scenario{{Method: "list", Location: "us-east1", Status: 503}}})
	var got []string
	for _, l := range clientOf(t, fake).List(t.Context(), "my-project", []string{"us-central1", "us-east1", "europe-west4", "asia-east1"}) {
		got = append(got, fmt.Sprint(l.Location, " ", len(l.Endpoints), " ", l.Err))
	}
	want := []string{"us-central1 5 <nil>", "us-east1 0 UNAVAILABLE: The service is currently unavailable.", "europe-west4 1 <nil>", "asia-east1 0 <nil>"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if r := fake.Requests()[0]; r.Method != "list" || r.Location == "" {
		t.Errorf("journal %+v", r)
	}
}

// fetch asks with GET.
func fetch(t *testing.T, h http.Handler, path string, header ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestListPages(t *testing.T) {
	s := New(Options{})
	token := ""
	for _, want := range []int{2, 2, 1} {
		_, text := fetch(t, s, "/v1/projects/p/locations/us-central1/endpoints?pageSize=2&pageToken="+token, "Authorization", "Bearer x")
		if got := strings.Count(text, `"trafficSplit"`) + strings.Count(text, `"displayName":"empty"`); got != want {
			t.Errorf("%d endpoints, want %d: %s", got, want, text)
		}
		_, token, _ = strings.Cut(text, `"nextPageToken":"`)
		token = strings.TrimSuffix(token, `"}`)
	}
	if token != "" {
		t.Errorf("token %q at the end", token)
	}
	for _, token := range []string{"x", "0", "-1", "6"} {
		if status, text := fetch(t, s, "/v1/projects/p/locations/us-central1/endpoints?pageToken="+token, "Authorization", "Bearer x"); status != 400 {
			t.Errorf("token %q: %d %s", token, status, text)
		}
	}
}

// TestErrandsAdmission: Google wants a token and the right verb.
func TestErrandsAdmission(t *testing.T) {
	s := New(Options{})
	for _, test := range []struct {
		path, token string
		status      int
	}{
		{ownPath("v1", tuned, ""), "", 401},
		{ownPath("v1", tuned, ""), "Bearer x", 200},
		{ownChat(tuned), "Bearer x", 404},
		{"/tokeninfo", "Bearer x", 404},
		{"/v1/projects/p/locations/us-central1/operations/1", "Bearer x", 404},
		{"/v1/projects/p/services/" + vertexService, "Bearer x", 200},
	} {
		if status, text := fetch(t, s, test.path, "Authorization", test.token); status != test.status {
			t.Errorf("%s: %d %s", test.path, status, text)
		}
	}
	if res, text := post(t, s, ownPath("v1", tuned, ""), nil); res.StatusCode != 404 {
		t.Errorf("POST: %s %s", res.Status, text)
	}
}

// deployed makes a deployment and follows it to its end.
func deployed(t *testing.T, c *vertex.Client, d *vertex.Deployment) (o *vertex.Operation, asked int, err error) {
	t.Helper()
	d.Project, d.Location = "my-project", "us-central1"
	o, err = c.Deploy(t.Context(), d)
	if err != nil {
		return nil, 0, err
	}
	o, err = c.Follow(t.Context(), o.Name, time.Nanosecond, func(*vertex.Operation) { asked++ })
	return o, asked, err
}

func TestDeploy(t *testing.T) {
	for name, test := range map[string]struct {
		deployment vertex.Deployment
		want       string
	}{
		"weights": {vertex.Deployment{Model: "gs://weights/llama", Name: "llama-mine"}, "llama-mine g2-standard-12 + 1 NVIDIA_L4 1-1 dedicated"},
		"garden":  {vertex.Deployment{Model: "google/gemma3@gemma-3-27b-it", Machine: "g2-standard-24", MaxReplicas: 3}, "gemma3@gemma-3-27b-it-mg-one-click-deploy g2-standard-24 + 2 NVIDIA_L4 1-3 dedicated"},
		"hugging": {vertex.Deployment{Model: "google/gemma-2-2b-it", Shared: true, HuggingFaceToken: "hf_x"}, "gemma-2-2b-it-mg-one-click-deploy g2-standard-12 + 1 NVIDIA_L4 1-1 shared"},
		"licence": {vertex.Deployment{Model: "meta/llama3_1@llama-3.1-8b", AcceptEULA: true, PrivateProjects: []string{"a"}}, "llama3_1@llama-3.1-8b-mg-one-click-deploy g2-standard-12 + 1 NVIDIA_L4 1-1 private [a]"},
		"to zero": {vertex.Deployment{Model: "gs://weights/llama/", Machine: "c3-standard-4", ScaleToZero: true}, "llama-mg-one-click-deploy c3-standard-4 0-1 dedicated"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := New(Options{Now: func() time.Time { return time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC) }})
			c := clientOf(t, fake)
			o, asked, err := deployed(t, c, &test.deployment)
			if err != nil || asked != patience || o.Err != nil {
				t.Fatalf("%v after %d questions: %+v", err, asked, o)
			}
			e, err := c.Endpoint(t.Context(), o.Endpoint)
			if err != nil {
				t.Fatal(err)
			}
			if got := inShort(e); got != test.want || e.Created.Day() != 2 {
				t.Errorf("got %s since %v, want %s", got, e.Created, test.want)
			}
			chatAt(t, fake, ownChat(o.Endpoint.ID), hi(""))
			if again, err := c.Operation(t.Context(), o.Name); err != nil || again.Endpoint != o.Endpoint {
				t.Errorf("%v, got %+v", err, again)
			}
			if all, err := c.Endpoints(t.Context(), "my-project", "us-central1"); err != nil || len(all) != 6 {
				t.Errorf("%v, %d endpoints", err, len(all))
			}
		})
	}
}

func inShort(e *vertex.Endpoint) string {
	least, most := e.Models[0].Replicas()
	how := "shared"
	switch {
	case e.Private.Enabled:
		how = fmt.Sprint("private ", e.Private.Projects)
	case e.DNS == e.Name.ID+".us-central1-123456789012.prediction.vertexai.goog":
		how = "dedicated"
	}
	return fmt.Sprintf("%s %s %d-%d %s", e.DisplayName, e.Models[0].Machine(), least, most, how)
}

func TestDeployFailures(t *testing.T) {
	weights := vertex.Deployment{Model: "gs://theirs/llama"}
	for want, test := range map[string]struct {
		deployment vertex.Deployment
		scenario   Scenario
	}{
		"403 PERMISSION_DENIED IAM_PERMISSION_DENIED Permission 'aiplatform.endpoints.deploy' denied on resource '//aiplatform.googleapis.com/projects/my-project/locations/us-central1'": {weights, Scenario{Lacks: []string{"aiplatform.endpoints.deploy"}}},
		"429 RESOURCE_EXHAUSTED  The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_serving_nvidia_l4_gpus":                                          {weights, Scenario{Fault: "quota"}},
		"400 FAILED_PRECONDITION  Service account `service-123456789012@":                                                                                                                 {weights, Scenario{Fault: "bucket"}},
		"400 FAILED_PRECONDITION  The model requires its":                                                                                                                                 {vertex.Deployment{Model: "meta/llama3_1@llama-3.1-8b"}, Scenario{}},
		"400 FAILED_PRECONDITION  No.": {weights, Scenario{Method: "deploy", Status: 400, ErrorType: "FAILED_PRECONDITION", Message: "No."}},
	} {
		c := clientOf(t, New(Options{Scenarios: []Scenario{test.scenario}}))
		if _, _, err := deployed(t, c, &test.deployment); !strings.Contains(fails(err), want) {
			t.Errorf("got %s, want %s", fails(err), want)
		}
	}
}

// TestDeployFailsLate: a failure that shows when the deployment is under way.
func TestDeployFailsLate(t *testing.T) {
	fake := New(Options{Scenarios: []Scenario{{Method: "operation", Fault: "bucket"}}})
	c := clientOf(t, fake)
	o, asked, err := deployed(t, c, &vertex.Deployment{Model: "gs://theirs/llama"})
	if err != nil || asked != patience || !o.Done {
		t.Fatalf("%v after %d questions: %+v", err, asked, o)
	}
	if got := fails(o.Err); !strings.Contains(got, "400 FAILED_PRECONDITION") || !strings.Contains(got, `to the directory "gs://theirs/llama".`) {
		t.Error(got)
	}
	if all, _ := c.Endpoints(t.Context(), "my-project", "us-central1"); len(all) != 5 {
		t.Errorf("%d endpoints", len(all))
	}
}

func TestDeployRefusals(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: "Exactly one of",
		`{"customModel":{"gcsUri":"gs://a/b"},"huggingFaceModelId":"a/b"}`:                                                                                                                    "Exactly one of",
		`{"customModel":{"gcsUri":"/a/b"}}`:                                                                                                                                                   "Invalid Google Cloud Storage URI: /a/b",
		`{"publisherModelName":"google/gemma3@x"}`:                                                                                                                                            "Invalid publisher model name",
		`{"customModel":{"uri":"gs://a/b"}}`:                                                                                                                                                  "unknown object member name",
		`{"huggingFaceModelId":"a/b","deployConfig":{"dedicatedResources":{"machineSpec":{},"minReplicaCount":1}}}`:                                                                           "machine_type is required",
		`{"huggingFaceModelId":"a/b","deployConfig":{"dedicatedResources":{"machineSpec":{"machineType":"g2-standard-12"}}}}`:                                                                 "initial_replica_count is required",
		`{"huggingFaceModelId":"a/b","deployConfig":{"dedicatedResources":{"machineSpec":{"machineType":"n1","acceleratorCount":1},"minReplicaCount":1}}}`:                                    "must be set together",
		`{"huggingFaceModelId":"a/b","deployConfig":{"dedicatedResources":{"machineSpec":{"machineType":"n1"},"minReplicaCount":2,"maxReplicaCount":1}}}`:                                     "max_replica_count must be",
		`{"huggingFaceModelId":"a/b","endpointConfig":{"dedicatedEndpointDisabled":true},"deployConfig":{"dedicatedResources":{"machineSpec":{"machineType":"n1"},"initialReplicaCount":1}}}`: "Scaling to zero",
		`{"huggingFaceModelId":"a/b","endpointConfig":{"dedicatedEndpointDisabled":true,"privateServiceConnectConfig":{"enablePrivateServiceConnect":true}}}`:                                 "exclude each other",
	} {
		res, text := post(t, New(Options{}), "/v1beta1/projects/p/locations/us-central1:deploy", json.RawMessage(body))
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(text, want) || !strings.Contains(text, "INVALID_ARGUMENT") {
			t.Errorf("%s: got %s %s, want %s", body, res.Status, text, want)
		}
	}
	res, text := post(t, New(Options{}), "/v1beta1/projects/p/locations/global:deploy", json.RawMessage(`{"huggingFaceModelId":"a/b"}`))
	if res.StatusCode != http.StatusBadRequest || !strings.Contains(text, "Location global") {
		t.Errorf("got %s %s", res.Status, text)
	}
}

func TestPermissions(t *testing.T) {
	fake := New(Options{})
	c := clientOf(t, fake)
	for _, test := range []struct {
		scenario Scenario
		want     string
	}{
		{Scenario{}, "[a.b.c a.b.d]"},
		{Scenario{Lacks: []string{"a.b.c"}}, "[a.b.d]"},
		{Scenario{Lacks: []string{"a.b.c", "a.b.d"}}, "[]"},
	} {
		fake.Set(test.scenario)
		held, err := c.Permissions(t.Context(), "my-project", "a.b.c", "a.b.d")
		if got := fmt.Sprint(held); err != nil || got != test.want {
			t.Errorf("%v, got %s, want %s", err, got, test.want)
		}
	}
	fake.Set(Scenario{Disabled: []string{resourceService}})
	if _, err := c.Permissions(t.Context(), "my-project", "a.b.c"); !strings.Contains(fails(err), "403 PERMISSION_DENIED SERVICE_DISABLED Cloud Resource Manager API has not been used in project my-project") {
		t.Error(fails(err))
	}
}

func TestService(t *testing.T) {
	fake := New(Options{})
	c := clientOf(t, fake)
	if on, err := c.Enabled(t.Context(), "my-project"); err != nil || !on {
		t.Errorf("%v, %v", on, err)
	}
	fake.Set(Scenario{Disabled: []string{vertexService}})
	if on, err := c.Enabled(t.Context(), "my-project"); err != nil || on {
		t.Errorf("%v, %v", on, err)
	}
	fake.Set(Scenario{Lacks: []string{"serviceusage.services.get"}})
	if _, err := c.Enabled(t.Context(), "my-project"); !strings.Contains(fails(err), "Permission 'serviceusage.services.get' denied on resource '//aiplatform.googleapis.com/projects/my-project'") {
		t.Error(fails(err))
	}
}

func TestIdentity(t *testing.T) {
	fake := New(Options{})
	c := clientOf(t, fake)
	want := vertex.Identity{Email: "emulator@example.com", Left: time.Hour}
	if got, err := c.Identity(t.Context()); err != nil || got != want {
		t.Errorf("%v, got %+v", err, got)
	}
	fake.Set(Scenario{Method: "identity", Replay: `{"expires_in": "10"}`})
	if got, err := c.Identity(t.Context()); err != nil || got != (vertex.Identity{Left: 10 * time.Second}) {
		t.Errorf("%v, got %+v", err, got)
	}
	fake.Set(Scenario{Method: "identity", Status: 400, Body: `{"error":"invalid_token","error_description":"Invalid Value"}`})
	if _, err := c.Identity(t.Context()); fails(err) != "400 invalid_token  Invalid Value" {
		t.Error(fails(err))
	}
}

// TestProjectFaults: what stands in the way of models, as people meet it.
func TestProjectFaults(t *testing.T) {
	checkFailures(t, pathOf("global", opus5, "rawPredict"), hello(), []failure{
		{Scenario{Fault: "not_enabled"}, 400, "Project `123456789012` is not allowed to use Publisher Model `projects/p/locations/global/publishers/anthropic/models/claude-opus-5`"},
		{Scenario{Fault: "model_policy"}, 400, "constraints/vertexai.allowedModels violated for `projects/123456789012` attempting to use a disallowed Gen AI model claude-opus-5."},
		{Scenario{Fault: "endpoint_policy"}, 403, "constraints/gcp.restrictEndpointUsage"},
		{Scenario{Disabled: []string{vertexService}}, 403, `"consumer": "projects/p"`},
		{Scenario{Lacks: []string{"aiplatform.endpoints.predict"}}, 403, `"permission": "aiplatform.endpoints.predict"`},
		{Scenario{Lacks: []string{"aiplatform.endpoints.get"}}, 200, "You said"},
	})
}
