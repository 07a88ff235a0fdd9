package vertex_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/vertex"
)

func TestParseEndpointName(t *testing.T) {
	const good = "projects/my-project/locations/us-central1/endpoints/123"
	name, err := vertex.ParseEndpointName(good)
	if err != nil || name != llama || name.String() != good {
		t.Errorf("%+v, %v", name, err)
	}
	for _, bad := range []string{
		"", "123", good + "/", good + "/x", "/" + good, "projects//locations/us-central1/endpoints/123",
		"projects/p/locations/evil.example/endpoints/1", "projects/p/locations/us-central1/endpoints/..",
		"projects/p/locations/us-central1/models/1", "projects/a b/locations/us-central1/endpoints/1",
	} {
		if name, err := vertex.ParseEndpointName(bad); err == nil {
			t.Errorf("%q was taken for %+v", bad, name)
		}
	}
}

func TestEndpoint(t *testing.T) {
	g, client := newGoogle(t, map[string]string{llamaCall: `{
		"name": "projects/987/locations/us-central1/endpoints/123", "displayName": "llama-ft", "etag": "x",
		"deployedModels": [{"id": "45", "model": "projects/987/locations/us-central1/models/77", "displayName": "tuned",
			"dedicatedResources": {"machineSpec": {"machineType": "g2-standard-12", "acceleratorType": "NVIDIA_L4", "acceleratorCount": 1}, "minReplicaCount": 1, "maxReplicaCount": 2}}],
		"trafficSplit": {"45": 100}, "labels": {"team": "search"}, "createTime": "2026-11-01T10:00:00.5Z",
		"dedicatedEndpointEnabled": true, "dedicatedEndpointDns": "https://123.us-central1-987.prediction.vertexai.goog"}`})
	e, err := client.Endpoint(t.Context(), llama)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.asked) != 1 || g.asked[0].Call != llamaCall || g.asked[0].Body != "" {
		t.Errorf("asked %q", g.asked)
	}
	model := e.Models[0]
	least, most := model.Replicas()
	e.Models = nil
	want := &vertex.Endpoint{
		Name: llama, Number: "987", DisplayName: "llama-ft", Traffic: map[string]int{"45": 100}, Labels: map[string]string{"team": "search"},
		Created: time.Date(2026, 11, 1, 10, 0, 0, 5e8, time.UTC), DNS: "123.us-central1-987.prediction.vertexai.goog",
	}
	if d := cmp.Diff(want, e); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if model.ID != "45" || model.Model != "projects/987/locations/us-central1/models/77" || model.Machine() != "g2-standard-12 + 1 NVIDIA_L4" || least != 1 || most != 2 {
		t.Errorf("%+v", model)
	}
	if got := e.Base(); got != "https://123.us-central1-987.prediction.vertexai.goog" {
		t.Errorf("base %q", got)
	}
}

// gcloud prints the name of the host without https://.
func TestEndpointDNSWithoutScheme(t *testing.T) {
	_, client := newGoogle(t, map[string]string{llamaCall: `{"dedicatedEndpointDns":"123.us-central1-987.prediction.vertexai.goog"}`})
	if e, err := client.Endpoint(t.Context(), llama); err != nil || e.Base() != "https://123.us-central1-987.prediction.vertexai.goog" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestPrivateEndpoint(t *testing.T) {
	_, client := newGoogle(t, map[string]string{llamaCall: `{"name": "projects/987/locations/us-central1/endpoints/123",
		"privateServiceConnectConfig": {"enablePrivateServiceConnect": true, "projectAllowlist": ["caller"], "serviceAttachment": "projects/x/regions/us-central1/serviceAttachments/y",
		"pscAutomationConfigs": [{"projectId": "caller", "network": "projects/1/global/networks/default", "ipAddress": "10.0.0.5", "state": "PSC_AUTOMATION_STATE_SUCCESSFUL"}]}}`})
	e, err := client.Endpoint(t.Context(), llama)
	if err != nil {
		t.Fatal(err)
	}
	want := vertex.PrivateConnect{
		Enabled: true, Projects: []string{"caller"}, Attachment: "projects/x/regions/us-central1/serviceAttachments/y",
		Automation: []vertex.PrivateRule{{Project: "caller", Network: "projects/1/global/networks/default", IP: "10.0.0.5", State: "PSC_AUTOMATION_STATE_SUCCESSFUL"}},
	}
	if d := cmp.Diff(want, e.Private); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if e.Base() != "" || e.PrivateName() != "123-us-central1-987.prediction.p.vertexai.goog" {
		t.Errorf("base %q, private name %q", e.Base(), e.PrivateName())
	}
	if e.Number = ""; e.PrivateName() != "" {
		t.Errorf("private name %q without the project's number", e.PrivateName())
	}
}

func TestEndpointsInPages(t *testing.T) {
	const page = "GET /v1/projects/my-project/locations/us-central1/endpoints"
	g, client := newGoogle(t, map[string]string{page: `{"endpoints":[{"name":"projects/987/locations/us-central1/endpoints/1"}],"nextPageToken":"a&b"}`})
	if _, err := client.Endpoints(t.Context(), "my-project", "us-central1"); err == nil || len(g.asked) != 100 {
		t.Errorf("%d pages, error %v; want an end of pages without end", len(g.asked), err)
	}
	if got := g.asked[1].Call; got != page+"?pageSize=100&pageToken=a%26b" {
		t.Errorf("second page by %s", got)
	}
	g.answers[page] = `{"endpoints":[{"name":"projects/987/locations/us-central1/endpoints/1"},{"name":"projects/987/locations/us-central1/endpoints/2"}]}`
	all, err := client.Endpoints(t.Context(), "my-project", "us-central1")
	if err != nil || len(all) != 2 || all[1].Name != (vertex.EndpointName{Project: "my-project", Location: "us-central1", ID: "2"}) {
		t.Errorf("%+v, %v", all, err)
	}
}

// One location that fails does not hide the others.
func TestList(t *testing.T) {
	_, client := newGoogle(t, map[string]string{
		"GET /v1/projects/my-project/locations/us-central1/endpoints":  `{"endpoints":[{"name":"projects/987/locations/us-central1/endpoints/1"}]}`,
		"GET /v1/projects/my-project/locations/europe-west4/endpoints": `{}`,
		"GET /v1/projects/my-project/locations/us-east1/endpoints":     `503{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}`,
	})
	all := client.List(t.Context(), "my-project", []string{"us-east1", "us-central1", "europe-west4", "no/region"})
	var got []string
	for _, l := range all {
		line := []string{l.Location}
		for _, e := range l.Endpoints {
			line = append(line, e.Name.ID)
		}
		if l.Err != nil {
			line = append(line, l.Err.Error())
		}
		got = append(got, strings.Join(line, " "))
	}
	want := []string{"us-east1 UNAVAILABLE: busy", "us-central1 1", "europe-west4", `no/region location "no/region" is not a location of Vertex AI`}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRegions(t *testing.T) {
	all := vertex.Regions()
	if len(all) < 40 {
		t.Errorf("%d regions", len(all))
	}
	for _, r := range all {
		if !vertex.IsRegion(r) || !strings.Contains(r, "-") {
			t.Errorf("%q is no region", r)
		}
	}
	for _, l := range []string{"global", "us", "eu", "", "evil.example"} {
		if vertex.IsRegion(l) {
			t.Errorf("%q is a region", l)
		}
	}
}
