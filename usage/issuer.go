package usage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// recent is how long an issuer is not asked again for what it published, or did not. A
	// key that it uses sooner after the others were read is unknown so long.
	recent      = 5 * time.Second
	askingTime  = 5 * time.Second // for one document
	maxDocument = 1 << 20         // bytes
)

// An issuer signs tokens. Its keys are found through /.well-known/openid-configuration
// (openid.net/specs/openid-connect-discovery-1_0.html) when its first token comes, and read
// again when a token has a new one.
type issuer struct {
	url    string
	client *http.Client
	turn   chan struct{} // holds one while somebody looks for the keys
	keys   oidc.KeySet   // nil until they are found; with turn
}

func newIssuer(url string, o TokenOptions) *issuer {
	return &issuer{url: url, client: &http.Client{Transport: newReader(o)}, turn: make(chan struct{}, 1)}
}

// verify gives the claims of a token that the issuer has signed. Audience and times are not
// looked at.
func (i *issuer) verify(ctx context.Context, token string) (jsontext.Value, error) {
	keys, err := i.discover(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	w := &witness{keys: keys}
	_, err = oidc.NewVerifier(i.url, w, &oidc.Config{
		// Those whose public key makes no signature; not what the issuer says that it takes.
		SupportedSigningAlgs: []string{
			oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
			oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
		},
		SkipClientIDCheck: true, SkipExpiryCheck: true,
	}).Verify(ctx, token)
	switch {
	case w.unread != nil:
		return nil, fmt.Errorf("%w: %w", ErrIssuer, w.unread)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return w.payload, nil
}

// discover finds the keys, once for all who wait for them.
func (i *issuer) discover(ctx context.Context) (oidc.KeySet, error) {
	select {
	case i.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-i.turn }()
	if i.keys != nil {
		return i.keys, nil
	}
	address, err := i.keysURL(ctx)
	if err != nil {
		return nil, err
	}
	// The key set outlives this request.
	i.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), i.client), address)
	return i.keys, nil
}

// keysURL asks the issuer where its keys are, which may be on another host.
func (i *issuer) keysURL(ctx context.Context) (string, error) {
	if err := secure(i.url); err != nil {
		return "", err
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.url)
	if err != nil {
		return "", err
	}
	var published struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&published); err != nil {
		return "", err
	}
	return published.Keys, secure(published.Keys)
}

// secure wants TLS, except within the machine: who exchanges keys on their way can sign tokens.
func secure(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return fmt.Errorf("%q is not https", address)
	}
	return nil
}

// A witness tells keys that could not be read from a signature that is wrong: the verifier
// makes one text of both.
type witness struct {
	keys    oidc.KeySet
	payload jsontext.Value
	unread  error
}

// VerifySignature is called by the verifier.
func (w *witness) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.keys.VerifySignature(ctx, token)
	w.payload = payload
	if errors.Unwrap(err) != nil { // only what happened on the way to the keys is wrapped
		w.unread = err
	}
	return payload, err
}

// A reader gets what an issuer publishes: from the host that was asked, and from memory
// where it was asked a moment ago. Without that anybody with a wrong token could make the
// gateway ask the issuer once for each request.
type reader struct {
	client *http.Client
	now    func() time.Time

	mu    sync.Mutex
	heard map[string]answer // by URL: those of the configuration and of the keys
}

// An answer is what a request for a document came to.
type answer struct {
	at   time.Time
	body []byte
	err  error
}

func newReader(o TokenOptions) *reader {
	return &reader{
		client: &http.Client{Transport: o.Transport, Timeout: askingTime, CheckRedirect: stay},
		now:    o.Now,
		heard:  map[string]answer{},
	}
}

// stay follows a redirect only where the request would have gone anyway.
func stay(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Scheme != first.Scheme || next.URL.Host != first.Host || len(before) > 3 {
		return fmt.Errorf("%s redirects to %s", first.Host, next.URL.Host)
	}
	return nil
}

// RoundTrip is called by the client of the issuer. All that is no document is an error.
func (r *reader) RoundTrip(req *http.Request) (*http.Response, error) {
	a, ok := r.remembered(req.URL.String())
	if !ok {
		a.body, a.err = r.read(req)
		if req.Context().Err() == nil { // that its client left says nothing about the issuer
			r.remember(req.URL.String(), a)
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

func (r *reader) remembered(url string) (answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.heard[url]
	return a, ok && r.now().Before(a.at.Add(recent))
}

func (r *reader) remember(url string, a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.at = r.now()
	r.heard[url] = a
}

func (r *reader) read(req *http.Request) ([]byte, error) {
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", req.URL.Redacted(), resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err == nil && len(body) > maxDocument {
		err = fmt.Errorf("%s is larger than %d bytes", req.URL.Redacted(), maxDocument)
	}
	return body, err
}
