package vertex_test

import (
	"strings"
	"testing"

	"vertexgateway/vertex"
)

func target(location, model string) vertex.Target {
	return vertex.Target{Project: "my-project", Location: location, Publisher: "anthropic", Model: model}
}

func TestURL(t *testing.T) {
	const path = "/v1/projects/my-project/locations/LOCATION/publishers/anthropic/models/claude-haiku-4-5@20251001:streamRawPredict"
	for location, host := range map[string]string{
		"global":       "https://aiplatform.googleapis.com",
		"us":           "https://aiplatform.us.rep.googleapis.com",
		"eu":           "https://aiplatform.eu.rep.googleapis.com",
		"us-east5":     "https://us-east5-aiplatform.googleapis.com",
		"europe-west1": "https://europe-west1-aiplatform.googleapis.com",
	} {
		want := host + strings.Replace(path, "LOCATION", location, 1)
		if got := target(location, "claude-haiku-4-5@20251001").URL("", "streamRawPredict"); got != want {
			t.Errorf("%s: %s, want %s", location, got, want)
		}
	}
	if got := target("us", "m").URL("http://127.0.0.1:9/base/", "rawPredict"); got != "http://127.0.0.1:9/base/v1/projects/my-project/locations/us/publishers/anthropic/models/m:rawPredict" {
		t.Errorf("with a base URL: %s", got)
	}
}

// No name leads a request, and the token with it, to another host or path.
func TestCheck(t *testing.T) {
	for _, good := range []vertex.Target{target("global", "claude-opus-5"), target("us-east5", "claude-haiku-4-5@20251001"), {Project: "example.com:my-project", Location: "eu", Publisher: "ai21", Model: "jamba-1.5"}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, location := range []string{"", "evil.example/", "evil.example#", "a.b", "us-east5:443", "-a", "a-", "US", "a b", strings.Repeat("a", 64), "é"} {
		if target(location, "m").Check() == nil {
			t.Errorf("location %q was taken", location)
		}
	}
	for _, model := range []string{"", ".", "..", "...", "a/b", "a?b", "a#b", "a;b", ";", "a:rawPredict", "%2e", "a b", "a\nb", strings.Repeat("a", 300)} {
		if target("us", model).Check() == nil {
			t.Errorf("model %q was taken", model)
		}
	}
}
