package passthrough

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
)

// choices follows which of an answer's choices have ended.
type choices struct {
	begun bool
	said  bool   // more than who speaks
	ended []bool // by index
	mixed bool   // the last chunk has several calls, or calls and their end
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
	c.mixed = false
	for err == nil && c.dec.PeekKind() == '{' {
		found, c.begun = true, true
		err = c.readChoice()
	}
	return found
}

func (c *choices) readChoice() error {
	_, err := c.dec.ReadToken()
	index, calls := 0, 0
	ended, said := false, true // what has another form is passed on at once
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
			ended = !isEmpty(value) // as some servers write none
		case `"delta"`:
			said = c.said || speaks(value)
			if bytes.Contains(value, []byte(`"tool_calls"`)) { // most need no second reading
				calls = len(callsOf(value))
			}
		case `"text"`:
			said = !isEmpty(value)
		}
	}
	c.said = c.said || said || ended
	c.mixed = c.mixed || calls > 1 || calls > 0 && ended
	c.note(index, ended)
	_, err = c.dec.ReadToken()
	return err
}

// speaks tells whether a delta holds more than the role: streams begin with one that does not.
func speaks(delta jsontext.Value) bool {
	var members map[string]jsontext.Value
	if json.Unmarshal(delta, &members, translate.Lenient) != nil {
		return true
	}
	for name, value := range members {
		if name != "role" && !isEmpty(value) {
			return true
		}
	}
	return false
}

func isEmpty(value jsontext.Value) bool {
	return value.Kind() == 'n' || string(value) == `""` || string(value) == "[]"
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
