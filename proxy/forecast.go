package proxy

import (
	"bytes"

	"vertexgateway/translate/openai"
)

const (
	// expectedOutput is the most tokens an answer is expected to have before it is known:
	// clients ask for far more than they use, and must not be held up for that.
	expectedOutput = 1000
	// bytesPerToken is how much text makes a token, about.
	bytesPerToken = 4
	// maxChoices is the most answers to one request that OpenAI's API has.
	maxChoices = 128
	// mediaBytes is how long what is no text is at least.
	mediaBytes = 256
	// mediaTokens is what an image or a document that comes as data is expected to take.
	mediaTokens = 1500
	// mediaPages is how many pages a document for OCR is expected to have.
	mediaPages = 10
)

// forecast is what a request with this body is expected to use: it is reserved until that is
// known.
func forecast(body []byte, chat *openai.ChatRequest) openai.Usage {
	f := openai.Usage{Input: inputTokens(body), Output: expectedOutput}
	if limit := chat.OutputLimit(); limit > 0 {
		f.Output = min(limit, expectedOutput)
	}
	if chat.N != nil {
		f.Output *= min(max(1, *chat.N), maxChoices)
	}
	return f
}

// inputTokens guesses how many tokens a request is. What is base64 in it is no text: it comes
// in data URLs, or as it is in members for data.
func inputTokens(body []byte) int64 {
	media := 0
	text := len(body)
	for _, mark := range [...]string{";base64,", `"data":"`, `"data": "`, `"file_data":"`, `"file_data": "`} {
		for rest := body; ; {
			_, data, found := bytes.Cut(rest, []byte(mark))
			if !found {
				break
			}
			end := bytes.IndexByte(data, '"')
			if end < 0 {
				break
			}
			if end > mediaBytes && bytes.IndexByte(data[:mediaBytes], ' ') < 0 {
				media++
				text -= end
			}
			rest = data[end:]
		}
	}
	return tokensIn(text) + int64(media)*mediaTokens
}

// tokensIn so many bytes of text.
func tokensIn(n int) int64 { return int64(n+bytesPerToken-1) / bytesPerToken }
