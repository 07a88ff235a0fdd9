package fakevertex

import (
	"cmp"
	"errors"
	"net/http"
	"time"
)

const (
	streamType = "text/event-stream; charset=utf-8"
	plainJSON  = "application/json"
	batch      = 16 << 10 // bytes written at once where nothing is paced
)

// whole sends one JSON body, as far as the scenario lets it.
func (c *call) whole(body []byte) error {
	if _, breaks := c.scenario.breakAfter(); !breaks {
		c.answerBytes(http.StatusOK, plainJSON, body)
		return nil
	}
	if c.scenario.ErrorAfter != 0 {
		return c.inStreamError()
	}
	c.head(http.StatusOK, plainJSON)
	if _, err := c.w.Write(body[:len(body)/2]); err != nil {
		return err
	}
	return c.breakOff(func([]byte) error { return nil })
}

// inStreamError is the error of a scenario with its own status.
func (c *call) inStreamError() error {
	t := c.trouble()
	status := map[string]int{"overloaded_error": 529, "rate_limit_error": 429, "api_error": 500, "timeout_error": 504, "invalid_request_error": 400}[t.kind]
	return c.api.refuse(cmp.Or(status, 500), t)
}

// trouble is that of a scenario in which an answer breaks off with an error.
func (c *call) trouble() trouble {
	return trouble{cmp.Or(c.scenario.ErrorType, c.api.usual.kind), cmp.Or(c.scenario.Message, c.api.usual.text)}
}

// A pipe sends the events of one stream: at once, or paced, or until it is to break off.
type pipe struct {
	*call
	rest    *http.ResponseController
	pace    time.Duration
	pending []byte // not written yet
	left    int    // events until the break; -1: there is none
	sent    bool   // an event was
}

// errBroken ends a stream that its scenario broke off.
var errBroken = errors.New("broken off by the scenario")

// flow sends what produce makes.
func (c *call) flow(produce func(send func([]byte) error) error) error {
	p := &pipe{call: c, rest: http.NewResponseController(c.w), pace: cmp.Or(c.scenario.Pace, c.pace), left: -1}
	if n, breaks := c.scenario.breakAfter(); breaks {
		p.left = n
	}
	c.head(http.StatusOK, cmp.Or(c.api.streams, streamType))
	err := p.breakAtStart()
	if err == nil {
		err = produce(p.send)
	}
	if errors.Is(err, errBroken) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	c.complete = true
	return nil
}

func (p *pipe) breakAtStart() error {
	if p.left != 0 {
		return nil
	}
	return p.interrupt()
}

func (p *pipe) send(event []byte) error {
	if p.pace > 0 && p.sent {
		if err := p.pause(p.pace); err != nil {
			return err
		}
	}
	p.sent = true
	p.pending = append(p.pending, event...)
	if p.pace > 0 || len(p.pending) >= batch {
		if err := p.flush(); err != nil {
			return err
		}
	}
	if p.left > 0 {
		if p.left--; p.left == 0 {
			return p.interrupt()
		}
	}
	return nil
}

func (p *pipe) flush() error {
	_, err := p.w.Write(p.pending)
	p.pending = p.pending[:0]
	if err != nil {
		return err
	}
	return p.rest.Flush()
}

// interrupt breaks off as the scenario says.
func (p *pipe) interrupt() error {
	if err := p.flush(); err != nil {
		return err
	}
	write := func(event []byte) error {
		p.pending = append(p.pending, event...)
		return p.flush()
	}
	if err := p.breakOff(write); err != nil {
		return err
	}
	return errBroken
}

// breakOff is the end of an answer that does not come to its end.
func (c *call) breakOff(write func(event []byte) error) error {
	sc := &c.scenario
	switch {
	case sc.CutAfter != 0:
		_ = http.NewResponseController(c.w).Flush()
		panic(http.ErrAbortHandler)
	case sc.StallAfter != 0:
		_ = http.NewResponseController(c.w).Flush()
		return c.stall(write)
	case sc.ErrorAfter != 0:
		c.complete = true
		return write(c.api.broken(c.trouble(), c.dice.requestID()))
	}
	c.complete = true
	return nil
}

// stall is silent, save for pings, until the client leaves.
func (c *call) stall(write func(event []byte) error) error {
	if c.scenario.Pings <= 0 {
		<-c.ctx.Done()
		return c.ctx.Err()
	}
	for {
		if err := c.pause(c.scenario.Pings); err != nil {
			return err
		}
		if err := write([]byte(c.api.ping)); err != nil {
			return err
		}
	}
}
