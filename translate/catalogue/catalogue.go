// Package catalogue knows the models: what they are called, where they run, what
// their requests may hold and what they cost. It is data (models.json) and look-ups;
// no other package names a model.
package catalogue

import (
	"fmt"
	"slices"
	"strings"
)

// defaultDate stands for the date of whichever version is current.
const defaultDate = "@default"

// A Catalogue is a list of models that can be asked by any name clients use. It does
// not change once made, so any number of goroutines may use it. The zero value is
// empty: it finds nothing.
type Catalogue struct {
	models   []*Model
	families []Family
	prefixes []prefix          // what clients write before a name
	byName   map[string]*Model // every spelling of every model, with dashes in versions
}

// A Family says whose model an unlisted name is, so that a model newer than the
// catalogue works on the day it appears.
type Family struct {
	// Prefix starts the names of the family; something must follow it.
	Prefix string `json:"prefix"`
	// Publisher of the family. Its newest model's rules hold for unlisted names.
	Publisher string `json:"publisher"`
}

// Models returns all models in catalogue order: newest first, then those added by
// [Catalogue.Override]. The models are shared and must not be changed.
func (c *Catalogue) Models() []*Model { return slices.Clone(c.models) }

// Find returns the model meant by name, which is one of
//
//   - the id as Vertex spells it, name@date, or as the publisher does, name-date
//   - the id without its date, or with @default in its place
//   - one of the model's further names
//   - any of these with dots in its version as dashes, or the other way: 4.5 is 4-5
//   - any of these after vertex_ai/, PUBLISHER/ and publishers/PUBLISHER/models/, each at
//     most once, the publisher being the model's
//
// Case matters. A listed model is shared and must not be changed. An unlisted name of a
// [Family] is answered with a new model: that name as its ID, the newest listed model's
// rules, no prices, status unknown. So is any other name behind a publisher of a listed
// model that has no family: it has the API and the locations of the publisher's first
// model and offers all that can be asked by that API; without the publisher it is not
// found. The ID is always safe as one segment of a URL path.
func (c *Catalogue) Find(name string) (*Model, bool) {
	publisher, name, ok := c.bare(name)
	if !ok || !safe(name) {
		return nil, false
	}
	m := c.listed(name)
	if m == nil {
		m = c.unlisted(publisher, strings.TrimSuffix(name, defaultDate))
	}
	if m == nil || publisher != "" && m.Publisher != publisher {
		return nil, false
	}
	return m, true
}

// listed is the model of the list that name is a spelling of.
func (c *Catalogue) listed(name string) *Model {
	if m, ok := c.byName[dashes(name)]; ok {
		return m
	}
	return c.byName[dashes(strings.TrimSuffix(name, defaultDate))]
}

// unlisted makes a model of the family that name belongs to, else of the publisher.
func (c *Catalogue) unlisted(publisher, name string) *Model {
	if !safe(name) || strings.HasSuffix(name, defaultDate) {
		return nil
	}
	for _, f := range c.families {
		rest, ok := strings.CutPrefix(name, f.Prefix)
		newest := c.newest(f.Publisher)
		if ok && rest != "" && newest != nil {
			return newest.renamed(dashes(name))
		}
	}
	familial := slices.ContainsFunc(c.families, func(f Family) bool { return f.Publisher == publisher })
	if other := first(publisher, c.models); other != nil && !familial {
		return other.sibling(name)
	}
	return nil
}

// newest is the publisher's last released model, the first of several; nil when there is
// none with a date.
func (c *Catalogue) newest(publisher string) *Model {
	var newest *Model
	for _, m := range c.models {
		if m.Publisher != publisher || m.Released == "" {
			continue
		}
		if newest == nil || m.Released > newest.Released {
			newest = m
		}
	}
	return newest
}

// Override returns a catalogue in which the given models stand in the place of those
// with the same ID, or at the end. They replace whole entries: to change one field, start
// from a copy of what Find returns. The receiver stays as it is. The error names the
// model and the field at fault, or the two models that would share a name.
func (c *Catalogue) Override(models []Model) (*Catalogue, error) {
	all := slices.Clone(c.models)
	given := make(map[string]bool, len(models))
	for i, m := range models {
		if given[m.ID] {
			return nil, fmt.Errorf("models[%d] %q: id: given twice", i, m.ID)
		}
		given[m.ID] = true
		m.complete(apiOf(m.Publisher, all))
		if err := m.check(); err != nil {
			oneLine := strings.ReplaceAll(err.Error(), "\n", "; ") // each belongs to this model
			return nil, fmt.Errorf("models[%d] %q: %s", i, m.ID, oneLine)
		}
		at := slices.IndexFunc(all, func(old *Model) bool { return old.ID == m.ID })
		if at < 0 {
			all = append(all, &m)
		} else {
			all[at] = &m
		}
	}
	return build(all, c.families)
}

// build makes the catalogue of checked models.
func build(models []*Model, families []Family) (*Catalogue, error) {
	c := &Catalogue{
		models:   models,
		families: families,
		prefixes: prefixes(models),
		byName:   make(map[string]*Model),
	}
	for _, m := range models {
		if err := c.add(m); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// add enters every spelling of m.
func (c *Catalogue) add(m *Model) error {
	for _, name := range m.spellings() {
		if other, taken := c.byName[dashes(name)]; taken && other != m {
			return fmt.Errorf("model %q: name %q is also a name of %q", m.ID, name, other.ID)
		}
		c.byName[dashes(name)] = m
	}
	return nil
}
