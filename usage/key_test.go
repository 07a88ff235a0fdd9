package usage_test

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"vertexgateway/usage"
)

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func TestKeyring(t *testing.T) {
	r := usage.NewKeyring()
	// Alike in their first characters, and yet two.
	a, b := "gw-"+strings.Repeat("a", 40)+"1", "gw-"+strings.Repeat("a", 40)+"2"
	if !r.Add(hashOf(a), usage.Key{Team: "one"}) || !r.Add(strings.ToUpper(hashOf(b)), usage.Key{Team: "two", Name: "ci"}) {
		t.Fatal("a hash was refused")
	}
	if k, ok := r.Find(a); !ok || k.Team != "one" {
		t.Errorf("found %+v, %v", k, ok)
	}
	if k, ok := r.Find(b); !ok || k.Team != "two" || k.Name != "ci" {
		t.Errorf("found %+v, %v", k, ok)
	}
	for _, secret := range []string{"", a[:len(a)-1], a + "x", hashOf(a)} {
		if k, ok := r.Find(secret); ok {
			t.Errorf("%q found %+v", secret, k)
		}
	}
	for _, bad := range []string{"", "abc", strings.Repeat("g", 64), hashOf(a) + "00"} {
		if r.Add(bad, usage.Key{}) {
			t.Errorf("%q was taken for a hash", bad)
		}
	}
	if r.Len() != 2 {
		t.Errorf("%d keys, want 2", r.Len())
	}
}

// TestEmptySecret: even where somebody has taken the hash of nothing for that of a key.
func TestEmptySecret(t *testing.T) {
	r := usage.NewKeyring()
	r.Add(hashOf(""), usage.Key{Team: "one"})
	if k, ok := r.Find(""); ok {
		t.Errorf("nothing found %+v", k)
	}
}

func TestNewSecret(t *testing.T) {
	form := regexp.MustCompile(`^vgw_[a-z2-7]{52}$`)
	seen := map[string]bool{}
	for range 1000 {
		secret := usage.NewSecret()
		if !form.MatchString(secret) || seen[secret] {
			t.Fatalf("%q is no new secret", secret)
		}
		seen[secret] = true
		if got, want := usage.Hash(secret), hashOf(secret); got != want {
			t.Fatalf("hash of %q is %s, want %s", secret, got, want)
		}
	}
}

// BenchmarkKeyring: the time of a lookup is that of its hash, whatever the number of keys.
func BenchmarkKeyring(b *testing.B) {
	for _, n := range []int{1, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			r, secret := usage.NewKeyring(), ""
			for range n {
				secret = usage.NewSecret()
				r.Add(usage.Hash(secret), usage.Key{Team: "a"})
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := r.Find(secret); !ok {
					b.Fatal("a key was not found")
				}
			}
		})
	}
}

func TestRedact(t *testing.T) {
	secret := usage.NewSecret()
	for text, want := range map[string]string{
		"": "", "nothing": "nothing", secret: "vgw_***", "a " + secret + ", " + secret + ".": "a vgw_***, vgw_***.",
		"cut off: " + secret[:20]: "cut off: vgw_***", "vgw_***": "vgw_***",
	} {
		if got := usage.Redact(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
