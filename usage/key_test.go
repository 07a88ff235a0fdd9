package usage_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"vertexgateway/usage"
)

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func TestKeyring(t *testing.T) {
	r := usage.NewKeyring()
	// Alike in their first characters, and yet two.
	a, b := "gw-"+strings.Repeat("a", 40)+"1", "gw-"+strings.Repeat("a", 40)+"2"
	if !r.Add(hash(a), usage.Key{Team: "one"}) || !r.Add(strings.ToUpper(hash(b)), usage.Key{Team: "two", Name: "ci"}) {
		t.Fatal("a hash was refused")
	}
	if k, ok := r.Find(a); !ok || k.Team != "one" {
		t.Errorf("found %+v, %v", k, ok)
	}
	if k, ok := r.Find(b); !ok || k.Team != "two" || k.Name != "ci" {
		t.Errorf("found %+v, %v", k, ok)
	}
	for _, secret := range []string{"", a[:len(a)-1], a + "x", hash(a)} {
		if k, ok := r.Find(secret); ok {
			t.Errorf("%q found %+v", secret, k)
		}
	}
	for _, bad := range []string{"", "abc", strings.Repeat("g", 64), hash(a) + "00"} {
		if r.Add(bad, usage.Key{}) {
			t.Errorf("%q was taken for a hash", bad)
		}
	}
	if r.Len() != 2 {
		t.Errorf("%d keys, want 2", r.Len())
	}
}
