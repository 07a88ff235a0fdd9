package anthropic

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

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
}

// Placeholders where Claude wants a turn and the client has none.
const (
	begin     = `"Begin."`
	noContent = `"(no content)"`
	goOn      = `"Continue."`
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
	const before, after = `"<system-reminder>\n`, `\n</system-reminder>"`
	b.value = jsontext.Value(before + string(b.value[1:len(b.value)-1]) + after)
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
	}
	for i := range merged {
		if merged[i].role == assistantRole {
			slices.SortStableFunc(merged[i].blocks, func(a, b block) int { return rank(a.kind) - rank(b.kind) })
		}
	}
	return merged
}

// dropLastThoughts: where the assistant ends with nothing but thoughts, there is nothing
// to go on from.
func dropLastThoughts(turns []turn) []turn {
	last := &turns[len(turns)-1]
	if last.role != assistantRole || slices.ContainsFunc(last.blocks, func(b block) bool { return rank(b.kind) > 0 }) {
		return turns
	}
	return turns[:len(turns)-1]
}

func rank(k blockKind) int {
	switch k {
	case thinkingBlock, redactedBlock:
		return 0
	case toolUse:
		return 2
	default:
		return 1
	}
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
	last := &t.turns[len(t.turns)-1]
	if last.role != assistantRole {
		return
	}
	if end := &last.blocks[len(last.blocks)-1]; end.kind == text && t.takesPrefill() {
		end.trimRight()
		return
	}
	t.turns = append(t.turns, turn{role: userRole, blocks: []block{{kind: text, value: jsontext.Value(goOn)}}})
	t.warn("messages", "continued")
}

func (t *translation) takesPrefill() bool {
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
