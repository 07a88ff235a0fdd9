package anthropic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
)

// A said is one content block of Claude's, as tests tell it.
type said struct {
	start  string   // members of the block
	member string   // which the pieces are added to; "input": as JSON text
	kind   string   // of the deltas
	key    string   // of a piece in a delta
	pieces []string // escaped
	cites  []string // citations
	after  []string // further deltas
}

func saidText(pieces ...string) said {
	return said{start: `"type":"text"`, member: "text", kind: "text_delta", key: "text", pieces: pieces}
}

func called(id, name string, pieces ...string) said {
	start := fmt.Sprintf(`"type":"tool_use","id":%q,"name":%q`, id, name)
	return said{start: start, member: "input", kind: "input_json_delta", key: "partial_json", pieces: pieces}
}

func saidThought(text, signature string) said {
	return said{
		start: `"type":"thinking"`, member: "thinking", kind: "thinking_delta", key: "thinking", pieces: []string{text},
		after: []string{`{"type":"signature_delta","signature":"` + signature + `"}`},
	}
}

// server is a block that comes whole.
func server(members string) said { return said{start: members} }

func (s said) citing(citations ...string) said {
	s.cites = citations
	return s
}

func (s said) events(index int) string {
	empty := map[string]string{"text": `,"text":""`, "input": `,"input":{}`, "thinking": `,"thinking":"","signature":""`}[s.member]
	var b strings.Builder
	fmt.Fprintf(&b, "data: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{%s}}\n\n", index, s.start+empty)
	delta := func(delta string) {
		fmt.Fprintf(&b, "data: {\"type\":\"content_block_delta\",\"index\":%d,\"delta\":%s}\n\n", index, delta)
	}
	for _, citation := range s.cites {
		delta(`{"type":"citations_delta","citation":` + citation + `}`)
	}
	for _, piece := range s.pieces {
		delta(fmt.Sprintf(`{"type":%q,%q:"%s"}`, s.kind, s.key, piece))
	}
	for _, more := range s.after {
		delta(more)
	}
	fmt.Fprintf(&b, "data: {\"type\":\"content_block_stop\",\"index\":%d}\n\n", index)
	return b.String()
}

// whole is the block of a message; false: its input was cut off, and no message has it.
func (s said) whole() (string, bool) {
	joined := strings.Join(s.pieces, "")
	switch s.member {
	case "":
		return "{" + s.start + "}", true
	case "text":
		return fmt.Sprintf(`{%s,"text":"%s","citations":[%s]}`, s.start, joined, strings.Join(s.cites, ",")), true
	case "thinking":
		signature := strings.TrimPrefix(s.after[0], `{"type":"signature_delta",`)
		return fmt.Sprintf(`{%s,"thinking":"%s",%s`, s.start, joined, signature), true
	}
	input := "{}"
	if joined != "" && json.Unmarshal([]byte(`"`+joined+`"`), &input) != nil {
		return "", false
	}
	return fmt.Sprintf(`{%s,"input":%s}`, s.start, input), json.Valid([]byte(input))
}

const saidUsage = `{"input_tokens":7,"output_tokens":9,"output_tokens_details":{"thinking_tokens":2},"server_tool_use":{"web_search_requests":1}}`

func eventsOf(stopReason string, blocks ...said) string {
	var b strings.Builder
	fmt.Fprintf(&b, "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":%s}}\n\n", saidUsage)
	for i, s := range blocks {
		b.WriteString(s.events(i))
	}
	fmt.Fprintf(&b, "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":%q},\"usage\":{}}\n\ndata: {\"type\":\"message_stop\"}\n\n", stopReason)
	return b.String()
}

func messageOf(stopReason string, blocks ...said) (string, bool) {
	var content []string
	for _, s := range blocks {
		block, ok := s.whole()
		if !ok {
			return "", false
		}
		content = append(content, block)
	}
	return fmt.Sprintf(`{"type":"message","id":"msg_1","content":[%s],"stop_reason":%q,"usage":%s}`, strings.Join(content, ","), stopReason, saidUsage), true
}

// An outcome is what a client sees of an answer.
type outcome struct {
	Content      *string           `json:"content"`
	Refusal      *string           `json:"refusal"`
	Reasoning    string            `json:"reasoning_content"`
	Calls        []json.RawMessage `json:"tool_calls"`
	FunctionCall json.RawMessage   `json:"function_call"`
	Annotations  []json.RawMessage `json:"annotations"`
	finish       string
}

// outcomeOf reads a completion.
func outcomeOf(t *testing.T, completion []byte) outcome {
	t.Helper()
	var c struct {
		Choices []struct {
			Message      outcome `json:"message"`
			FinishReason string  `json:"finish_reason"`
		} `json:"choices"`
	}
	if err := json.Unmarshal(completion, &c); err != nil {
		t.Fatalf("%v: %s", err, completion)
	}
	o := c.Choices[0].Message
	o.finish = c.Choices[0].FinishReason
	return o
}

// summary is what tests compare: content, calls, annotations and finish reason.
func (o outcome) summary() string {
	var b strings.Builder
	if o.Reasoning != "" {
		fmt.Fprintf(&b, "reasoning %q ", o.Reasoning)
	}
	if o.Content != nil {
		fmt.Fprintf(&b, "content %q ", *o.Content)
	}
	for _, call := range o.Calls {
		fmt.Fprintf(&b, "call %s ", call)
	}
	if o.FunctionCall != nil {
		fmt.Fprintf(&b, "function %s ", o.FunctionCall)
	}
	for _, annotation := range o.Annotations {
		fmt.Fprintf(&b, "annotation %s ", annotation)
	}
	if o.Refusal != nil {
		fmt.Fprintf(&b, "refusal %q ", *o.Refusal)
	}
	return b.String() + o.finish
}

// A chunkCall is a tool call as chunks tell it.
type chunkCall struct {
	Index    int    `json:"index"`
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function *struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
	Custom *struct {
		Name  string `json:"name"`
		Input string `json:"input"`
	} `json:"custom"`
}

// joinChunks does what clients do: it adds up the chunks of a stream.
func joinChunks(t *testing.T, chunks []byte) outcome {
	t.Helper()
	var o outcome
	var content, refusal string
	var calls []chunkCall
	var function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	}
	for line := range strings.Lines(string(chunks)) {
		data, ok := strings.CutPrefix(line, "data: {")
		if !ok {
			continue
		}
		var chunk struct {
			Choices []struct {
				Delta struct {
					Content      string            `json:"content"`
					Refusal      string            `json:"refusal"`
					Reasoning    string            `json:"reasoning_content"`
					Calls        []chunkCall       `json:"tool_calls"`
					FunctionCall json.RawMessage   `json:"function_call"`
					Annotations  []json.RawMessage `json:"annotations"`
				} `json:"delta"`
				FinishReason string `json:"finish_reason"`
			} `json:"choices"`
		}
		if err := json.Unmarshal([]byte("{"+data), &chunk); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if len(chunk.Choices) == 0 {
			continue
		}
		d := chunk.Choices[0].Delta
		content, refusal, o.Reasoning = content+d.Content, refusal+d.Refusal, o.Reasoning+d.Reasoning
		o.Annotations = append(o.Annotations, d.Annotations...)
		o.finish += chunk.Choices[0].FinishReason
		if d.FunctionCall != nil {
			before := function.Arguments
			function.Arguments = ""
			if err := json.Unmarshal(d.FunctionCall, &function); err != nil {
				t.Fatal(err)
			}
			function.Arguments = before + function.Arguments
		}
		for _, c := range d.Calls {
			if c.Type != "" { // which only the first of a call has
				if c.Index != len(calls) {
					t.Fatalf("call %d comes after %d calls", c.Index, len(calls))
				}
				calls = append(calls, c)
				continue
			}
			if last := &calls[c.Index]; c.Custom != nil {
				last.Custom.Input += c.Custom.Input
			} else {
				last.Function.Arguments += c.Function.Arguments
			}
		}
	}
	for _, c := range calls {
		part, _ := json.Marshal(c.Function)
		if c.Custom != nil {
			part, _ = json.Marshal(c.Custom)
		}
		o.Calls = append(o.Calls, json.RawMessage(fmt.Sprintf(`{"id":%q,"type":%q,%q:%s}`, c.ID, c.Type, c.Type, part)))
	}
	if function.Name != "" {
		o.FunctionCall, _ = json.Marshal(function)
	}
	if content != "" || len(calls) == 0 && function.Name == "" && refusal == "" {
		o.Content = &content
	}
	if refusal != "" {
		o.Refusal = &refusal
	}
	return o
}

const pageA, pageB = `{"type":"web_search_result_location","url":"https://a.example/","title":"A","cited_text":"x","encrypted_index":"Eo8="}`, `{"type":"web_search_result_location","url":"https://b.example/","title":null}`

func annotation(start, end int, url, title string) string {
	return fmt.Sprintf(`annotation {"type":"url_citation","url_citation":{"start_index":%d,"end_index":%d,"url":%q,"title":%q}} `, start, end, url, title)
}

func function(id, arguments string) string {
	return fmt.Sprintf(`call {"id":%q,"type":"function","function":{"name":"f","arguments":%q}} `, id, arguments)
}

// Each answer is seen as chunks, as the completion of a stream and as that of a message:
// all three tell the same.
var answers = []struct {
	name    string
	reading anthropic.Reading
	form    openai.Form
	stop    string
	blocks  []said
	want    string
}{
	{"the json tool is the answer", anthropic.Reading{JSONTool: "json"}, openai.Form{}, "tool_use",
		[]said{saidText("Here ", "it is."), called("t1", "json", "", `{\"a\":`, `\"\\n`, `\"}`)}, `content "{\"a\":\"\\n\"}" stop`},
	{"the json tool without input", anthropic.Reading{JSONTool: "json"}, openai.Form{}, "tool_use",
		[]said{called("t1", "json", "")}, `content "{}" stop`},
	{"the json tool twice", anthropic.Reading{JSONTool: "json"}, openai.Form{}, "tool_use",
		[]said{called("t1", "json", `{\"a\":1}`), called("t2", "json", `{\"a\":2}`), saidText("Done.")}, `content "{\"a\":1}" stop`},
	{"the json tool cut off", anthropic.Reading{JSONTool: "json"}, openai.Form{}, "max_tokens",
		[]said{called("t1", "json", `{\"a\": \"b`)}, `content "{\"a\": \"b" length`},
	{"a real tool in place of the json tool", anthropic.Reading{JSONTool: "json"}, openai.Form{}, "tool_use",
		[]said{saidText("Let me ", "see."), called("t1", "f", `{}`), saidText(" So.")}, `content "Let me see. So." ` + function("t1", "{}") + "tool_calls"},
	{"a real tool beside the json tool", anthropic.Reading{JSONTool: "json"}, openai.Form{}, "tool_use",
		[]said{saidText("Let me see."), called("t1", "json", `{\"a\":1}`), called("t2", "f", `{}`)}, `content "{\"a\":1}" ` + function("t2", "{}") + "tool_calls"},
	{"text between a real tool and the json tool", anthropic.Reading{JSONTool: "json"}, openai.Form{}, "tool_use",
		[]said{called("t1", "f", `{}`), saidText("``"), called("t2", "json", `{\"a\":1}`)}, `content "{\"a\":1}" ` + function("t1", "{}") + "tool_calls"},
	{"text in place of the json tool", anthropic.Reading{JSONTool: "json"}, openai.Form{}, "end_turn",
		[]said{saidText("``", "`json", `\n{\"a\":`, `1}\n`, "```", `\n`)}, `content "{\"a\":1}" stop`},
	{"a refusal in place of the json tool", anthropic.Reading{JSONTool: "json"}, openai.Form{}, "refusal",
		[]said{saidText("I ")}, `content "I " refusal "The model declined to answer this request." content_filter`},

	{"an opening", anthropic.Reading{Opening: "{", Unfence: true}, openai.Form{}, "end_turn",
		[]said{saidText(`\"a\":1}`, `\n`, "```")}, `content "{\"a\":1}" stop`},
	{"no opening where nothing was said", anthropic.Reading{Opening: "{"}, openai.Form{}, "refusal", nil,
		`refusal "The model declined to answer this request." content_filter`},

	{"a custom tool", anthropic.Reading{Custom: []string{"patch"}, Names: map[string]string{"patch": "apply.patch"}}, openai.Form{}, "tool_use",
		[]said{called("t1", "f", `{\"a\":1}`), called("t2", "patch", "", `{\"in`, `put\":\"a\\`, `n\\\"b\\\"`, `\"}`)},
		function("t1", `{"a":1}`) + `call {"id":"t2","type":"custom","custom":{"name":"apply.patch","input":"a\n\"b\""}} tool_calls`},
	{"a custom tool twice", anthropic.Reading{Custom: []string{"patch"}}, openai.Form{}, "tool_use",
		[]said{called("t1", "patch", `{\"input\":\"a\"}`), called("t2", "patch", `{\"input\":\"b\"}`)},
		`call {"id":"t1","type":"custom","custom":{"name":"patch","input":"a"}} call {"id":"t2","type":"custom","custom":{"name":"patch","input":"b"}} tool_calls`},
	{"a custom tool without input", anthropic.Reading{Custom: []string{"patch"}}, openai.Form{}, "tool_use",
		[]said{called("t1", "patch", "")}, `call {"id":"t1","type":"custom","custom":{"name":"patch","input":""}} tool_calls`},

	{"functions", anthropic.Reading{}, openai.Form{Functions: true}, "tool_use",
		[]said{saidText("Hm."), called("t1", "f", `{\"a\"`, `:1}`), called("t2", "g", `{}`)}, `content "Hm." function {"name":"f","arguments":"{\"a\":1}"} function_call`},
	{"functions that nobody calls", anthropic.Reading{}, openai.Form{Functions: true}, "end_turn", []said{saidText("Hm.")}, `content "Hm." stop`},

	{"reasoning", anthropic.Reading{}, openai.Form{}, "end_turn", []said{saidThought("hm", "sig"), saidText("a")}, `reasoning "hm" content "a" stop`},
	{"reasoning that is not to be seen", anthropic.Reading{Silent: true}, openai.Form{}, "end_turn",
		[]said{saidThought("hm", "sig"), server(`"type":"redacted_thinking","data":"xyz"`), saidText("a")}, `content "a" stop`},

	{"citations", anthropic.Reading{Cites: true}, openai.Form{}, "end_turn",
		[]said{saidText(`é\n\ud83d\ude00`, `😀`), saidText(`\\x`).citing(pageA, pageB, pageA), saidText("."), saidText("!").citing(`{"type":"char_location","url":"https://c.example/"}`)},
		`content "é\n😀😀\\x.!" ` + annotation(4, 6, "https://a.example/", "A") + annotation(4, 6, "https://b.example/", "https://b.example/") + "stop"},
	{"citations nobody asked for", anthropic.Reading{}, openai.Form{}, "end_turn", []said{saidText("a").citing(pageA)}, `content "a" stop`},
	{"citations of text that waited", anthropic.Reading{Cites: true, JSONTool: "json"}, openai.Form{}, "end_turn",
		[]said{saidText("ab"), saidText("c").citing(pageA)}, `content "abc" ` + annotation(2, 3, "https://a.example/", "A") + "stop"},

	{"what the server does", anthropic.Reading{Cites: true}, openai.Form{}, "end_turn",
		[]said{
			{start: `"type":"server_tool_use","id":"srvtoolu_1","name":"web_search"`, member: "input", kind: "input_json_delta", key: "partial_json", pieces: []string{"", `{\"query\":\"a\"}`}},
			server(`"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","url":"https://a.example/"}]`),
			server(`"type":"container_upload","file_id":"f"`), server(`"type":"compaction","content":"c"`), server(`"type":"fallback","from":{},"to":{}`),
			server(`"type":"mcp_tool_use","id":"m","name":"n","input":{"a":1}`), server(`"type":"new","text":"a","input":"b","citations":"c"`),
			saidText("a"),
		}, `content "a" stop`},
	{"a compaction", anthropic.Reading{}, openai.Form{}, "compaction", []said{saidText("a")}, `content "a" length`},
	{"a pause that is the end", anthropic.Reading{}, openai.Form{}, "pause_turn", []said{saidText("a")}, `content "a" length`},
	{"an unknown stop reason", anthropic.Reading{}, openai.Form{}, "foo", []said{saidText("a")}, `content "a" stop`},
}

func TestAnswers(t *testing.T) {
	for _, tt := range answers {
		t.Run(tt.name, func(t *testing.T) {
			events := eventsOf(tt.stop, tt.blocks...)
			chunks, completion, err := readAs(tt.reading.Stream(), tt.form, strings.NewReader(events))
			if err != nil {
				t.Fatal(err)
			}
			if got := outcomeOf(t, completion).summary(); got != tt.want {
				t.Errorf("completion of the stream:\n%s, want\n%s", got, tt.want)
			}
			if got := joinChunks(t, chunks).summary(); got != tt.want {
				t.Errorf("chunks:\n%s, want\n%s", got, tt.want)
			}
			message, ok := messageOf(tt.stop, tt.blocks...)
			if !ok {
				return
			}
			whole, fault := foldAs(tt.reading.Stream(), tt.form, []byte(message))
			if fault != nil {
				t.Fatal(fault)
			}
			if !equalJSON(t, whole, completion) {
				t.Errorf("completion of the message:\n%s, of the stream:\n%s", whole, completion)
			}
		})
	}
}

// OpenAI's schema knows calls of custom tools in completions and not yet in chunks.
func TestAnswersFitTheSchema(t *testing.T) {
	schema := openaitest.Load(t)
	for _, tt := range answers {
		for _, form := range []openai.Form{tt.form, {Usage: true, ServiceTier: true, Functions: tt.form.Functions}} {
			chunks, completion, err := readAs(tt.reading.Stream(), form, strings.NewReader(eventsOf(tt.stop, tt.blocks...)))
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			schema.Check(t, "CreateChatCompletionResponse", completion)
			for line := range strings.Lines(string(chunks)) {
				line = strings.Replace(line, `"type":"custom"`, `"type":"function"`, 1)
				if data, ok := strings.CutPrefix(line, "data: {"); ok {
					schema.Check(t, "CreateChatCompletionStreamResponse", []byte("{"+data))
				}
			}
			if t.Failed() {
				t.Fatal(tt.name)
			}
		}
	}
}

// An answer that is cut off never looks whole, whatever it is read with.
func TestAnswersCutOff(t *testing.T) {
	for _, tt := range answers {
		events := strings.TrimRight(eventsOf(tt.stop, tt.blocks...), "\n")
		for i := range len(events) {
			chunks, _, err := readAs(tt.reading.Stream(), tt.form, strings.NewReader(events[:i]))
			if err == nil || bytes.Contains(chunks, []byte("[DONE]")) {
				t.Fatalf("%s cut at byte %d of %d looks whole", tt.name, i, len(events))
			}
		}
	}
}

// Text that waited for the json tool comes before the call that shows that it will not come.
func TestTextBeforeCall(t *testing.T) {
	events := eventsOf("tool_use", saidText("Let me see."), called("t1", "f", ""))
	chunks, _, err := readAs(anthropic.Reading{JSONTool: "json"}.Stream(), openai.Form{}, strings.NewReader(events))
	text, call := bytes.Index(chunks, []byte("Let me see.")), bytes.Index(chunks, []byte("tool_calls"))
	if err != nil || text < 0 || call < text {
		t.Errorf("error %v, chunks %s", err, chunks)
	}
}

func TestRemarks(t *testing.T) {
	failed := server(`"type":"web_search_tool_result","tool_use_id":"s","content":{"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}`)
	for _, tt := range []struct {
		stop   string
		blocks []said
		want   []string
	}{
		{"end_turn", []said{saidText("a")}, nil},
		{"foo", nil, []string{`unknown stop reason "foo"`}},
		{"pause_turn", []said{failed}, []string{`web search failed: "max_uses_exceeded"`}},
	} {
		stream := anthropic.Reading{}.Stream()
		if _, _, err := readAs(stream, openai.Form{}, strings.NewReader(eventsOf(tt.stop, tt.blocks...))); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, stream.Remarks()); diff != "" {
			t.Errorf("%s: remarks (-want +got):\n%s", tt.stop, diff)
		}
	}
}

// Half a surrogate pair is half a character, also where the halves come apart.
func TestPositions(t *testing.T) {
	for text, want := range map[string]int{
		`a`: 1, `é`: 1, `😀`: 1, `\n`: 1, `\\n`: 2, `\u00e9`: 1, `\ud83d\ude00`: 1, `\ud83d|\ude00`: 1, `\uD83D||\uDE00|x`: 2,
		`\ud83dx\ude00`: 3, `\ud83d\ud83d\ude00`: 2, `\ude00\ude00`: 2, `\ud83d\n\ude00`: 3, `\u0041\"`: 2,
	} {
		_, completion, err := readAs(anthropic.Reading{Cites: true}.Stream(), openai.Form{},
			strings.NewReader(eventsOf("end_turn", saidText(strings.Split(text, "|")...), saidText(".").citing(pageA))))
		if err != nil {
			t.Fatal(err)
		}
		if want := annotation(want, want+1, "https://a.example/", "A"); !strings.Contains(outcomeOf(t, completion).summary(), want) {
			t.Errorf("%s: %s, want %s", text, completion, want)
		}
	}
}

// What is kept is what Claude said, by the byte where bytes count.
func TestContent(t *testing.T) {
	blocks := []said{
		saidThought(`h\u006d`, "Eo8/="), server(`"type":"redacted_thinking","data":"a\/b"`), saidThought("", "only"),
		saidText("", ""), saidText(`\n `), saidText(`a\n`, "b").citing(pageA, `{"type":"char_location","n":1.0}`),
		called("t1", "json", `{\"n\":1234567890`, `1234567890}`), called("t2", "f", ""), called("t3", "f", `{\"a`), called("t4", "f", `[1]`),
		server(`"type":"tool_use","id":"t5","name":"f"`),
		{start: `"type":"server_tool_use","id":"s1","name":"web_search","caller":{"type":"direct"}`, member: "input", kind: "input_json_delta", key: "partial_json", pieces: []string{`{\"query\":`, `\"\\u00e9\"}`}},
		server(`"type":"web_search_tool_result","tool_use_id":"s1","content":[{"encrypted_content":"Eo\u0038="}]`),
		{start: `"type":"compaction","content":null`, after: []string{`{"type":"compaction_delta","content":"c"}`}},
	}
	const want = `[{"type":"thinking","thinking":"h\u006d","signature":"Eo8/="},{"type":"redacted_thinking","data":"a\/b"},{"type":"thinking","thinking":"","signature":"only"},` +
		`{"type":"text","text":"a\nb","citations":[` + pageA + `,{"type":"char_location","n":1.0}]},` +
		`{"type":"tool_use","id":"t1","name":"json","input":{"n":12345678901234567890}},{"type":"tool_use","id":"t2","name":"f","input":{}},{"type":"tool_use","id":"t5","name":"f","input":{}},` +
		`{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"\u00e9"},"caller":{"type":"direct"}},` +
		`{"type":"web_search_tool_result","content":[{"encrypted_content":"Eo\u0038="}],"tool_use_id":"s1"},{"type":"compaction","content":"c"}]`
	stream := anthropic.Reading{Keeps: true, Silent: true, JSONTool: "json"}.Stream()
	if got := string(stream.Content()); got != "[]" {
		t.Errorf("content before the first event %s", got)
	}
	if _, _, err := readAs(stream, openai.Form{}, strings.NewReader(eventsOf("tool_use", blocks...))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(stream.Content())); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"t2", "t3", "t4", "t5"}, stream.CallIDs()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := (anthropic.Reading{}).Stream().Content(); got != nil {
		t.Errorf("content %s where nothing is kept", got)
	}
}

// The content of an answer that came whole is that of the same answer as a stream.
func TestContentOfMessage(t *testing.T) {
	for _, tt := range answers {
		message, ok := messageOf(tt.stop, tt.blocks...)
		if !ok {
			continue
		}
		tt.reading.Keeps = true
		streamed, whole := tt.reading.Stream(), tt.reading.Stream()
		if _, _, err := readAs(streamed, tt.form, strings.NewReader(eventsOf(tt.stop, tt.blocks...))); err != nil {
			t.Fatal(err)
		}
		if _, fault := foldAs(whole, tt.form, []byte(message)); fault != nil {
			t.Fatal(fault)
		}
		if a, b := streamed.Content(), whole.Content(); !equalJSON(t, a, b) {
			t.Errorf("%s: content\n%s of the stream,\n%s of the message", tt.name, a, b)
		}
	}
}

// An answer in three rounds is one answer.
func TestRounds(t *testing.T) {
	stream := anthropic.Reading{Keeps: true, Cites: true, Unfence: true}.Stream()
	rounds := []string{
		eventsOf("pause_turn", saidThought("a", "s1"), saidText("```json", `\n[1`, `\n`, "``")),
		strings.ReplaceAll(eventsOf("pause_turn", saidText("`x")), "msg_1", "msg_2"),
		strings.ReplaceAll(eventsOf("tool_use", saidThought("b", "s2"), saidText("]").citing(pageA), called("t1", "f", "")), "msg_1", "msg_3"),
	}
	var fold openai.Fold
	for i, round := range rounds {
		if i > 0 {
			if !stream.Paused() {
				t.Fatalf("not paused after round %d", i)
			}
			stream.Resume()
		}
		for event := range strings.SplitSeq(strings.TrimSpace(round), "\n\n") {
			deltas, fault := stream.Event([]byte(strings.TrimPrefix(event, "data: ")))
			if fault != nil {
				t.Fatal(fault)
			}
			for _, d := range deltas {
				fold.Add(d)
			}
		}
	}
	end, ok := stream.Ending()
	if !ok || stream.Paused() || stream.ID() != "msg_1" {
		t.Errorf("ended %v, paused %v, id %s", ok, stream.Paused(), stream.ID())
	}
	if want := (openai.Usage{Input: 7, Output: 27, Reasoning: 6, WebSearches: 3}); end.Usage != want || stream.Usage() != want {
		t.Errorf("usage %+v, want %+v", end.Usage, want)
	}
	if got, want := stream.Billed(), (openai.Usage{Input: 21, Output: 27, Reasoning: 6, WebSearches: 3}); got != want {
		t.Errorf("billed %+v, want %+v", got, want)
	}
	completion := fold.Append(nil, head, end)
	want := `reasoning "ab" content "[1\n` + "```x]" + `" ` + function("t1", "{}") + annotation(7, 8, "https://a.example/", "A") + "tool_calls"
	if got := outcomeOf(t, completion).summary(); got != want {
		t.Errorf("answer\n%s, want\n%s", got, want)
	}
	if !bytes.Contains(completion, []byte(`"signature":"s2","format":"anthropic-claude-v1","index":3}`)) {
		t.Errorf("blocks of the last round do not go on counting: %s", completion)
	}
	const kept = `[{"type":"thinking","thinking":"a","signature":"s1"},{"type":"text","text":"` + "```json" + `\n[1\n` + "``" + `"},{"type":"text","text":"` + "`x" + `"},` +
		`{"type":"thinking","thinking":"b","signature":"s2"},{"type":"text","text":"]","citations":[` + pageA + `]},{"type":"tool_use","id":"t1","name":"f","input":{}}]`
	if diff := cmp.Diff(kept, string(stream.Content())); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

// A pause that gets no further round gives out what was held back for one.
func TestSettle(t *testing.T) {
	stream := anthropic.Reading{JSONTool: "json"}.Stream()
	chunks, _, err := readAs(stream, openai.Form{}, strings.NewReader(eventsOf("pause_turn", saidText("Let me search.", "`"))))
	if err != nil || bytes.Contains(chunks, []byte("search")) {
		t.Fatalf("error %v, chunks %s", err, chunks)
	}
	var fold openai.Fold
	for range 2 {
		for _, d := range stream.Settle() {
			fold.Add(d)
		}
	}
	end, _ := stream.Ending()
	if got, want := outcomeOf(t, fold.Append(nil, head, end)).summary(), "content \"Let me search.`\" length"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
