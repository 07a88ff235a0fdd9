package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const printedDefault = `listen: 127.0.0.1:8080
admin_listen: 127.0.0.1:9090
vertex:
  project: ""
  credentials: adc
  locations: []
  base_url: ""
  anthropic_version: vertex-2023-10-16
  http_version: "1.1"
models: []
capabilities_file: ""
strict: false
fallback:
  max_attempts: 4
  first_token_timeout: 30s
  cooldown: {min: 1s, max: 2m}
teams: []
thinking_store: {entries: 10000, ttl: 1h}
fetch:
  enabled: true
  max_bytes: 5MiB
  allow_private: []
shutdown_grace: 1m
log:
  level: info
  format: json
  content: false
`

func TestDefaultIsPrintedInTheOrderOfTheContract(t *testing.T) {
	got, err := Default().YAML()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(printedDefault, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestPrintedConfigurationLoadsAgain(t *testing.T) {
	c := load(t, `
listen: "[::1]:0"
vertex: {project: "123", credentials: "/a $${b}/$$$${c} # d: 'e'", locations: [us, eu], base_url: "http://localhost:1/x"}
models:
  - name: claude-opus-*
  - {name: "007", model: claude-haiku-5-5, locations: [eu], max_tokens: 5}
  - {name: "true", model: claude-sonnet-5, cache: off, structured_output: tool}
  - {name: "null", model: claude-sonnet-5, cache: auto, structured_output: native, web_search: true}
  - {name: "1e3", model: claude-sonnet-5}
  - {name: code, model: codestral-2, locations: [eu], provisioned_throughput: spill}
  - {name: ft, endpoint: projects/p/locations/us/endpoints/7, url: "http://10.0.0.5:80", upstream_model: "", prices: {pages: 1.5, long: {above: 7}}}
  - {name: psc, endpoint: projects/p/locations/eu/endpoints/8, url: "https://[fd00::5]", upstream_model: "0", tls: {ca_file: ca.pem}}
strict: true
fallback: {max_attempts: 1, first_token_timeout: 1h, cooldown: {min: 0, max: 90s}}
teams: [{name: "- a", keys: [{name: "", sha256: `+strings.Repeat("12345678", 8)+`}]}]
thinking_store: {entries: 0, ttl: 90s}
fetch: {enabled: false, max_bytes: 1234567, allow_private: [10.0.0.0/8, "fd00::1", 127.0.0.1]}
log: {level: debug, format: console, content: true}
`)
	if c.Vertex.Credentials != "/a ${b}/$$${c} # d: 'e'" {
		t.Fatalf("credentials are %q", c.Vertex.Credentials)
	}
	printed, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again := load(t, string(printed))
	if diff := cmp.Diff(c, again, settings); diff != "" {
		t.Errorf("%s\n%s", diff, printed)
	}
}

func TestRedactedHidesHashes(t *testing.T) {
	c := Default()
	c.Teams = []Team{{Name: "a", Keys: []Key{{Name: "k", SHA256: strings.Repeat("0123456789abcdef", 4)}, {SHA256: "short"}}}}
	shown := c.Redacted()
	want := []Team{{Name: "a", Keys: []Key{{Name: "k", SHA256: "01234567…"}, {SHA256: "short…"}}}}
	if diff := cmp.Diff(want, shown.Teams); diff != "" {
		t.Error(diff)
	}
	if c.Teams[0].Keys[1].SHA256 != "short" {
		t.Error("the original was changed")
	}
}
