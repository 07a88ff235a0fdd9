package proxy_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const issuerURL = "https://issuer.example.com"

// An issuer signs tokens, and is asked for its keys by its transport only.
type issuer struct {
	t    *testing.T
	key  *rsa.PrivateKey
	down bool
}

func newIssuer(t *testing.T) *issuer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{t: t, key: key}
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	if i.down || r.URL.Scheme+"://"+r.URL.Host != issuerURL {
		return nil, errors.New("nobody there")
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	var answer any = map[string]any{"issuer": issuerURL, "jwks_uri": issuerURL + "/keys", "authorization_endpoint": issuerURL, "token_endpoint": issuerURL,
		"id_token_signing_alg_values_supported": []string{"RS256"}}
	if r.URL.Path == "/keys" {
		e := big.NewInt(int64(i.key.E)).Bytes()
		answer = map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": base64url(i.key.N.Bytes()), "e": base64url(e)}}}
	}
	_ = json.NewEncoder(w).Encode(answer)
	return w.Result(), nil
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (i *issuer) token(claims map[string]any) string {
	all := map[string]any{"iss": issuerURL, "aud": "gateway", "sub": "1234", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	body, err := json.Marshal(all)
	if err != nil {
		i.t.Fatal(err)
	}
	signed := base64url([]byte(`{"alg":"RS256","kid":"1","typ":"JWT"}`)) + "." + base64url(body)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		i.t.Fatal(err)
	}
	return signed + "." + base64url(signature)
}

// Programs that have an identity need no key.
func TestSignIn(t *testing.T) {
	w := newAccounted(t, "")
	i := newIssuer(t)
	w.options.Issuers = i
	w.config = w.load("teams: [{name: robots, jwt: {issuer: '" + issuerURL + "', audience: gateway, claims: {group: robots}}, limits: {requests_per_minute: 2}}]\n")
	w.restart()
	bearer := func(claims map[string]any) []string { return []string{authorization, "Bearer " + i.token(claims)} }
	robot := map[string]any{"group": []string{"people", "robots"}}

	i.down = true
	w.chat(model, "", bearer(robot)...).failure(http.StatusServiceUnavailable, "issuer_unavailable", "")
	w.chat(model, "").failure(http.StatusUnauthorized, "invalid_api_key", "")
	w.chat(model, "", authorization, "Bearer vgw_nothing").failure(http.StatusUnauthorized, "invalid_api_key", "")
	i.down = false
	defer func() { t.Log(w.logged()) }()
	w.eventually("the issuer is asked again", func() bool { return w.chat(model, "", bearer(robot)...).status == http.StatusOK })
	if e := w.entries(); len(e) != 1 || e[0].Team != "robots" || e[0].Key != "jwt:1234" {
		t.Errorf("%+v", e)
	}
	for name, claims := range map[string]map[string]any{
		"another group": {"group": "people"}, "another audience": {"group": "robots", "aud": "other"}, "expired": {"group": "robots", "exp": 1},
		"another issuer": {"group": "robots", "iss": "https://elsewhere.example.com"},
	} {
		if r := w.chat(model, "", bearer(claims)...); r.status != http.StatusUnauthorized {
			t.Errorf("%s: status %d, %s", name, r.status, r.body)
		}
	}
	forged := i.token(robot)
	w.chat(model, "", authorization, "Bearer "+forged[:len(forged)-8]+"AAAAAAAA").failure(http.StatusUnauthorized, "invalid_api_key", "")
	// Limits and reload are those of keys.
	if err := w.gateway.Reload(w.config); err != nil {
		t.Fatal(err)
	}
	w.chat(model, "", bearer(robot)...).completion()
	w.chat(model, "", bearer(robot)...).failure(http.StatusTooManyRequests, "rate_limit_exceeded", "")
	if logged := w.logged(); strings.Contains(logged, forged[strings.LastIndexByte(forged, '.')+1:]) {
		t.Error("the log has a token")
	}
}
