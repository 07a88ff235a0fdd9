package fakevertex

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	imagepng "image/png"
	"strings"
	"testing"
)

// picture is an image block.
func picture(kind string, data []byte) any {
	return map[string]any{"type": "image", "source": map[string]any{"type": "base64", "media_type": "image/" + kind, "data": base64.StdEncoding.EncodeToString(data)}}
}

// drawn is an image of this width and one row.
func drawn(t *testing.T, kind string, width int) []byte {
	t.Helper()
	var out bytes.Buffer
	img := image.NewPaletted(image.Rect(0, 0, width, 1), palette.Plan9)
	err := map[string]func() error{
		"png":  func() error { return imagepng.Encode(&out, img) },
		"jpeg": func() error { return jpeg.Encode(&out, img, nil) },
		"gif":  func() error { return gif.Encode(&out, img, nil) },
	}[kind]()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// webp is the start of a WebP file of one row.
func webp(chunk string, width int) []byte {
	content := []byte{0, 0, 0, 0x9d, 1, 0x2a, byte(width), byte(width >> 8), 1, 0}
	switch less := width - 1; chunk {
	case "VP8L":
		content = []byte{0x2f, byte(less), byte(less >> 8), 0, 0, 0, 0, 0, 0, 0}
	case "VP8X":
		content = []byte{0, 0, 0, 0, byte(less), byte(less >> 8), 0, 0, 0, 0}
	}
	return append([]byte("RIFF\x1e\x00\x00\x00WEBP"+chunk+"\x0a\x00\x00\x00"), content...)
}

func pdf(pages int) any {
	data := "%PDF-1.4\n1 0 obj <</Type /Pages /Count 9>>\n" + strings.Repeat("2 0 obj <</Type/Page /Parent 1 0 R>>\n3 0 obj <</Type\n /Page>>\n", pages/2)
	return map[string]any{"type": "document", "source": map[string]any{"type": "base64", "media_type": "application/pdf", "data": base64.StdEncoding.EncodeToString([]byte(data))}}
}

func many(n int, one any) []any {
	all := make([]any, n)
	for i := range all {
		all[i] = one
	}
	return all
}

func TestMedia(t *testing.T) {
	const (
		large     = "image.source.base64.data: At least one of the image dimensions exceed max allowed size: 8000 pixels"
		manyLarge = "image.source.base64.data: At least one of the image dimensions exceed max allowed size for many-image requests: 2000 pixels"
	)
	result := func(inner ...any) []any {
		return []any{map[string]any{"type": "tool_result", "tool_use_id": "t1", "content": inner}}
	}
	tests := []struct {
		name    string
		model   string
		content []any
		want    string
	}{
		{"PNG", haiku45, []any{picture("png", drawn(t, "png", 8000))}, ""},
		{"wide PNG", haiku45, []any{picture("png", drawn(t, "png", 8001))}, "messages.0.content.0." + large},
		{"wide JPEG", haiku45, []any{picture("jpeg", drawn(t, "jpeg", 8001))}, large},
		{"wide GIF", haiku45, []any{picture("gif", drawn(t, "gif", 8001))}, large},
		{"lossy WebP", haiku45, []any{picture("webp", webp("VP8 ", 8000))}, ""},
		{"wide lossy WebP", haiku45, []any{picture("webp", webp("VP8 ", 8001))}, large},
		{"lossless WebP", haiku45, []any{picture("webp", webp("VP8L", 8000))}, ""},
		{"wide lossless WebP", haiku45, []any{picture("webp", webp("VP8L", 8001))}, large},
		{"extended WebP", haiku45, []any{picture("webp", webp("VP8X", 8000))}, ""},
		{"wide extended WebP", haiku45, []any{picture("webp", webp("VP8X", 8001))}, large},
		{"PNG named WebP", haiku45, []any{picture("webp", drawn(t, "png", 1))}, "Image does not match the provided media type image/webp"},
		{"20 images", haiku45, many(20, picture("png", drawn(t, "png", 2001))), ""},
		{"21 images", haiku45, many(21, picture("png", drawn(t, "png", 2000))), ""},
		{"21 larger images", haiku45, many(21, picture("png", drawn(t, "png", 2001))), manyLarge},
		{"documents count", haiku45, append(many(20, pdf(2)), picture("png", drawn(t, "png", 2001))), "messages.0.content.20." + manyLarge},
		{"100 images", haiku45, many(100, picture("png", drawn(t, "png", 1))), ""},
		{"101 images where 600 may be", opus5, many(101, picture("png", drawn(t, "png", 1))), ""},
		{"601 images", opus5, many(601, picture("png", drawn(t, "png", 1))), "Too much media: 0 document pages + 601 images > 600"},
		{"100 pages", haiku45, []any{pdf(60), pdf(40)}, ""},
		{"102 pages", haiku45, []any{pdf(60), pdf(42)}, "A maximum of 100 PDF pages may be provided."},
		{"102 pages where 600 may be", opus5, []any{pdf(102)}, ""},
		{"602 pages", opus5, []any{pdf(602)}, "A maximum of 600 PDF pages may be provided."},
		{"pages and images", haiku45, append(many(2, picture("png", drawn(t, "png", 1))), pdf(100)), "Too much media: 100 document pages + 2 images > 100"},
		{"image in a result", haiku45, result(picture("png", drawn(t, "png", 8001))), "messages.2.content.0." + large},
		{"PDF in a result", haiku45, result(pdf(2)), ""},
		{"text in a result", haiku45, result(map[string]any{"type": "document", "source": map[string]any{"type": "text", "media_type": "text/plain", "data": "x"}}), ""},
	}
	s := New(Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			edit := talk(user(test.content))
			if test.content[0].(map[string]any)["type"] == "tool_result" {
				edit = talk(user("q"), assistant(blocks(toolCall)), user(test.content))
			}
			res, text := post(t, s, pathOf("global", test.model, "rawPredict"), hello(edit))
			if test.want == "" && res.StatusCode != 200 {
				t.Errorf("%s: %s", res.Status, text)
			}
			if test.want != "" && (res.StatusCode != 400 || !strings.HasSuffix(complaint(t, text), test.want)) {
				t.Errorf("%s: %s", res.Status, text)
			}
		})
	}
}
