package fakevertex

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// isServed reports whether the block is a server tool's: a call, or what it brought.
func (b *block) isServed() bool { return b.Type == "server_tool_use" || b.isServedResult() }

func (b *block) isServedResult() bool {
	return b.Type != "tool_result" && strings.HasSuffix(b.Type, "_tool_result")
}

// continues reports whether a request that ends in t goes on after pause_turn: the last
// thing that the assistant did is a server tool's. Such a turn is no prefill.
func (t turn) continues() bool {
	n := len(t.blocks)
	return t.role == "assistant" && n > 0 && t.blocks[n-1].isServed()
}

// served are the blocks of server tools in the turn that goes on; nil: none does.
func (r *request) served() []placed {
	if r.Messages[len(r.Messages)-1].Role != "assistant" {
		return nil // as nearly always: turns cost something
	}
	turns := r.turns()
	last := turns[len(turns)-1]
	if !last.continues() {
		return nil
	}
	return slices.DeleteFunc(last.blocks, func(b placed) bool { return !b.isServed() })
}

// pendingCall is the id of the last block, where it is a call.
func pendingCall(blocks []placed) string {
	if len(blocks) == 0 {
		return ""
	}
	return blocks[len(blocks)-1].ID
}

// checkServed: a server tool's result stands behind its call, and a call has its result
// before the turn is over: that of the user may hold nothing but results of other tools.
func (i *inspection) checkServed() *refusal {
	var open []placed
	for _, t := range i.turns {
		if t.role != "assistant" && len(open) > 0 && !t.onlyResults() {
			return refuseUnserved(open[0])
		}
		for _, b := range t.blocks {
			if b.Type == "server_tool_use" {
				open = append(open, b)
			}
			if !b.isServedResult() {
				continue
			}
			at := slices.IndexFunc(open, func(call placed) bool { return call.ID == b.ToolUseID })
			if at < 0 {
				return b.refuse("unexpected `tool_use_id` found in `%[1]s` blocks: %[2]s. Each `%[1]s` block must have a corresponding `server_tool_use` block before it.", b.Type, b.ToolUseID)
			}
			open = slices.Delete(open, at, at+1)
			if r := b.checkPages(); r != nil {
				return r
			}
		}
	}
	return nil
}

// onlyResults reports whether the turn holds results of the client's tools or of servers' only.
func (t turn) onlyResults() bool {
	return !slices.ContainsFunc(t.blocks, func(b placed) bool { return !strings.HasSuffix(b.Type, "tool_result") })
}

func refuseUnserved(call placed) *refusal {
	kind := call.Name
	if strings.HasPrefix(kind, "tool_search_") {
		kind = "tool_search"
	}
	return refuse("`%s` tool use with id `%s` was found without a corresponding `%s_tool_result` block", call.Name, call.ID, kind).
		underIndex(call.message).under("messages")
}

// checkPages: what a search found comes back as it was.
func (p placed) checkPages() *refusal {
	var pages []page
	if p.Type == "web_search_tool_result" {
		_ = json.Unmarshal(p.Content, &pages) // a failed search has none
	}
	for _, one := range pages {
		if !sealed(one.URL, one.Content) {
			return p.refuse("Invalid `encrypted_content` in `search_result` block")
		}
	}
	return nil
}

// checkContinued: the turn that goes on is one that was sent from here.
func (i *inspection) checkContinued() *refusal {
	last := i.turns[len(i.turns)-1]
	if !last.continues() {
		return nil
	}
	for _, b := range last.blocks {
		if b.Type == "server_tool_use" && !isServerToolID(b.ID) {
			return b.refuse("Invalid `id` in `server_tool_use` block: %s", b.ID)
		}
	}
	return nil
}
