package proxy

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
)

// A caller is who sent a request.
type caller struct {
	secret string // that it showed: a key or a token; empty: none
	key    usage.Key
	team   *team // never nil once it is known who calls
}

// authenticate finds who calls, where that is asked for.
func (x *exchange) authenticate() *openai.Error {
	x.team = &x.snapshot.anyone
	if !x.snapshot.config.HasKeys() {
		return nil
	}
	if x.keyInQuery() {
		return unauthorized("An API key must not stand in the URL, where logs keep it. Send it as Authorization: Bearer KEY, and replace the key that was sent.")
	}
	if x.secret == "" {
		return unauthorized("You didn't provide an API key. Send it as Authorization: Bearer KEY.")
	}
	key, ok := x.snapshot.keys.Find(x.secret)
	if !ok {
		var err *openai.Error
		if key, err = x.signIn(x.secret); err != nil {
			return err
		}
	}
	x.key, x.team = key, x.snapshot.teams[key.Team]
	return nil
}

// signIn finds the team that takes a token.
func (x *exchange) signIn(token string) (usage.Key, *openai.Error) {
	key, err := x.snapshot.tokens.Find(x.ctx, token)
	switch {
	case err == nil:
		return key, nil
	case errors.Is(err, usage.ErrIssuer):
		return key, &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.TypeServer, Code: "issuer_unavailable", Cause: err,
			Message: "The gateway cannot reach the issuer of your token to check it."}
	}
	refusal := unauthorized("Incorrect API key provided.")
	refusal.Cause = err
	return key, refusal
}

func unauthorized(message string) *openai.Error {
	return &openai.Error{Status: http.StatusUnauthorized, Type: openai.TypeInvalidRequest, Code: "invalid_api_key", Message: message}
}

// presentedKey is the key or token that a request shows; empty: none.
func presentedKey(h http.Header) string {
	if bearer := h.Get("Authorization"); len(bearer) > len("Bearer ") && strings.EqualFold(bearer[:len("Bearer ")], "Bearer ") {
		return strings.TrimSpace(bearer[len("Bearer "):])
	}
	if key := h.Get("X-Api-Key"); key != "" {
		return key
	}
	return h.Get("Api-Key")
}

// keyInQuery tells whether the URL holds a key, or a parameter that is meant for one.
func (x *exchange) keyInQuery() bool {
	for pair := range strings.FieldsFuncSeq(x.r.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if _, known := x.snapshot.keys.Find(value); known || usage.Redact(value) != value || isForKeys(name) {
			return true
		}
	}
	return false
}

// isForKeys tells whether a parameter of that name is one by which some APIs take keys.
func isForKeys(name string) bool {
	switch strings.NewReplacer("-", "", "_", "", "[", "", "]", "").Replace(strings.ToLower(name)) {
	case "key", "apikey", "xapikey", "accesstoken", "token", "authorization", "apitoken", "auth":
		return true
	}
	return false
}

// hide takes keys and tokens out of a text for logs, the ledger or an answer: clients put
// them where they do not belong, and upstreams quote clients.
func (x *exchange) hide(text string) string {
	text = usage.Redact(text)
	if len(x.secret) < minSecret {
		return text
	}
	return strings.ReplaceAll(text, x.secret, "***")
}

// minSecret keeps a made-up key such as any from taking words out of texts.
const minSecret = 12

// scrub hides keys in an error.
func (x *exchange) scrub(err *openai.Error) *openai.Error {
	if err != nil {
		err.Message, err.Param = x.hide(err.Message), x.hide(err.Param)
	}
	return err
}
