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
usage:
  store: sqlite:usage.db
  journal: usage-journal.db
  retention: 400d
  sync: true
  on_disconnect: cancel
  labels: true
limits:
  redis: ""
  fail: local
  unknown_price: deny
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
teams:
  - {name: "a: b #c", keys: [{name: "", sha256: `+strings.Repeat("12345678", 8)+`}]}
  - name: "100"
    keys: [{name: "~", sha256: `+strings.Repeat("87654321", 8)+`, limits: {concurrency: 1, usd_per_day: 0.45}}]
    jwt: {issuer: https://i, audience: "1e3", claims: {"true": true, "- b: [c]": "{d}", n: 007, e: "$${x}", "https://c/d.e": "null"}}
    models: ["claude-*", "null"]
    locations: [eu]
    limits: {requests_per_minute: 1, tokens_per_minute: 9000000000, concurrency: 2, usd_per_day: 0.000001, usd_per_month: 1000000000}
    model_limits: [{models: ["*"], limits: {usd_per_month: 33.333333}}, {models: [ft], limits: {tokens_per_minute: 7}}]
  - {name: b, jwt: {issuer: "http://localhost:1", audience: a}}
usage: {store: "postgres://u:p%40@h/d?sslmode=disable", journal: "", retention: 9600h1s, sync: false, on_disconnect: drain, labels: false}
limits: {redis: "rediss://:p@h:1/2", fail: closed, unknown_price: allow}
thinking_store: {entries: 0, ttl: 90s}
fetch: {enabled: false, max_bytes: 1234567, allow_private: [10.0.0.0/8, "fd00::1", 127.0.0.1]}
log: {level: debug, format: console, content: true}
`)
	if got := c.Teams[1].JWT.Claims["e"]; got != "${x}" {
		t.Fatalf("the claim is %q", got)
	}
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

func TestRedactedHidesPasswords(t *testing.T) {
	for _, test := range []struct{ given, want string }{
		{"sqlite:usage.db", "sqlite:usage.db"},
		{"sqlite:a@b:c", "sqlite:a@b:c"},
		{"none", "none"},
		{"", ""},
		{"postgres://u@h/d", "postgres://u@h/d"},
		{"postgres://u:secret@h:5432/d?sslmode=require", "postgres://u:xxxxx@h:5432/d?sslmode=require"},
		{"postgresql://u:sec%40ret@h1:1,h2:2/d", "postgresql://u:xxxxx@h1:1,h2:2/d"},
		{"postgres:///d?host=/run&password=secret&user=u", "postgres:///d?host=%2Frun&password=xxxxx&user=u"},
		{"postgres://h/d?sslpassword=secret", "postgres://h/d?sslpassword=xxxxx"},
		{"redis://:secret@h", "redis://:xxxxx@h"},
		{"redis://u:secret%@h", "xxxxx"},
	} {
		c := Default()
		c.Usage.Store, c.Limits.Redis = test.given, test.given
		shown := c.Redacted()
		if shown.Usage.Store != test.want || shown.Limits.Redis != test.want {
			t.Errorf("%s is shown as %s and %s, want %s", test.given, shown.Usage.Store, shown.Limits.Redis, test.want)
		}
		if c.Usage.Store != test.given {
			t.Errorf("%s was changed to %s", test.given, c.Usage.Store)
		}
	}
}
