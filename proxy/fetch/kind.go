package fetch

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// magics are what files of the kinds that are fetched begin with.
var magics = [][]byte{
	[]byte("\xff\xd8\xff"),      // JPEG
	[]byte("\x89PNG\r\n\x1a\n"), // PNG
	[]byte("GIF87a"),
	[]byte("GIF89a"),
	[]byte("%PDF-"),
}

// isKnown tells whether the data is of a kind that is fetched. Labels are not asked: servers
// get them wrong.
func isKnown(data []byte) bool {
	begins := func(magic []byte) bool { return bytes.HasPrefix(data, magic) }
	return slices.ContainsFunc(magics, begins) || isWebP(data) || isText(data)
}

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

func isText(data []byte) bool {
	return len(data) > 0 && utf8.Valid(data) && bytes.IndexByte(data, 0) < 0
}
