package proxy

import (
	"context"

	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/ocr"
	"vertexgateway/translate/openai"
)

// ocr answers POST /v1/ocr.
func (g *Gateway) ocr(x *exchange) *openai.Error {
	body, err := x.readBody()
	if err != nil {
		return err
	}
	req, err := ocr.Decode(body)
	if err != nil {
		return err
	}
	if err := x.findRoute(req.Model, catalogue.PathOCR); err != nil {
		return err
	}
	if err := x.admit(openai.Usage{Pages: mediaPages}); err != nil {
		return err
	}
	if err := x.fetchLinks(req.Links()); err != nil {
		return err
	}
	dialect := func(context.Context, *draft) (*translate.Request, *openai.Error) {
		return ocr.NewRequest(req, x.route.model.Upstream())
	}
	return x.deliver(&draft{chat: &openai.ChatRequest{Model: req.Model}, body: body, dialect: dialect}, wholeFront{})
}
