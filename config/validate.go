package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vertexgateway/translate/catalogue"
)

// emptyHash is the SHA-256 of nothing: what hashing an unset variable gives.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	letter = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digit  = "0123456789"
)

// consists reports whether s holds at least one and only such characters.
func consists(s, of string) bool {
	return s != "" && strings.Trim(s, of) == ""
}

// Validate tells everything that is wrong with c, as joined Problems that point at the
// value in the file or name the flag it came from. Whether files, project and locations
// exist is not asked here.
func (c *Config) Validate() error {
	v := validator{c: c}
	v.listeners()
	v.vertex()
	v.models()
	v.fallback()
	v.teams()
	v.thinkingStore()
	v.fetch()
	v.log()
	return errors.Join(v.problems...)
}

type validator struct {
	c        *Config
	problems []error
}

// fail notes a problem with the setting at path.
func (v *validator) fail(path, format string, args ...any) {
	v.problems = append(v.problems, v.c.problem(path, format, args...))
}

// problem is about the setting at path: at its place in the file, or else at the nearest
// setting around it that the file has.
func (c *Config) problem(path, format string, args ...any) *Problem {
	message := fmt.Sprintf(format, args...)
	if flag := c.source.flags[path]; flag != "" {
		return &Problem{Message: flag + ": " + message}
	}
	message = path + ": " + message
	for at := path; at != ""; at = around(at) {
		if p, ok := c.source.places[at]; ok {
			return c.source.text.problem(p, message)
		}
	}
	return &Problem{Message: message}
}

// around is the path of the setting that holds the one at path.
func around(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

func (v *validator) listeners() {
	c := v.c
	v.address("listen", c.Listen)
	v.address("admin_listen", c.AdminListen)
	if c.Listen == c.AdminListen && !strings.HasSuffix(c.Listen, ":0") {
		v.fail("admin_listen", "%q: the address of listen; each needs its own", c.AdminListen)
	}
	if !c.HasKeys() && !isLoopback(c.Listen) {
		v.fail("listen", "%q: not a loopback address, and without keys anybody could call; "+
			"add a team with a key to teams (a key's sha256), or listen on 127.0.0.1", c.Listen)
	}
}

func (v *validator) address(path, address string) {
	h, port, err := net.SplitHostPort(address)
	if err != nil {
		v.fail(path, "%q: want host:port, as in 127.0.0.1:8080", address)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		v.fail(path, "%q: want a port from 0 to 65535, got %q", address, port)
	}
	if _, err := netip.ParseAddr(h); err != nil && h != "" && !consists(h, letter+digit+"._-") {
		v.fail(path, "%q: want an IP address or a host name, got %q", address, h)
	}
}

// isLoopback is also true of what is no address: that is told by itself.
func isLoopback(address string) bool {
	h, _, err := net.SplitHostPort(address)
	if err != nil || h == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(h)
	return err == nil && ip.Unmap().IsLoopback()
}

func (v *validator) vertex() {
	x := v.c.Vertex
	if x.Project != "" && !consists(x.Project, letter+digit+".:-") {
		v.fail("vertex.project", "%q: not a project id", x.Project)
	}
	if strings.TrimSpace(x.Credentials) == "" {
		v.fail("vertex.credentials", "%q: want adc, none or the path of a credentials file", x.Credentials)
	}
	v.locations("vertex.locations", x.Locations)
	v.baseURL(x.BaseURL)
	if x.AnthropicVersion == "" || strings.ContainsAny(x.AnthropicVersion, " \t\r\n") {
		v.fail("vertex.anthropic_version", "%q: want a version without spaces, as in vertex-2023-10-16", x.AnthropicVersion)
	}
	v.oneOf("vertex.http_version", x.HTTPVersion, "1.1", "2")
}

// locations become host names and path segments, so each is to be a single DNS label.
func (v *validator) locations(path string, locations []string) {
	for i, l := range locations {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case !isLabel(l):
			v.fail(at, "%q: not a location, as global, us or europe-west1 are", l)
		case slices.Contains(locations[:i], l):
			v.fail(at, "%q: named before", l)
		}
	}
}

func isLabel(s string) bool {
	return consists(s, lower+digit+"-") && strings.Trim(s, "-") == s && len(s) <= 63
}

// baseURL is never quoted with a user or a query: they may hold a secret.
func (v *validator) baseURL(s string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		v.fail("vertex.base_url", "want an absolute http or https URL")
	case u.User != nil:
		v.fail("vertex.base_url", "want a URL without user and password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		v.fail("vertex.base_url", "want a URL without query and fragment")
	}
}

func (v *validator) models() {
	if len(v.c.Models) == 0 && !v.served(Model{}, v.c.Catalogue.Models()) {
		v.fail("vertex.locations", "%q: no model of the catalogue is served there", v.c.Vertex.Locations)
	}
	seen := map[string]bool{}
	for i, m := range v.c.Models {
		path := fmt.Sprintf("models[%d]", i)
		if seen[m.Name] {
			v.fail(path+".name", "%q: a second model of this name", m.Name)
		}
		seen[m.Name] = true
		v.locations(path+".locations", m.Locations)
		v.within(path+".locations", m.Locations)
		if m.MaxTokens < 0 {
			v.fail(path+".max_tokens", "%d: want 1 or more; 0 is the model's largest", m.MaxTokens)
		}
		v.oneOf(path+".cache", cmp.Or(m.Cache, "off"), "off", "auto")
		v.oneOf(path+".structured_output", cmp.Or(m.StructuredOutput, "auto"), "auto", "native", "tool")
		if prefix, ok := m.Family(); ok {
			v.family(path, prefix, m)
		} else {
			v.model(path, m)
		}
	}
}

// within holds the promise that nothing outside vertex.locations is ever called.
func (v *validator) within(path string, locations []string) {
	all := v.c.Vertex.Locations
	for i, l := range locations {
		if len(all) > 0 && !slices.Contains(all, l) {
			v.fail(fmt.Sprintf("%s[%d]", path, i), "%q: not in vertex.locations %q, and nothing outside them is ever called", l, all)
		}
	}
}

func (v *validator) family(path, prefix string, m Model) {
	members := v.c.members(prefix)
	switch {
	case m.Model != "":
		v.fail(path+".model", "%q: a family such as %q serves its models under their own names", m.Model, m.Name)
	case strings.Contains(prefix, "*"):
		v.fail(path+".name", "%q: * may only stand at the end", m.Name)
	case len(members) == 0:
		v.fail(path+".name", "%q: no model of the catalogue is named so", m.Name)
	case !v.served(m, members):
		v.fail(path+".name", "%q: none of its models is served in vertex.locations %q", m.Name, v.c.Vertex.Locations)
	}
}

// members are the catalogue's models with a name that begins with prefix, and the rules
// of a new one where any such name would be taken for that.
func (c *Config) members(prefix string) []*catalogue.Model {
	members := slices.DeleteFunc(c.Catalogue.Models(), func(m *catalogue.Model) bool {
		return !slices.ContainsFunc(names(m), func(name string) bool { return strings.HasPrefix(name, prefix) })
	})
	if unlisted, ok := c.Catalogue.Find(prefix + "0"); ok {
		members = append(members, unlisted)
	}
	return members
}

// served reports whether one of the models has a location when asked for by the entry e.
func (v *validator) served(e Model, models []*catalogue.Model) bool {
	return slices.ContainsFunc(models, func(m *catalogue.Model) bool {
		return len(v.c.LocationsOf(e, m)) > 0
	})
}

func (v *validator) model(path string, m Model) {
	if m.Name == "" {
		v.fail(path+".name", "missing; it is what clients send")
		return
	}
	if strings.ContainsAny(m.Name, "* \t\r\n") {
		v.fail(path+".name", "%q: want a name without spaces; * may only stand at the end", m.Name)
		return
	}
	at := path + ".name"
	if m.Model != "" {
		at = path + ".model"
	}
	found, ok := v.c.Catalogue.Find(m.Serves())
	if !ok {
		v.unknown(at, m)
		return
	}
	v.known(path, at, m, found)
}

func (v *validator) unknown(at string, m Model) {
	name := m.Serves()
	if publisher, _, ok := strings.Cut(name, "/"); ok && publisher != anthropic {
		v.fail(at, "%q: this version serves only Claude models", name)
		return
	}
	var all []string
	for _, m := range v.c.Catalogue.Models() {
		all = append(all, names(m)...)
	}
	hint := suggest(name, all)
	if hint == "" && m.Model == "" {
		hint = "; an alias needs `model:` with a name of the catalogue"
	}
	v.fail(at, "%q: unknown model%s", name, hint)
}

// anthropic is the only publisher whose models this version can serve.
const anthropic = "anthropic"

// known checks what only makes sense for a known model.
func (v *validator) known(path, at string, m Model, found *catalogue.Model) {
	if found.Publisher != anthropic {
		v.fail(at, "%q: a model of %s; this version serves only Claude models", m.Serves(), found.Publisher)
		return
	}
	if found.MaxOutput > 0 && m.MaxTokens > found.MaxOutput {
		v.fail(path+".max_tokens", "%d: above the %d that %s can answer with", m.MaxTokens, found.MaxOutput, found.ID)
	}
	if len(v.c.LocationsOf(m, found)) == 0 {
		v.fail(at, "%q: served in %q, none of which is in vertex.locations %q", m.Serves(), found.Locations, v.c.Vertex.Locations)
	}
}

// names are the spellings of m to suggest and to match families with.
func names(m *catalogue.Model) []string {
	undated, _, _ := strings.Cut(m.ID, "@")
	return append([]string{undated, m.ID}, m.Names...)
}

func (v *validator) fallback() {
	f := v.c.Fallback
	if f.MaxAttempts < 1 {
		v.fail("fallback.max_attempts", "%d: want 1 or more", f.MaxAttempts)
	}
	if f.FirstTokenTimeout <= 0 {
		v.fail("fallback.first_token_timeout", "%s: want more than 0", f.FirstTokenTimeout)
	}
	if f.Cooldown.Min > f.Cooldown.Max {
		v.fail("fallback.cooldown.min", "%s: above max, %s", f.Cooldown.Min, f.Cooldown.Max)
	}
}

func (v *validator) teams() {
	teams, hashes := map[string]bool{}, map[string]string{}
	for i, t := range v.c.Teams {
		path := fmt.Sprintf("teams[%d]", i)
		switch {
		case strings.TrimSpace(t.Name) == "":
			v.fail(path+".name", "%q: a team needs a name", t.Name)
		case teams[t.Name]:
			v.fail(path+".name", "%q: a second team of this name", t.Name)
		}
		teams[t.Name] = true
		for j, k := range t.Keys {
			v.key(fmt.Sprintf("%s.keys[%d].sha256", path, j), k.SHA256, hashes)
		}
	}
}

// key never quotes what is no hash: it may be the key itself. hashes :: hash -> its path.
func (v *validator) key(path, sum string, hashes map[string]string) {
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

func (v *validator) thinkingStore() {
	s := v.c.ThinkingStore
	if s.Entries < 0 {
		v.fail("thinking_store.entries", "%d: want 1 or more; 0 keeps nothing", s.Entries)
	}
	if s.TTL <= 0 {
		v.fail("thinking_store.ttl", "%s: want more than 0; entries: 0 keeps nothing", s.TTL)
	}
}

func (v *validator) fetch() {
	if v.c.Fetch.MaxBytes <= 0 {
		v.fail("fetch.max_bytes", "%s: want more than 0; enabled: false fetches nothing", v.c.Fetch.MaxBytes)
	}
}

func (v *validator) log() {
	v.oneOf("log.level", v.c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", v.c.Log.Format, "json", "console")
}

func (v *validator) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		v.fail(path, "%q: want %s or %s", value, strings.Join(allowed[:last], ", "), allowed[last])
	}
}
