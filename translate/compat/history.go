package compat

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// history is the conversation as it is sent, and where in it the results belong.
type history struct {
	messages  []message
	results   map[string]int    // the client's id of a call -> the message of its result
	sent      map[string]bool   // ids of calls
	repeated  map[string]int    // the client's id of calls -> how many had to get another
	functions map[string]string // a function's name -> the id of its latest call in the old form
}

func (h *history) add(m message) { h.messages = append(h.messages, m) }

// open makes the place for a call's result.
func (h *history) open(c *call) {
	h.results[c.client] = len(h.messages)
	h.add(message{Role: toolRole, ToolCallID: c.ID, Content: content{textPart("Tool result missing.")}, missing: true})
}

func (h *history) called(name, id string) {
	if h.functions == nil {
		h.functions = make(map[string]string)
	}
	h.functions[name] = id
}

// id is the id a call is sent with: the client's own where it may be. The same ids always
// give the same, so that a conversation that grows keeps its beginning.
func (h *history) id(client string, short bool) string {
	id := client
	if short && !isShort(id) {
		id = hashed(client)
	}
	for h.sent[id] {
		h.repeated[client]++ // kept, since who repeats one id in every call would have them all tried
		id = hashed(client + " " + strconv.Itoa(h.repeated[client]+1))
	}
	h.sent[id] = true
	return id
}

// shortID is how long Mistral wants ids to be: "must be a-z, A-Z, 0-9, with a length of 9".
const shortID = 9

func isShort(id string) bool {
	return len(id) == shortID && strings.IndexFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	}) < 0
}

func hashed(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])[:shortID]
}

// arrange makes an order that Mistral takes of one that OpenAI takes: behind an assistant
// or a result no system message may stand, behind a result no user's. What it adds depends
// only on what stands before, so that a conversation that grows keeps its beginning.
func arrange(messages []message) []message {
	arranged := make([]message, 0, len(messages)+2)
	for _, m := range messages {
		before := ""
		if len(arranged) > 0 {
			before = arranged[len(arranged)-1].Role
		}
		if m.Role == system && (before == assistant || before == toolRole) {
			m.Role = user
			m.Content.remind()
		}
		if m.Role == user && before == toolRole {
			arranged = append(arranged, message{Role: assistant, Content: content{textPart("OK.")}})
		}
		arranged = append(arranged, m)
	}
	if len(arranged) == 0 {
		arranged = append(arranged, message{Role: user})
	}
	return arranged
}
