package proxy

import (
	"context"
	"io"
	"net/http"
	"time"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// patienceWhole is how long a place may take for an answer that comes in one piece.
const patienceWhole = 5 * time.Minute

// ask posts a request that is answered in one piece, to the route's places in turn, and
// gives the answer.
func (x *exchange) ask(req *translate.Request) (answer []byte, fault *openai.Error) {
	fault = x.visit(nil, func(p *place, _ bool) *failure {
		body, f := x.askPlace(req, p)
		if f == nil {
			answer = body
			p.cool.succeed()
			x.count(p, nil)
		}
		return f
	})
	return answer, fault
}

func (x *exchange) askPlace(req *translate.Request, p *place) ([]byte, *failure) {
	ctx, cancel := context.WithCancelCause(x.ctx)
	defer cancel(errDone)
	late := time.AfterFunc(patienceWhole, func() { cancel(errSilent) })
	defer late.Stop()
	x.attempts++
	x.location = p.Location
	res, token, err := p.do(ctx, req)
	if err != nil {
		return nil, x.unreached(ctx, err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read, or is given up
	if res.StatusCode != http.StatusOK {
		return nil, x.refused(res, token, p)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxMessage))
	if err != nil {
		return nil, x.unreached(ctx, err)
	}
	return body, nil
}
