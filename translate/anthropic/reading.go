package anthropic

import "vertexgateway/translate/openai"

// A reading is what an answer is read with: what its request changed, to be changed back.
type reading struct {
	names toolNames
	// custom are the tools, by Claude's name, that the client declared as custom: their
	// input is the string member "input" of an object.
	custom map[string]bool
	// jsonTool is Claude's name of the tool whose input is the text of the answer; empty:
	// there is none.
	jsonTool string
	// unfence: the text is to be JSON, and loses a code fence around it.
	unfence bool
	// opening is text that the request put into Claude's mouth and that is the client's.
	opening openai.Escaped
	// silent: the client does not want to see the reasoning.
	silent bool
	// cites: the answer may cite pages of the web.
	cites bool
	// keeps: the content is gathered in Claude's form, to be sent back to it.
	keeps bool
}
