package fakevertex

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// embedContentOnly has no predict (vertex.md 1.5).
const embedContentOnly = "gemini-embedding-2"

// maxInstances is how many texts a call may hold (vertex.md 1.5).
const maxInstances = 250

// vectorSize is how many numbers a model's vectors have.
func vectorSize(model string) int {
	switch {
	case strings.HasPrefix(model, "gemini-"):
		return 3072
	case strings.Contains(model, "-e5-large-"):
		return 1024
	}
	return 768
}

// textLimit is how many tokens of a text the model reads.
func (c *call) textLimit() int { return cmp.Or(c.model.Window, math.MaxInt) }

// vector is always the same for a text and a model; its length is 1.
func vector(model, text string, size int) []float32 {
	seed := sha256.Sum256([]byte(model + "\n" + text))
	source := rand.New(rand.NewChaCha8(seed))
	values, sum := make([]float32, size), 0.0
	for i := range values {
		v := source.Float64() - 0.5
		values[i] = float32(v)
		sum += v * v
	}
	for i := range values {
		values[i] /= float32(math.Sqrt(sum))
	}
	return values
}

// A prediction is a body for Google's text embeddings.
type prediction struct {
	Instances []struct {
		Content  *string `json:"content"`
		TaskType string  `json:"task_type"`
		Title    string  `json:"title"`
	} `json:"instances"`
	Parameters struct {
		Size         *int  `json:"outputDimensionality"`
		AutoTruncate *bool `json:"autoTruncate"`
	} `json:"parameters"`
}

var taskTypes = []string{
	"", "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING",
	"QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY",
}

func invalidArgument(format string, args ...any) *refusal {
	return googleError(http.StatusBadRequest, "INVALID_ARGUMENT", format, args...)
}

// predict answers Google's text embeddings (vertex.md 1.5).
func (c *call) predict(body []byte) error {
	var b prediction
	if err := json.Unmarshal(body, &b); err != nil {
		return invalidArgument("Invalid JSON payload received. %v", err)
	}
	size, limit := vectorSize(c.model.ID), c.textLimit()
	if r := b.check(size, limit); r != nil {
		return r
	}
	if b.Parameters.Size != nil {
		size = *b.Parameters.Size
	}
	predictions := make([]members, len(b.Instances))
	characters, sum := 0, 0
	for i := range b.Instances {
		text := *b.Instances[i].Content
		n := tokens(len(text))
		short := min(n, limit)
		sum += short
		characters += len(text)
		predictions[i] = members{{"embeddings", members{
			{"statistics", members{{"truncated", n > short}, {"token_count", short}}},
			{"values", vector(c.model.ID, clip(text, 4*short), size)},
		}}}
	}
	return c.tellEmbeddings(sum, members{{"predictions", predictions}, {"metadata", members{{"billableCharacterCount", characters}}}})
}

func (b *prediction) check(size, limit int) *refusal {
	asked := b.Parameters.Size
	switch {
	case len(b.Instances) == 0:
		return invalidArgument("The request has no instances.")
	case len(b.Instances) > maxInstances:
		return invalidArgument("%d instance(s) is allowed per prediction. Actual: %d", maxInstances, len(b.Instances))
	case asked != nil && (*asked < 1 || *asked > size):
		return invalidArgument("Invalid outputDimensionality %d: it must be between 1 and %d.", *asked, size)
	}
	truncates := b.Parameters.AutoTruncate == nil || *b.Parameters.AutoTruncate
	for _, one := range b.Instances {
		switch {
		case one.Content == nil || *one.Content == "":
			return invalidArgument("The text content is empty.")
		case !slices.Contains(taskTypes, one.TaskType):
			return invalidArgument("Unable to submit request because the task_type %s is not known.", one.TaskType)
		case one.Title != "" && one.TaskType != "RETRIEVAL_DOCUMENT":
			return invalidArgument("A title is taken with the task_type RETRIEVAL_DOCUMENT only.")
		case !truncates && tokens(len(*one.Content)) > limit:
			return invalidArgument("The input token count is %d but the model supports up to %d.", tokens(len(*one.Content)), limit)
		}
	}
	return nil
}

func (c *call) tellEmbeddings(input int, answer members) error {
	c.journal.note(c.entry, func(e *Request) { e.Usage.Input = input })
	if err := c.pause(c.scenario.Delay); err != nil {
		return err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return c.whole(text)
}

// openEmbeddings answers embeddings in OpenAI's form.
func (c *call) openEmbeddings(body []byte) error {
	var b struct {
		Model  string `json:"model"`
		Input  texts  `json:"input"`
		Format string `json:"encoding_format"`
	}
	if err := decodeOpen(body, c.forms.openapi.embeddings, &b); err != nil {
		return err
	}
	if len(b.Input) == 0 {
		return badRequest("input: at least one text is required")
	}
	data, sum := make([]members, len(b.Input)), 0
	for i, text := range b.Input {
		n := tokens(len(text))
		if n > c.textLimit() {
			return c.tooLong(n, 0)
		}
		sum += n
		values := vector(c.model.ID, text, vectorSize(c.model.ID))
		data[i] = members{{"object", "embedding"}, {"index", i}, {"embedding", encoded(values, b.Format)}}
	}
	return c.tellEmbeddings(sum, members{
		{"object", "list"}, {"data", data}, {"model", b.Model},
		{"usage", members{{"prompt_tokens", sum}, {"total_tokens", sum}}},
	})
}

func encoded(values []float32, format string) any {
	if format != "base64" {
		return values
	}
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
