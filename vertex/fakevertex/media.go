package fakevertex

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
)

const (
	maxImage     = 5 << 20 // bytes of base64 (vertex.md 2.4)
	maxEdge      = 8000    // pixels
	maxManyEdge  = 2000    // pixels, in a request with many files
	manyFiles    = 20      // more are many
	defaultMedia = 100     // images, or pages of documents, where the catalogue does not say
)

// checkMedia looks into images and documents, those in tool results too.
func (i *inspection) checkMedia() *refusal {
	files := i.files()
	images, pages := 0, 0
	for _, f := range files {
		if f.Type == "image" {
			images++
		}
		if r := f.check(len(files) > manyFiles); r != nil {
			return f.locate(r)
		}
		pages += f.pages()
	}
	most := i.model.Accepts.Images
	if most == 0 {
		most = defaultMedia
	}
	switch {
	case pages > most:
		return refuse("A maximum of %d PDF pages may be provided.", most)
	case images+pages > most:
		return refuse("Too much media: %d document pages + %d images > %d", pages, images, most)
	}
	return nil
}

// files are the image and document blocks.
func (i *inspection) files() []placed {
	var all []placed
	for _, t := range i.turns {
		for _, b := range t.blocks {
			if b.isFile() {
				all = append(all, b)
			}
			for _, inner := range b.results() {
				if inner.isFile() {
					all = append(all, placed{&inner, b.message, b.index})
				}
			}
		}
	}
	return all
}

func (b *block) isFile() bool { return b.Type == "image" || b.Type == "document" }

// check looks at one file; many: it is one of many in the request.
func (b *block) check(many bool) *refusal {
	s := b.source()
	switch {
	case s.Type == "text" && blank(s.Data):
		return refuse("text documents must be non-empty").under("document.source.text.data")
	case s.Type != "base64":
		return nil
	}
	if b.Type == "image" && len(s.Data) > maxImage {
		return refuse("image exceeds 5 MB maximum: %d bytes > %d bytes", len(s.Data), maxImage).under("image.source.base64")
	}
	data, err := base64.StdEncoding.DecodeString(s.Data)
	if err != nil || len(data) == 0 {
		return refuse("Invalid base64 data").under(b.Type + ".source.base64.data")
	}
	r := checkPDF(data)
	if b.Type == "image" {
		r = checkImage(s.MediaType, data, many)
	}
	if r != nil {
		return r.under(b.Type + ".source.base64.data")
	}
	return nil
}

const pdfStart = "%PDF-"

func checkPDF(data []byte) *refusal {
	if !bytes.HasPrefix(data, []byte(pdfStart)) {
		return refuse("The PDF specified was not valid.")
	}
	return nil
}

func checkImage(label string, data []byte, many bool) *refusal {
	switch found := http.DetectContentType(data); {
	case !strings.HasPrefix(found, "image/"):
		return refuse("Could not process image")
	case found != label:
		return refuse("Image does not match the provided media type %s", label)
	}
	edge := longestEdge(data)
	if edge > maxEdge {
		return refuse("At least one of the image dimensions exceed max allowed size: %d pixels", maxEdge)
	}
	if many && edge > maxManyEdge {
		return refuse("At least one of the image dimensions exceed max allowed size for many-image requests: %d pixels", maxManyEdge)
	}
	return nil
}

func (b *block) pages() int {
	s := b.source()
	if b.Type != "document" || s.Type != "base64" {
		return 0
	}
	data, _ := base64.StdEncoding.DecodeString(s.Data)
	return pdfPages(data)
}

// pdfPages counts roughly: those that stand in the file uncompressed, but one at least.
func pdfPages(data []byte) int {
	n := 0
	for {
		_, rest, found := bytes.Cut(data, []byte("/Type"))
		if !found {
			return max(n, 1)
		}
		data = bytes.TrimLeft(rest, " \t\r\n")
		if after, ok := bytes.CutPrefix(data, []byte("/Page")); ok && !bytes.HasPrefix(after, []byte("s")) {
			n++
		}
	}
}
