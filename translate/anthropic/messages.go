package anthropic

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"vertexgateway/translate/openai"
)

// setMessages turns the chat's messages into system blocks and turns. Every message is
// translated by itself here; what the sequence of turns needs is done in sequence.go.
func (t *translation) setMessages() *openai.Error {
	messages := t.chat.Messages
	t.turns = make([]turn, 0, len(messages)+2)
	t.blocks = make([]block, 0, countBlocks(messages))
	calls := callBook{open: make(map[string]*block), used: make(map[string]int)}
	system, err := t.textBlocks(t.chat.System, messageParam{message: -1})
	if err != nil {
		return err
	}
	t.system = append(t.system, system...)
	leading := true
	for i := range messages {
		m := &messages[i]
		role := roleOf(m)
		leading = leading && role == "system"
		if err := t.addMessage(m, role, leading, messageParam{i, -1}, &calls); err != nil {
			return err
		}
	}
	t.warnOfMissingResults()
	t.normalise()
	t.declareUsedTools()
	return nil
}

// roleOf is a message's role however it is written; developer is system's newer name.
func roleOf(m *openai.Message) string {
	switch m.Role { // as nearly all write it
	case "user", "assistant", "tool", "system":
		return m.Role
	}
	role := strings.ToLower(strings.TrimSpace(m.Role))
	if role == "developer" {
		return "system"
	}
	return role
}

func (t *translation) addMessage(m *openai.Message, role string, leading bool, param messageParam, calls *callBook) *openai.Error {
	t.dropIf("audio", bool(m.Audio))
	switch role {
	case "system":
		return t.addSystem(m, leading, param)
	case "user":
		return t.addUser(m, param, calls)
	case "assistant":
		return t.addAssistant(m, param, calls)
	case "tool":
		id := m.ToolCallID
		if id == "" {
			id = calls.unnamedResult()
		}
		return t.addToolMessage(m, id, param, calls)
	case "function":
		return t.addToolMessage(m, calls.functions[m.Name], param, calls)
	case "":
		return openai.MissingParam(param.field("role"))
	}
	return openai.InvalidValue(param.field("role"), "must be system, developer, user, assistant, tool or function")
}

// A messageParam names a message, or the content part of one that has content itself; -1
// is none. It is written out only for an error.
type messageParam struct{ message, part int }

func (p messageParam) field(name string) string {
	if p.part < 0 {
		return fmt.Sprintf("messages[%d].%s", p.message, name)
	}
	return fmt.Sprintf("messages[%d].content[%d].%s", p.message, p.part, name)
}

// whole names all of the message's content.
func (p messageParam) whole() string {
	if p.message < 0 {
		return "system"
	}
	return p.field("content")
}

// content names a part of the message's content, or a field of the part.
func (p messageParam) content(part int, field string) string {
	if p.message < 0 {
		return fmt.Sprintf("system[%d]%s", part, field)
	}
	return p.field(fmt.Sprintf("content[%d]%s", part, field))
}

// addSystem adds a message of the leading run to the request's system field, a later one
// to the conversation.
func (t *translation) addSystem(m *openai.Message, leading bool, param messageParam) *openai.Error {
	blocks, err := t.textBlocks(m.Content, param)
	markLast(blocks, m.CacheControl)
	if leading {
		t.system = append(t.system, blocks...)
	} else {
		t.turns = append(t.turns, turn{role: systemRole, blocks: blocks})
	}
	return err
}

// addUser adds a user's message. The results that some clients put into it, in Anthropic's
// form, go to their calls.
func (t *translation) addUser(m *openai.Message, param messageParam, calls *callBook) *openai.Error {
	from := len(t.blocks)
	if !isBlankText(m.Content.Text) {
		t.blocks = append(t.blocks, block{kind: text, value: m.Content.Text})
	}
	for i := range m.Content.Parts {
		p := &m.Content.Parts[i]
		if p.Type == "tool_result" {
			if err := t.addResultPart(p, messageParam{param.message, i}, calls); err != nil {
				return err
			}
			continue
		}
		if err := t.addPart(p, param, i); err != nil {
			return err
		}
	}
	blocks := t.take(from)
	markLast(blocks, m.CacheControl)
	t.turns = append(t.turns, turn{role: userRole, blocks: blocks})
	return nil
}

// markLast puts a message's own cache mark on its last block.
func markLast(blocks []block, c *openai.CacheControl) {
	if n := len(blocks); n > 0 && c != nil && !blocks[n-1].isThought() {
		blocks[n-1].mark = markOf(c)
	}
}

// countBlocks is the most blocks the messages can become.
func countBlocks(messages []openai.Message) int {
	n := 0
	for i := range messages {
		m := &messages[i]
		n += 1 + len(m.Content.Parts) + 2*len(m.ToolCalls) + len(m.ReasoningDetails) + len(m.ThinkingBlocks)
	}
	return n
}

// take gives the blocks added since from to one turn, which others cannot grow into.
func (t *translation) take(from int) []block {
	return t.blocks[from:len(t.blocks):len(t.blocks)]
}

// warnOfMissingResults tells that some results are the gateway's invention.
func (t *translation) warnOfMissingResults() {
	for i := range t.turns {
		for j := range t.turns[i].blocks {
			if t.turns[i].blocks[j].missing {
				t.warn("messages", "repaired")
				return
			}
		}
	}
}

// addToolMessage adds the result that is a message of its own.
func (t *translation) addToolMessage(m *openai.Message, id string, param messageParam, calls *callBook) *openai.Error {
	content, err := t.contentBlocks(m.Content, param)
	if err != nil {
		return err
	}
	t.addResult(result{id: id, name: m.Name, content: content, isError: m.IsError, mark: markOf(m.CacheControl)}, calls)
	return nil
}

// addResultPart adds a result in Anthropic's form.
func (t *translation) addResultPart(p *openai.Part, param messageParam, calls *callBook) *openai.Error {
	var inner openai.Content
	if len(p.Content) > 0 && json.Unmarshal(p.Content, &inner) != nil {
		return openai.InvalidValue(param.field("content"), "must be a string or an array of content parts")
	}
	from := len(t.blocks)
	content, err := t.contentBlocks(inner, param)
	if err != nil {
		return err
	}
	content = slices.Clone(content)
	t.blocks = t.blocks[:from] // they are of another turn than the parts around
	t.addResult(result{id: p.ToolUseID, content: content, isError: p.IsError, mark: partMark(p)}, calls)
	return nil
}

// A result is what a tool answered.
type result struct {
	id, name string // as the client has them
	content  []block
	isError  bool
	mark     mark
}

// addResult puts a result where its call wants it; one without a call becomes text. Claude
// takes nothing but text as a failure.
func (t *translation) addResult(r result, calls *callBook) {
	if r.isError && slices.ContainsFunc(r.content, func(b block) bool { return b.kind != text }) {
		r.isError = false
		t.warn("is_error", "dropped")
	}
	b, ok := calls.open[r.id]
	switch {
	case !ok && len(r.content) == 0:
	case !ok:
		blocks := append([]block{textBlock("Tool result (" + cmp.Or(r.id, r.name) + "):")}, r.content...)
		t.turns = append(t.turns, turn{role: userRole, blocks: blocks})
		t.warn("tool_call_id", "orphaned")
	case b.missing || len(r.content) > 0: // of several results for one call the last that says something counts
		b.content, b.missing, b.isError, b.mark = r.content, false, r.isError, r.mark
	}
}

// A callBook finds the result block of a call by the id the client gave it.
type callBook struct {
	open      map[string]*block // by the client's id: the latest call's result
	used      map[string]int    // ids Claude has seen: the number to try for the next call of that id
	functions map[string]string // by name: the id made up for the latest call in the old form
	unnamed   []string          // ids made up for calls without one, in order, that have no result yet
}

// unnamedResult is the id of the call that a result without an id belongs to: results come
// in the order of their calls.
func (c *callBook) unnamedResult() string {
	if len(c.unnamed) == 0 {
		return ""
	}
	id := c.unnamed[0]
	c.unnamed = c.unnamed[1:]
	return id
}

// add opens a call and returns the id that Claude gets for it: the client's own where
// Claude takes it and no earlier call has it.
func (c *callBook) add(id string, result *block) string {
	safe := id
	if !isID(id) {
		var ids toolNames // what makes a name acceptable does the same for an id
		safe = ids.claude(id)
	}
	if n, again := c.used[safe]; again {
		safe = c.suffixed(safe, n)
	}
	c.used[safe] = 2
	*result = block{kind: toolResult, id: safe, missing: true}
	c.open[id] = result
	return safe
}

// called notes a call in the old form, whose result names the function only.
func (c *callBook) called(name, id string) {
	if c.functions == nil {
		c.functions = make(map[string]string)
	}
	c.functions[name] = id
}

// suffixed is the first id base_n, base_n+1... that is free.
func (c *callBook) suffixed(base string, n int) string {
	for ; ; n++ {
		id := base + "_" + strconv.Itoa(n)
		if _, taken := c.used[id]; !taken {
			c.used[base] = n + 1
			return id
		}
	}
}
