package anthropic

import "vertexgateway/translate/openai"

// A Reading lets tests set how an answer is read.
type Reading struct {
	Names                         map[string]string // the client's, by Claude's
	Custom                        []string
	JSONTool, Opening             string
	Unfence, Silent, Cites, Keeps bool
}

// Stream starts to read an answer.
func (r Reading) Stream() *Stream {
	custom := make(map[string]bool)
	for _, name := range r.Custom {
		custom[name] = true
	}
	req := Request{reading: reading{
		names: toolNames{client: r.Names}, custom: custom, jsonTool: r.JSONTool, unfence: r.Unfence,
		opening: openai.Escaped(r.Opening), silent: r.Silent, cites: r.Cites, keeps: r.Keeps,
	}}
	return req.Stream()
}
