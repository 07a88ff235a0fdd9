package fakevertex

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"vertexgateway/translate/catalogue"
)

// partnerFeatures are what an organisation policy can deny, and whether a request uses it
// (vertex.md 4.3).
var partnerFeatures = map[string]func(*request) bool{
	"structured_outputs": (*request).isStructured,
	"web_search":         (*request).offersSearch,
}

func (r *request) isStructured() bool {
	return r.format() != nil || slices.ContainsFunc(r.Tools, func(t tool) bool { return t.Strict })
}

func (r *request) offersSearch() bool {
	return slices.ContainsFunc(r.Tools, func(t tool) bool { return strings.HasPrefix(t.Type, "web_search_") })
}

// project is the number that Google has for every project here.
const project = 123456789012

// checkPolicy refuses what the organisation denies. Google's text lacks a blank, too.
func (c *call) checkPolicy(r *request) error {
	for _, feature := range c.scenario.Denied {
		uses, known := partnerFeatures[feature]
		if !known || !uses(r) {
			continue
		}
		name, _, _ := strings.Cut(c.path.model, "@")
		return googleError(http.StatusBadRequest, "FAILED_PRECONDITION",
			"Organization Policy constraint constraints/vertexai.allowedPartnerModelFeatures violated for projects/%dattempting to use a disallowed feature %s for Partner model %s. Please contact your organization administrator to change the policy.",
			project, feature, name)
	}
	return nil
}

// played is the model with the scenario's rules.
func (s *Scenario) played(m *catalogue.Model) (*catalogue.Model, error) {
	if m == nil || s.Window == 0 && len(s.Accepts) == 0 {
		return m, nil
	}
	other := *m
	other.Window = cmp.Or(s.Window, m.Window)
	if len(s.Accepts) == 0 {
		return &other, nil
	}
	// Decoding would write into the lists that the catalogue's model shares.
	other.Accepts.Thinking, other.Accepts.Effort = slices.Clone(m.Accepts.Thinking), slices.Clone(m.Accepts.Effort)
	if err := json.Unmarshal(s.Accepts, &other.Accepts, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("accepts: %w", err)
	}
	return &other, nil
}
