package fetch

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
)

// An Error tells why a URL was not fetched, in words for whoever sent the URL.
type Error struct {
	// URL without user, query and fragment, which may hold a secret.
	URL string
	// Reason is a clause. It tells nothing of what an address that is refused would have
	// answered.
	Reason string
	// Cause is for the log only: it may name addresses. nil: the reason says all.
	Cause error
}

// Error is URL: Reason.
func (e *Error) Error() string { return e.URL + ": " + e.Reason }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// A refusal is a reason not to fetch.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	errMalformed  = refusal("it is malformed")
	errScheme     = refusal("only https URLs are fetched")
	errPlain      = refusal("plain http is not fetched; use https")
	errUser       = refusal("URLs with a user or a password are not fetched")
	errHost       = refusal("it names no host")
	errAddress    = refusal("it leads to an address that is not public")
	errPort       = refusal("only ports 443 and 8443 are fetched from")
	errCircling   = refusal("it was redirected more than 5 times")
	errLost       = refusal("it was redirected to nowhere")
	errCompressed = refusal("it was sent compressed, though nothing asked for that")
	errCut        = refusal("it did not arrive whole")
	errType       = refusal("it is no JPEG, PNG, GIF, WebP, PDF or UTF-8 text")
)

func newError(u *url.URL, err error) *Error {
	e := &Error{URL: show(u), Reason: reason(err)}
	if _, all := err.(refusal); !all { //nolint:errorlint // one that is wrapped has more to tell
		e.Cause = brief(err)
	}
	return e
}

// brief bounds what goes to the log: hosts and servers of strangers may be in it.
func brief(err error) error {
	const most = 300
	if text := err.Error(); len(text) > most {
		return errors.New(strings.ToValidUTF8(text[:most], "") + "...")
	}
	return err
}

func reason(err error) string {
	if r, ok := errors.AsType[refusal](err); ok {
		return string(r)
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok && lookup.IsNotFound {
		return "its host is not known"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its server has no valid certificate"
	}
	return "its server cannot be reached"
}

// show is the URL as it may be told.
func show(u *url.URL) string {
	const most = 200
	if u.Opaque != "" {
		return u.Scheme + ":..."
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
	if len(shown) > most {
		return shown[:most] + "..."
	}
	return shown
}
