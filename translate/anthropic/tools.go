package anthropic

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// A tool is a declaration in Claude's form.
type tool struct {
	name        string // as Claude gets it
	description string
	schema      jsontext.Value
	extras      openai.Extras
	kind        string         // of a tool that Claude knows by itself; empty: the client's own
	options     jsontext.Value // of such a tool: an object
	mark        mark
	withheld    bool // declared by the client, but not to be called in this request
}

// webSearch is Claude's name of the search tool, webSearchType its only type on Vertex AI
// (vertex.md 2.3).
const (
	webSearch     = "web_search"
	webSearchType = "web_search_20250305"
)

func (t *translation) setTools() *openai.Error {
	t.tools = make([]tool, 0, len(t.chat.Tools)+len(t.chat.Functions)+1)
	t.declared = make(map[string]bool, cap(t.tools))
	if err := t.setWebSearch(); err != nil {
		return err
	}
	for i := range t.chat.Tools {
		if err := t.addTool(&t.chat.Tools[i], toolParam(i)); err != nil {
			return err
		}
	}
	if len(t.chat.Tools) == 0 {
		for i := range t.chat.Functions {
			if err := t.addFunction(&t.chat.Functions[i], nil, fmt.Sprintf("functions[%d]", i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// setWebSearch declares the search tool first, so that none of the client's takes its name.
func (t *translation) setWebSearch() *openai.Error {
	o := t.chat.WebSearchOptions
	if o == nil {
		return nil
	}
	if !t.options.WebSearch {
		return noWebSearch("web_search_options")
	}
	t.declare(tool{name: webSearch, kind: webSearchType, options: searchOptions(o)})
	return nil
}

func searchOptions(o *openai.WebSearchOptions) jsontext.Value {
	dst := []byte(`{"max_uses":`)
	dst = strconv.AppendInt(dst, maxSearches(o.SearchContextSize), 10)
	if at := o.UserLocation; at != nil {
		place := at.Place
		if at.Approximate != nil {
			place = *at.Approximate
		}
		if place != (openai.Place{}) {
			dst = appendLocation(append(dst, `,"user_location":`...), &place)
		}
	}
	return append(dst, '}')
}

func noWebSearch(param string) *openai.Error {
	return openai.UnsupportedParam(param, "web search is not allowed for this model")
}

// maxSearches stands for the size of what is searched (openai-claude.md A.1).
func maxSearches(size string) int64 {
	switch size {
	case "low":
		return 1
	case "high":
		return 10
	}
	return 5
}

func appendLocation(dst []byte, p *openai.Place) []byte {
	dst = append(dst, `{"type":"approximate"`...)
	for _, m := range [...]struct{ name, value string }{
		{`,"city":`, p.City}, {`,"country":`, p.Country}, {`,"region":`, p.Region}, {`,"timezone":`, p.Timezone},
	} {
		if m.value != "" {
			dst = openai.AppendString(append(dst, m.name...), m.value)
		}
	}
	return append(dst, '}')
}

// ownTools begin the types of tools that Claude knows by itself and Vertex AI takes
// without further ado.
var ownTools = []string{"tool_search_tool_", "bash_", "text_editor_", "memory_"}

// addTool takes a tool in any of the forms that clients send (openai-claude.md A.6).
func (t *translation) addTool(d *openai.Tool, param string) *openai.Error {
	isOwn := func(prefix string) bool { return strings.HasPrefix(d.Type, prefix) }
	switch {
	case isGiven(d.InputSchema) && (d.Type == "" || d.Type == "custom"), // Anthropic's form
		(d.Type == "function" || d.Type == "") && d.Function.Name == "" && d.Name != "": // the flat one
		parameters := d.InputSchema
		if !isGiven(parameters) {
			parameters = d.Parameters
		}
		flat := &openai.Function{Name: d.Name, Description: d.Description, Parameters: parameters, Extras: d.Extras}
		return t.addFunction(flat, d.CacheControl, param)
	case d.Type == "function", d.Type == "":
		f := d.Function
		f.Extras = bothExtras(f.Extras, d.Extras)
		return t.addFunction(&f, d.CacheControl, param+".function")
	case d.Type == "custom":
		return t.addCustom(d, param)
	case strings.HasPrefix(d.Type, webSearch):
		return t.addWebSearch(d, param)
	case slices.ContainsFunc(ownTools, isOwn):
		t.add(tool{name: cmp.Or(d.Name, d.Type), kind: d.Type, options: d.Others, mark: markOf(d.CacheControl), extras: d.Extras}, param)
		return nil
	case len(t.chat.Tools) > 1:
		t.warn(param, "dropped")
		return nil
	}
	return openai.InvalidValue(param+".type", "only function and custom tools are available with this model")
}

func toolParam(i int) string { return fmt.Sprintf("tools[%d]", i) }

// isGiven tells whether a member is there and not null.
func isGiven(value jsontext.Value) bool { return value.Kind() != 0 && value.Kind() != 'n' }

// bothExtras are those in a function with those on its tool, which win.
func bothExtras(inside, outside openai.Extras) openai.Extras {
	inside.DeferLoading = inside.DeferLoading || outside.DeferLoading
	inside.EagerInputStreaming = inside.EagerInputStreaming || outside.EagerInputStreaming
	if isGiven(outside.InputExamples) {
		inside.InputExamples = outside.InputExamples
	}
	if isGiven(outside.AllowedCallers) {
		inside.AllowedCallers = outside.AllowedCallers
	}
	return inside
}

// add declares a tool of the client's. A second one of the same name could never be told
// apart: it is left out, and added is false.
func (t *translation) add(d tool, param string) (added bool) {
	if d.extras.DeferLoading && d.mark != unmarked { // Claude caches no tool that it loads later
		d.mark = unmarked
		t.warn("cache_control", "dropped")
	}
	added = t.declare(d)
	t.dropIf(param, !added)
	return added
}

func (t *translation) addFunction(f *openai.Function, marked *openai.CacheControl, param string) *openai.Error {
	if f.Name == "" {
		return openai.InvalidValue(param+".name", "a tool needs a name")
	}
	schema, flattened := objectSchema(f.Parameters)
	if schema == nil {
		return openai.InvalidValue(param+".parameters", "must be a JSON Schema object")
	}
	if flattened {
		t.warn(param+".parameters", "flattened")
	}
	marks := max(markOf(marked), markOf(f.CacheControl))
	t.add(tool{name: t.claudeName(f.Name), description: f.Description, schema: schema, extras: f.Extras, mark: marks}, strings.TrimSuffix(param, ".function"))
	return nil
}

// addCustom wraps a tool that takes any text: Claude's tools take an object, so that the
// text becomes its only member (openai-claude.md A.6). Claude is told of a grammar, but
// nothing holds it to that.
func (t *translation) addCustom(d *openai.Tool, param string) *openai.Error {
	name, described, form := d.Custom.Name, d.Custom.Description, d.Custom.Format
	if name == "" {
		name, described, form = d.Name, d.Description, d.Format
	}
	if name == "" {
		return openai.InvalidValue(param+".custom.name", "a tool needs a name")
	}
	const schema = `{"type":"object","properties":{"input":{"type":"string","description":"The input as it is, without quoting or wrapping."}},"required":["input"]}`
	if t.custom == nil {
		t.custom = make(map[string]bool)
	}
	claude := t.claudeName(name)
	if t.add(tool{name: claude, description: strings.TrimSpace(described + describeGrammar(form)), schema: jsontext.Value(schema), mark: markOf(d.CacheControl)}, param) {
		t.custom[claude] = true
	}
	return nil
}

// describeGrammar finds the grammar of a custom tool's format in both of its forms.
func describeGrammar(form jsontext.Value) string {
	type grammar struct {
		Syntax     string `json:"syntax"`
		Definition string `json:"definition"`
	}
	var f struct {
		grammar `json:",embed"`
		Grammar grammar `json:"grammar"`
	}
	if !decodeObject(form, &f) {
		return ""
	}
	g := f.Grammar
	if g.Definition == "" {
		g = f.grammar
	}
	if g.Definition == "" {
		return ""
	}
	return "\n\nThe input must be text that this " + g.Syntax + " grammar describes:\n" + g.Definition
}

// addWebSearch takes the search tools of OpenAI and of Anthropic.
func (t *translation) addWebSearch(d *openai.Tool, param string) *openai.Error {
	if !t.options.WebSearch {
		return noWebSearch(param)
	}
	options := d.Others
	if d.Type != webSearchType {
		var o openai.WebSearchOptions
		if len(d.Others) > 0 && json.Unmarshal(d.Others, &o) != nil {
			return openai.InvalidValue(param, "its search_context_size is a string, its user_location an object")
		}
		options = searchOptions(&o)
	}
	t.add(tool{name: webSearch, kind: webSearchType, options: options, mark: markOf(d.CacheControl)}, param)
	return nil
}

// claudeName is the name under which Claude gets a tool of the client's.
func (t *translation) claudeName(name string) string {
	if name == webSearch && t.searches {
		return t.names.hashed(name)
	}
	return t.names.claude(name)
}

// declare adds a tool, unless there is one of its name.
func (t *translation) declare(d tool) bool {
	if t.declared[d.name] {
		return false
	}
	t.declared[d.name] = true
	t.searches = t.searches || d.kind == webSearchType
	t.tools = append(t.tools, d)
	return true
}

// declareUsedTools declares the tools that the history calls when the request declares
// none: Claude must know what its earlier calls were, and may not call again.
func (t *translation) declareUsedTools() {
	if len(t.tools) > 0 {
		return
	}
	for name := range t.usedTools() {
		t.declare(tool{name: name, schema: jsontext.Value(emptySchema)})
	}
	if len(t.tools) > 0 {
		t.choice = toolChoice{kind: "none"}
	}
}

// usedTools ranges over the names of the calls in the history, in their order.
func (t *translation) usedTools() func(yield func(name string) bool) {
	return func(yield func(string) bool) {
		for i := range t.turns {
			for j := range t.turns[i].blocks {
				if b := &t.turns[i].blocks[j]; b.kind == toolUse && !yield(b.name) {
					return
				}
			}
		}
	}
}

// dropWithheld leaves out the tools that are not to be called. Those that the history
// calls stay known, and say so.
func (t *translation) dropWithheld() {
	if !slices.ContainsFunc(t.tools, func(d tool) bool { return d.withheld }) {
		return
	}
	used := make(map[string]bool)
	for name := range t.usedTools() {
		used[name] = true
	}
	t.tools = slices.DeleteFunc(t.tools, func(d tool) bool { return d.withheld && !used[d.name] })
	for i := range t.tools {
		if d := &t.tools[i]; d.withheld {
			*d = tool{name: d.name, description: "This tool cannot be called now.", schema: jsontext.Value(emptySchema), mark: d.mark}
		}
	}
}

func (d *tool) size() int { return len(d.name) + len(d.description) + len(d.schema) + len(d.options) }

func (t *translation) appendTools(dst []byte) []byte {
	for i := range t.tools {
		if i == 0 {
			dst = append(dst, `,"tools":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = t.tools[i].append(dst)
	}
	if len(t.tools) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

func (d *tool) append(dst []byte) []byte {
	dst = append(dst, '{')
	if d.kind != "" {
		dst = append(openai.AppendString(append(dst, `"type":`...), d.kind), ',')
	}
	dst = openai.AppendString(append(dst, `"name":`...), d.name)
	if d.description != "" {
		dst = openai.AppendString(append(dst, `,"description":`...), d.description)
	}
	if d.schema != nil {
		dst = append(append(dst, `,"input_schema":`...), d.schema...)
	}
	dst = appendOthers(dst, d.options)
	dst = appendExtras(dst, &d.extras)
	return append(d.mark.append(dst), '}')
}

func appendExtras(dst []byte, e *openai.Extras) []byte {
	if e.DeferLoading {
		dst = append(dst, `,"defer_loading":true`...)
	}
	if e.EagerInputStreaming {
		dst = append(dst, `,"eager_input_streaming":true`...)
	}
	if len(e.InputExamples) > len(`[]`) && e.InputExamples.Kind() == '[' {
		dst = append(append(dst, `,"input_examples":`...), e.InputExamples...)
	}
	if e.AllowedCallers.Kind() == '[' {
		dst = append(append(dst, `,"allowed_callers":`...), e.AllowedCallers...)
	}
	return dst
}

// A toolChoice is the request's tool_choice field; with an empty kind there is none.
type toolChoice struct {
	kind     string // auto, any, tool or none
	name     string // as Claude gets it; only with tool
	oneByOne bool   // no parallel calls
	param    string // the client's field that it comes from
	asked    string // the tool that is only asked for, as the model cannot be forced
}

// setToolChoice follows openai-claude.md A.7.
func (t *translation) setToolChoice() *openai.Error {
	param, c := "tool_choice", &t.chat.ToolChoice
	if len(t.tools) == 0 {
		t.dropIf(param, c.Name != "" || c.Mode == "required" || c.Mode == "any")
		return nil
	}
	if len(t.chat.Tools) == 0 && len(t.chat.Functions) > 0 {
		param, c = "function_call", &t.chat.FunctionCall
		t.choice.oneByOne = true // the old form has room for one call
	}
	t.choice.param = param
	if err := t.choose(c, param); err != nil {
		return err
	}
	if p := t.chat.ParallelToolCalls; c.Single || p != nil && !*p {
		t.choice.oneByOne = true
	}
	if t.choice.kind == "none" {
		t.choice.oneByOne = false
	}
	if t.choice.forced() && t.model.Accepts.ForcedTools == catalogue.Never {
		t.relaxToolChoice()
	}
	return nil
}

func (t *translation) choose(c *openai.ToolChoice, param string) *openai.Error {
	switch c.Mode {
	case "auto", "none":
		t.choice.kind = c.Mode
	case "required", "any":
		t.choice.kind = "any"
	case "allowed_tools":
		return t.allow(c, param)
	case "", "function", "tool", "custom":
		if c.Mode == "" && c.Name == "" {
			return nil // not given
		}
		return t.force(t.claudeName(c.Name), c.Name, param)
	default:
		if strings.HasPrefix(c.Mode, webSearch) && t.declared[webSearch] {
			return t.force(webSearch, webSearch, param)
		}
		return openai.InvalidValue(param, "must be auto, none, required or name a tool")
	}
	return nil
}

func (t *translation) force(name, client, param string) *openai.Error {
	if !t.declared[name] {
		return openai.InvalidValue(param, "no tool is named '"+strings.ToValidUTF8(client, "?")+"'")
	}
	t.choice.kind, t.choice.name = "tool", name
	return nil
}

// allow withholds all tools but some.
func (t *translation) allow(c *openai.ToolChoice, param string) *openai.Error {
	allowed := make(map[string]bool)
	for _, client := range c.Allowed {
		name := t.claudeName(client)
		if t.searches && !t.declared[name] && strings.HasPrefix(client, webSearch) {
			name = webSearch
		}
		if !t.declared[name] {
			return openai.InvalidValue(param, "no tool is named '"+strings.ToValidUTF8(client, "?")+"'")
		}
		allowed[name] = true
	}
	for i := range t.tools {
		t.tools[i].withheld = !allowed[t.tools[i].name]
	}
	switch {
	case len(allowed) == 0:
		t.choice.kind = "none"
		for i := range t.tools {
			t.tools[i].withheld = false
		}
	case c.AllowedMode == "required":
		t.choice.kind = "any"
	}
	return nil
}

// relaxToolChoice asks in words where the model refuses to be forced.
func (t *translation) relaxToolChoice() {
	const ask = `"Answer this conversation's last message by calling one of the tools."`
	if t.choice.kind == "tool" {
		for i := range t.tools {
			t.tools[i].withheld = t.tools[i].name != t.choice.name
		}
	}
	t.warn(t.choice.param, "relaxed")
	t.choice = toolChoice{kind: "auto", oneByOne: t.choice.oneByOne, asked: t.choice.name}
	t.instruct(ask)
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
	return n.hashed(name)
}

// hashed is a name that no other tool has.
func (n *toolNames) hashed(name string) string {
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
