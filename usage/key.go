// Package usage knows who may call, teams and their keys, and what it costs.
package usage

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// A Key lets a team in.
type Key struct {
	Team string
	Name string // of the key within its team; may be empty
}

// prefix tells people, and those who scan what was published by mistake, what a secret is.
const prefix = "vgw_"

// NewSecret is a new API key: 256 random bits in 52 characters, after vgw_.
func NewSecret() string {
	var bits [32]byte
	_, _ = rand.Read(bits[:]) // it does not fail (crypto/rand)
	return prefix + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(bits[:]))
}

// Redact hides what looks like a key of NewSecret in a text that somebody may read.
func Redact(text string) string {
	if !strings.Contains(text, prefix) {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, prefix)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		text = strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz234567*")
		b.WriteString(prefix + "***")
	}
}

// Hash is the SHA-256 of a whole key in hexadecimal, as [Keyring.Add] takes it.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// A Keyring finds keys by their secret. It holds hashes only, so whoever reads its memory
// learns no key, and no secret is compared with another: the time of a lookup may depend on
// hashes, but who measured it could at best learn one, and a hash lets nobody in. Several
// goroutines may look keys up once all are added.
type Keyring struct {
	keys map[[sha256.Size]byte]Key
}

// NewKeyring makes an empty keyring.
func NewKeyring() *Keyring {
	return &Keyring{keys: make(map[[sha256.Size]byte]Key)}
}

// Add takes the SHA-256 of a whole key in hexadecimal; false if it is none.
func (r *Keyring) Add(hash string, k Key) bool {
	var sum [sha256.Size]byte
	if len(hash) != hex.EncodedLen(len(sum)) {
		return false
	}
	if _, err := hex.Decode(sum[:], []byte(hash)); err != nil {
		return false
	}
	r.keys[sum] = k
	return true
}

// Find looks a secret up. An empty one is nobody's, whatever was added.
func (r *Keyring) Find(secret string) (Key, bool) {
	if secret == "" {
		return Key{}, false
	}
	k, ok := r.keys[sha256.Sum256([]byte(secret))]
	return k, ok
}

// Len is the number of keys.
func (r *Keyring) Len() int { return len(r.keys) }
