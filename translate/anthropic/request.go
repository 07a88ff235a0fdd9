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
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

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
	// Cache: the gateway marks what is to be cached where the client marks nothing.
	Cache bool
	// Output is how an answer's schema is enforced: auto (also empty), native or tool.
	Output string
	// WebSearch: the client may let the model search the web.
	WebSearch bool
	// Keep: [Stream.Content] is wanted of answers with thinking that call tools.
	Keep bool

	// The rest is what a [Repair] sets.

	// Without are members of the body, and betas, that are left out.
	Without []string
	// Unmarked: no prompt-cache marks.
	Unmarked bool
	// Thoughtless: thinking of earlier turns is left out.
	Thoughtless bool
	// Room is what the prompt leaves of the context window for max_tokens; 0: not known.
	Room int
}

// UnknownMaxTokens is the limit of a request that names none, to a model whose largest
// is not known. Every Claude model but the oldest takes it.
const UnknownMaxTokens = 8192

// A Request is a chat request in Claude's form.
type Request struct {
	// Body is what is posted to streamRawPredict.
	Body []byte
	// Betas are the values of the anthropic-beta header.
	Betas []string
	// Warnings tell what was changed or dropped, the first 32 of it.
	Warnings []openai.Warning

	reading reading
}

// NewRequest translates a chat request. Errors are 400s that name the field, and a 413.
func NewRequest(chat *openai.ChatRequest, m *catalogue.Model, o Options) (*Request, *openai.Error) {
	t := translation{chat: chat, model: m, options: o}
	for _, step := range []func() *openai.Error{
		t.checkUnsupported, t.setMaxTokens, t.setTools, t.setToolChoice, t.setFormat, t.setMessages,
		t.setThinking, t.setSampling, t.setStop, t.checkImages,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	t.setBetas()
	t.dropWithheld()
	t.finishTurns()
	t.setMarks()
	body := t.encode()
	if len(body) > maxBody {
		return nil, &openai.Error{Status: http.StatusRequestEntityTooLarge, Type: openai.TypeInvalidRequest, Code: "request_too_large",
			Message: fmt.Sprintf("The request is larger than the %d MB that Vertex AI takes.", maxBody>>20)}
	}
	return &Request{Body: body, Betas: t.betas, Warnings: t.warnings, reading: t.reading()}, nil
}

// maxBody is what Google Cloud takes, in bytes (openai-claude.md 0.7).
const maxBody = 30 << 20

// Continued is the request that lets the model go on with an answer that it paused: the
// same with what it said so far, in Claude's form, behind it.
func (r *Request) Continued(content jsontext.Value) *Request {
	const end = `]}` // of messages, which stand last, and of the body
	body := make([]byte, 0, len(r.Body)+len(content)+64)
	body = append(body, r.Body[:len(r.Body)-len(end)]...)
	body = append(body, `,{"role":"assistant","content":`...)
	body = append(append(body, content...), '}')
	return &Request{Body: append(body, end...), Betas: r.Betas, reading: r.reading}
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
	searches     bool            // Vertex AI searches the web for the model
	names        toolNames
	custom       map[string]bool // names of custom tools
	choice       toolChoice
	format       format
	instructions []block // of the gateway, behind the client's system messages
	system       []block
	blocks       []block // of all messages, one behind the other
	turns        []turn
	thinking     thinking
	silent       bool // the client does not want to see the reasoning
	effort       string
	temperature  *float64
	topP         *float64
	topK         *int64
	stop         []string
	cache        mark // of the request as a whole
	betas        []string
	warnings     openai.Warnings
}

// reading tells how to read the answer.
func (t *translation) reading() reading {
	return reading{
		names:    t.names,
		custom:   t.custom,
		jsonTool: t.format.tool,
		unfence:  t.format.isJSON,
		opening:  openai.Escaped(t.format.opening),
		silent:   t.silent,
		cites:    t.searches,
		keeps:    t.searches || t.options.Keep && len(t.tools) > 0 && t.thinks(),
	}
}

func (t *translation) warn(param, what string) { t.warnings.Add(param, what) }

// setMaxTokens: max_completion_tokens wins; a limit above the model's is clamped, where
// the model's is known.
func (t *translation) setMaxTokens() *openai.Error {
	param, limit := "max_completion_tokens", t.chat.MaxCompletionTokens
	if limit == nil {
		param, limit = "max_tokens", t.chat.MaxTokens
	}
	largest := t.model.MaxOutput
	if room := t.options.Room; room > 0 && (largest == 0 || room < largest) {
		largest = room
	}
	switch {
	case limit == nil:
		t.maxTokens = cmp.Or(t.options.MaxTokens, largest, UnknownMaxTokens)
		if largest > 0 {
			t.maxTokens = min(t.maxTokens, largest)
		}
	case *limit < 1:
		return openai.InvalidValue(param, "must be at least 1")
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
	t.addStop("stop", t.chat.Stop)
	t.addStop("stop_sequences", t.chat.StopSequences)
	return nil
}

func (t *translation) addStop(param string, sequences []string) {
	for _, s := range sequences {
		if isBlank(s) {
			t.warn(param, "dropped")
			continue
		}
		t.stop = append(t.stop, s)
	}
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
	for _, member := range [...]struct {
		name   string
		append func([]byte) []byte
	}{
		{"system", t.appendSystem},
		{"thinking", t.thinking.append},
		{"output_config", t.appendOutput},
		{"temperature", t.appendTemperature},
		{"top_p", t.appendTopP},
		{"top_k", t.appendTopK},
		{"stop_sequences", t.appendStop},
		{"metadata", t.appendUser},
		{"cache_control", t.cache.append},
		{"tools", t.appendTools},
		{"tool_choice", t.choice.append},
	} {
		from := len(dst)
		dst = member.append(dst)
		if len(dst) > from && slices.Contains(t.options.Without, member.name) {
			dst = dst[:from]
			t.warn(member.name, "dropped")
		}
	}
	dst = append(dst, `,"messages":[`...)
	for i := range t.turns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.turns[i].append(dst)
	}
	return append(dst, `]}`...)
}

func (t *translation) appendSystem(dst []byte) []byte {
	if len(t.system) == 0 {
		return dst
	}
	return appendBlocks(append(dst, `,"system":`...), t.system)
}

// appendOutput writes how much effort the answer is worth, and its schema.
func (t *translation) appendOutput(dst []byte) []byte {
	if t.effort == "" && t.format.schema == nil {
		return dst
	}
	dst = append(dst, `,"output_config":{`...)
	if t.effort != "" {
		dst = append(append(append(dst, `"effort":"`...), t.effort...), '"')
	}
	if t.format.schema != nil {
		if t.effort != "" {
			dst = append(dst, ',')
		}
		dst = append(dst, `"format":{"type":"json_schema","schema":`...)
		dst = append(append(dst, t.format.schema...), '}')
	}
	return append(dst, '}')
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
