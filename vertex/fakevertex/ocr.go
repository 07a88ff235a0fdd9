package fakevertex

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A recognition is a body for Mistral's OCR (vertex.md 6.4).
type recognition struct {
	Model    string `json:"model"`
	Document struct {
		Type     string         `json:"type"`
		Document string         `json:"document_url"`
		Image    jsontext.Value `json:"image_url"`
	} `json:"document"`
	Pages         jsontext.Value `json:"pages"` // numbers, or a text of them and ranges, from 0 on
	IncludeImages bool           `json:"include_image_base64"`
	ImageLimit    *float64       `json:"image_limit"`
}

// maxPages is what the model reads of one document (vertex.md 6.1).
const maxPages = 30

// recognise answers OCR.
func (c *call) recognise(body []byte, tree any) error {
	if c.path.method != "rawPredict" {
		return c.path.unsupported()
	}
	var b recognition
	if err := c.decode(body, tree, c.forms.mistral.ocr, &b); err != nil {
		return err
	}
	data, r := b.data()
	if r != nil {
		return r
	}
	pages, r := b.pages(data)
	if r != nil {
		return r
	}
	c.journal.note(c.entry, func(e *Request) { e.Usage.Pages = len(pages) })
	if err := c.pause(c.scenario.Delay); err != nil {
		return err
	}
	answer, _ := json.Marshal(members{
		{"pages", c.readPages(pages, &b)}, {"model", b.Model}, {"document_annotation", nil},
		{"usage_info", members{{"pages_processed", len(pages)}, {"doc_size_bytes", len(data)}}},
	})
	return c.whole(answer)
}

// data are the document's bytes. The service reaches no other than those that it is sent.
func (b *recognition) data() ([]byte, *refusal) {
	url := b.Document.Document
	if b.Document.Type == "image_url" {
		url = chunk{Image: b.Document.Image}.url()
	}
	rest, inline := strings.CutPrefix(url, "data:")
	head, text, whole := strings.Cut(rest, ",")
	if !inline || !whole || !strings.HasSuffix(head, ";base64") {
		return nil, refuseFlat(http.StatusBadRequest, "invalid_file", "3310", "Document could not be fetched from the URL: "+clip(url, 60))
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 || !b.fits(data) {
		return nil, refuseFlat(http.StatusBadRequest, "invalid_file", "3310", "Document could not be parsed")
	}
	return data, nil
}

func (b *recognition) fits(data []byte) bool {
	if b.Document.Type == "image_url" {
		return strings.HasPrefix(http.DetectContentType(data), "image/")
	}
	return bytes.HasPrefix(data, []byte(pdfStart))
}

// pages are the numbers of those to read.
func (b *recognition) pages(data []byte) ([]int, *refusal) {
	count := 1
	if b.Document.Type == "document_url" {
		count = pdfPages(data)
	}
	var all []int
	for i := range count {
		all = append(all, i)
	}
	if !isNull(b.Pages) {
		wanted := wantedPages(b.Pages)
		all = slices.DeleteFunc(all, func(i int) bool { return !wanted(i) })
	}
	if len(all) > maxPages {
		return nil, refuseFlat(http.StatusBadRequest, "invalid_file", "3310", "Document has "+strconv.Itoa(len(all))+" pages, more than "+strconv.Itoa(maxPages))
	}
	return all, nil
}

// wantedPages reads [0, 2] and "0,2-4".
func wantedPages(v jsontext.Value) func(int) bool {
	var numbers []int
	if json.Unmarshal(v, &numbers) == nil {
		return func(i int) bool { return slices.Contains(numbers, i) }
	}
	var ranges string
	_ = json.Unmarshal(v, &ranges) // its form is known
	return func(i int) bool {
		for part := range strings.SplitSeq(ranges, ",") {
			low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
			if !ranged {
				high = low
			}
			from, err := strconv.Atoi(low)
			to, err2 := strconv.Atoi(high)
			if err == nil && err2 == nil && from <= i && i <= to {
				return true
			}
		}
		return false
	}
}

// readPages is what the pages say: each a text and, unless the limit is 0, an image.
func (c *call) readPages(pages []int, b *recognition) []members {
	all := make([]members, len(pages))
	for i, page := range pages {
		text := "# Page " + strconv.Itoa(page+1) + "\n\n"
		if c.scenario.Text != "" {
			text += c.scenario.Text
		} else {
			text += "What stands on it."
		}
		images := []members{}
		if b.ImageLimit == nil || *b.ImageLimit > 0 {
			id := "img-" + strconv.Itoa(i) + ".jpeg"
			text += "\n\n![" + id + "](" + id + ")"
			images = append(images, pageImage(id, b.IncludeImages))
		}
		all[i] = members{
			{"index", page}, {"markdown", text}, {"images", images},
			{"dimensions", members{{"dpi", 200}, {"height", 2200}, {"width", 1700}}},
		}
	}
	return all
}

func pageImage(id string, whole bool) members {
	var data any
	if whole {
		data = "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2Q=="
	}
	return members{
		{"id", id}, {"top_left_x", 100}, {"top_left_y", 200}, {"bottom_right_x", 500}, {"bottom_right_y", 600},
		{"image_base64", data},
	}
}
