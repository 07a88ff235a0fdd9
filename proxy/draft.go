package proxy

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"vertexgateway/translate"
	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
)

// A draft is a client's request with what has been learnt about how to put it to its
// model. It is put anew when the model refuses it for a reason that can be mended.
type draft struct {
	chat    *openai.ChatRequest
	body    []byte // as the client sent it
	dialect dialect
	model   *catalogue.Model
	options anthropic.Options // of Claude's dialect
	mended  []anthropic.Repair
	request *translate.Request
	told    string // to the client, of what was changed
}

// isWhole tells whether the upstream answers in one piece.
func (d *draft) isWhole() bool {
	return !d.chat.Stream && d.request.Method != "streamRawPredict"
}

// put translates a request, by the catalogue and by what the model refused of late.
func (x *exchange) put(d *draft) *openai.Error {
	if d.dialect == nil {
		d.dialect = x.route.dialect
	}
	d.model, d.options = x.route.model, x.route.options
	d.options.Keep = x.snapshot.config.ThinkingStore.Entries > 0
	for _, r := range x.gateway.lessons.of(x.route.model.ID, x.now()) {
		d.model, d.options = r.Apply(d.model, d.options)
	}
	err := x.translate(d)
	x.warnings = d.told
	return err
}

func (x *exchange) translate(d *draft) *openai.Error {
	req, err := d.dialect(x.ctx, d)
	if err != nil {
		return err
	}
	x.addLabels(req)
	d.request = req
	warnings := req.Warnings
	for _, r := range d.mended {
		if !slices.Contains(warnings, r.Warning) && !(x.snapshot.config.Strict && r.Warning.What == emulated) {
			warnings = append(warnings, r.Warning)
		}
	}
	d.told, err = x.warn(warnings)
	return err
}

// addLabels tells Google whose request it is; its bill has the labels of partners' models
// (vertex.md 5).
func (x *exchange) addLabels(req *translate.Request) {
	isRaw := req.Method == "rawPredict" || req.Method == "streamRawPredict"
	if x.team.labels == "" || !isRaw || x.route.places[0].own != nil {
		return
	}
	header := make(http.Header, len(req.Header)+1)
	maps.Copy(header, req.Header)
	header["X-Vertex-Ai-Labels"] = []string{x.team.labels}
	req.Header = header
}

// emulated is what a warning says of a feature that is had in another way: nothing is lost.
const emulated = "emulated"

// maxMended is how often one request is mended. Each fault is mended once.
const maxMended = 3

// mend puts a refused request anew where the refusal tells how. In strict mode nothing is
// taken from the client's request, and only its form may change.
func (x *exchange) mend(d *draft, refusal *openai.Error) bool {
	if d == nil || x.route.model.API != catalogue.APIMessages {
		return false
	}
	r, ok := anthropic.Diagnose(refusal)
	known := slices.ContainsFunc(d.mended, func(m anthropic.Repair) bool { return m.Is(r) })
	switch {
	case !ok || known || len(d.mended) == maxMended:
		return false
	case x.snapshot.config.Strict && r.Warning.What != emulated:
		refusal.Param = cmp.Or(refusal.Param, r.Warning.Param)
		return false
	}
	better := *d
	better.model, better.options = r.Apply(d.model, d.options)
	better.mended = append(slices.Clip(d.mended), r)
	if x.translate(&better) != nil || better.isSame(d) {
		return false
	}
	*d = better
	x.gateway.metrics.repairs.WithLabelValues(x.label(), r.Name).Inc()
	x.gateway.options.Log.Warn("request refused, mended and tried again", zap.String("request_id", x.id), zap.String("model", x.label()),
		zap.String("repair", r.Name), zap.String("error", x.hide(refusal.Message)))
	return true
}

// learn keeps what mended a request for the next ones, once the model has taken it: a
// refusal may quote its client, who could make it say anything.
func (x *exchange) learn(d *draft) {
	for _, r := range d.mended {
		if r.Lasting {
			x.gateway.lessons.learn(x.route.model.ID, r, x.now())
		}
	}
}

// isSame tells whether both drafts send the same.
func (d *draft) isSame(other *draft) bool {
	return bytes.Equal(d.request.Body, other.request.Body) && maps.EqualFunc(d.request.Header, other.request.Header, slices.Equal)
}

// lessons are repairs that will be needed again, by the id of the model.
type lessons struct {
	mu     sync.Mutex
	models map[string][]lesson
}

type lesson struct {
	anthropic.Repair
	until time.Time
}

// memory is how long a lesson is kept: a model may change, and so may a policy.
const memory = 10 * time.Minute

func (l *lessons) learn(model string, r anthropic.Repair, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.models == nil {
		l.models = make(map[string][]lesson)
	}
	maps.DeleteFunc(l.models, func(_ string, learnt []lesson) bool { return len(current(learnt, now)) == 0 })
	kept := slices.DeleteFunc(current(l.models[model], now), func(old lesson) bool { return old.Is(r) })
	l.models[model] = append(kept, lesson{r, now.Add(memory)})
}

// current is a copy of the lessons without those that are over.
func current(learnt []lesson, now time.Time) []lesson {
	return slices.DeleteFunc(slices.Clone(learnt), func(old lesson) bool { return !old.until.After(now) })
}

// of gives what is known of a model; nearly always nothing.
func (l *lessons) of(model string, now time.Time) []lesson {
	l.mu.Lock()
	defer l.mu.Unlock()
	learnt := l.models[model]
	if len(learnt) == 0 {
		return nil
	}
	return current(learnt, now)
}
