package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// A tool is one that the model may call.
type tool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Strict      bool           `json:"strict,omitzero"`
	Parameters  jsontext.Value `json:"parameters"`
}

// setTools takes tools in the forms that clients send, or the functions of those who know
// no tools (openai-claude.md A.6).
func (t *translation) setTools() *openai.Error {
	for i := range t.chat.Tools {
		if err := t.addTool(&t.chat.Tools[i], fmt.Sprintf("tools[%d]", i)); err != nil {
			return err
		}
	}
	if !t.isLegacy() {
		return nil
	}
	for i := range t.chat.Functions {
		if err := t.addFunction(&t.chat.Functions[i], fmt.Sprintf("functions[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// isLegacy tells a request in the form before there were tools.
func (t *translation) isLegacy() bool { return len(t.chat.Tools) == 0 && len(t.chat.Functions) > 0 }

func (t *translation) addTool(d *openai.Tool, param string) *openai.Error {
	switch {
	case d.InputSchema != nil && (d.Type == "" || d.Type == "custom"): // Anthropic's form
		return t.addFunction(&openai.Function{Name: d.Name, Description: d.Description, Parameters: d.InputSchema}, param)
	case d.Type == "custom":
		return openai.UnsupportedValue(param+".type", "only function tools are available with this model")
	case d.Type != "function" && d.Type != "":
		if len(t.chat.Tools) == 1 {
			return openai.InvalidValue(param+".type", "only function tools are available with this model")
		}
		t.warn(param, "dropped")
		return nil
	case d.Function.Name == "" && d.Name != "": // the flat form of the Responses API
		return t.addFunction(&openai.Function{Name: d.Name, Description: d.Description, Parameters: d.Parameters}, param)
	}
	return t.addFunction(&d.Function, param+".function")
}

// addFunction declares a function. A second one of the same name could never be told apart.
func (t *translation) addFunction(f *openai.Function, param string) *openai.Error {
	if f.Name == "" {
		return openai.MissingParam(param + ".name")
	}
	parameters := f.Parameters
	if k := parameters.Kind(); k == 0 || k == 'n' || string(parameters) == "{}" {
		parameters = jsontext.Value(`{"type":"object","properties":{}}`)
	}
	if parameters = objectOf(parameters); parameters == nil {
		return openai.InvalidValue(param+".parameters", "must be a JSON Schema object")
	}
	if t.declared[f.Name] {
		t.warn(strings.TrimSuffix(param, ".function"), "dropped")
		return nil
	}
	if t.declared == nil {
		t.declared = make(map[string]bool)
	}
	t.declared[f.Name] = true
	t.body.Tools = append(t.body.Tools, tool{Type: "function", Function: function{
		Name: f.Name, Description: f.Description, Strict: f.Strict && t.dialect.Strict, Parameters: parameters,
	}})
	return nil
}

// keepTools leaves only the tools of these names.
func (t *translation) keepTools(names ...string) {
	kept := make(map[string]bool, len(names))
	for _, name := range names {
		kept[name] = true
	}
	t.body.Tools = slices.DeleteFunc(t.body.Tools, func(d tool) bool { return !kept[d.Function.Name] })
}

// setToolChoice follows openai-claude.md A.7. A choice without tools means nothing.
func (t *translation) setToolChoice() *openai.Error {
	if len(t.body.Tools) == 0 {
		return nil
	}
	param, c := "tool_choice", &t.chat.ToolChoice
	if t.isLegacy() {
		param, c = "function_call", &t.chat.FunctionCall
	}
	if err := t.choose(c, param); err != nil {
		return err
	}
	t.setParallel(c.Single || t.isLegacy()) // the old form has room for one call
	if len(t.body.Tools) == 0 {
		t.body.Tools, t.body.ToolChoice, t.body.ParallelToolCalls = nil, nil, nil
	}
	return nil
}

func (t *translation) choose(c *openai.ToolChoice, param string) *openai.Error {
	switch c.Mode {
	case "auto", "none", "required", "any":
		t.setMode(c.Mode, param)
		return nil
	case "allowed_tools":
		return t.allow(c, param)
	case "", "function", "tool", "custom":
		if c.Mode == "" && c.Name == "" {
			return nil // not given
		}
		return t.force(c.Name, param)
	}
	return openai.InvalidValue(param, "must be auto, none, required or name a tool")
}

// setMode tells whether a tool must be called. A publisher that cannot be told so still
// calls none where none are declared.
func (t *translation) setMode(mode, param string) {
	switch {
	case t.dialect.ToolModes != nil:
		t.body.ToolChoice = jsontext.Value(openai.AppendString(nil, t.dialect.ToolModes[mode]))
	case mode == "none":
		t.keepTools()
	case mode != "auto":
		t.warn(param, "relaxed")
	}
}

// force has one tool called.
func (t *translation) force(name, param string) *openai.Error {
	if !t.declared[name] {
		return openai.InvalidValue(param, "no tool is named '"+strings.ToValidUTF8(name, "?")+"'")
	}
	if t.dialect.ToolModes == nil {
		t.keepTools(name)
		t.warn(param, "relaxed")
		return nil
	}
	t.body.ToolChoice = openai.AppendString([]byte(`{"type":"function","function":{"name":`), name)
	t.body.ToolChoice = append(t.body.ToolChoice, `}}`...)
	return nil
}

// allow leaves out all tools but some.
func (t *translation) allow(c *openai.ToolChoice, param string) *openai.Error {
	for _, name := range c.Allowed {
		if !t.declared[name] {
			return openai.InvalidValue(param, "no tool is named '"+strings.ToValidUTF8(name, "?")+"'")
		}
	}
	if len(c.Allowed) == 0 {
		t.setMode("none", param)
		return nil
	}
	t.keepTools(c.Allowed...)
	if c.AllowedMode == "required" {
		t.setMode("required", param)
	}
	return nil
}

// setParallel says whether several tools may be called at once, where that was said.
func (t *translation) setParallel(single bool) {
	given := t.chat.ParallelToolCalls
	if single {
		given = new(bool)
	}
	if t.dialect.ToolModes == nil {
		t.dropIf("parallel_tool_calls", given != nil && !*given)
		return
	}
	t.body.ParallelToolCalls = given
}

// objectOf gives the JSON object that a value is, or that the JSON text in a string is; nil
// where it is none.
func objectOf(value jsontext.Value) jsontext.Value {
	if value.Kind() == '"' {
		var text string
		if json.Unmarshal(value, &text) != nil {
			return nil
		}
		value = jsontext.Value(text)
	}
	if value.Kind() != '{' || !value.IsValid() {
		return nil
	}
	return value
}
