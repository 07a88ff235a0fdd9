package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"vertexgateway/translate/catalogue"
)

// readCapabilities applies the entries of the capabilities file to the catalogue, one by
// one so that each mistake is told at its entry.
func (c *Config) readCapabilities() error {
	content, err := c.source.files.read(c.CapabilitiesFile)
	if err != nil {
		return c.problem("capabilities_file", "%v", err)
	}
	d := newDocument(c.CapabilitiesFile, content, c.source.lookupenv)
	var file struct {
		Models []ast.Node `yaml:"models"`
	}
	d.into(&file)
	seen := map[string]bool{}
	for i, n := range file.Models {
		if n != nil {
			c.Catalogue = d.override(c.Catalogue, n, fmt.Sprintf("models[%d]", i), seen)
		}
	}
	return errors.Join(d.problems...)
}

// override is known with the entry n laid over the model of its id; known itself where
// the entry is wrong.
func (d *document) override(known *catalogue.Catalogue, n ast.Node, path string, seen map[string]bool) *catalogue.Catalogue {
	m := d.base(known, n, path)
	id, before := m.ID, len(d.problems)
	d.decode(n, path, reflect.ValueOf(&m).Elem())
	m.ID = id
	if len(d.problems) > before {
		return known
	}
	switch {
	case id == "":
		d.fail(n, path+".id", "missing")
		return known
	case seen[id]:
		d.fail(n, path, "a second entry for %q", id)
		return known
	}
	seen[id] = true
	changed, err := known.Override([]catalogue.Model{m})
	if err != nil {
		d.fail(n, path, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return known
	}
	return changed
}

// base is what the entry n changes: the model that goes by its id, the rules of its
// family or, unless the entry names another API, of its publisher, or nothing but the id.
func (d *document) base(known *catalogue.Catalogue, n ast.Node, path string) catalogue.Model {
	glance := *d
	var m catalogue.Model
	glance.decode(n, path, reflect.ValueOf(&m).Elem())
	if found, ok := known.Find(m.ID); ok {
		return *found
	}
	if found, ok := known.Find(m.Publisher + "/" + m.ID); ok && m.API == "" {
		return *found
	}
	return catalogue.Model{ID: m.ID}
}
