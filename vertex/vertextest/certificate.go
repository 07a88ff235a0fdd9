// Package vertextest has what tests of connections to private endpoints need.
package vertextest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// PrivateNames is what the certificates of all private endpoints are for (vertex.md 8.4).
const PrivateNames = "*.prediction.p.vertexai.goog"

// A Certificate with its key, of a server or of an authority that signs others.
type Certificate struct {
	tls.Certificate
	PEM []byte
}

// NewCertificate makes one for a name, or for an authority where that is empty. It is
// signed by another or, where that is nil, by itself, and good for the two hours before end.
func NewCertificate(t testing.TB, name string, by *Certificate, end time.Time) *Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "private"},
		NotBefore: end.Add(-2 * time.Hour), NotAfter: end,
		IsCA: name == "", BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if name != "" {
		template.DNSNames = []string{name}
	}
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	own := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	return &Certificate{own, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}
