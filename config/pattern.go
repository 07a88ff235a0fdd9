package config

import (
	"slices"
	"strings"

	"vertexgateway/translate/catalogue"
)

// Matches reports whether one of the patterns means one of the names: it is the name, or
// with a trailing * its beginning. Without patterns every name is meant. What Team.Models
// and ModelLimits.Models mean is asked with NamesOf.
func Matches(patterns []string, names ...string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		prefix, open := strings.CutSuffix(p, "*")
		return slices.ContainsFunc(names, func(name string) bool {
			return name == p || open && strings.HasPrefix(name, prefix)
		})
	})
}

// NamesOf are the names that patterns are held against where the entry of that name serves
// m: the name, and the model's with its publisher and without. So a pattern for a model
// allows its aliases too, and one for an alias not the model by itself. The name is empty
// for a family, m nil for an endpoint.
func NamesOf(name string, m *catalogue.Model) []string {
	var all []string
	if name != "" {
		all = append(all, name)
	}
	if m == nil {
		return all
	}
	for _, spelling := range append([]string{m.Undated(), m.ID, strings.ReplaceAll(m.ID, "@", "-")}, m.Names...) {
		all = append(all, spelling, m.Publisher+"/"+spelling)
	}
	return all
}

// An offer is something that clients may ask for.
type offer struct {
	name      string           // of the entry; empty for a family
	model     *catalogue.Model // nil for an endpoint
	locations []string
}

// offers are all that is served somewhere, and of the models that the catalogue lacks those
// that the patterns name. The entries must be valid.
func (c *Config) offers(patterns []string) []offer {
	entries := c.Models
	if len(entries) == 0 {
		entries = []Model{{Name: "*"}}
	}
	taken := c.entitled()
	var all []offer
	for _, e := range entries {
		prefix, family := e.Family()
		switch {
		case e.Endpoint != "":
			all = append(all, offer{e.Name, nil, c.LocationsOf(e, nil)})
		case !family:
			m, _ := c.Catalogue.Find(e.Serves())
			all = append(all, offer{e.Name, m, c.LocationsOf(e, m)})
		default:
			for _, m := range append(c.members(prefix), c.unlisted(prefix, patterns)...) {
				locations := c.LocationsOf(e, m)
				if len(locations) > 0 && !taken[m] {
					taken[m] = true
					all = append(all, offer{"", m, locations})
				}
			}
		}
	}
	return all
}

// entitled are the models with an entry of their own, which goes before families.
func (c *Config) entitled() map[*catalogue.Model]bool {
	taken := map[*catalogue.Model]bool{}
	for _, e := range c.Models {
		if _, family := e.Family(); !family && e.Endpoint == "" && e.Model == "" {
			m, _ := c.Catalogue.Find(e.Name)
			taken[m] = true
		}
	}
	return taken
}

// unlisted are models of a family that the catalogue lacks and the patterns name.
func (c *Config) unlisted(prefix string, patterns []string) []*catalogue.Model {
	var found []*catalogue.Model
	for _, p := range patterns {
		name := p
		if begins, open := strings.CutSuffix(p, "*"); open {
			name = begins + "0"
		}
		if m, ok := c.Catalogue.Find(name); ok && m.Status == "unknown" && m.Begins(prefix) {
			found = append(found, m)
		}
	}
	return found
}
