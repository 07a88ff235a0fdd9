package vertex

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
)

// TLS tells how a server proves who it is. Private Service Connect needs it: there a
// server is asked by its IP and has a certificate that no authority signed, for any name
// below prediction.p.vertexai.goog (vertex.md 8.4). The zero value believes the system's
// authorities and wants the name or IP of the URL.
type TLS struct {
	// CAs are certificates in PEM: the only authorities believed. A server's own
	// certificate among them is believed too, which pins it. Empty: the system's.
	CAs []byte
	// ServerName is the name that the certificate must be for; empty: that of the URL.
	ServerName string
	// InsecureSkipVerify believes any server, and gives it the token.
	InsecureSkipVerify bool
}

// Config is for [Options]. The error tells that CAs hold no certificate.
func (t TLS) Config() (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify, MinVersion: tls.VersionTLS12}
	if len(t.CAs) == 0 {
		return c, nil
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(t.CAs) {
		return nil, errors.New("no certificate in PEM form")
	}
	return c, nil
}
