package usage_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"hash"
	"maps"
	"math/big"
	"testing"
)

// A signer signs tokens as RFC 7515 and 7518 say, without the library that checks them.
type signer struct {
	alg, kid string
	key      crypto.Signer
	secret   []byte // in place of key
	header   map[string]any
}

func newES256(t testing.TB, kid string) *signer { return newEC(t, "ES256", kid, elliptic.P256()) }

func newEC(t testing.TB, alg, kid string, curve elliptic.Curve) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{alg: alg, kid: kid, key: key}
}

func newRS256(t testing.TB, kid string) *signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{alg: "RS256", kid: kid, key: key}
}

func hmacSigner(alg, kid string, secret []byte) *signer {
	return &signer{alg: alg, kid: kid, secret: secret}
}

// everySigner has one for each algorithm that is taken.
func everySigner(t *testing.T) []*signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all := []*signer{
		newES256(t, "ES256"), newEC(t, "ES384", "ES384", elliptic.P384()), newEC(t, "ES512", "ES512", elliptic.P521()),
		{alg: "EdDSA", kid: "EdDSA", key: ed},
	}
	r := newRS256(t, "")
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		all = append(all, &signer{alg: alg, kid: alg, key: r.key})
	}
	return all
}

// as signs the same way and says another.
func (s *signer) as(alg string) *signer { return s.with("alg", alg) }

// with adds to the header.
func (s *signer) with(name string, value any) *signer {
	other := *s
	other.header = maps.Clone(s.header)
	if other.header == nil {
		other.header = map[string]any{}
	}
	other.header[name] = value
	return &other
}

// public is the key as people have it in files.
func (s *signer) public(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func (s *signer) jwk() map[string]string {
	k := map[string]string{"kid": s.kid, "alg": s.alg, "use": "sig"}
	switch public := s.key.Public().(type) {
	case *rsa.PublicKey:
		k["kty"], k["n"], k["e"] = "RSA", encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, _ := public.Bytes() // its curve is known
		half := len(point) / 2
		k["kty"], k["crv"], k["x"], k["y"] = "EC", public.Params().Name, encode(point[1:1+half]), encode(point[1+half:])
	case ed25519.PublicKey:
		k["kty"], k["crv"], k["x"] = "OKP", "Ed25519", encode(public)
	}
	return k
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (s *signer) sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	header := map[string]any{"alg": s.alg, "kid": s.kid, "typ": "JWT"}
	maps.Copy(header, s.header)
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := encode(h) + "." + encode(c)
	signature, err := s.signature([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

func (s *signer) signature(text []byte) ([]byte, error) {
	switch key := s.key.(type) {
	case *rsa.PrivateKey:
		return s.rsa(key, text)
	case *ecdsa.PrivateKey:
		return s.ecdsa(key, text)
	case ed25519.PrivateKey:
		return key.Sign(rand.Reader, text, crypto.Hash(0))
	}
	if s.secret == nil { // alg none
		return nil, nil
	}
	mac := hmac.New(map[string]func() hash.Hash{"HS256": sha256.New, "HS512": sha512.New}[s.alg], s.secret)
	mac.Write(text)
	return mac.Sum(nil), nil
}

func (s *signer) digest(text []byte) (crypto.Hash, []byte) {
	h := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[s.alg[2:]]
	sum := h.New()
	sum.Write(text)
	return h, sum.Sum(nil)
}

func (s *signer) rsa(key *rsa.PrivateKey, text []byte) ([]byte, error) {
	h, sum := s.digest(text)
	if s.alg[0] == 'P' {
		return rsa.SignPSS(rand.Reader, key, h, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	return rsa.SignPKCS1v15(rand.Reader, key, h, sum)
}

func (s *signer) ecdsa(key *ecdsa.PrivateKey, text []byte) ([]byte, error) {
	_, sum := s.digest(text)
	der, err := ecdsa.SignASN1(rand.Reader, key, sum)
	if err != nil {
		return nil, err
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		return nil, err
	}
	size := (key.Params().BitSize + 7) / 8
	return append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...), nil
}
