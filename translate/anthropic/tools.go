package anthropic

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// A tool is a declaration in Claude's form.
type tool struct {
	name        string // as Claude gets it
	description string
	schema      jsontext.Value
}

func (t *translation) setTools() *openai.Error {
	t.tools = make([]tool, 0, len(t.chat.Tools))
	for i := range t.chat.Tools {
		if err := t.addTool(&t.chat.Tools[i], i); err != nil {
			return err
		}
	}
	return nil
}

func (t *translation) addTool(declared *openai.Tool, index int) *openai.Error {
	f := &declared.Function
	if declared.Type != "function" {
		return invalidValue(toolParam(index, ".type"), "only function tools are available with this model")
	}
	if f.Name == "" {
		name := toolParam(index, ".function.name")
		return openai.BadRequest("missing_required_parameter", name, "Missing required parameter: '"+name+"'.")
	}
	schema, flattened := objectSchema(f.Parameters)
	if schema == nil {
		return invalidValue(toolParam(index, ".function.parameters"), "must be a JSON Schema object")
	}
	if flattened {
		t.warn(toolParam(index, ".function.parameters"), "flattened")
	}
	t.dropIf("cache_control", declared.CacheControl != nil || f.CacheControl != nil)
	if !t.declare(tool{t.names.claude(f.Name), f.Description, schema}) {
		t.warn(toolParam(index, ""), "dropped") // a second tool of the same name could never be told apart
	}
	return nil
}

func toolParam(i int, field string) string { return fmt.Sprintf("tools[%d]%s", i, field) }

// declare adds a tool, unless there is one of its name.
func (t *translation) declare(d tool) bool {
	if t.declared[d.name] {
		return false
	}
	if t.declared == nil {
		t.declared = make(map[string]bool)
	}
	t.declared[d.name] = true
	t.tools = append(t.tools, d)
	return true
}

// declareUsedTools declares the tools that the history calls when the request declares
// none: Claude must know what its earlier calls were, and may not call again.
func (t *translation) declareUsedTools() {
	if len(t.tools) > 0 {
		return
	}
	for i := range t.turns {
		for _, b := range t.turns[i].blocks {
			if b.kind == toolUse {
				t.declare(tool{name: b.name, schema: jsontext.Value(emptySchema)})
			}
		}
	}
	if len(t.tools) > 0 {
		t.choice = toolChoice{kind: "none"}
	}
}

func (d *tool) size() int { return len(d.name) + len(d.description) + len(d.schema) }

func appendTools(dst []byte, tools []tool) []byte {
	for i, d := range tools {
		if i == 0 {
			dst = append(dst, `,"tools":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = openai.AppendString(dst, d.name)
		if d.description != "" {
			dst = append(dst, `,"description":`...)
			dst = openai.AppendString(dst, d.description)
		}
		dst = append(dst, `,"input_schema":`...)
		dst = append(dst, d.schema...)
		dst = append(dst, '}')
	}
	if len(tools) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// A toolChoice is the request's tool_choice field; with an empty kind there is none.
type toolChoice struct {
	kind     string // auto, any, tool or none
	name     string // as Claude gets it; only with tool
	oneByOne bool   // no parallel calls
}

// setToolChoice follows openai-claude.md A.7.
func (t *translation) setToolChoice() *openai.Error {
	if len(t.tools) == 0 {
		return nil
	}
	switch c := t.chat.ToolChoice; c.Mode {
	case "":
	case "auto", "none":
		t.choice.kind = c.Mode
	case "required", "any":
		t.choice.kind = "any"
	case "function", "tool":
		name := t.names.claude(c.Name)
		if !t.declared[name] {
			return invalidValue("tool_choice", "no tool is named '"+c.Name+"'")
		}
		t.choice = toolChoice{kind: "tool", name: name}
	default:
		return invalidValue("tool_choice", "must be auto, none, required or name a function")
	}
	if p := t.chat.ParallelToolCalls; p != nil && !*p && t.choice.kind != "none" {
		t.choice.oneByOne = true
	}
	if t.choice.forced() && t.model.Accepts.ForcedTools == catalogue.Never {
		t.relaxToolChoice()
	}
	return nil
}

// relaxToolChoice asks in words where the model refuses to be forced.
func (t *translation) relaxToolChoice() {
	const ask = `"Answer this conversation's last message by calling one of the tools."`
	if t.choice.kind == "tool" {
		for i := range t.tools {
			if t.tools[i].name == t.choice.name {
				t.tools = t.tools[i : i+1]
				break
			}
		}
	}
	t.choice = toolChoice{kind: "auto", oneByOne: t.choice.oneByOne}
	t.instructions = append(t.instructions, block{kind: text, value: jsontext.Value(ask)})
	t.warn("tool_choice", "relaxed")
}

func (c toolChoice) forced() bool { return c.kind == "any" || c.kind == "tool" }

func (c toolChoice) append(dst []byte) []byte {
	kind := c.kind
	if kind == "" && c.oneByOne {
		kind = "auto"
	}
	switch kind {
	case "", "auto":
		if !c.oneByOne {
			return dst // auto is what Claude does by itself
		}
	}
	dst = append(dst, `,"tool_choice":{"type":"`...)
	dst = append(append(dst, kind...), '"')
	if c.name != "" {
		dst = append(dst, `,"name":`...)
		dst = openai.AppendString(dst, c.name)
	}
	if c.oneByOne {
		dst = append(dst, `,"disable_parallel_tool_use":true`...)
	}
	return append(dst, '}')
}

// toolNames gives tools names that Claude takes, and finds the client's names again.
type toolNames struct {
	client map[string]string // by Claude's name; only where the two differ
}

const (
	maxToolName = 64
	hashDigits  = 8
)

// claude is the name under which Claude knows the client's tool: the same where it can be.
func (n *toolNames) claude(name string) string {
	if isToolName(name) {
		return name
	}
	safe := strings.Map(func(r rune) rune {
		if isIDChar(r) {
			return r
		}
		return '_'
	}, name)
	sum := sha256.Sum256([]byte(name))
	safe = safe[:min(len(safe), maxToolName-hashDigits-1)] + "_" + hex.EncodeToString(sum[:hashDigits/2])
	if n.client == nil {
		n.client = make(map[string]string)
	}
	n.client[safe] = name
	return safe
}

// original is the client's name of a tool that Claude called.
func (n *toolNames) original(name string) string {
	if client, ok := n.client[name]; ok {
		return client
	}
	return name
}

func isToolName(name string) bool {
	return len(name) <= maxToolName && isID(name)
}

// isID tells whether Claude takes s as an id: one or more letters, digits, _ and -.
func isID(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !isIDChar(r) }) < 0
}

func isIDChar(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
}
