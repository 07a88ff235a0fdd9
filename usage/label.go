package usage

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxLabel is how many characters a label of Google Cloud has
// (cloud.google.com/resource-manager/docs/labels-overview, requirements for labels).
const maxLabel = 63

// Label makes the value of a label of Google Cloud from a name: lower case, with _ for what
// cannot stand there. Different names may become one.
func Label(name string) string {
	allowed := func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}
	label := strings.Map(allowed, strings.ToLower(name))
	return label[:min(len(label), maxLabel)]
}

// LabelsHeader is the value of X-Vertex-AI-Labels, by which Google's bill tells teams and
// keys apart (vertex.md 5). Empty: there is no team, and the header should not be sent. A
// key without a name is left out.
func LabelsHeader(team, key string) string {
	if team == "" {
		return ""
	}
	labels := struct {
		Team string `json:"team"`
		Key  string `json:"key,omitempty"`
	}{Label(team), Label(key)}
	text, _ := json.Marshal(labels) // two strings have no error
	return base64.StdEncoding.EncodeToString(text)
}
