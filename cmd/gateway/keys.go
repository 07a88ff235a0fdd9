package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/config"
	"vertexgateway/usage"
)

type keysCommand struct {
	New newKey `cmd:"" help:"Make an API key for a team."`
}

type newKey struct {
	Team string `required:"" placeholder:"TEAM" help:"Team that the key is for."`
	Name string `placeholder:"NAME" help:"Name of the key, for logs and the usage ledger; default: the day, as 2026-01-31."`
}

// Help is kong's.
func (*newKey) Help() string {
	return "The key is in the first line, and nowhere else: the gateway knows keys by their hash. The rest is for the configuration. To replace a key, add the new one, wait until nobody uses the old one, and take that away."
}

const newKeyForm = `%s

# For the configuration. The last line goes below the keys of the team.
teams:
  - name: %s
    keys:
      - {name: %s, sha256: %q}
`

// Run prints a key, and the lines for the configuration.
func (c *newKey) Run(s *system) error {
	secret := usage.NewSecret()
	key := config.Key{Name: cmp.Or(c.Name, time.Now().UTC().Format(time.DateOnly)), SHA256: usage.Hash(secret)}
	conf := config.Default()
	conf.Teams = []config.Team{{Name: c.Team, Keys: []config.Key{key}}}
	if err := conf.Validate(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.stdout, newKeyForm, secret, yamlString(c.Team), yamlString(key.Name), key.SHA256)
	return err
}

// yamlString is quoted as in JSON, which YAML takes.
func yamlString(s string) string {
	quoted, _ := jsontext.AppendQuote(nil, s) // it fails on invalid UTF-8 only, which was refused
	return string(quoted)
}
