package embeddings

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
)

// DefaultBatch is how many texts a call of :predict takes at most (vertex.md 1.5).
const DefaultBatch = 250

// NewPredict puts the request to a publisher's model, at most batch texts at a time; 0:
// [DefaultBatch]. Further calls are what [translate.Answer] has More for, one for each
// batch.
func NewPredict(r *Request, batch int) *translate.Request {
	if batch <= 0 {
		batch = DefaultBatch
	}
	put := r.predict(0, batch)
	put.Warnings = passthrough.Dropped(r.Others)
	put.Read = func() translate.Answer { return newPredictions(r, batch) }
	return put
}

// predict asks for the embeddings of a batch of texts.
func (r *Request) predict(from, batch int) *translate.Request {
	body := []byte(`{"instances":[`)
	for i, text := range r.inputs[from:min(from+batch, len(r.inputs))] {
		if i > 0 {
			body = append(body, ',')
		}
		body = r.appendInstance(body, text)
	}
	body = append(body, ']')
	if r.Dimensions != nil {
		body = append(body, `,"parameters":{"outputDimensionality":`...)
		body = append(strconv.AppendInt(body, *r.Dimensions, 10), '}')
	}
	return &translate.Request{Method: "predict", Body: append(body, '}')}
}

func (r *Request) appendInstance(dst []byte, text jsontext.Value) []byte {
	dst = append(append(dst, `{"content":`...), text...)
	if r.TaskType != "" {
		dst = openai.AppendString(append(dst, `,"task_type":`...), r.TaskType)
	}
	if r.Title != "" {
		dst = openai.AppendString(append(dst, `,"title":`...), r.Title)
	}
	return append(dst, '}')
}

// predictions joins the answers to the batches.
type predictions struct {
	*passthrough.Reply
	request *Request
	batch   int
	read    int // texts answered
	cut     bool
	list    list
}

func newPredictions(r *Request, batch int) *predictions {
	p := &predictions{request: r, batch: batch, list: list{base64: r.EncodingFormat == base64Format}}
	p.Reply = passthrough.NewReply(p.take)
	return p
}

// More asks for the next batch.
func (p *predictions) More() *translate.Request {
	if p.read == len(p.request.inputs) {
		return nil
	}
	return p.request.predict(p.read, p.batch)
}

// Warnings tell of texts that were too long.
func (p *predictions) Warnings() []openai.Warning {
	if !p.cut {
		return nil
	}
	return []openai.Warning{{Param: "input", What: "truncated"}}
}

// A predicted embedding, with Google's statistics.
type predicted struct {
	Embeddings struct {
		Values     jsontext.Value `json:"values"`
		Statistics struct {
			Tokens    float64 `json:"token_count"`
			Truncated bool    `json:"truncated"`
		} `json:"statistics"`
	} `json:"embeddings"`
}

func (p *predictions) take(object *passthrough.Object) ([]byte, openai.Usage, *openai.Error) {
	var all []predicted
	if err := json.Unmarshal(object.Value("predictions"), &all, translate.Lenient); err != nil {
		return nil, openai.Usage{}, translate.BadAnswer("no embeddings", err)
	}
	if len(all) != min(p.batch, len(p.request.inputs)-p.read) {
		return nil, openai.Usage{}, translate.BadAnswer("embeddings of another number of texts", nil)
	}
	var used openai.Usage
	for _, one := range all {
		if err := p.list.add(one.Embeddings.Values); err != nil {
			return nil, used, err
		}
		used.Input += int64(min(max(one.Embeddings.Statistics.Tokens, 0), 1<<40))
		p.cut = p.cut || one.Embeddings.Statistics.Truncated
	}
	if p.read += len(all); p.read < len(p.request.inputs) {
		return nil, used, nil
	}
	total := p.Billed()
	return p.list.end(p.request.Model, total.Input+used.Input), used, nil
}
