package config

import (
	"slices"

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

// Redacted is a copy of c to show around: of each key's hash only the beginning is left.
func (c *Config) Redacted() *Config {
	shown := *c
	shown.Teams = slices.Clone(c.Teams)
	for i, t := range shown.Teams {
		shown.Teams[i].Keys = slices.Clone(t.Keys)
		for j, k := range t.Keys {
			shown.Teams[i].Keys[j].SHA256 = k.SHA256[:min(8, len(k.SHA256))] + "…"
		}
	}
	return &shown
}
