package fakevertex

import (
	"bytes"
	"encoding/binary"
	"image"
	_ "image/gif"  // for sizes
	_ "image/jpeg" // for sizes
	_ "image/png"  // for sizes
)

// longestEdge is the larger of an image's width and height, in pixels, as its header has
// them. A size that cannot be read is 0: tests send the first bytes of an image only.
func longestEdge(data []byte) int {
	if edge, ok := longestWebP(data); ok {
		return edge
	}
	size, _, _ := image.DecodeConfig(bytes.NewReader(data))
	return max(size.Width, size.Height)
}

// longestWebP reads the first chunk of the three kinds of WebP: lossy, lossless and
// extended (RFC 9649).
func longestWebP(data []byte) (int, bool) {
	const start = 20 // of the chunk's content: RIFF, size, WEBP, chunk's name and size stand before
	if len(data) < start+10 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WEBP" {
		return 0, false
	}
	chunk := data[start:]
	switch string(data[12:16]) {
	case "VP8 ":
		width, height := binary.LittleEndian.Uint16(chunk[6:]), binary.LittleEndian.Uint16(chunk[8:])
		return int(max(width&0x3fff, height&0x3fff)), true
	case "VP8L":
		bits := binary.LittleEndian.Uint32(chunk[1:])
		return int(max(bits&0x3fff, bits>>14&0x3fff)) + 1, true
	case "VP8X":
		return max(three(chunk[4:]), three(chunk[7:])) + 1, true
	}
	return 0, false
}

// three reads a number of three bytes.
func three(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
