package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
)

// source is where a Config came from: what it takes to load it again, to notice a
// change, and to point at the place of a value.
type source struct {
	path      string
	lookupenv func(string) (string, bool)
	overrides Overrides
	// flags :: path of a setting -> the flag it was overridden by
	flags map[string]string
	text  text
	// places :: path of a setting -> where it stands in text
	places map[string]place
	files  files
}

// files :: path -> hash of what was read there; the zero hash where nothing could be.
type files map[string][sha256.Size]byte

// read is the content of the file at path, remembered.
func (f files) read(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		f[path] = [sha256.Size]byte{}
		return "", err
	}
	f[path] = sha256.Sum256(data)
	return string(data), nil
}

// Load reads the file at path over the defaults; an empty path or file is the defaults.
// ${NAME} inside a value is replaced by what lookupenv (os.LookupEnv) has for NAME, and
// read as the type of the setting; $${ is a literal ${. A list or mapping in braces or
// brackets needs such a value quoted. The error joins a Problem for every mistake found;
// what the values mean is checked by Validate, once the overrides are applied.
func Load(path string, lookupenv func(string) (string, bool)) (*Config, error) {
	c, err := read(path, lookupenv)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// read is Load; beside an error stands the Config as far as it was read, for Watch.
func read(path string, lookupenv func(string) (string, bool)) (*Config, error) {
	c := Default()
	c.source = source{path: path, lookupenv: lookupenv, files: files{}}
	if path != "" {
		if err := c.readFile(); err != nil {
			return c, err
		}
	}
	if c.CapabilitiesFile != "" {
		return c, c.readCapabilities()
	}
	return c, nil
}

func (c *Config) readFile() error {
	content, err := c.source.files.read(c.source.path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	d := newDocument(c.source.path, content, c.source.lookupenv)
	d.into(c)
	c.source.text, c.source.places = d.text, d.places
	for i, t := range c.Teams {
		c.Teams[i].JWT = t.JWT.orNil()
		for j := range t.Keys {
			t.Keys[j].SHA256 = strings.ToLower(t.Keys[j].SHA256)
		}
	}
	return errors.Join(d.problems...)
}

// orNil is j, or nil where nothing is said in it.
func (j *JWT) orNil() *JWT {
	if j == nil || j.Issuer == "" && j.Audience == "" && len(j.Claims) == 0 {
		return nil
	}
	return j
}
