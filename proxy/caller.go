package proxy

import (
	"errors"
	"net/http"
	"strings"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
)

// authenticate finds who calls, where that is asked for.
func (x *exchange) authenticate() *openai.Error {
	x.team = &x.snapshot.anyone
	if !x.snapshot.config.HasKeys() {
		return nil
	}
	if name := keyInQuery(x.r); name != "" {
		return unauthorized("An API key must not stand in the URL ('" + name + "'), where logs keep it. Send it as Authorization: Bearer KEY, and replace the key that was sent.")
	}
	secret := presentedKey(x.r.Header)
	if secret == "" {
		return unauthorized("You didn't provide an API key. Send it as Authorization: Bearer KEY.")
	}
	key, ok := x.snapshot.keys.Find(secret)
	if !ok {
		var err *openai.Error
		if key, err = x.signIn(secret); err != nil {
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

// keyInQuery is the parameter of the URL that looks like a key; empty: there is none.
func keyInQuery(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	for name := range r.URL.Query() {
		switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name)) {
		case "key", "apikey", "xapikey", "accesstoken", "token", "authorization":
			return printable(name)
		}
	}
	return ""
}
