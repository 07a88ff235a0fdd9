package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// YAML is the effective configuration as a file with every setting. It loads again as c,
// except for what Redacted hid.
func (c *Config) YAML() ([]byte, error) {
	out, err := yaml.MarshalWithOptions(c, yaml.IndentSequence(true))
	if err != nil {
		return nil, err
	}
	return []byte(escape(string(out))), nil
}

// Redacted is a copy of c to show around: of each key's hash only the beginning is left, and
// no password in an address.
func (c *Config) Redacted() *Config {
	shown := *c
	shown.Usage.Store = withoutPassword(c.Usage.Store)
	shown.Limits.Redis = withoutPassword(c.Limits.Redis)
	shown.Teams = slices.Clone(c.Teams)
	for i, t := range shown.Teams {
		shown.Teams[i].Keys = slices.Clone(t.Keys)
		for j, k := range t.Keys {
			shown.Teams[i].Keys[j].SHA256 = k.SHA256[:min(8, len(k.SHA256))] + "…"
		}
	}
	return &shown
}

// withoutPassword hides what a URL holds of it, also in its query, where PostgreSQL takes
// it too. What is no URL stays: no password can be in it.
func withoutPassword(s string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		return hidden
	}
	query := u.Query()
	for _, name := range []string{"password", "sslpassword"} {
		if query.Has(name) {
			query.Set(name, hidden)
			u.RawQuery = query.Encode()
		}
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), hidden)
	}
	return u.String()
}

// hidden stands where a password was. It needs no escape in a URL.
const hidden = "xxxxx"
