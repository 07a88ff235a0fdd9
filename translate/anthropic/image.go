package anthropic

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// imageBlock reads a data: URI. What the bytes are counts, not what the label says:
// Claude refuses an image whose label is wrong (openai-claude.md A.3). The reason is
// empty where all is well.
func imageBlock(uri string) (b block, why string) {
	label, data, ok := strings.Cut(uri, ",")
	if !ok || len(label) < len("data:") || !strings.EqualFold(label[:len("data:")], "data:") {
		return block{}, "it must be a data: URI that holds a JPEG, PNG, GIF or WebP image"
	}
	if !strings.HasSuffix(strings.ToLower(label), ";base64") {
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
	kind := imageType(data)
	if kind == "" {
		return block{}, "its data is no JPEG, PNG, GIF or WebP image"
	}
	return block{kind: image, mediaType: kind, data: data}, ""
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

// imageType tells an image by its first bytes; empty: none that Claude takes.
func imageType(data string) string {
	head, err := base64.StdEncoding.DecodeString(data[:min(16, len(data))])
	if err != nil {
		return ""
	}
	first := string(head)
	switch {
	case strings.HasPrefix(first, "\xff\xd8\xff"):
		return "image/jpeg"
	case strings.HasPrefix(first, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case strings.HasPrefix(first, "GIF8"):
		return "image/gif"
	case strings.HasPrefix(first, "RIFF") && len(first) >= 12 && first[8:12] == "WEBP":
		return "image/webp"
	}
	return ""
}
