package main

import (
	"vertexgateway/config"
)

// settings are the flags of the commands that need the whole configuration.
type settings struct {
	Config      string `placeholder:"FILE" help:"Configuration file; none: the defaults."`
	Listen      string `placeholder:"ADDR" help:"Address of the API."`
	AdminListen string `placeholder:"ADDR" help:"Address of metrics and probes."`
	LogLevel    string `placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat   string `placeholder:"FORMAT" help:"json or console."`
}

// load gives the configuration the flags ask for, valid.
func (s *settings) load(sys *system) (*config.Config, error) {
	c, err := config.Load(s.Config, sys.lookupenv)
	if err != nil {
		return nil, err
	}
	c.Apply(config.Overrides{Listen: s.Listen, AdminListen: s.AdminListen, LogLevel: s.LogLevel, LogFormat: s.LogFormat})
	return c, c.Validate()
}
