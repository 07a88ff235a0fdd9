package fakevertex

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/catalogue"
)

// An answer is a message before it is written as JSON or as events.
type answer struct {
	id       string
	model    *catalogue.Model
	blocks   []said
	stop     string // reason
	sequence string // the stop sequence met, with stop_sequence
	usage    Usage
	multi    bool // told in a stream's vertex_event
}

// A said block is one content block of an answer.
type said struct {
	kind      string // the type
	text      string // text, thinking or arguments
	pieces    int    // deltas to cut text into; 0: as it comes
	signature string // of thinking; the data of redacted_thinking
	id, name  string // of tool_use and server_tool_use
	whole     string // JSON of a block that comes in one piece
	citation  string // JSON of the one citation of a text
}

// A writer composes an answer within the request's limits.
type writer struct {
	*call
	answer *answer
	left   int    // output tokens
	limit  string // the stop reason when none are left
	full   bool   // nothing more may be said
	bound  binding
}

// compose makes the answer to a good request.
func (c *call) compose(u Usage) *answer {
	w := &writer{call: c, left: int(*c.request.MaxTokens), limit: "max_tokens", bound: c.binding()}
	if room := c.model.Window - u.Prompt(); c.model.Window > 0 && room < w.left {
		w.left, w.limit = room, "model_context_window_exceeded"
	}
	w.answer = &answer{id: c.dice.messageID(), model: c.model, usage: u, stop: "end_turn"}
	w.answer.multi = !dated(c.model) && slices.Contains([]string{"global", "us", "eu"}, c.path.location)
	w.full = w.left == 0
	if w.full {
		w.answer.stop = w.limit
	}
	if len(c.request.served()) == 0 {
		w.think()
	}
	w.speak()
	if c.scenario.StopReason != "" {
		w.answer.stop = c.scenario.StopReason
	}
	return w.answer
}

// dated reports whether the model is of the older kind, whose ids hold a date.
func dated(m *catalogue.Model) bool { return strings.Contains(m.ID, "@") }

// spend cuts text to the tokens left.
func (w *writer) spend(text string) string {
	if n := tokens(len(text)); n <= w.left {
		w.left -= n
		w.answer.usage.Output += n
		return text
	}
	w.full = true
	w.answer.stop = w.limit
	w.answer.usage.Output += w.left
	text = clip(text, w.left*4)
	w.left = 0
	return text
}

func (w *writer) say(b said) {
	if w.full {
		return
	}
	b.text = w.spend(b.text)
	w.answer.blocks = append(w.answer.blocks, b)
}

// think says the thinking block that the request's mode brings.
func (w *writer) think() {
	if w.scenario.Redacted && !w.full {
		w.answer.blocks = append(w.answer.blocks, said{kind: "redacted_thinking", signature: w.dice.sign(w.model.ID, "", w.bound)})
	}
	mode := w.request.thinks(w.model.Accepts.ThinkingDefault)
	if w.full || mode == "disabled" || mode == "between_tools" && !w.request.answersTool() {
		return
	}
	before := w.answer.usage.Output
	text := w.spend(cmp.Or(w.scenario.Thinking, "The user wrote: "+clip(w.request.question(), 60)+". A short answer will do."))
	w.answer.usage.Thinking += w.answer.usage.Output - before
	if w.display() == "omitted" {
		text = ""
	}
	w.answer.blocks = append(w.answer.blocks, said{kind: "thinking", text: text, signature: w.dice.sign(w.model.ID, text, w.bound)})
}

func (w *writer) display() string {
	if t := w.request.Thinking; t != nil && t.Display != "" {
		return t.Display
	}
	return w.model.Accepts.ThinkingDisplay
}

// speak says the rest: tool calls, a JSON value, or text.
func (w *writer) speak() {
	if w.searches() {
		w.saySearch()
		return
	}
	calls := w.calls()
	switch {
	case w.scenario.Interleaved && len(calls) > 0:
		w.saySpoken(cmp.Or(w.scenario.Text, "One moment."))
		if w.answer.stop != "stop_sequence" {
			w.think()
		}
	case len(calls) == 0 || w.scenario.Text != "":
		w.saySpoken(w.spoken())
	}
	for _, call := range calls {
		if w.full || w.answer.stop == "stop_sequence" {
			return
		}
		w.say(said{kind: "tool_use", id: w.dice.toolUseID(), name: call.Name, text: arguments(call.Input)})
		if !w.full {
			w.answer.stop = "tool_use"
		}
	}
}

// arguments is empty for a call without any, as on the wire.
func arguments(input jsontext.Value) string {
	if s := string(input); s != "{}" {
		return s
	}
	return ""
}

func (w *writer) saySpoken(text string) {
	sequence, found := "", false
	for _, s := range w.request.StopSequences {
		if before, _, ok := strings.Cut(text, s); ok {
			text, sequence, found = before, s, true
		}
	}
	if found && text == "" {
		w.answer.stop, w.answer.sequence = "stop_sequence", sequence
		return
	}
	w.say(said{kind: "text", text: text, pieces: w.scenario.Events})
	if found && !w.full {
		w.answer.stop, w.answer.sequence = "stop_sequence", sequence
	}
}

// spoken is the text of the answer. Words of scenarios are a token each.
func (w *writer) spoken() string {
	sc := &w.scenario
	switch {
	case sc.Text != "":
		return sc.Text
	case sc.Events > 0 || sc.Tokens > 0:
		return strings.Repeat("ping pong ", (max(sc.Events, sc.Tokens)+1)/2)[:4*max(sc.Events, sc.Tokens)]
	case w.request.format() != nil:
		return string(instance(w.request.format().Schema, w.request.question()))
	case w.request.answersTool():
		return "The tool answered: " + clip(w.request.toolAnswer(), 400)
	case blank(w.request.question()):
		return "Hello! How can I help you?"
	}
	return "You said: " + clip(w.request.question(), 400)
}

// calls are the tools to call: those of the scenario; the forced one; with auto and none
// named, the first tool that the question mentions, or the first, unless the turn to
// answer brings a tool's result. Two calls are made when the question says "parallel".
func (w *writer) calls() []Call {
	if len(w.scenario.Calls) > 0 {
		return w.scenario.Calls
	}
	choice := w.request.ToolChoice
	forced := choice.forces()
	if choice != nil && choice.Type == "none" || !forced && (w.scenario.plain() || w.request.answersTool()) {
		return nil
	}
	tools := w.callable()
	if len(tools) == 0 {
		return nil
	}
	single := choice != nil && choice.DisableParallel
	if single || !strings.Contains(strings.ToLower(w.request.question()), "parallel") {
		tools = tools[:1]
	} else if len(tools) == 1 {
		tools = append(tools, tools[0])
	}
	var calls []Call
	for _, t := range tools[:min(2, len(tools))] {
		calls = append(calls, Call{t.Name, instance(t.InputSchema, w.request.question())})
	}
	return calls
}

// plain reports whether the scenario asks for text.
func (s *Scenario) plain() bool { return s.Text != "" || s.Events > 0 || s.Tokens > 0 }

// callable are the client's tools that may be called, the likeliest first.
func (w *writer) callable() []*tool {
	choice := w.request.ToolChoice
	var named, others []*tool
	for i := range w.request.Tools {
		t := &w.request.Tools[i]
		switch {
		case t.isServers():
		case choice != nil && choice.Type == "tool":
			if t.Name == choice.Name {
				return []*tool{t}
			}
		case strings.Contains(w.request.question(), t.Name):
			named = append(named, t)
		default:
			others = append(others, t)
		}
	}
	return append(named, others...)
}
