package fakevertex

import (
	"encoding/base64"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
)

const (
	labelsHeader = "X-Vertex-AI-Labels"
	maxLabels    = 64
)

var (
	labelKey   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
)

// noteLabels wants the labels of a request as Google's bill takes them
// (cloud.google.com/resource-manager/docs/labels-overview). What Vertex says about others
// is not known.
func (c *call) noteLabels() error {
	sent := c.r.Header.Values(labelsHeader)
	if len(sent) == 0 {
		return nil
	}
	labels, r := parseLabels(strings.Join(sent, ", "))
	if r != nil {
		return r
	}
	c.journal.note(c.entry, func(e *Request) { e.Labels = labels })
	return nil
}

func parseLabels(header string) (map[string]string, *refusal) {
	text, err := base64.StdEncoding.Strict().DecodeString(header)
	if err != nil {
		return nil, invalidArgument("%s is not in base64: %v", labelsHeader, err)
	}
	var sent map[string]*string // null is no string
	if err := json.Unmarshal(text, &sent); err != nil || sent == nil {
		return nil, invalidArgument("%s is not a JSON object of strings.", labelsHeader)
	}
	if len(sent) > maxLabels {
		return nil, invalidArgument("%s has %d labels; the maximum is %d.", labelsHeader, len(sent), maxLabels)
	}
	labels := make(map[string]string, len(sent))
	for key, value := range sent {
		if value == nil {
			return nil, invalidArgument("%s is not a JSON object of strings.", labelsHeader)
		}
		if r := checkLabel(key, *value); r != nil {
			return nil, r
		}
		labels[key] = *value
	}
	return labels, nil
}

func checkLabel(key, value string) *refusal {
	if !labelKey.MatchString(key) {
		return invalidArgument("Label key %q must have 1 to 63 lower-case letters, digits, underscores or dashes and begin with a letter.", key)
	}
	if !labelValue.MatchString(value) {
		return invalidArgument("Label value %q must have at most 63 lower-case letters, digits, underscores or dashes.", value)
	}
	return nil
}
