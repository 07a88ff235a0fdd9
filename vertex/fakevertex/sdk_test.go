package fakevertex

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/anthropics/anthropic-sdk-go/vertex"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// sdk is Anthropic's client for Vertex, with the emulator in Google's place.
func sdk(t *testing.T, fake *Server, location string) anthropic.Client {
	s := httptest.NewServer(fake)
	t.Cleanup(s.Close)
	token := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"})
	return anthropic.NewClient(
		vertex.WithCredentials(t.Context(), location, "p", &google.Credentials{TokenSource: token}),
		option.WithBaseURL(s.URL),
		option.WithMaxRetries(0),
	)
}

func say(model string, blocks ...anthropic.ContentBlockParamUnion) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model:     anthropic.Model(model),
		MaxTokens: 1000,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(blocks...)},
	}
}

func TestSDKMessage(t *testing.T) {
	client := sdk(t, New(Options{}), "global")
	m, err := client.Messages.New(t.Context(), say(opus5, anthropic.NewTextBlock("Hello")))
	if err != nil {
		t.Fatal(err)
	}
	if m.Content[1].Text != "You said: Hello" || m.StopReason != anthropic.StopReasonEndTurn || m.Usage.OutputTokens < 5 {
		t.Errorf("got %s", m.RawJSON())
	}
}

// streamed reads a stream into a message.
func streamed(ctx context.Context, client anthropic.Client, params anthropic.MessageNewParams) (anthropic.Message, error) {
	var m anthropic.Message
	events := client.Messages.NewStreaming(ctx, params)
	for events.Next() {
		if err := m.Accumulate(events.Current()); err != nil {
			return m, err
		}
	}
	return m, events.Err()
}

func TestSDKStream(t *testing.T) {
	for _, model := range []string{haiku45, opus46, opus5, opus55} {
		m, err := streamed(t.Context(), sdk(t, New(Options{}), "global"), say(model, anthropic.NewTextBlock("Grüße")))
		if err != nil {
			t.Fatal(err)
		}
		if last := m.Content[len(m.Content)-1]; last.Text != "You said: Grüße" || m.Usage.InputTokens != int64(tokens(len("Grüße"))) {
			t.Errorf("%s: got %+v, usage %+v", model, last, m.Usage)
		}
	}
}

// TestSDKToolLoop goes through a tool loop with thinking, whole and streamed.
func TestSDKToolLoop(t *testing.T) {
	params := say(opus5, anthropic.NewTextBlock("The weather in Oslo and in Paris, in parallel"))
	params.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
		Name:        "weather",
		InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"city": map[string]any{"type": "string"}}, Required: []string{"city"}},
	}}}
	client := sdk(t, New(Options{}), "eu")
	first, err := streamed(t.Context(), client, params)
	if err != nil {
		t.Fatal(err)
	}
	var results []anthropic.ContentBlockParamUnion
	for _, b := range first.Content {
		if b.Type == "tool_use" && strings.Contains(string(b.Input), "The weather in Oslo") {
			results = append(results, anthropic.NewToolResultBlock(b.ID, "rain", false))
		}
	}
	if len(results) != 2 || first.StopReason != anthropic.StopReasonToolUse {
		t.Fatalf("got %+v", first)
	}
	params.Messages = append(params.Messages, first.ToParam(), anthropic.NewUserMessage(results...))
	second, err := client.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if last := second.Content[len(second.Content)-1]; last.Text != "The tool answered: rain" {
		t.Errorf("got %s", second.RawJSON())
	}
}

func TestSDKImageAndCount(t *testing.T) {
	client := sdk(t, New(Options{}), "global")
	params := say(haiku45, anthropic.NewImageBlockBase64("image/png", png), anthropic.NewTextBlock("What is it?"))
	m, err := client.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	count, err := client.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{Model: params.Model, Messages: params.Messages})
	if err != nil {
		t.Fatal(err)
	}
	if count.InputTokens != m.Usage.InputTokens || count.InputTokens < fileTokens {
		t.Errorf("counted %d, billed %d", count.InputTokens, m.Usage.InputTokens)
	}
}

func TestSDKErrors(t *testing.T) {
	client := sdk(t, New(Options{Scenarios: []Scenario{{Status: 529, Times: 1}, {ErrorAfter: 5, Method: "streamRawPredict"}}}), "global")
	_, err := client.Messages.New(t.Context(), say(haiku45, anthropic.NewTextBlock("a")))
	if refused, ok := errors.AsType[*anthropic.Error](err); !ok || refused.StatusCode != 529 || !strings.HasPrefix(refused.RequestID, "req_vrtx_") {
		t.Errorf("got %v", err)
	}
	if _, err := streamed(t.Context(), client, say(haiku45, anthropic.NewTextBlock("a"))); err == nil || !strings.Contains(err.Error(), "Overloaded") {
		t.Errorf("got %v", err)
	}
	_, err = client.Messages.New(t.Context(), say("claude-9", anthropic.NewTextBlock("a")))
	if refused, ok := errors.AsType[*anthropic.Error](err); !ok || refused.StatusCode != 404 {
		t.Errorf("got %v", err)
	}
}
