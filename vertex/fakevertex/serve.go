package fakevertex

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"vertexgateway/translate/catalogue"
)

// message answers rawPredict and streamRawPredict. What is streamed is decided by the
// body's field stream; the method only decides the form of Google's errors.
func (c *call) message(body []byte) error {
	sent := splitBetas(c.r.Header.Values("anthropic-beta"))
	if r := checkBetas(sent, false); r != nil {
		return r
	}
	req, err := parseRequest(body, c.forms.messages)
	if err != nil {
		return err
	}
	if err := c.checkPolicy(req); err != nil {
		return err
	}
	if err := c.inspect(req, c.model, sent); err != nil {
		return err
	}
	c.request = req
	prompt := req.segments()
	if r := req.checkWindow(c.model, promptTokens(prompt)); r != nil {
		return r
	}
	usage := c.cache.bill(prompt, c.model.ID+"@"+c.path.location, c.model.Accepts.CacheMinTokens, c.now())
	return c.give(c.compose(usage))
}

// strictWindows ended with the first model of Claude 4.5: before, max_tokens had to fit
// into the context window besides the prompt (vertex.md 2.2).
const strictWindows = "2025-09-29"

func (r *request) checkWindow(m *catalogue.Model, prompt int) *refusal {
	asked := int(*r.MaxTokens)
	switch {
	case m.Window == 0:
		return nil
	case prompt > m.Window:
		return refuse("prompt is too long: %d tokens > %d maximum", prompt, m.Window)
	case m.Released != "" && m.Released < strictWindows && prompt+asked > m.Window:
		return refuse("input length and `max_tokens` exceed context limit: %d + %d > %d, decrease input length or `max_tokens` and try again", prompt, asked, m.Window)
	}
	return nil
}

// give sends an answer, in the way the request asks for.
func (c *call) give(a *answer) error {
	c.journal.note(c.entry, func(e *Request) { e.Usage = a.usage })
	if err := c.pause(c.scenario.Delay); err != nil {
		return err
	}
	c.w.Header().Set("request-id", c.dice.requestID())
	if !c.request.Stream {
		return c.whole(a.json())
	}
	return c.flow(func(send func([]byte) error) error {
		defer c.journal.note(c.entry, func(e *Request) { e.Usage = a.usage }) // also of one that is cut off
		return a.stream(c.dice, send)
	})
}

// count answers the token counter, whose body names the model.
func (c *call) count(body []byte) error {
	sent := splitBetas(c.r.Header.Values("anthropic-beta"))
	if r := checkBetas(sent, true); r != nil {
		return r
	}
	req, err := parseRequest(body, c.forms.countTokens)
	if err != nil {
		return err
	}
	model, ok := c.models[publisherOfClaude+"/"+req.Model]
	if !ok {
		if model, ok = c.find(req.Model); !ok || c.models[publisherOfClaude+"/"+model.ID] == nil {
			return refuseAs(http.StatusNotFound, "not_found_error", "model: %s", req.Model)
		}
	}
	if model, err = c.scenario.played(model); err != nil {
		return googleError(http.StatusInternalServerError, "INTERNAL", "scenario: %v", err)
	}
	if err := c.inspect(req, model, sent); err != nil {
		return err
	}
	answer, _ := json.Marshal(struct {
		InputTokens int `json:"input_tokens"`
	}{promptTokens(req.segments())})
	c.w.Header().Set("request-id", c.dice.requestID())
	c.answerBytes(http.StatusOK, plainJSON, answer)
	return nil
}

// replay sends the scenario's own bytes.
func (c *call) replay() error {
	text := c.scenario.Replay
	if c.api == &messagesAPI {
		c.w.Header().Set("request-id", c.dice.requestID())
	}
	if !strings.HasPrefix(text, "event:") && !strings.HasPrefix(text, "data:") {
		return c.whole([]byte(text))
	}
	return c.flow(func(send func([]byte) error) error {
		for _, event := range events(text) {
			if err := send([]byte(event)); err != nil {
				return err
			}
		}
		return nil
	})
}

// pause waits, unless the client leaves.
func (c *call) pause(d time.Duration) error {
	if d <= 0 {
		return c.ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}
