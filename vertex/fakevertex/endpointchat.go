package fakevertex

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// containerAPI is vLLM's.
var containerAPI = api{
	answer: (*call).container,
	own:    openAPI.own,
	usual:  openAPI.usual,
	refuse: refuseOpenly,
	broken: brokenOpenly,
	ping:   pingComment,
}

// olderAPI is vLLM's before its errors became OpenAI's.
var olderAPI = api{
	answer: (*call).container,
	own:    openAPI.own,
	usual:  openAPI.usual,
	refuse: refusePlainly,
	broken: func(t trouble, _ string) []byte {
		event := dataEvent(nil, refusePlainly(http.StatusInternalServerError, t).raw, "\n")
		return append(event, doneEvent...)
	},
	ping: pingComment,
}

// refusePlainly has the older shape of vLLM's errors (vertex.md 4.1).
func refusePlainly(status int, t trouble) *refusal {
	raw, _ := json.Marshal(members{{"object", "error"}, {"message", t.text}, {"type", t.kind}, {"param", nil}, {"code", status}})
	return &refusal{status: status, kind: t.kind, text: t.text, raw: raw}
}

// container answers in the place of what runs on an own endpoint.
func (c *call) container(body []byte) error {
	switch {
	case len(c.endpoint.Models) == 0:
		return c.misled("undeployed")
	case c.estate.wakes(c.endpoint):
		return c.misled("cold")
	}
	err := c.ask(body)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.raw != nil {
		return c.api.refuse(refused.status, trouble{refused.kind, refused.text})
	}
	return err
}

func (c *call) ask(body []byte) error {
	embeds := c.path.method == "embeddings"
	switch {
	case embeds && !c.endpoint.embeds:
		return badRequest("The model does not support Embeddings API")
	case !embeds && c.endpoint.embeds:
		return badRequest("The model does not support Chat Completions API")
	case embeds:
		return c.embed(body)
	case c.path.method == "predict":
		return c.predictOwn(body)
	case c.path.method == "rawPredict" || c.path.method == "streamRawPredict":
		return c.generate(body)
	}
	return c.converse(body)
}

func (c *call) embed(body []byte) error {
	var to struct {
		Model string `json:"model"`
	}
	if err := json.Unmarshal(body, &to); err != nil {
		return badRequest(err.Error())
	}
	if err := c.checkServed(to.Model); err != nil {
		return err
	}
	return c.openEmbeddings(body)
}

// checkServed: no name is the right one too (vertex.md 8.2).
func (c *call) checkServed(model string) error {
	if model == "" || model == c.endpoint.id || model == c.endpoint.Models[0].ID {
		return nil
	}
	return refuseOpenly(http.StatusNotFound, trouble{"NotFoundError", "The model `" + model + "` does not exist."})
}

// A sampling is what vLLM takes besides OpenAI's parameters, as far as it shows in the
// answer. All others are taken too.
type sampling struct {
	IgnoreEOS    bool           `json:"ignore_eos"`
	GuidedJSON   jsontext.Value `json:"guided_json"`
	GuidedChoice []string       `json:"guided_choice"`
	GuidedRegex  string         `json:"guided_regex"`
	Structured   struct {
		JSON   jsontext.Value `json:"json"`
		Choice []string       `json:"choice"`
		Regex  string         `json:"regex"`
	} `json:"structured_outputs"`
	Logprobs    jsontext.Value `json:"logprobs"` // true or false; a number of those without messages
	TopLogprobs int            `json:"top_logprobs"`
}

// schema is what the whole answer is an instance of; nil: there is none.
func (s *sampling) schema() jsontext.Value {
	schema := s.GuidedJSON
	if len(s.Structured.JSON) > 0 {
		schema = s.Structured.JSON
	}
	var quoted string
	if schema.Kind() == '"' && json.Unmarshal(schema, &quoted) == nil {
		return jsontext.Value(quoted)
	}
	return schema
}

// text is what the answer has to be; empty: anything.
func (s *sampling) text() string {
	if choices := slices.Concat(s.GuidedChoice, s.Structured.Choice); len(choices) > 0 {
		return choices[0]
	}
	if pattern := cmp.Or(s.GuidedRegex, s.Structured.Regex); pattern != "" {
		return matching(pattern, "", 0, 1<<16)
	}
	return ""
}

// obey has the answer be what the sampling wants, unless a scenario wants something else.
func (c *call) obey(s *sampling) {
	schema := s.schema()
	switch {
	case c.scenario.plain():
	case len(schema) > 0:
		c.request.OutputConfig = &outputConfig{Format: &outputFormat{Schema: schema}}
	case s.text() != "":
		c.scenario.Text = s.text()
	case s.IgnoreEOS:
		c.scenario.Tokens = int(*c.request.MaxTokens) + 1
	}
}

// converse answers chat/completions and completions.
func (c *call) converse(body []byte) error {
	form := c.forms.openapi.chat
	if c.path.method == "completions" {
		form = c.forms.openapi.completion
	}
	b, s, err := decodeOwn(body, form)
	if err != nil {
		return err
	}
	if err := c.checkServed(b.Model); err != nil {
		return err
	}
	o, err := c.ownCompletion(b, s)
	if err != nil {
		return err
	}
	return c.tell(o)
}

func decodeOwn(body []byte, form shape) (*chat, *sampling, error) {
	b, s := new(chat), new(sampling)
	if err := decodeOpen(body, form, b); err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(body, s); err != nil {
		return nil, nil, badRequest(err.Error())
	}
	return b, s, nil
}

// ownCompletion makes the answer to a chat, or to a prompt.
func (c *call) ownCompletion(b *chat, s *sampling) (*completion, error) {
	if err := c.putOwn(b); err != nil {
		return nil, err
	}
	if err := c.checkLength(b); err != nil {
		return nil, err
	}
	c.obey(s)
	o := c.completion(b, openWay)
	o.name = cmp.Or(b.Model, c.endpoint.Models[0].DisplayName)
	o.odds = s.odds()
	return o, nil
}

// putOwn makes the request of a chat, or of a prompt.
func (c *call) putOwn(b *chat) error {
	c.request = b.request()
	if c.scenario.Thinking != "" || b.Template.Thinking {
		c.request.Thinking = &thinking{Type: "enabled"}
	}
	switch {
	case len(b.Messages) > 0:
	case len(b.prompts()) == 1:
		c.request.MaxTokens = b.limit(completionTokens)
		c.request.Messages = []message{{"user", content{{Type: "text", Text: b.prompts()[0]}}}}
	default:
		return badRequest("messages or one prompt is required")
	}
	return nil
}
