package openai

import (
	"fmt"
	"strings"
)

// A Link is an image or a document that the client names by its URL instead of sending it.
type Link struct {
	URL string
	// Param is the path of the part in the request: messages[0].content[1].
	Param string
	// Part takes what is fetched as its Media.
	Part *Part
}

// Links are the parts of all messages that name what they hold by an http or https URL,
// or by one of another scheme that is no data.
func (r *ChatRequest) Links() []Link {
	var links []Link
	for i := range r.Messages {
		parts := r.Messages[i].Content.Parts
		for j := range parts {
			if url := parts[j].url(); isLink(url) {
				links = append(links, Link{url, fmt.Sprintf("messages[%d].content[%d]", i, j), &parts[j]})
			}
		}
	}
	return links
}

// url is where the part's data is, or the data; empty: it has none.
func (p *Part) url() string {
	switch p.Type {
	case "image_url", "input_image":
		return p.ImageURL.URL
	case "file":
		return p.File.FileURL
	case "input_file", "file_url":
		return p.FileURL.URL
	case "document_url":
		return p.DocumentURL.URL
	case "image", "document":
		if p.Source != nil && p.Source.Type == "url" {
			return p.Source.URL
		}
	}
	return ""
}

// isLink tells a URL from data: every scheme but data: is one, so that whoever fetches it
// can say which are possible.
func isLink(url string) bool {
	scheme, _, ok := strings.Cut(url, ":")
	return ok && !strings.EqualFold(scheme, "data")
}
