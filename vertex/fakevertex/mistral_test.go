package fakevertex

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	medium3   = "mistral-medium-3"
	codestral = "codestral-2"
)

// publisherPath is the address of a publisher's model in us-central1.
func publisherPath(publisher, model, method string) string {
	return "/v1/projects/p/locations/us-central1/publishers/" + publisher + "/models/" + model + ":" + method
}

func mistralPath(model, method string) string { return publisherPath("mistralai", model, method) }

// hi is a body that every model with a chat of OpenAI's form takes.
func hi(model string, edits ...edit) map[string]any {
	b := map[string]any{"model": model, "messages": []any{user("What is a vertex?")}}
	for _, e := range edits {
		e(b)
	}
	return b
}

// functions sets a tool in OpenAI's form.
const functions = `{"tools": [{"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]}`

// A chatReply is an answer, or a chunk of it, in OpenAI's form.
type chatReply struct {
	ID, Object, Model string
	Choices           []struct {
		Index          int
		Text           string
		Message, Delta struct {
			Role      string
			Content   any
			Reasoning string `json:"reasoning_content"`
			ToolCalls []struct {
				Index    *int
				ID, Type string
				Function struct {
					Name      string
					Arguments any
				}
			} `json:"tool_calls"`
		}
		Finish string `json:"finish_reason"`
	}
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Total      int `json:"total_tokens"`
		Details    struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		More struct {
			Reasoning int `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
	P string
}

func decodeReply(t *testing.T, text string) (r chatReply) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// chatAt posts and reads a good answer.
func chatAt(t *testing.T, h http.Handler, path string, body any) chatReply {
	t.Helper()
	res, text := post(t, h, path, body)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %s", res.Status, text)
	}
	return decodeReply(t, text)
}

// streamAt posts and reads a stream, whose lines end as newline says; done tells whether
// it said that it was over.
func streamAt(t *testing.T, h http.Handler, path string, body any, newline string) (all []chatReply, done bool) {
	t.Helper()
	res, text := post(t, h, path, body)
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%s: %s", res.Status, text)
	}
	for event := range strings.SplitSeq(strings.TrimSuffix(text, newline+newline), newline+newline) {
		data, ok := strings.CutPrefix(event, "data: ")
		switch {
		case !ok || strings.Contains(data, "\n") || done:
			t.Fatalf("event %q of %s", event, text)
		case data == "[DONE]":
			done = true
		default:
			all = append(all, decodeReply(t, data))
		}
	}
	return all, done
}

// joined are the texts and the reasoning of a stream's first choice.
func joined(all []chatReply) (string, string) {
	var text, reasoning strings.Builder
	for _, one := range all {
		for _, choice := range one.Choices {
			if choice.Index == 0 {
				piece, _ := choice.Delta.Content.(string)
				text.WriteString(piece + choice.Text)
				reasoning.WriteString(choice.Delta.Reasoning)
			}
		}
	}
	return text.String(), reasoning.String()
}

func TestMistral(t *testing.T) {
	s := New(Options{})
	got := chatAt(t, s, mistralPath(medium3, "rawPredict"), hi(medium3, raw(`{"max_tokens": 50, "stop": ["zzz"], "random_seed": 1, "n": 2}`)))
	if got.Object != "chat.completion" || got.Model != medium3 || len(got.ID) != 32 || len(got.Choices) != 2 {
		t.Errorf("got %+v", got)
	}
	if m := got.Choices[1]; m.Index != 1 || m.Message.Role != "assistant" || m.Message.Content != "You said: What is a vertex?" || m.Finish != "stop" {
		t.Errorf("got %+v", m)
	}
	if u := got.Usage; u.Prompt != 5 || u.Completion != 7 || u.Total != 12 {
		t.Errorf("usage %+v", u)
	}
	last := s.Requests()[0]
	if last.Publisher != "mistralai" || last.Model != medium3 || last.Usage != (Usage{Input: 5, Output: 7}) {
		t.Errorf("journal %+v", last)
	}
	if got := chatAt(t, s, mistralPath(medium3+"@001", "rawPredict"), hi(medium3)); got.Model != medium3 {
		t.Errorf("with a version: %+v", got)
	}
}

func TestMistralStream(t *testing.T) {
	s := New(Options{})
	chunks, done := streamAt(t, s, mistralPath(medium3, "streamRawPredict"), hi(medium3, set("stream", true)), "\n")
	text, _ := joined(chunks)
	last := chunks[len(chunks)-1]
	if !done || text != "You said: What is a vertex?" || chunks[0].Choices[0].Delta.Role != "assistant" {
		t.Errorf("done %v, text %q, %+v", done, text, chunks[0])
	}
	if last.Choices[0].Finish != "stop" || last.Usage == nil || last.Usage.Total != 12 || chunks[len(chunks)-2].Usage != nil {
		t.Errorf("last %+v", last)
	}
	padded := 0
	for _, c := range chunks {
		padded += len(c.P)
	}
	if padded == 0 {
		t.Error("no chunk is padded")
	}
}

func TestMistralTools(t *testing.T) {
	body := hi(medium3, raw(functions), set("tool_choice", "any"))
	named := 0
	for range 20 {
		s := New(Options{})
		for range 5 { // the throws of the dice differ
			got := chatAt(t, s, mistralPath(medium3, "rawPredict"), body)
			call := got.Choices[0].Message.ToolCalls[0]
			if call.Function.Arguments != `{"city":"What is a vertex?"}` || !mistralID.MatchString(call.ID) || got.Choices[0].Finish != "tool_calls" {
				t.Fatalf("got %+v", got)
			}
			if call.Index != nil {
				named++
			}
		}
	}
	if named == 0 || named == 100 {
		t.Errorf("%d of 100 have an index", named)
	}
	body["stream"] = true
	chunks, _ := streamAt(t, New(Options{}), mistralPath(medium3, "streamRawPredict"), body, "\n")
	last := chunks[len(chunks)-1].Choices[0]
	if len(chunks) != 2 || last.Finish != "tool_calls" || last.Delta.ToolCalls[0].Function.Arguments != `{"city":"What is a vertex?"}` {
		t.Errorf("got %+v", chunks)
	}
}

func TestMistralShapes(t *testing.T) {
	odd := New(Options{Scenarios: []Scenario{{ObjectArguments: true, Nameless: true}}})
	body := hi(medium3, raw(functions), set("tool_choice", "any"))
	got := chatAt(t, odd, mistralPath(medium3, "rawPredict"), body).Choices[0].Message.ToolCalls[0]
	if diff := cmp.Diff(map[string]any{"city": "What is a vertex?"}, got.Function.Arguments); diff != "" || got.ID != "null" || got.Type != "" || got.Index != nil {
		t.Errorf("%s %+v", diff, got)
	}
	s := New(Options{Scenarios: []Scenario{{Chunked: true, Thinking: "Let me see.", Text: "A corner.", Cached: 2, Undone: true}}})
	whole := chatAt(t, s, mistralPath(medium3, "rawPredict"), hi(medium3))
	want := blocks(`[{"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}], "closed": true}, {"type": "text", "text": "A corner."}]`)
	if diff := cmp.Diff(any(want), whole.Choices[0].Message.Content); diff != "" || whole.Usage.Details.Cached != 2 {
		t.Errorf("%s %+v", diff, whole.Usage)
	}
	if u := s.Requests()[0].Usage; u.Input != 3 || u.CacheRead != 2 || u.Thinking != 3 {
		t.Errorf("journal %+v", u)
	}
	chunks, done := streamAt(t, s, mistralPath(medium3, "streamRawPredict"), hi(medium3, set("stream", true)), "\n")
	if _, text := chunks[1].Choices[0].Delta.Content.(string); text || done {
		t.Errorf("done %v, got %+v", done, chunks[1])
	}
}

func TestMistralFormats(t *testing.T) {
	s := New(Options{})
	for format, want := range map[string]string{
		`{"type": "json_object"}`: `{"answer":"What is a vertex?"}`,
		`{"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"corners": {"type": "integer"}}, "required": ["corners"]}}}`: `{"corners":1}`,
	} {
		got := chatAt(t, s, mistralPath(medium3, "rawPredict"), hi(medium3, raw(`{"response_format": `+format+`}`)))
		if got.Choices[0].Message.Content != want {
			t.Errorf("%s: got %v, want %s", format, got.Choices[0].Message.Content, want)
		}
	}
	prefixed := hi(medium3, talk(user("Write."), map[string]any{"role": "assistant", "content": "Dear", "prefix": true}))
	if got := chatAt(t, s, mistralPath(medium3, "rawPredict"), prefixed); !strings.HasPrefix(got.Choices[0].Message.Content.(string), "Dear") {
		t.Errorf("got %+v", got)
	}
}

func TestFIM(t *testing.T) {
	s := New(Options{})
	body := map[string]any{"model": codestral, "prompt": "def f(", "suffix": "return x", "max_tokens": 4, "min_tokens": 0, "random_seed": 1, "stop": []string{"\n\n"}}
	got := chatAt(t, s, mistralPath(codestral, "rawPredict"), body)
	if got.Choices[0].Message.Content != "You said: def f(" || got.Choices[0].Finish != "stop" || got.Object != "chat.completion" {
		t.Errorf("got %+v", got)
	}
	body["stream"], body["max_tokens"] = true, 2
	chunks, done := streamAt(t, s, mistralPath(codestral, "streamRawPredict"), body, "\n")
	if text, _ := joined(chunks); text != "You said" || !done || chunks[len(chunks)-1].Choices[0].Finish != "length" {
		t.Errorf("got %q of %+v", text, chunks)
	}
}

// called is a history with a call whose result follows.
func called(id string, rest ...any) edit {
	call := map[string]any{"role": "assistant", "content": "", "tool_calls": blocks(`[{"id": "` + id + `", "function": {"name": "f", "arguments": "{}"}}]`)}
	return talk(append([]any{user("a"), call}, rest...)...)
}

func answered(id string) map[string]any {
	return map[string]any{"role": "tool", "tool_call_id": id, "content": "ok"}
}

var mistralRefusals = []struct {
	name   string
	edit   edit
	status int
	want   string
}{
	{"unknown field", set("seed", 1), 422, `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted","input":1}]},"type":"invalid_request_error","param":null,"code":null}`},
	{"no messages", unset("messages"), 422, `"type":"missing","loc":["body","messages"]`},
	{"no model", unset("model"), 422, `"type":"missing","loc":["body","model"]`},
	{"another model", set("model", "mistral-medium"), 400, `"message":"Invalid model: mistral-medium","type":"invalid_model","param":null,"code":"1500"`},
	{"model with version", set("model", medium3+"@001"), 400, "Invalid model: mistral-medium-3@001"},
	{"safe_prompt", set("safe_prompt", false), 422, `"loc":["body","safe_prompt"]`},
	{"stream_options", raw(`{"stream_options": {"include_usage": true}}`), 422, `"loc":["body","stream_options"]`},
	{"max_completion_tokens", set("max_completion_tokens", 1), 422, `"loc":["body","max_completion_tokens"]`},
	{"role developer", raw(`{"messages": [{"role": "developer", "content": "a"}]}`), 422, `"type":"union_tag_invalid","loc":["body","messages",0]`},
	{"name of a user", raw(`{"messages": [{"role": "user", "content": "a", "name": "x"}]}`), 422, `"loc":["body","messages",0,"user","name"],"msg":"Extra inputs are not permitted","input":"x"`},
	{"refusal of an assistant", talk(user("a"), map[string]any{"role": "assistant", "content": "b", "refusal": nil}, user("c")), 422, `"loc":["body","messages",1,"assistant","refusal"]`},
	{"reasoning of an assistant", talk(user("a"), map[string]any{"role": "assistant", "content": "b", "reasoning_content": "x"}, user("c")), 422, `"loc":["body","messages",1,"assistant","reasoning_content"]`},
	{"unknown tool_choice", set("tool_choice", "f"), 422, `"type":"literal_error","loc":["body","tool_choice"]`},
	{"tool without parameters", raw(`{"tools": [{"type": "function", "function": {"name": "f"}}]}`), 422, `"loc":["body","tools",0,"function","parameters"]`},
	{"effort", set("reasoning_effort", "low"), 422, `"loc":["body","reasoning_effort"]`},
	{"temperature", set("temperature", 1.7), 422, `"type":"less_than_equal","loc":["body","temperature"]`},
	{"stop of numbers", set("stop", []int{1}), 422, `"loc":["body","stop",0]`},
	{"seed of a wrong kind", set("random_seed", "x"), 422, `"type":"int_type"`},
	{"prediction of parts", raw(`{"prediction": {"type": "content", "content": []}}`), 422, `"loc":["body","prediction","content"]`},
	{"schema missing", raw(`{"response_format": {"type": "json_schema"}}`), 400, "needs json_schema"},
	{"id of another provider", called("call_1234567890", answered("call_1234567890")), 400, `"message":"Tool call id was call_1234567890 but must be a-z, A-Z, 0-9, with a length of 9.","type":"invalid_function_call","param":null,"code":"3280"`},
	{"result of another call", called("abcdefgh1", answered("abcdefgh2")), 400, "Unexpected tool call id abcdefgh2"},
	{"no result", called("abcdefgh1", user("b")), 400, "Not the same number of function calls and responses"},
	{"two results", called("abcdefgh1", answered("abcdefgh1"), answered("abcdefgh1")), 400, "Not the same number"},
	{"user behind a result", called("abcdefgh1", answered("abcdefgh1"), user("b")), 400, `"message":"Unexpected role 'user' after role 'tool'","type":"invalid_request_message_order","param":null,"code":"3230"`},
	{"result without call", talk(user("a"), answered("abcdefgh1")), 400, "Unexpected role 'tool' after role 'user'"},
	{"system in the middle", talk(user("a"), assistant("b"), map[string]any{"role": "system", "content": "c"}), 400, "Unexpected role 'system' after role 'assistant'"},
	{"the last is the assistant's", talk(user("a"), assistant("b")), 400, "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"},
	{"an empty assistant", talk(user("a"), assistant(""), user("b")), 400, "Assistant message must have either content or tool_calls"},
	{"nothing", talk(), 400, "at least one message"},
	{"fill-in-the-middle", both(set("prompt", "a"), unset("messages")), 400, "not enabled for fill-in-the-middle"},
	{"too long", talk(user(strings.Repeat("word ", 200_000))), 400, "too large for model with 128000 maximum context length"},
}

func TestMistralRefuses(t *testing.T) {
	s := New(Options{})
	for _, test := range mistralRefusals {
		t.Run(test.name, func(t *testing.T) {
			for _, method := range rawMethods {
				res, text := post(t, s, mistralPath(medium3, method), hi(medium3, test.edit))
				if res.StatusCode != test.status || !strings.Contains(text, test.want) {
					t.Errorf("%s: got %s %s, want %d %s", method, res.Status, text, test.status, test.want)
				}
			}
		})
	}
	good := called("abcdefgh1", answered("abcdefgh1"), assistant("Well."), user("b"))
	chatAt(t, s, mistralPath(medium3, "rawPredict"), hi(medium3, good))
}

// A failure of a publisher with a chat of OpenAI's form.
type failure struct {
	scenario Scenario
	status   int
	want     string
}

func TestMistralFailures(t *testing.T) {
	checkFailures(t, mistralPath(medium3, "rawPredict"), hi(medium3), []failure{
		{Scenario{Status: 429}, 429, "online_prediction_requests_per_base_model with base model: mistralai-mistral-medium-3."},
		{Scenario{Status: 404}, 404, "publishers/mistralai/models/mistral-medium-3` was not found"},
		{Scenario{Status: 400, Message: "no"}, 400, `{"object":"error","message":"no","type":"invalid_request_error","param":null,"code":null}`},
		{Scenario{Status: 429, ErrorType: "service_tier_capacity_exceeded", Message: "busy"}, 429, `"message":"busy","type":"service_tier_capacity_exceeded"`},
		{Scenario{Status: 503}, 503, `"status": "UNAVAILABLE"`},
		{Scenario{ErrorAfter: 2}, 500, `"type":"internal_server_error"`},
		{Scenario{StopReason: "model_length"}, 200, `"finish_reason":"model_length"`},
		{Scenario{Model: "mistralai/" + medium3, Method: "rawPredict", Replay: `{"choices":[]}`}, 200, `{"choices":[]}`},
		{Scenario{Location: "europe-west4", Status: 503}, 200, "You said"},
		{Scenario{RequestType: "dedicated", Status: 429}, 200, "You said"},
	})
	s := New(Options{Scenarios: []Scenario{{RequestType: "dedicated", Status: 429}}})
	if res, text := post(t, s, mistralPath(medium3, "rawPredict"), hi(medium3), "X-Vertex-AI-LLM-Request-Type", "dedicated"); res.StatusCode != 429 {
		t.Errorf("%s: %s", res.Status, text)
	}
}

func checkFailures(t *testing.T, path string, body any, all []failure) {
	t.Helper()
	for _, f := range all {
		t.Run(f.want, func(t *testing.T) {
			res, text := post(t, New(Options{Scenarios: []Scenario{f.scenario}}), path, body)
			if res.StatusCode != f.status || !strings.Contains(text, f.want) {
				t.Errorf("got %s %s, want %d %s", res.Status, text, f.status, f.want)
			}
		})
	}
}

func TestMistralStreamBreaksOff(t *testing.T) {
	path, body := mistralPath(medium3, "streamRawPredict"), hi(medium3, set("stream", true))
	for name, test := range map[string]struct {
		scenario Scenario
		end      string
		events   int
	}{
		"error":  {Scenario{ErrorAfter: 3, Message: "sorry"}, `data: {"object":"error","message":"sorry","type":"internal_server_error","param":null,"code":null}` + "\n\n", 4},
		"closed": {Scenario{CloseAfter: 2}, "}\n\n", 2},
		"whole":  {Scenario{Events: 5}, "data: [DONE]\n\n", 8},
		"replay": {Scenario{Replay: "data: {}\r\n\r\ndata: [DONE]\r\n\r\n"}, "data: [DONE]\r\n\r\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, text := post(t, New(Options{Scenarios: []Scenario{test.scenario}}), path, body)
			if !strings.HasSuffix(text, test.end) || strings.Count(text, "data: ") != test.events {
				t.Errorf("got %s", text)
			}
		})
	}
}

// TestWhereModelsAre: what Google refuses before the publisher sees it.
func TestWhereModelsAre(t *testing.T) {
	s := New(Options{})
	for _, test := range []struct {
		path   string
		body   any
		status int
		want   string
	}{
		{strings.Replace(mistralPath(medium3, "rawPredict"), "us-central1", "global", 1), hi(medium3), 404, "locations/global/publishers/mistralai/models/mistral-medium-3` was not found"},
		{publisherPath("ai21", medium3, "rawPredict"), hi(medium3), 404, "publishers/ai21/models/mistral-medium-3` was not found"},
		{mistralPath(medium3, "predict"), hi(medium3), 400, "mistral-medium-3 is not supported in the predict API."},
		{mistralPath("mistral-ocr-2505", "streamRawPredict"), hi("mistral-ocr-2505"), 400, "not supported in the streamRawPredict API"},
		{publisherPath("google", "gemini-embedding-2", "predict"), hello(), 400, "FAILED_PRECONDITION"},
		{publisherPath("google", "text-embedding-005", "rawPredict"), hello(), 400, "FAILED_PRECONDITION"},
		{"/v1/projects/p/locations/us-central1/endpoints/openapi/chat/completions", hi("mistralai/" + medium3), 400, "The deployed model does not support ChatCompletions."},
		{"/v1/projects/p/locations/us-central1/endpoints/openapi/models", hi("meta/x"), 404, "<title>Error 404"},
	} {
		res, text := post(t, s, test.path, test.body)
		if res.StatusCode != test.status || !strings.Contains(text, test.want) {
			t.Errorf("%s: got %s %s, want %d %s", test.path, res.Status, text, test.status, test.want)
		}
	}
}
