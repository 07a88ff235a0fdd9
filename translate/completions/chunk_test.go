package completions_test

import (
	"strings"
	"testing"

	"vertexgateway/translate/completions"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
)

var (
	head  = openai.Head{ID: "msg_01X", Created: 1795305600, Model: `a "b"`}
	usage = openai.Usage{Input: 8, CacheRead: 4, Output: 7, Reasoning: 3}
)

// answer has deltas that show, and some that do not.
var answer = []openai.Delta{
	{Kind: openai.DeltaReasoning, Text: openai.Escaped("hm")},
	{Kind: openai.DeltaContent, Text: openai.Escaped(`a\n`)},
	{Kind: openai.DeltaPassage, Passage: &openai.Passage{}},
	{Kind: openai.DeltaContent, Text: openai.Escaped(`\u00e9`)},
	{Kind: openai.DeltaToolCall, ID: "b", Name: "c"},
}

const (
	start       = `{"id":"cmpl-01X","object":"text_completion","created":1795305600,"model":"a \"b\"","choices":[`
	wantedUsage = `"usage":{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}`
)

func TestChunks(t *testing.T) {
	for _, tt := range []struct {
		usage  bool
		no     string // usage on ordinary chunks
		reason string
		want   string
	}{
		{false, "", openai.FinishStop, "stop"},
		{true, `,"usage":null`, openai.FinishLength, "length"},
		{false, "", openai.FinishContentFilter, "content_filter"},
		{false, "", openai.FinishToolCalls, "stop"},
	} {
		w := completions.NewChunkWriter(head, tt.usage)
		var got []byte
		for _, d := range answer {
			got = w.Append(got, d)
		}
		got = w.AppendEnd(got, openai.Ending{FinishReason: tt.reason, Usage: usage})
		more := `","index":0,"logprobs":null,"finish_reason":null}]` + tt.no + "}\n\n"
		want := "data: " + start + `{"text":"a\n` + more + "data: " + start + `{"text":"\u00e9` + more +
			"data: " + start + `{"text":"","index":0,"logprobs":null,"finish_reason":"` + tt.want + `"}]` + tt.no + "}\n\n"
		if tt.usage {
			want += "data: " + start + `],` + wantedUsage + "}\n\n"
		}
		if want += "data: [DONE]\n\n"; string(got) != want {
			t.Errorf("got\n%s, want\n%s", got, want)
		}
	}
}

func TestChunksFitTheSchema(t *testing.T) {
	schema := openaitest.Load(t)
	w := completions.NewChunkWriter(head, true)
	out := w.AppendEnd(w.Append(nil, answer[1]), openai.Ending{FinishReason: openai.FinishStop, Usage: usage})
	// The schema knows no reason and no usage that is null; the API has both in its streams.
	text := strings.NewReplacer(`"finish_reason":null`, `"finish_reason":"stop"`, `,"usage":null`, ``).Replace(string(out))
	checked := 0
	for line := range strings.Lines(text) {
		if data, ok := strings.CutPrefix(line, "data: {"); ok {
			schema.Check(t, "CreateCompletionResponse", []byte("{"+data))
			checked++
		}
	}
	if checked != 3 {
		t.Errorf("%d chunks, want 3", checked)
	}
}

func TestFold(t *testing.T) {
	var f completions.Fold
	for _, d := range answer {
		f.Add(d)
	}
	got := string(f.Append(nil, head, openai.Ending{FinishReason: openai.FinishLength, Usage: usage}))
	want := start + `{"text":"a\n\u00e9","index":0,"logprobs":null,"finish_reason":"length"}],` + wantedUsage + `}`
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	openaitest.Load(t).Check(t, "CreateCompletionResponse", []byte(got))
}

// What an upstream wrote itself passes on.
func TestPassed(t *testing.T) {
	w := completions.NewChunkWriter(head, true)
	out := w.Append(nil, openai.Delta{Kind: openai.DeltaChunk, Text: openai.Escaped(`{"a":1}`)})
	out = w.AppendEnd(out, openai.Ending{Passed: true})
	if want := "data: {\"a\":1}\n\ndata: [DONE]\n\n"; string(out) != want {
		t.Errorf("%s, want %s", out, want)
	}
	var f completions.Fold
	f.Add(openai.Delta{Kind: openai.DeltaCompletion, Text: openai.Escaped(`{"a":1}`)})
	if got := string(f.Append(nil, head, openai.Ending{Passed: true})); got != `{"a":1}` {
		t.Error(got)
	}
}
