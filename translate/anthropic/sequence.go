package anthropic

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/catalogue"
)

type role uint8

const (
	userRole role = iota
	assistantRole
	systemRole
)

// A turn is one message in Claude's form.
type turn struct {
	role   role
	blocks []block
	laid   bool // the blocks stand as Claude wrote them
}

// Placeholders where Claude wants a turn and the client has none.
const (
	begin     = `"Begin."`
	noContent = `"(no content)"`
	goOn      = `"Continue."`

	goOnExactly = `"Go on from the very point where your last text ends, and do not repeat any of it."`
)

// normalise makes a sequence that Claude takes of any sequence OpenAI takes. Every pass
// looks only back or at its neighbours, so that a conversation that grows keeps the bytes
// of its beginning (openai-claude.md A.5).
func (t *translation) normalise() {
	t.turns = dropEmptyTurns(t.turns)
	placeSystem(t.turns, t.model.Accepts.SystemInMessages)
	t.turns = beginWithUser(t.turns)
	t.turns = mergeTurns(t.turns)
	t.turns = dropLastThoughts(t.turns)
	fillEmptyTurns(t.turns)
}

// placeSystem leaves a late system message in place where the model takes it there:
// behind a user turn, with an assistant turn or the end following. Elsewhere it becomes a
// reminder in the user's turn.
func placeSystem(turns []turn, inPlace bool) {
	for i := 0; i < len(turns); i++ {
		from := i
		for i < len(turns) && turns[i].role == systemRole {
			i++
		}
		afterUser := from > 0 && turns[from-1].role == userRole
		beforeAssistant := i == len(turns) || turns[i].role == assistantRole
		if !inPlace || !afterUser || !beforeAssistant {
			remind(turns[from:i])
		}
	}
}

// remind makes reminders in the user's turn of a run of system messages.
func remind(run []turn) {
	for i := range run {
		run[i].role = userRole
		for j := range run[i].blocks {
			run[i].blocks[j].remind()
		}
	}
}

// remind marks text as coming from the system.
func (b *block) remind() {
	b.value = translate.Reminder(b.value)
}

// dropEmptyTurns: an assistant or a system that said nothing has no turn.
func dropEmptyTurns(turns []turn) []turn {
	return slices.DeleteFunc(turns, func(t turn) bool {
		return t.role != userRole && len(t.blocks) == 0
	})
}

func beginWithUser(turns []turn) []turn {
	if len(turns) > 0 && turns[0].role == userRole {
		return turns
	}
	return slices.Insert(turns, 0, turn{role: userRole, blocks: []block{{kind: text, value: jsontext.Value(begin)}}})
}

// mergeTurns joins neighbours of one role. Results stand first in a user's turn because
// the turn that holds them comes right behind the calls; thinking goes first in an
// assistant's.
func mergeTurns(turns []turn) []turn {
	merged := turns[:1]
	for _, next := range turns[1:] {
		last := &merged[len(merged)-1]
		if last.role != next.role {
			merged = append(merged, next)
			continue
		}
		last.blocks = append(last.blocks, next.blocks...)
		last.laid = last.laid || next.laid
	}
	for i := range merged {
		if m := &merged[i]; m.role == assistantRole && !m.laid && !isRanked(m.blocks) {
			slices.SortStableFunc(m.blocks, func(a, b block) int { return a.rank() - b.rank() })
		}
	}
	return merged
}

// dropLastThoughts: where the assistant ends with nothing but thoughts, there is nothing
// to go on from.
func dropLastThoughts(turns []turn) []turn {
	last := &turns[len(turns)-1]
	if last.role != assistantRole || slices.ContainsFunc(last.blocks, func(b block) bool { return !b.isThought() }) {
		return turns
	}
	return turns[:len(turns)-1]
}

// isRanked tells whether nothing needs to be sorted, as nearly always.
func isRanked(blocks []block) bool {
	for i := 1; i < len(blocks); i++ {
		if blocks[i].rank() < blocks[i-1].rank() {
			return false
		}
	}
	return true
}

// rank is a block's place in an assistant's turn that is not known to be otherwise.
func (b *block) rank() int {
	switch {
	case b.isThought():
		return 0
	case b.kind == toolUse:
		return 2
	}
	return 1
}

func fillEmptyTurns(turns []turn) {
	for i := range turns {
		if len(turns[i].blocks) == 0 {
			turns[i].blocks = []block{{kind: text, value: jsontext.Value(noContent)}}
		}
	}
}

// finishTurns sees to a conversation that ends with the assistant: the model goes on with
// that text where it can, and is asked to go on where it cannot.
func (t *translation) finishTurns() {
	t.system = append(t.system, t.instructions...)
	last := &t.turns[len(t.turns)-1]
	if last.role != assistantRole {
		t.openJSON()
		return
	}
	end := &last.blocks[len(last.blocks)-1]
	if end.kind == raw && !end.thought {
		return // of a server's tool: Claude goes on by itself
	}
	if end.kind == text && t.takesPrefill() {
		end.trimRight()
		return
	}
	ask := goOn
	if m := &t.chat.Messages[len(t.chat.Messages)-1]; m.Prefix || m.Partial {
		ask = goOnExactly
	}
	t.turns = append(t.turns, turn{role: userRole, blocks: []block{{kind: text, value: jsontext.Value(ask)}}})
	t.warn("messages", "continued")
}

// takesPrefill tells whether the model goes on from the assistant's text that ends the
// conversation.
func (t *translation) takesPrefill() bool {
	if t.format.schema != nil {
		return false
	}
	switch t.model.Accepts.Prefill {
	case catalogue.Always:
		return true
	case catalogue.Unthinking:
		return !t.thinks()
	case catalogue.Unbudgeted:
		return t.thinking.kind != "enabled"
	default:
		return false
	}
}

func lastAssistant(turns []turn) *turn {
	for i := len(turns) - 1; i >= 0; i-- {
		if turns[i].role == assistantRole {
			return &turns[i]
		}
	}
	return nil
}

func (t *turn) append(dst []byte) []byte {
	dst = append(dst, `{"role":"`...)
	dst = append(dst, [...]string{"user", "assistant", "system"}[t.role]...)
	dst = append(dst, `","content":`...)
	dst = appendBlocks(dst, t.blocks)
	return append(dst, '}')
}
