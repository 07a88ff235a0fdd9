package fakevertex

import (
	"slices"
	"strings"
)

const maxStrictTools = 20

func (i *inspection) checkTools() *refusal {
	strict := 0
	for n := range i.Tools {
		t := &i.Tools[n]
		same := func(other tool) bool { return other.Name == t.Name }
		if slices.ContainsFunc(i.Tools[:n], same) {
			return refuse("tools: Tool names must be unique.")
		}
		if !t.Strict {
			continue
		}
		if strict++; strict > maxStrictTools {
			return refuse("tools: Too many strict tools. The maximum is %d.", maxStrictTools)
		}
		if !i.model.Accepts.StructuredOutputs {
			return refuse("Extra inputs are not permitted").under("strict").under("custom").underIndex(n).under("tools")
		}
		if r := checkSubset(t.InputSchema, &i.load); r != nil {
			return r.under("custom").underIndex(n).under("tools")
		}
	}
	return i.checkComputer()
}

// checkComputer: the computer tools still need their header (vertex.md 2.3).
func (i *inspection) checkComputer() *refusal {
	need := map[string]string{"computer_20250124": "computer-use-2025-01-24", "computer_20251124": "computer-use-2025-11-24"}
	for n := range i.Tools {
		if beta := need[i.Tools[n].Type]; beta != "" && !i.hasBeta(beta) {
			return refuse("Input tag '%s' found using 'type' does not match any of the expected tags: 'custom', 'web_search_20250305'", i.Tools[n].Type).underIndex(n).under("tools")
		}
	}
	return nil
}

func (i *inspection) checkToolChoice() *refusal {
	choice := i.ToolChoice
	if choice == nil {
		return nil
	}
	if len(i.Tools) == 0 {
		return refuse("tool_choice may only be specified while providing tools")
	}
	named := func(t tool) bool { return t.Name == choice.Name }
	if choice.Type == "tool" && !slices.ContainsFunc(i.Tools, named) {
		return refuse("Tool '%s' not found in provided tools", choice.Name)
	}
	if !choice.forces() {
		return nil
	}
	switch when := i.model.Accepts.ForcedTools; {
	case i.holds(when):
		return nil
	case when == "never" || when == "":
		return refuse(`tool_choice: type "tool" and "any" are not supported for this model.`)
	}
	return refuse("Thinking may not be enabled when tool_choice forces tool use.")
}

// checkToolTurns: every call has its result at the start of the very next turn, and every
// result its call.
func (i *inspection) checkToolTurns() *refusal {
	seen := map[string]bool{}
	for n, t := range i.turns {
		if t.role == "assistant" {
			if r := checkCalls(t, seen); r != nil {
				return r
			}
			if r := i.checkAnswered(n); r != nil {
				return r
			}
			continue
		}
		var calls []string
		if n > 0 {
			calls = ids(i.turns[n-1])
		}
		if r := checkResults(t, calls); r != nil {
			return r
		}
	}
	return nil
}

// ids are those of a turn's calls to the client's tools.
func ids(t turn) []string {
	var all []string
	for _, b := range t.blocks {
		if b.Type == "tool_use" {
			all = append(all, b.ID)
		}
	}
	return all
}

func checkCalls(t turn, seen map[string]bool) *refusal {
	for _, b := range t.blocks {
		if b.Type != "tool_use" {
			continue
		}
		if seen[b.ID] {
			return b.refuse("`tool_use` ids must be unique")
		}
		seen[b.ID] = true
	}
	return nil
}

// checkAnswered looks at the turn after the nth.
func (i *inspection) checkAnswered(n int) *refusal {
	missing := ids(i.turns[n])
	if len(missing) == 0 {
		return nil
	}
	if n+1 < len(i.turns) {
		for _, b := range i.turns[n+1].blocks {
			if b.Type != "tool_result" {
				break // results stand before everything else
			}
			missing = slices.DeleteFunc(missing, func(id string) bool { return id == b.ToolUseID })
		}
	}
	if len(missing) == 0 {
		return nil
	}
	last := i.turns[n].blocks[len(i.turns[n].blocks)-1]
	return refuse("`tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", strings.Join(missing, ", ")).
		underIndex(last.message).under("messages")
}

func checkResults(t turn, calls []string) *refusal {
	seen := map[string]bool{}
	for _, b := range t.blocks {
		if b.Type != "tool_result" {
			continue
		}
		if !slices.Contains(calls, b.ToolUseID) {
			return b.refuse("unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", b.ToolUseID)
		}
		if seen[b.ToolUseID] {
			return b.refuse("each tool_use must have a single result. Found multiple `tool_result` blocks with id: %s", b.ToolUseID)
		}
		seen[b.ToolUseID] = true
	}
	return nil
}
