package usage

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Errors of [Tokens.Find]. What they wrap is for the log only; it holds no token.
var (
	// ErrToken: the token lets nobody in.
	ErrToken = errors.New("invalid token")
	// ErrIssuer: whether it does is not known, as its issuer cannot be asked for its keys.
	ErrIssuer = errors.New("the issuer of the token cannot be asked for its keys")
)

const (
	maxToken  = 16 << 10        // bytes
	maxPasses = 10_000          // remembered
	maxPass   = 5 * time.Minute // for which one is remembered
	leeway    = time.Minute     // between the clocks of issuer and gateway
)

// A Trust lets tokens of an OIDC issuer in as a team.
type Trust struct {
	Team string
	// Issuer is the URL that stands in the tokens as iss, to the letter: https, except on
	// this machine.
	Issuer string
	// Audience is one of those in the token's aud. Empty: no token is good.
	Audience string
	// Claims are those that a token has besides, each with this string, or this number or
	// boolean as it is written in JSON, or a list in which it stands. They may be empty.
	Claims map[string]string
}

// TokenOptions are what [Tokens] are made from.
type TokenOptions struct {
	// Transport reaches the issuers; nil: Go's usual one.
	Transport http.RoundTripper
	// Now tells the time. Required.
	Now func() time.Time
}

// Tokens let callers in that sign in with a token of an OIDC issuer. They may be used by
// several goroutines.
type Tokens struct {
	options TokenOptions
	issuers map[string]*issuer
	trusts  map[string][]Trust // by issuer
	passes  passes
}

// NewTokens asks no issuer for anything yet. The first trust that fits a token counts.
func NewTokens(trusts []Trust, o TokenOptions) *Tokens {
	return (&Tokens{options: o}).With(trusts)
}

// With is for a reload: tokens that trust others. The keys of issuers that stay are kept;
// tokens are looked at again.
func (t *Tokens) With(trusts []Trust) *Tokens {
	next := &Tokens{options: t.options, issuers: map[string]*issuer{}, trusts: map[string][]Trust{}}
	for _, trust := range trusts {
		url := trust.Issuer
		next.trusts[url] = append(next.trusts[url], trust)
		if next.issuers[url] == nil {
			next.issuers[url] = t.issuers[url]
		}
		if next.issuers[url] == nil {
			next.issuers[url] = newIssuer(url, t.options)
		}
	}
	return next
}

// Find tells whom a token lets in. A token that was good is so for five minutes without
// another look, unless it expires. The key's name is jwt: and the email address in the
// token, if the issuer has verified it, or else its subject. The error is an ErrToken or an
// ErrIssuer.
func (t *Tokens) Find(ctx context.Context, token string) (Key, error) {
	if len(t.trusts) == 0 || !isJWS(token) {
		return Key{}, fmt.Errorf("%w: it is no signed JWT", ErrToken)
	}
	sum := sha256.Sum256([]byte(token))
	if key, ok := t.passes.find(sum, t.options.Now()); ok {
		return key, nil
	}
	c, err := t.verify(ctx, token)
	if err != nil {
		return Key{}, err
	}
	left, err := c.left(t.options.Now())
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	key, ok := c.key(t.trusts[c.Issuer])
	if !ok {
		return Key{}, fmt.Errorf("%w: its audience and claims are no team's", ErrToken)
	}
	t.passes.add(sum, pass{key, t.options.Now().Add(min(left, maxPass))})
	return key, nil
}

// verify gives the claims of a token that its issuer has signed.
func (t *Tokens) verify(ctx context.Context, token string) (*claims, error) {
	named, err := namedIssuer(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	// What the token says is only looked up: it leads no request anywhere.
	issuer := t.issuers[named]
	if issuer == nil {
		return nil, fmt.Errorf("%w: no team trusts its issuer", ErrToken)
	}
	payload, err := issuer.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	c, err := readClaims(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	c.Issuer = named
	return c, nil
}

// isJWS reports whether a token may be a signed JWT in its usual form: three parts of base64.
func isJWS(token string) bool {
	foreign := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}
	return len(token) <= maxToken && strings.Count(token, ".") == 2 && !strings.ContainsFunc(token, foreign)
}

const googleIssuer = "https://accounts.google.com"

// namedIssuer is what a token says who has signed it. Google's say it in two ways
// (developers.google.com/identity/openid-connect, iss).
func namedIssuer(token string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return "", errors.New("its claims are not in base64")
	}
	c, err := readClaims(text)
	if err != nil {
		return "", err
	}
	if c.Issuer == strings.TrimPrefix(googleIssuer, "https://") {
		return googleIssuer, nil
	}
	return c.Issuer, nil
}

// claims are what a token says. Times are seconds since 1970.
type claims struct {
	Issuer    string         `json:"iss"`
	Subject   string         `json:"sub"`
	Audience  jsontext.Value `json:"aud"`
	Expires   float64        `json:"exp"`
	NotBefore float64        `json:"nbf"`
	IssuedAt  float64        `json:"iat"`
	Email     string         `json:"email"`
	Verified  jsontext.Value `json:"email_verified"` // a string with some issuers

	all map[string]jsontext.Value
}

func readClaims(text []byte) (*claims, error) {
	c := new(claims)
	if json.Unmarshal(text, c) != nil || json.Unmarshal(text, &c.all) != nil {
		return nil, errors.New("its claims are not those of a JWT") // the error might quote them
	}
	return c, nil
}

// left is how long a token is good yet.
func (c *claims) left(now time.Time) (time.Duration, error) {
	at, early := float64(now.UnixMilli())/1000, leeway.Seconds()
	switch {
	case c.Expires+early <= at:
		return 0, errors.New("it has expired, or never expires")
	case max(c.NotBefore, c.IssuedAt)-early > at:
		return 0, errors.New("it is not good yet")
	}
	seconds := min(c.Expires+early-at, math.MaxInt32) // a Duration's limit is nearer than a float's
	return time.Duration(seconds * float64(time.Second)), nil
}

// key is that of the first trust that fits.
func (c *claims) key(trusts []Trust) (Key, bool) {
	i := slices.IndexFunc(trusts, c.fits)
	if i < 0 {
		return Key{}, false
	}
	return Key{Team: trusts[i].Team, Name: c.name()}, true
}

func (c *claims) fits(t Trust) bool {
	if t.Audience == "" || !holds(c.Audience, t.Audience) {
		return false
	}
	for name, want := range t.Claims {
		if !holds(c.all[name], want) {
			return false
		}
	}
	return true
}

// holds reports whether a claim is want, or a list with it.
func holds(claim jsontext.Value, want string) bool {
	var list []jsontext.Value
	if claim.Kind() == '[' && json.Unmarshal(claim, &list) == nil {
		return slices.ContainsFunc(list, func(v jsontext.Value) bool { return is(v, want) })
	}
	return is(claim, want)
}

func is(v jsontext.Value, want string) bool {
	switch v.Kind() {
	case '"':
		var text string
		return json.Unmarshal(v, &text) == nil && text == want
	case '0', 't', 'f':
		return string(v) == want
	}
	return false
}

const maxName = 100 // characters

// name is for log and ledger.
func (c *claims) name() string {
	name := c.Subject
	if c.Email != "" && (c.Issuer == googleIssuer || holds(c.Verified, "true")) {
		name = c.Email
	}
	printable := func(r rune) rune {
		if !unicode.IsPrint(r) || r == '{' || r == '}' { // as in the names of the configuration
			return '_'
		}
		return r
	}
	runes := []rune(strings.Map(printable, "jwt:"+name))
	return string(runes[:min(len(runes), maxName)])
}

// A pass is a token that was found to be good.
type pass struct {
	key   Key
	until time.Time
}

// passes are by the SHA-256 of the token: no token is kept. They come in two generations, of
// which the old one goes when the young one is full, so that nobody has to look for passes
// that have expired.
type passes struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte]pass
}

func (p *passes) find(sum [sha256.Size]byte, now time.Time) (Key, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.young[sum]
	if !ok {
		found, ok = p.old[sum]
	}
	return found.key, ok && now.Before(found.until)
}

func (p *passes) add(sum [sha256.Size]byte, one pass) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.young == nil || len(p.young) >= maxPasses/2 {
		p.young, p.old = make(map[[sha256.Size]byte]pass), p.young
	}
	p.young[sum] = one
}
