package passthrough_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/passthrough"
	"vertexgateway/translate/sse"
)

// request passes a client's body on to the upstream's model m.
func request(t testing.TB, body string) *translate.Request {
	t.Helper()
	chat, fault := openai.DecodeChatRequest([]byte(body))
	if fault != nil {
		t.Fatal(fault)
	}
	return passthrough.NewRequest([]byte(body), chat, passthrough.Options{Method: "/chat/completions", Model: "m", MaxTokens: 99})
}

func TestRequests(t *testing.T) {
	for body, want := range map[string]string{
		`{"messages":[], "ignore_eos":true,"model":"llama" ,"top_k":5, "guided_json":{"b":1,"a":2.0},"temperature":1e0}`: `{"messages":[], "ignore_eos":true,"model":"m" ,"top_k":5, "guided_json":{"b":1,"a":2.0},"temperature":1e0,"max_tokens":99}`,
		`{"model":"a","max_tokens":1,"stream":true}`:           `{"model":"m","max_tokens":1,"stream":true,"stream_options":{"include_usage":true}}`,
		`{"model":"a","max_completion_tokens":1}`:              `{"model":"m","max_completion_tokens":1}`,
		`{"max_tokens":null}`:                                  `{"max_tokens":99,"model":"m"}`,
		`{"mod\u0065l":"a","max_tokens":1}`:                    `{"mod\u0065l":"m","max_tokens":1}`,
		`{"stream":true,"stream_options":null,"max_tokens":1}`: `{"stream":true,"stream_options":{"include_usage":true},"max_tokens":1,"model":"m"}`,
		`{"stream_options":{"continuous_usage_stats":true,"include_usage":false},"stream":true,"max_tokens":1,"model":""}`: `{"stream_options":{"continuous_usage_stats":true,"include_usage":true},"stream":true,"max_tokens":1,"model":"m"}`,
		`{"stream_options":{"include_usage":false},"max_tokens":1,"model":""}`:                                             `{"stream_options":{"include_usage":false},"max_tokens":1,"model":"m"}`,
		`{"extra_body":{"stream":true},"max_tokens":1,"model":"a"}`:                                                        `{"extra_body":{"stream":true},"max_tokens":1,"model":"m","stream":true,"stream_options":{"include_usage":true}}`,
		`{"extra_body":{"stream":false},"stream":true,"max_tokens":1,"model":"a"}`:                                         `{"extra_body":{"stream":false},"stream":false,"max_tokens":1,"model":"m"}`,
	} {
		req := request(t, body)
		if got := string(req.Body); got != want || req.Method != "/chat/completions" {
			t.Errorf("%s\n%s %s, want\n%s", body, req.Method, got, want)
		}
	}
}

// chunks gives the JSON of the chunks that become of events, and how the answer ended.
func chunks(t testing.TB, client string, events ...string) (got []string, a translate.Answer, fault *openai.Error) {
	t.Helper()
	a = request(t, client).Read()
	for _, event := range events {
		deltas, fault := a.Event([]byte(event))
		for _, d := range deltas {
			if d.Kind != openai.DeltaChunk {
				t.Errorf("delta of kind %d", d.Kind)
			}
			got = append(got, string(d.Text))
		}
		if fault != nil {
			return got, a, fault
		}
	}
	return got, a, nil
}

const (
	plain = `{"model":"alias","stream":true}`
	asked = `{"model":"alias","stream":true,"stream_options":{"include_usage":true}}`
)

func TestChunks(t *testing.T) {
	events := []string{
		`{"id":"c1","object":"chat.completion.chunk","model":"org/m","choices":[],"prompt_filter_results":[]}`,
		`{"id":"c1","model":"org/m","choices":[{"index":0,"delta":{"role":"assistant","reasoning":"h\u00e9 m","reasoning_content":"hé m"},"logprobs":{"content":[]},"finish_reason":null,"stop_reason":null}],"usage":null}`,
		`{"id":"c1","model":"org/m","choices":[{"index":0,"delta":{"content":" a"},"finish_reason":null}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10},"x":[1.50]}`,
		"{\"id\":\"c1\",\n\"model\":\"org/m\",\r\n\"error\":null,\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}",
		`{"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":4}}}`,
		`[DONE]`,
		`{"choices":[{"index":0}]}`,
	}
	used := openai.Usage{Input: 5, CacheRead: 4, Output: 6, Reasoning: 4}
	for client, want := range map[string][]string{
		plain: {
			`{"id":"c1","model":"alias","choices":[{"index":0,"delta":{"role":"assistant","reasoning":"h\u00e9 m","reasoning_content":"hé m"},"logprobs":{"content":[]},"finish_reason":null,"stop_reason":null}]}`,
			`{"id":"c1","model":"alias","choices":[{"index":0,"delta":{"content":" a"},"finish_reason":null}],"x":[1.50]}`,
			`{"id":"c1", "model":"alias","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
		},
		asked: {
			`{"id":"c1","model":"alias","choices":[{"index":0,"delta":{"role":"assistant","reasoning":"h\u00e9 m","reasoning_content":"hé m"},"logprobs":{"content":[]},"finish_reason":null,"stop_reason":null}],"usage":null}`,
			`{"id":"c1","model":"alias","choices":[{"index":0,"delta":{"content":" a"},"finish_reason":null}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10},"x":[1.50]}`,
			`{"id":"c1", "model":"alias","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
			`{"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":4}},"model":"alias"}`,
		},
	} {
		got, a, fault := chunks(t, client, events...)
		for i, chunk := range got { // what stands between the values does not matter
			got[i] = strings.Join(strings.Fields(chunk), " ")
		}
		if diff := cmp.Diff(want, got); diff != "" || fault != nil {
			t.Errorf("%s: %v (-want +got):\n%s", client, fault, diff)
		}
		end, ok := a.Ending(false)
		if want := (openai.Ending{Passed: true, Usage: used}); !ok || end != want || a.Billed() != used || a.ID() != "c1" {
			t.Errorf("%s: ending %+v, %v, id %s", client, end, ok, a.ID())
		}
	}
}

func TestUsageWithoutChoices(t *testing.T) {
	got, _, fault := chunks(t, asked, `{"usage":{"prompt_tokens":1}}`)
	if want := []string{`{"usage":{"prompt_tokens":1},"model":"alias","choices":[]}`}; !cmp.Equal(got, want) || fault != nil {
		t.Errorf("%s, %v", got, fault)
	}
}

func TestEndings(t *testing.T) {
	const one, end, two, endTwo = `{"choices":[{"index":0,"finish_reason":null}]}`, `{"choices":[{"index":0,"finish_reason":"stop"}]}`,
		`{"choices":[{"index":1,"finish_reason":null}]}`, `{"choices":[{"finish_reason":"length","index":1}]}`
	pair := `{"model":"a","stream":true,"n":2}`
	for i, tt := range []struct {
		client              string
		events              []string
		begun, open, closed bool // whether it has begun, has ended, and has where the stream is closed
	}{
		{plain, nil, false, false, false},
		{plain, []string{`{"choices":[]}`, ``, ` `}, false, false, false},
		{plain, []string{one}, true, false, false},
		{plain, []string{one, end}, true, false, true},
		{plain, []string{`{"choices":[{"index":0,"finish_reason":""}]}`}, true, false, false},
		{plain, []string{one, end, one}, true, false, true},
		{plain, []string{one, ` [DONE] `}, true, true, true},
		{plain, []string{two}, true, false, false},
		{plain, []string{one, two, end}, true, false, false},
		{pair, []string{one, end}, true, false, false},
		{pair, []string{one, two, endTwo, end}, true, false, true},
		{`{"model":"a","stream":true,"n":1000000000000}`, []string{end}, true, false, false},
	} {
		_, a, fault := chunks(t, tt.client, tt.events...)
		_, open := a.Ending(false)
		_, closed := a.Ending(true)
		if fault != nil || a.Begun() != tt.begun || open != tt.open || closed != tt.closed {
			t.Errorf("%d: begun %v, ended %v, closed %v, %v", i, a.Begun(), open, closed, fault)
		}
	}
}

func TestErrors(t *testing.T) {
	const begun = `{"choices":[{"index":0,"finish_reason":null}]}`
	for _, tt := range []struct {
		event  string
		status int
		code   string
	}{
		{`[DONE]`, 502, "upstream_error"},
		{`hello`, 502, "upstream_error"},
		{`{"choices":[{"index":0`, 502, "upstream_error"},
		{`{"error":{"message":"no","type":"BadRequestError","param":null,"code":400}}`, 400, ""},
		{`{"error":{"message":"no","type":"InternalServerError","code":500}}`, 500, "upstream_error"},
		{`{"error":"no"}`, 500, "upstream_error"},
		{`{"object":"error","message":"no","type":"internal_server_error","code":503}`, 503, "upstream_error"},
		{`[{"error":{"code":429,"message":"busy","status":"RESOURCE_EXHAUSTED"}}]`, 429, "rate_limit_exceeded"},
	} {
		if _, _, fault := chunks(t, plain, tt.event); fault == nil || fault.Status != tt.status || fault.Code != tt.code {
			t.Errorf("%s: %+v", tt.event, fault)
		}
		if got, _, fault := chunks(t, plain, begun, tt.event, begun); tt.event != "[DONE]" && (len(got) != 1 || fault == nil) {
			t.Errorf("%s behind the beginning: %s, %v", tt.event, got, fault)
		}
	}
	if _, _, fault := chunks(t, `{"model":"a"}`, begun); fault == nil || fault.Status != 502 {
		t.Errorf("a stream that nobody asked for: %v", fault)
	}
}

func TestMessage(t *testing.T) {
	a := request(t, `{"model":"a\"b"}`).Read()
	deltas, fault := a.Message([]byte(" {\n \"id\":\"c\", \"model\": \"m\", \"choices\":[{\"message\":{\"content\":\"x\",\"reasoning\":\"y\"},\"stop_reason\":3}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4.0,\"total_tokens\":7,\"prompt_tokens_details\":null}}\n"))
	want := "{\n \"id\":\"c\", \"model\": \"a\\\"b\", \"choices\":[{\"message\":{\"content\":\"x\",\"reasoning\":\"y\",\"role\":\"assistant\",\"refusal\":null},\"stop_reason\":3,\"index\":0,\"logprobs\":null}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4.0,\"total_tokens\":7,\"prompt_tokens_details\":null}}"
	if fault != nil || len(deltas) != 1 || deltas[0].Kind != openai.DeltaCompletion || string(deltas[0].Text) != want {
		t.Errorf("%v %v", fault, deltas)
	}
	end, ok := a.Ending(true)
	if used := (openai.Usage{Input: 3, Output: 4}); !ok || !end.Passed || end.Usage != used || !a.Begun() || a.ID() != "c" {
		t.Errorf("ending %+v, %v", end, ok)
	}
}

func TestNoMessage(t *testing.T) {
	for _, tt := range []struct {
		client, body string
		status       int
	}{
		{`{"model":"a"}`, `<html>`, 502},
		{`{"model":"a"}`, `{}`, 502},
		{`{"model":"a"}`, `{"choices":[]}`, 502},
		{`{"model":"a"}`, `{"object":"error","message":"no","code":404}`, 404},
		{plain, `{"choices":[{"message":{}}]}`, 502},
	} {
		a := request(t, tt.client).Read()
		_, fault := a.Message([]byte(tt.body))
		if _, ok := a.Ending(true); fault == nil || fault.Status != tt.status || ok {
			t.Errorf("%s: %v, ended %v", tt.body, fault, ok)
		}
	}
}

func TestUsage(t *testing.T) {
	for value, want := range map[string]openai.Usage{
		`{}`: {},
		`{"prompt_tokens":8,"completion_tokens":4,"total_tokens":12}`:                                                          {Input: 8, Output: 4},
		`{"prompt_tokens":8,"completion_tokens":4}`:                                                                            {Input: 8, Output: 4},
		`{"prompt_tokens":8,"completion_tokens":4,"cached_tokens":8}`:                                                          {CacheRead: 8, Output: 4},
		`{"prompt_tokens":8,"prompt_tokens_details":{"cached_tokens":99}}`:                                                     {CacheRead: 8},
		`{"prompt_tokens":12,"completion_tokens":2,"total_tokens":334,"completion_tokens_details":{"reasoning_tokens":320}}`:   {Input: 12, Output: 322, Reasoning: 320},
		`{"prompt_tokens":12,"completion_tokens":320,"total_tokens":332,"completion_tokens_details":{"reasoning_tokens":300}}`: {Input: 12, Output: 320, Reasoning: 300},
		`{"prompt_tokens":-1,"completion_tokens":null,"total_tokens":1e300}`:                                                   {Output: 1 << 53},
	} {
		if got, ok := passthrough.Usage([]byte(value)); got != want || !ok {
			t.Errorf("%s: %+v, %v", value, got, ok)
		}
	}
	for _, value := range []string{``, `null`, `[]`, `{"prompt_tokens":"8"}`} {
		if got, ok := passthrough.Usage([]byte(value)); ok {
			t.Errorf("%s: %+v", value, got)
		}
	}
}

func TestReply(t *testing.T) {
	objects := 0
	r := passthrough.NewReply(func(o *passthrough.Object) ([]byte, openai.Usage, *openai.Error) {
		if objects++; objects == 1 {
			return nil, openai.Usage{Pages: 1}, nil
		}
		return o.Value("a"), openai.Usage{Pages: 2}, nil
	})
	var a translate.Answer = r
	if deltas, fault := a.Message([]byte(`{"a":1}`)); len(deltas) != 0 || fault != nil || !a.Begun() {
		t.Errorf("first object: %v, %v", deltas, fault)
	}
	if _, ok := a.Ending(true); ok {
		t.Error("ended by the first object")
	}
	deltas, fault := a.Message([]byte(`{"a":[2]}`))
	if len(deltas) != 1 || string(deltas[0].Text) != "[2]" || deltas[0].Kind != openai.DeltaCompletion || fault != nil {
		t.Errorf("second object: %v, %v", deltas, fault)
	}
	if end, ok := a.Ending(true); !ok || !end.Passed || end.Usage.Pages != 3 || a.Billed().Pages != 3 || a.ID() != "" {
		t.Errorf("ending %+v, %v", end, ok)
	}
	for _, wrong := range []string{`x`, `{"error":{"message":"a"}}`} {
		if _, fault := a.Message([]byte(wrong)); fault == nil {
			t.Errorf("%s is taken for an answer", wrong)
		}
	}
	if _, fault := a.Event([]byte(`{}`)); fault == nil {
		t.Error("an event is taken")
	}
}

func TestDropped(t *testing.T) {
	got := passthrough.Dropped([]byte(`{"b":null,"a":0}`))
	if want := []openai.Warning{{Param: "a", What: "dropped"}}; !cmp.Equal(got, want) || passthrough.Dropped(nil) != nil {
		t.Errorf("%v", got)
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, `,"a%d":0`, i)
	}
	if n := len(passthrough.Dropped([]byte("{" + many.String()[1:] + "}"))); n != 32 {
		t.Errorf("%d warnings, which must fit into a header", n)
	}
}

// FuzzStream: whatever comes, the client gets valid chunks of one line, and an end only
// behind a mark of it.
func FuzzStream(f *testing.F) {
	f.Add("data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}],\ndata: \"usage\":{}}\n\ndata: [DONE]\n\n", true)
	f.Add("data: {\"choices\":[{\"index\":-1,\"finish_reason\":null},1]}\n\ndata: {\"choices\":[],\"usage\":{\"total_tokens\":1}}\n\n", false)
	f.Fuzz(func(t *testing.T, stream string, wantsUsage bool) {
		a := request(t, fmt.Sprintf(`{"model":"alias","stream":true,"stream_options":{"include_usage":%v}}`, wantsUsage)).Read()
		r := sse.NewReader(strings.NewReader(stream), 1<<20)
		for {
			err := r.Fill()
			for ev, ok := r.Next(); ok; ev, ok = r.Next() {
				deltas, fault := a.Event(ev.Data)
				if fault != nil {
					return
				}
				for _, d := range deltas {
					if !json.Valid(d.Text) || bytes.ContainsAny(d.Text, "\r\n") || !bytes.Contains(d.Text, []byte(`"alias"`)) {
						t.Fatalf("chunk %q", d.Text)
					}
				}
			}
			if err != nil {
				break
			}
		}
		if _, ok := a.Ending(true); ok && !a.Begun() {
			t.Error("an end without a beginning")
		}
	})
}

// BenchmarkChunk is the way of one chunk.
func BenchmarkChunk(b *testing.B) {
	a := request(b, plain).Read()
	chunk := []byte(`{"id":"chatcmpl-4db07f02ecae49cbafe1d359db1650df","object":"chat.completion.chunk","created":1732108315,"model":"meta-llama/Llama-3.2-1B-Instruct","choices":[{"index":0,"delta":{"content":" scientist walks into"},"logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":null}`)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if deltas, fault := a.Event(chunk); len(deltas) != 1 || fault != nil {
			b.Fatal(fault)
		}
	}
}
