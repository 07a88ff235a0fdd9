package anthropic

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// setMessages turns the chat's messages into system blocks and turns. Every message is
// translated by itself here; what the sequence of turns needs is done in sequence.go.
func (t *translation) setMessages() *openai.Error {
	messages := t.chat.Messages
	t.turns = make([]turn, 0, len(messages)+2)
	t.blocks = make([]block, 0, countBlocks(messages))
	calls := callBook{open: make(map[string]*block), used: make(map[string]int)}
	leading := true
	for i := range messages {
		m := &messages[i]
		param := messageParam(i)
		t.dropIf("cache_control", m.CacheControl != nil)
		t.dropIf("audio", bool(m.Audio))
		isSystem := m.Role == "system" || m.Role == "developer"
		leading = leading && isSystem
		var err *openai.Error
		switch {
		case leading:
			err = t.addSystem(m, param)
		case isSystem:
			err = t.addLateSystem(m, param)
		case m.Role == "user":
			err = t.addUser(m, param)
		case m.Role == "assistant":
			err = t.addAssistant(m, param, i, &calls)
		case m.Role == "tool":
			err = t.addResult(m, param, &calls)
		case m.Role == "":
			err = openai.BadRequest("missing_required_parameter", param.field("role"), "Missing required parameter: '"+param.field("role")+"'.")
		default:
			err = invalidValue(param.field("role"), "must be system, developer, user, assistant or tool")
		}
		if err != nil {
			return err
		}
	}
	t.system = append(t.system, t.instructions...)
	t.warnOfMissingResults()
	t.normalise()
	t.declareUsedTools()
	return nil
}

// A messageParam names the message at its index; the name is written only for an error.
type messageParam int

func (p messageParam) field(name string) string {
	return fmt.Sprintf("messages[%d].%s", int(p), name)
}

// addSystem adds a message of the leading run to the request's system field.
func (t *translation) addSystem(m *openai.Message, param messageParam) *openai.Error {
	blocks, err := t.textBlocks(m.Content, param)
	t.system = append(t.system, blocks...)
	return err
}

func (t *translation) addLateSystem(m *openai.Message, param messageParam) *openai.Error {
	blocks, err := t.textBlocks(m.Content, param)
	t.turns = append(t.turns, turn{role: systemRole, blocks: blocks})
	return err
}

func (t *translation) addUser(m *openai.Message, param messageParam) *openai.Error {
	blocks, err := t.contentBlocks(m.Content, param)
	t.turns = append(t.turns, turn{role: userRole, blocks: blocks})
	return err
}

// countBlocks is the most blocks the messages can become.
func countBlocks(messages []openai.Message) int {
	n := 0
	for i := range messages {
		m := &messages[i]
		n += 1 + len(m.Content.Parts) + 2*len(m.ToolCalls) + len(m.ReasoningDetails)
	}
	return n
}

// take gives the blocks added since from to one turn, which others cannot grow into.
func (t *translation) take(from int) []block {
	return t.blocks[from:len(t.blocks):len(t.blocks)]
}

// addAssistant adds an assistant's message: thinking first, then text, then calls. Behind
// one with calls it opens the user turn that their results belong in.
func (t *translation) addAssistant(m *openai.Message, param messageParam, index int, calls *callBook) *openai.Error {
	if err := checkAssistant(m, param); err != nil {
		return err
	}
	from := len(t.blocks)
	if len(t.model.Accepts.Thinking) > 0 {
		t.blocks = appendThinking(t.blocks, m.ReasoningDetails)
	}
	content, err := t.contentBlocks(m.Content, param)
	if err != nil {
		return err
	}
	if len(content) == 0 && !isBlank(m.Refusal) {
		t.blocks = append(t.blocks, textBlock(m.Refusal))
	}
	results := make([]block, len(m.ToolCalls))
	for i := range m.ToolCalls {
		call := &m.ToolCalls[i]
		id := call.ID
		if id == "" {
			id = fmt.Sprintf("call_%d_%d", index, i)
		}
		input, ok := callInput(call.Function.Arguments)
		if !ok {
			t.warn("tool_calls", "repaired")
		}
		t.blocks = append(t.blocks, block{kind: toolUse, id: calls.add(id, &results[i]), name: t.names.claude(call.Function.Name), value: input})
	}
	t.turns = append(t.turns, turn{role: assistantRole, blocks: t.take(from)})
	if len(results) > 0 {
		t.turns = append(t.turns, turn{role: userRole, blocks: results})
	}
	return nil
}

// checkAssistant refuses what an assistant's turn cannot hold.
func checkAssistant(m *openai.Message, param messageParam) *openai.Error {
	if m.FunctionCall != nil {
		name := param.field("function_call")
		return openai.BadRequest("unsupported_parameter", name, "Unsupported parameter: '"+name+"' is not available with this model; use tool_calls.")
	}
	for i := range m.Content.Parts {
		if t := m.Content.Parts[i].Type; t == "image_url" || t == "input_image" {
			return unsupportedValue(param.field(fmt.Sprintf("content[%d]", i)), "an assistant message cannot hold an image")
		}
	}
	for i := range m.ToolCalls {
		call := &m.ToolCalls[i]
		if call.Type != "function" && call.Type != "" {
			return invalidValue(param.field(fmt.Sprintf("tool_calls[%d].type", i)), "must be function")
		}
	}
	return nil
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

// addResult puts a tool's result where its call wants it; one without a call becomes text.
func (t *translation) addResult(m *openai.Message, param messageParam, calls *callBook) *openai.Error {
	content, err := t.contentBlocks(m.Content, param)
	if err != nil {
		return err
	}
	result, ok := calls.open[m.ToolCallID]
	switch {
	case !ok && len(content) == 0:
	case !ok:
		t.turns = append(t.turns, turn{role: userRole, blocks: append([]block{textBlock("Tool result (" + m.ToolCallID + "):")}, content...)})
		t.warn("tool_call_id", "orphaned")
	case result.missing || len(content) > 0: // of several results for one call the last that says something counts
		result.content, result.missing = content, false
	}
	return nil
}

// A callBook finds the result block of a call by the id the client gave it.
type callBook struct {
	open map[string]*block // by the client's id: the latest call's result
	used map[string]int    // ids Claude has seen: the number to try for the next call of that id
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
		return append(openai.AppendString([]byte(`{"INVALID_JSON":`), string(value)), '}'), false
	}
	switch value.Kind() {
	case '{':
		return value, true
	case 'n':
		return jsontext.Value(`{}`), true
	}
	return append(append([]byte(`{"value":`), value...), '}'), true
}

// appendThinking rebuilds thinking from what the client sends back.
func appendThinking(blocks []block, details []openai.ReasoningDetail) []block {
	for len(details) > 0 {
		n := pieces(details)
		blocks = appendThought(blocks, details[:n])
		details = details[n:]
	}
	return blocks
}

// pieces counts the details at the beginning that are one block, as a stream delivers it.
func pieces(details []openai.ReasoningDetail) int {
	first := &details[0]
	n := 1
	for n < len(details) && first.Type == "reasoning.text" && details[n].Type == first.Type && details[n].Index == first.Index {
		n++
	}
	return n
}

// appendThought appends one block. A block without its signature is worthless to Claude
// and is left out, and so is another publisher's.
func appendThought(blocks []block, pieces []openai.ReasoningDetail) []block {
	first := &pieces[0]
	if first.Format != "" && !strings.HasPrefix(first.Format, "anthropic-") {
		return blocks
	}
	switch first.Type {
	case "reasoning.encrypted":
		if data := join(pieces, func(d *openai.ReasoningDetail) jsontext.Value { return d.Data }); len(data) > len(`""`) {
			blocks = append(blocks, block{kind: redactedBlock, value: data})
		}
	case "reasoning.text":
		if signature := join(pieces, func(d *openai.ReasoningDetail) jsontext.Value { return d.Signature }); len(signature) > len(`""`) {
			thought := join(pieces, func(d *openai.ReasoningDetail) jsontext.Value { return d.Text })
			blocks = append(blocks, block{kind: thinkingBlock, value: thought, signature: signature})
		}
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
		joined = append(joined, inside(field(&pieces[i]))...)
	}
	return append(joined, '"')
}

// textBlocks are a message's blocks where only text may stand.
func (t *translation) textBlocks(c openai.Content, param messageParam) ([]block, *openai.Error) {
	blocks, err := t.contentBlocks(c, param)
	for _, b := range blocks {
		if b.kind != text {
			return nil, invalidValue(param.field("content"), "only text is possible in a system message")
		}
	}
	return blocks, err
}

// contentBlocks translates a message's content, and leaves out text that is blank.
func (t *translation) contentBlocks(c openai.Content, param messageParam) ([]block, *openai.Error) {
	from := len(t.blocks)
	if len(c.Text) > 0 && !isBlankText(c.Text) {
		t.blocks = append(t.blocks, block{kind: text, value: c.Text})
	}
	for i := range c.Parts {
		t.dropIf("cache_control", c.Parts[i].CacheControl != nil)
		b, err := partBlock(&c.Parts[i], param, i)
		if err != nil {
			return nil, err
		}
		if !b.isEmpty() {
			t.blocks = append(t.blocks, b)
		}
	}
	return t.take(from), nil
}

func partBlock(p *openai.Part, param messageParam, index int) (block, *openai.Error) {
	field := func(name string) string { return param.field(fmt.Sprintf("content[%d]%s", index, name)) }
	value := p.Text
	switch p.Type {
	case "refusal":
		value = p.Refusal
		fallthrough
	case "text", "input_text", "output_text":
		if value.Kind() != '"' {
			return block{}, openai.BadRequest("invalid_type", field(".text"), "Invalid type for '"+field(".text")+"': expected a string.")
		}
		return block{kind: text, value: value}, nil
	case "image_url", "input_image":
		b, why := imageBlock(p.ImageURL.URL)
		if why != "" {
			return block{}, openai.BadRequest("invalid_image_url", field(".image_url"), "Invalid image in '"+field(".image_url")+"': "+why+".")
		}
		return b, nil
	case "input_audio", "file", "video_url":
		return block{}, unsupportedValue(field(".type"), p.Type+" parts are not available with this model")
	}
	return block{}, invalidValue(field(".type"), "unknown content part type '"+strings.ToValidUTF8(p.Type, "?")+"'")
}
