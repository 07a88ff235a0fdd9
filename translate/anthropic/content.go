package anthropic

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// textBlocks are a message's blocks where only text may stand.
func (t *translation) textBlocks(c openai.Content, param messageParam) ([]block, *openai.Error) {
	blocks, err := t.contentBlocks(c, param)
	for i := range blocks {
		if blocks[i].kind != text {
			return nil, openai.InvalidValue(param.whole(), "only text is possible in a system message")
		}
	}
	return blocks, err
}

// contentBlocks translates content, and leaves out text that is blank.
func (t *translation) contentBlocks(c openai.Content, param messageParam) ([]block, *openai.Error) {
	from := len(t.blocks)
	if !isBlankText(c.Text) {
		t.blocks = append(t.blocks, block{kind: text, value: c.Text})
	}
	for i := range c.Parts {
		if err := t.addPart(&c.Parts[i], param, i); err != nil {
			return nil, err
		}
	}
	return t.take(from), nil
}

func (t *translation) addPart(p *openai.Part, param messageParam, index int) *openai.Error {
	b, err := partBlock(p, param, index)
	if err == nil && !b.isEmpty() {
		b.mark = partMark(p)
		t.blocks = append(t.blocks, b)
	}
	return err
}

// partBlock translates one content part of OpenAI's, the Responses API's or Anthropic's.
func partBlock(p *openai.Part, param messageParam, index int) (block, *openai.Error) {
	switch p.Type {
	case "text", "input_text", "output_text":
		return textPart(p.Text, param, index)
	case "refusal":
		return textPart(p.Refusal, param, index)
	case "image_url", "input_image":
		b, why := linkedBlock(p.ImageURL.URL, p.Media)
		return b, badMedia(p.Media, param.content(index, ".image_url"), why)
	case "file":
		return filePart(p.File, p.Media, param.content(index, ".file"))
	case "input_file":
		return filePart(openai.File{FileData: p.FileData, FileID: p.FileID, FileURL: p.FileURL.URL, Filename: p.Filename}, p.Media, param.content(index, ""))
	case "file_url":
		return filePart(openai.File{FileData: p.FileURL.URL}, p.Media, param.content(index, ".file_url"))
	case "document_url":
		return filePart(openai.File{FileData: p.DocumentURL.URL}, p.Media, param.content(index, ".document_url"))
	case "image", "document":
		b, why := sourceBlock(p)
		return b, badMedia(p.Media, param.content(index, ".source"), why)
	case "input_audio", "video_url":
		return block{}, openai.UnsupportedValue(param.content(index, ".type"), p.Type+" parts are not available with this model")
	}
	return block{}, openai.InvalidValue(param.content(index, ".type"), "unknown content part type '"+strings.ToValidUTF8(p.Type, "?")+"'")
}

func textPart(value jsontext.Value, param messageParam, index int) (block, *openai.Error) {
	if value.Kind() != '"' {
		name := param.content(index, ".text")
		return block{}, openai.BadRequest("invalid_type", name, "Invalid type for '"+name+"': expected a string.")
	}
	return block{kind: text, value: value}, nil
}

func filePart(f openai.File, fetched *openai.Media, param string) (block, *openai.Error) {
	if f.FileID != "" && f.FileData == "" && fetched == nil {
		return block{}, openai.UnsupportedValue(param, "there are no stored files here; send the data in file_data")
	}
	b, why := fileBlock(f, fetched)
	return b, badMedia(fetched, param, why)
}

// badMedia tells the fault of what the client sent, or of what its URL led to.
func badMedia(fetched *openai.Media, param, why string) *openai.Error {
	if why == "" {
		return nil
	}
	err := openai.InvalidValue(param, why)
	if fetched != nil {
		err.Code = "invalid_image_url"
	}
	return err
}

// serverPart is a block of a tool that Vertex AI ran, as the client got it from Claude.
func serverPart(p *openai.Part) jsontext.Value {
	dst := openai.AppendString([]byte(`{"type":`), p.Type)
	for _, m := range [...]struct{ name, value string }{{"id", p.ID}, {"name", p.Name}, {"tool_use_id", p.ToolUseID}} {
		if m.value != "" {
			dst = openai.AppendString(append(dst, `,"`+m.name+`":`...), m.value)
		}
	}
	if p.Input != nil {
		dst = append(append(dst, `,"input":`...), p.Input...)
	}
	if p.Content != nil {
		dst = append(append(dst, `,"content":`...), p.Content...)
	}
	return append(dst, '}')
}

// checkImages counts what Claude takes no more than so many of, or only in a small size.
func (t *translation) checkImages() *openai.Error {
	var m media
	for i := range t.turns {
		m.count(t.turns[i].blocks)
	}
	if most := t.model.Accepts.Images; most > 0 && m.images > most {
		return openai.InvalidValue("messages", "this model takes no more than "+strconv.Itoa(most)+" images")
	}
	if m.images+m.documents > fewMedia && m.side > maxManySide {
		return openai.InvalidValue("messages", "in a request with more than 20 images and documents no side of an image may be longer than 2000 pixels")
	}
	return nil
}

// media is what a request holds besides text.
type media struct{ images, documents, side int }

func (m *media) count(blocks []block) {
	for i := range blocks {
		switch b := &blocks[i]; b.kind {
		case image:
			m.images++
			m.side = max(m.side, b.side)
		case document:
			m.documents++
		default:
			m.count(b.content)
		}
	}
}
