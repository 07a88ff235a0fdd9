package proxy_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/shared"
	community "github.com/sashabaranov/go-openai"

	"vertexgateway/vertex/fakevertex"
)

// official is OpenAI's own client of the gateway.
func (w *world) official(options ...option.RequestOption) *openai.Client {
	standard := []option.RequestOption{option.WithBaseURL(w.api.URL + "/v1/"), option.WithAPIKey("any"), option.WithHTTPClient(w.client)}
	client := openai.NewClient(append(standard, options...)...)
	return &client
}

// community is the most used client that is not OpenAI's.
func (w *world) community(key string) *community.Client {
	c := community.DefaultConfig(key)
	c.BaseURL = w.api.URL + "/v1"
	c.HTTPClient = w.client
	return community.NewClientWithConfig(c)
}

func officialAsk(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
}

func communityAsk(text string) community.ChatCompletionRequest {
	return community.ChatCompletionRequest{Model: model, Messages: []community.ChatCompletionMessage{{Role: "user", Content: text}}}
}

// modes are the two ways to get an answer, which must hold the same.
var modes = map[string]bool{"unary": false, "streamed": true}

// officialAnswer is one answer, and the tool calls that a stream told to be finished.
func officialAnswer(ctx context.Context, c *openai.Client, params openai.ChatCompletionNewParams, stream bool) (*openai.ChatCompletion, []openai.FinishedChatCompletionToolCall, error) {
	if !stream {
		answer, err := c.Chat.Completions.New(ctx, params)
		return answer, nil, err
	}
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	var (
		acc      openai.ChatCompletionAccumulator
		finished []openai.FinishedChatCompletionToolCall
	)
	chunks := c.Chat.Completions.NewStreaming(ctx, params)
	defer chunks.Close()
	for chunks.Next() {
		if !acc.AddChunk(chunks.Current()) {
			return nil, nil, errors.New("a chunk that does not fit the others: " + chunks.Current().RawJSON())
		}
		if call, ok := acc.JustFinishedToolCall(); ok {
			finished = append(finished, call)
		}
	}
	return &acc.ChatCompletion, finished, chunks.Err()
}

// communityAnswer is one answer; that client leaves it to its user to gather a stream.
func communityAnswer(ctx context.Context, c *community.Client, req community.ChatCompletionRequest, stream bool) (community.ChatCompletionResponse, error) {
	if !stream {
		return c.CreateChatCompletion(ctx, req)
	}
	req.StreamOptions = &community.StreamOptions{IncludeUsage: true}
	chunks, err := c.CreateChatCompletionStream(ctx, req)
	if err != nil {
		return community.ChatCompletionResponse{}, err
	}
	defer chunks.Close()
	answer := community.ChatCompletionResponse{Choices: make([]community.ChatCompletionChoice, 1)}
	for {
		chunk, err := chunks.Recv()
		if errors.Is(err, io.EOF) {
			return answer, nil
		}
		if err != nil {
			return answer, err
		}
		gather(&answer, chunk)
	}
}

func gather(answer *community.ChatCompletionResponse, chunk community.ChatCompletionStreamResponse) {
	answer.Model = chunk.Model
	if chunk.Usage != nil {
		answer.Usage = *chunk.Usage
	}
	choice := &answer.Choices[0]
	for _, c := range chunk.Choices {
		choice.Message.Role += c.Delta.Role
		choice.Message.Content += c.Delta.Content
		choice.Message.ReasoningContent += c.Delta.ReasoningContent
		choice.FinishReason += c.FinishReason
		for _, call := range c.Delta.ToolCalls {
			if *call.Index == len(choice.Message.ToolCalls) {
				choice.Message.ToolCalls = append(choice.Message.ToolCalls, community.ToolCall{ID: call.ID, Type: call.Type, Function: community.FunctionCall{Name: call.Function.Name}})
			}
			choice.Message.ToolCalls[*call.Index].Function.Arguments += call.Function.Arguments
		}
	}
}

func TestClientsChat(t *testing.T) {
	for name, stream := range modes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, threeLocations)
			a, _, err := officialAnswer(t.Context(), w.official(), officialAsk("How are you?"), stream)
			if err != nil {
				t.Fatal(err)
			}
			c := a.Choices[0]
			if len(a.Choices) != 1 || c.Message.Content != "You said: How are you?" || c.FinishReason != "stop" || c.Message.Role != "assistant" || a.Model != model {
				t.Errorf("official: %+v", a)
			}
			billed := w.vertex.Requests()[0].Usage
			if u := a.Usage; int(u.PromptTokens) != billed.Prompt() || int(u.CompletionTokens) != billed.Output || u.TotalTokens != u.PromptTokens+u.CompletionTokens || billed.Output == 0 {
				t.Errorf("official: usage %+v, billed %+v", u, billed)
			}

			b, err := communityAnswer(t.Context(), w.community("any"), communityAsk("How are you?"), stream)
			if err != nil {
				t.Fatal(err)
			}
			d := b.Choices[0]
			if d.Message.Content != "You said: How are you?" || d.FinishReason != "stop" || d.Message.Role != "assistant" || b.Model != model {
				t.Errorf("community: %+v", b)
			}
			if u := b.Usage; u.PromptTokens != billed.Prompt() || u.CompletionTokens != billed.Output || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
				t.Errorf("community: usage %+v, billed %+v", u, billed)
			}
		})
	}
}

// Without stream_options no chunk tells of tokens, and clients cope.
func TestClientsWithoutUsage(t *testing.T) {
	w := newWorld(t, threeLocations)
	chunks := w.official().Chat.Completions.NewStreaming(t.Context(), officialAsk("How are you?"))
	var acc openai.ChatCompletionAccumulator
	for chunks.Next() {
		if chunk := chunks.Current(); chunk.JSON.Usage.Raw() != "" || len(chunk.Choices) != 1 || !acc.AddChunk(chunk) {
			t.Errorf("chunk %s", chunk.RawJSON())
		}
	}
	if err := chunks.Err(); err != nil || acc.Choices[0].FinishReason != "stop" || acc.Usage.TotalTokens != 0 {
		t.Errorf("error %v, answer %+v", err, acc.ChatCompletion)
	}
}

// questions for one tool and for two, by what the emulator makes of them.
var toolQuestions = map[string]struct {
	text  string
	calls []string
}{
	"one call":       {"Use get_weather.", []string{"get_weather"}},
	"parallel calls": {"Use get_weather and get_time in parallel.", []string{"get_weather", "get_time"}},
}

// wantSentBack checks that the second turn of a round trip brings upstream each call of the
// first with its result.
func (w *world) wantSentBack(calls int) {
	w.t.Helper()
	requests := w.vertex.Requests()
	body := decode[struct {
		Messages []struct {
			Role    string `json:"role"`
			Content []struct {
				Type string `json:"type"`
				ID   string `json:"id"`
				Call string `json:"tool_use_id"`
			}
		}
	}](w.t, requests[len(requests)-1].Body)
	if len(body.Messages) != 3 || body.Messages[1].Role != "assistant" || body.Messages[2].Role != "user" {
		w.t.Fatalf("sent %s", requests[len(requests)-1].Body)
	}
	var called, answered []string
	for _, b := range body.Messages[1].Content {
		if b.Type == "tool_use" {
			called = append(called, b.ID)
		}
	}
	for _, b := range body.Messages[2].Content {
		answered = append(answered, b.Call)
	}
	if len(called) != calls || !cmp.Equal(called, answered) {
		w.t.Errorf("calls %v, results %v", called, answered)
	}
}

func checkArguments(t *testing.T, arguments string) {
	t.Helper()
	if city := decode[map[string]string](t, []byte(arguments))["city"]; city == "" {
		t.Errorf("arguments %s", arguments)
	}
}

var citySchema = map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"}}

func TestOfficialTools(t *testing.T) {
	for name, q := range toolQuestions {
		for mode, stream := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, threeLocations)
				params := officialAsk(q.text)
				for _, tool := range []string{"get_weather", "get_time"} {
					params.Tools = append(params.Tools, openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
						Name: tool, Description: openai.String("Gets it."), Parameters: citySchema, Strict: openai.Bool(true)}))
				}
				first, finished, err := officialAnswer(t.Context(), w.official(), params, stream)
				if err != nil {
					t.Fatal(err)
				}
				message := first.Choices[0].Message
				if first.Choices[0].FinishReason != "tool_calls" || len(message.ToolCalls) != len(q.calls) {
					t.Fatalf("finish %s, calls %+v", first.Choices[0].FinishReason, message.ToolCalls)
				}
				params.Messages = append(params.Messages, message.ToParam())
				for i, call := range message.ToolCalls {
					if call.ID == "" || call.Type != "function" || call.Function.Name != q.calls[i] {
						t.Errorf("call %+v, want %s", call, q.calls[i])
					}
					checkArguments(t, call.Function.Arguments)
					params.Messages = append(params.Messages, openai.ToolMessage("sunny in "+q.calls[i], call.ID))
				}
				if stream {
					checkFinished(t, finished, message.ToolCalls)
				}
				second, _, err := officialAnswer(t.Context(), w.official(), params, stream)
				if err != nil {
					t.Fatal(err)
				}
				if c := second.Choices[0]; c.FinishReason != "stop" || c.Message.Content != "The tool answered: sunny in "+q.calls[len(q.calls)-1] {
					t.Errorf("answer %q, finish %s", c.Message.Content, c.FinishReason)
				}
				w.wantSentBack(len(q.calls))
			})
		}
	}
}

// checkFinished: each call is told to be finished once, and whole.
func checkFinished(t *testing.T, finished []openai.FinishedChatCompletionToolCall, calls []openai.ChatCompletionMessageToolCallUnion) {
	t.Helper()
	if len(finished) != len(calls) {
		t.Fatalf("finished %+v, want one for each of %d calls", finished, len(calls))
	}
	for i, f := range finished {
		if f.Index != i || f.ID != calls[i].ID || f.Name != calls[i].Function.Name || f.Arguments != calls[i].Function.Arguments {
			t.Errorf("finished %+v, want %+v", f, calls[i])
		}
	}
}

func TestCommunityTools(t *testing.T) {
	for name, q := range toolQuestions {
		for mode, stream := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, threeLocations)
				req := communityAsk(q.text)
				for _, tool := range []string{"get_weather", "get_time"} {
					req.Tools = append(req.Tools, community.Tool{Type: "function", Function: &community.FunctionDefinition{Name: tool, Parameters: citySchema}})
				}
				first, err := communityAnswer(t.Context(), w.community("any"), req, stream)
				if err != nil {
					t.Fatal(err)
				}
				message := first.Choices[0].Message
				if first.Choices[0].FinishReason != "tool_calls" || len(message.ToolCalls) != len(q.calls) {
					t.Fatalf("finish %s, calls %+v", first.Choices[0].FinishReason, message.ToolCalls)
				}
				req.Messages = append(req.Messages, message)
				for i, call := range message.ToolCalls {
					if call.ID == "" || call.Function.Name != q.calls[i] {
						t.Errorf("call %+v, want %s", call, q.calls[i])
					}
					checkArguments(t, call.Function.Arguments)
					req.Messages = append(req.Messages, community.ChatCompletionMessage{Role: "tool", ToolCallID: call.ID, Content: "sunny in " + q.calls[i]})
				}
				second, err := communityAnswer(t.Context(), w.community("any"), req, stream)
				if err != nil {
					t.Fatal(err)
				}
				if c := second.Choices[0]; c.FinishReason != "stop" || c.Message.Content != "The tool answered: sunny in "+q.calls[len(q.calls)-1] {
					t.Errorf("answer %q, finish %s", c.Message.Content, c.FinishReason)
				}
				w.wantSentBack(len(q.calls))
			})
		}
	}
}

// A call of a function without parameters still has an object for arguments.
func TestClientsToolWithoutArguments(t *testing.T) {
	for mode, stream := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, threeLocations, fakevertex.Scenario{Calls: []fakevertex.Call{{Name: "now"}}})
			params := officialAsk("What time is it?")
			params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "now"})}
			a, finished, err := officialAnswer(t.Context(), w.official(), params, stream)
			if err != nil {
				t.Fatal(err)
			}
			calls := a.Choices[0].Message.ToolCalls
			if len(calls) != 1 || calls[0].Function.Arguments != "{}" {
				t.Errorf("calls %+v", calls)
			}
			if stream {
				checkFinished(t, finished, calls)
			}
		})
	}
}

func TestClientsImage(t *testing.T) {
	data := grayPNG(t)
	uri := "data:image/png;base64," + data
	w := newWorld(t, threeLocations)
	_, err := w.official().Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{
		openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart("What is it?"),
			openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: uri, Detail: "high"}),
		}),
	}})
	if err != nil {
		t.Error("official:", err)
	}
	_, err = w.community("any").CreateChatCompletion(t.Context(), community.ChatCompletionRequest{Model: model, Messages: []community.ChatCompletionMessage{{Role: "user",
		MultiContent: []community.ChatMessagePart{{Type: "text", Text: "What is it?"}, {Type: "image_url", ImageURL: &community.ChatMessageImageURL{URL: uri}}}}}})
	if err != nil {
		t.Error("community:", err)
	}
	w.wantImage(data)
}

// grayPNG is a picture in base64.
func grayPNG(t *testing.T) string {
	t.Helper()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 3, 3))); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(picture.Bytes())
}

// wantImage checks that every request brought the picture upstream, behind a text.
func (w *world) wantImage(data string) {
	w.t.Helper()
	for _, r := range w.vertex.Requests() {
		content := decode[struct {
			Messages []struct{ Content []map[string]any }
		}](w.t, r.Body).Messages[0].Content
		want := map[string]any{"type": "image", "source": map[string]any{"type": "base64", "media_type": "image/png", "data": data}}
		if diff := cmp.Diff(want, content[1]); diff != "" {
			w.t.Errorf("image block (-want +got):\n%s", diff)
		}
	}
}

func TestClientsStructuredOutput(t *testing.T) {
	for mode, stream := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, threeLocations)
			params := officialAsk("Oslo")
			params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
				JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "forecast", Schema: citySchema, Strict: openai.Bool(true)}}
			a, _, err := officialAnswer(t.Context(), w.official(), params, stream)
			if err != nil {
				t.Fatal(err)
			}
			checkArguments(t, a.Choices[0].Message.Content)

			schema, err := json.Marshal(citySchema)
			if err != nil {
				t.Fatal(err)
			}
			req := communityAsk("Oslo")
			req.ResponseFormat = &community.ChatCompletionResponseFormat{Type: community.ChatCompletionResponseFormatTypeJSONSchema,
				JSONSchema: &community.ChatCompletionResponseFormatJSONSchema{Name: "forecast", Schema: json.RawMessage(schema), Strict: true}}
			b, err := communityAnswer(t.Context(), w.community("any"), req, stream)
			if err != nil {
				t.Fatal(err)
			}
			checkArguments(t, b.Choices[0].Message.Content)
		})
	}
}

func TestClientsReasoningEffort(t *testing.T) {
	const thought = "Let me see."
	for mode, stream := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, threeLocations, fakevertex.Scenario{Thinking: thought})
			params := officialAsk("How are you?")
			params.ReasoningEffort = shared.ReasoningEffortHigh
			a, _, err := officialAnswer(t.Context(), w.official(), params, stream)
			if err != nil {
				t.Fatal(err)
			}
			billed := w.vertex.Requests()[0].Usage
			if got := int(a.Usage.CompletionTokensDetails.ReasoningTokens); got != billed.Thinking || got == 0 {
				t.Errorf("official: %d reasoning tokens, billed %d", got, billed.Thinking)
			}
			if a.Choices[0].Message.Content != "You said: How are you?" {
				t.Errorf("official: answer %+v", a)
			}
			if !stream { // its accumulator keeps no fields it does not know
				var reasoning string
				if err := json.Unmarshal([]byte(a.Choices[0].Message.JSON.ExtraFields["reasoning_content"].Raw()), &reasoning); err != nil || reasoning != thought {
					t.Errorf("official: reasoning %q, %v", reasoning, err)
				}
			}
			req := communityAsk("How are you?")
			req.ReasoningEffort = "high"
			b, err := communityAnswer(t.Context(), w.community("any"), req, stream)
			if err != nil {
				t.Fatal(err)
			}
			if m := b.Choices[0].Message; m.ReasoningContent != thought || m.Content != "You said: How are you?" {
				t.Errorf("community: %+v", m)
			}
			// That client sends reasoning_content back.
			req.Messages = append(req.Messages, b.Choices[0].Message, community.ChatCompletionMessage{Role: "user", Content: "And now?"})
			if _, err := communityAnswer(t.Context(), w.community("any"), req, stream); err != nil {
				t.Error("community, second turn:", err)
			}
			for _, r := range w.vertex.Requests() {
				effort := decode[struct {
					Config map[string]any `json:"output_config"`
				}](t, r.Body).Config["effort"]
				if effort != "high" {
					t.Errorf("effort %v in %s", effort, r.Body)
				}
			}
		})
	}
}

const testKey = "gw-test-key-0123456789"

func teamsYAML() string {
	hash := sha256.Sum256([]byte(testKey))
	return "teams: [{name: search, keys: [{name: ci, sha256: '" + hex.EncodeToString(hash[:]) + "'}]}]\n"
}

func TestClientsErrors(t *testing.T) {
	tests := []struct {
		name, key, model   string
		n                  int
		fails              fakevertex.Scenario
		status             int
		code, param, class string
	}{
		{name: "bad parameter", key: testKey, model: model, n: 2, status: 400, code: "unsupported_value", param: "n", class: "invalid_request_error"},
		{name: "bad key", key: "wrong", model: model, n: 1, status: 401, code: "invalid_api_key", class: "invalid_request_error"},
		{name: "unknown model", key: testKey, model: "gpt-4o", n: 1, status: 404, code: "model_not_found", param: "model", class: "invalid_request_error"},
		{name: "no quota", key: testKey, model: model, n: 1, fails: fakevertex.Scenario{Status: 429}, status: 429, code: "rate_limit_exceeded", class: "tokens"},
	}
	for _, tt := range tests {
		for mode, stream := range modes {
			t.Run(tt.name+", "+mode, func(t *testing.T) {
				w := newWorld(t, threeLocations+teamsYAML(), tt.fails)
				params := officialAsk("How are you?")
				params.Model, params.N = tt.model, openai.Int(int64(tt.n))
				_, _, err := officialAnswer(t.Context(), w.official(option.WithAPIKey(tt.key), option.WithMaxRetries(0)), params, stream)
				e, ok := errors.AsType[*openai.Error](err)
				if !ok {
					t.Fatalf("official: %T %v", err, err)
				}
				if e.StatusCode != tt.status || e.Code != tt.code || e.Param != tt.param || e.Type != tt.class || e.Message == "" {
					t.Errorf("official: status %d, %s", e.StatusCode, e.RawJSON())
				}

				req := communityAsk("How are you?")
				req.Model, req.N = tt.model, tt.n
				_, err = communityAnswer(t.Context(), w.community(tt.key), req, stream)
				f, ok := errors.AsType[*community.APIError](err)
				if !ok {
					t.Fatalf("community: %T %v", err, err)
				}
				if f.HTTPStatusCode != tt.status || f.Code != tt.code || text(f.Param) != tt.param || f.Type != tt.class || f.Message == "" {
					t.Errorf("community: %+v", f)
				}
			})
		}
	}
}

// A client that waits as long as it is told finds a location that answers again.
func TestOfficialRetries(t *testing.T) {
	for _, status := range []int{429, 529} {
		for mode, stream := range modes {
			t.Run(strconv.Itoa(status)+" "+mode, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newBubble(t, threeLocations, fakevertex.Scenario{Status: status, Times: 3, Header: map[string]string{"Retry-After": "7"}})
					began := time.Now()
					a, _, err := officialAnswer(t.Context(), w.official(), officialAsk("How are you?"), stream)
					if err != nil || a.Choices[0].Message.Content == "" {
						t.Errorf("answer %+v, error %v", a, err)
					}
					w.wantLocations("global us eu global")
					if took := time.Since(began); took != 7*time.Second {
						t.Errorf("asked again after %v, want the 7 s it was told", took)
					}
				})
			})
		}
	}
}

// An answer that broke off before the client had any of it is worth another try, which is
// told when: some clients hammer without (clients.md).
func TestOfficialRetriesABrokenAnswer(t *testing.T) {
	for name, fails := range map[string]fakevertex.Scenario{
		"upstream error": {Events: 10, ErrorAfter: 6, Times: 1},
		"cut off":        {Events: 10, CutAfter: 6, Times: 1},
		"conflict":       {Status: http.StatusConflict, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, threeLocations, fails)
				began := time.Now()
				if _, err := w.official().Chat.Completions.New(t.Context(), officialAsk("How are you?")); err != nil {
					t.Error(err)
				}
				w.wantLocations("global global")
				if took := time.Since(began); took != time.Second {
					t.Errorf("asked again after %v, want 1 s as it was told", took)
				}
			})
		})
	}
}

// What trying again cannot help is not tried again.
func TestOfficialDoesNotRetry(t *testing.T) {
	for mode, stream := range modes {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, threeLocations, fakevertex.Scenario{Status: http.StatusForbidden})
				_, _, err := officialAnswer(t.Context(), w.official(), officialAsk("How are you?"), stream)
				if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != http.StatusBadGateway || e.Code != "upstream_auth_error" {
					t.Errorf("error %v, want a 502", err)
				}
				w.wantLocations("global")
			})
		})
	}
}

// A stream that broke is an error for every client.
func TestClientsNoticeABrokenStream(t *testing.T) {
	const words = "one two three four five six seven eight nine ten"
	for name, tt := range map[string]struct {
		fails fakevertex.Scenario
		code  string
	}{
		"upstream error": {fakevertex.Scenario{ErrorAfter: 6}, "overloaded"},
		"cut off":        {fakevertex.Scenario{CutAfter: 6}, "upstream_stream_truncated"},
		"closed early":   {fakevertex.Scenario{CloseAfter: 6}, "upstream_stream_truncated"},
	} {
		tt.fails.Text, tt.fails.Events = words, 10
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, threeLocations, tt.fails)
			a, _, err := officialAnswer(t.Context(), w.official(), officialAsk("How are you?"), true)
			if err == nil || a.Choices[0].Message.Content == "" || a.Choices[0].FinishReason != "" {
				t.Errorf("official: error %v, answer %+v", err, a)
			}
			if e, ok := errors.AsType[*ssestream.StreamError](err); !ok || !strings.Contains(e.Message, tt.code) {
				t.Errorf("official: error %T %v, want one that tells %s", err, err, tt.code)
			}
			b, err := communityAnswer(t.Context(), w.community("any"), communityAsk("How are you?"), true)
			if err == nil || b.Choices[0].Message.Content == "" || b.Choices[0].FinishReason != "" {
				t.Errorf("community: error %v, answer %+v", err, b)
			}
			if e, ok := errors.AsType[*community.APIError](err); !ok || e.Code != tt.code {
				t.Errorf("community: error %T %v, want one that tells %s", err, err, tt.code)
			}
			// This one ignores error events, so that only the connection can tell it.
			_, said, err := langchainAnswer(t.Context(), w.langchain(), langchainAsk("How are you?"), true)
			if !errors.Is(err, io.ErrUnexpectedEOF) || said == "" {
				t.Errorf("langchain: error %v behind %q", err, said)
			}
			w.wantLocations("global global global")
		})
	}
}

// A stream in which a tool call broke off must not give a finished call.
func TestOfficialBrokenToolCall(t *testing.T) {
	w := newWorld(t, threeLocations, fakevertex.Scenario{CutAfter: 6, Calls: []fakevertex.Call{{Name: "get_weather", Input: []byte(`{"city":"` + strings.Repeat("Oslo ", 50) + `"}`)}}})
	params := officialAsk("How is the weather?")
	params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "get_weather", Parameters: citySchema})}
	a, finished, err := officialAnswer(t.Context(), w.official(), params, true)
	if err == nil || len(finished) != 0 || a.Choices[0].FinishReason != "" {
		t.Errorf("error %v, finished %+v, answer %+v", err, finished, a)
	}
}

func TestClientsModels(t *testing.T) {
	w := newWorld(t, "models: [{name: fast, model: claude-haiku-4-5}, {name: claude-sonnet-5}]\n")
	var listed []string
	pages := w.official().Models.ListAutoPaging(t.Context())
	for pages.Next() {
		listed = append(listed, pages.Current().ID)
	}
	if err := pages.Err(); err != nil {
		t.Error("official:", err)
	}
	if diff := cmp.Diff([]string{"fast", "claude-sonnet-5"}, listed); diff != "" {
		t.Errorf("official (-want +got):\n%s", diff)
	}
	one, err := w.official().Models.Get(t.Context(), "fast")
	if err != nil || one.ID != "fast" || one.OwnedBy != "anthropic" || one.Created == 0 || one.Object != "model" {
		t.Errorf("official: %+v, %v", one, err)
	}
	_, err = w.official().Models.Get(t.Context(), "gpt-4o")
	if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != http.StatusNotFound || e.Code != "model_not_found" {
		t.Errorf("official: %v", err)
	}

	list, err := w.community("any").ListModels(t.Context())
	if err != nil || len(list.Models) != 2 || list.Models[0].ID != "fast" {
		t.Errorf("community: %+v, %v", list, err)
	}
	got, err := w.community("any").GetModel(t.Context(), "claude-sonnet-5")
	if err != nil || got.ID != "claude-sonnet-5" || got.OwnedBy != "anthropic" {
		t.Errorf("community: %+v, %v", got, err)
	}
	// An id with a slash goes percent-encoded.
	if m, err := newWorld(t, "").official().Models.Get(t.Context(), "anthropic/claude-haiku-4-5"); err != nil || m.OwnedBy != "anthropic" {
		t.Errorf("official: %+v, %v", m, err)
	}
}
