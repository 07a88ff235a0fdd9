// Package fetch gets images and documents from URLs that strangers chose. It refuses to
// reach anything but public addresses, whatever name or redirect leads elsewhere, and to
// give anything but what a prompt may hold.
package fetch

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"
)

const (
	// DefaultMaxBytes is the largest that is fetched unless Options say otherwise.
	DefaultMaxBytes = 5 << 20
	// DefaultTimeout is how long all of one fetch may take, and maxRedirects how far it
	// may be sent (openai-claude.md A.3).
	DefaultTimeout = 10 * time.Second
	maxRedirects   = 5

	connectTimeout = 5 * time.Second // each of dial and TLS handshake
	// keepIdle is short, so that nobody needs to close a Fetcher.
	keepIdle       = 10 * time.Second
	maxIdle        = 16
	maxHeaderBytes = 64 << 10
)

// Options of a [Fetcher]. The zero value reaches public addresses only.
type Options struct {
	// MaxBytes is the largest that is fetched; 0: DefaultMaxBytes.
	MaxBytes int64
	// AllowPrivate are addresses reached although they are not public, and on any port.
	// Only they are reached over plain HTTP. IPv4 is given as such, not as ::ffff:a.b.c.d.
	AllowPrivate []netip.Prefix
	// Timeout of a fetch, redirects included; 0: DefaultTimeout.
	Timeout time.Duration
	// Resolver finds the addresses of names; nil: the system's.
	Resolver *net.Resolver
}

// A Fetcher gets what URLs name. It is safe for concurrent use, and needs no closing.
type Fetcher struct {
	transport *http.Transport
	maxBytes  int64
	timeout   time.Duration
	plain     bool // some address may be reached over plain HTTP
}

// New makes a fetcher.
func New(o Options) *Fetcher {
	f := &Fetcher{transport: newTransport(o, false), maxBytes: o.MaxBytes, timeout: o.Timeout, plain: len(o.AllowPrivate) > 0}
	if f.maxBytes == 0 {
		f.maxBytes = DefaultMaxBytes
	}
	if f.timeout == 0 {
		f.timeout = DefaultTimeout
	}
	f.transport.RegisterProtocol("http", newTransport(o, true))
	return f
}

// newTransport makes a transport whose every connection is guarded. It takes no proxy from
// the environment: that would connect to the address instead, unguarded.
func newTransport(o Options, plain bool) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout, Resolver: o.Resolver, ControlContext: guard{allowed: o.AllowPrivate, plain: plain}.control}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		IdleConnTimeout:        keepIdle,
		MaxIdleConns:           maxIdle,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // a few bytes could become any number
		Protocols:              protocols,
	}
}

// Get fetches a JPEG, PNG, GIF, WebP, PDF or UTF-8 text. The error is an *[Error], or that
// of ctx where ctx has ended.
func (f *Fetcher) Get(ctx context.Context, link string) ([]byte, error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, &Error{URL: "the URL", Reason: errMalformed.Error()} // the cause quotes all of it
	}
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	data, err := f.get(limited, u)
	switch {
	case err == nil:
		return data, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case limited.Err() != nil:
		err = refusal(fmt.Sprintf("it took longer than %s", f.timeout))
	}
	return nil, newError(u, err)
}

func (f *Fetcher) get(ctx context.Context, u *url.URL) ([]byte, error) {
	res, err := f.follow(ctx, u)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := f.read(res)
	if err != nil {
		return nil, err
	}
	if !isKnown(data) {
		return nil, errType
	}
	return data, nil
}

// follow gives the answer at the end of the redirects. It is no http.Client: that would send
// on the URL, which may hold a secret, as the referer, and put it into its errors.
func (f *Fetcher) follow(ctx context.Context, u *url.URL) (*http.Response, error) {
	for range 1 + maxRedirects {
		if err := f.check(u); err != nil {
			return nil, err
		}
		res, err := f.ask(ctx, u)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(redirects, res.StatusCode) {
			return res, nil
		}
		_ = res.Body.Close()
		if u, err = res.Location(); err != nil {
			return nil, errLost
		}
	}
	return nil, errCircling
}

// redirects are the statuses that send a GET elsewhere.
var redirects = []int{
	http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
}

// check refuses what no address could make right.
func (f *Fetcher) check(u *url.URL) error {
	switch {
	case u.Scheme == "http" && !f.plain:
		return errPlain
	case u.Scheme != "https" && u.Scheme != "http":
		return errScheme
	case u.User != nil:
		return errUser
	case u.Hostname() == "":
		return errHost
	}
	return nil
}

func (f *Fetcher) ask(ctx context.Context, u *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, errMalformed
	}
	req.Header["User-Agent"] = []string{"vertexgateway"}
	req.Header["Accept"] = []string{"image/jpeg, image/png, image/webp, image/gif, application/pdf, text/*;q=0.9, */*;q=0.5"}
	return f.transport.RoundTrip(req)
}

// read gives the body of an answer that is one, within the limit.
func (f *Fetcher) read(res *http.Response) ([]byte, error) {
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, refusal(fmt.Sprintf("it was answered with status %d", res.StatusCode))
	case res.Header.Get("Content-Encoding") != "":
		return nil, errCompressed
	case res.ContentLength > f.maxBytes:
		return nil, refusal(fmt.Sprintf("it has %s, more than the %s that are fetched at most", size(res.ContentLength), size(f.maxBytes)))
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, f.maxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errCut, err)
	case int64(len(data)) > f.maxBytes:
		return nil, refusal(fmt.Sprintf("it has more than the %s that are fetched at most", size(f.maxBytes)))
	}
	return data, nil
}

func size(bytes int64) string {
	return fmt.Sprintf("%d bytes (%.2f MiB)", bytes, float64(bytes)/(1<<20))
}
