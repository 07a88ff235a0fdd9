package anthropic

import (
	"cmp"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// A format is how the answer is made to be JSON: by Claude's own structured output, by a
// tool that takes the answer, or by asking for it.
type format struct {
	schema  jsontext.Value // of the native output; nil: it is not used
	tool    string         // that takes the answer; empty: none
	isJSON  bool           // the text of the answer is to be JSON
	opening string         // of the answer, written by the gateway
}

const (
	askForJSON   = `"Your whole answer must be one JSON object: nothing before it, nothing behind it, and no code fence around it."`
	askForAnswer = `"When you have your final answer, give it by calling the tool `
	// answerTool is the name of the tool that takes the answer, if the schema has none.
	answerTool = "answer"
)

// setFormat follows openai-claude.md A.8.
func (t *translation) setFormat() *openai.Error {
	f := t.chat.ResponseFormat
	if f == nil {
		return nil
	}
	switch f.Type {
	case "text", "":
		return nil
	case "json_object":
		if f.Schema.Kind() == '{' { // some clients' own
			return t.setSchema(&openai.JSONSchema{Schema: f.Schema}, "response_format.schema")
		}
		t.askForJSON()
		return nil
	case "json_schema":
		return t.setNamedSchema(f.JSONSchema)
	}
	return openai.InvalidValue("response_format.type", "must be text, json_object or json_schema")
}

func (t *translation) setNamedSchema(s *openai.JSONSchema) *openai.Error {
	const param = "response_format.json_schema"
	if s == nil {
		return openai.MissingParam(param)
	}
	switch s.Schema.Kind() {
	case '{':
		return t.setSchema(s, param+".schema")
	case 0, 'n':
		t.warn(param+".schema", "relaxed") // any object will do
		t.askForJSON()
		return nil
	}
	return openai.InvalidValue(param+".schema", "must be a JSON Schema object")
}

// setSchema uses Claude's own structured output where model, project and schema allow it;
// it excludes citations, which searches of the web bring.
func (t *translation) setSchema(s *openai.JSONSchema, param string) *openai.Error {
	if t.model.Accepts.StructuredOutputs && t.options.Output != "tool" && !t.searches {
		// A schema that is not to be strict keeps what it says: a tool takes any.
		if schema, ok := outputSchema(s.Schema); ok && (s.Strict || t.options.Output == "native" || isSameJSON(schema, s.Schema)) {
			t.format = format{schema: schema, isJSON: true}
			return nil
		}
	}
	if t.options.Output == "native" {
		return openai.UnsupportedValue(param, "the model's structured output does not take this schema, and the gateway is set to use no other way")
	}
	return t.setAnswerTool(s, param)
}

// setAnswerTool has the answer given as the input of a tool. It is forced where that is
// possible, and asked for elsewhere.
func (t *translation) setAnswerTool(s *openai.JSONSchema, param string) *openai.Error {
	if t.wantsCall() {
		return nil // there will be no answer
	}
	schema, _ := objectSchema(s.Schema)
	if schema == nil {
		return openai.InvalidValue(param, "must be a JSON Schema of an object")
	}
	name := t.freeName(s.Name)
	none := t.choice.kind == "none"
	alone := len(t.tools) == 0 || none
	forcible := t.canForceAnswer()
	for i := range t.tools {
		t.tools[i].withheld = t.tools[i].withheld || none && !forcible
	}
	t.declare(tool{name: name, description: describeAnswer(s.Description), schema: schema})
	t.format = format{tool: name, isJSON: true}
	switch {
	case t.choice.kind == "tool": // a search, which the answer comes behind
		t.askForAnswer(name)
	case !forcible:
		t.choice = toolChoice{kind: "auto", oneByOne: t.choice.oneByOne || alone}
		t.askForAnswer(name)
	case alone:
		t.choice = toolChoice{kind: "tool", name: name, oneByOne: true, param: "response_format"}
	default:
		t.choice.kind = "any"
	}
	return nil
}

// askForAnswer asks for the call that the model cannot be held to.
func (t *translation) askForAnswer(name string) {
	t.instruct(askForAnswer + name + `."`)
	t.warn("response_format", "relaxed")
}

// wantsCall tells whether the client wants a call of a certain tool of its own.
func (t *translation) wantsCall() bool {
	name := cmp.Or(t.choice.name, t.choice.asked)
	return name != "" && !(t.searches && name == webSearch)
}

// canForceAnswer tells whether the model takes a forced call in this request.
func (t *translation) canForceAnswer() bool {
	switch t.model.Accepts.ForcedTools {
	case catalogue.Always:
		return true
	case catalogue.Never:
		return false
	default:
		return !t.wantsThinking()
	}
}

func describeAnswer(description string) string {
	const rule = "Give the final answer by calling this tool."
	if description == "" {
		return rule
	}
	return description + "\n" + rule
}

// freeName is a name for a tool of the gateway's that none of the client's has.
func (t *translation) freeName(wish string) string {
	if !isToolName(wish) {
		wish = answerTool
	}
	name := wish
	for n := 2; t.declared[name] || name == webSearch || len(name) > maxToolName; n++ {
		suffix := "_" + strconv.Itoa(n)
		name = wish[:min(len(wish), maxToolName-len(suffix))] + suffix
	}
	return name
}

// askForJSON asks in words: Claude has no mode for JSON without a schema. Where the model
// goes on from what it is given, the answer is begun for it.
func (t *translation) askForJSON() {
	t.format.isJSON = true
	t.instruct(askForJSON)
}

// openJSON begins the answer with a brace where nothing but JSON can be meant.
func (t *translation) openJSON() {
	if !t.format.isJSON || t.format.schema != nil || len(t.tools) > 0 || !t.takesPrefill() {
		return
	}
	t.format.opening = "{"
	t.turns = append(t.turns, turn{role: assistantRole, blocks: []block{{kind: text, value: jsontext.Value(`"{"`)}}})
}

// instruct adds a sentence of the gateway's behind the client's system messages.
func (t *translation) instruct(sentence string) {
	t.instructions = append(t.instructions, block{kind: text, value: jsontext.Value(sentence)})
}
