package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vertexgateway/translate/catalogue"
)

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
		v.settings(path, m)
		if m.Endpoint != "" {
			v.endpoint(path, m)
			continue
		}
		v.noEndpoint(path, m)
		if prefix, ok := m.Family(); ok {
			v.family(path, prefix, m)
		} else if v.named(path, m) {
			v.model(path, m)
		}
	}
}

// settings checks what stands for itself, whatever is served.
func (v *validator) settings(path string, m Model) {
	v.locations(path+".locations", m.Locations)
	v.within(path+".locations", m.Locations)
	if m.MaxTokens < 0 {
		v.fail(path+".max_tokens", "%d: want 1 or more; 0 is the model's largest", m.MaxTokens)
	}
	v.oneOf(path+".provisioned_throughput", cmp.Or(m.ProvisionedThroughput, "auto"), "auto", "dedicated", "shared", "spill")
	v.oneOf(path+".cache", cmp.Or(m.Cache, "off"), "off", "auto")
	v.oneOf(path+".structured_output", cmp.Or(m.StructuredOutput, "auto"), "auto", "native", "tool")
	if err := m.Prices.Check(); err != nil {
		v.fail(path+".prices", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
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
	members := slices.DeleteFunc(c.Catalogue.Models(), func(m *catalogue.Model) bool { return !m.Begins(prefix) })
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

// named reports whether the entry has one name.
func (v *validator) named(path string, m Model) bool {
	switch {
	case m.Name == "":
		v.fail(path+".name", "missing; it is what clients send")
	case strings.ContainsAny(m.Name, "* \t\r\n"):
		v.fail(path+".name", "%q: want a name without spaces; * may only stand at the end", m.Name)
	default:
		return true
	}
	return false
}

func (v *validator) model(path string, m Model) {
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
	var all []string
	for _, m := range v.c.Catalogue.Models() {
		all = append(all, names(m)...)
	}
	hint := suggest(m.Serves(), all)
	if hint == "" && m.Model == "" {
		hint = "; an alias needs `model:` with a name of the catalogue"
	}
	v.fail(at, "%q: unknown model%s", m.Serves(), hint)
}

// known checks what only makes sense for a known model.
func (v *validator) known(path, at string, m Model, found *catalogue.Model) {
	if found.API != catalogue.APIMessages {
		v.notClaude(path, m)
	}
	if found.MaxOutput > 0 && m.MaxTokens > found.MaxOutput {
		v.fail(path+".max_tokens", "%d: above the %d that %s can answer with", m.MaxTokens, found.MaxOutput, found.ID)
	}
	locations := v.c.LocationsOf(m, found)
	if len(locations) == 0 {
		v.fail(at, "%q: served in %q, none of which is in vertex.locations %q", m.Serves(), found.Locations, v.c.Vertex.Locations)
		return
	}
	p := m.ProvisionedThroughput
	if (p == "dedicated" || p == "spill") && !slices.ContainsFunc(locations, found.ProvisionedIn) {
		v.fail(path+".provisioned_throughput", "%q: %s has no provisioned throughput in %q", p, found.ID, locations)
	}
}

// notClaude refuses what nothing would come of.
func (v *validator) notClaude(path string, m Model) {
	if m.Cache == "auto" {
		v.fail(path+".cache", "%q: only Claude's prompts are marked", m.Cache)
	}
	if m.StructuredOutput == "tool" {
		v.fail(path+".structured_output", "%q: only Claude answers by a tool", m.StructuredOutput)
	}
	if m.WebSearch {
		v.fail(path+".web_search", "true: only Claude searches")
	}
}

// names are the spellings of m to suggest.
func names(m *catalogue.Model) []string {
	undated, _, _ := strings.Cut(m.ID, "@")
	return append([]string{undated, m.ID}, m.Names...)
}

func (v *validator) endpoint(path string, m Model) {
	v.named(path, m)
	location, ok := locationOf(m.Endpoint)
	if all := v.c.Vertex.Locations; !ok {
		v.fail(path+".endpoint", "%q: want projects/PROJECT/locations/LOCATION/endpoints/ID", m.Endpoint)
	} else if len(all) > 0 && !slices.Contains(all, location) {
		v.fail(path+".endpoint", "%q: not in vertex.locations %q, and nothing outside them is ever called", location, all)
	}
	if m.Model != "" {
		v.fail(path+".model", "%q: an endpoint serves a model of its own; what that is called there is upstream_model", m.Model)
	}
	if len(m.Locations) > 0 {
		v.fail(path+".locations", "%q: an endpoint is where its name says", m.Locations)
	}
	if p := m.ProvisionedThroughput; p != "" && p != "auto" {
		v.fail(path+".provisioned_throughput", "%q: an endpoint has machines of its own", p)
	}
	v.notClaude(path, m)
	v.host(path, m)
}

// host checks where an endpoint is reached and how that proves who it is.
func (v *validator) host(path string, m Model) {
	if m.URL == "" {
		if m.TLS != (TLS{}) {
			v.fail(path+".tls", "only beside url: hosts that are looked up prove themselves to everybody")
		}
		return
	}
	u := v.url(path+".url", m.URL)
	if u == nil {
		return
	}
	if u.Scheme+"://"+u.Host != m.URL {
		v.fail(path+".url", "want only https:// or http:// and a host")
	}
	v.tls(path+".tls", m.TLS, u.Scheme)
}

func (v *validator) tls(path string, t TLS, scheme string) {
	switch {
	case t == TLS{}:
	case scheme == "http":
		v.fail(path, "nothing is proven over http")
	case t.InsecureSkipVerify && t.CAFile != "":
		v.fail(path+".insecure_skip_verify", "true: then ca_file %q is good for nothing", t.CAFile)
	case t.ServerName != "" && !consists(t.ServerName, letter+digit+".-"):
		v.fail(path+".server_name", "%q: want a host name", t.ServerName)
	}
}

// noEndpoint refuses what is about an endpoint where there is none.
func (v *validator) noEndpoint(path string, m Model) {
	const only = "only beside endpoint"
	if m.URL != "" {
		v.fail(path+".url", only)
	}
	if m.UpstreamModel != "" {
		v.fail(path+".upstream_model", "%q: "+only, m.UpstreamModel)
	}
	if m.TLS != (TLS{}) {
		v.fail(path+".tls", only)
	}
}
