package fakevertex

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// framesAPI is that of streams in which a zero byte ends each piece.
var framesAPI = api{
	own:    openAPI.own,
	usual:  openAPI.usual,
	refuse: refuseOpenly,
	broken: func(t trouble, _ string) []byte {
		return append(refuseOpenly(http.StatusInternalServerError, t).raw, 0)
	},
	streams: "application/octet-stream",
}

// asChat marks an instance, or a body, that is a chat's (vertex.md 8.3).
const asChat = "chatCompletions"

// A submission is the body of predict, and that of the container's own route.
type submission struct {
	Instances []jsontext.Value `json:"instances"`
	Format    string           `json:"@requestFormat"`
}

// predictOwn answers predict: Google takes the body apart and hands the container's answer on.
func (c *call) predictOwn(body []byte) error {
	var b submission
	if err := json.Unmarshal(body, &b); err != nil {
		return invalidArgument("Invalid JSON payload received. %v", err)
	}
	if len(b.Instances) == 0 {
		return invalidArgument("The request has no instances.")
	}
	prediction, err := c.forecast(b.Instances[0])
	if err != nil {
		return err
	}
	deployed := c.endpoint.Models[0]
	return c.report(append(prediction,
		member{"deployedModelId", deployed.ID}, member{"model", deployed.Model}, member{"modelDisplayName", deployed.DisplayName}, member{"modelVersionId", "1"}))
}

// forecast is the container's answer to an instance, in one piece.
func (c *call) forecast(instance jsontext.Value) (members, error) {
	var b submission
	if json.Unmarshal(instance, &b) == nil && b.Format == asChat {
		return c.forecastChat(instance)
	}
	g, err := c.generation(instance)
	if err != nil {
		return nil, err
	}
	return g.members(), nil
}

func (c *call) forecastChat(instance jsontext.Value) (members, error) {
	b, s, err := decodeOwn(instance, c.forms.openapi.chat)
	if err != nil {
		return nil, err
	}
	o, err := c.ownCompletion(b, s)
	if err != nil {
		return nil, err
	}
	c.charge(o)
	return members{{"predictions", jsontext.Value(o.json())}}, nil
}

func (c *call) charge(o *completion) {
	c.journal.note(c.entry, func(e *Request) { e.Usage = o.usage })
}

// generate answers rawPredict and streamRawPredict: the container gets the body as it is,
// and does not know by which of them it came.
func (c *call) generate(body []byte) error {
	var b submission
	if err := json.Unmarshal(body, &b); err != nil {
		return badRequest(err.Error())
	}
	if b.Format == asChat {
		return c.converse(body)
	}
	instance := jsontext.Value(body)
	if len(b.Instances) > 0 {
		instance = b.Instances[0]
	}
	g, err := c.generation(instance)
	if err != nil {
		return err
	}
	if !g.stream {
		return c.report(g.members())
	}
	if err := c.pause(c.scenario.Delay); err != nil {
		return err
	}
	c.api = &framesAPI
	return c.flow(g.frames)
}

// A generation is an answer of the container's own route (vertex.md 8.3).
type generation struct {
	*completion
	prompt string
	raw    bool // without the prompt, but with the counts
	stream bool
}

// samplingNames are all that the route knows besides what begins with guided_; any other
// is a fault of the server there.
var samplingNames = []string{
	"@requestFormat", "prompt", "stream", "raw_response",
	"n", "best_of", "presence_penalty", "frequency_penalty", "repetition_penalty", "temperature", "top_p", "top_k", "min_p", "seed",
	"use_beam_search", "length_penalty", "early_stopping", "stop", "stop_token_ids", "bad_words", "include_stop_str_in_output",
	"ignore_eos", "max_tokens", "min_tokens", "logprobs", "prompt_logprobs", "detokenize", "skip_special_tokens",
	"spaces_between_special_tokens", "truncate_prompt_tokens", "structured_outputs", "logit_bias", "allowed_token_ids", "extra_args",
}

// errServer is what a container says that did not think of something.
var errServer = &refusal{status: http.StatusInternalServerError, plain: true, text: "Internal Server Error"}

func (c *call) generation(instance jsontext.Value) (*generation, error) {
	var all map[string]jsontext.Value
	if json.Unmarshal(instance, &all) != nil || all["prompt"].Kind() != '"' {
		return nil, errServer
	}
	for name := range all {
		if !slices.Contains(samplingNames, name) && !strings.HasPrefix(name, "guided_") {
			return nil, errServer
		}
	}
	var b chat
	var s sampling
	if json.Unmarshal(instance, &b) != nil || json.Unmarshal(instance, &s) != nil {
		return nil, errServer
	}
	o, err := c.ownCompletion(&b, &s)
	if err != nil {
		return nil, err
	}
	c.charge(o)
	return &generation{completion: o, prompt: b.prompts()[0], raw: string(all["raw_response"]) == "true", stream: b.Stream}, nil
}

func (g *generation) members() members {
	text := g.text
	if !g.raw {
		text = "Prompt:\n" + strings.TrimSpace(g.prompt) + "\nOutput:\n" + strings.Trim(text, "\n")
	}
	return g.piece(text, g.usage.Output)
}

// piece has the same in it for each of n choices.
func (g *generation) piece(text string, count int) members {
	m := members{{"predictions", slices.Repeat([]string{text}, g.n)}}
	if g.raw {
		m = append(m, member{"output_token_counts", slices.Repeat([]int{count}, g.n)}, member{"cumulative_logprobs", slices.Repeat([]float64{logprob(0) * float64(count)}, g.n)})
	}
	return m
}

// frames sends what comes to what was sent before, each followed by a zero byte.
func (g *generation) frames(send func([]byte) error) error {
	pieces := g.dice.cut(g.text, g.scenario.Events)
	sent, counted := 0, 0
	for i, piece := range pieces {
		sent += len(piece)
		count := min(tokens(sent), g.usage.Output)
		if i == len(pieces)-1 {
			count = g.usage.Output
		}
		text, err := json.Marshal(g.piece(piece, count-counted))
		if err != nil {
			return err
		}
		if err := send(append(text, 0)); err != nil {
			return err
		}
		counted = count
	}
	return nil
}
