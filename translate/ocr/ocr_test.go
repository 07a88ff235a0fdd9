package ocr_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/ocr"
	"vertexgateway/translate/openai"
)

func decode(t testing.TB, body string) *ocr.Request {
	t.Helper()
	r, fault := ocr.Decode([]byte(body))
	if fault != nil {
		t.Fatalf("%s: %v", body, fault)
	}
	return r
}

func TestDecodeErrors(t *testing.T) {
	const document = `"document":{"type":"document_url","document_url":"data:,x"}`
	for body, want := range map[string]string{
		`x`:                "invalid_json ",
		`{}`:               "missing_required_parameter document",
		`{"document":"a"}`: "invalid_type document",
		`{"document":{"type":"file","file_id":"a"}}`:               "unsupported_value document.type",
		`{"document":{"type":"document_url","image_url":"a"}}`:     "missing_required_parameter document.document_url",
		`{"document":{"type":"image_url","image_url":{"url":""}}}`: "missing_required_parameter document.image_url",
		`{"document":{"type":"image_url","image_url":1}}`:          "invalid_type document.image_url",
		`{` + document + `,"pages":1}`:                             "invalid_type pages",
		`{` + document + `,"pages":["1"]}`:                         "invalid_type pages",
		`{` + document + `,"image_limit":"1"}`:                     "invalid_type image_limit",
		`{` + document + `,"include_image_base64":1}`:              "invalid_type include_image_base64",
	} {
		_, e := ocr.Decode([]byte(body))
		if e == nil || e.Status != 400 || e.Code+" "+e.Param != want {
			t.Errorf("%s: %+v, want %s", body, e, want)
		}
	}
}

func TestRequests(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"a","document":{"type":"document_url","document_url":"data:application/pdf;base64,JVBE","document_name":"b"}}`:                                    `{"model":"mistral-ocr-2505","document":{"type":"document_url","document_url":"data:application/pdf;base64,JVBE"}}`,
		`{"document":{"type":"image_url","image_url":{"url":"DATA:image/png;base64,iVBO"}},"pages":null}`:                                                           `{"model":"mistral-ocr-2505","document":{"type":"image_url","image_url":"DATA:image/png;base64,iVBO"}}`,
		`{"image_min_size":9,"image_limit":3,"include_image_base64":false,"pages":"1-10","document":{"type":"image_url","image_url":"data:,"},"table_format":null}`: `{"model":"mistral-ocr-2505","document":{"type":"image_url","image_url":"data:,"},"pages":"1-10","include_image_base64":false,"image_limit":3,"image_min_size":9}`,
		`{"pages":[0, 2],"document":{"type":"image_url","image_url":"data:,"}}`:                                                                                     `{"model":"mistral-ocr-2505","document":{"type":"image_url","image_url":"data:,"},"pages":[0, 2]}`,
	} {
		r := decode(t, body)
		if links := r.Links(); len(links) > 0 {
			t.Errorf("%s: to be fetched: %v", body, links)
		}
		put, fault := ocr.NewRequest(r, "mistral-ocr-2505@001")
		if fault != nil || put.Method != "rawPredict" || string(put.Body) != want || len(put.Warnings) > 0 {
			t.Errorf("%s: %v\n%s, want\n%s", body, fault, put.Body, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	put, fault := ocr.NewRequest(decode(t, `{"document":{"type":"image_url","image_url":"data:,"},"id":null,"table_format":"html","bbox_annotation_format":{}}`), "m")
	want := []openai.Warning{{Param: "table_format", What: "dropped"}, {Param: "bbox_annotation_format", What: "dropped"}}
	if fault != nil || !cmp.Equal(put.Warnings, want) || strings.Contains(string(put.Body), "format") {
		t.Errorf("%v %v %s", fault, put.Warnings, put.Body)
	}
}

// What is fetched goes inline, as what it is and not as what it was called.
func TestLinks(t *testing.T) {
	for data, want := range map[string]string{
		"%PDF-1.7":                         `{"type":"document_url","document_url":"data:application/pdf;base64,JVBERi0xLjc="}`,
		"\x89PNG\r\n\x1a\n":                `{"type":"image_url","image_url":"data:image/png;base64,iVBORw0KGgo="}`,
		"PK\x03\x04..word/document.xml":    `{"type":"document_url","document_url":"data:application/vnd.openxmlformats-officedocument.wordprocessingml.document;base64,UEsDBC4ud29yZC9kb2N1bWVudC54bWw="}`,
		"PK\x03\x04..ppt/presentation.xml": `{"type":"document_url","document_url":"data:application/vnd.openxmlformats-officedocument.presentationml.presentation;base64,UEsDBC4ucHB0L3ByZXNlbnRhdGlvbi54bWw="}`,
		"PK\x03\x04":                       "",
		"<html>":                           "",
		"":                                 "",
	} {
		r := decode(t, `{"document":{"type":"document_url","document_url":"https://a.example/b"}}`)
		links := r.Links()
		if len(links) != 1 || links[0].URL != "https://a.example/b" || links[0].Param != "document" {
			t.Fatalf("links %v", links)
		}
		links[0].Part.Media = &openai.Media{Data: []byte(data)}
		put, fault := ocr.NewRequest(r, "m")
		switch {
		case want == "" && (fault == nil || fault.Status != 400 || fault.Param != "document"):
			t.Errorf("%q: %v, want an error", data, fault)
		case want != "" && (fault != nil || string(put.Body) != `{"model":"m","document":`+want+`}`):
			t.Errorf("%q: %v %s, want %s", data, fault, put.Body, want)
		}
	}
	for _, url := range []string{"https://a.example/b", "ftp://a", "a.pdf", "dat"} {
		r := decode(t, `{"document":{"type":"image_url","image_url":"`+url+`"}}`)
		if _, fault := ocr.NewRequest(r, "m"); fault == nil || fault.Status != 400 {
			t.Errorf("%s is sent: %v", url, fault)
		}
	}
}

func TestAnswers(t *testing.T) {
	for body, want := range map[string]int64{
		`{"pages":[{"index":0,"markdown":"# a","images":[]},{}],"model":"m","usage_info":{"pages_processed":7,"doc_size_bytes":123}}`: 7,
		`{"pages":[{},{}],"model":"m","usage_info":{"pages_processed":null}}`:                                                         2,
		`{"pages":[{}],"model":"m"}`: 1,
		`{"pages":[],"model":"m"}`:   0,
	} {
		put, _ := ocr.NewRequest(decode(t, `{"model":"alias","document":{"type":"image_url","image_url":"data:,"}}`), "m")
		a := put.Read()
		deltas, fault := a.Message([]byte(body))
		end, ok := a.Ending(true)
		if fault != nil || len(deltas) != 1 || deltas[0].Kind != openai.DeltaCompletion || !ok || !end.Passed || a.Billed() != (openai.Usage{Pages: want}) {
			t.Errorf("%s: %v %v %v, %+v", body, fault, deltas, ok, a.Billed())
			continue
		}
		if got := string(deltas[0].Text); got != strings.Replace(body, `"model":"m"`, `"model":"alias"`, 1) {
			t.Errorf("%s became %s", body, got)
		}
	}
	for body, status := range map[string]int{
		`{}`: 502, `{"pages":null}`: 502, `{"pages":1}`: 502, `x`: 502,
		`{"object":"error","message":"Document is too long","type":"invalid_request_error","code":"3051"}`: 400,
	} {
		put, _ := ocr.NewRequest(decode(t, `{"document":{"type":"image_url","image_url":"data:,"}}`), "m")
		if _, fault := put.Read().Message([]byte(body)); fault == nil || fault.Status != status {
			t.Errorf("%s: %v", body, fault)
		}
	}
}

// FuzzOCR: whatever a client sends and a model answers, both get JSON.
func FuzzOCR(f *testing.F) {
	f.Add([]byte(`{"document":{"type":"image_url","image_url":{"url":"data:,\ud83d"}},"pages":[1]}`), []byte(`{"pages":[{}],"usage_info":{"pages_processed":1e99}}`))
	f.Fuzz(func(t *testing.T, request, answer []byte) {
		r, fault := ocr.Decode(request)
		if fault != nil {
			return
		}
		put, fault := ocr.NewRequest(r, "m")
		if fault != nil {
			return
		}
		if !json.Valid(put.Body) {
			t.Fatalf("request %s", put.Body)
		}
		deltas, fault := put.Read().Message(answer)
		if fault == nil && !json.Valid(deltas[0].Text) {
			t.Errorf("answer %s", deltas[0].Text)
		}
	})
}
