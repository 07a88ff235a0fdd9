package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// openIssuers give a token to everybody who asks, most of them for any audience: what such
// a token proves is only who asked. Each with a claim that tells.
//
// https://cloud.google.com/docs/authentication/get-id-token
// https://docs.github.com/en/actions/reference/security/oidc
// https://docs.gitlab.com/ci/secrets/id_token_authentication/
// https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
var openIssuers = map[string]string{
	"https://accounts.google.com":                                                 "email: NAME@PROJECT.iam.gserviceaccount.com",
	"https://token.actions.githubusercontent.com":                                 "repository: OWNER/REPOSITORY",
	"https://gitlab.com":                                                          "project_path: GROUP/PROJECT",
	"https://login.microsoftonline.com/common/v2.0":                               "tid: TENANT",
	"https://login.microsoftonline.com/organizations/v2.0":                        "tid: TENANT",
	"https://login.microsoftonline.com/consumers/v2.0":                            "sub: SUBJECT",
	"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0": "sub: SUBJECT", // consumers by its id
	"https://app.terraform.io":                                                    "terraform_organization_name: ORGANIZATION",
	"https://agent.buildkite.com":                                                 "organization_slug: ORGANIZATION",
}

func (v *validator) jwt(path string, j *JWT) {
	if j == nil {
		return
	}
	v.issuer(path+".issuer", j.Issuer)
	if strings.TrimSpace(j.Audience) == "" {
		v.fail(path+".audience", "%q: missing; it is what stands in the tokens as aud", j.Audience)
	}
	v.claims(path+".claims", j.Claims)
	example, open := openIssuers[strings.TrimSuffix(j.Issuer, "/")]
	if open && !tells(j.Claims) {
		v.fail(path+".claims", "%q gives tokens to everybody; say whose are good, as in %s", j.Issuer, example)
	}
}

// issuer wants a URL from which the keys can be fetched unchanged.
func (v *validator) issuer(path, issuer string) {
	if issuer == "" {
		v.fail(path, "missing; it is what stands in the tokens as iss")
		return
	}
	u := v.url(path, issuer)
	if u != nil && u.Scheme != "https" && !isLoopbackHost(u.Hostname()) {
		v.fail(path, "want https: who changes the keys on their way can sign tokens")
	}
}

func (v *validator) claims(path string, claims map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		at := join(path, name)
		switch {
		case strings.TrimSpace(name) == "":
			v.fail(at, "%q: a claim needs a name", name)
		case name == "iss":
			v.fail(at, "that is issuer")
		case name == "aud":
			v.fail(at, "that is audience")
		case claims[name] == "":
			v.fail(at, "empty; want the value that lets in")
		}
	}
}

// tells reports whether the claims tell one bearer from another.
func tells(claims map[string]string) bool {
	for name := range claims {
		if name != "email_verified" {
			return true
		}
	}
	return false
}

// ambiguous wants no token to be good for two teams.
func (v *validator) ambiguous() {
	teams := v.c.Teams
	for i, t := range teams {
		j := slices.IndexFunc(teams[:i], func(other Team) bool { return t.JWT.overlaps(other.JWT) })
		if j >= 0 {
			v.fail(fmt.Sprintf("teams[%d].jwt", i), "tokens for it are good for teams[%d].jwt too, or the other way; "+
				"with the same issuer and audience each needs a claim that the other's tokens lack", j)
		}
	}
}

// overlaps reports whether all tokens good for one are good for the other too.
func (j *JWT) overlaps(other *JWT) bool {
	if j == nil || other == nil || j.Issuer != other.Issuer || j.Audience != other.Audience {
		return false
	}
	return within(j.Claims, other.Claims) || within(other.Claims, j.Claims)
}

// within reports whether all has everything that some has.
func within(some, all map[string]string) bool {
	for name, value := range some {
		if got, ok := all[name]; !ok || got != value {
			return false
		}
	}
	return true
}
