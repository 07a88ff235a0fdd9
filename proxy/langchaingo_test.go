package proxy_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/llms"
	langchain "github.com/tmc/langchaingo/llms/openai"

	"vertexgateway/vertex/fakevertex"
)

// langchain is LangChain's client for Go. It sends a temperature of 0 whether asked to or not.
func (w *world) langchain(options ...langchain.Option) *langchain.LLM {
	w.t.Helper()
	standard := []langchain.Option{langchain.WithToken("any"), langchain.WithModel(model), langchain.WithBaseURL(w.api.URL + "/v1"), langchain.WithHTTPClient(w.client)}
	llm, err := langchain.New(append(standard, options...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	return llm
}

// langchainAnswer is the one choice of an answer, and its text as it came in a stream.
func langchainAnswer(ctx context.Context, llm *langchain.LLM, messages []llms.MessageContent, stream bool, options ...llms.CallOption) (choice *llms.ContentChoice, came string, err error) {
	var said strings.Builder
	if stream {
		options = append(options, llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
			said.Write(chunk)
			return nil
		}))
	}
	answer, err := llm.GenerateContent(ctx, messages, options...)
	if err != nil {
		return nil, said.String(), err
	}
	return answer.Choices[0], said.String(), nil
}

func langchainAsk(text string) []llms.MessageContent {
	return []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, text)}
}

func TestLangchainChat(t *testing.T) {
	for mode, stream := range modes {
		for _, model := range []string{"claude-sonnet-4-5", "claude-sonnet-5-5"} {
			t.Run(mode+", "+model, func(t *testing.T) {
				w := newWorld(t, "")
				c, came, err := langchainAnswer(t.Context(), w.langchain(langchain.WithModel(model)), langchainAsk("How are you?"), stream)
				if err != nil {
					t.Fatal(err)
				}
				if c.Content != "You said: How are you?" || !stream && c.StopReason != "stop" {
					t.Errorf("answer %+v", c)
				}
				if stream && came != c.Content {
					t.Errorf("streamed %q, answered %q", came, c.Content)
				}
				billed := w.vertex.Requests()[0].Usage
				if c.GenerationInfo["PromptTokens"] != billed.Prompt() || c.GenerationInfo["CompletionTokens"] != billed.Output {
					t.Errorf("usage %v, billed %+v", c.GenerationInfo, billed)
				}
			})
		}
	}
}

func TestLangchainTools(t *testing.T) {
	var tools []llms.Tool
	for _, name := range []string{"get_weather", "get_time"} {
		tools = append(tools, llms.Tool{Type: "function", Function: &llms.FunctionDefinition{Name: name, Parameters: citySchema, Strict: true}})
	}
	for name, q := range toolQuestions {
		for mode, stream := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, threeLocations)
				messages := langchainAsk(q.text)
				first, _, err := langchainAnswer(t.Context(), w.langchain(), messages, stream, llms.WithTools(tools))
				if err != nil {
					t.Fatal(err)
				}
				if len(first.ToolCalls) != len(q.calls) {
					t.Fatalf("calls %+v", first.ToolCalls)
				}
				asked := llms.MessageContent{Role: llms.ChatMessageTypeAI}
				for i, call := range first.ToolCalls {
					if call.FunctionCall.Name != q.calls[i] {
						t.Errorf("call %+v, want %s", call.FunctionCall, q.calls[i])
					}
					checkArguments(t, call.FunctionCall.Arguments)
					asked.Parts = append(asked.Parts, call)
				}
				messages = append(messages, asked)
				for i, call := range first.ToolCalls {
					messages = append(messages, llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{
						llms.ToolCallResponse{ToolCallID: call.ID, Name: q.calls[i], Content: "sunny in " + q.calls[i]}}})
				}
				second, _, err := langchainAnswer(t.Context(), w.langchain(), messages, stream, llms.WithTools(tools))
				if err != nil {
					t.Fatal(err)
				}
				if want := "The tool answered: sunny in " + q.calls[len(q.calls)-1]; second.Content != want {
					t.Errorf("answer %q, want %q", second.Content, want)
				}
				w.wantSentBack(len(q.calls))
			})
		}
	}
}

func TestLangchainStructuredOutput(t *testing.T) {
	format := &langchain.ResponseFormat{Type: "json_schema", JSONSchema: &langchain.ResponseFormatJSONSchema{
		Name: "forecast", Strict: true, Schema: &langchain.ResponseFormatJSONSchemaProperty{
			Type: "object", Required: []string{"city"}, Properties: map[string]*langchain.ResponseFormatJSONSchemaProperty{"city": {Type: "string"}}}}}
	for mode, stream := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, threeLocations)
			c, _, err := langchainAnswer(t.Context(), w.langchain(langchain.WithResponseFormat(format)), langchainAsk("Oslo"), stream)
			if err != nil {
				t.Fatal(err)
			}
			checkArguments(t, c.Content)
		})
	}
}

func TestLangchainJSONMode(t *testing.T) {
	w := newWorld(t, threeLocations, fakevertex.Scenario{Text: "```json\n{\"city\": \"Oslo\"}\n```"})
	c, _, err := langchainAnswer(t.Context(), w.langchain(), langchainAsk("Answer in JSON."), false, llms.WithJSONMode())
	if err != nil {
		t.Fatal(err)
	}
	checkArguments(t, c.Content)
}

func TestLangchainImage(t *testing.T) {
	w := newWorld(t, threeLocations)
	data := grayPNG(t)
	messages := []llms.MessageContent{{Role: llms.ChatMessageTypeHuman, Parts: []llms.ContentPart{
		llms.TextPart("What is it?"), llms.ImageURLPart("data:image/png;base64," + data)}}}
	if _, _, err := langchainAnswer(t.Context(), w.langchain(), messages, false); err != nil {
		t.Fatal(err)
	}
	w.wantImage(data)
}

func TestLangchainError(t *testing.T) {
	for mode, stream := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, threeLocations)
			_, _, err := langchainAnswer(t.Context(), w.langchain(langchain.WithModel("gpt-4o")), langchainAsk("How are you?"), stream)
			if err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "'gpt-4o'") {
				t.Errorf("error %v", err)
			}
		})
	}
}
