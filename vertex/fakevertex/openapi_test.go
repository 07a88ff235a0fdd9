package fakevertex

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// openPath is an address behind endpoints/openapi.
func openPath(location, route string) string {
	return "/v1/projects/p/locations/" + location + "/endpoints/openapi/" + route
}

const (
	glm    = "zai-org/glm-5-maas"
	llama  = "meta/llama-3.3-70b-instruct-maas"
	gptOSS = "openai/gpt-oss-20b-maas"
	chatty = "chat/completions"
)

func TestOpenAPI(t *testing.T) {
	s := New(Options{})
	got := chatAt(t, s, openPath("us-central1", chatty), hi(llama, raw(`{"ignore_eos": true, "guided_json": {}}`)))
	if got.Choices[0].Message.Content != "You said: What is a vertex?" || got.Model != llama || got.Usage.Total != 12 || !strings.HasPrefix(got.ID, "chatcmpl-") {
		t.Errorf("got %+v", got)
	}
	if last := s.Requests()[0]; last.Publisher != "meta" || last.Model != "llama-3.3-70b-instruct-maas" || last.Method != chatty || last.Usage.Output != 7 {
		t.Errorf("journal %+v", last)
	}
	chatAt(t, s, strings.Replace(openPath("us-central1", chatty), "/v1/", "/v1beta1/", 1), hi(llama))

	chunks, done := streamAt(t, s, openPath("us-central1", chatty), hi(llama, set("stream", true)), "\n")
	for _, c := range chunks {
		if c.Usage != nil || len(c.Choices) != 1 {
			t.Errorf("got %+v, asked for no usage", c)
		}
	}
	if text, _ := joined(chunks); text != "You said: What is a vertex?" || !done || chunks[len(chunks)-1].Choices[0].Finish != "stop" {
		t.Errorf("done %v, %q", done, text)
	}
}

func TestOpenAPIUsage(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Cached: 3}}})
	body := hi(glm, raw(`{"stream": true, "stream_options": {"include_usage": true}, "n": 2}`))
	chunks, _ := streamAt(t, s, openPath("global", chatty), body, "\n")
	last := chunks[len(chunks)-1]
	if len(last.Choices) != 0 || last.Usage == nil || last.Usage.Details.Cached != 3 || last.Usage.More.Reasoning == 0 || last.Usage.Prompt != 5 {
		t.Errorf("got %+v", last)
	}
	if u := s.Requests()[0].Usage; u.Input != 2 || u.CacheRead != 3 || u.Output != last.Usage.Completion || u.Thinking != last.Usage.More.Reasoning {
		t.Errorf("journal %+v, told %+v", u, last.Usage)
	}
	seen := 0
	for _, c := range chunks {
		for _, choice := range c.Choices {
			seen = max(seen, choice.Index+1)
		}
	}
	if seen != 2 {
		t.Errorf("%d choices", seen)
	}
}

func TestReasoning(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Thinking: "Let me see.", Text: "A corner."}}})
	for _, test := range []struct{ model, location, fields, reasoning, text string }{
		{gptOSS, "us-central1", `{}`, "Let me see.", "A corner."},
		{llama, "us-central1", `{}`, "", "A corner."},
		{"deepseek-ai/deepseek-r1-0528-maas", "us-central1", `{}`, "", "<think>\nLet me see.\n</think>\n\nA corner."},
		{"deepseek-ai/deepseek-v3.1-maas", "us-west2", `{}`, "", "A corner."},
		{"deepseek-ai/deepseek-v3.1-maas", "us-west2", `{"chat_template_kwargs": {"thinking": true}}`, "Let me see.", "A corner."},
		{"qwen/qwen3-next-80b-a3b-thinking-maas", "global", `{}`, "Let me see.", "A corner."},
		{"xai/grok-4.20-non-reasoning", "global", `{}`, "", "A corner."},
	} {
		path := openPath(test.location, chatty)
		whole := chatAt(t, s, path, hi(test.model, raw(test.fields))).Choices[0].Message
		if whole.Content != test.text || whole.Reasoning != test.reasoning {
			t.Errorf("%s %s: got %+v", test.model, test.fields, whole)
		}
		chunks, _ := streamAt(t, s, path, hi(test.model, raw(test.fields), set("stream", true)), "\n")
		text, reasoning := joined(chunks)
		if text != test.text || reasoning != test.reasoning {
			t.Errorf("%s %s: streamed %q, %q", test.model, test.fields, reasoning, text)
		}
		empty := 0
		for _, c := range chunks {
			if len(c.Choices) == 0 {
				empty++
			}
		}
		if (empty > 0) != (test.model == gptOSS) {
			t.Errorf("%s: %d chunks without choices", test.model, empty)
		}
	}
	grok := chatAt(t, s, openPath("global", chatty), hi("xai/grok-4.20-reasoning")).Usage
	if grok.Completion != 3 || grok.Total != 5+3+3 {
		t.Errorf("usage of Grok: %+v", grok)
	}
}

func TestOpenAPITools(t *testing.T) {
	s := New(Options{})
	for _, test := range []struct{ model, location string }{{llama, "us-central1"}, {"google/gemini-3.5-flash", "global"}} {
		body := hi(test.model, raw(functions), set("tool_choice", "required"), set("stream", true))
		chunks, _ := streamAt(t, s, openPath(test.location, chatty), body, "\n")
		pieces := 0
		var name, arguments strings.Builder
		for _, c := range chunks {
			for _, call := range c.Choices[0].Delta.ToolCalls {
				piece, _ := call.Function.Arguments.(string)
				name.WriteString(call.Function.Name)
				arguments.WriteString(piece)
				pieces++
			}
		}
		if name.String() != "get_weather" || arguments.String() != `{"city":"What is a vertex?"}` || chunks[len(chunks)-1].Choices[0].Finish != "tool_calls" {
			t.Errorf("%s: %s %s of %+v", test.model, name.String(), arguments.String(), chunks)
		}
		if (pieces > 1) != (test.model == llama) {
			t.Errorf("%s: %d pieces", test.model, pieces)
		}
	}
}

func TestParallelCalls(t *testing.T) {
	s := New(Options{})
	for fields, want := range map[string]int{`{}`: 2, `{"parallel_tool_calls": false}`: 1, `{"tool_choice": "none"}`: 0} {
		body := hi(llama, raw(functions), raw(fields), talk(user("Two calls in parallel.")))
		got := chatAt(t, s, openPath("us-central1", chatty), body).Choices[0].Message.ToolCalls
		if len(got) != want || want == 2 && *got[1].Index != 1 {
			t.Errorf("%s: got %+v", fields, got)
		}
	}
}

func TestOpenCompletions(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Location: "us-west2", Text: "Well.", Calls: []Call{{Name: "f"}}}}})
	one := map[string]any{"model": "deepseek-ai/deepseek-v3.1-maas", "prompt": "Once"}
	if got := chatAt(t, s, openPath("us-west2", "completions"), one).Choices[0]; got.Text != "Well." || got.Finish != "stop" {
		t.Errorf("got %+v", got)
	}
	body := map[string]any{"model": glm, "prompt": "Once upon a time there was a vertex without any edge, and it was sad."}
	got := chatAt(t, s, openPath("global", "completions"), body)
	if got.Object != "text_completion" || got.Choices[0].Finish != "length" || got.Usage.Completion != 16 || !strings.HasPrefix(got.Choices[0].Text, "You said: Once") {
		t.Errorf("got %+v", got)
	}
	body["stream"] = true
	chunks, done := streamAt(t, s, openPath("global", "completions"), body, "\n")
	if text, _ := joined(chunks); text != got.Choices[0].Text || !done {
		t.Errorf("done %v, %q", done, text)
	}
}

func TestOpenAPIRefuses(t *testing.T) {
	s := New(Options{})
	for _, test := range []struct {
		route  string
		edit   edit
		status int
		want   string
	}{
		{chatty, set("model", "llama-3.3-70b-instruct-maas"), 400, "expected '{publisher}/{model}'"},
		{chatty, unset("model"), 400, "Malformed publisher model"},
		{chatty, set("model", "meta/llama-9"), 404, "projects/p/locations/us-central1/publishers/meta/models/llama-9` was not found"},
		{chatty, set("model", glm), 404, "publishers/zai-org/models/glm-5-maas` was not found"}, // it is on global
		{chatty, set("model", "anthropic/claude-opus-4-1"), 404, "was not found"},
		{"completions", set("prompt", "a"), 400, "The deployed model does not support Completions."},
		{"embeddings", set("input", "a"), 400, "The deployed model does not support Embeddings."},
		{chatty, unset("messages"), 400, `{"error":{"message":"messages: Field required","type":"BadRequestError","param":null,"code":400}}`},
		{chatty, talk(), 400, "at least one is required"},
		{chatty, set("max_tokens", 0), 400, "max_tokens: Input should be greater"},
		{chatty, set("max_tokens", 130_000), 400, "maximum context length is 128000 tokens. However, you requested 130005 tokens (5 in the messages, 130000 in the completion)"},
		{chatty, raw(`{"messages": [{"role": "robot", "content": "a"}]}`), 400, "messages.0.role"},
	} {
		res, text := post(t, s, openPath("us-central1", test.route), hi(llama, test.edit))
		if res.StatusCode != test.status || !strings.Contains(text, test.want) || strings.HasPrefix(text, "[") {
			t.Errorf("got %s %s, want %d %s", res.Status, text, test.status, test.want)
		}
	}
	if _, text := post(t, s, openPath("global", chatty), hi(llama, set("stream", true))); !strings.HasPrefix(text, "[") {
		t.Errorf("Google's error of a stream is no array: %s", text)
	}
	if _, text := post(t, s, openPath("global", chatty), hi("xai/grok-4.3", set("reasoning_effort", "low"))); !strings.Contains(text, "does not support parameter reasoningEffort") {
		t.Errorf("got %s", text)
	}
}

func TestOpenAPIFailures(t *testing.T) {
	path := openPath("us-central1", chatty)
	checkFailures(t, path, hi(llama), []failure{
		{Scenario{Model: llama, Status: 429}, 429, "Resource has been exhausted (e.g. check quota)."},
		{Scenario{Method: chatty, Status: 400, Message: "no"}, 400, `{"error":{"message":"no","type":"BadRequestError","param":null,"code":400}}`},
		{Scenario{Status: 500}, 500, "Internal error encountered."},
		{Scenario{Status: 403}, 403, "resource '//aiplatform.googleapis.com/projects/p/locations/us-central1/endpoints/openapi'"},
		{Scenario{Status: 401}, 401, "PredictionService.ChatCompletions"},
		{Scenario{Method: "embeddings", Status: 500}, 200, "You said"},
		{Scenario{HTML: true}, 502, "<html>"},
	})
	_, text := post(t, New(Options{Scenarios: []Scenario{{ErrorAfter: 3, ErrorType: "BadRequestError", Message: "sorry"}}}), path, hi(llama, set("stream", true)))
	want := `data: {"error":{"message":"sorry","type":"BadRequestError","param":null,"code":500}}` + "\n\ndata: [DONE]\n\n"
	if !strings.HasSuffix(text, want) {
		t.Errorf("got %s", text)
	}
}

// TestClientOfOpenAPI: OpenAI's own client reads the streams.
func TestClientOfOpenAPI(t *testing.T) {
	server := httptest.NewServer(New(Options{}))
	defer server.Close()
	client := openai.NewClient(option.WithBaseURL(server.URL+openPath("us-central1", "")), option.WithAPIKey("token"))
	stream := client.Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{
		Model:         gptOSS,
		Messages:      []openai.ChatCompletionMessageParamUnion{openai.UserMessage("What is a vertex?")},
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
	})
	var sum openai.ChatCompletionAccumulator
	for stream.Next() {
		sum.AddChunk(stream.Current())
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("You said: What is a vertex?", sum.Choices[0].Message.Content); diff != "" || sum.Usage.TotalTokens == 0 {
		t.Errorf("%s, usage %+v", diff, sum.Usage)
	}
}
