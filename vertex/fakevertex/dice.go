package fakevertex

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
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

// serverToolID makes ids that isServerToolID knows.
func (d dice) serverToolID() string {
	free := d.id("", serverIDSize)
	return serverIDStart + free + hex.EncodeToString(mac(serverIDStart, free, nil)[:4])
}

const (
	serverIDStart = "srvtoolu_vrtx_01"
	serverIDSize  = 14 // of what is arbitrary in it
)

// isServerToolID reports whether the id is one of an answer.
func isServerToolID(id string) bool {
	rest, ok := strings.CutPrefix(id, serverIDStart)
	return ok && len(rest) == serverIDSize+8 && rest[serverIDSize:] == hex.EncodeToString(mac(serverIDStart, rest[:serverIDSize], nil)[:4])
}

const nonceSize = 8

// sign makes the signature of a thinking block: it holds for this model and this text,
// in whatever location, and after a restart of the emulator. It tells what it is bound to.
func (d dice) sign(model, text string, to binding) string {
	start := binary.BigEndian.AppendUint64(nil, d.Uint64()) // a nonce
	start = append(start, to[:]...)
	return base64.StdEncoding.EncodeToString(append(start, mac(model, text, start)...))
}

// signed reports whether signature is one of an answer of this model with this text.
func signed(model, text, signature string) bool {
	b, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(b) < nonceSize+len(binding{}) {
		return false
	}
	start := b[:nonceSize+len(binding{})]
	return hmac.Equal(b[len(start):], mac(model, text, start))
}

// boundTo is what a good signature tells.
func boundTo(signature string) binding {
	b, _ := base64.StdEncoding.DecodeString(signature)
	return binding(b[nonceSize:])
}

// seal makes the encrypted_content of a page.
func (d dice) seal(url string) string { return d.sign("web_search_result", url, binding{}) }

func sealed(url, content string) bool { return signed("web_search_result", url, content) }

func mac(model, text string, start []byte) []byte {
	h := hmac.New(sha256.New, []byte("the emulator's secret is none"))
	h.Write(start)
	h.Write([]byte(model + "\n" + text))
	return h.Sum(nil)
}

// hex makes n hexadecimal digits.
func (d dice) hex(n int) string {
	b := make([]byte, (n+1)/2)
	for i := range b {
		b[i] = byte(d.IntN(256))
	}
	return hex.EncodeToString(b)[:n]
}

// digits makes n decimal digits.
func (d dice) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(d.IntN(10))
	}
	return string(b)
}
