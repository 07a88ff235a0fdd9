package mistral_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/mistral"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
)

// A sentMessage is one that Mistral gets; other members are refused.
type sentMessage struct {
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	ToolCalls []struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
	ToolCallID string `json:"tool_call_id"`
	Prefix     bool   `json:"prefix"`
}

// A sentBody is a body with all members that Mistral takes (vertex.md 6.2) and the gateway
// may send.
type sentBody struct {
	Model            string          `json:"model"`
	MaxTokens        *int            `json:"max_tokens"`
	Stream           bool            `json:"stream"`
	Temperature      *float64        `json:"temperature"`
	TopP             *float64        `json:"top_p"`
	PresencePenalty  *float64        `json:"presence_penalty"`
	FrequencyPenalty *float64        `json:"frequency_penalty"`
	Stop             []string        `json:"stop"`
	RandomSeed       *int            `json:"random_seed"`
	Metadata         json.RawMessage `json:"metadata"`
	Prediction       json.RawMessage `json:"prediction"`
	ReasoningEffort  string          `json:"reasoning_effort"`
	ResponseFormat   json.RawMessage `json:"response_format"`
	Tools            json.RawMessage `json:"tools"`
	ToolChoice       json.RawMessage `json:"tool_choice"`
	Parallel         *bool           `json:"parallel_tool_calls"`
	Messages         []sentMessage   `json:"messages"`
}

// decodeSent reads a body and fails where Mistral would.
func decodeSent(data []byte) (*sentBody, error) {
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	var b sentBody
	if err := dec.Decode(&b); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more than one value: %w", err)
	}
	return &b, nil
}

// followers :: role -> the roles that may stand behind it: "Unexpected role 'user' after role 'tool'"
var followers = map[string][]string{
	"":          {"system", "user", "assistant"},
	"system":    {"system", "user", "assistant"},
	"user":      {"system", "user", "assistant"},
	"assistant": {"user", "assistant", "tool"},
	"tool":      {"assistant", "tool"},
}

var nine = regexp.MustCompile(`^[a-zA-Z0-9]{9}$`)

// fault tells what Mistral finds wrong with a conversation; empty: nothing.
func fault(messages []sentMessage) string {
	if len(messages) == 0 {
		return "no messages"
	}
	before, open := "", []string(nil)
	for i, m := range messages {
		if !slices.Contains(followers[before], m.Role) {
			return fmt.Sprintf("unexpected role %q after role %q", m.Role, before)
		}
		switch m.Role {
		case "tool":
			at := slices.Index(open, m.ToolCallID)
			if at < 0 {
				return "a result without a call"
			}
			open = slices.Delete(open, at, at+1)
		default:
			if len(open) > 0 {
				return "not the same number of calls and results"
			}
		}
		if m.Role == "assistant" && string(m.Content) == `""` && len(m.ToolCalls) == 0 {
			return "an assistant's message that holds nothing"
		}
		for _, c := range m.ToolCalls {
			if !nine.MatchString(c.ID) || slices.Contains(open, c.ID) || c.Type != "function" || !json.Valid([]byte(c.Function.Arguments)) {
				return fmt.Sprintf("a bad call %+v", c)
			}
			open = append(open, c.ID)
		}
		if last := i == len(messages)-1; m.Prefix != (last && m.Role == "assistant") {
			return "expected last role User or Tool (or Assistant with prefix True)"
		}
		before = m.Role
	}
	if len(open) > 0 {
		return "not the same number of calls and results"
	}
	return ""
}

// turns are what a conversation is made of in FuzzOrder.
var turns = []string{
	`{"role":"system","content":"s"}`,
	`{"role":"user","content":"u"}`,
	`{"role":"assistant","content":"a"}`,
	`{"role":"assistant","content":"a","tool_calls":[{"id":"call_1","function":{"name":"f","arguments":"{}"}}]}`,
	`{"role":"assistant","tool_calls":[{"id":"aaaaaaaaa","function":{"name":"f","arguments":"["}},{"id":"call_1","function":{"name":"f"}}]}`,
	`{"role":"tool","tool_call_id":"call_1","content":"r"}`,
	`{"role":"tool","tool_call_id":"aaaaaaaaa","content":""}`,
	`{"role":"assistant","content":null}`,
	`{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"r"},{"type":"text","text":"u"}]}`,
	`{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"f","input":{}}]}`,
	`{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}`,
	`{"role":"function","name":"f","content":"r"}`,
	`{"role":"developer","content":""}`,
	`{"role":"tool","content":"r"}`,
	`{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}],"prefix":true}`,
}

// FuzzOrder: of whatever conversation Mistral gets one that it takes.
func FuzzOrder(f *testing.F) {
	f.Add([]byte{1, 3, 5, 1})
	f.Add([]byte{0, 1, 4, 1, 6, 5, 0, 2})
	f.Add([]byte{10, 11, 13, 9, 8, 14})
	f.Add([]byte{7, 12})
	f.Fuzz(func(t *testing.T, choice []byte) {
		if len(choice) == 0 || len(choice) > 50 {
			return
		}
		messages := make([]string, len(choice))
		for i, c := range choice {
			messages[i] = turns[int(c)%len(turns)]
		}
		req, err := try(t, `"messages":[`+strings.Join(messages, ",")+`]`, medium, mistral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		body, bad := decodeSent(req.Body)
		if bad != nil {
			t.Fatalf("%v: %s", bad, req.Body)
		}
		if why := fault(body.Messages); why != "" {
			t.Errorf("%s: %s", why, req.Body)
		}
	})
}

// Requests that real clients made, of Mistral and of OpenAI, become such that Mistral takes.
func TestRecordedRequests(t *testing.T) {
	requests := openaitest.Recordings(t, func(r *openaitest.Recording) bool {
		return (r.API == "mistral-chat" || r.API == "openai-chat") && len(r.Request.Body) > len(`null`)
	})
	taken := map[string]int{}
	for _, r := range requests {
		chat, fault := openai.DecodeChatRequest(r.Request.Body)
		if fault != nil || len(chat.Messages) == 0 {
			continue
		}
		if takes(t, r.ID, chat) {
			taken[r.API]++
		}
	}
	if taken["mistral-chat"] < 60 || taken["openai-chat"] < 250 {
		t.Errorf("taken are %v, want more", taken)
	}
}

// takes translates a request; false: it is refused for a part of it that has no place.
func takes(t *testing.T, id string, chat *openai.ChatRequest) bool {
	t.Helper()
	req, err := mistral.NewRequest(chat, &catalogue.Model{ID: "m"}, mistral.Options{})
	if err != nil {
		if err.Code != "unsupported_value" && err.Code != "unsupported_parameter" && err.Code != "invalid_value" {
			t.Errorf("%s: %v", id, err)
		}
		t.Logf("%s: %v", id, err)
		return false
	}
	body, bad := decodeSent(req.Body)
	if bad != nil {
		t.Errorf("%s: %v", id, bad)
		return false
	}
	if why := fault(body.Messages); why != "" {
		t.Errorf("%s: %s: %s", id, why, req.Body)
	}
	return true
}
