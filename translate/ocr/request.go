// Package ocr is POST /v1/ocr: Mistral's reading of documents, as it is on Vertex AI
// (vertex.md 6.4).
package ocr

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// A Request is the body of POST /v1/ocr. A field that is null is absent.
type Request struct {
	Model string `json:"model"`
	// Document is of the type document_url or image_url. Its URL is a data: URI, or it is a
	// link whose data is put into its Media (see [Request.Links]).
	Document openai.Part `json:"document"`
	// Pages are numbers from 0 in an array, or a string such as "0-3,7", as the client wrote
	// it; absent: all.
	Pages              jsontext.Value `json:"pages"`
	IncludeImageBase64 *bool          `json:"include_image_base64"`
	// ImageLimit is the most images that are cut out, ImageMinSize their least height and
	// width.
	ImageLimit   *int64 `json:"image_limit"`
	ImageMinSize *int64 `json:"image_min_size"`
	// Others are the members that stand above nowhere.
	Others jsontext.Value `json:",embed"`
}

// Decode reads a request body. Its errors are 400s that name the field.
func Decode(body []byte) (*Request, *openai.Error) {
	r := new(Request)
	if err := openai.Decode(body, r); err != nil {
		return nil, err
	}
	switch r.Pages.Kind() {
	case 'n':
		r.Pages = nil
	case 0, '"':
	case '[':
		var numbers []int64
		if err := openai.Decode(r.Pages, &numbers); err != nil {
			return nil, wrongPages()
		}
	default:
		return nil, wrongPages()
	}
	return r, r.checkDocument()
}

func wrongPages() *openai.Error {
	return openai.BadRequest("invalid_type", "pages", "Invalid type for 'pages': it must be a string or an array of page numbers.")
}

func (r *Request) checkDocument() *openai.Error {
	switch r.Document.Type {
	case "":
		return openai.BadRequest("missing_required_parameter", "document", "Missing required parameter: 'document', with a type.")
	case typeDocument, typeImage:
	default:
		return openai.UnsupportedValue("document.type", "it must be document_url or image_url")
	}
	if r.url() == "" {
		param := "document." + r.Document.Type
		return openai.MissingParam(param)
	}
	return nil
}

// The types of document.
const (
	typeDocument = "document_url"
	typeImage    = "image_url"
)

func (r *Request) url() string {
	if r.Document.Type == typeImage {
		return r.Document.ImageURL.URL
	}
	return r.Document.DocumentURL.URL
}

// Links is the document, if it has to be fetched: the model reaches nothing.
func (r *Request) Links() []openai.Link {
	if scheme, _, ok := strings.Cut(r.url(), ":"); !ok || strings.EqualFold(scheme, "data") {
		return nil
	}
	return []openai.Link{{URL: r.url(), Param: "document", Part: &r.Document}}
}

// NewRequest puts the request to the publisher's model, which the body names without a
// version (vertex.md 6.1).
func NewRequest(r *Request, model string) (*translate.Request, *openai.Error) {
	document, err := r.document()
	if err != nil {
		return nil, err
	}
	model, _, _ = strings.Cut(model, "@")
	body := openai.AppendString([]byte(`{"model":`), model)
	body = append(append(body, `,"document":`...), document...)
	if r.Pages != nil {
		body = append(append(body, `,"pages":`...), r.Pages...)
	}
	if r.IncludeImageBase64 != nil {
		body = strconv.AppendBool(append(body, `,"include_image_base64":`...), *r.IncludeImageBase64)
	}
	body = appendNumber(body, `,"image_limit":`, r.ImageLimit)
	body = appendNumber(body, `,"image_min_size":`, r.ImageMinSize)
	put := &translate.Request{Method: "rawPredict", Body: append(body, '}'), Warnings: passthrough.Dropped(r.Others)}
	put.Read = func() translate.Answer { return passthrough.NewReply(r.read) }
	return put, nil
}

func appendNumber(dst []byte, opening string, n *int64) []byte {
	if n == nil {
		return dst
	}
	return strconv.AppendInt(append(dst, opening...), *n, 10)
}

func (r *Request) read(object *passthrough.Object) ([]byte, openai.Usage, *openai.Error) {
	pages, ok := countPages(object)
	if !ok {
		return nil, openai.Usage{}, translate.BadAnswer("no pages", nil)
	}
	edits := []passthrough.Edit{{Name: "model", Value: openai.AppendString(nil, r.Model)}}
	return object.Append(nil, edits), openai.Usage{Pages: pages}, nil
}
