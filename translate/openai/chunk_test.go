package openai_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
)

var (
	head   = openai.Head{ID: "msg_01X", Created: 1795305600, Model: "claude-opus-5"}
	ending = openai.Ending{FinishReason: openai.FinishToolCalls, Usage: openai.Usage{Input: 12, CacheRead: 400, Output: 31}}
)

// answer has a delta of every kind.
var answer = []openai.Delta{
	{Kind: openai.DeltaReasoning, Index: 0, Text: openai.Escaped(`h\"m`)},
	{Kind: openai.DeltaReasoning, Index: 0, Text: openai.Escaped(`.`)},
	{Kind: openai.DeltaSignature, Index: 0, Text: openai.Escaped(`sig`)},
	{Kind: openai.DeltaRedacted, Index: 1, Text: openai.Escaped(`xyz`)},
	{Kind: openai.DeltaContent, Text: openai.Escaped(`Check\ud83d`)},
	{Kind: openai.DeltaContent, Text: openai.Escaped(`\ude00ing.`)},
	{Kind: openai.DeltaToolCall, Index: 0, ID: "toolu_01", Name: "now"},
	{Kind: openai.DeltaArguments, Index: 0, Text: openai.Escaped(`{ }`)},
	{Kind: openai.DeltaToolCall, Index: 1, ID: "toolu_02", Name: "get"},
	{Kind: openai.DeltaArguments, Index: 1, Text: openai.Escaped(`{\"n\": 12345678901234567890`)},
	{Kind: openai.DeltaArguments, Index: 1, Text: openai.Escaped(`}`)},
	{Kind: openai.DeltaCustomCall, Index: 2, ID: "toolu_03", Name: "patch"},
	{Kind: openai.DeltaCustomInput, Index: 2, Text: openai.Escaped(`{ \n`)},
	{Kind: openai.DeltaCustomInput, Index: 2, Text: openai.Escaped(`}`)},
	{Kind: openai.DeltaPassage, Passage: &openai.Passage{Start: 0, End: 7, Pages: []openai.Page{
		{URL: "https://a.example/", Title: `"A"`}, {URL: "https://b.example/", Title: "B"},
	}}},
	{Kind: openai.DeltaPassage, Passage: &openai.Passage{Start: 8, End: 9, Pages: []openai.Page{{URL: "https://a.example/", Title: "A"}}}},
}

const annotations = `"annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":7,"url":"https://a.example/","title":"\"A\""}},` +
	`{"type":"url_citation","url_citation":{"start_index":0,"end_index":7,"url":"https://b.example/","title":"B"}}`

// The worked example of openai-claude.md C.2, to the byte.
func TestWorkedStream(t *testing.T) {
	w := openai.NewChunkWriter(head, openai.Form{Usage: true})
	var got []byte
	for _, d := range []openai.Delta{answer[4], answer[6], answer[7]} {
		if d.Kind == openai.DeltaContent {
			d.Text = openai.Escaped("Checking.")
		}
		if d.Kind == openai.DeltaArguments {
			d.Text = openai.Escaped("{}")
		}
		got = w.Append(got, d)
	}
	got = w.AppendEnd(got, ending)
	const start = `data: {"id":"chatcmpl-01X","object":"chat.completion.chunk","created":1795305600,"model":"claude-opus-5","choices":[{"index":0,"delta":`
	const more = `,"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n"
	want := start + `{"role":"assistant","content":"","refusal":null}` + more +
		start + `{"content":"Checking."}` + more +
		start + `{"tool_calls":[{"index":0,"id":"toolu_01","type":"function","function":{"name":"now","arguments":""}}]}` + more +
		start + `{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}` + more +
		start + `{},"logprobs":null,"finish_reason":"tool_calls"}],"usage":null}` + "\n\n" +
		`data: {"id":"chatcmpl-01X","object":"chat.completion.chunk","created":1795305600,"model":"claude-opus-5","choices":[],"usage":{"prompt_tokens":412,"completion_tokens":31,"total_tokens":443,"prompt_tokens_details":{"cached_tokens":400,"cache_write_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}` + "\n\n" +
		"data: [DONE]\n\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
}

func TestChunksFitTheSchema(t *testing.T) {
	schema := openaitest.Load(t)
	for _, usage := range []bool{false, true} {
		w := openai.NewChunkWriter(head, openai.Form{Usage: usage})
		var out []byte
		for _, d := range append(answer, openai.Delta{Kind: openai.DeltaRefusal, Text: openai.Escaped("no")}) {
			out = w.Append(out, d)
		}
		out = w.AppendEnd(out, ending)
		if strings.Contains(string(out), "usage") != usage {
			t.Errorf("usage in the stream: %v, want %v", !usage, usage)
		}
		for line := range strings.Lines(string(out)) {
			// The schema knows custom calls in completions only; clients know them in chunks too.
			line = strings.Replace(line, `"type":"custom"`, `"type":"function"`, 1)
			if data, ok := strings.CutPrefix(line, "data: {"); ok {
				schema.Check(t, "CreateChatCompletionStreamResponse", []byte("{"+data))
			}
		}
	}
}

func TestFold(t *testing.T) {
	var f openai.Fold
	for _, d := range answer {
		f.Add(d)
	}
	got := f.Append(nil, head, ending)
	openaitest.Load(t).Check(t, "CreateChatCompletionResponse", got)
	want := `"message":{"role":"assistant","content":"Check\ud83d\ude00ing.","refusal":null,"reasoning_content":"h\"m.",` +
		`"reasoning_details":[{"type":"reasoning.text","text":"h\"m.","signature":"sig","format":"anthropic-claude-v1","index":0},{"type":"reasoning.encrypted","data":"xyz","format":"anthropic-claude-v1","index":1}],` +
		annotations + `,{"type":"url_citation","url_citation":{"start_index":8,"end_index":9,"url":"https://a.example/","title":"A"}}],"tool_calls":[{"id":"toolu_01","type":"function","function":{"name":"now","arguments":"{}"}},{"id":"toolu_02","type":"function","function":{"name":"get","arguments":"{\"n\":12345678901234567890}"}},` +
		`{"id":"toolu_03","type":"custom","custom":{"name":"patch","input":"{ \n}"}}]}`
	if !strings.Contains(string(got), want) {
		t.Errorf("completion\n%s, want in it\n%s", got, want)
	}
}

// What an answer's content is where there is no text.
func TestEmptyContent(t *testing.T) {
	for name, tt := range map[string]struct {
		delta openai.Delta
		want  string
	}{
		"nothing":   {openai.Delta{Kind: openai.DeltaReasoning, Text: openai.Escaped("hm")}, `"content":""`},
		"a call":    {openai.Delta{Kind: openai.DeltaToolCall, ID: "a", Name: "b"}, `"content":null`},
		"a refusal": {openai.Delta{Kind: openai.DeltaRefusal, Text: openai.Escaped("no")}, `"content":null,"refusal":"no"`},
	} {
		var f openai.Fold
		f.Add(tt.delta)
		if got := string(f.Append(nil, head, ending)); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// Arguments that were cut short stay the text they are.
func TestCutArguments(t *testing.T) {
	var f openai.Fold
	f.Add(openai.Delta{Kind: openai.DeltaToolCall, ID: "a", Name: "b"})
	f.Add(openai.Delta{Kind: openai.DeltaArguments, Text: openai.Escaped(`{\"a\": \"b`)})
	if got := string(f.Append(nil, head, ending)); !strings.Contains(got, `"arguments":"{\"a\": \"b"`) {
		t.Errorf("completion %s", got)
	}
}

func TestErrorEvent(t *testing.T) {
	e := openai.Error{Status: 503, Type: openai.TypeServer, Message: "a \"b\"\xff"}
	const want = "data: {\"error\":{\"message\":\"a \\\"b\\\"\ufffd\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n"
	if got := string(e.AppendEvent(nil)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestChunkForms(t *testing.T) {
	functions := openai.Form{Functions: true}
	for _, tt := range []struct {
		form  openai.Form
		delta openai.Delta
		want  string // of the delta; empty: no chunk
	}{
		{openai.Form{}, answer[11], `{"tool_calls":[{"index":2,"id":"toolu_03","type":"custom","custom":{"name":"patch","input":""}}]}`},
		{openai.Form{}, answer[12], `{"tool_calls":[{"index":2,"custom":{"input":"{ \n"}}]}`},
		{openai.Form{}, answer[14], `{` + annotations + `]}`},
		{functions, answer[6], `{"function_call":{"name":"now","arguments":""}}`},
		{functions, answer[7], `{"function_call":{"arguments":"{ }"}}`},
		{functions, answer[8], ""},
		{functions, answer[9], ""},
		{functions, openai.Delta{Kind: openai.DeltaReasoning, Index: 1, Text: openai.Escaped("a")}, `{"reasoning_content":"a","reasoning_details":[{"type":"reasoning.text","text":"a","format":"anthropic-claude-v1","index":1}]}`},
	} {
		w := openai.NewChunkWriter(head, tt.form)
		got := string(w.Append(nil, tt.delta))
		if !strings.Contains(got, `"delta":`+tt.want+`,"logprobs"`) && got+tt.want != "" {
			t.Errorf("%+v: %s, want %s", tt.delta, got, tt.want)
		}
	}
}

func TestFunctionForm(t *testing.T) {
	form := openai.Form{Functions: true, ServiceTier: true}
	f := openai.Fold{Form: form}
	w := openai.NewChunkWriter(head, form)
	var chunks []byte
	for _, d := range answer[6:11] {
		f.Add(d)
		chunks = w.Append(chunks, d)
	}
	chunks = w.AppendEnd(chunks, ending)
	completion := f.Append(nil, head, ending)
	openaitest.Load(t).Check(t, "CreateChatCompletionResponse", completion)
	for where, want := range map[string]string{
		string(completion): `"service_tier":"default","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"function_call":{"name":"now","arguments":"{}"}},"logprobs":null,"finish_reason":"function_call"}]`,
		string(chunks):     `"service_tier":"default","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"function_call"}]`,
	} {
		if !strings.Contains(where, want) || strings.Contains(where, "get") || strings.Contains(where, "tool_calls") {
			t.Errorf("%s, want in it %s", where, want)
		}
	}
	if chunks, tiers := strings.Count(string(chunks), "chat.completion.chunk"), strings.Count(string(chunks), "service_tier"); chunks != 4 || tiers != 4 {
		t.Errorf("%d of %d chunks name the service tier, want all of 4", tiers, chunks)
	}
}

func TestFormOf(t *testing.T) {
	for body, want := range map[string]openai.Form{
		`{}`: {},
		`{"stream_options":{"include_usage":true}}`:   {Usage: true},
		`{"usage":{"include":true}}`:                  {Usage: true},
		`{"functions":[{"name":"f"}]}`:                {Functions: true},
		`{"functions":[{"name":"f"}],"tools":[{}]}`:   {},
		`{"functions":[],"service_tier":"auto"}`:      {ServiceTier: true},
		`{"service_tier":null,"stream_options":null}`: {},
	} {
		chat, fault := openai.DecodeChatRequest([]byte(body))
		if fault != nil {
			t.Fatal(fault)
		}
		if got := openai.FormOf(chat); got != want {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
}
