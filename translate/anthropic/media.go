package anthropic

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"

	"vertexgateway/translate/openai"
)

// What Claude takes of images (openai-claude.md 0.7).
const (
	maxImage = 5 << 20 // base64 of one
	maxSide  = 8000    // pixels
	// A request with more than fewMedia images and documents may have images of this side
	// only.
	fewMedia    = 20
	maxManySide = 2000
)

// The functions of this file tell what data is by its first bytes, not by its label:
// Claude refuses an image whose label is wrong (openai-claude.md A.3). The reason is
// empty where all is well.

// linkedBlock reads an image_url: a data: URI, or what was fetched from elsewhere.
func linkedBlock(uri string, fetched *openai.Media) (b block, why string) {
	if fetched != nil {
		return fetchedBlock(fetched, "", false)
	}
	label, data, ok := cutDataURI(uri)
	if !ok {
		return block{}, "it must be an https URL or a data: URI"
	}
	return dataBlock(label, data, "")
}

// fileBlock reads a file: its data with or without a label, or what was fetched.
func fileBlock(f openai.File, fetched *openai.Media) (b block, why string) {
	switch {
	case fetched != nil:
		return fetchedBlock(fetched, f.Filename, true)
	case f.FileData != "":
		label, data, ok := cutDataURI(f.FileData)
		if !ok {
			label, data = ";base64", f.FileData
		}
		return dataBlock(label, data, f.Filename)
	}
	return block{}, "it holds neither file_data nor file_url"
}

// sourceBlock reads an image or a document in Anthropic's form.
func sourceBlock(p *openai.Part) (b block, why string) {
	switch s := p.Source; {
	case p.Media != nil:
		return fetchedBlock(p.Media, p.Title, p.Type == "document")
	case s == nil:
		return block{}, "there is none"
	case s.Type == "base64":
		return dataBlock(s.MediaType+";base64", s.Data, p.Title)
	case s.Type == "text" && !isBlank(s.Data):
		return textDocument([]byte(s.Data), p.Title), ""
	}
	return block{}, "it must be of the type base64 or url, or text that is not empty"
}

// fetchedBlock is what came from a URL. Text is none of an image: it may be the page that
// stands in its place.
func fetchedBlock(m *openai.Media, title string, text bool) (b block, why string) {
	if kind := mediaType(m.Data); kind != "" {
		return encodedBlock(kind, base64.StdEncoding.EncodeToString(m.Data), title)
	}
	if text && isText(m.Data) {
		return textDocument(m.Data, title), ""
	}
	return block{}, "what is there is no JPEG, PNG, GIF or WebP image and no PDF"
}

// cutDataURI cuts a data: URI into its label and its data.
func cutDataURI(uri string) (label, data string, ok bool) {
	label, data, ok = strings.Cut(uri, ",")
	if !ok || len(label) < len("data:") || !strings.EqualFold(label[:len("data:")], "data:") {
		return "", "", false
	}
	return strings.ToLower(label[len("data:"):]), data, true
}

// dataBlock is an image, a PDF or a text, whatever its label says, except that an image
// of a kind Claude does not know is no text.
func dataBlock(label, data, title string) (b block, why string) {
	if !strings.HasSuffix(label, ";base64") {
		plain, err := url.PathUnescape(data)
		if err != nil {
			return block{}, "its data is not percent-encoded"
		}
		data = base64.StdEncoding.EncodeToString([]byte(plain))
	}
	data, err := cleanBase64(data)
	if err != nil {
		return block{}, "its data is not base64"
	}
	head, _ := base64.StdEncoding.DecodeString(data[:min(16, len(data))]) // valid: it is clean
	if kind := mediaType(head); kind != "" {
		return encodedBlock(kind, data, title)
	}
	if strings.HasPrefix(label, "image/") {
		return block{}, "its data is no JPEG, PNG, GIF or WebP image"
	}
	plain, _ := base64.StdEncoding.DecodeString(data) // as above
	if !isText(plain) {
		return block{}, "its data is no JPEG, PNG, GIF or WebP image, no PDF and no text"
	}
	return textDocument(plain, title), ""
}

func encodedBlock(kind, data, title string) (b block, why string) {
	switch {
	case kind == pdf:
		return block{kind: document, mediaType: kind, data: data, title: title}, ""
	case len(data) > maxImage:
		return block{}, "the image is larger than the 5 MB that Claude takes, counted as base64"
	}
	side := pixels(kind, headOf(data, kind))
	if side > maxSide {
		return block{}, "no side of an image may be longer than 8000 pixels"
	}
	return block{kind: image, mediaType: kind, data: data, side: side}, ""
}

// headOf is as much of an image as tells its size: of a JPEG what may stand before that.
func headOf(data, kind string) []byte {
	most := 64
	if kind == "image/jpeg" {
		most = 256 << 10
	}
	head, _ := base64.StdEncoding.DecodeString(data[:min(most, len(data))]) // valid: it is clean
	return head
}

func textDocument(data []byte, title string) block {
	b := textBlock(string(bytes.TrimPrefix(data, []byte("\ufeff"))))
	b.kind, b.title = document, title
	return b
}

func isText(data []byte) bool {
	return utf8.Valid(data) && !bytes.ContainsRune(data, 0) && !isBlank(string(data))
}

// cleanBase64 gives standard base64 with padding, without white space.
func cleanBase64(s string) (string, error) {
	if strings.ContainsAny(s, " \t\r\n") {
		s = strings.Join(strings.Fields(s), "")
	}
	if strings.ContainsAny(s, "-_") {
		s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	}
	s = strings.TrimRight(s, "=")
	s += strings.Repeat("=", (4-len(s)%4)%4)
	_, err := base64.StdEncoding.Decode(make([]byte, base64.StdEncoding.DecodedLen(len(s))), []byte(s))
	return s, err
}

const pdf = "application/pdf"

// mediaType tells an image or a PDF by its first bytes; empty: neither.
func mediaType(data []byte) string {
	first := string(data[:min(12, len(data))])
	switch {
	case strings.HasPrefix(first, "\xff\xd8\xff"):
		return "image/jpeg"
	case strings.HasPrefix(first, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case strings.HasPrefix(first, "GIF8"):
		return "image/gif"
	case strings.HasPrefix(first, "RIFF") && strings.HasSuffix(first, "WEBP"):
		return "image/webp"
	case strings.HasPrefix(first, "%PDF-"):
		return pdf
	}
	return ""
}
