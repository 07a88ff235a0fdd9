package openai

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Escaped is the inside of a JSON string: escapes as they stood on the wire, no quotes.
// Text crosses the gateway in this form, so that a streamed delta is neither decoded
// nor encoded.
type Escaped []byte

// Inside gives the inside of a JSON string; nil if value is none. What is not UTF-8 in it
// becomes U+FFFD.
func Inside(value jsontext.Value) Escaped {
	if value.Kind() != '"' {
		return nil
	}
	if !utf8.Valid(value) {
		value = AppendString(nil, Unquote(value))
	}
	return Escaped(value[1 : len(value)-1])
}

// Unquote gives the text of a JSON string; empty if value is none. What is not UTF-8 in it
// becomes U+FFFD.
func Unquote(value jsontext.Value) string {
	if value.Kind() != '"' {
		return ""
	}
	plain, _ := jsontext.AppendUnquote(nil, value) // the error only reports what was replaced
	return string(plain)
}

// A Delta is one step of an answer, as a dialect reads it and a front writes it. Its
// slices are valid until the next read from upstream.
type Delta struct {
	Kind DeltaKind
	// Index counts tool calls (0, 1, 2...) or, in the kinds of reasoning, content blocks; -1:
	// the reasoning belongs to none, and cannot be sent back.
	Index int
	// Text is the piece that was added.
	Text Escaped
	// ID and Name of a tool call that starts.
	ID, Name string
	// Passage of the content that came before, with what it cites.
	Passage *Passage
}

// A Passage is a part of the content that rests on pages of the web. Its bounds count
// Unicode code points of the whole content; End is behind the last.
type Passage struct {
	Start, End int
	Pages      []Page
}

// A Page of the web. Neither field may be empty: clients refuse such a citation.
type Page struct {
	URL, Title string
}

// Spoken is how many bytes of text a model wrote for the delta, about.
func (d *Delta) Spoken() int {
	switch d.Kind {
	case DeltaChunk, DeltaCompletion:
		return spoken(d.Text)
	case DeltaSignature, DeltaRedacted, DeltaPassage:
		return 0
	default:
		if bytes.IndexByte(d.Text, '\\') < 0 {
			return len(d.Text)
		}
		n, _ := inside(d.Text)
		return n
	}
}

// spoken are the texts in a chunk or a completion that is passed on.
func spoken(object []byte) int {
	reasoning := texts(object, `"reasoning_content"`)
	if reasoning == 0 { // some servers write both
		reasoning = texts(object, `"reasoning"`)
	}
	return texts(object, `"content"`) + reasoning + texts(object, `"text"`) + texts(object, `"arguments"`)
}

// texts is the length of all strings under a key.
func texts(object []byte, key string) int {
	n := 0
	for {
		_, rest, found := bytes.Cut(object, []byte(key))
		if !found {
			return n
		}
		object = rest
		rest = bytes.TrimLeft(rest, ": \t")
		if len(rest) > 0 && rest[0] == '"' {
			length, end := inside(rest[1:])
			n, object = n+length, rest[1+end:]
		}
	}
}

// inside is the length of the text that the inside of a JSON string stands for, and where
// the string ends.
func inside(text []byte) (length, end int) {
	for end < len(text) && text[end] != '"' {
		switch {
		case text[end] != '\\':
			end, length = end+1, length+1
		case end+1 < len(text) && text[end+1] == 'u':
			end, length = end+len(`\u0000`), length+2 // or 1, or 3
		default:
			end, length = end+2, length+1
		}
	}
	return length, min(end, len(text))
}

// DeltaKind tells what a [Delta] adds.
type DeltaKind uint8

// The kinds of delta.
const (
	DeltaContent     DeltaKind = iota // text of the answer
	DeltaRefusal                      // text of a refusal
	DeltaToolCall                     // a call of a function starts
	DeltaArguments                    // JSON text of the arguments of the call
	DeltaCustomCall                   // a call of a custom tool starts
	DeltaCustomInput                  // text of the input of the call
	DeltaReasoning                    // text of a thinking block
	DeltaSignature                    // the signature of a thinking block
	DeltaRedacted                     // a redacted thinking block, whole
	DeltaPassage                      // a passage of the content cites pages
	DeltaChunk                        // a whole chunk, as the upstream wrote it: its JSON
	DeltaCompletion                   // a whole completion, as the upstream wrote it: its JSON
)

// A Form is what the client asked of the form of its answer. The zero value is the form
// of a plain request.
type Form struct {
	// Usage tells to end a stream with a chunk that holds the usage.
	Usage bool
	// Functions tells to write calls as OpenAI did before there were tools: one at most.
	Functions bool
	// ServiceTier tells to name the service tier, of which there is one.
	ServiceTier bool
}

// FormOf is the form in which a request wants its answer.
func FormOf(chat *ChatRequest) Form {
	return Form{
		Usage:       chat.StreamOptions.IncludeUsage || chat.Usage.Include,
		Functions:   len(chat.Functions) > 0 && len(chat.Tools) == 0,
		ServiceTier: chat.ServiceTier != "",
	}
}

// finishReason is the reason in the words of the form.
func (f Form) finishReason(reason string) string {
	if f.Functions && reason == FinishToolCalls {
		return finishFunctionCall
	}
	return reason
}

// A Head is what all chunks of an answer, or its completion, say of themselves.
type Head struct {
	// ID is the upstream's id of the message.
	ID string
	// Created is in Unix seconds.
	Created int64
	// Model is the name the client asked for.
	Model string
}

// An Ending is how a finished answer ended.
type Ending struct {
	// Passed: the upstream's own chunks or completion, passed on, have told all of it.
	Passed bool
	// FinishReason in OpenAI's words.
	FinishReason string
	Usage        Usage
}

// Usage counts tokens. Input excludes what was read from or written to the prompt
// cache, as Claude counts; [Usage.Prompt] is OpenAI's number.
type Usage struct {
	Input, Output int64
	CacheRead     int64
	CacheWrite5m  int64
	CacheWrite1h  int64
	Reasoning     int64 // part of Output
	WebSearches   int64 // requests, not tokens
	Pages         int64 // of documents, not tokens
}

// Add adds what another answer used.
func (u *Usage) Add(v Usage) {
	u.Input += v.Input
	u.Output += v.Output
	u.CacheRead += v.CacheRead
	u.CacheWrite5m += v.CacheWrite5m
	u.CacheWrite1h += v.CacheWrite1h
	u.Reasoning += v.Reasoning
	u.WebSearches += v.WebSearches
	u.Pages += v.Pages
}

// Minus is what u has more than v.
func (u Usage) Minus(v Usage) Usage {
	return Usage{
		Input: u.Input - v.Input, Output: u.Output - v.Output,
		CacheRead: u.CacheRead - v.CacheRead, CacheWrite5m: u.CacheWrite5m - v.CacheWrite5m, CacheWrite1h: u.CacheWrite1h - v.CacheWrite1h,
		Reasoning: u.Reasoning - v.Reasoning, WebSearches: u.WebSearches - v.WebSearches, Pages: u.Pages - v.Pages,
	}
}

// CacheWrite is the number of tokens written to the prompt cache.
func (u *Usage) CacheWrite() int64 { return u.CacheWrite5m + u.CacheWrite1h }

// Prompt is OpenAI's prompt_tokens: everything that was read (openai-claude.md B.2).
func (u *Usage) Prompt() int64 { return u.Input + u.CacheRead + u.CacheWrite() }

// The finish reasons of OpenAI's chat completions.
const (
	FinishStop          = "stop"
	FinishLength        = "length"
	FinishToolCalls     = "tool_calls"
	FinishContentFilter = "content_filter"
	finishFunctionCall  = "function_call" // of requests with functions only
)

// appendID appends OpenAI's form of an upstream message id.
func appendID(dst []byte, id string) []byte {
	const upstream = "msg_"
	if len(id) > len(upstream) && id[:len(upstream)] == upstream {
		id = id[len(upstream):]
	}
	return AppendString(dst, "chatcmpl-"+id)
}
