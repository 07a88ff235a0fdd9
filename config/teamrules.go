package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the most characters of a name: it stands in labels of metrics and in the names
// of counters.
const maxName = 100

func (v *validator) teams() {
	names, hashes := map[string]bool{}, map[string]string{}
	for i, t := range v.c.Teams {
		path := fmt.Sprintf("teams[%d]", i)
		switch {
		case strings.TrimSpace(t.Name) == "":
			v.fail(path+".name", "%q: a team needs a name", t.Name)
		case names[t.Name]:
			v.fail(path+".name", "%q: a second team of this name", t.Name)
		default:
			v.label(path+".name", t.Name)
		}
		names[t.Name] = true
		v.keys(path+".keys", t.Keys, hashes)
		v.jwt(path+".jwt", t.JWT)
		v.access(path, t)
		v.limits(path+".limits", t.Limits)
		v.modelLimits(path+".model_limits", t.ModelLimits)
	}
	v.ambiguous()
}

// label checks a name that is not empty. Braces mean something in the names of counters.
func (v *validator) label(path, name string) {
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsAny(name, "{}"):
		v.fail(path, "%q: want a name without control characters, { and }", name)
	case name != "" && strings.ContainsRune("=+-@", rune(name[0])):
		v.fail(path, "%q: want a name that begins with a letter or a digit: spreadsheets take others for formulas", name)
	case utf8.RuneCountInString(name) > maxName:
		v.fail(path, "%q: want at most %d characters, got %d", name, maxName, utf8.RuneCountInString(name))
	}
}

// keys :: hashes are those of all teams, each with its path.
func (v *validator) keys(path string, keys []Key, hashes map[string]string) {
	first := map[string]int{}
	for i, k := range keys {
		at := fmt.Sprintf("%s[%d]", path, i)
		v.label(at+".name", k.Name)
		v.hash(at+".sha256", k.SHA256, hashes)
		v.limits(at+".limits", k.Limits)
		if k.Name == "" && k.Limits != (Limits{}) {
			v.fail(at+".limits", "a key with limits needs a name, by which they are counted")
		}
		if j, again := first[k.Name]; !again {
			first[k.Name] = i
		} else if k.Name != "" && k.Limits != keys[j].Limits {
			v.fail(at+".limits", "not those of %s[%d], which has the same name %q and so shares them", path, j, k.Name)
		}
	}
}

// hash never quotes what is none: it may be the key itself.
func (v *validator) hash(path, sum string, hashes map[string]string) {
	switch {
	case len(sum) != len(emptyHash) || !consists(sum, digit+"abcdef"):
		v.fail(path, "want the key's SHA-256 as 64 hexadecimal digits")
	case sum == emptyHash:
		v.fail(path, "the hash of an empty key")
	case hashes[sum] != "":
		v.fail(path, "the same hash as %s", hashes[sum])
	default:
		hashes[sum] = path
	}
}

// patterns wants each to mean something that is served.
func (v *validator) patterns(path string, patterns []string) {
	for i, p := range patterns {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case p == "" || strings.ContainsAny(p, " \t\r\n"):
			v.fail(at, "%q: want the name of a model, or its beginning and a *", p)
		case strings.Contains(strings.TrimSuffix(p, "*"), "*"):
			v.fail(at, "%q: * may only stand at the end", p)
		case slices.Contains(patterns[:i], p):
			v.fail(at, "%q: named before", p)
		case v.modelsAreValid:
			v.pattern(at, p)
		}
	}
}

func (v *validator) pattern(path, p string) {
	var known []string
	for _, o := range v.c.offers([]string{p}) {
		names := NamesOf(o.name, o.model)
		if Matches([]string{p}, names...) {
			return
		}
		known = append(known, names...)
	}
	if strings.HasSuffix(p, "*") {
		v.fail(path, "%q: no model that is served is named so", p)
		return
	}
	v.fail(path, "%q: no model of this name is served%s", p, suggest(p, known))
}

// access wants a model that the team may ask for to have a location that it may use. The list
// only takes away, so it may name more than vertex.locations.
func (v *validator) access(path string, t Team) {
	before := len(v.problems)
	v.patterns(path+".models", t.Models)
	v.locations(path+".locations", t.Locations)
	if len(t.Locations) > 0 && v.modelsAreValid && len(v.problems) == before && !v.c.serves(t) {
		v.fail(path+".locations", "%q: no model that the team may ask for is served there", t.Locations)
	}
}

// serves reports whether anything is served that the team may ask for, where it may use it.
func (c *Config) serves(t Team) bool {
	allowed := func(location string) bool { return slices.Contains(t.Locations, location) }
	return slices.ContainsFunc(c.offers(t.Models), func(o offer) bool {
		return Matches(t.Models, NamesOf(o.name, o.model)...) && slices.ContainsFunc(o.locations, allowed)
	})
}
