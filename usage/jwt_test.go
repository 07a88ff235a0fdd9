package usage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vertexgateway/usage"
)

// A clock stands still between advances.
type clock struct{ seconds atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.seconds.Store(1_800_000_000)
	return c
}

func (c *clock) now() time.Time { return time.Unix(c.seconds.Load(), 0) }

func (c *clock) advance(d time.Duration) { c.seconds.Add(int64(d / time.Second)) }

// An identity is an OIDC issuer: what it publishes, and how often it was asked for it.
type identity struct {
	url   string
	clock *clock
	http.RoundTripper
	// settle waits for what is under way; before the world changes.
	settle func()

	mu      sync.Mutex
	signers []*signer
	broken  func(w http.ResponseWriter, r *http.Request) bool // has answered; nil: it is not broken
	// asked :: path -> requests for it
	asked map[string]int
}

const discovery, jwks = "/.well-known/openid-configuration", "/keys"

func newIdentity(t *testing.T, signers ...*signer) *identity {
	t.Helper()
	i := &identity{clock: newClock(), settle: func() {}, signers: signers, asked: map[string]int{}}
	server := httptest.NewTLSServer(i)
	t.Cleanup(server.Close)
	i.url, i.RoundTripper = server.URL, server.Client().Transport
	return i
}

// inBubble runs a test with an issuer that changes: without a network, so that one can wait
// until the key set of the library has finished what it does beside the tests.
func inBubble(t *testing.T, test func(*testing.T, *identity), signers ...*signer) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		i := &identity{url: bubbleURL, clock: newClock(), settle: synctest.Wait, signers: signers, asked: map[string]int{}}
		i.RoundTripper = transport(i.answer)
		test(t, i)
	})
}

// answer is what the issuer says without a network.
func (i *identity) answer(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.String(), i.url+"/") {
		return nil, fmt.Errorf("asked for %s", r.URL)
	}
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if w.Code == cut {
		return nil, io.ErrUnexpectedEOF
	}
	return w.Result(), nil
}

const bubbleURL = "https://issuer.example"

// cut is the status that stands for a broken connection.
const cut = 999

func (i *identity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked[r.URL.Path]++
	if i.broken != nil && i.broken(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == discovery {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": i.url, "jwks_uri": i.url + jwks, "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		})
		return
	}
	keys := []map[string]string{}
	for _, s := range i.signers {
		keys = append(keys, s.jwk())
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
}

// publish exchanges the keys.
func (i *identity) publish(signers ...*signer) {
	i.settle()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signers = signers
}

func (i *identity) breaks(how func(http.ResponseWriter, *http.Request) bool) {
	i.settle()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.broken = how
}

func (i *identity) count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

func (i *identity) options() usage.TokenOptions {
	return usage.TokenOptions{Transport: i.RoundTripper, Now: i.clock.now}
}

func (i *identity) tokens(trusts ...usage.Trust) *usage.Tokens {
	for n := range trusts {
		if trusts[n].Issuer == "" {
			trusts[n].Issuer = i.url
		}
	}
	return usage.NewTokens(trusts, i.options())
}

// claims are good ones, but for changes; nil takes one away.
func (i *identity) claims(changes map[string]any) map[string]any {
	at := i.clock.now().Unix()
	all := map[string]any{"iss": i.url, "aud": "gateway", "sub": "1", "iat": at, "exp": at + 3600}
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

func wantKey(t *testing.T, tokens *usage.Tokens, token string, want usage.Key) {
	t.Helper()
	if got, err := tokens.Find(t.Context(), token); err != nil || got != want {
		t.Errorf("found %+v, %v, want %+v", got, err, want)
	}
}

// wantError wants one of the two errors, and nothing of the token in its text.
func wantError(t *testing.T, tokens *usage.Tokens, token string, want error) {
	t.Helper()
	key, err := tokens.Find(t.Context(), token)
	if !errors.Is(err, want) || errors.Is(err, usage.ErrToken) == errors.Is(err, usage.ErrIssuer) || key != (usage.Key{}) {
		t.Errorf("found %+v, %v, want %v", key, err, want)
		return
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 && strings.Contains(err.Error(), part) {
			t.Errorf("the error holds a part of the token: %v", err)
		}
	}
}

func TestTokenClaims(t *testing.T) {
	s := newES256(t, "a")
	i := newIdentity(t, s)
	tokens := i.tokens(
		usage.Trust{Team: "nobody"},
		usage.Trust{Team: "empty claim", Audience: "gateway", Claims: map[string]string{"empty": ""}},
		usage.Trust{Team: "list", Audience: "gateway", Claims: map[string]string{"groups": "search", "level": "2"}},
		usage.Trust{Team: "yes", Audience: "gateway", Claims: map[string]string{"admin": "true"}},
		usage.Trust{Team: "second", Audience: "gateway", Claims: map[string]string{"admin": "true"}},
		usage.Trust{Team: "other", Audience: "other"},
	)
	tests := map[string]struct {
		claims map[string]any
		team   string // empty: ErrToken
		name   string // empty: jwt:1
	}{
		"nothing fits":            {nil, "", ""},
		"an empty string":         {map[string]any{"empty": ""}, "empty claim", ""},
		"null is not empty":       {map[string]any{"empty": nil}, "", ""},
		"list and number":         {map[string]any{"groups": []string{"ads", "search"}, "level": 2}, "list", ""},
		"string and string":       {map[string]any{"groups": "search", "level": "2"}, "list", ""},
		"number in a list":        {map[string]any{"groups": "search", "level": []int{1, 2}}, "list", ""},
		"one of two":              {map[string]any{"groups": "search"}, "", ""},
		"part of a word":          {map[string]any{"groups": "searching", "level": 2}, "", ""},
		"object":                  {map[string]any{"groups": map[string]string{"search": "search"}, "level": 2}, "", ""},
		"another number":          {map[string]any{"groups": "search", "level": 2.5}, "", ""},
		"the first that fits":     {map[string]any{"admin": true}, "yes", ""},
		"false":                   {map[string]any{"admin": false}, "", ""},
		"case counts":             {map[string]any{"Admin": true}, "", ""},
		"another audience":        {map[string]any{"aud": "other"}, "other", ""},
		"empty audience":          {map[string]any{"aud": ""}, "", ""},
		"several audiences":       {map[string]any{"aud": []string{"x", "other"}}, "other", ""},
		"verified email":          {map[string]any{"aud": "other", "email": "a@b.example", "email_verified": true}, "other", "jwt:a@b.example"},
		"verified by a string":    {map[string]any{"aud": "other", "email": "a@b.example", "email_verified": "true"}, "other", "jwt:a@b.example"},
		"email that is not":       {map[string]any{"aud": "other", "email": "a@b.example", "email_verified": false}, "other", ""},
		"email of nobody":         {map[string]any{"aud": "other", "email": "a@b.example"}, "other", ""},
		"a name made for the log": {map[string]any{"aud": "other", "sub": "a\nb\x1b[0m\u202e{}" + strings.Repeat("ü", 200)}, "other", "jwt:a_b_[0m___" + strings.Repeat("ü", 100-len("jwt:a_b_[0m___"))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			token := s.sign(t, i.claims(test.claims))
			if test.team == "" {
				wantError(t, tokens, token, usage.ErrToken)
				return
			}
			want := usage.Key{Team: test.team, Name: test.name}
			if want.Name == "" {
				want.Name = "jwt:1"
			}
			wantKey(t, tokens, token, want)
			wantKey(t, tokens, token, want) // now from memory
		})
	}
}

func TestTokenAlgorithms(t *testing.T) {
	all := everySigner(t)
	i := newIdentity(t, all...)
	tokens := i.tokens(usage.Trust{Team: "a", Audience: "gateway"})
	for _, s := range all {
		t.Run(s.alg, func(t *testing.T) {
			wantKey(t, tokens, s.sign(t, i.claims(nil)), usage.Key{Team: "a", Name: "jwt:1"})
		})
	}
}

func TestBadTokens(t *testing.T) {
	s, rs, stranger := newES256(t, "a"), newRS256(t, "rsa"), newES256(t, "a")
	i := newIdentity(t, s, rs)
	tokens := i.tokens(usage.Trust{Team: "a", Audience: "gateway"}, usage.Trust{Team: "b", Audience: "gateway", Issuer: "https://other.example"})
	at := i.clock.now().Unix()
	good := s.sign(t, i.claims(nil))
	parts := strings.Split(good, ".")
	other := strings.Split(s.sign(t, i.claims(map[string]any{"sub": "2"})), ".")
	claims := func(name string, value any) string { return s.sign(t, i.claims(map[string]any{name: value})) }
	bad := map[string]string{
		"empty":              "",
		"a key":              usage.NewSecret(),
		"dots":               "..",
		"not base64":         parts[0] + ".+." + parts[2],
		"not JSON":           parts[0] + ".AAAA." + parts[2],
		"two parts":          parts[0] + "." + parts[1],
		"four parts":         good + ".AAAA",
		"five parts":         good + ".AAAA.AAAA",
		"no signature":       parts[0] + "." + parts[1] + ".",
		"huge":               claims("pad", strings.Repeat("x", 20<<10)),
		"padded":             good + "=",
		"with a line break":  good + "\n",
		"JSON serialization": fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]),
		"another payload":    parts[0] + "." + other[1] + "." + parts[2],
		"another signature":  parts[0] + "." + parts[1] + "." + other[2],
		"a stranger's key":   stranger.sign(t, i.claims(nil)),
		"unknown key":        newES256(t, "b").sign(t, i.claims(nil)),
		"audience":           claims("aud", "gateways"),
		"no audience":        claims("aud", nil),
		"unknown issuer":     claims("iss", "https://evil.example"),
		"issuer with slash":  claims("iss", i.url+"/"),
		"no issuer":          claims("iss", nil),
		"issuer of another":  claims("iss", "accounts.google.com"),
		"expired":            claims("exp", at-60),
		"never expires":      claims("exp", nil),
		"expiry of a string": claims("exp", "tomorrow"),
		"not yet":            claims("nbf", at+61),
		"issued tomorrow":    claims("iat", at+61),
		"alg none":           (&signer{alg: "none", kid: "a"}).sign(t, i.claims(nil)),
		"alg None":           (&signer{alg: "None", kid: "a"}).sign(t, i.claims(nil)),
		"alg HS256":          hmacSigner("HS256", "rsa", rs.public(t)).sign(t, i.claims(nil)),
		"alg HS512":          hmacSigner("HS512", "rsa", rs.public(t)).sign(t, i.claims(nil)),
		"alg of another key": rs.as("ES256").sign(t, i.claims(nil)),
		"critical header":    s.with("crit", []string{"new"}).with("new", true).sign(t, i.claims(nil)),
		"own key in header":  stranger.with("jwk", stranger.jwk()).sign(t, i.claims(nil)),
	}
	wantKey(t, tokens, good, usage.Key{Team: "a", Name: "jwt:1"})
	for name, token := range bad {
		t.Run(name, func(t *testing.T) { wantError(t, tokens, token, usage.ErrToken) })
	}
	wantError(t, tokens.With(nil), good, usage.ErrToken)
	for _, token := range []string{claims("exp", at-59), claims("nbf", at+59), claims("iat", at+59), claims("exp", 1e18), claims("exp", float64(at)+0.5), claims("iat", nil)} {
		wantKey(t, tokens, token, usage.Key{Team: "a", Name: "jwt:1"})
	}
	if n := i.count("/keys"); n > 1 {
		t.Errorf("wrong tokens made the gateway ask for keys %d times at once", n)
	}
}

// TestAlikeTokens: all tokens of an issuer begin alike.
func TestAlikeTokens(t *testing.T) {
	s := newES256(t, "a")
	i := newIdentity(t, s)
	tokens := i.tokens(usage.Trust{Team: "a", Audience: "gateway"})
	one, two := s.sign(t, i.claims(map[string]any{"sub": "1"})), s.sign(t, i.claims(map[string]any{"sub": "2"}))
	if one[:40] != two[:40] {
		t.Fatalf("%.40s and %.40s are not alike", one, two)
	}
	for range 2 {
		wantKey(t, tokens, one, usage.Key{Team: "a", Name: "jwt:1"})
		wantKey(t, tokens, two, usage.Key{Team: "a", Name: "jwt:2"})
	}
}

// TestPasses: a good token is not looked at again, for a while and not beyond its end.
func TestPasses(t *testing.T) {
	old, young := newES256(t, "old"), newES256(t, "young")
	inBubble(t, func(t *testing.T, i *identity) { testPasses(t, i, old, young) }, old)
}

func testPasses(t *testing.T, i *identity, old, young *signer) {
	t.Helper()
	tokens := i.tokens(usage.Trust{Team: "a", Audience: "gateway"})
	hour, minute := old.sign(t, i.claims(nil)), old.sign(t, i.claims(map[string]any{"exp": i.clock.now().Unix() + 60, "sub": "2"}))
	key := usage.Key{Team: "a", Name: "jwt:1"}
	wantKey(t, tokens, hour, key)
	wantKey(t, tokens, minute, usage.Key{Team: "a", Name: "jwt:2"})

	i.publish(young)
	i.clock.advance(10 * time.Second)
	wantKey(t, tokens, young.sign(t, i.claims(nil)), key)
	i.settle()
	wantError(t, tokens, old.sign(t, i.claims(nil)), usage.ErrToken) // which the passes have not seen
	wantKey(t, tokens, hour, key)

	i.clock.advance(109 * time.Second) // with the leeway, a second more
	wantKey(t, tokens, minute, usage.Key{Team: "a", Name: "jwt:2"})
	i.clock.advance(time.Second)
	wantError(t, tokens, minute, usage.ErrToken)
	i.clock.advance(179 * time.Second)
	wantKey(t, tokens, hour, key)
	i.clock.advance(time.Second)
	wantError(t, tokens, hour, usage.ErrToken)
}

func TestKeyRotation(t *testing.T) {
	first, second, third := newES256(t, "1"), newRS256(t, "2"), newES256(t, "3")
	inBubble(t, func(t *testing.T, i *identity) { testKeyRotation(t, i, first, second, third) }, first)
}

func testKeyRotation(t *testing.T, i *identity, first, second, third *signer) {
	t.Helper()
	tokens := i.tokens(usage.Trust{Team: "a", Audience: "gateway"})
	key := usage.Key{Team: "a", Name: "jwt:1"}
	wantKey(t, tokens, first.sign(t, i.claims(nil)), key)
	i.publish(first, second)
	i.clock.advance(10 * time.Second)
	wantKey(t, tokens, second.sign(t, i.claims(nil)), key)
	wantKey(t, tokens, first.sign(t, i.claims(nil)), key)
	i.publish(second, third)
	wantError(t, tokens, third.sign(t, i.claims(nil)), usage.ErrToken) // they were read just now
	i.settle()
	i.clock.advance(5 * time.Second)
	wantKey(t, tokens, third.sign(t, i.claims(nil)), key)
	if found, keys := i.count(discovery), i.count(jwks); found != 1 || keys != 3 {
		t.Errorf("asked %d times where the keys are, %d times for them, want 1 and 3", found, keys)
	}
}

// answers is how an issuer breaks at one of its paths.
func answers(path string, status int, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == path {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
		return r.URL.Path == path
	}
}

func redirects(path, to string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == path {
			http.Redirect(w, r, to, http.StatusFound)
		}
		return r.URL.Path == path
	}
}

func TestIssuerDown(t *testing.T) {
	s := newES256(t, "a")
	document := func(issuer, keys string) string { return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, keys) }
	large := `{"keys":[]}` + strings.Repeat(" ", 1<<20)
	tests := map[string]func(http.ResponseWriter, *http.Request) bool{
		"down":                 answers(discovery, 503, document(bubbleURL, bubbleURL+jwks)),
		"cut":                  answers(discovery, cut, ""),
		"another issuer":       answers(discovery, 200, document("https://other.example", bubbleURL+jwks)),
		"no JSON":              answers(discovery, 200, "<html>"),
		"keys nowhere":         answers(discovery, 200, document(bubbleURL, "")),
		"keys without TLS":     answers(discovery, 200, document(bubbleURL, "http://keys.example/keys")),
		"large":                answers(discovery, 200, document(bubbleURL, bubbleURL+jwks)+strings.Repeat(" ", 1<<20)),
		"redirect in a circle": redirects(discovery, discovery),
		"keys down":            answers(jwks, 500, `{"keys":[]}`),
		"keys cut":             answers(jwks, cut, ""),
		"keys are no JSON":     answers(jwks, 200, "<html>"),
		"keys are none":        answers(jwks, 200, `{"keys":[{"kty":"EC"}]}`),
		"keys large":           answers(jwks, 200, large),
	}
	for name, broken := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, i *identity) { testIssuerDown(t, i, s, broken) }, s)
		})
	}
}

func testIssuerDown(t *testing.T, i *identity, s *signer, broken func(http.ResponseWriter, *http.Request) bool) {
	t.Helper()
	tokens := i.tokens(usage.Trust{Team: "a", Audience: "gateway"})
	token := s.sign(t, i.claims(nil))
	i.breaks(broken)
	wantError(t, tokens, token, usage.ErrIssuer)
	asked := i.count(discovery) + i.count(jwks)
	if asked > 5 {
		t.Errorf("asked %d times", asked)
	}
	for range 20 {
		wantError(t, tokens, token, usage.ErrIssuer)
	}
	i.clock.advance(4 * time.Second)
	wantError(t, tokens, token, usage.ErrIssuer)
	if again := i.count(discovery) + i.count(jwks); again != asked {
		t.Errorf("asked %d times more in the same moment", again-asked)
	}
	i.breaks(nil)
	i.clock.advance(time.Second)
	wantKey(t, tokens, token, usage.Key{Team: "a", Name: "jwt:1"})
}

// TestIssuerRedirectsAway: another host is never asked, though it would answer the same.
func TestIssuerRedirectsAway(t *testing.T) {
	s := newES256(t, "a")
	for _, path := range []string{discovery, jwks} {
		i, elsewhere := newIdentity(t, s), newIdentity(t, s)
		i.breaks(redirects(path, elsewhere.url+path))
		wantError(t, i.tokens(usage.Trust{Team: "a", Audience: "gateway"}), s.sign(t, i.claims(nil)), usage.ErrIssuer)
		if n := elsewhere.count(path); n != 0 || i.count(path) != 1 {
			t.Errorf("%s: asked %d times, and elsewhere %d times", path, i.count(path), n)
		}
	}
}

func TestIssuerRedirectsAtHome(t *testing.T) {
	s := newES256(t, "a")
	i := newIdentity(t, s)
	i.breaks(redirects(jwks, "/keys/current"))
	wantKey(t, i.tokens(usage.Trust{Team: "a", Audience: "gateway"}), s.sign(t, i.claims(nil)), usage.Key{Team: "a", Name: "jwt:1"})
}

// TestIssuerStaysWithTLS: also where its own redirect says otherwise.
func TestIssuerStaysWithTLS(t *testing.T) {
	s := newES256(t, "a")
	c := newClock()
	tokens := usage.NewTokens([]usage.Trust{
		{Team: "a", Issuer: "https://i.example", Audience: "gateway"}, {Team: "b", Issuer: "http://i.example", Audience: "gateway"},
	}, usage.TokenOptions{Now: c.now, Transport: transport(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		if r.URL.Scheme == "https" {
			http.Redirect(w, r, "http://i.example"+r.URL.Path, http.StatusFound)
			return w.Result(), nil
		}
		t.Errorf("asked for %s", r.URL)
		return w.Result(), nil
	})})
	for _, url := range []string{"https://i.example", "http://i.example"} {
		wantError(t, tokens, s.sign(t, map[string]any{"iss": url, "aud": "gateway", "sub": "1", "exp": c.now().Unix() + 60}), usage.ErrIssuer)
	}
}

// TestIssuerOfThisMachine needs no TLS, as in the configuration.
func TestIssuerOfThisMachine(t *testing.T) {
	s := newES256(t, "a")
	i := newIdentity(t, s)
	server := httptest.NewServer(i)
	defer server.Close()
	i.url = server.URL
	wantKey(t, i.tokens(usage.Trust{Team: "a", Audience: "gateway"}), s.sign(t, i.claims(nil)), usage.Key{Team: "a", Name: "jwt:1"})
}

// TestKnownKeysOutlastTheIssuer: while it is down, tokens with keys that were read are good.
func TestKnownKeysOutlastTheIssuer(t *testing.T) {
	s := newES256(t, "a")
	inBubble(t, func(t *testing.T, i *identity) {
		tokens := i.tokens(usage.Trust{Team: "a", Audience: "gateway"})
		wantKey(t, tokens, s.sign(t, i.claims(nil)), usage.Key{Team: "a", Name: "jwt:1"})
		i.breaks(answers(jwks, cut, ""))
		i.clock.advance(time.Hour)
		wantKey(t, tokens, s.sign(t, i.claims(nil)), usage.Key{Team: "a", Name: "jwt:1"})
		wantError(t, tokens, newES256(t, "b").sign(t, i.claims(nil)), usage.ErrIssuer) // which may be a new key
	}, s)
}

func TestConcurrentFirstTokens(t *testing.T) {
	s := newES256(t, "a")
	inBubble(t, func(t *testing.T, i *identity) {
		tokens := i.tokens(usage.Trust{Team: "a", Audience: "gateway"})
		i.breaks(func(http.ResponseWriter, *http.Request) bool {
			time.Sleep(time.Second) // all come meanwhile
			return false
		})
		var all sync.WaitGroup
		for n := range 100 {
			token := s.sign(t, i.claims(map[string]any{"sub": strconv.Itoa(n % 50)}))
			all.Go(func() { wantKey(t, tokens, token, usage.Key{Team: "a", Name: "jwt:" + strconv.Itoa(n%50)}) })
		}
		all.Wait()
		if found, keys := i.count(discovery), i.count(jwks); found != 1 || keys != 1 {
			t.Errorf("asked %d times where the keys are, %d times for them, want 1 and 1", found, keys)
		}
	}, s)
}

// TestHangUpIsNoFailure: who leaves while the issuer is asked spoils it for nobody.
func TestHangUpIsNoFailure(t *testing.T) {
	s := newES256(t, "a")
	inBubble(t, func(t *testing.T, i *identity) {
		tokens := i.tokens(usage.Trust{Team: "a", Audience: "gateway"})
		token := s.sign(t, i.claims(nil))
		ctx, leave := context.WithCancel(t.Context())
		i.breaks(func(http.ResponseWriter, *http.Request) bool {
			leave()
			return true
		})
		if _, err := tokens.Find(ctx, token); !errors.Is(err, usage.ErrIssuer) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want that the issuer was not asked to the end", err)
		}
		i.breaks(nil)
		wantKey(t, tokens, token, usage.Key{Team: "a", Name: "jwt:1"})
	}, s)
}

// TestReloadKeepsKeys: not so the teams.
func TestReloadKeepsKeys(t *testing.T) {
	s := newES256(t, "a")
	i := newIdentity(t, s)
	before := i.tokens(usage.Trust{Team: "a", Audience: "gateway"})
	token := s.sign(t, i.claims(nil))
	wantKey(t, before, token, usage.Key{Team: "a", Name: "jwt:1"})
	after := before.With([]usage.Trust{{Team: "b", Issuer: i.url, Audience: "gateway"}, {Team: "c", Issuer: "https://new.example", Audience: "x"}})
	wantKey(t, after, token, usage.Key{Team: "b", Name: "jwt:1"})
	wantKey(t, before, token, usage.Key{Team: "a", Name: "jwt:1"})
	wantError(t, after.With([]usage.Trust{{Team: "b", Issuer: i.url, Audience: "other"}}), token, usage.ErrToken)
	if found, keys := i.count(discovery), i.count(jwks); found != 1 || keys != 1 {
		t.Errorf("asked %d times where the keys are, %d times for them, want 1 and 1", found, keys)
	}
}

// A transport answers in place of the network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestGoogle: identity tokens of service accounts, whose keys are on another host and whose
// issuer is written in two ways.
func TestGoogle(t *testing.T) {
	s := newRS256(t, "g")
	published := map[string]any{
		"https://accounts.google.com" + discovery:    map[string]any{"issuer": "https://accounts.google.com", "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs"},
		"https://www.googleapis.com/oauth2/v3/certs": map[string]any{"keys": []any{s.jwk()}},
	}
	c := newClock()
	tokens := usage.NewTokens([]usage.Trust{{
		Team: "a", Issuer: "https://accounts.google.com", Audience: "https://gateway.example", Claims: map[string]string{"email": "ci@p.iam.gserviceaccount.com"},
	}}, usage.TokenOptions{Now: c.now, Transport: transport(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		err := json.NewEncoder(w).Encode(published[r.URL.String()])
		return w.Result(), err
	})})
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": "https://gateway.example", "azp": "117", "sub": "117",
		"email": "ci@p.iam.gserviceaccount.com", "email_verified": true, "iat": c.now().Unix(), "exp": c.now().Unix() + 3600,
	}
	want := usage.Key{Team: "a", Name: "jwt:ci@p.iam.gserviceaccount.com"}
	wantKey(t, tokens, s.sign(t, claims), want)
	claims["iss"] = "accounts.google.com"
	delete(claims, "email_verified")
	wantKey(t, tokens, s.sign(t, claims), want)
	claims["email"] = "other@p.iam.gserviceaccount.com"
	wantError(t, tokens, s.sign(t, claims), usage.ErrToken)
}

func BenchmarkTokens(b *testing.B) {
	s := newES256(b, "a")
	c := newClock()
	tokens := usage.NewTokens([]usage.Trust{{Team: "a", Issuer: "https://i.example", Audience: "gateway"}}, usage.TokenOptions{
		Now: c.now, Transport: transport(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			err := json.NewEncoder(w).Encode(map[string]any{
				"issuer": "https://i.example", "jwks_uri": "https://i.example/keys", "keys": []any{s.jwk()},
			})
			return w.Result(), err
		}),
	})
	token := s.sign(b, map[string]any{"iss": "https://i.example", "aud": "gateway", "sub": "1", "exp": c.now().Unix() + 3600})
	for b.Loop() {
		if _, err := tokens.Find(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
