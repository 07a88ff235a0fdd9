package fakevertex

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
)

// dice make what is arbitrary in an answer: ids, padding, where texts are cut. The
// throws depend on nothing but the number of the request.
type dice struct {
	*rand.Rand
	request string // its id
}

func roll(serial uint64) dice {
	d := dice{Rand: rand.New(rand.NewPCG(serial, 0x5eed))}
	d.request = d.id("req_vrtx_011C", 20)
	return d
}

// requestID is the same at every call.
func (d dice) requestID() string { return d.request }

// id makes ids of the form that recorded answers have.
func (d dice) id(prefix string, n int) string {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.IntN(len(alphabet))]
	}
	return prefix + string(b)
}

func (d dice) messageID() string { return d.id("msg_vrtx_01", 22) }
func (d dice) toolUseID() string { return d.id("toolu_vrtx_01", 22) }

const nonceSize = 8

// sign makes the signature of a thinking block: it holds for this model and this text,
// in whatever location, and after a restart of the emulator.
func (d dice) sign(model, text string) string {
	nonce := binary.BigEndian.AppendUint64(nil, d.Uint64())
	return base64.StdEncoding.EncodeToString(append(nonce, mac(model, text, nonce)...))
}

// signed reports whether signature is one of an answer of this model with this text.
func signed(model, text, signature string) bool {
	b, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(b) < nonceSize {
		return false
	}
	return hmac.Equal(b[nonceSize:], mac(model, text, b[:nonceSize]))
}

func mac(model, text string, nonce []byte) []byte {
	h := hmac.New(sha256.New, []byte("the emulator's secret is none"))
	h.Write(nonce)
	h.Write([]byte(model + "\n" + text))
	return h.Sum(nil)
}
