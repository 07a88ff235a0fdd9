package compat

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
)

// A part is one piece of a message's content: a text or an image.
type part struct {
	Type     string         `json:"type"`
	Text     jsontext.Value `json:"text,omitzero"` // a JSON string
	ImageURL string         `json:"image_url,omitzero"`
}

// content is a message's; empty, it is an empty text.
type content []part

// MarshalJSONTo writes a lone text as a string, which every publisher takes.
func (c content) MarshalJSONTo(enc *jsontext.Encoder) error {
	switch {
	case len(c) == 0:
		return enc.WriteToken(jsontext.String(""))
	case len(c) == 1 && c[0].Type == "text":
		return enc.WriteValue(c[0].Text)
	}
	return json.MarshalEncode(enc, []part(c))
}

func textPart(s string) part {
	return part{Type: "text", Text: openai.AppendString(nil, s)}
}

// A place names a message, or one of the parts of its content that have content
// themselves; -1 is none.
type place struct{ message, part int }

func (p place) content(part int, field string) string {
	return p.field(fmt.Sprintf("content[%d]%s", part, field))
}

func (p place) field(name string) string {
	switch {
	case p.message < 0:
		return strings.Replace(name, "content", "system", 1)
	case p.part < 0:
		return fmt.Sprintf("messages[%d].%s", p.message, name)
	}
	return fmt.Sprintf("messages[%d].content[%d].%s", p.message, p.part, name)
}

// contentOf translates content; calls, results and thoughts in it are left out: calls and
// results have a place of their own, thoughts none.
func (t *translation) contentOf(c openai.Content, at place) (content, *openai.Error) {
	var parts content
	if isText(c.Text) {
		parts = content{{Type: "text", Text: c.Text}}
	}
	for i := range c.Parts {
		p := &c.Parts[i]
		if slices.Contains([]string{"tool_use", "tool_result", "thinking", "redacted_thinking"}, p.Type) {
			continue
		}
		translated, err := t.partOf(p, at, i)
		if err != nil {
			return nil, err
		}
		if translated.Type == "image_url" || isText(translated.Text) {
			parts = append(parts, translated)
		}
	}
	if !t.dialect.Parts && len(parts) > 1 {
		return joined(parts), nil
	}
	return parts, nil
}

// isText tells a JSON string that is not empty.
func isText(value jsontext.Value) bool { return value.Kind() == '"' && len(value) > len(`""`) }

// joined makes one text of several.
func joined(parts content) content {
	text := jsontext.Value{'"'}
	for i, p := range parts {
		if i > 0 {
			text = append(text, `\n`...)
		}
		text = append(text, p.Text[1:len(p.Text)-1]...)
	}
	return content{{Type: "text", Text: append(text, '"')}}
}

// partOf translates one content part of OpenAI's, the Responses API's or Anthropic's.
func (t *translation) partOf(p *openai.Part, at place, index int) (part, *openai.Error) {
	switch p.Type {
	case "text", "input_text", "output_text":
		if p.Text.Kind() != '"' {
			name := at.content(index, ".text")
			return part{}, openai.BadRequest("invalid_type", name, "Invalid type for '"+name+"': expected a string.")
		}
		return part{Type: "text", Text: p.Text}, nil
	case "refusal":
		return part{Type: "text", Text: p.Refusal}, nil
	case "image_url", "input_image", "image":
		return t.imageOf(p, at, index)
	case "file", "input_file", "file_url", "document", "document_url", "input_audio", "video_url":
		return part{}, openai.UnsupportedValue(at.content(index, ".type"), p.Type+" parts are not available with this model")
	}
	return part{}, openai.InvalidValue(at.content(index, ".type"), "unknown content part type '"+strings.ToValidUTF8(p.Type, "?")+"'")
}

// imageOf takes an image: fetched, as data, or where nothing was fetched by its URL.
func (t *translation) imageOf(p *openai.Part, at place, index int) (part, *openai.Error) {
	if !t.dialect.Parts {
		return part{}, openai.UnsupportedValue(at.content(index, ".type"), "this model takes text only")
	}
	image := part{Type: "image_url", ImageURL: p.ImageURL.URL}
	switch s := p.Source; {
	case p.Media != nil:
		kind := http.DetectContentType(p.Media.Data)
		if !strings.HasPrefix(kind, "image/") {
			param := at.content(index, ".image_url")
			return part{}, openai.BadRequest("invalid_image_url", param, "Invalid value for '"+param+"': what is there is no image.")
		}
		image.ImageURL = "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(p.Media.Data)
	case s != nil && s.Type == "base64":
		image.ImageURL = "data:" + s.MediaType + ";base64," + s.Data
	case s != nil:
		image.ImageURL = s.URL
	}
	if image.ImageURL == "" {
		return part{}, openai.MissingParam(at.content(index, ".image_url"))
	}
	return image, nil
}

// remind marks text as coming from the system.
func (c content) remind() {
	for i := range c {
		if c[i].Type == "text" {
			c[i].Text = translate.Reminder(c[i].Text)
		}
	}
}
