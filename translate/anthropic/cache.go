package anthropic

import (
	"slices"

	"vertexgateway/translate/openai"
)

// A mark is a prompt-cache mark: what stands before it is cached for that long.
type mark uint8

const (
	unmarked mark = iota
	for5m
	for1h
)

// maxMarks in a request (openai-claude.md A.10).
const maxMarks = 4

// markOf is the mark that a client's cache_control stands for.
func markOf(c *openai.CacheControl) mark {
	switch {
	case c == nil:
		return unmarked
	case c.TTL == "1h":
		return for1h
	}
	return for5m
}

// partMark is the mark of a content part in either of its forms. OpenAI's times are not
// Claude's: what is to outlast five minutes gets an hour.
func partMark(p *openai.Part) mark {
	switch b := p.PromptCacheBreakpoint; {
	case p.CacheControl != nil:
		return markOf(p.CacheControl)
	case b == nil:
		return unmarked
	case b.TTL == "" || b.TTL == "5m":
		return for5m
	}
	return for1h
}

func (m mark) append(dst []byte) []byte {
	switch m {
	case for5m:
		return append(dst, `,"cache_control":{"type":"ephemeral"}`...)
	case for1h:
		return append(dst, `,"cache_control":{"type":"ephemeral","ttl":"1h"}`...)
	case unmarked:
	}
	return dst
}

// setMarks keeps Claude's rules for what clients mark: at most four marks, of which the
// latest count, and none of an hour behind one of five minutes. Where a client marks
// nothing and the gateway is to do it, tools and system get a mark each, and the request
// as a whole one that moves along with the conversation; no turn's bytes change for it.
func (t *translation) setMarks() {
	t.cache = markOf(t.chat.CacheControl)
	marks := t.marks()
	if t.options.Cache && len(marks) == 0 && t.cache == unmarked && t.chat.PromptCacheOptions.Mode != "explicit" {
		t.autoMark()
		return
	}
	most := maxMarks
	if t.cache != unmarked {
		most--
	}
	if t.options.Unmarked {
		most, t.cache = 0, unmarked
	}
	if over := len(marks) - most; over > 0 {
		for _, m := range marks[:over] {
			*m = unmarked
		}
		marks = marks[over:]
		if !t.options.Unmarked {
			t.warn("cache_control", "clamped")
		}
	}
	t.shorten(append(marks, &t.cache))
}

// shorten makes five minutes of every hour behind a mark of five minutes.
func (t *translation) shorten(marks []*mark) {
	short := false
	for _, m := range marks {
		short = short || *m == for5m
		if short && *m == for1h {
			*m = for5m
			t.warn("cache_control", "clamped")
		}
	}
}

func (t *translation) autoMark() {
	if t.options.Unmarked {
		return
	}
	lasting := for5m
	if t.chat.PromptCacheRetention == "24h" || t.chat.PromptCacheOptions.TTL != "" {
		lasting = for1h
	}
	for i := range slices.Backward(t.tools) {
		if d := &t.tools[i]; !d.extras.DeferLoading { // Claude caches none of the others
			d.mark = lasting
			break
		}
	}
	if n := len(t.system); n > 0 {
		t.system[n-1].mark = lasting
	}
	t.cache = lasting
}

// marks finds all marks in the order of the prompt. Of the results of parallel calls only
// the last marked one keeps its own: some clients mark every tool message.
func (t *translation) marks() []*mark {
	var marks []*mark
	for i := range t.tools {
		marks = appendMark(marks, &t.tools[i].mark)
	}
	for i := range t.system {
		marks = appendMark(marks, &t.system[i].mark)
	}
	for i := range t.turns {
		blocks := t.turns[i].blocks
		marked := false
		for j := range slices.Backward(blocks) {
			b := &blocks[j]
			if b.kind == toolResult && marked {
				b.unmark()
			}
			marked = marked || b.kind == toolResult && b.isMarked()
		}
		for j := range blocks {
			marks = blocks[j].appendMarks(marks)
		}
	}
	return marks
}

func appendMark(marks []*mark, m *mark) []*mark {
	if *m == unmarked {
		return marks
	}
	return append(marks, m)
}

// appendMarks appends the marks of a block and of what a result holds.
func (b *block) appendMarks(marks []*mark) []*mark {
	for i := range b.content {
		marks = appendMark(marks, &b.content[i].mark)
	}
	return appendMark(marks, &b.mark)
}

func (b *block) isMarked() bool { return len(b.appendMarks(nil)) > 0 }

func (b *block) unmark() {
	for _, m := range b.appendMarks(nil) {
		*m = unmarked
	}
}
