package anthropic

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// addAssistant adds an assistant's message. Behind one with calls it opens the user turn
// that their results belong in.
func (t *translation) addAssistant(m *openai.Message, param messageParam, calls *callBook) *openai.Error {
	made, err := t.callsOf(m, param)
	if err != nil {
		return err
	}
	results := make([]block, len(made))
	for i := range made {
		made[i].claudeID = calls.add(made[i].id, &results[i])
		if made[i].unnamed {
			calls.unnamed = append(calls.unnamed, made[i].id)
		}
	}
	from := len(t.blocks)
	laid := t.restore(m, made)
	if !laid {
		if laid, err = t.compose(m, made, param); err != nil {
			return err
		}
	}
	blocks := t.take(from)
	markLast(blocks, m.CacheControl)
	t.turns = append(t.turns, turn{role: assistantRole, blocks: blocks, laid: laid})
	if m.FunctionCall != nil {
		calls.called(m.FunctionCall.Name, made[len(made)-1].id)
	}
	if len(results) > 0 {
		t.turns = append(t.turns, turn{role: userRole, blocks: results})
	}
	return nil
}

// A call is one that the assistant made.
type call struct {
	id, claudeID string // the client's and Claude's
	unnamed      bool   // the client has no id
	name         string // Claude's
	input        jsontext.Value
}

func (c *call) block() block {
	return block{kind: toolUse, id: c.claudeID, name: c.name, value: c.input}
}

// callsOf gathers the calls in all forms: first those that are content parts, in
// Anthropic's form, then OpenAI's.
func (t *translation) callsOf(m *openai.Message, param messageParam) ([]call, *openai.Error) {
	var made []call
	isPart := make(map[string]bool)
	for i := range m.Content.Parts {
		p := &m.Content.Parts[i]
		if p.Type != "tool_use" {
			continue
		}
		if p.Name == "" {
			return nil, openai.MissingParam(param.content(i, ".name"))
		}
		made = t.appendCall(made, p.ID, p.Name, p.Input, param)
		isPart[p.ID] = p.ID != ""
	}
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		if isPart[c.ID] {
			continue // sent in both forms
		}
		switch {
		case c.Type == "custom" || c.Type == "" && c.Custom.Name != "":
			made = t.appendCall(made, c.ID, c.Custom.Name, wrapInput(c.Custom.Input), param)
		case c.Type == "function" || c.Type == "":
			made = t.appendCall(made, c.ID, c.Function.Name, c.Function.Arguments, param)
		default:
			return nil, openai.InvalidValue(param.field(fmt.Sprintf("tool_calls[%d].type", i)), "must be function or custom")
		}
	}
	if f := m.FunctionCall; f != nil {
		made = t.appendCall(made, fmt.Sprintf("fc_%d", param.message), f.Name, f.Arguments, param)
	}
	return made, nil
}

func (t *translation) appendCall(made []call, id, name string, arguments jsontext.Value, param messageParam) []call {
	unnamed := id == ""
	if unnamed {
		id = fmt.Sprintf("call_%d_%d", param.message, len(made))
	}
	input, ok := callInput(arguments)
	if !ok {
		t.warn("tool_calls", "repaired")
	}
	return append(made, call{id: id, unnamed: unnamed, name: t.claudeName(name), input: input})
}

// wrapInput wraps the text that a custom tool was called with, as its declaration does.
func wrapInput(input jsontext.Value) jsontext.Value {
	if input.Kind() != '"' {
		input = jsontext.Value(`""`)
	}
	return append(append([]byte(`{"input":`), input...), '}')
}

// compose writes the turn from what the client sent: thinking first, then text, then
// calls, unless the client's own form tells where each stood. Laid tells that it does.
func (t *translation) compose(m *openai.Message, made []call, param messageParam) (laid bool, err *openai.Error) {
	from := len(t.blocks)
	if t.takesThoughts() {
		t.addThoughts(m)
	}
	thoughts := len(t.blocks) - from
	served := answered(m.Content.Parts)
	if !isBlankText(m.Content.Text) {
		t.blocks = append(t.blocks, block{kind: text, value: m.Content.Text})
	}
	for i := range m.Content.Parts {
		switch p := &m.Content.Parts[i]; p.Type {
		case "tool_use":
			b := made[0].block()
			b.mark = partMark(p)
			t.blocks = append(t.blocks, b)
			made, laid = made[1:], true
		case "thinking", "redacted_thinking":
			if thoughts == 0 && t.takesThoughts() {
				t.blocks = appendThought(t.blocks, p)
				laid = true
			}
		case "server_tool_use", "web_search_tool_result", "tool_search_tool_result":
			last := param.message == len(t.chat.Messages)-1 && i == len(m.Content.Parts)-1
			t.addServerPart(p, served[cmp.Or(p.ToolUseID, p.ID)], last)
		case "image_url", "input_image", "image", "document", "file", "input_file":
			return false, openai.UnsupportedValue(param.content(i, ""), "an assistant message cannot hold an image or a file")
		default:
			if err := t.addPart(p, param, i); err != nil {
				return false, err
			}
		}
	}
	if len(t.blocks) == from+thoughts && !isBlank(m.Refusal) {
		t.blocks = append(t.blocks, textBlock(m.Refusal))
	}
	for i := range made {
		t.blocks = append(t.blocks, made[i].block())
	}
	return laid || layOut(t.blocks[from:], thoughts), nil
}

// answered tells of the calls of Vertex AI's own tools in a message whether their results
// are there, by id.
func answered(parts []openai.Part) map[string]bool {
	var ids map[string]bool
	for i := range parts {
		switch p := &parts[i]; p.Type {
		case "server_tool_use":
			if ids == nil {
				ids = make(map[string]bool)
			}
			ids[p.ID] = false
		case "web_search_tool_result", "tool_search_tool_result":
			if _, called := ids[p.ToolUseID]; called {
				ids[p.ToolUseID] = true
			}
		}
	}
	return ids
}

// addServerPart adds a block of a tool that Vertex AI ran. Claude refuses half of a call,
// unless the conversation ends with it: then it goes on.
func (t *translation) addServerPart(p *openai.Part, whole, last bool) {
	if whole || last && p.Type == "server_tool_use" {
		t.blocks = append(t.blocks, block{kind: raw, value: serverPart(p), mark: partMark(p)})
		return
	}
	t.warn("messages", "repaired")
}

// takesThoughts tells whether thinking of earlier turns goes back to the model.
func (t *translation) takesThoughts() bool {
	return len(t.model.Accepts.Thinking) > 0 && !t.options.Thoughtless
}

// addThoughts rebuilds thinking from the first field that has some: OpenRouter's, else
// LiteLLM's, else what the gateway has kept (openai-claude.md A.11).
func (t *translation) addThoughts(m *openai.Message) {
	from := len(t.blocks)
	t.blocks = appendDetails(t.blocks, m.ReasoningDetails)
	if len(t.blocks) > from {
		return
	}
	for i := range m.ThinkingBlocks {
		t.blocks = appendThought(t.blocks, &m.ThinkingBlocks[i])
	}
	if len(t.blocks) > from || hasThoughts(m.Content.Parts) {
		return
	}
	for _, b := range keptBlocks(m.Kept) {
		t.blocks = appendThought(t.blocks, &b.Part)
	}
}

func hasThoughts(parts []openai.Part) bool {
	return slices.ContainsFunc(parts, func(p openai.Part) bool { return strings.HasSuffix(p.Type, "thinking") })
}

// layOut puts thinking that stood between text and calls back between them, going by the
// places that its blocks had in Claude's answer. False: they all stand in front, or
// nothing fits.
func layOut(blocks []block, thoughts int) bool {
	if thoughts == 0 {
		return false
	}
	places := make([]block, len(blocks))
	taken := make([]bool, len(blocks))
	apart := false
	for i, b := range blocks[:thoughts] {
		if b.index >= len(blocks)-1 || taken[b.index] || i > 0 && b.index < blocks[i-1].index {
			return false
		}
		places[b.index], taken[b.index] = b, true
		apart = apart || b.index != i
	}
	if !apart {
		return false
	}
	next := thoughts
	for i := range places {
		if !taken[i] {
			places[i] = blocks[next]
			next++
		}
	}
	copy(blocks, places)
	return true
}

// A keptBlock is a content block as Claude wrote it.
type keptBlock struct {
	openai.Part
	whole jsontext.Value
}

// keptBlocks reads the turn that the gateway kept; nil if it kept none.
func keptBlocks(kept jsontext.Value) []keptBlock {
	if len(kept) == 0 {
		return nil
	}
	list := elements(kept)
	blocks := make([]keptBlock, len(list))
	for i, whole := range list {
		if json.Unmarshal(whole, &blocks[i].Part) != nil {
			return nil
		}
		blocks[i].whole = whole
	}
	return blocks
}

// restore writes the turn as Claude wrote it, where the gateway has kept it and the client
// sent back the same: the signatures of later thinking hang on every byte before them.
func (t *translation) restore(m *openai.Message, made []call) bool {
	kept := keptBlocks(m.Kept)
	if len(kept) == 0 || !t.takesThoughts() || !isSame(kept, m, made) {
		return false
	}
	for i := range kept {
		if b := &kept[i]; b.Type == "tool_use" {
			t.blocks = append(t.blocks, made[0].block())
			made = made[1:]
		} else {
			t.blocks = append(t.blocks, block{kind: raw, value: b.whole, thought: strings.HasSuffix(b.Type, "thinking")})
		}
	}
	return true
}

// isSame tells whether the client's message says what Claude's turn did.
func isSame(kept []keptBlock, m *openai.Message, made []call) bool {
	var said []byte
	calls := 0
	for i := range kept {
		switch b := &kept[i]; b.Type {
		case "text":
			said = append(said, plainText(b.Text)...)
		case "tool_use":
			if calls == len(made) || made[calls].id != b.ID || !isSameJSON(made[calls].input, b.Input) {
				return false
			}
			calls++
		}
	}
	heard := plainText(m.Content.Text)
	for i := range m.Content.Parts {
		heard = append(heard, plainText(m.Content.Parts[i].Text)...)
	}
	return calls == len(made) && bytes.Equal(said, heard)
}

// plainText is what a JSON string says; nothing if it is none.
func plainText(value jsontext.Value) []byte {
	if value.Kind() != '"' {
		return nil
	}
	plain, _ := jsontext.AppendUnquote(nil, value) // valid: it was decoded
	return plain
}

// isSameJSON compares values without regard to spacing and the order of members.
func isSameJSON(a, b jsontext.Value) bool {
	if bytes.Equal(a, b) {
		return true
	}
	a, b = a.Clone(), b.Clone()
	return a.Canonicalize() == nil && b.Canonicalize() == nil && bytes.Equal(a, b)
}

// appendDetails rebuilds thinking from what the client sends back in OpenRouter's form.
func appendDetails(blocks []block, details []openai.ReasoningDetail) []block {
	for len(details) > 0 {
		n := pieces(details)
		blocks = appendDetail(blocks, details[:n])
		details = details[n:]
	}
	return blocks
}

// pieces counts the details at the beginning that are one block, as a stream delivers it:
// a signature ends it.
func pieces(details []openai.ReasoningDetail) int {
	first := &details[0]
	n := 1
	for n < len(details) && first.Type == "reasoning.text" && details[n].Type == first.Type && details[n].Index == first.Index &&
		!isString(details[n-1].Signature) {
		n++
	}
	return n
}

// isString tells a JSON string that is not empty.
func isString(value jsontext.Value) bool { return value.Kind() == '"' && len(value) > len(`""`) }

// appendDetail appends one block. Another publisher's is worthless to Claude.
func appendDetail(blocks []block, pieces []openai.ReasoningDetail) []block {
	first := &pieces[0]
	if first.Format != "" && !strings.HasPrefix(first.Format, "anthropic-") {
		return blocks
	}
	from := len(blocks)
	switch first.Type {
	case "reasoning.encrypted":
		blocks = appendThought(blocks, &openai.Part{Type: "redacted_thinking", Data: first.Data})
	case "reasoning.text":
		blocks = appendThought(blocks, &openai.Part{
			Type:      "thinking",
			Thinking:  join(pieces, func(d *openai.ReasoningDetail) jsontext.Value { return d.Text }),
			Signature: join(pieces, func(d *openai.ReasoningDetail) jsontext.Value { return d.Signature }),
		})
	}
	if len(blocks) > from {
		blocks[from].index = max(0, first.Index)
	}
	return blocks
}

// appendThought appends a thinking block in Claude's form. Without its signature it is
// worthless and is left out; without its text it is not.
func appendThought(blocks []block, p *openai.Part) []block {
	switch {
	case p.Type == "redacted_thinking" && isString(p.Data):
		return append(blocks, block{kind: redactedBlock, value: p.Data})
	case p.Type == "thinking" && isString(p.Signature):
		thought := p.Thinking
		if thought.Kind() != '"' {
			thought = jsontext.Value(`""`)
		}
		return append(blocks, block{kind: thinkingBlock, value: thought, signature: p.Signature})
	}
	return blocks
}

// join makes one JSON string of the pieces' strings; what is no string counts as empty.
func join(pieces []openai.ReasoningDetail, field func(*openai.ReasoningDetail) jsontext.Value) jsontext.Value {
	if whole := field(&pieces[0]); len(pieces) == 1 && whole.Kind() == '"' {
		return whole
	}
	joined := jsontext.Value{'"'}
	for i := range pieces {
		joined = append(joined, openai.Inside(field(&pieces[i]))...)
	}
	return append(joined, '"')
}

// callInput is the object Claude wants as a call's input; false where the arguments are
// not JSON. The bytes of an object stay as they are: no number loses a digit
// (openai-claude.md A.4).
func callInput(arguments jsontext.Value) (input jsontext.Value, ok bool) {
	value := arguments
	if arguments.Kind() == '"' {
		plain, err := jsontext.AppendUnquote(nil, arguments)
		if err != nil {
			plain = nil
		}
		value = plain
	}
	switch {
	case len(value) == 0 || isBlank(string(value)):
		return jsontext.Value(`{}`), true
	case !value.IsValid():
		return translate.InvalidArguments(string(value)), false
	}
	switch value.Kind() {
	case '{':
		return value, true
	case 'n':
		return jsontext.Value(`{}`), true
	}
	return append(append([]byte(`{"value":`), value...), '}'), true
}
