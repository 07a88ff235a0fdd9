package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
	before := len(v.problems)
	v.vertex()
	v.models()
	v.modelsAreValid = len(v.problems) == before
	v.fallback()
	v.teams()
	v.usage()
	v.counting()
	v.thinkingStore()
	v.fetch()
	v.log()
	return errors.Join(v.problems...)
}

type validator struct {
	c        *Config
	problems []error
	// modelsAreValid, so that it can be told what is served.
	modelsAreValid bool
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
	return err != nil || isLoopbackHost(h)
}

func isLoopbackHost(h string) bool {
	ip, err := netip.ParseAddr(h)
	return h == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func (v *validator) vertex() {
	x := v.c.Vertex
	if x.Project != "" && !isProject(x.Project) {
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

// isProject takes ids, numbers, and ids behind a domain and a colon.
func isProject(s string) bool {
	return consists(s, letter+digit+".:-") && strings.Trim(s, ".:-") != ""
}

func (v *validator) baseURL(s string) {
	if s != "" {
		v.url("vertex.base_url", s)
	}
}

// url is s parsed, or nil where that is no address. It is never quoted: user and query may
// hold a secret.
func (v *validator) url(path, s string) *url.URL {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		v.fail(path, "want an absolute http or https URL")
	case u.User != nil:
		v.fail(path, "want a URL without user and password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		v.fail(path, "want a URL without query and fragment")
	default:
		return u
	}
	return nil
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
