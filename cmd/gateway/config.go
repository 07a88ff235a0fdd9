package main

type configCommand struct {
	settings
}

// Run prints the configuration that serve would use with the same flags.
func (c *configCommand) Run(s *system) error {
	conf, err := c.load(s)
	if err != nil {
		return err
	}
	text, err := conf.Redacted().YAML()
	if err != nil {
		return err
	}
	_, err = s.stdout.Write(text)
	return err
}
