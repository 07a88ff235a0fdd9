// Package config knows the configuration file: its schema, its defaults, how it is
// read strictly with every mistake pointed at, and how a change of it is noticed. It
// is the only package that reads YAML. It refuses to know what the values do: it opens
// no listener, reads no credentials and calls nothing.
package config

import (
	"slices"
	"time"

	"vertexgateway/translate/catalogue"
)

// Config is the whole configuration. It is made by Load or Default, adjusted by Apply,
// checked by Validate, and not changed afterwards: a reload makes a new one. Relative
// paths in it are relative to the working directory.
type Config struct {
	// Listen is the host:port of the API. Default: 127.0.0.1:8080. A port of 0 takes any
	// free port, an empty host all addresses. Without a team that has a key only a
	// loopback address is valid.
	Listen string `yaml:"listen"`
	// AdminListen is the host:port of metrics, probes and shutdown. Default: 127.0.0.1:9090.
	AdminListen string `yaml:"admin_listen"`
	// Vertex is the upstream.
	Vertex Vertex `yaml:"vertex"`
	// Models are the names clients may use. Empty: the whole catalogue under its own names.
	Models []Model `yaml:"models"`
	// CapabilitiesFile is the path of a YAML or JSON file with a list `models` of
	// catalogue entries, each an id and the fields to change. Empty: none.
	CapabilitiesFile string `yaml:"capabilities_file"`
	// Strict refuses requests of which something would be dropped with a warning. Default: false.
	Strict bool `yaml:"strict"`
	// Fallback tells when the next location is tried.
	Fallback Fallback `yaml:"fallback"`
	// Teams are those who may call. Empty: no key is asked for.
	Teams []Team `yaml:"teams"`
	// Usage is how it is remembered who used what.
	Usage Usage `yaml:"usage"`
	// Limits is where the limits of teams are counted.
	Limits Counting `yaml:"limits"`
	// ThinkingStore keeps thinking for clients that drop it.
	ThinkingStore ThinkingStore `yaml:"thinking_store,flow"`
	// Fetch is about images and documents that clients name by URL.
	Fetch Fetch `yaml:"fetch"`
	// ShutdownGrace is how long running requests may take to finish once the gateway was
	// asked to stop. Default: 60s; 0: they are ended at once.
	ShutdownGrace Duration `yaml:"shutdown_grace"`
	// Log is what is logged and how.
	Log Log `yaml:"log"`

	// Catalogue is the built-in model catalogue with the capabilities file applied. Load
	// and Default set it; it is never nil in their results.
	Catalogue *catalogue.Catalogue `yaml:"-"`

	source source
}

// Vertex is how Vertex AI is reached.
type Vertex struct {
	// Project is the Google Cloud project id. Empty: whoever starts the gateway finds it
	// in the environment or the credentials.
	Project string `yaml:"project"`
	// Credentials is adc (application default credentials, the default), none, or the
	// path of a credentials file.
	Credentials string `yaml:"credentials"`
	// Locations are the only places ever called, in the order tried. Empty: the
	// catalogue's places and order for each model.
	Locations []string `yaml:"locations"`
	// BaseURL replaces scheme and host of every Google call and goes before its path,
	// for an emulator or an egress proxy. Empty: Google's own hosts.
	BaseURL string `yaml:"base_url"`
	// AnthropicVersion is the anthropic_version of every Claude request. Default: vertex-2023-10-16.
	AnthropicVersion string `yaml:"anthropic_version"`
	// HTTPVersion is the protocol spoken to Vertex, 1.1 or 2. Default: 1.1.
	HTTPVersion string `yaml:"http_version"`
}

// Fallback tells when the next location is tried.
type Fallback struct {
	// MaxAttempts is the most calls made upstream for one request. Default: 4, at least 1.
	MaxAttempts int `yaml:"max_attempts"`
	// FirstTokenTimeout is how long a location may take to send its first content before
	// the next one is tried. Default: 30s, above 0.
	FirstTokenTimeout Duration `yaml:"first_token_timeout"`
	// Cooldown is how long a failed location is left alone.
	Cooldown Cooldown `yaml:"cooldown,flow"`
}

// Cooldown bounds how long a failed location is left alone: from Min, rising with
// repeated failures, to Max. Default: 1s and 2m.
type Cooldown struct {
	Min Duration `yaml:"min"`
	Max Duration `yaml:"max"`
}

// Team is a group of callers.
type Team struct {
	// Name identifies the team in logs, metrics, counters and the usage ledger. Required,
	// unique, at most 100 characters, none of them a brace or a control character.
	Name string `yaml:"name"`
	// Keys are the API keys of the team. Empty, and no JWT: nobody can call as this team.
	Keys []Key `yaml:"keys"`
	// JWT lets callers in by a token of an OIDC issuer, besides keys. Nil: none is taken;
	// Load makes one that is empty nil.
	JWT *JWT `yaml:"jwt,omitempty"`
	// Models are the names the team may ask for: of entries or of the catalogue, with a
	// trailing * all that begin so; see Matches and NamesOf. Empty: all.
	Models []string `yaml:"models,omitempty,flow"`
	// Locations are the only places where the team's requests may be answered, fallback
	// included; a subset of Vertex.Locations where those are set. They add none to those
	// where a model is tried. Empty: all.
	Locations []string `yaml:"locations,omitempty,flow"`
	// Limits of all requests of the team together.
	Limits Limits `yaml:"limits,flow"`
	// ModelLimits are further limits, of requests for some models.
	ModelLimits []ModelLimits `yaml:"model_limits,omitempty"`
}

// Key is an API key, known only by its hash.
type Key struct {
	// Name identifies the key in logs and the usage ledger; keys of a team with the same
	// name share their limits, so that a key can be replaced. Empty: it has none.
	Name string `yaml:"name"`
	// SHA256 is the SHA-256 of the whole key in hexadecimal; Load makes it lower case.
	SHA256 string `yaml:"sha256"`
	// Limits of requests with this key, besides those of the team.
	Limits Limits `yaml:"limits,omitempty,flow"`
}

// JWT tells which tokens of an OIDC issuer let callers in.
type JWT struct {
	// Issuer is the https URL that stands in the tokens as iss, and publishes their keys at
	// /.well-known/openid-configuration. Required.
	Issuer string `yaml:"issuer"`
	// Audience is what stands in the tokens as aud. Required.
	Audience string `yaml:"audience"`
	// Claims are further claims that tokens must have, each with this value or, where it is a
	// list, with this element; true and 123 are the text of them. Empty: every token of the
	// issuer for the audience is good, which is refused for issuers that serve everybody. Of
	// two teams with the same issuer and audience neither may have all claims of the other.
	Claims map[string]string `yaml:"claims,flow"`
}

// Limits bound what callers may use. 0: no limit, which in a file is written by leaving it
// out. Budgets are from a millionth of a dollar to a thousand million; without a store of
// usage they begin anew when the process does, or the counters in Redis are lost.
type Limits struct {
	// RequestsPerMinute in any minute.
	RequestsPerMinute int `yaml:"requests_per_minute,omitempty"`
	// TokensPerMinute in any minute, read and written, cached ones too.
	TokensPerMinute int `yaml:"tokens_per_minute,omitempty"`
	// Concurrency is the number of requests at the same time.
	Concurrency int `yaml:"concurrency,omitempty"`
	// USDPerDay are US dollars in a day of UTC.
	USDPerDay float64 `yaml:"usd_per_day,omitempty"`
	// USDPerMonth are US dollars in a month of UTC.
	USDPerMonth float64 `yaml:"usd_per_month,omitempty"`
}

// ModelLimits are limits of requests for some models together.
type ModelLimits struct {
	// Models as in Team.Models. Required, and different from those of other limits.
	Models []string `yaml:"models,flow"`
	// Limits of requests for them, at least one.
	Limits Limits `yaml:"limits,flow"`
}

// Usage is how it is remembered who used what.
type Usage struct {
	// Store is sqlite:PATH, a URL postgres:// or postgresql://..., or none. Default:
	// sqlite:usage.db.
	Store string `yaml:"store"`
	// Journal is the path of the file that keeps rows while the store is down. Default:
	// usage-journal.db; empty: none is kept.
	Journal string `yaml:"journal"`
	// Retention is how long rows are kept, at least 1h and as long as any budget lasts.
	// Default: 400d; 0: for ever.
	Retention Duration `yaml:"retention"`
	// Sync holds the end of an answer back until its row is safe. Default: true.
	Sync bool `yaml:"sync"`
	// OnDisconnect is what happens to the upstream's answer when its client leaves: cancel
	// ends it, drain reads it to the end to know what it cost. Default: cancel.
	OnDisconnect string `yaml:"on_disconnect"`
	// Labels tells Google the team of each request, so that its bill tells teams apart.
	// Default: true.
	Labels bool `yaml:"labels"`
}

// Counting is where the limits of teams are counted.
type Counting struct {
	// Redis is a URL, redis://... or rediss://..., where all replicas count together. Empty:
	// each process counts for itself.
	Redis string `yaml:"redis"`
	// Fail is what happens while Redis is away: local, each process counts for itself; open,
	// everything is admitted; closed, nothing is that has a limit. Default: local.
	Fail string `yaml:"fail"`
	// UnknownPrice is what becomes of a request that has a budget and no known price: deny
	// or allow. Default: deny.
	UnknownPrice string `yaml:"unknown_price"`
}

// ThinkingStore bounds the thinking that is kept, in memory, for clients that do not send
// it back.
type ThinkingStore struct {
	// Entries is the most turns kept, the oldest going first. Default: 10000; 0: none.
	Entries int `yaml:"entries"`
	// TTL is how long one is kept. Default: 1h, above 0.
	TTL Duration `yaml:"ttl"`
}

// Fetch is about images and documents that clients name by URL.
type Fetch struct {
	// Enabled fetches them. Default: true; false: requests that name one are refused.
	Enabled bool `yaml:"enabled"`
	// MaxBytes is the largest fetched, before base64. Default: 5MiB, above 0.
	MaxBytes Size `yaml:"max_bytes"`
	// AllowPrivate are the addresses fetched from although they are not public, over plain
	// HTTP too and on any port. Empty: none.
	AllowPrivate []Network `yaml:"allow_private,flow"`
}

// Log is what is logged and how.
type Log struct {
	// Level is the least severe level logged: debug, info, warn or error. Default: info.
	Level string `yaml:"level"`
	// Format is json or console. Default: json.
	Format string `yaml:"format"`
	// Content logs prompts and answers. Default: false, never.
	Content bool `yaml:"content"`
}

// Default is the configuration of an empty file: valid, loopback only, no keys, the
// whole built-in catalogue.
func Default() *Config {
	return &Config{
		Listen:      "127.0.0.1:8080",
		AdminListen: "127.0.0.1:9090",
		Vertex: Vertex{
			Credentials:      "adc",
			AnthropicVersion: "vertex-2023-10-16",
			HTTPVersion:      "1.1",
		},
		Fallback: Fallback{
			MaxAttempts:       4,
			FirstTokenTimeout: Duration(30 * time.Second),
			Cooldown:          Cooldown{Min: Duration(time.Second), Max: Duration(2 * time.Minute)},
		},
		Usage:         Usage{Store: "sqlite:usage.db", Journal: "usage-journal.db", Retention: Duration(400 * 24 * time.Hour), Sync: true, OnDisconnect: "cancel", Labels: true},
		Limits:        Counting{Fail: "local", UnknownPrice: "deny"},
		ThinkingStore: ThinkingStore{Entries: 10000, TTL: Duration(time.Hour)},
		Fetch:         Fetch{Enabled: true, MaxBytes: 5 << 20},
		ShutdownGrace: Duration(time.Minute),
		Log:           Log{Level: "info", Format: "json"},
		Catalogue:     catalogue.Builtin(),
	}
}

// LocationsOf is where m, asked for by the entry e, is tried, in that order: the location
// of the entry's endpoint, of which there is no m; else the entry's own locations; else
// those of vertex.locations where the catalogue has the model; else the catalogue's.
// Empty: nowhere, the model is not served. The zero Model stands for a model without entry.
func (c *Config) LocationsOf(e Model, m *catalogue.Model) []string {
	if location, ok := locationOf(e.Endpoint); ok {
		return []string{location}
	}
	if len(e.Locations) > 0 {
		return e.Locations
	}
	if len(c.Vertex.Locations) == 0 {
		return m.Locations
	}
	var in []string
	for _, l := range c.Vertex.Locations {
		if slices.Contains(m.Locations, l) {
			in = append(in, l)
		}
	}
	return in
}

// HasKeys reports whether some team has a key or takes tokens, that is, whether callers
// need one.
func (c *Config) HasKeys() bool {
	return slices.ContainsFunc(c.Teams, func(t Team) bool { return len(t.Keys) > 0 || t.JWT != nil })
}

// Overrides are the settings that flags and their environment twins replace. An empty
// one was not given.
type Overrides struct {
	// Listen is --listen, GATEWAY_LISTEN.
	Listen string
	// AdminListen is --admin-listen, GATEWAY_ADMIN_LISTEN.
	AdminListen string
	// LogLevel is --log-level, GATEWAY_LOG_LEVEL.
	LogLevel string
	// LogFormat is --log-format, GATEWAY_LOG_FORMAT.
	LogFormat string
}

// Apply puts the given overrides in place of what the file says. Call it before
// Validate; Watch applies them again at every reload.
func (c *Config) Apply(o Overrides) {
	c.source.overrides = o
	c.source.flags = map[string]string{}
	c.override("listen", &c.Listen, o.Listen, "--listen (GATEWAY_LISTEN)")
	c.override("admin_listen", &c.AdminListen, o.AdminListen, "--admin-listen (GATEWAY_ADMIN_LISTEN)")
	c.override("log.level", &c.Log.Level, o.LogLevel, "--log-level (GATEWAY_LOG_LEVEL)")
	c.override("log.format", &c.Log.Format, o.LogFormat, "--log-format (GATEWAY_LOG_FORMAT)")
}

func (c *Config) override(path string, field *string, value, flag string) {
	if value == "" {
		return
	}
	*field = value
	c.source.flags[path] = flag
}
