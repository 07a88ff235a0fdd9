package anthropic

import "encoding/binary"

// pixels reads the longer side of an image from its first bytes; 0: it is not to be found
// there.
func pixels(kind string, head []byte) int {
	switch {
	case kind == "image/png" && len(head) >= 24:
		return longerSide(binary.BigEndian.Uint32(head[16:]), binary.BigEndian.Uint32(head[20:]))
	case kind == "image/gif" && len(head) >= 10:
		return longerSide(uint32(binary.LittleEndian.Uint16(head[6:])), uint32(binary.LittleEndian.Uint16(head[8:])))
	case kind == "image/webp" && len(head) >= 30:
		return webpPixels(head)
	case kind == "image/jpeg":
		return jpegPixels(head)
	}
	return 0
}

func longerSide(width, height uint32) int { return int(max(width, height)) }

// webpPixels knows the three forms of WebP: lossy, lossless and extended.
func webpPixels(head []byte) int {
	const side14, side24 = 1<<14 - 1, 1<<24 - 1 // bits of a side
	switch string(head[12:16]) {
	case "VP8 ":
		return longerSide(uint32(binary.LittleEndian.Uint16(head[26:]))&side14, uint32(binary.LittleEndian.Uint16(head[28:]))&side14)
	case "VP8L":
		bits := binary.LittleEndian.Uint32(head[21:])
		return longerSide(bits&side14+1, bits>>14&side14+1)
	case "VP8X":
		return longerSide(binary.LittleEndian.Uint32(head[24:])&side24+1, binary.LittleEndian.Uint32(head[26:])>>8+1)
	}
	return 0
}

// jpegPixels goes from segment to segment to the one that tells the size.
func jpegPixels(head []byte) int {
	for at := 2; at+9 <= len(head) && head[at] == 0xff; {
		marker := head[at+1]
		if marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc {
			return longerSide(uint32(binary.BigEndian.Uint16(head[at+7:])), uint32(binary.BigEndian.Uint16(head[at+5:])))
		}
		at += 2 + int(binary.BigEndian.Uint16(head[at+2:]))
	}
	return 0
}
