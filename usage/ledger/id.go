package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// newID makes an id that sorts by time, so that new rows stand together in the index: a
// UUID of version 7, with the microseconds in the twelve bits behind the version (RFC 9562,
// 6.2, method 3).
func newID(now time.Time) string {
	var b [16]byte
	micros := now.UnixMicro()
	binary.BigEndian.PutUint64(b[:8], uint64(micros/1000)<<16|7<<12|uint64(micros%1000)*4096/1000)
	_, _ = rand.Read(b[8:]) // never fails (crypto/rand)
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[:8], b[:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
