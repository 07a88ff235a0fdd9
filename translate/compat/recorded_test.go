package compat_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"vertexgateway/translate/compat"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
	"vertexgateway/translate/sse"
)

// recordings gives those of Mistral and AI21, which all succeeded.
func recordings(t *testing.T) []openaitest.Recording {
	t.Helper()
	found := openaitest.Recordings(t, func(r *openaitest.Recording) bool {
		return (r.API == "mistral-chat" || r.API == "ai21-chat") && r.Response.Status == 200
	})
	if len(found) < 75 {
		t.Fatalf("%d recordings found, want 75", len(found))
	}
	return found
}

func isStream(r openaitest.Recording) bool { return strings.HasPrefix(r.Response.Body, "data:") }

// A spoken is an answer as the test understands it, without the code under test.
type spoken struct {
	Text, Thought        string
	Calls                []spokenCall
	Prompt, Output, Read int64
	Reason               string
}

type spokenCall struct{ ID, Name, Arguments string }

// A wireAnswer is a completion or a chunk, as the publishers write it and as we do.
type wireAnswer struct {
	Choices []struct {
		Message, Delta wireMessage
		FinishReason   string `json:"finish_reason"`
	}
	Usage struct {
		Prompt int64 `json:"prompt_tokens"`
		Output int64 `json:"completion_tokens"`
		Cached int64 `json:"num_cached_tokens"`
		Of     struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	}
}

type wireMessage struct {
	Content   json.RawMessage
	Reasoning string `json:"reasoning_content"`
	ToolCalls []struct {
		ID       string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
}

// add gathers one completion or chunk; of calls in pieces the pieces have no name.
func (s *spoken) add(t *testing.T, data []byte) {
	t.Helper()
	var a wireAnswer
	if err := json.Unmarshal(data, &a); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	for _, ch := range a.Choices {
		s.Reason = cmp.Or(ch.FinishReason, s.Reason)
		for _, m := range []wireMessage{ch.Message, ch.Delta} {
			s.Thought += m.Reasoning
			s.content(t, m.Content)
			for _, c := range m.ToolCalls {
				if c.Function.Name != "" {
					s.Calls = append(s.Calls, spokenCall{ID: c.ID, Name: c.Function.Name})
				}
				s.Calls[len(s.Calls)-1].Arguments += c.Function.Arguments
			}
		}
	}
	if u := a.Usage; u.Prompt+u.Output > 0 {
		s.Prompt, s.Output, s.Read = u.Prompt, u.Output, max(u.Cached, u.Of.Cached)
	}
}

func (s *spoken) content(t *testing.T, data json.RawMessage) {
	t.Helper()
	var text string
	if len(data) == 0 || json.Unmarshal(data, &text) == nil {
		s.Text += text
		return
	}
	var pieces []struct {
		Text     string
		Thinking []struct{ Text string }
	}
	if err := json.Unmarshal(data, &pieces); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	for _, p := range pieces {
		s.Text += p.Text
		for _, thought := range p.Thinking {
			s.Thought += thought.Text
		}
	}
}

// compact makes arguments alike however they are spaced.
func (s *spoken) compact(t *testing.T) {
	t.Helper()
	for i := range s.Calls {
		var b bytes.Buffer
		if err := json.Compact(&b, []byte(s.Calls[i].Arguments)); err != nil {
			t.Fatal(err)
		}
		s.Calls[i].Arguments = b.String()
	}
}

// events are the data of a recorded stream.
func events(body string) [][]byte {
	var found [][]byte
	r := sse.NewReader(strings.NewReader(body), 16<<20)
	for err := error(nil); err == nil; {
		err = r.Fill()
		for ev, ok := r.Next(); ok; ev, ok = r.Next() {
			if string(ev.Data) != done {
				found = append(found, slices.Clone(ev.Data))
			}
		}
	}
	return found
}

// Every recorded answer gives the text, the thinking, the calls and the usage that it
// contains, as a completion and in chunks, in the form that OpenAI describes.
func TestRecordedAnswers(t *testing.T) {
	schema := openaitest.Load(t)
	for _, r := range recordings(t) {
		t.Run(r.ID, func(t *testing.T) {
			var want, folded, inChunks spoken
			body := r.Response.Body
			if !isStream(r) {
				want.add(t, []byte(body))
				completion := fold(t, body)
				schema.Check(t, "CreateChatCompletionResponse", completion)
				folded.add(t, completion)
				same(t, want, folded)
				return
			}
			for _, e := range events(body) {
				want.add(t, e)
			}
			chunks, completion, err := read(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			schema.Check(t, "CreateChatCompletionResponse", completion)
			for _, e := range events(string(chunks)) {
				schema.Check(t, "CreateChatCompletionStreamResponse", e)
				inChunks.add(t, e)
			}
			folded.add(t, completion)
			same(t, want, folded)
			same(t, want, inChunks)
		})
	}
}

// fold gives the completion of an answer that came whole.
func fold(t *testing.T, body string) []byte {
	t.Helper()
	var a compat.Answer
	deltas, fault := a.Message([]byte(body))
	if fault != nil {
		t.Fatal(fault)
	}
	var f openai.Fold
	for _, d := range deltas {
		f.Add(d)
	}
	end, _ := a.Ending(false)
	head := head
	head.ID = a.ID()
	return f.Append(nil, head, end)
}

func same(t *testing.T, want, got spoken) {
	t.Helper()
	want.compact(t)
	got.compact(t)
	if a, b := asJSON(t, want), asJSON(t, got); a != b {
		t.Errorf("the upstream said\n%s, the client gets\n%s", a, b)
	}
}

func asJSON(t *testing.T, s spoken) string {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A stream gives the same however it arrives, and never looks whole where it was cut off
// before the model told why it stopped.
func TestRecordedStreamsHoweverCut(t *testing.T) {
	for _, r := range recordings(t) {
		if !isStream(r) {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			body := r.Response.Body
			want, _, err := read(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := read(iotest.OneByteReader(strings.NewReader(body))); err != nil || !bytes.Equal(got, want) {
				t.Errorf("byte by byte: other bytes, error %v", err)
			}
			step := 1 + len(body)/300
			for i := 0; i <= len(body); i += step {
				got, _, err := read(io.MultiReader(strings.NewReader(body[:i]), strings.NewReader(body[i:])))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("in two at byte %d: other bytes, error %v", i, err)
				}
			}
			last := endOfReason(body)
			for i := 0; i < last; i += 1 + last/300 {
				if chunks, _, err := read(strings.NewReader(body[:i])); err == nil || bytes.Contains(chunks, []byte(done)) {
					t.Fatalf("cut at byte %d of %d it looks whole", i, len(body))
				}
			}
		})
	}
}

// endOfReason is where the event ends that tells why the model stopped.
func endOfReason(body string) int {
	at := max(strings.LastIndex(body, `"finish_reason":"`), strings.LastIndex(body, `"finish_reason": "`))
	return at + strings.LastIndexByte(body[at:at+strings.IndexByte(body[at:], '\n')], '}')
}
