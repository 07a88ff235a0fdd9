package proxy_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"

	"vertexgateway/config"
	"vertexgateway/translate/catalogue"
	"vertexgateway/vertex/fakevertex"
)

// configured is what the configuration calls the model of a test.
const configured = "mine"

// as configures a model of the catalogue; more is further members of its entry.
func as(id, more string) string {
	return "models: [{name: " + configured + ", model: " + id + more + "}]\n"
}

// partnerAsk is a question to the configured model.
func partnerAsk(text string) openai.ChatCompletionNewParams {
	params := officialAsk(text)
	params.Model = configured
	return params
}

// partners are the models that answer chat requests and are not Anthropic's.
func partners() []*catalogue.Model {
	return slices.DeleteFunc(config.Default().Catalogue.Models(), func(m *catalogue.Model) bool {
		return m.API == catalogue.APIMessages || !m.Offers(catalogue.PathChat)
	})
}

// spread are partners with two locations, one of each API and of each form of it.
var spread = []string{"mistral-medium-3", "codestral-2", "jamba-1.5-large", "gpt-oss-120b-maas", "gemini-3.8-flash"}

// inModes runs a test of each model, unary and streamed; name is that of the case.
func inModes(t *testing.T, name string, models []string, test func(t *testing.T, id string, stream bool)) {
	t.Helper()
	for _, id := range models {
		for mode, stream := range modes {
			t.Run(strings.TrimPrefix(name+", ", ", ")+id+", "+mode, func(t *testing.T) { test(t, id, stream) })
		}
	}
}

func ids(models []*catalogue.Model) []string {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.Publisher + "/" + m.ID
	}
	return names
}

// wantBill compares what a client and the metrics are told with what the emulator took for
// its last answer.
func (w *world) wantBill(path string, prompt, completion, total int64) {
	w.t.Helper()
	requests := w.vertex.Requests()
	billed := requests[len(requests)-1].Usage
	if prompt != int64(billed.Prompt()) || total != int64(billed.Prompt()+billed.Output) || total == 0 {
		w.t.Errorf("usage %d + %d = %d, billed %+v", prompt, completion, total, billed)
	}
	if apart := total - prompt - completion; apart != 0 && apart != int64(billed.Thinking) { // Grok's reasoning is beside the completion
		w.t.Errorf("usage %d + %d = %d, billed %+v", prompt, completion, total, billed)
	}
	told := make(map[string]float64)
	for kind, n := range map[string]int{"input": billed.Input, "output": billed.Output, "cache_read": billed.CacheRead, "reasoning": billed.Thinking} {
		if n > 0 {
			told[`model="`+configured+`",team="",type="`+kind+`"`] = float64(n)
		}
	}
	w.wantSeries("gateway_tokens_total", told)
	w.wantSeries("gateway_requests_total", map[string]float64{`endpoint="` + path + `",model="` + configured + `",status="200",team=""`: float64(len(requests))})
}

// wantCall checks where the last call went.
func (w *world) wantCall(m *catalogue.Model, method string) {
	w.t.Helper()
	requests := w.vertex.Requests()
	r := requests[len(requests)-1]
	if r.Publisher != m.Publisher || r.Model != m.ID || r.Location != m.Locations[0] || r.Method != method {
		w.t.Errorf("called %s/%s in %s by %s", r.Publisher, r.Model, r.Location, r.Method)
	}
}

func partnerMethod(m *catalogue.Model, stream bool) string {
	switch {
	case m.API == catalogue.APIOpenAPI:
		return "chat/completions"
	case stream:
		return "streamRawPredict"
	}
	return "rawPredict"
}

// Every model of the catalogue answers under the name of the configuration, and costs what
// it is said to cost.
func TestPartnersChat(t *testing.T) {
	for _, m := range partners() {
		inModes(t, "", ids([]*catalogue.Model{m}), func(t *testing.T, id string, stream bool) {
			w := newWorld(t, as(id, ""), fakevertex.Scenario{Cached: 2})
			a, _, err := officialAnswer(t.Context(), w.official(), partnerAsk("How are you?"), stream)
			if err != nil {
				t.Fatal(err)
			}
			c := a.Choices[0]
			if len(a.Choices) != 1 || !strings.HasSuffix(c.Message.Content, "You said: How are you?") || c.FinishReason != "stop" || c.Message.Role != "assistant" || a.Model != configured || a.ID == "" {
				t.Errorf("answer %+v", a)
			}
			w.wantCall(m, partnerMethod(m, stream))
			w.wantBill("chat_completions", a.Usage.PromptTokens, a.Usage.CompletionTokens, a.Usage.TotalTokens)
			first := fmt.Sprintf(`location="%s",model="%s"`, m.Locations[0], configured)
			w.wantSeries("gateway_time_to_first_token_seconds_count", map[string]float64{first: 1})
		})
	}
}

// What the SDK does not mind is seen by the schema.
func TestPartnersSchema(t *testing.T) {
	for _, m := range partners() {
		t.Run(m.ID, func(t *testing.T) {
			w := newWorld(t, as(m.Publisher+"/"+m.ID, ""), fakevertex.Scenario{Thinking: "Let me see."})
			plain := w.chat(configured, "").completion()
			r := w.chat(configured, streamed+`,"stream_options":{"include_usage":true}`)
			tr := r.transcript()
			if content := text(plain.Choices[0].Message.Content); tr.text != content || content == "" || tr.reasoning != plain.Choices[0].Message.ReasoningContent || !tr.done {
				t.Errorf("stream %+v, whole %+v", tr, plain)
			}
			reasons := w.vertex.Requests()[0].Usage.Thinking > 0
			said := tr.reasoning + tr.text // DeepSeek R1 has its reasoning in the text
			if strings.Contains(said, "Let me see.") != reasons {
				t.Errorf("reasoning %q, text %q", tr.reasoning, tr.text)
			}
			last := tr.chunks[len(tr.chunks)-1]
			if last.Usage == nil || *last.Usage != *plain.Usage {
				t.Errorf("last chunk %+v, want usage %+v", last, plain.Usage)
			}
			r.wantHeaders("Content-Type", "text/event-stream; charset=utf-8", "X-Gateway-Model", m.ID, "X-Gateway-Location", m.Locations[0], "X-Gateway-Attempts", "1", "X-Gateway-Warnings", "")
		})
	}
}

// A model that reasons shows it, and is paid for it.
func TestPartnersReasoning(t *testing.T) {
	for _, id := range []string{"gpt-oss-120b-maas", "kimi-k2-thinking-maas", "minimax-m2-maas", "glm-5-maas", "deepseek-v3.2-maas"} {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t, as(id, ""), fakevertex.Scenario{Thinking: "Let me see."})
			const asked = `"chat_template_kwargs":{"thinking":true}`
			plain := w.chat(configured, asked).completion()
			tr := w.chat(configured, asked+","+streamed).transcript()
			if got := plain.Choices[0].Message.ReasoningContent; got != "Let me see." || tr.reasoning != got {
				t.Errorf("reasoning %q, streamed %q", got, tr.reasoning)
			}
			reasoning := `gateway_tokens_total{model="` + configured + `",team="",type="reasoning"}`
			if got, want := int(w.series()[reasoning]), w.billed().Thinking; got != want || got == 0 {
				t.Errorf("%d tokens of reasoning, billed %d", got, want)
			}
		})
	}
}

// The time to the first token is told of whole answers and of streams.
func TestPartnersFirstToken(t *testing.T) {
	inModes(t, "", spread, func(t *testing.T, id string, stream bool) {
		synctest.Test(t, func(t *testing.T) {
			w := newBubble(t, as(id, ", locations: [us-central1]"), fakevertex.Scenario{Delay: 3 * time.Second})
			if strings.HasPrefix(id, "gemini") {
				w = newBubble(t, as(id, ", locations: [us]"), fakevertex.Scenario{Delay: 3 * time.Second})
			}
			if _, _, err := officialAnswer(t.Context(), w.official(), partnerAsk("How are you?"), stream); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			for labels, sum := range of(w.series(), "gateway_time_to_first_token_seconds_sum") {
				if sum != 3 {
					t.Errorf("%s: %v s, want 3", labels, sum)
				}
			}
			if len(of(w.series(), "gateway_time_to_first_token_seconds_sum")) != 1 {
				t.Error("no time to the first token")
			}
		})
	})
}

// twoTools are the tools that toolQuestions ask for.
func twoTools() []openai.ChatCompletionToolUnionParam {
	var all []openai.ChatCompletionToolUnionParam
	for _, name := range []string{"get_weather", "get_time"} {
		all = append(all, openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: name, Description: openai.String("Gets it."), Parameters: citySchema}))
	}
	return all
}

// roundTrip has tools called and sends their results back.
func roundTrip(t *testing.T, w *world, question string, want []string, stream bool) {
	t.Helper()
	params := partnerAsk(question)
	params.Tools = twoTools()
	first, finished, err := officialAnswer(t.Context(), w.official(), params, stream)
	if err != nil {
		t.Fatal(err)
	}
	message := first.Choices[0].Message
	if first.Choices[0].FinishReason != "tool_calls" || len(message.ToolCalls) != len(want) {
		t.Fatalf("finish %s, calls %+v", first.Choices[0].FinishReason, message.ToolCalls)
	}
	params.Messages = append(params.Messages, message.ToParam())
	for i, call := range message.ToolCalls {
		if call.ID == "" || call.ID == "null" || call.Type != "function" || call.Function.Name != want[i] {
			t.Errorf("call %+v, want %s", call, want[i])
		}
		checkArguments(t, call.Function.Arguments)
		params.Messages = append(params.Messages, openai.ToolMessage("sunny in "+want[i], call.ID))
	}
	if stream {
		checkFinished(t, finished, message.ToolCalls)
	}
	w.vertex.Set()
	second, _, err := officialAnswer(t.Context(), w.official(), params, stream)
	if err != nil {
		t.Fatal(err)
	}
	if c := second.Choices[0]; c.FinishReason != "stop" || !strings.HasSuffix(c.Message.Content, "The tool answered: sunny in "+want[len(want)-1]) {
		t.Errorf("answer %q, finish %s", c.Message.Content, c.FinishReason)
	}
	w.wantCallsAnswered(len(want))
}

// wantCallsAnswered checks that the last call brings upstream each tool call with its result.
func (w *world) wantCallsAnswered(calls int) {
	w.t.Helper()
	requests := w.vertex.Requests()
	var called, answered []string
	for _, m := range decode[struct {
		Messages []struct {
			Calls []struct {
				ID string `json:"id"`
			} `json:"tool_calls"`
			Call string `json:"tool_call_id"`
		}
	}](w.t, requests[len(requests)-1].Body).Messages {
		for _, c := range m.Calls {
			called = append(called, c.ID)
		}
		if m.Call != "" {
			answered = append(answered, m.Call)
		}
	}
	if len(called) != calls || !cmp.Equal(called, answered) || len(slices.Compact(slices.Sorted(slices.Values(called)))) != calls {
		w.t.Errorf("calls %v, results %v", called, answered)
	}
}

func TestPartnersTools(t *testing.T) {
	for name, q := range toolQuestions {
		inModes(t, name, ids(partners()), func(t *testing.T, id string, stream bool) {
			roundTrip(t, newWorld(t, as(id, "")), q.text, q.calls, stream)
		})
	}
}

// Mistral and Jamba write calls in ways that OpenAI's clients would stumble over.
func TestPartnersSloppyCalls(t *testing.T) {
	for name, sloppy := range map[string]fakevertex.Scenario{
		"arguments that are objects":   {ObjectArguments: true},
		"no index, no type and no id":  {Nameless: true},
		"all of it and a list of text": {ObjectArguments: true, Nameless: true, Chunked: true},
	} {
		inModes(t, name, []string{"mistral-medium-3", "mistral-small-2503", "codestral-2", "jamba-1.5-large", "jamba-1.5-mini"}, func(t *testing.T, id string, stream bool) {
			q := toolQuestions["parallel calls"]
			roundTrip(t, newWorld(t, as(id, ""), sloppy), q.text, q.calls, stream)
		})
	}
}

// Calls of another provider's model go on with one that is strict about their ids.
func TestPartnersForeignCalls(t *testing.T) {
	const history = `{"model":"mine","messages":[{"role":"user","content":"How is the weather?"},
		{"role":"assistant","content":null,"tool_calls":[{"id":"toolu_vrtx_01A","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}},
			{"id":"toolu_vrtx_01B","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Bergen\"}"}}]},
		{"role":"tool","tool_call_id":"toolu_vrtx_01A","content":"sun"},{"role":"tool","tool_call_id":"toolu_vrtx_01B","content":"rain"},
		{"role":"user","content":"And now?"}],"tools":[{"type":"function","function":{"name":"get_weather"}}],"tool_choice":"none"}`
	for _, id := range []string{"mistral-medium-3", "jamba-1.5-large", "gemini-3.8-flash"} {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t, as(id, ""))
			if c := w.post("/v1/chat/completions", history).completion(); !strings.HasSuffix(text(c.Choices[0].Message.Content), "You said: And now?") {
				t.Errorf("answer %+v", c)
			}
			w.wantCallsAnswered(2)
		})
	}
}

// Mistral's reasoning comes as a chunk of its content.
func TestMistralThinking(t *testing.T) {
	w := newWorld(t, as("mistral-medium-3", ""), fakevertex.Scenario{Chunked: true, Thinking: "Let me see."})
	c := w.chat(configured, "").completion().Choices[0].Message
	tr := w.chat(configured, streamed).transcript()
	if c.ReasoningContent != "Let me see." || text(c.Content) != "You said: How are you?" || tr.reasoning != c.ReasoningContent || tr.text != text(c.Content) {
		t.Errorf("message %+v, stream %+v", c, tr)
	}
}

func TestPartnersStructuredOutput(t *testing.T) {
	models := slices.DeleteFunc(partners(), func(m *catalogue.Model) bool { return m.API == catalogue.APIJamba })
	inModes(t, "", ids(models), func(t *testing.T, id string, stream bool) {
		w := newWorld(t, as(id, ""))
		params := partnerAsk("Oslo")
		params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "forecast", Schema: citySchema, Strict: openai.Bool(true)}}
		a, _, err := officialAnswer(t.Context(), w.official(), params, stream)
		if err != nil {
			t.Fatal(err)
		}
		content := a.Choices[0].Message.Content
		_, object, _ := strings.Cut(content, "{")
		checkArguments(t, "{"+object)
	})
}

// Jamba has JSON, but no schemas, and says so.
func TestJambaJSON(t *testing.T) {
	w := newWorld(t, as("jamba-1.5-large", ""))
	for mode, stream := range modes {
		params := partnerAsk("Oslo")
		params.ResponseFormat.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
		a, _, err := officialAnswer(t.Context(), w.official(), params, stream)
		if err != nil || !json.Valid([]byte(a.Choices[0].Message.Content)) {
			t.Errorf("%s: %+v, %v", mode, a, err)
		}
	}
	schema := `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}`
	w.chat(configured, schema).failure(400, "unsupported_value", "response_format.type")
}

// Models are known by the names that clients have for them.
func TestPartnersNames(t *testing.T) {
	w := newWorld(t, "")
	for name, want := range map[string]string{
		"codestral-2@001": "codestral-2", "mistralai/codestral-2": "codestral-2", "mistral-large@2411-001": "mistral-large-2411",
		"google/gemini-3.8-flash": "gemini-3.8-flash", "vertex_ai/jamba-1.5-mini@001": "jamba-1.5-mini", "openai/gpt-oss-20b-maas": "gpt-oss-20b-maas",
		"meta/llama-3.3-70b-instruct-maas": "llama-3.3-70b-instruct-maas",
	} {
		r := w.chat(name, "")
		r.wantHeaders("X-Gateway-Model", want)
		if r.status != http.StatusOK || decode[completion](t, r.body).Model != name {
			t.Errorf("%s: status %d, %s", name, r.status, r.body)
		}
	}
	for _, m := range partners() {
		one, err := newWorld(t, as(m.Publisher+"/"+m.ID, "")).official().Models.Get(t.Context(), configured)
		if err != nil || one.ID != configured || one.OwnedBy != m.Publisher {
			t.Errorf("%s: %+v, %v", m.ID, one, err)
		}
	}
}

// Pictures go to models that see, as data where the model reaches nothing.
func TestPartnersImage(t *testing.T) {
	data := grayPNG(t)
	picture, _ := base64.StdEncoding.DecodeString(data)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture) }))
	t.Cleanup(site.Close)
	inline := "data:image/png;base64," + data
	for _, tt := range []struct{ id, url, want string }{
		{"mistral-medium-3", inline, inline}, {"mistral-medium-3", site.URL, inline}, {"gemini-3.8-flash", inline, inline},
		{"llama-4-maverick-17b-128e-instruct-maas", "https://a.example/b.png", "https://a.example/b.png"},
	} {
		w := newWorld(t, as(tt.id, "")+"fetch: {allow_private: [127.0.0.0/8]}\n")
		params := partnerAsk("")
		params.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart("What is it?"), openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: tt.url}),
		})}
		if _, err := w.official().Chat.Completions.New(t.Context(), params); err != nil {
			t.Errorf("%s: %v", tt.id, err)
			continue
		}
		if sent := string(w.vertex.Requests()[0].Body); !strings.Contains(sent, `"`+tt.want+`"`) {
			t.Errorf("%s: sent %s", tt.id, sent)
		}
	}
}
