package proxy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/responses"
)

const (
	// maxBody is the largest request in bytes. Vertex takes 30 MB; base64 in a client's
	// JSON may need more than what is left of it (openai-claude.md 0.7).
	maxBody = 40 << 20
	// bodyTimeout is how long a client may take to send its request.
	bodyTimeout = time.Minute
)

// chat answers POST /v1/chat/completions.
func (g *Gateway) chat(x *exchange) *openai.Error {
	body, err := x.readBody()
	if err != nil {
		return err
	}
	chat, err := openai.DecodeChatRequest(body)
	if err != nil {
		return err
	}
	if err := x.findChatRoute(chat); err != nil {
		return err
	}
	if err := x.admit(forecast(body, chat)); err != nil {
		return err
	}
	if err := x.complement(chat); err != nil {
		return err
	}
	return x.deliver(&draft{chat: chat, body: body}, chatFront{openai.FormOf(chat)})
}

// deliver puts a request to its model and the answer before the client.
func (x *exchange) deliver(d *draft, f front) *openai.Error {
	if err := x.put(d); err != nil {
		return err
	}
	if x.isDryRun() {
		return x.dryRun(d.request)
	}
	x.noteContent(d.body)
	x.stream = d.chat.Stream
	a := newAnswer(x, d.chat.Model, f)
	defer a.close()
	fault := x.send(d, a)
	a.close() // before it is decided how to tell the fault
	if fault != nil && x.sent && !x.clientLeft() {
		a.abort(x.scrub(fault))
	}
	return fault
}

func (x *exchange) isDryRun() bool { return x.r.Header.Get("X-Gateway-Dry-Run") == "true" }

// noteContent keeps what the client sent for the log, where the config allows it.
func (x *exchange) noteContent(body []byte) {
	if x.snapshot.config.Log.Content {
		x.prompt = body
	}
}

// complement brings together what belongs to a request but stands elsewhere.
func (x *exchange) complement(chat *openai.ChatRequest) (err *openai.Error) {
	if x.route.model.API == catalogue.APIOpenAPI { // which gets the client's own bytes
		if len(chat.Messages) == 0 {
			return openai.MissingParam("messages")
		}
		return nil
	}
	if len(chat.Messages) == 0 && chat.Input.Kind() != 0 { // some agents send the Responses API's form here
		if chat.Messages, err = responses.Messages(chat.Input, chat.Instructions); err != nil {
			return err
		}
	}
	chat.AnthropicBeta = append(chat.AnthropicBeta, x.r.Header["Anthropic-Beta"]...)
	x.recall(chat)
	return x.fetchLinks(chat.Links())
}

// recall gives assistants' turns back the thinking that their client may have dropped.
func (x *exchange) recall(chat *openai.ChatRequest) {
	for i := range chat.Messages {
		if m := &chat.Messages[i]; len(m.ToolCalls) > 0 {
			m.Kept = x.gateway.thoughts.find(x.thinker(), m.ToolCalls[0].ID)
		}
	}
}

// keepTurn keeps a turn for the time when its client sends it back without its thinking.
func (x *exchange) keepTurn(a translate.Answer) {
	if callID, content := a.Kept(); callID != "" {
		x.gateway.thoughts.keep(x.thinker(), callID, content)
	}
}

// thinker is whose thinking it is: a team's with a model, as signatures hold for no other.
func (x *exchange) thinker() string { return x.key.Team + "\x00" + x.route.model.ID }

// readBody reads the request's body within its limits.
func (x *exchange) readBody() ([]byte, *openai.Error) {
	if encoding := x.r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, &openai.Error{Status: http.StatusUnsupportedMediaType, Type: openai.TypeInvalidRequest, Code: "unsupported_encoding",
			Message: "The request body must not be compressed."}
	}
	if x.r.ContentLength > maxBody {
		return nil, tooLarge()
	}
	// A timer costs less than a deadline that most requests would set and take back.
	late := time.AfterFunc(bodyTimeout, func() { _ = http.NewResponseController(x.w).SetReadDeadline(x.now()) })
	body, err := readAll(http.MaxBytesReader(x.w, x.r.Body, maxBody), x.r.ContentLength)
	late.Stop()
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, &openai.Error{Status: http.StatusRequestTimeout, Type: openai.TypeInvalidRequest, Code: "request_incomplete",
			Message: "The request body did not arrive whole.", Cause: err}
	}
	return body, nil
}

// readAll reads a body whose size is known or, with a size below 0, not.
func readAll(body io.Reader, size int64) ([]byte, error) {
	if size < 0 {
		return io.ReadAll(body)
	}
	// A size that is only claimed gets no memory before its bytes come.
	const trusted = 1 << 20
	if size > trusted {
		var b bytes.Buffer
		_, err := b.ReadFrom(body)
		return b.Bytes(), err
	}
	whole := make([]byte, size)
	_, err := io.ReadFull(body, whole)
	return whole, err
}

func tooLarge() *openai.Error {
	return &openai.Error{Status: http.StatusRequestEntityTooLarge, Type: openai.TypeInvalidRequest, Code: "request_too_large",
		Message: fmt.Sprintf("The request body is larger than %d MB.", maxBody>>20)}
}

// findChatRoute finds the route for the model's name, which some clients extend by an
// effort: claude-opus-4-8-high.
func (x *exchange) findChatRoute(chat *openai.ChatRequest) *openai.Error {
	r, ok := x.gateway.route(x.snapshot, chat.Model)
	if !ok || r.guessed {
		at := strings.LastIndexByte(chat.Model, '-')
		if level, isEffort := efforts[chat.Model[at+1:]]; isEffort && at > 0 {
			if known, found := x.gateway.route(x.snapshot, chat.Model[:at]); found && !known.guessed && known.model.API == catalogue.APIMessages {
				chat.ReasoningEffort = cmp.Or(chat.ReasoningEffort, level)
				return x.take(known, chat.Model, catalogue.PathChat)
			}
		}
	}
	return x.findRoute(chat.Model, catalogue.PathChat)
}

// findRoute finds the route for the model's name, and whether it is one for this path.
func (x *exchange) findRoute(model string, paths ...string) *openai.Error {
	if model == "" {
		return openai.MissingParam("model")
	}
	r, ok := x.gateway.route(x.snapshot, model)
	if !ok || x.hide(model) != model { // a key in the place of a name must not go upstream
		return modelNotFound(model)
	}
	return x.take(r, model, paths...)
}

// take takes a route to the model that the client asked for, if its team may.
func (x *exchange) take(r *route, asked string, paths ...string) *openai.Error {
	own := x.team.within(r)
	if own == nil {
		return modelNotFound(asked)
	}
	x.route, x.asked = own, x.hide(printable(asked))
	return x.checkPath(paths...)
}

// urls :: what a model offers -> where clients ask for it
var urls = map[string]string{
	catalogue.PathChat: "/v1/chat/completions", catalogue.PathCompletions: "/v1/completions", catalogue.PathFIM: "/v1/completions",
	catalogue.PathOCR: "/v1/ocr", catalogue.PathEmbeddings: "/v1/embeddings",
}

// checkPath refuses a model that has no business with the path, and names the right one.
func (x *exchange) checkPath(paths ...string) *openai.Error {
	m := x.route.model
	if slices.ContainsFunc(paths, m.Offers) {
		return nil
	}
	return openai.BadRequest("unsupported_value", "model", "The model '"+x.route.label+"' is not for "+urls[paths[0]]+"; ask it at POST "+urls[m.Paths[0]]+".")
}

// efforts :: what clients write behind a model's name -> reasoning_effort
var efforts = map[string]string{
	"minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max", "thinking": "high",
}

func modelNotFound(model string) *openai.Error {
	return &openai.Error{Status: http.StatusNotFound, Type: openai.TypeInvalidRequest, Code: "model_not_found", Param: "model",
		Message: "The model '" + printable(model) + "' does not exist or you do not have access to it."}
}

// warn gives the header that tells what was changed, or refuses the request in strict mode.
func (x *exchange) warn(warnings []openai.Warning) (string, *openai.Error) {
	if len(warnings) > 0 && x.snapshot.config.Strict {
		w := warnings[0]
		return "", openai.BadRequest("unsupported_parameter", w.Param, "'"+printable(w.Param)+"' would be "+w.What+" for this model, and the gateway is set to be strict.")
	}
	return headerOf(warnings), nil
}

// warnLate adds what came out only with the answer, where the headers still wait for it.
func (x *exchange) warnLate(warnings []openai.Warning) {
	if x.warnings != "" && len(warnings) > 0 {
		x.warnings += ", "
	}
	x.warnings += headerOf(warnings)
}

func headerOf(warnings []openai.Warning) string {
	list := make([]string, len(warnings))
	for i, w := range warnings {
		list[i] = headerName(w.Param) + ":" + w.What
	}
	return strings.Join(list, ", ")
}

// headerName makes a parameter's name, which a client may have made up, fit for a header.
func headerName(param string) string {
	const most = 64
	param = strings.Map(func(c rune) rune {
		if isPlain(c) || c == '[' || c == ']' {
			return c
		}
		return '_'
	}, param)
	return param[:min(most, len(param))]
}

// dryRun shows what would be sent and where, and sends nothing.
func (x *exchange) dryRun(req *translate.Request) *openai.Error {
	dst := []byte(`{"attempts":[`)
	places := x.route.inOrder(x.now())
	for i, p := range places[:min(len(places), x.snapshot.fallback.MaxAttempts)] {
		target, err := p.target(x.ctx)
		if err != nil {
			return x.unreached(x.ctx, err).err
		}
		call, err := p.client.Request(x.ctx, target, req.Method, p.header(req), req.Body)
		if err != nil {
			return unroutable(err)
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"location":`...)
		dst = openai.AppendString(dst, p.Location)
		dst = append(dst, `,"method":"POST","url":`...)
		dst = openai.AppendString(dst, call.URL.String())
		dst = append(dst, `,"headers":{"authorization":"Bearer [hidden]"`...)
		for _, name := range slices.Sorted(maps.Keys(call.Header)) {
			dst = append(openai.AppendString(append(dst, ','), strings.ToLower(name)), ':')
			dst = openai.AppendString(dst, strings.Join(call.Header[name], ", "))
		}
		dst = append(append(append(dst, `},"body":`...), req.Body...), '}')
	}
	x.writeJSON(http.StatusOK, append(dst, `]}`...))
	return nil
}
