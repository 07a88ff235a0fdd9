package config

import (
	"maps"
	"math"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vertexgateway/translate/catalogue"
)

// settings compares what was configured, not where it came from.
var settings = cmp.Options{
	cmpopts.IgnoreUnexported(Config{}),
	cmpopts.IgnoreFields(Config{}, "Catalogue"),
	cmpopts.EquateEmpty(),
	cmpopts.EquateComparable(netip.Prefix{}),
}

// env is an environment of the given NAME=value pairs.
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, p := range pairs {
			if n, value, _ := strings.Cut(p, "="); n == name {
				return value, true
			}
		}
		return "", false
	}
}

// write puts content into gateway.yaml of a fresh working directory.
func write(t *testing.T, content string) {
	t.Helper()
	t.Chdir(t.TempDir())
	replace(t, "gateway.yaml", content)
}

func replace(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// load is the configuration with the given content, which must have no mistake.
func load(t *testing.T, content string, pairs ...string) *Config {
	t.Helper()
	write(t, content)
	c, err := Load("gateway.yaml", env(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultIsValidAndServesTheCatalogue(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if len(c.Catalogue.Models()) == 0 {
		t.Error("the catalogue is empty")
	}
	if c.HasKeys() {
		t.Error("keys without a team")
	}
}

func TestOverridesWinOverTheFileOverTheDefault(t *testing.T) {
	file := "listen: 127.0.0.1:1\nlog: {level: warn}\n"
	for _, test := range []struct {
		name, content string
		given         Overrides
		want          Overrides
	}{
		{"default", "", Overrides{}, Overrides{"127.0.0.1:8080", "127.0.0.1:9090", "info", "json"}},
		{"file", file, Overrides{}, Overrides{"127.0.0.1:1", "127.0.0.1:9090", "warn", "json"}},
		{"some", file, Overrides{Listen: "127.0.0.1:2", LogFormat: "console"}, Overrides{"127.0.0.1:2", "127.0.0.1:9090", "warn", "console"}},
		{"all", file, Overrides{":1", ":2", "debug", "console"}, Overrides{":1", ":2", "debug", "console"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := load(t, test.content)
			c.Apply(test.given)
			got := Overrides{c.Listen, c.AdminListen, c.Log.Level, c.Log.Format}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestModelNames(t *testing.T) {
	for _, test := range []struct {
		model          Model
		serves, prefix string
		family         bool
	}{
		{Model{Name: "a"}, "a", "a", false},
		{Model{Name: "a", Model: "b"}, "b", "a", false},
		{Model{Name: "a", Endpoint: "projects/p/locations/l/endpoints/e"}, "", "a", false},
		{Model{Name: "a-*"}, "a-*", "a-", true},
		{Model{Name: "*"}, "*", "", true},
	} {
		prefix, family := test.model.Family()
		if got := test.model.Serves(); got != test.serves || prefix != test.prefix || family != test.family {
			t.Errorf("%+v: serves %q, family %q %v", test.model, got, prefix, family)
		}
	}
}

func TestLocationsOf(t *testing.T) {
	m := &catalogue.Model{Locations: []string{"a", "b", "c"}}
	for _, test := range []struct {
		name    string
		all, of []string
		want    []string
	}{
		{"the catalogue's", nil, nil, []string{"a", "b", "c"}},
		{"vertex.locations' order, where offered", []string{"c", "x", "a"}, nil, []string{"c", "a"}},
		{"the model's own, even where the catalogue knows nothing of it", []string{"c", "x"}, []string{"x"}, []string{"x"}},
		{"nowhere", []string{"x"}, nil, nil},
	} {
		c := &Config{Vertex: Vertex{Locations: test.all}}
		if diff := cmp.Diff(test.want, c.LocationsOf(Model{Locations: test.of}, m)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func TestLocationsOfAnEndpoint(t *testing.T) {
	c := &Config{Vertex: Vertex{Locations: []string{"us-east5", "us-central1"}}}
	e := Model{Name: "a", Endpoint: "projects/p/locations/us-central1/endpoints/e"}
	if diff := cmp.Diff([]string{"us-central1"}, c.LocationsOf(e, nil)); diff != "" {
		t.Error(diff)
	}
}

func TestLocationOf(t *testing.T) {
	for name, want := range map[string]string{
		"projects/my-project/locations/us-central1/endpoints/1234567890":     "us-central1",
		"projects/123/locations/europe-west4/endpoints/mg-endpoint-1a2b":     "europe-west4",
		"projects/example.com:my-project/locations/us-east5/endpoints/llama": "us-east5",

		"": "", "1234567890": "", "projects/p/locations/l/endpoints": "", "projects/p/locations/l/endpoints/": "",
		"projects/p/locations/l/endpoints/e/": "", "/projects/p/locations/l/endpoints/e": "", "projects/p/locations/l/endpoints/e/x": "",
		"projects//locations/l/endpoints/e": "", "projects/p/locations//endpoints/e": "", "project/p/locations/l/endpoints/e": "",
		"projects/p/location/l/endpoints/e": "", "projects/p/locations/l/models/e": "",
		"projects/../locations/l/endpoints/e": "", "projects/p/locations/../endpoints/e": "", "projects/p/locations/l/endpoints/..": "",
		"projects/p/locations/l/endpoints/e:predict": "", "projects/p/locations/l/endpoints/e?x": "", "projects/p q/locations/l/endpoints/e": "",
		"projects/p/locations/US/endpoints/e": "", "projects/p/locations/l/endpoints/openapi": "",
	} {
		if got, ok := locationOf(name); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %t, want %q", name, got, ok, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "30s": 30 * time.Second, "1m30s": 90 * time.Second, "2m": 2 * time.Minute,
		"1h": time.Hour, "1h0m1s": time.Hour + time.Second, "10m": 10 * time.Minute, "1.5ms": 1500 * time.Microsecond,
		"1d": 24 * time.Hour, "400d": 9600 * time.Hour, "36h": 36 * time.Hour, "106751d": 106751 * 24 * time.Hour,
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%s is read as %v, %v", text, d, err)
		}
		if got := d.String(); got != text && text != "0" {
			t.Errorf("%s is written as %s", text, got)
		}
	}
	for text, want := range map[string]Duration{"24h": Duration(day), "1d12h": Duration(36 * time.Hour), "0d": 0, "007d": Duration(7 * day), "2d0s": Duration(2 * day)} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d != want {
			t.Errorf("%s is read as %v, %v", text, d, err)
		}
	}
	for _, text := range []string{
		"", "30", "30 s", "-1s", "s", "d", "-1d", "+1d", "1.5d", "1h1d", "1d1", "1d-1h", "1d1d", "1 d", "106752d", "106751d24h", "99999999999999999999d",
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, d)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "1": 1, "1000": 1000, "1KB": 1000, "1KiB": 1024, "5MiB": 5 << 20, "5MB": 5e6, "2GiB": 2 << 30, "8GB": 8e9,
		"5242880": 5 << 20, "1025": 1025, "1024KB": 1024000, "9223372036854775807": math.MaxInt64, "007MB": 7e6,
	} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s is read as %d, %v", text, s, err)
		}
		var again Size
		if err := again.UnmarshalText([]byte(want.String())); err != nil || again != want {
			t.Errorf("%d is written as %s and read as %d, %v", want, want, again, err)
		}
	}
	for size, want := range map[Size]string{0: "0", 1: "1", 1023: "1023", 1000: "1KB", 1024: "1KiB", 5 << 20: "5MiB", 8e9: "8GB", 3 << 30: "3GiB", 1024000: "1024KB"} {
		if got := size.String(); got != want {
			t.Errorf("%d is written as %s, want %s", size, got, want)
		}
	}
	for _, text := range []string{"", "MiB", "5 MiB", "5mib", "5M", "5Mb", "-1", "+1", "1.5MiB", "1e6", "0x10", "5_000", "9223372036854775808", "8589934592GiB"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %d", text, s)
		}
	}
}

func TestNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.1.2.3": "10.1.2.3/32", "0.0.0.0/0": "0.0.0.0/0", "fd00::/8": "fd00::/8", "::1": "::1/128", "FD00:0::1": "fd00::1/128",
	} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err != nil || n.String() != want {
			t.Errorf("%s is read as %v, %v", text, n, err)
		}
	}
	for text, want := range map[string]string{
		"":                   `want addresses, as in 10.0.0.0/8 or 10.1.2.3, got ""`,
		"localhost":          `want addresses, as in 10.0.0.0/8 or 10.1.2.3, got "localhost"`,
		"10.0.0.0/33":        `want addresses, as in 10.0.0.0/8 or 10.1.2.3, got "10.0.0.0/33"`,
		"10.0.0.0:80":        `want addresses, as in 10.0.0.0/8 or 10.1.2.3, got "10.0.0.0:80"`,
		"fe80::1%eth0":       `want addresses, as in 10.0.0.0/8 or 10.1.2.3, got "fe80::1%eth0"`,
		"10.1.2.3/8":         `want 10.0.0.0/8, got "10.1.2.3/8"`,
		"::ffff:10.0.0.1":    `want IPv4 addresses without ::ffff:, got "::ffff:10.0.0.1"`,
		"::ffff:10.0.0.0/96": `want IPv4 addresses without ::ffff:, got "::ffff:10.0.0.0/96"`,
	} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q is read as %v, %v", text, n, err)
		}
	}
}

func TestExampleLoadsAndHasEverySetting(t *testing.T) {
	hash := strings.Repeat("0123456789abcdef", 4)
	c, err := Load("example.yaml", env("GOOGLE_CLOUD_PROJECT=my-project", "GATEWAY_CI_KEY_SHA256="+hash))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	want := Default()
	want.Vertex.Project = "my-project"
	want.Vertex.Locations = []string{"global", "us", "eu", "us-central1", "us-east5"}
	want.Models = []Model{
		{Name: "claude-sonnet-4-5"},
		{Name: "claude-opus-*"},
		{Name: "fast", Model: "claude-haiku-4-5", Locations: []string{"us-east5", "global"}, MaxTokens: 8192, Cache: "auto", StructuredOutput: "auto", WebSearch: true},
		{Name: "code", Model: "codestral-2", ProvisionedThroughput: "auto"},
		{Name: "mistralai/new-model"},
		{
			Name: "llama-ft", Endpoint: "projects/my-project/locations/us-central1/endpoints/1234567890",
			URL: "https://10.0.0.5", UpstreamModel: "llama-ft",
			TLS:    TLS{ServerName: "1234567890-us-central1-4711.prediction.p.vertexai.goog"},
			Prices: &catalogue.Prices{Input: 0.10, Output: 0.40},
		},
	}
	want.Teams = []Team{{
		Name: "search",
		Keys: []Key{{Name: "ci", SHA256: hash, Limits: Limits{RequestsPerMinute: 60, Concurrency: 5, USDPerDay: 4.5}}},
		JWT: &JWT{
			Issuer: "https://accounts.google.com", Audience: "https://gateway.example.com",
			Claims: map[string]string{"email": "search@my-project.iam.gserviceaccount.com", "email_verified": "true"},
		},
		Models: []string{"claude-*", "fast"}, Locations: []string{"eu", "us"},
		Limits:      Limits{RequestsPerMinute: 600, TokensPerMinute: 2000000, Concurrency: 50, USDPerDay: 50, USDPerMonth: 900},
		ModelLimits: []ModelLimits{{Models: []string{"claude-opus-*"}, Limits: Limits{TokensPerMinute: 100000, USDPerMonth: 300}}},
	}}
	if diff := cmp.Diff(want, c, settings); diff != "" {
		t.Error(diff)
	}
	printed, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(keys(t, string(printed)), keys(t, string(example))); diff != "" {
		t.Errorf("keys of the printed configuration and of the example differ: %s", diff)
	}
}

// keys are the paths that a file sets.
func keys(t *testing.T, content string) []string {
	t.Helper()
	d := newDocument("", content, env("GOOGLE_CLOUD_PROJECT=p", "GATEWAY_CI_KEY_SHA256=h"))
	d.into(Default())
	return slices.Sorted(maps.Keys(d.places))
}
