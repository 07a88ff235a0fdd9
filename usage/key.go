// Package usage knows who may call: teams and their keys.
package usage

import (
	"crypto/sha256"
	"encoding/hex"
)

// A Key lets a team in.
type Key struct {
	Team string
	Name string // of the key within its team; may be empty
}

// A Keyring finds keys by their secret. It holds hashes only: whoever reads its memory
// learns no key, and finding one takes the same time whatever its first characters are.
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

// Find looks a secret up.
func (r *Keyring) Find(secret string) (Key, bool) {
	k, ok := r.keys[sha256.Sum256([]byte(secret))]
	return k, ok
}

// Len is the number of keys.
func (r *Keyring) Len() int { return len(r.keys) }
