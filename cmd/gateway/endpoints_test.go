package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/config"
	"vertexgateway/vertex"
	"vertexgateway/vertex/fakevertex"
)

// google plays Google's APIs beside the models, which the emulator plays.
type google struct {
	models http.Handler

	mu sync.Mutex
	// answers :: method and path -> what is answered, one after the other, the last for
	// ever; one that begins with three digits has that status
	answers map[string][]string
	bodies  map[string]string // of the last request
}

const nothing = `404{"error":{"code":404,"message":"The resource does not exist.","status":"NOT_FOUND"}}`

func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + r.URL.Path
	if strings.Contains(call, "/publishers/") {
		g.models.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bodies[call] = string(body)
	answer := nothing
	switch all := g.answers[call]; {
	case len(all) > 1:
		answer, g.answers[call] = all[0], all[1:]
	case len(all) == 1:
		answer = all[0]
	case strings.HasSuffix(call, "/endpoints"):
		answer = `{}`
	}
	if strings.HasPrefix(answer, "4") || strings.HasPrefix(answer, "5") {
		w.WriteHeader(int(answer[0]-'0')*100 + int(answer[1]-'0')*10 + int(answer[2]-'0'))
		answer = answer[3:]
	}
	io.WriteString(w, answer)
}

// A booth is a system before Google's doors, with a configuration file.
type booth struct {
	*system
	google         *google
	stdout, stderr *bytes.Buffer
	signals        chan<- os.Signal // where the program waits for them
}

// newBooth has these models, an entry each, and what else belongs in the vertex section.
func newBooth(t *testing.T, vertexSection, models string) *booth {
	t.Helper()
	g := &google{models: fakevertex.New(fakevertex.Options{}), bodies: map[string]string{}, answers: map[string][]string{
		"POST /tokeninfo": {`{"email":"gw@demo.iam.gserviceaccount.com","expires_in":"3540"}`},
		"GET /v1/projects/demo/services/aiplatform.googleapis.com": {`{"state":"ENABLED"}`},
		"POST /v3/projects/demo:testIamPermissions":                {`{"permissions":["aiplatform.endpoints.predict","aiplatform.endpoints.get"]}`},
	}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	text := "vertex: {project: demo, credentials: none, base_url: \"" + server.URL + "\"" + vertexSection + "}\nusage: {store: none}\nmodels: [" + models + "]\n"
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, stdout, stderr := environ(t, map[string]string{"GATEWAY_CONFIG": file})
	b := &booth{system: s, google: g, stdout: stdout, stderr: stderr}
	s.notify = func(c chan<- os.Signal, _ ...os.Signal) { b.signals = c }
	return b
}

// run runs the program and wants its exit code.
func (b *booth) run(t *testing.T, code int, args ...string) {
	t.Helper()
	if got := run(args, b.system); got != code {
		t.Errorf("gateway %s: code %d, want %d\n%s%s", strings.Join(args, " "), got, code, b.stdout, b.stderr)
	}
}

// prints wants the standard output.
func (b *booth) prints(t *testing.T, want string) {
	t.Helper()
	if d := cmp.Diff(want, b.stdout.String()); d != "" {
		t.Errorf("standard output (-want +got):\n%s", d)
	}
}

// says wants a text on standard error.
func (b *booth) says(t *testing.T, want string) {
	t.Helper()
	if !strings.Contains(b.stderr.String(), want) {
		t.Errorf("standard error has no %q:\n%s", want, b.stderr)
	}
}

const (
	tuned = `{"name":"projects/987/locations/us-central1/endpoints/123","displayName":"Llama FT","createTime":"2026-11-01T10:00:00Z","labels":{"team":"search"},
		"deployedModels":[{"id":"45","model":"projects/987/locations/us-central1/models/77","displayName":"llama-ft",
		"dedicatedResources":{"machineSpec":{"machineType":"g2-standard-12","acceleratorType":"NVIDIA_L4","acceleratorCount":1},"minReplicaCount":1,"maxReplicaCount":2}}],
		"trafficSplit":{"45":100},"dedicatedEndpointDns":"123.us-central1-987.prediction.vertexai.goog"}`
	inVPC = `{"name":"projects/987/locations/europe-west4/endpoints/456","displayName":"42 private","deployedModels":[{"id":"1"},{"id":"2"}],"trafficSplit":{"1":50,"2":50},
		"privateServiceConnectConfig":{"enablePrivateServiceConnect":true,"projectAllowlist":["caller"],"serviceAttachment":"projects/x/regions/europe-west4/serviceAttachments/y",
		"pscAutomationConfigs":[{"projectId":"caller","network":"default","ipAddress":"10.0.0.5"}]}}`
	inCentral = "GET /v1/projects/demo/locations/us-central1/endpoints"
	inEurope  = "GET /v1/projects/demo/locations/europe-west4/endpoints"
	denied    = `403{"error":{"code":403,"message":"Permission 'aiplatform.endpoints.list' denied on resource 'projects/demo/locations/us-east1'","status":"PERMISSION_DENIED"}}`
)

func TestEndpointsList(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers[inCentral] = []string{`{"endpoints":[` + tuned + `,{"name":"projects/987/locations/us-central1/endpoints/9"}]}`}
	b.google.answers[inEurope] = []string{`{"endpoints":[` + inVPC + `]}`}
	b.run(t, exitOK, "endpoints")
	b.prints(t, `REGION        ID   NAME        MODEL         MACHINE                       REPLICAS  REACHED BY
us-central1   123  Llama FT    llama-ft      g2-standard-12 + 1 NVIDIA_L4  1 to 2    its own host
us-central1   9                none                                                  the location's host
europe-west4  456  42 private  1 and 1 more                                          Private Service Connect
`)
}

func TestEndpointsListOfNone(t *testing.T) {
	b := newBooth(t, "", "")
	b.run(t, exitOK, "endpoints", "list", "--project=other")
	b.prints(t, "No endpoints of other in 46 locations.\n")
}

// What could not be asked is an error, not an empty list; each reason is told once.
func TestEndpointsListFails(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers[inCentral] = []string{`{"endpoints":[` + tuned + `]}`}
	b.google.answers["GET /v1/projects/demo/locations/us-east1/endpoints"] = []string{denied}
	b.google.answers["GET /v1/projects/demo/locations/us-east4/endpoints"] = []string{strings.Replace(denied, "us-east1", "us-east4", 1)}
	b.google.answers[inEurope] = []string{`503`}
	b.run(t, exitFailed, "endpoints", "list")
	b.prints(t, `REGION       ID   NAME      MODEL     MACHINE                       REPLICAS  REACHED BY
us-central1  123  Llama FT  llama-ft  g2-standard-12 + 1 NVIDIA_L4  1 to 2    its own host
`)
	b.says(t, "us-east1, us-east4: PERMISSION_DENIED: Permission 'aiplatform.endpoints.list' denied")
	b.says(t, "--role=roles/aiplatform.viewer")
	b.says(t, "europe-west4: status 503: Service Unavailable")
	if n := strings.Count(b.stderr.String(), "PERMISSION_DENIED"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// Nothing outside vertex.locations is asked.
func TestEndpointsListWithin(t *testing.T) {
	b := newBooth(t, ", locations: [global, europe-west4]", "")
	b.run(t, exitOK, "endpoints", "list")
	b.prints(t, "No endpoints of demo in europe-west4.\n")
	if _, asked := b.google.bodies[inCentral]; asked {
		t.Error("us-central1 was asked")
	}
	b.run(t, exitOK, "endpoints", "list", "--location=us-central1")
	if _, asked := b.google.bodies[inCentral]; !asked {
		t.Error("us-central1 was not asked, by wish")
	}
	b = newBooth(t, ", locations: [global, eu]", "")
	b.run(t, exitFailed, "endpoints", "list")
	b.says(t, "--location names one")
}

func TestEndpointsShow(t *testing.T) {
	const want = `endpoint  projects/demo/locations/us-central1/endpoints/123
name      Llama FT
created   2026-11-01 10:00:00 UTC
host      123.us-central1-987.prediction.vertexai.goog
model     llama-ft 45, projects/987/locations/us-central1/models/77, 1 to 2 x g2-standard-12 + 1 NVIDIA_L4, 100 % of the requests
label     team=search

For the configuration:

models:
  - name: llama-ft
    endpoint: projects/demo/locations/us-central1/endpoints/123
`
	for _, args := range [][]string{{"projects/demo/locations/us-central1/endpoints/123"}, {"123", "--location=us-central1"}, {"123"}} {
		b := newBooth(t, "", "")
		b.google.answers[inCentral+"/123"] = []string{tuned}
		b.google.answers[inCentral] = []string{`{"endpoints":[` + tuned + `]}`}
		b.run(t, exitOK, append([]string{"endpoints", "show"}, args...)...)
		b.prints(t, want)
	}
}

func TestEndpointsShowPrivate(t *testing.T) {
	b := newBooth(t, ", locations: [us-central1]", "")
	b.google.answers[inEurope+"/456"] = []string{inVPC}
	b.run(t, exitOK, "endpoints", "show", "projects/demo/locations/europe-west4/endpoints/456")
	b.prints(t, `endpoint    projects/demo/locations/europe-west4/endpoints/456
name        42 private
host        none; it is reached by Private Service Connect
attachment  projects/x/regions/europe-west4/serviceAttachments/y
projects    caller
address     10.0.0.5 in default of caller
model       1, 50 % of the requests
model       2, 50 % of the requests

For the configuration:

models:
  - name: endpoint-42-private
    endpoint: projects/demo/locations/europe-west4/endpoints/456
    url: https://10.0.0.5
    tls: {ca_file: endpoint-42-private.pem, server_name: 456-europe-west4-987.prediction.p.vertexai.goog}
# openssl s_client -connect 10.0.0.5:443 </dev/null | openssl x509 >endpoint-42-private.pem
# vertex.locations has to hold europe-west4 too
`)
}

func TestEndpointsShowFails(t *testing.T) {
	for want, args := range map[string][]string{
		"gateway endpoints list shows":  {"projects/demo/locations/us-central1/endpoints/7"},
		"is not an endpoint":            {"projects/demo/endpoints/7"},
		`no endpoint "7" of demo in 46`: {"7"},
		`"no/region" is not a location`: {"7", "--location=no/region"},
	} {
		b := newBooth(t, "", "")
		b.google.answers[inCentral+"/7"] = []string{`404{"error":{"code":404,"message":"The Endpoint does not exist.","status":"NOT_FOUND"}}`}
		b.run(t, exitFailed, append([]string{"endpoints", "show"}, args...)...)
		b.says(t, want)
	}
}

func TestEndpointsWithoutCredentials(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
	b := newBooth(t, "", "")
	b.run(t, exitFailed, "endpoints", "--config=", "--project=demo")
	b.says(t, "GOOGLE_APPLICATION_CREDENTIALS\nTo try it without")
}

func TestEndpointsWithoutProject(t *testing.T) {
	b := newBooth(t, "", "")
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte("vertex: {credentials: none}"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run(t, exitFailed, "endpoints", "--config="+file)
	b.says(t, "no Google Cloud project: set --project")
}

// What is printed is a configuration.
func TestEntries(t *testing.T) {
	for _, e := range []*vertex.Endpoint{
		{Name: vertex.EndpointName{Project: "p", Location: "us-central1", ID: "1"}},
		{Name: vertex.EndpointName{Project: "p", Location: "us-central1", ID: "1"}, DisplayName: "Ünsere Gewichte: v2 # x"},
		{Name: vertex.EndpointName{Project: "p", Location: "us-central1", ID: "1"}, DisplayName: "--", Private: vertex.PrivateConnect{Enabled: true}},
	} {
		text := entryOf(e, config.Default())
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(file, func(string) (string, bool) { return "", false })
		if err == nil {
			err = c.Validate()
		}
		if err != nil || c.Models[0].Endpoint != e.Name.String() {
			t.Errorf("%s%v", text, err)
		}
	}
}

// A token that cannot be had is told once, with how to sign in, and asked for once: there
// are many locations.
func TestEndpointsWithoutToken(t *testing.T) {
	asked := 0
	denies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(denies.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "gw@demo.iam.gserviceaccount.com", "token_uri": denies.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	credentials, file := filepath.Join(folder, "key.json"), filepath.Join(folder, "gateway.yaml")
	for path, text := range map[string]string{credentials: string(text), file: "vertex: {project: demo, credentials: " + credentials + "}"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := newBooth(t, "", "")
	b.run(t, exitFailed, "endpoints", "list", "--config="+file)
	b.says(t, "service account gw@demo.iam.gserviceaccount.com: no token: token endpoint: 400 Bad Request\nTo sign in as yourself")
	if asked != 1 {
		t.Errorf("asked for a token %d times", asked)
	}
}

// Names that YAML would not take for text.
func TestEntryName(t *testing.T) {
	for display, want := range map[string]string{"True": "endpoint-true", "null": "endpoint-null", "FALSE": "endpoint-false", "true north": "true-north"} {
		if got := entryName(&vertex.Endpoint{DisplayName: display}); got != want {
			t.Errorf("%q: %q, want %q", display, got, want)
		}
	}
}

// A remedy is about the project that was asked, whatever the configuration has.
func TestEndpointsShowOfOtherProject(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers["GET /v1/projects/other/locations/us-central1/endpoints/7"] = []string{strings.Replace(denied, "list", "get", 1)}
	b.run(t, exitFailed, "endpoints", "show", "projects/other/locations/us-central1/endpoints/7")
	b.says(t, "add-iam-policy-binding other ")
}

// A location that is named twice is asked once.
func TestEndpointsListTwice(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers[inCentral] = []string{`{"endpoints":[` + tuned + `]}`}
	b.run(t, exitOK, "endpoints", "list", "--location=us-central1,us-central1")
	if n := strings.Count(b.stdout.String(), "Llama FT"); n != 1 {
		t.Errorf("listed %d times:\n%s", n, b.stdout)
	}
}
