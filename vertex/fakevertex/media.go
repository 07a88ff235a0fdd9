package fakevertex

import (
	"bytes"
	"encoding/base64"
	"image"
	_ "image/gif"  // for sizes
	_ "image/jpeg" // for sizes
	_ "image/png"  // for sizes
	"net/http"
)

const (
	maxImage      = 5 << 20 // bytes of base64 (vertex.md 2.4)
	maxEdge       = 8000    // pixels
	maxManyEdge   = 2000    // pixels, in a request with many images
	manyImages    = 20      // more are many
	defaultImages = 100     // in a request, where the catalogue does not say
)

// checkMedia looks into images and documents, those in tool results too.
func (i *inspection) checkMedia() *refusal {
	files := i.files()
	images := 0
	for _, f := range files {
		if f.Type == "image" {
			images++
		}
	}
	most := i.model.Accepts.Images
	if most == 0 {
		most = defaultImages
	}
	if images > most {
		return refuse("messages: too many images: %d > %d", images, most)
	}
	for _, f := range files {
		if r := f.check(len(files) > manyImages); r != nil {
			return f.refuse("%s", r.Error())
		}
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

func (b *block) check(many bool) *refusal {
	s := b.source()
	switch {
	case s.Type == "text" && blank(s.Data):
		return refuse("document.source.text.data: text documents must be non-empty")
	case s.Type != "base64":
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(s.Data)
	if err != nil || len(data) == 0 {
		return refuse("%s.source.base64.data: Invalid base64 data", b.Type)
	}
	if b.Type == "document" {
		return checkPDF(data)
	}
	return checkImage(s, data, many)
}

func checkPDF(data []byte) *refusal {
	if !bytes.HasPrefix(data, []byte("%PDF-")) {
		return refuse("document.source.base64.data: The PDF specified was not valid.")
	}
	return nil
}

func checkImage(s source, data []byte, many bool) *refusal {
	if len(s.Data) > maxImage {
		return refuse("image.source.base64: image exceeds 5 MB maximum: %d bytes > %d bytes", len(s.Data), maxImage)
	}
	switch found := http.DetectContentType(data); {
	case len(found) < 6 || found[:6] != "image/":
		return refuse("image.source.base64.data: Could not process image")
	case found != s.MediaType:
		return refuse("image.source.base64.data: Image does not match the provided media type %s", s.MediaType)
	}
	// A size that cannot be read is none: tests send the first bytes of an image only.
	size, _, _ := image.DecodeConfig(bytes.NewReader(data))
	if max(size.Width, size.Height) > maxEdge {
		return refuse("image.source.base64.data: At least one of the image dimensions exceed max allowed size: %d pixels", maxEdge)
	}
	if many && max(size.Width, size.Height) > maxManyEdge {
		return refuse("image.source.base64.data: At least one of the image dimensions exceed max allowed size for many-image requests: %d pixels", maxManyEdge)
	}
	return nil
}
