package fakevertex

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ocr = "mistral-ocr-2505"

// scan is a body for OCR of a PDF with so many pages.
func scan(pages int, edits ...edit) map[string]any {
	pdf := "%PDF-1.4\n" + strings.Repeat("<< /Type /Page >>\n", pages)
	b := map[string]any{"model": ocr, "document": map[string]any{
		"type": "document_url", "document_url": "data:application/pdf;base64," + base64.StdEncoding.EncodeToString([]byte(pdf)),
	}}
	for _, e := range edits {
		e(b)
	}
	return b
}

type ocrReply struct {
	Pages []struct {
		Index    int
		Markdown string
		Images   []struct {
			Data *string `json:"image_base64"`
		}
	}
	Model string
	Usage struct {
		Pages int `json:"pages_processed"`
		Bytes int `json:"doc_size_bytes"`
	} `json:"usage_info"`
}

func (r ocrReply) numbers() []int {
	all := []int{}
	for _, p := range r.Pages {
		all = append(all, p.Index)
	}
	return all
}

func TestOCR(t *testing.T) {
	picture := set("document", map[string]any{"type": "image_url", "image_url": map[string]any{"url": "data:image/png;base64," + png}})
	for _, test := range []struct {
		name   string
		body   map[string]any
		want   []int
		images int
	}{
		{"all", scan(3), []int{0, 1, 2}, 3},
		{"a list", scan(3, set("pages", []int{0, 2, 7})), []int{0, 2}, 2},
		{"ranges", scan(9, set("pages", "0, 2-4,8")), []int{0, 2, 3, 4, 8}, 5},
		{"a picture", scan(0, picture), []int{0}, 1},
		{"a picture by its URL alone", scan(0, set("document", map[string]any{"type": "image_url", "image_url": "data:image/png;base64," + png})), []int{0}, 1},
		{"no images", scan(2, set("image_limit", 0)), []int{0, 1}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := New(Options{Scenarios: []Scenario{{Text: "Some words."}}})
			test.body["include_image_base64"] = true
			res, text := post(t, s, mistralPath(ocr, "rawPredict"), test.body)
			var got ocrReply
			if err := json.Unmarshal([]byte(text), &got); err != nil || res.StatusCode != 200 {
				t.Fatalf("%v: %s %s", err, res.Status, text)
			}
			if diff := cmp.Diff(test.want, got.numbers()); diff != "" || got.Usage.Pages != len(test.want) || got.Usage.Bytes == 0 {
				t.Errorf("%s %+v", diff, got)
			}
			if n := strings.Count(text, `"image_base64":"data:image/jpeg;base64,`); n != test.images || !strings.Contains(got.Pages[0].Markdown, "Some words.") {
				t.Errorf("%d images: %s", n, text)
			}
			if pages := s.Requests()[0].Usage.Pages; pages != len(test.want) {
				t.Errorf("%d pages in the journal", pages)
			}
		})
	}
}

func TestOCRRefuses(t *testing.T) {
	document := func(url string) edit {
		return set("document", map[string]any{"type": "document_url", "document_url": url})
	}
	for _, test := range []struct {
		name   string
		edit   edit
		status int
		want   string
	}{
		{"a URL", document("https://example.com/a.pdf"), 400, "could not be fetched"},
		{"a URL like data", document("https://example.com/pdf;base64,JVBERi0="), 400, "could not be fetched"},
		{"no base64", document("data:application/pdf;base64,?"), 400, "could not be parsed"},
		{"no PDF", document("data:application/pdf;base64,aGVsbG8="), 400, "could not be parsed"},
		{"unknown field", set("table_format", "html"), 422, `"loc":["body","table_format"]`},
		{"unknown kind", set("document", map[string]any{"type": "file"}), 422, "union_tag_invalid"},
		{"another model", set("model", medium3), 400, "Invalid model"},
		{"chat", raw(`{"messages": []}`), 422, `"loc":["body","messages"]`},
		{"many pages", func(b map[string]any) { b["document"] = scan(31)["document"] }, 400, "31 pages"},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, text := post(t, New(Options{}), mistralPath(ocr, "rawPredict"), scan(1, test.edit))
			if res.StatusCode != test.status || !strings.Contains(text, test.want) {
				t.Errorf("got %s %s", res.Status, text)
			}
		})
	}
}
