package fakevertex

import (
	"slices"
	"strings"
	"unicode"
)

// roles tells who may send a block.
var roles = map[string][]string{
	"text":                    {"user", "assistant", "system"},
	"image":                   {"user"},
	"document":                {"user", "assistant"},
	"search_result":           {"user"},
	"tool_result":             {"user"},
	"tool_use":                {"assistant"},
	"thinking":                {"assistant"},
	"redacted_thinking":       {"assistant"},
	"server_tool_use":         {"assistant"},
	"web_search_tool_result":  {"assistant", "user"},
	"tool_search_tool_result": {"assistant", "user"},
}

// checkBlocks looks at each block by itself.
func (i *inspection) checkBlocks() *refusal {
	for n, m := range i.Messages {
		last := n == len(i.Messages)-1
		if len(m.Content) == 0 && (!last || m.Role != "assistant") {
			return refuse("messages.%d: all messages must have non-empty content except for the optional final assistant message", n)
		}
	}
	for _, t := range i.turns {
		for _, b := range t.blocks {
			if r := i.checkBlock(t.role, b); r != nil {
				return r
			}
		}
	}
	return nil
}

func (i *inspection) checkBlock(role string, b placed) *refusal {
	if !slices.Contains(roles[b.Type], role) {
		return b.refuse("`%s` blocks can only be in `%s` messages", b.Type, roles[b.Type][0])
	}
	if i.Version == newVersion {
		if r := checkNewVersion(role, b); r != nil {
			return r
		}
	}
	switch b.Type {
	case "text":
		return i.checkText(b)
	case "tool_result":
		if slices.ContainsFunc(b.results(), func(inner block) bool { return inner.Type == "text" && inner.Text == "" }) && b.listed() {
			return refuse("messages: text content blocks must be non-empty")
		}
	}
	return nil
}

// listed reports whether the content is a list: an empty string is fine as a tool's result.
func (b *block) listed() bool { return len(b.Content) > 0 && b.Content[0] == '[' }

func (i *inspection) checkText(b placed) *refusal {
	m := i.Messages[b.message]
	optional := b.message == len(i.Messages)-1 && m.Role == "assistant"
	switch {
	case b.Text == "" && optional && len(m.Content) == 1:
		return nil
	case b.Text == "" && len(m.Content) == 1:
		return refuse("messages.%d: all messages must have non-empty content except for the optional final assistant message", b.message)
	case b.Text == "":
		return refuse("messages: text content blocks must be non-empty")
	case blank(b.Text) && !optional:
		return refuse("messages: text content blocks must contain non-whitespace text")
	}
	return nil
}

// checkNewVersion has the additions of vertex.md 3.2.
func checkNewVersion(role string, b placed) *refusal {
	switch {
	case role == "assistant" && b.Type == "document":
		return b.refuse("`document` blocks can only be in `user` messages")
	case role == "user" && b.Type == "text" && !isNull(b.Citations) && string(b.Citations) != "[]":
		return b.refuse("citations: Extra inputs are not permitted")
	}
	return nil
}

// checkSystemTurns: where a system message may stand inside messages (openai-claude.md A.5, 9).
func (i *inspection) checkSystemTurns() *refusal {
	for n, t := range i.turns {
		if t.role != "system" {
			continue
		}
		at := t.blockIndex()
		switch {
		case !i.model.Accepts.SystemInMessages:
			return refuse("role 'system' is not supported on this model")
		case n == 0 || !i.mayPrecedeSystem(i.turns[n-1]):
			return refuse("messages.%d: a `system` message must directly follow a `user` message, or an `assistant` message that ends in a server tool result", at)
		case n+1 < len(i.turns) && i.turns[n+1].role != "assistant":
			return refuse("messages.%d: a `system` message must be followed by an `assistant` message or be the last", at)
		case slices.ContainsFunc(t.blocks, func(b placed) bool { return b.Type != "text" }):
			return refuse("messages.%d: `system` messages may only hold text", at)
		}
	}
	return nil
}

// blockIndex is that of the turn's first message, as far as it has blocks.
func (t turn) blockIndex() int {
	if len(t.blocks) == 0 {
		return 0
	}
	return t.blocks[0].message
}

func (i *inspection) mayPrecedeSystem(before turn) bool {
	if before.role == "user" {
		return true
	}
	if len(before.blocks) == 0 || before.role != "assistant" {
		return false
	}
	last := before.blocks[len(before.blocks)-1].Type
	return strings.HasSuffix(last, "_tool_result")
}

// checkSignatures: a thinking block must be as this model sent it.
func (i *inspection) checkSignatures() *refusal {
	for n, t := range i.turns {
		for _, b := range t.blocks {
			switch {
			case b.Type == "thinking" && !(signed(i.model.ID, b.Thinking, b.Signature) && i.isBound(b.Signature, n)):
				return b.refuse("Invalid `signature` in `thinking` block")
			case b.Type == "redacted_thinking" && !(signed(i.model.ID, "", b.Data) && i.isBound(b.Data, n)):
				return b.refuse("Invalid `data` in `redacted_thinking` block")
			}
		}
	}
	return nil
}

// checkThinkingTurn: with a budget, the assistant turn of a running tool loop must begin
// with its thinking (openai-claude.md A.11).
func (i *inspection) checkThinkingTurn() *refusal {
	if i.mode != "enabled" || len(i.turns) < 2 || !i.answersTool() {
		return nil
	}
	t := i.turns[len(i.turns)-2]
	if t.role != "assistant" || len(t.blocks) == 0 {
		return nil
	}
	if first := t.blocks[0]; first.Type != "thinking" && first.Type != "redacted_thinking" {
		return first.refuse("Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, a final `assistant` message must start with a thinking block. We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking", first.Type)
	}
	return nil
}

func (i *inspection) checkPrefill() *refusal {
	last := i.turns[len(i.turns)-1]
	if last.role != "assistant" || len(last.blocks) == 0 || last.continues() || i.counts {
		return nil
	}
	if !i.holds(i.model.Accepts.Prefill) || i.format() != nil {
		return refuse("This model does not support assistant message prefill. The conversation must end with a user message.")
	}
	final := last.blocks[len(last.blocks)-1]
	if final.Type == "text" && final.Text != strings.TrimRightFunc(final.Text, unicode.IsSpace) {
		return refuse("messages: final assistant content cannot end with trailing whitespace")
	}
	return nil
}

const maxMarks = 4 // of cache_control in a request

// checkCacheControl walks the prompt in its order: tools, system, messages.
func (i *inspection) checkCacheControl() *refusal {
	marks := marks{}
	for n := range i.Tools {
		if r := marks.add(i.Tools[n].CacheControl); r != nil {
			return r.underIndex(n).under("tools")
		}
	}
	for n := range i.System {
		if r := marks.add(i.System[n].CacheControl); r != nil {
			return r.underIndex(n).under("system")
		}
	}
	for _, t := range i.turns {
		for _, b := range t.blocks {
			if r := marks.addBlock(b); r != nil {
				return r
			}
		}
	}
	if i.CacheControl != nil {
		marks.count++
	}
	if marks.count > maxMarks {
		return refuse("A maximum of %d blocks with cache_control may be provided. Found %d.", maxMarks, marks.count)
	}
	return nil
}

// marks are the cache_control fields seen so far.
type marks struct {
	count int
	short bool // one lasts five minutes
}

func (m *marks) add(c *cacheControl) *refusal {
	if c == nil {
		return nil
	}
	m.count++
	if c.TTL == "1h" && m.short {
		return refuse("cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.")
	}
	m.short = m.short || c.TTL != "1h"
	return nil
}

func (m *marks) addBlock(b placed) *refusal {
	if b.CacheControl != nil && strings.HasSuffix(b.Type, "thinking") {
		return b.refuse("%s.cache_control: Extra inputs are not permitted", b.Type)
	}
	for _, inner := range b.results() {
		if r := m.add(inner.CacheControl); r != nil {
			return r
		}
	}
	if r := m.add(b.CacheControl); r != nil {
		return b.refuse("%s", r.Error())
	}
	return nil
}
