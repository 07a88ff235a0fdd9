package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/config"
	"vertexgateway/translate/catalogue"
)

const llama = `{name: llama-ft, endpoint: projects/demo/locations/us-central1/endpoints/123}`

func TestCheck(t *testing.T) {
	b := newBooth(t, "", `{name: fast, model: claude-haiku-4-5}, {name: elsewhere, model: claude-opus-4-8, locations: [us, asia-east1]}, `+llama)
	b.google.answers[inCentral+"/123"] = []string{tuned}
	b.run(t, exitOK, "check")
	_, report, _ := strings.Cut(b.stdout.String(), "teams\n") // the path of the file differs
	const want = `usage        none                                     ok       nothing is recorded
credentials                                           ok       none; the placeholder is taken for gw@demo.iam.gserviceaccount.com, token for 59m
project                                               ok       demo, from vertex.project
API                                                   ok       aiplatform.googleapis.com is enabled
permission                                            ok       aiplatform.endpoints.predict
permission                                            ok       aiplatform.endpoints.get
fast         global us-east5 europe-west1 asia-east1  ok       in the catalogue, active, retires on 2026-10-15 at the earliest
elsewhere    us                                       ok       in the catalogue, active, retires on 2027-05-28 at the earliest
elsewhere    asia-east1                               unknown  the catalogue does not have it there
llama-ft     us-central1                              ok       serves llama-ft at https://123.us-central1-987.prediction.vertexai.goog
`
	if d := cmp.Diff(want, report); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestCheckLive(t *testing.T) {
	b := newBooth(t, "", `{name: fast, model: claude-haiku-4-5, locations: [us-east5, us-west8, us-west9]}`)
	b.run(t, exitFailed, "check", "--live")
	for _, want := range []string{
		"fast         us-east5  ok      answers\n",
		"fast         us-west8  FAILED  Publisher Model",
		"fast         us-west9  FAILED  Publisher Model",
		"\n  -> enable the model in Model Garden, which takes roles/consumerprocurement.entitlementManager, or take a location that has it: " +
			"https://console.cloud.google.com/vertex-ai/publishers/anthropic/model-garden/claude-haiku-4-5?project=demo\n",
	} {
		if !strings.Contains(b.stdout.String(), want) {
			t.Errorf("no %q:\n%s", want, b.stdout)
		}
	}
	if n := strings.Count(b.stdout.String(), "-> "); n != 1 {
		t.Errorf("the remedy was told %d times:\n%s", n, b.stdout)
	}
	b.says(t, "2 of 9 checks failed\n")
}

// A request that takes too long is a failure and not the end of the program: a handler
// whose client has gone panics.
func TestTryWithoutAnswer(t *testing.T) {
	hangs := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	subject := &subject{name: "fast"}
	if got := new(checkup).try(gone, hangs, subject, "trial-0"); got.result != fails || got.detail != "no answer within 2m0s" {
		t.Errorf("%+v", got)
	}
	breaks := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		panic(http.ErrAbortHandler)
	})
	if got := new(checkup).try(t.Context(), breaks, subject, "trial-0"); got.result != fails || got.detail != "the answer broke off" {
		t.Errorf("%+v", got)
	}
}

// What would keep serve from starting is told, live or not.
func TestCheckOfCertificates(t *testing.T) {
	b := newBooth(t, "", strings.Replace(llama, "}", ", url: 'https://10.0.0.5', tls: {ca_file: /nowhere.pem}}", 1))
	b.google.answers[inCentral+"/123"] = []string{inVPC}
	b.run(t, exitFailed, "check")
	if want := "/nowhere.pem: no such file"; !strings.Contains(b.stdout.String(), want) {
		t.Errorf("no %q:\n%s", want, b.stdout)
	}
}

// The names under which models are tried are the checkup's own affair.
func TestDiagnose(t *testing.T) {
	a := &answer{status: http.StatusNotFound}
	a.body.WriteString(`{"error":{"message":"The model 'trial-3' does not answer.","code":"model_not_ready"}}`)
	got := new(checkup).diagnose(&subject{name: "fast"}, "trial-3", a)
	if want := (outcome{fails, "The model 'fast' does not answer.", "its machines are on their way, which takes minutes; try again"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	a.body.Reset()
	if got := new(checkup).diagnose(&subject{name: "fast"}, "trial-3", a); got.result != fails || got.detail != "status 404" {
		t.Errorf("%+v of an empty answer", got)
	}
}

// An endpoint with a url is not looked up, so that nothing need allow that.
func TestCheckAsksForPermissions(t *testing.T) {
	const ask = "POST /v3/projects/demo:testIamPermissions"
	for models, want := range map[string]string{
		llama + ", " + strings.Replace(llama, "llama-ft", "again", 1): `{"permissions":["aiplatform.endpoints.predict","aiplatform.endpoints.get"]}`,
		strings.Replace(llama, "}", ", url: 'https://10.0.0.5'}", 1):  `{"permissions":["aiplatform.endpoints.predict"]}`,
	} {
		b := newBooth(t, "", models)
		b.google.answers[inCentral+"/123"] = []string{tuned}
		b.run(t, exitOK, "check")
		if got := b.google.bodies[ask]; got != want {
			t.Errorf("%s: asked for %s, want %s", models, got, want)
		}
	}
}

// Each thing that may be wrong is told with what to do, and the exit code tells it too.
func TestCheckFails(t *testing.T) {
	const service, permissions = "GET /v1/projects/demo/services/aiplatform.googleapis.com", "POST /v3/projects/demo:testIamPermissions"
	tests := map[string]struct {
		models, call, answer string
		want                 []string
		code                 int
	}{
		"API off":     {"", service, `{"state":"DISABLED"}`, []string{"API", "FAILED", "aiplatform.googleapis.com is not enabled", "-> enable it: gcloud services enable aiplatform.googleapis.com --project=demo"}, exitFailed},
		"API unknown": {"", service, `403{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}`, []string{"unknown", "not told whether aiplatform.googleapis.com is enabled: PERMISSION_DENIED: no"}, exitOK},
		"no permission": {
			"", permissions, `{}`,
			[]string{"aiplatform.endpoints.predict is missing", "-> grant a role with it: gcloud projects add-iam-policy-binding demo --member=serviceAccount:gw@demo.iam.gserviceaccount.com --role=roles/aiplatform.user"}, exitFailed,
		},
		"half the permissions": {
			llama, permissions, `{"permissions":["aiplatform.endpoints.predict"]}`,
			[]string{"aiplatform.endpoints.get is missing", "--role=roles/aiplatform.viewer"}, exitFailed,
		},
		"permissions unknown": {
			"", permissions, `403{"error":{"code":403,"message":"off","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}`,
			[]string{"unknown", "not told whether aiplatform.endpoints.predict is granted"}, exitOK,
		},
		"no such endpoint":     {llama, inCentral + "/123", nothing, []string{"llama-ft", "FAILED", "-> gateway endpoints list"}, exitFailed},
		"empty endpoint":       {llama, inCentral + "/123", `{}`, []string{"no model is deployed on it", "-> gcloud ai endpoints deploy-model 123 --region=us-central1"}, exitFailed},
		"private without url":  {llama, inCentral + "/123", inVPC, []string{"Private Service Connect only", "-> set its url"}, exitFailed},
		"private with url":     {strings.Replace(llama, "}", ", url: 'https://10.0.0.5'}", 1), inCentral + "/123", inVPC, []string{"ok", "serves 1 at https://10.0.0.5"}, exitOK},
		"undescribed with url": {strings.Replace(llama, "}", ", url: 'https://10.0.0.5'}", 1), inCentral + "/123", nothing, []string{"unknown", "no description of it"}, exitOK},
		"retired":              {"{name: claude-3-7-sonnet@20250219}", "", "", []string{"unknown", "retired", "-> serve a newer model"}, exitOK},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			models := test.models
			if models == "" {
				models = `{name: claude-haiku-4-5}`
			}
			b := newBooth(t, "", models)
			b.google.answers[test.call] = []string{test.answer}
			b.run(t, test.code, "check")
			for _, want := range test.want {
				if !strings.Contains(b.stdout.String(), want) {
					t.Errorf("no %q:\n%s", want, b.stdout)
				}
			}
			if failed := strings.Contains(b.stdout.String(), fails); failed != (test.code == exitFailed) {
				t.Errorf("code %d:\n%s", test.code, b.stdout)
			}
		})
	}
}

// An endpoint in another project needs permissions there.
func TestCheckOtherProject(t *testing.T) {
	b := newBooth(t, "", strings.Replace(llama, "demo", "other", 1))
	b.google.answers["POST /v3/projects/other:testIamPermissions"] = []string{`{"permissions":["aiplatform.endpoints.get"]}`}
	b.run(t, exitFailed, "check")
	if want := "permission   other        FAILED  aiplatform.endpoints.predict is missing\n  -> grant a role with it: gcloud projects add-iam-policy-binding other"; !strings.Contains(b.stdout.String(), want) {
		t.Errorf("no %q:\n%s", want, b.stdout)
	}
}

func TestCheckOfConfiguration(t *testing.T) {
	b := newBooth(t, ", colour: red", "")
	b.run(t, exitFailed, "check")
	for _, want := range []string{"config         FAILED  ", "colour"} {
		if !strings.Contains(b.stdout.String(), want) {
			t.Errorf("no %q:\n%s", want, b.stdout)
		}
	}
	b.says(t, "1 of 1 check failed")
}

func TestCheckOfCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	for text, want := range map[string]string{
		"vertex: {credentials: /nowhere.json, project: p}": "-> To sign in as yourself",
		"vertex: {credentials: none}":                      "-> set vertex.project or GOOGLE_CLOUD_PROJECT",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b := newBooth(t, "", "")
		b.run(t, exitFailed, "check", "--config="+file)
		if !strings.Contains(b.stdout.String(), want) {
			t.Errorf("no %q:\n%s", want, b.stdout)
		}
	}
}

func TestWho(t *testing.T) {
	for want, account := range map[string][2]string{
		"none; a placeholder is sent":        {"none", ""},
		"user me@example.com":                {"authorized_user", "me@example.com"},
		"impersonated service account a@b.c": {"impersonated_service_account", "a@b.c"},
		"the machine's service account":      {"metadata", ""},
	} {
		if got := who(account[0], account[1]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Families and an empty list stand for what they serve: each model once, none retired.
func TestSubjects(t *testing.T) {
	c := config.Default()
	c.Models = []config.Model{{Name: "claude-opus-4-*"}, {Name: "claude-*"}, {Name: "fast", Model: "claude-haiku-4-5"}}
	seen, places := map[string]bool{}, 0
	for _, s := range subjects(c) {
		if key := s.name + " " + s.location; seen[key] {
			t.Errorf("%s twice", key)
		} else {
			seen[key] = true
		}
		if s.model.Status == "retired" {
			t.Errorf("%s is retired", s.name)
		}
	}
	for _, m := range c.Catalogue.Models() {
		if m.Status != "retired" && strings.HasPrefix(m.ID, "claude-") {
			places += len(m.Locations)
		}
	}
	if haiku, _ := c.Catalogue.Find("claude-haiku-4-5"); len(seen) != places+len(haiku.Locations) {
		t.Errorf("%d places, want %d", len(seen), places+len(haiku.Locations))
	}
	if c.Models = nil; len(subjects(c)) <= places {
		t.Errorf("%d places of the whole catalogue, want more than Claude's %d", len(subjects(c)), places)
	}
}

// Every model of the catalogue is asked on a path it has, with JSON.
func TestTrialRequests(t *testing.T) {
	paths := map[string]string{
		catalogue.PathChat: "/v1/chat/completions", catalogue.PathEmbeddings: "/v1/embeddings",
		catalogue.PathOCR: "/v1/ocr", catalogue.PathFIM: "/v1/completions", catalogue.PathCompletions: "/v1/completions",
	}
	for _, m := range catalogue.Builtin().Models() {
		path, body := (&subject{model: m}).request("it")
		offered := false
		for _, p := range m.Paths {
			offered = offered || paths[p] == path
		}
		var request struct{ Model string }
		if err := json.Unmarshal([]byte(body), &request); err != nil || request.Model != "it" || !offered {
			t.Errorf("%s: %s %s: %v", m.ID, path, body, err)
		}
	}
}
