package config

import (
	"strings"

	"vertexgateway/translate/catalogue"
)

// Model is one name that clients may send, or a family of names.
type Model struct {
	// Name is what clients send. With a trailing * it allows every catalogue name that
	// begins so. Required.
	Name string `yaml:"name"`
	// Model is the catalogue's name of what is served. Empty: Name. Not for a family, nor
	// beside Endpoint.
	Model string `yaml:"model,omitempty"`
	// Locations replace the order to try for this model; a subset of Vertex.Locations
	// where those are set. Empty: see Config.LocationsOf. Not beside Endpoint.
	Locations []string `yaml:"locations,omitempty"`
	// ProvisionedThroughput is which capacity is used where provisioned throughput can be
	// had: dedicated, only the provisioned; shared, only the pay-as-you-go; spill,
	// pay-as-you-go once the provisioned is exhausted, which the answer tells; auto, as
	// Vertex chooses. Empty: auto. Not beside Endpoint.
	ProvisionedThroughput string `yaml:"provisioned_throughput,omitempty"`
	// MaxTokens is the output limit in tokens of requests that name none. 0: the model's largest.
	MaxTokens int `yaml:"max_tokens,omitempty"`
	// Cache is auto where the gateway places prompt-cache marks in requests that have
	// none, else off. Empty: off. Only for Claude.
	Cache string `yaml:"cache,omitempty"`
	// StructuredOutput is how an answer is held to a schema: native, by the model's own
	// means; tool, by a tool that takes the answer, only for Claude; auto, native where it
	// can be had. Empty: auto.
	StructuredOutput string `yaml:"structured_output,omitempty"`
	// WebSearch lets clients ask for searches of the web. Default: false. Only for Claude.
	WebSearch bool `yaml:"web_search,omitempty"`
	// Endpoint is the name of an endpoint on Vertex AI with weights of one's own,
	// projects/P/locations/L/endpoints/E. Empty: a model of the catalogue is served.
	Endpoint string `yaml:"endpoint,omitempty"`
	// URL is https:// or http:// and the host of the endpoint, for Private Service Connect
	// an address. Empty: looked up. Only beside Endpoint.
	URL string `yaml:"url,omitempty"`
	// UpstreamModel is the model's name within the endpoint. Empty: looked up. Only beside
	// Endpoint.
	UpstreamModel string `yaml:"upstream_model,omitempty"`
	// TLS is how the host at URL proves who it is. Only beside a URL with https.
	TLS TLS `yaml:"tls,omitempty,flow"`
	// Prices replace those of the catalogue for requests by this name, for a family those of
	// all its models; all zero: they cost nothing. Nil: the catalogue's; of an endpoint unknown.
	Prices *catalogue.Prices `yaml:"prices,omitempty,flow"`
}

// TLS is how a host proves who it is. The zero value: as every host in the world, with a
// certificate for the host of the URL from an authority that the system trusts.
type TLS struct {
	// CAFile is the path of a PEM file with the only authorities, or certificates, that
	// are trusted. Empty: the system's.
	CAFile string `yaml:"ca_file"`
	// ServerName is the name the certificate must be for. Empty: the host of the URL.
	ServerName string `yaml:"server_name"`
	// InsecureSkipVerify takes any certificate. Default: false.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify"`
}

// Serves is the catalogue's name of what the entry serves; empty for an endpoint,
// meaningless for a family.
func (m Model) Serves() string {
	switch {
	case m.Endpoint != "":
		return ""
	case m.Model != "":
		return m.Model
	}
	return m.Name
}

// Family reports whether the entry allows a family, and the prefix of the names in it.
func (m Model) Family() (prefix string, ok bool) {
	return strings.CutSuffix(m.Name, "*")
}

// locationOf is the location in an endpoint's name; not ok where it is no such name.
func locationOf(endpoint string) (string, bool) {
	part := strings.Split(endpoint, "/")
	if len(part) != 6 || part[0] != "projects" || part[2] != "locations" || part[4] != "endpoints" {
		return "", false
	}
	project, location, id := part[1], part[3], part[5]
	return location, isProject(project) && isLabel(location) && isLabel(id) && id != openAPI
}

// openAPI is what stands in the place of an endpoint's id for the models that Vertex
// serves to everybody (vertex.md 1.4).
const openAPI = "openapi"
