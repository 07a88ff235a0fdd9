package vertex

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Options of a [Client]. The zero value speaks HTTP/1.1 to Google directly.
type Options struct {
	// Credentials; nil: none.
	Credentials *Credentials
	// BaseURL replaces https://HOST of every call; empty: it does not.
	BaseURL string
	// HTTP2: streams share connections. It costs CPU for each event; HTTP/1.1 costs a
	// connection for each open stream (see docs/performance.md).
	HTTP2 bool
	// TLS tells how servers prove who they are; nil: by the system's authorities.
	TLS *tls.Config
	// Connections is the most there are to one host at a time; requests wait for a free
	// one. 0: any number.
	Connections int
	// Dial opens connections; nil: a net.Dialer. For tests.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Client posts requests to Vertex AI over connections it keeps. It is safe for
// concurrent use.
type Client struct {
	options     Options
	credentials *Credentials
	base        string
	transport   *http.Transport
}

const (
	connectTimeout = 5 * time.Second // each of dial and TLS handshake
	keepIdle       = 5 * time.Minute // connections wait that long to be used again
)

// attachmentConnections is how many connections a client opens to a service attachment of
// Private Service Connect, which takes 1000 from all its callers together (vertex.md 8.4):
// four replicas fit.
const attachmentConnections = 250

// NewClient makes a client.
func NewClient(o Options) *Client {
	if o.Credentials == nil {
		o.Credentials = NoCredentials()
	}
	return &Client{options: o, credentials: o.Credentials, base: o.BaseURL, transport: newTransport(o)}
}

// Private is a client with the same credentials for a server at an address of one's own
// network: it is asked there and nowhere else, proves in its own way who it is, and takes
// few connections.
func (c *Client) Private(config *tls.Config) *Client {
	o := c.options
	o.BaseURL, o.TLS, o.Connections, o.HTTP2 = "", config, attachmentConnections, false
	p := NewClient(o)
	p.transport.Proxy = nil
	return p
}

func newTransport(o Options) *http.Transport {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!o.HTTP2)
	protocols.SetHTTP2(o.HTTP2)
	protocols.SetUnencryptedHTTP2(o.HTTP2)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dial,
		TLSClientConfig:     o.TLS,
		TLSHandshakeTimeout: connectTimeout,
		IdleConnTimeout:     keepIdle,
		MaxConnsPerHost:     o.Connections,
		MaxIdleConnsPerHost: 1 << 16, // every finished stream's connection is worth keeping
		DisableCompression:  true,    // a compressed stream would come in lumps
		WriteBufferSize:     2 << 10, // bodies pass it by
		Protocols:           protocols,
		// A dead connection would stall every stream on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}
}

// Credentials the client sends.
func (c *Client) Credentials() *Credentials { return c.credentials }

// Request makes the request that Do sends, without its token. Header is added to the
// client's own; it may be nil.
func (c *Client) Request(ctx context.Context, t Target, method string, header http.Header, body []byte) (*http.Request, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	return c.request(ctx, http.MethodPost, t.URL(c.base, method), header, body)
}

func (c *Client) request(ctx context.Context, verb, url string, header http.Header, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, verb, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = make(http.Header, 4+len(header))
	req.Header["Content-Type"] = []string{"application/json"}
	req.Header["User-Agent"] = []string{"vertexgateway"}
	maps.Copy(req.Header, header)
	if project := c.credentials.QuotaProject; project != "" {
		req.Header["X-Goog-User-Project"] = []string{project}
	}
	return req, nil
}

// Do posts a body and returns the answer, whatever its status, with the token it sent.
// It neither retries nor reads.
func (c *Client) Do(ctx context.Context, t Target, method string, header http.Header, body []byte) (res *http.Response, token string, err error) {
	req, err := c.Request(ctx, t, method, header, body)
	if err != nil {
		return nil, "", err
	}
	return c.send(req)
}

func (c *Client) send(req *http.Request) (res *http.Response, token string, err error) {
	token, err = c.credentials.Token(req.Context())
	if err != nil {
		return nil, "", &CredentialsError{err}
	}
	req.Header["Authorization"] = []string{"Bearer " + token}
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteRequest: func(w httptrace.WroteRequestInfo) { sent.Store(w.Err == nil) }}
	res, err = c.transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil && sent.Load() {
		err = &UnansweredError{err}
	}
	return res, token, err
}

// An UnansweredError tells that a request was sent whole, and got no answer: Google may
// have worked on it.
type UnansweredError struct{ Err error }

func (e *UnansweredError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *UnansweredError) Unwrap() error { return e.Err }

// A CredentialsError tells that no token could be had.
type CredentialsError struct{ Err error }

func (e *CredentialsError) Error() string { return "no token: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *CredentialsError) Unwrap() error { return e.Err }

// Warm opens a connection to a location, so that the first request need not.
func (c *Client) Warm(ctx context.Context, location string) error {
	base := c.base
	if base == "" {
		base = "https://" + Host(location)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, base, http.NoBody)
	if err != nil {
		return err
	}
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return errors.Join(err, res.Body.Close())
}

// Close gives up the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }
