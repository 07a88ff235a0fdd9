package responses

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// carrierPrefix begins the encrypted_content that the gateway writes, and tells its
// version. What begins otherwise was encrypted by somebody else.
const carrierPrefix = "cl1."

// A carrier is a block of Claude's thinking as it travels in the encrypted_content of a
// reasoning item (openai-claude.md E.4.2): this, as JSON in base64url, behind the prefix.
type carrier struct {
	Kind   string         `json:"t"` // thinking or redacted
	Sealed jsontext.Value `json:"s"` // the signature, or the redacted data
	Text   jsontext.Value `json:"x"` // of the thinking; absent: it was not shown
}

// openCarrier reads the thinking in an encrypted_content; false if it holds none of ours.
func openCarrier(encrypted jsontext.Value) (thought openai.ReasoningDetail, ok bool) {
	var content string
	if encrypted.Kind() != '"' || json.Unmarshal(encrypted, &content) != nil {
		return thought, false
	}
	encoded, ok := strings.CutPrefix(content, carrierPrefix)
	if !ok {
		return thought, false
	}
	var c carrier
	plain, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil || json.Unmarshal(plain, &c) != nil || c.Sealed.Kind() != '"' {
		return thought, false
	}
	return c.thought()
}

func (c *carrier) thought() (openai.ReasoningDetail, bool) {
	const format = "anthropic-claude-v1"
	switch c.Kind {
	case "thinking":
		if c.Text.Kind() != '"' {
			c.Text = jsontext.Value(`""`)
		}
		return openai.ReasoningDetail{Type: "reasoning.text", Text: c.Text, Signature: c.Sealed, Format: format}, true
	case "redacted":
		return openai.ReasoningDetail{Type: "reasoning.encrypted", Data: c.Sealed, Format: format}, true
	}
	return openai.ReasoningDetail{}, false
}
