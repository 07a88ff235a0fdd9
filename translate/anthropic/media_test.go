package anthropic_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

const (
	pngHead  = "\x89PNG\r\n\x1a\n"
	jpegHead = "\xff\xd8\xff\xe0"
	webpHead = "RIFF\x10\x00\x00\x00WEBPVP8 "
)

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// What data is counts, not what it is called.
func TestMedia(t *testing.T) {
	image := func(kind, data string) string {
		return `{"type":"image","source":{"type":"base64","media_type":"image/` + kind + `","data":"` + data + `"}}`
	}
	linked := func(url string) string { return `{"type":"image_url","image_url":{"url":"` + url + `"}}` }
	tests := []struct {
		name, part string
		want       string // the block, or code and param of the refusal
	}{
		{"a JPEG called PNG", linked("data:image/png;base64," + encoded(jpegHead)), image("jpeg", encoded(jpegHead))},
		{"a bare string with white space", `{"type":"input_image","image_url":"data:image/webp;charset=utf-8;base64, ` + encoded(webpHead)[:4] + `\n` + encoded(webpHead)[4:] + `"}`, image("webp", encoded(webpHead))},
		{"percent-encoded", linked("data:image/gif,GIF89a%00%01"), image("gif", encoded("GIF89a\x00\x01"))},
		{"a PDF in an image", linked("data:application/pdf;base64," + encoded("%PDF-1.4")), `{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + encoded("%PDF-1.4") + `"}}`},
		{"text in an image", linked("data:text/csv,a%2Cb"), `{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a,b"}}`},
		{"SVG", linked("data:image/svg+xml;base64," + encoded("<svg/>")), "invalid_value messages[0].content[0].image_url"},
		{"no data", linked("data:image/png;base64,"), "invalid_value messages[0].content[0].image_url"},
		{"no base64", linked("data:image/png;base64,%%%"), "invalid_value messages[0].content[0].image_url"},
		{"an URL that nobody fetched", linked("https://example.com/a.png"), "invalid_value messages[0].content[0].image_url"},
		{"more than Claude takes", linked("data:image/png;base64," + encoded(pngHead+strings.Repeat("x", 4<<20))), "invalid_value messages[0].content[0].image_url"},
		{"a file", `{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,` + encoded("%PDF-1.7") + `"}}`, `{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + encoded("%PDF-1.7") + `"},"title":"a.pdf"}`},
		{"a file without a label", `{"type":"input_file","filename":"a.txt","file_data":"` + encoded("\ufeffhello") + `"}`, `{"type":"document","source":{"type":"text","media_type":"text/plain","data":"hello"},"title":"a.txt"}`},
		{"an image as a file", `{"type":"file","file":{"filename":"a","file_data":"` + encoded(pngHead) + `"}}`, image("png", encoded(pngHead))},
		{"a file of bytes", `{"type":"file","file":{"file_data":"` + encoded("\x00\x01\x02") + `"}}`, "invalid_value messages[0].content[0].file"},
		{"a stored file", `{"type":"file","file":{"file_id":"file-1"}}`, "unsupported_value messages[0].content[0].file"},
		{"an empty file", `{"type":"file","file":{}}`, "invalid_value messages[0].content[0].file"},
		{"Anthropic's image", `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + encoded(jpegHead) + `"},"cache_control":{"type":"ephemeral"}}`, strings.TrimSuffix(image("jpeg", encoded(jpegHead)), "}") + `,"cache_control":{"type":"ephemeral"}}`},
		{"Anthropic's text", `{"type":"document","title":"t","source":{"type":"text","media_type":"text/plain","data":"hello"}}`, `{"type":"document","source":{"type":"text","media_type":"text/plain","data":"hello"},"title":"t"}`},
		{"Anthropic's URL that nobody fetched", `{"type":"image","source":{"type":"url","url":"https://example.com/a"}}`, "invalid_value messages[0].content[0].source"},
		{"no source", `{"type":"document"}`, "invalid_value messages[0].content[0].source"},
		{"sound", `{"type":"input_audio","input_audio":{"data":"","format":"wav"}}`, "unsupported_value messages[0].content[0].type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, fault := try(t, `{"model":"claude-opus-5","messages":[{"role":"user","content":[`+tt.part+`]}]}`)
			if fault != nil {
				if got := fault.Code + " " + fault.Param; got != tt.want {
					t.Errorf("%s (%s), want %s", got, fault.Message, tt.want)
				}
				return
			}
			if got := field(t, string(req.Body), "messages"); got != `[{"role":"user","content":[`+tt.want+`]}]` {
				t.Errorf("messages %s, want %s", got, tt.want)
			}
		})
	}
}

// What was fetched stands in the place of its URL, in results too; text only where a
// document was asked for.
func TestFetchedMedia(t *testing.T) {
	chat, fault := openai.DecodeChatRequest([]byte(`{"model":"m","messages":[
		{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/1"}},{"type":"file","file":{"file_url":"https://a/2","filename":"n"}}]},
		{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f"}}]},
		{"role":"tool","tool_call_id":"c","content":[{"type":"image_url","image_url":"https://a/3"}]}]}`))
	if fault != nil {
		t.Fatal(fault)
	}
	links := chat.Links()
	if len(links) != 3 || links[2].Param != "messages[2].content[0]" || links[1].URL != "https://a/2" {
		t.Fatalf("links %+v", links)
	}
	for i, data := range []string{pngHead, "plain text", jpegHead} {
		links[i].Part.Media = &openai.Media{Data: []byte(data)}
	}
	m, _ := catalogue.Builtin().Find("claude-opus-5")
	req, fault := anthropic.NewRequest(chat, m, anthropic.Options{})
	if fault != nil {
		t.Fatal(fault)
	}
	for _, want := range []string{
		`"media_type":"image/png","data":"` + encoded(pngHead) + `"`,
		`{"type":"text","media_type":"text/plain","data":"plain text"},"title":"n"`,
		`"tool_use_id":"c","content":[{"type":"image","source":{"type":"base64","media_type":"image/jpeg"`,
	} {
		if !strings.Contains(string(req.Body), want) {
			t.Errorf("no %s in %s", want, req.Body)
		}
	}
	links[0].Part.Media.Data = []byte("<html>not found</html>")
	if _, fault := anthropic.NewRequest(chat, m, anthropic.Options{}); fault == nil || fault.Code != "invalid_image_url" {
		t.Errorf("a page in the place of an image: %v", fault)
	}
}

func TestTooManyImages(t *testing.T) {
	part := `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + encoded(pngHead) + `"}}`
	chat := `{"model":"claude-haiku-4-5","messages":[{"role":"user","content":[` + part + strings.Repeat(","+part, 100) + `]}]}`
	if _, fault := try(t, chat); fault == nil || fault.Param != "messages" {
		t.Errorf("101 images: %v", fault)
	}
}

// The sizes of images in each form they come in, and where they are too large.
func TestImageSizes(t *testing.T) {
	png := func(width, height string) string { return pngHead + "\x00\x00\x00\rIHDR" + width + height }
	const (
		small = "\x00\x00\x00\x01"
		large = "\x00\x00\x1f\x41" // 8001
	)
	for name, data := range map[string]string{
		"PNG":           png(small, large),
		"GIF":           "GIF89a\x01\x00\x41\x1f",
		"WebP":          "RIFF\x10\x00\x00\x00WEBPVP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\x41\x1f\x01\x00",
		"lossless WebP": "RIFF\x10\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f\x40\x1f\x00\x00\x00\x00\x00\x00\x00",
		"extended WebP": "RIFF\x10\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x40\x1f\x00",
		"JPEG":          "\xff\xd8\xff\xe0\x00\x04ab\xff\xc2\x00\x11\x08\x1f\x41\x00\x01",
	} {
		chat := func(data string) string {
			return `{"model":"claude-opus-5","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/x;base64,` + encoded(data) + `"}}]}]}`
		}
		if _, fault := try(t, chat(data)); fault == nil || fault.Param != "messages[0].content[0].image_url" || !strings.Contains(fault.Message, "8000") {
			t.Errorf("%s of 8001 pixels: %v", name, fault)
		}
		if _, fault := try(t, chat(strings.NewReplacer("\x1f\x41", "\x00\x41", "\x41\x1f", "\x41\x00", "\x40\x1f", "\x40\x00").Replace(data))); fault != nil {
			t.Errorf("%s of 65 pixels: %v", name, fault)
		}
	}
	part := `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + encoded(png(small, "\x00\x00\x07\xd1")) + `"}}`
	many := func(n int) string {
		return `{"model":"claude-opus-5","messages":[{"role":"user","content":[` + part + strings.Repeat(","+part, n-1) + `]}]}`
	}
	if _, fault := try(t, many(20)); fault != nil {
		t.Errorf("20 images of 2001 pixels: %v", fault)
	}
	if _, fault := try(t, many(21)); fault == nil || fault.Param != "messages" {
		t.Errorf("21 images of 2001 pixels: %v", fault)
	}
}
