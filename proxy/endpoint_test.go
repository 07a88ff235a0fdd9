package proxy_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"vertexgateway/vertex/fakevertex"
)

// Endpoints that the emulator has in every project.
const (
	tunedEndpoint   = "us-central1/endpoints/1234567890"  // with a host of its own
	sharedEndpoint  = "us-central1/endpoints/2345678901"  // without one, and with an older container
	privateEndpoint = "us-central1/endpoints/3456789012"  // behind Private Service Connect
	emptyEndpoint   = "us-central1/endpoints/4567890123"  // without a model
	sleepyEndpoint  = "us-central1/endpoints/5678901234"  // that refuses twice before it is awake
	vectorEndpoint  = "europe-west4/endpoints/6789012345" // of an embedding model
	noEndpoint      = "us-central1/endpoints/1111111111"  // that there is none of
)

// own is the name of the endpoint's model in the configurations here.
const own = "llama"

// ownModel is a configuration with an endpoint; more are members of its entry.
func ownModel(endpoint, more string) string {
	return "models:\n  - {name: " + own + ", endpoint: projects/test-project/locations/" + endpoint + more + "}\n  - {name: " + model + "}\n"
}

// method makes a scenario for one of the emulator's methods.
func method(name string, s fakevertex.Scenario) fakevertex.Scenario {
	s.Method = name
	return s
}

const (
	containerChat = "chat/completions"
	describe      = "describe"
)

// called are the requests that the emulator had for a method.
func (w *world) called(method string) (found []*fakevertex.Request) {
	for _, r := range w.vertex.Requests() {
		if r.Method == method {
			found = append(found, r)
		}
	}
	return found
}

// wantCalled checks how often a method was called.
func (w *world) wantCalled(method string, times int) {
	w.t.Helper()
	if got := len(w.called(method)); got != times {
		w.t.Errorf("%s was called %d times, want %d", method, got, times)
	}
}

func ownAsk(text string) openai.ChatCompletionNewParams {
	params := officialAsk(text)
	params.Model = own
	return params
}

// wantBilled compares usage that a client was told with what was billed.
func wantBilled(t *testing.T, prompt, completion, total int64, billed fakevertex.Usage) {
	t.Helper()
	if int(prompt) != billed.Prompt() || int(completion) != billed.Output || total != prompt+completion || billed.Output == 0 {
		t.Errorf("usage %d + %d = %d, billed %+v", prompt, completion, total, billed)
	}
}

func TestOwnChat(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint, more string
		upstream       string // the name that the container is told
	}{
		"own host":          {tunedEndpoint, "", "4561"},
		"shared host":       {sharedEndpoint, "", "4562"},
		"name configured":   {tunedEndpoint, ", upstream_model: '1234567890'", "1234567890"},
		"limit of its own":  {tunedEndpoint, ", max_tokens: 77", "4561"},
		"shared, its names": {sharedEndpoint, ", upstream_model: '4562'", "4562"},
	} {
		for mode, stream := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, ownModel(test.endpoint, test.more))
				a, _, err := officialAnswer(t.Context(), w.official(), ownAsk("How are you?"), stream)
				if err != nil {
					t.Fatal(err)
				}
				if c := a.Choices[0]; len(a.Choices) != 1 || c.Message.Content != "You said: How are you?" || c.FinishReason != "stop" || a.Model != own {
					t.Errorf("answer %+v", a)
				}
				call := w.called(containerChat)[0]
				wantBilled(t, a.Usage.PromptTokens, a.Usage.CompletionTokens, a.Usage.TotalTokens, call.Usage)
				if want := "/v1beta1/projects/test-project/locations/" + test.endpoint + "/chat/completions"; call.URL != want || call.Header.Get("Authorization") != "Bearer "+testToken {
					t.Errorf("called %s with %q, want %s", call.URL, call.Header, want)
				}
				sent := decode[map[string]any](t, call.Body)
				if _, limited := sent["max_tokens"]; sent["model"] != test.upstream || limited != strings.Contains(test.more, "max_tokens") {
					t.Errorf("sent %s, want the model %s", call.Body, test.upstream)
				}
			})
		}
	}
}

// A request reaches the container byte for byte, but for the model's name and for what a
// stream needs to be metered.
func TestOwnRequestIsKept(t *testing.T) {
	const (
		before = `{ "ignore_eos":true,"top_k": 40 ,	"model":`
		after  = `,"guided_json":{"type":"object","z":1,"a":[1.50,1e2]},
 "messages":[{"role":"user","content":"caf\u00e9 \/ é","name":null}],"unknown":{"b":4.0e1,"a":12345678901234567890},"max_tokens":3`
	)
	for name, test := range map[string]struct{ end, want string }{
		"unary":                    {" }", " }"},
		"streamed":                 {`, "stream" :true}`, `, "stream" :true,"stream_options":{"include_usage":true}}`},
		"streamed without usage":   {`,"stream":true,"stream_options":{ "include_usage":false,"x":1}}`, `,"stream":true,"stream_options":{ "include_usage":true,"x":1}}`},
		"streamed, usage asked":    {`,"stream":true,"stream_options":{"include_usage":true}}`, `,"stream":true,"stream_options":{"include_usage":true}}`},
		"streamed, usage each way": {`,"stream":true,"stream_options":{"continuous_usage_stats":true}}`, `,"stream":true,"stream_options":{"continuous_usage_stats":true,"include_usage":true}}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ownModel(tunedEndpoint, ""), fakevertex.Scenario{Text: "any"})
			r := w.post("/v1/chat/completions", before+`"`+own+`"`+after+test.end)
			calls := w.called(containerChat)
			if len(calls) != 1 {
				t.Fatalf("status %d: %s", r.status, r.body)
			}
			if diff := cmp.Diff(before+`"4561"`+after+test.want, string(calls[0].Body)); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

// What only vLLM knows works with OpenAI's client.
func TestOwnParameters(t *testing.T) {
	for name, test := range map[string]struct {
		extra        map[string]any
		text, finish string
	}{
		"ignore_eos":    {map[string]any{"ignore_eos": true, "max_tokens": 3, "top_k": 40}, "ping pong pi", "length"},
		"guided_json":   {map[string]any{"guided_json": citySchema}, `{"city":"How are you?"}`, "stop"},
		"guided_choice": {map[string]any{"guided_choice": []string{"yes", "no"}}, "yes", "stop"},
	} {
		for mode, stream := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, ownModel(tunedEndpoint, ""))
				params := ownAsk("How are you?")
				params.SetExtraFields(test.extra)
				a, _, err := officialAnswer(t.Context(), w.official(), params, stream)
				if err != nil {
					t.Fatal(err)
				}
				if c := a.Choices[0]; c.Message.Content != test.text || c.FinishReason != test.finish {
					t.Errorf("answer %q, finish %s", c.Message.Content, c.FinishReason)
				}
			})
		}
	}
}

func TestOwnTools(t *testing.T) {
	for name, q := range toolQuestions {
		for mode, stream := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, ownModel(tunedEndpoint, ""))
				params := ownAsk(q.text)
				for _, tool := range []string{"get_weather", "get_time"} {
					params.Tools = append(params.Tools, openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: tool, Parameters: citySchema}))
				}
				first, finished, err := officialAnswer(t.Context(), w.official(), params, stream)
				if err != nil {
					t.Fatal(err)
				}
				message := first.Choices[0].Message
				if first.Choices[0].FinishReason != "tool_calls" || len(message.ToolCalls) != len(q.calls) {
					t.Fatalf("finish %s, calls %+v", first.Choices[0].FinishReason, message.ToolCalls)
				}
				if stream {
					checkFinished(t, finished, message.ToolCalls)
				}
				params.Messages = append(params.Messages, message.ToParam())
				var ids []string
				for i, call := range message.ToolCalls {
					if call.Function.Name != q.calls[i] {
						t.Errorf("call %+v, want %s", call, q.calls[i])
					}
					checkArguments(t, call.Function.Arguments)
					ids = append(ids, call.ID)
					params.Messages = append(params.Messages, openai.ToolMessage("sunny in "+q.calls[i], call.ID))
				}
				second, _, err := officialAnswer(t.Context(), w.official(), params, stream)
				if err != nil {
					t.Fatal(err)
				}
				if c := second.Choices[0]; c.FinishReason != "stop" || c.Message.Content != "The tool answered: sunny in "+q.calls[len(q.calls)-1] {
					t.Errorf("answer %q, finish %s", c.Message.Content, c.FinishReason)
				}
				w.wantOwnResults(ids)
			})
		}
	}
}

// wantOwnResults checks that the second chat brought the container the result of each call.
func (w *world) wantOwnResults(ids []string) {
	w.t.Helper()
	body := decode[struct {
		Messages []struct {
			Calls []struct{ ID string } `json:"tool_calls"`
			Call  string                `json:"tool_call_id"`
		}
	}](w.t, w.called(containerChat)[1].Body)
	var called, answered []string
	for _, m := range body.Messages {
		for _, c := range m.Calls {
			called = append(called, c.ID)
		}
		if m.Call != "" {
			answered = append(answered, m.Call)
		}
	}
	if !cmp.Equal(called, ids) || !cmp.Equal(answered, ids) {
		w.t.Errorf("calls %v, results %v, want %v", called, answered, ids)
	}
}

// Usage is asked for in every stream, and told only to those who asked.
func TestOwnStreamWithoutUsage(t *testing.T) {
	for endpoint, label := range map[string]string{tunedEndpoint: "4561", sharedEndpoint: "4562"} {
		w := newWorld(t, ownModel(endpoint, ""))
		chunks := w.official().Chat.Completions.NewStreaming(t.Context(), ownAsk("How are you?"))
		var acc openai.ChatCompletionAccumulator
		for chunks.Next() {
			if chunk := chunks.Current(); chunk.JSON.Usage.Raw() != "" || len(chunk.Choices) != 1 || chunk.Model != own || !acc.AddChunk(chunk) {
				t.Errorf("%s: chunk %s", label, chunk.RawJSON())
			}
		}
		if err := chunks.Err(); err != nil || acc.Choices[0].FinishReason != "stop" {
			t.Errorf("%s: error %v, answer %+v", label, err, acc.ChatCompletion)
		}
		billed := w.called(containerChat)[0].Usage
		if line := w.line().ContextMap(); line["output_tokens"] != int64(billed.Output) || line["input_tokens"] != int64(billed.Prompt()) || billed.Output == 0 {
			t.Errorf("%s: logged %v, billed %+v", label, line, billed)
		}
	}
}

func TestOwnCompletions(t *testing.T) {
	const text = "One, two, three, four, five, six, seven."
	for mode, stream := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, ownModel(tunedEndpoint, ""), fakevertex.Scenario{Text: text})
			params := openai.CompletionNewParams{Model: own, Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Count.")},
				MaxTokens: openai.Int(50), Temperature: openai.Float(0.5), User: openai.String("somebody")}
			params.SetExtraFields(map[string]any{"top_k": 1, "ignore_eos": false})
			a, err := ownCompletion(t.Context(), w.official(), params, stream)
			if err != nil {
				t.Fatal(err)
			}
			if c := a.Choices[0]; c.Text != text || c.FinishReason != "stop" || a.Model != own || !strings.HasPrefix(a.ID, "cmpl-") || a.Object != "text_completion" {
				t.Errorf("answer %+v", a)
			}
			name, want := "predict", map[string]any{"prompt": "Count.", "max_tokens": 50.0, "temperature": 0.5, "top_k": 1.0, "ignore_eos": false, "raw_response": true}
			if stream {
				name, want["stream"] = "streamRawPredict", true
			}
			call := w.called(name)[0]
			if diff := cmp.Diff(map[string]any{"instances": []any{want}}, decode[map[string]any](t, call.Body)); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			if want := "/v1/projects/test-project/locations/" + tunedEndpoint + ":" + name; call.URL != want {
				t.Errorf("called %s, want %s", call.URL, want)
			}
			// The route counts what it writes, and nothing else (vertex.md 8.3).
			if got := int(a.Usage.CompletionTokens); got != call.Usage.Output || got == 0 || a.Usage.TotalTokens != a.Usage.PromptTokens+a.Usage.CompletionTokens {
				t.Errorf("usage %+v, billed %+v", a.Usage, call.Usage)
			}
		})
	}
}

// ownCompletion is one answer of the old API.
func ownCompletion(ctx context.Context, c *openai.Client, params openai.CompletionNewParams, stream bool) (*openai.Completion, error) {
	if !stream {
		return c.Completions.New(ctx, params)
	}
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	chunks := c.Completions.NewStreaming(ctx, params)
	defer chunks.Close()
	whole := &openai.Completion{Choices: make([]openai.CompletionChoice, 1)}
	for chunks.Next() {
		chunk := chunks.Current()
		whole.ID, whole.Model, whole.Object = chunk.ID, chunk.Model, chunk.Object
		for _, choice := range chunk.Choices {
			whole.Choices[0].Text += choice.Text
			whole.Choices[0].FinishReason += choice.FinishReason
		}
		if chunk.JSON.Usage.Valid() {
			whole.Usage = chunk.Usage
		}
	}
	return whole, chunks.Err()
}

func TestOwnCompletionsErrors(t *testing.T) {
	w := newWorld(t, ownModel(tunedEndpoint, ""))
	w.post("/v1/completions", `{"model":"`+own+`","prompt":"a","suffix":"b"}`).failure(400, "unsupported_parameter", "suffix")
	w.post("/v1/completions", `{"model":"`+own+`","prompt":"a","no_such_parameter":1}`).failure(500, "upstream_error", "")
	w.wantCalled("predict", 2) // the container's 500 is asked about once more
}

func TestOwnEmbeddings(t *testing.T) {
	for _, format := range []openai.EmbeddingNewParamsEncodingFormat{"", "float"} {
		w := newWorld(t, ownModel(vectorEndpoint, ""))
		a, err := w.official().Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: own, EncodingFormat: format,
			Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one", "two words"}}})
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Data) != 2 || len(a.Data[0].Embedding) == 0 || a.Data[1].Index != 1 || a.Model != own {
			t.Errorf("answer %s", a.RawJSON())
		}
		call := w.called("embeddings")[0]
		if u := call.Usage; int(a.Usage.PromptTokens) != u.Prompt() || a.Usage.TotalTokens != a.Usage.PromptTokens || u.Prompt() == 0 {
			t.Errorf("usage %+v, billed %+v", a.Usage, u)
		}
		if sent := decode[map[string]any](t, call.Body); sent["model"] != "4566" {
			t.Errorf("sent %s", call.Body)
		}
	}
}

// A container refuses what it does not offer, in words that reach the client.
func TestOwnModelLacksThePath(t *testing.T) {
	w := newWorld(t, ownModel(vectorEndpoint, ""))
	if e := w.chat(own, ""); e.status != 400 || !strings.Contains(e.failure(400, "", "").Message, "does not support Chat Completions") {
		t.Errorf("chat: %s", e.body)
	}
	w = newWorld(t, ownModel(tunedEndpoint, ""))
	if e := w.post("/v1/embeddings", `{"model":"`+own+`","input":"a"}`); e.status != 400 || !strings.Contains(e.failure(400, "", "").Message, "does not support Embeddings") {
		t.Errorf("embeddings: %s", e.body)
	}
}

// The container's own complaints reach the client, whichever shape its version gives them.
func TestOwnErrors(t *testing.T) {
	tests := map[string]struct {
		extra       string
		status      int
		code, param string
		message     string
	}{
		"too long":        {`"max_tokens":140000`, 400, "context_length_exceeded", "messages", "maximum context length is 131072 tokens"},
		"wrong type":      {`"ignore_eos":"yes"`, 400, "", "", "ignore_eos"},
		"value of OpenAI": {`"temperature":3`, 400, "", "", "temperature"},
	}
	for name, test := range tests {
		for _, endpoint := range []string{tunedEndpoint, sharedEndpoint} {
			for mode, extra := range map[string]string{"unary": "", "streamed": "," + streamed} {
				t.Run(name+", "+endpoint+", "+mode, func(t *testing.T) {
					w := newWorld(t, ownModel(endpoint, ""))
					if e := w.chat(own, test.extra+extra).failure(test.status, test.code, test.param); !strings.Contains(e.Message, test.message) || e.Type != "invalid_request_error" {
						t.Errorf("error %+v, want %q", e, test.message)
					}
					w.wantCalled(containerChat, 1)
				})
			}
		}
	}
}

func TestOwnFailures(t *testing.T) {
	for name, test := range map[string]struct {
		fails  fakevertex.Scenario
		status int
		code   string
		calls  int
	}{
		"busy":         {fakevertex.Scenario{Fault: "busy"}, 503, "upstream_error", 1},
		"500":          {fakevertex.Scenario{Status: 500}, 500, "upstream_error", 2},
		"403":          {fakevertex.Scenario{Status: 403}, 502, "upstream_auth_error", 1},
		"401 twice":    {fakevertex.Scenario{Status: 401}, 502, "upstream_auth_error", 2},
		"cut":          {fakevertex.Scenario{CutAfter: -1}, 502, "upstream_stream_truncated", 2},
		"another form": {fakevertex.Scenario{Replay: `{"choices":[]}`}, 502, "upstream_error", 2},
		"not JSON":     {fakevertex.Scenario{Replay: `hello`}, 502, "upstream_error", 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ownModel(tunedEndpoint, ""), method(containerChat, test.fails))
			w.chat(own, "").failure(test.status, test.code, "")
			w.wantCalled(containerChat, test.calls)
		})
	}
}

// A stream that breaks looks broken to a client, as does one in which the upstream tells an
// error, though vLLM puts the mark of a good end behind it.
func TestOwnStreamBreaks(t *testing.T) {
	for name, test := range map[string]struct {
		fails fakevertex.Scenario
		code  string
	}{
		"cut":    {fakevertex.Scenario{CutAfter: 5}, "upstream_stream_truncated"},
		"closed": {fakevertex.Scenario{CloseAfter: 5}, "upstream_stream_truncated"},
		"error":  {fakevertex.Scenario{ErrorAfter: 5, Message: "CUDA out of memory"}, "CUDA out of memory"},
	} {
		for _, endpoint := range []string{tunedEndpoint, sharedEndpoint} {
			t.Run(name+", "+endpoint, func(t *testing.T) {
				test.fails.Events = 20
				w := newWorld(t, ownModel(endpoint, ""), method(containerChat, test.fails))
				a, _, err := officialAnswer(t.Context(), w.official(), ownAsk("How are you?"), true)
				if err == nil || !strings.Contains(err.Error(), test.code) {
					t.Errorf("error %v, want %s", err, test.code)
				}
				if len(a.Choices) == 0 || a.Choices[0].Message.Content == "" || a.Choices[0].FinishReason != "" {
					t.Errorf("before it came %+v", a)
				}
				w.wantCalled(containerChat, 1)
				tr := w.chat(own, streamed).transcript()
				if tr.done || tr.err == nil || tr.finish != "" || tr.text == "" {
					t.Errorf("stream %+v", tr)
				}
			})
		}
	}
}

func TestOwnCompletionStreamBreaks(t *testing.T) {
	for name, fails := range map[string]fakevertex.Scenario{"cut": {CutAfter: 5}, "error": {ErrorAfter: 5, Message: "CUDA out of memory"}} {
		t.Run(name, func(t *testing.T) {
			fails.Events = 20
			w := newWorld(t, ownModel(tunedEndpoint, ""), method("streamRawPredict", fails))
			params := openai.CompletionNewParams{Model: own, Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("How are you?")}, MaxTokens: openai.Int(50)}
			a, err := ownCompletion(t.Context(), w.official(), params, true)
			if err == nil || a.Choices[0].Text == "" || a.Choices[0].FinishReason != "" {
				t.Errorf("error %v, answer %+v", err, a)
			}
		})
	}
}

func TestOwnMetrics(t *testing.T) {
	w := newWorld(t, ownModel(tunedEndpoint, ""))
	w.chat(own, "").wantHeaders("X-Gateway-Model", own, "X-Gateway-Location", "us-central1", "X-Gateway-Attempts", "1")
	w.chat(own, streamed).transcript()
	w.chat(own, `"temperature":3`).failure(400, "", "")
	w.eventually("all are counted", func() bool { return w.log.FilterMessage("request").Len() == 3 })
	want := `
# HELP gateway_requests_total Requests answered, by HTTP status; 499: the client left.
# TYPE gateway_requests_total counter
gateway_requests_total{endpoint="chat_completions",model="llama",status="200",team=""} 2
gateway_requests_total{endpoint="chat_completions",model="llama",status="400",team=""} 1
# HELP gateway_tokens_total Tokens by type: input, output, cache_read, cache_write; reasoning is part of output.
# TYPE gateway_tokens_total counter
gateway_tokens_total{model="llama",team="",type="input"} 6
gateway_tokens_total{model="llama",team="",type="output"} 12
# HELP gateway_upstream_attempts_total Calls made upstream.
# TYPE gateway_upstream_attempts_total counter
gateway_upstream_attempts_total{location="us-central1",model="llama",outcome="ok"} 2
gateway_upstream_attempts_total{location="us-central1",model="llama",outcome="refused"} 1
`
	if err := testutil.GatherAndCompare(w.registry, strings.NewReader(want), "gateway_requests_total", "gateway_tokens_total", "gateway_upstream_attempts_total"); err != nil {
		t.Error(err)
	}
}
