package passthrough

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
)

// choices follows which of an answer's choices have ended.
type choices struct {
	begun bool
	ended []bool // by index
	dec   jsontext.Decoder
	src   bytes.Buffer
}

// maxChoices is OpenAI's limit of n.
const maxChoices = 128

// expect notes how many the client asked for; nil: one.
func (c *choices) expect(n *int64) {
	count := 1
	if n != nil {
		count = int(min(max(*n, 1), maxChoices))
	}
	c.ended = make([]bool, count)
}

// read takes the choices of a chunk, which were parsed before; false: it has none.
func (c *choices) read(list jsontext.Value) bool {
	if list.Kind() != '[' {
		return false
	}
	c.src = *bytes.NewBuffer(list)
	c.dec.Reset(&c.src, translate.Lenient)
	_, err := c.dec.ReadToken()
	found := false
	for err == nil && c.dec.PeekKind() == '{' {
		found, c.begun = true, true
		err = c.readChoice()
	}
	return found
}

func (c *choices) readChoice() error {
	_, err := c.dec.ReadToken()
	index, ended := 0, false
	for err == nil && c.dec.PeekKind() == '"' {
		var name, value jsontext.Value
		if name, err = c.dec.ReadValue(); err != nil {
			return err
		}
		if value, err = c.dec.ReadValue(); err != nil {
			return err
		}
		switch string(name) {
		case `"index"`:
			index, _ = strconv.Atoi(string(value)) // what is no number is the first
		case `"finish_reason"`:
			ended = value.Kind() != 'n'
		}
	}
	c.note(index, ended)
	_, err = c.dec.ReadToken()
	return err
}

func (c *choices) note(index int, ended bool) {
	if index < 0 || index >= maxChoices {
		return
	}
	for index >= len(c.ended) {
		c.ended = append(c.ended, false)
	}
	c.ended[index] = c.ended[index] || ended
}

// whole tells whether all of them have ended.
func (c *choices) whole() bool {
	for _, ended := range c.ended {
		if !ended {
			return false
		}
	}
	return len(c.ended) > 0
}
