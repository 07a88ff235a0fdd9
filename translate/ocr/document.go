package ocr

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// document is the document with its data: what the client sent, or what was fetched.
func (r *Request) document() (jsontext.Value, *openai.Error) {
	kind, uri := r.Document.Type, r.url()
	if m := r.Document.Media; m != nil {
		label := mediaType(m.Data)
		if label == "" {
			return nil, openai.InvalidValue("document", "what is there is no PDF, DOCX or PPTX file and no image")
		}
		kind, uri = typeDocument, "data:"+label+";base64,"+base64.StdEncoding.EncodeToString(m.Data)
		if strings.HasPrefix(label, "image/") {
			kind = typeImage
		}
	}
	if len(uri) < len("data:") || !strings.EqualFold(uri[:len("data:")], "data:") {
		return nil, openai.InvalidValue("document", "it must be a data: URI or an https URL")
	}
	value := openai.AppendString([]byte(`{"type":"`+kind+`","`+kind+`":`), uri)
	return append(value, '}'), nil
}

// mediaType tells what data is by its first bytes, or by the names in it where it is an
// archive of Office's; empty: nothing that is read.
func mediaType(data []byte) string {
	switch label := http.DetectContentType(data); label {
	case "application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp":
		return label
	case "application/zip":
		return officeType(data)
	}
	return ""
}

func officeType(data []byte) string {
	const office = "application/vnd.openxmlformats-officedocument."
	switch {
	case bytes.Contains(data, []byte("word/document.xml")):
		return office + "wordprocessingml.document"
	case bytes.Contains(data, []byte("ppt/presentation.xml")):
		return office + "presentationml.presentation"
	}
	return ""
}

// countPages counts what is paid for: by what the model says, or else by what it read;
// false: it read nothing.
func countPages(object *passthrough.Object) (int64, bool) {
	var pages []jsontext.Value
	if json.Unmarshal(object.Value("pages"), &pages, translate.Lenient) != nil || pages == nil {
		return 0, false
	}
	var info struct {
		Pages *float64 `json:"pages_processed"`
	}
	if json.Unmarshal(object.Value("usage_info"), &info, translate.Lenient) != nil || info.Pages == nil {
		return int64(len(pages)), true
	}
	return int64(min(max(*info.Pages, 0), 1<<40)), true
}
