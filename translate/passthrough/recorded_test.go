package passthrough_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
	"vertexgateway/translate/sse"
)

// foreign answers were asked for as OpenAI's, and are in no form of theirs.
var foreign = []string{"openllmetry-009708570012", "pydantic-ai-f9dd86c66c7c"}

// recordings gives the successful ones of APIs in OpenAI's form.
func recordings(t *testing.T, stream bool) []openaitest.Recording {
	t.Helper()
	found := openaitest.Recordings(t, func(r *openaitest.Recording) bool {
		isOurs := slices.Contains([]string{"openai-chat", "openai-compat-chat", "openai-completions", "openai-compat-completions", "vertex-openapi"}, r.API)
		isFault := slices.ContainsFunc(r.Tags, func(tag string) bool { return strings.Contains(tag, "error") })
		return isOurs && !isFault && !slices.Contains(foreign, r.ID) && r.Response.Status == 200 && r.Has("stream") == stream
	})
	if len(found) < 50 {
		t.Fatalf("%d recordings found, want many", len(found))
	}
	return found
}

func events(t *testing.T, body string) (data []string) {
	t.Helper()
	r := sse.NewReader(strings.NewReader(body), 16<<20)
	for {
		err := r.Fill()
		for ev, ok := r.Next(); ok; ev, ok = r.Next() {
			data = append(data, string(ev.Data))
		}
		if errors.Is(err, io.EOF) {
			return data
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func decoded(t *testing.T, data string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(data), &object); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return object
}

// Every chunk of real streams reaches the client as it was, but for the model's name, and
// for usage that the client did not ask for.
func TestRecordedStreams(t *testing.T) {
	for _, r := range recordings(t, true) {
		t.Run(r.ID, func(t *testing.T) {
			data := events(t, r.Response.Body)
			for _, client := range []string{plain, asked} {
				var want []map[string]any
				for _, event := range data {
					if event == "[DONE]" {
						continue
					}
					chunk := decoded(t, event)
					list, _ := chunk["choices"].([]any)
					if _, usage := chunk["usage"].(map[string]any); len(list) == 0 && !(usage && client == asked) {
						continue
					}
					chunk["model"] = "alias"
					delete(chunk, "error")
					if client == plain {
						delete(chunk, "usage")
					}
					want = append(want, parted(chunk)...)
				}
				got, a, fault := chunks(t, client, data...)
				if fault != nil {
					t.Fatal(fault)
				}
				if _, ok := a.Ending(true); !ok || !a.Begun() {
					t.Error("no end")
				}
				var objects []map[string]any
				for _, chunk := range got {
					objects = append(objects, decoded(t, chunk))
				}
				if diff := cmp.Diff(want, objects); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// parted are the chunks that one with several calls, or with calls and their end, becomes.
func parted(chunk map[string]any) []map[string]any {
	list, _ := chunk["choices"].([]any)
	if len(list) != 1 {
		return []map[string]any{chunk}
	}
	choice := list[0].(map[string]any)
	delta, _ := choice["delta"].(map[string]any)
	calls, _ := delta["tool_calls"].([]any)
	reason, ended := choice["finish_reason"].(string)
	if len(calls) == 0 || len(calls) == 1 && !ended {
		return []map[string]any{chunk}
	}
	with := func(said map[string]any, reason any) map[string]any {
		part, one := maps.Clone(chunk), maps.Clone(choice)
		one["delta"], one["finish_reason"] = said, reason
		part["choices"] = []any{one}
		delete(part, "usage")
		return part
	}
	var parts []map[string]any
	for i, call := range calls {
		said := map[string]any{}
		if i == 0 {
			said = maps.Clone(delta)
		}
		said["tool_calls"] = []any{call}
		parts = append(parts, with(said, nil))
	}
	if ended {
		end := with(map[string]any{}, reason)
		delete(end["choices"].([]any)[0].(map[string]any), "logprobs")
		parts = append(parts, end)
	}
	if used, ok := chunk["usage"]; ok {
		parts[len(parts)-1]["usage"] = used
	}
	return parts
}

// However few of its choices' ends a stream has lost, it never looks whole.
func TestRecordedStreamsCut(t *testing.T) {
	for _, r := range recordings(t, true) {
		a := request(t, plain).Read()
		for i, event := range events(t, r.Response.Body) {
			if event == "[DONE]" || strings.Contains(strings.ReplaceAll(event, " ", ""), `"finish_reason":"`) {
				break
			}
			_, fault := a.Event([]byte(event))
			if _, ok := a.Ending(true); ok || fault != nil {
				t.Errorf("%s: whole behind event %d, %v", r.ID, i, fault)
			}
		}
	}
}

func TestRecordedCompletions(t *testing.T) {
	for _, r := range recordings(t, false) {
		t.Run(r.ID, func(t *testing.T) {
			want := decoded(t, r.Response.Body)
			want["model"] = "alias"
			delete(want, "error")
			fill(want)
			a := request(t, `{"model":"alias"}`).Read()
			deltas, fault := a.Message([]byte(r.Response.Body))
			if fault != nil || len(deltas) != 1 {
				t.Fatal(fault)
			}
			if diff := cmp.Diff(want, decoded(t, string(deltas[0].Text))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantUsage(t, want["usage"], a.Billed())
		})
	}
}

// fill adds to a completion what OpenAI's schema wants and was left out.
func fill(completion map[string]any) {
	add := func(o map[string]any, name string, value any) {
		if _, ok := o[name]; !ok {
			o[name] = value
		}
	}
	list, _ := completion["choices"].([]any)
	for i, one := range list {
		choice := one.(map[string]any)
		add(choice, "index", float64(i))
		add(choice, "logprobs", nil)
		if message, ok := choice["message"].(map[string]any); ok {
			add(message, "role", "assistant")
			add(message, "content", nil)
			add(message, "refusal", nil)
		}
	}
}

// wantUsage compares with what was recorded, whose total tells all.
func wantUsage(t *testing.T, recorded any, got openai.Usage) {
	t.Helper()
	u, ok := recorded.(map[string]any)
	if !ok {
		return
	}
	prompt, _ := u["prompt_tokens"].(float64)
	total, _ := u["total_tokens"].(float64)
	if got.Prompt() != int64(prompt) || got.Prompt()+got.Output != int64(total) {
		t.Errorf("%+v of %v", got, u)
	}
}
