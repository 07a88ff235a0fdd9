package anthropic

import (
	"net/http"
	"strings"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// method is asked also for clients that do not stream: failures show early, and no time
// limit of a long silence is met (openai-claude.md A.1).
const method = "streamRawPredict"

// Put gives the request as the gateway sends it.
func (r *Request) Put() *translate.Request {
	put := &translate.Request{Method: method, Body: r.Body, Warnings: r.Warnings}
	if len(r.Betas) > 0 {
		put.Header = http.Header{"Anthropic-Beta": {strings.Join(r.Betas, ",")}}
	}
	put.Read = func() translate.Answer { return &answer{Stream: r.Stream(), request: r} }
	return put
}

// An answer is a Stream as the gateway reads it.
type answer struct {
	*Stream
	request *Request
	rounds  int
}

// maxRounds of an answer that pauses (openai-claude.md B.1).
const maxRounds = 5

// Ending needs its mark: a stream of Claude's that closes without one is cut off.
func (a *answer) Ending(bool) (openai.Ending, bool) { return a.Stream.Ending() }

// More lets the model go on with an answer that it paused.
func (a *answer) More() *translate.Request {
	content := a.Content()
	if a.rounds++; !a.Paused() || a.rounds == maxRounds || len(content) <= len(`[]`) {
		return nil
	}
	more := a.request.Continued(content)
	a.Resume()
	return more.Put()
}

// Kept is a turn that called tools, whose thinking hangs on its very bytes.
func (a *answer) Kept() (callID string, content []byte) {
	if end, ok := a.Stream.Ending(); !ok || end.FinishReason != openai.FinishToolCalls || len(a.CallIDs()) == 0 {
		return "", nil // else a call may have been cut
	}
	return a.CallIDs()[0], a.Content()
}
