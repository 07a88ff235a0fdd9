// Package anthropic speaks Claude's Messages API as Vertex AI serves it: it turns a chat
// request into the body of rawPredict and streamRawPredict, and the events of the answer
// into deltas. It is pure: bytes and values in, bytes and values out. The rules come from
// openai-claude.md (sections A to D), what a model accepts from the catalogue.
package anthropic

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// Options are what a request's body depends on besides the request and the model.
type Options struct {
	// Version is the value of anthropic_version.
	Version string
	// MaxTokens is used when the client names no limit; 0: the model's largest, or
	// [UnknownMaxTokens] where that is not known.
	MaxTokens int
	// UserKey keys the hash that stands for the client's user.
	UserKey string
}

// UnknownMaxTokens is the limit of a request that names none, to a model whose largest
// is not known. Every Claude model but the oldest takes it.
const UnknownMaxTokens = 8192

// A Request is a chat request in Claude's form.
type Request struct {
	// Body is what is posted to streamRawPredict.
	Body []byte
	// Warnings tell what was changed or dropped, the first 32 of it.
	Warnings []openai.Warning

	reading reading
}

// NewRequest translates a chat request. Errors are 400s that name the field.
func NewRequest(chat *openai.ChatRequest, m *catalogue.Model, o Options) (*Request, *openai.Error) {
	t := translation{chat: chat, model: m, options: o}
	for _, step := range []func() *openai.Error{
		t.checkUnsupported, t.setMaxTokens, t.setTools, t.setToolChoice, t.setMessages, t.setThinking, t.setSampling, t.setStop,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	t.finishTurns()
	return &Request{Body: t.encode(), Warnings: t.warnings, reading: reading{names: t.names}}, nil
}

// A translation is a request on its way to Claude's form. Each step sets the fields it
// is named for; later steps may read what earlier ones set.
type translation struct {
	chat    *openai.ChatRequest
	model   *catalogue.Model
	options Options

	maxTokens    int
	tools        []tool
	declared     map[string]bool // names of tools
	names        toolNames
	choice       toolChoice
	instructions []block // of the gateway, behind the client's system messages
	system       []block
	blocks       []block // of all messages, one behind the other
	turns        []turn
	thinking     thinking
	effort       string
	temperature  *float64
	topP         *float64
	topK         *int64
	stop         []string
	warnings     []openai.Warning
}

// maxWarnings keeps a body of nothing but unknown members from becoming a long list.
const maxWarnings = 32

func (t *translation) warn(param, what string) {
	w := openai.Warning{Param: param, What: what}
	if len(t.warnings) < maxWarnings && !slices.Contains(t.warnings, w) {
		t.warnings = append(t.warnings, w)
	}
}

// setMaxTokens: max_completion_tokens wins; a limit above the model's is clamped, where
// the model's is known.
func (t *translation) setMaxTokens() *openai.Error {
	param, limit := "max_completion_tokens", t.chat.MaxCompletionTokens
	if limit == nil {
		param, limit = "max_tokens", t.chat.MaxTokens
	}
	largest := t.model.MaxOutput
	switch {
	case limit == nil:
		t.maxTokens = cmp.Or(t.options.MaxTokens, largest, UnknownMaxTokens)
		if largest > 0 {
			t.maxTokens = min(t.maxTokens, largest)
		}
	case *limit < 1:
		return openai.BadRequest("invalid_value", param, "Invalid value for '"+param+"': must be at least 1.")
	case largest > 0 && *limit > int64(largest):
		t.maxTokens = largest
		t.warn(param, "clamped")
	default:
		t.maxTokens = int(*limit)
	}
	return nil
}

// setStop keeps the sequences that Claude takes: those with something besides blanks.
func (t *translation) setStop() *openai.Error {
	for _, s := range t.chat.Stop {
		if isBlank(s) {
			t.warn("stop", "dropped")
			continue
		}
		t.stop = append(t.stop, s)
	}
	return nil
}

// encode writes the body. What seldom changes between the requests of a conversation
// stands first and messages last, in the same order always: Vertex's prompt cache and
// the signatures of thinking blocks hang on the bytes.
func (t *translation) encode() []byte {
	dst := make([]byte, 0, t.sizeHint())
	dst = append(dst, `{"anthropic_version":`...)
	dst = openai.AppendString(dst, t.options.Version)
	dst = append(dst, `,"max_tokens":`...)
	dst = strconv.AppendInt(dst, int64(t.maxTokens), 10)
	dst = append(dst, `,"stream":true`...)
	if len(t.system) > 0 {
		dst = append(dst, `,"system":`...)
		dst = appendBlocks(dst, t.system)
	}
	dst = t.thinking.append(dst)
	if t.effort != "" {
		dst = append(dst, `,"output_config":{"effort":"`...)
		dst = append(append(dst, t.effort...), `"}`...)
	}
	dst = t.appendSampling(dst)
	dst = t.appendStop(dst)
	dst = t.appendUser(dst)
	dst = appendTools(dst, t.tools)
	dst = t.choice.append(dst)
	dst = append(dst, `,"messages":[`...)
	for i := range t.turns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.turns[i].append(dst)
	}
	return append(dst, `]}`...)
}

// sizeHint is a little more than the body takes, so that writing it allocates once.
func (t *translation) sizeHint() int {
	n := 1024
	for i := range t.tools {
		n += t.tools[i].size() + 64
	}
	for i := range t.system {
		n += t.system[i].size() + 64
	}
	for i := range t.turns {
		n += 64
		for j := range t.turns[i].blocks {
			n += t.turns[i].blocks[j].size() + 96
		}
	}
	return n
}

func (t *translation) appendStop(dst []byte) []byte {
	if len(t.stop) == 0 {
		return dst
	}
	for i, s := range t.stop {
		if i == 0 {
			dst = append(dst, `,"stop_sequences":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = openai.AppendString(dst, s)
	}
	return append(dst, ']')
}

// appendUser sends a keyed hash in place of the client's user: Vertex refuses e-mail
// addresses there, and nobody's name needs to leave.
func (t *translation) appendUser(dst []byte) []byte {
	user := t.chat.SafetyIdentifier
	if user == "" {
		user = t.chat.User
	}
	if user == "" {
		return dst
	}
	mac := hmac.New(sha256.New, []byte(t.options.UserKey))
	mac.Write([]byte(user))
	dst = append(dst, `,"metadata":{"user_id":"`...)
	dst = hex.AppendEncode(dst, mac.Sum(nil)[:16])
	return append(dst, `"}`...)
}
