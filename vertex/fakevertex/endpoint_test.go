package fakevertex

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

const (
	tuned   = "1234567890"
	older   = "2345678901"
	private = "3456789012"
	empty   = "4567890123"
	sleepy  = "5678901234"
	vectors = "6789012345"
)

// ownPath is an address of an endpoint; what begins with a colon is a method.
func ownPath(version, id, rest string) string {
	location := "us-central1"
	if id == vectors {
		location = "europe-west4"
	}
	return "/" + version + "/projects/p/locations/" + location + "/endpoints/" + id + rest
}

func ownChat(id string) string { return ownPath("v1beta1", id, "/"+chatty) }

func TestOwnEndpointChat(t *testing.T) {
	s := New(Options{})
	for _, model := range []string{"", tuned, "4561"} {
		got := chatAt(t, s, ownChat(tuned), hi(model, raw(`{"top_k": 5, "min_p": 0.1, "skip_special_tokens": false}`)))
		if got.Choices[0].Message.Content != "You said: What is a vertex?" || got.Usage.Total != 12 || !strings.HasPrefix(got.ID, "chatcmpl-") {
			t.Errorf("model %q: got %+v", model, got)
		}
	}
	chatAt(t, s, ownPath("v1", tuned, "/invoke/v1/"+chatty), hi(""))
	chatAt(t, s, ownPath("v1", tuned, "/deployedModels/4561/invoke/v1/"+chatty), hi(""))
	chatAt(t, s, ownChat(private), hi(""))
	if r := s.Requests()[0]; r.Publisher != "" || r.Model != tuned || r.Method != chatty || r.Usage.Output != 7 || r.Location != "us-central1" {
		t.Errorf("journal %+v", r)
	}
}

func TestOwnEndpointStream(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Thinking: "Let me see."}}})
	chunks, done := streamAt(t, s, ownChat(tuned), hi("", set("stream", true)), "\n")
	if text, reasoning := joined(chunks); text != "You said: What is a vertex?" || reasoning != "Let me see." || !done {
		t.Errorf("done %v, %q, %q", done, text, reasoning)
	}
	for _, c := range chunks {
		if c.Usage != nil {
			t.Errorf("usage that nobody asked for: %+v", c)
		}
	}
	chunks, _ = streamAt(t, s, ownChat(tuned), hi("", raw(`{"stream": true, "stream_options": {"include_usage": true}}`)), "\n")
	if last := chunks[len(chunks)-1]; last.Usage == nil || len(last.Choices) != 0 {
		t.Errorf("got %+v", last)
	}
}

// TestOwnEndpointDecoding: what vLLM takes besides OpenAI's parameters shows.
func TestOwnEndpointDecoding(t *testing.T) {
	for extra, want := range map[string]string{
		`"ignore_eos": true, "max_tokens": 3`: `ping pong pi`,
		`"guided_json": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}`: `{"n":1}`,
		`"guided_json": "{\"enum\": [7]}"`:              `7`,
		`"structured_outputs": {"json": {"enum": [8]}}`: `8`,
		`"guided_choice": ["yes", "no"]`:                `yes`,
		`"structured_outputs": {"choice": ["no"]}`:      `no`,
		`"guided_regex": "[a-c]{3}-\\d"`:                `aaa-1`,
		`"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": [9]}}}`: `9`,
	} {
		got := chatAt(t, New(Options{}), ownChat(tuned), hi("", raw("{"+extra+"}")))
		if text := got.Choices[0].Message.Content; text != want {
			t.Errorf("%s: got %q, want %q", extra, text, want)
		}
		if strings.Contains(extra, "eos") && (got.Usage.Completion != 3 || got.Choices[0].Finish != "length") {
			t.Errorf("%s: got %+v", extra, got)
		}
	}
}

func TestOwnEndpointOdds(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Text: "Yes, no."}}})
	client := openai.NewClient(option.WithBaseURL(serve(t, s)+ownPath("v1beta1", tuned, "")), option.WithAPIKey("token"))
	got, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Well?")}, Logprobs: openai.Bool(true), TopLogprobs: openai.Int(2),
	})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, one := range got.Choices[0].Logprobs.Content {
		text.WriteString(one.Token)
		if one.Logprob >= 0 || len(one.TopLogprobs) != 2 || one.TopLogprobs[0].Token != one.Token || len(one.Bytes) != len(one.Token) {
			t.Errorf("got %s", one.RawJSON())
		}
	}
	if text.String() != "Yes, no." {
		t.Errorf("tokens %q", &text)
	}
	_, legacy := post(t, s, ownPath("v1", tuned, "/invoke/v1/completions"), map[string]any{"prompt": "a", "logprobs": 1})
	if !strings.Contains(legacy, `"logprobs":{"tokens":["Yes,"," no."],"token_logprobs":[-0.125,-0.125],"top_logprobs":[{"Yes,":-0.125},{" no.":-0.125}],"text_offset":[0,4]}`) {
		t.Error(legacy)
	}
}

func TestOwnEndpointTools(t *testing.T) {
	got := chatAt(t, New(Options{}), ownChat(tuned), hi("", raw(`{"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "weather"}}]}`)))
	if calls := got.Choices[0].Message.ToolCalls; len(calls) != 1 || calls[0].Function.Name != "weather" || !strings.HasPrefix(calls[0].ID, "chatcmpl-tool-") {
		t.Errorf("got %+v", got)
	}
}

func TestOwnEndpointRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		body   any
		status int
		want   string
	}{
		"v1":            {ownPath("v1", tuned, "/"+chatty), hi(""), 404, "<title>Error 404"},
		"no rule":       {ownPath("v1beta1", vectors, "/embeddings"), hi(""), 404, "<title>Error 404"},
		"no method":     {ownPath("v1", tuned, ":explain"), hi(""), 404, "<title>Error 404"},
		"unknown":       {ownChat("99"), hi(""), 404, `Endpoint ` + "`projects/p/locations/us-central1/endpoints/99`" + ` not found.`},
		"elsewhere":     {strings.Replace(ownChat(tuned), "us-central1", "us-east1", 1), hi(""), 404, `"NOT_FOUND"`},
		"model":         {ownChat(tuned), hi("llama"), 404, `{"error":{"message":"The model ` + "`llama`" + ` does not exist.","type":"NotFoundError","param":null,"code":404}}`},
		"older's model": {ownChat(older), hi("llama"), 404, `{"object":"error","message":"The model ` + "`llama`" + ` does not exist.","type":"NotFoundError","param":null,"code":404}`},
		"form":          {ownChat(tuned), hi("", set("temperature", 3)), 400, `{"error":{"message":"temperature: `},
		"older's form":  {ownChat(older), hi("", set("temperature", 3)), 400, `{"object":"error","message":"temperature: `},
		"type":          {ownChat(tuned), hi("", set("ignore_eos", "yes")), 400, `"BadRequestError"`},
		"nothing":       {ownChat(tuned), hi("", talk()), 400, `"BadRequestError"`},
		"too long":      {ownChat(tuned), hi("", set("max_tokens", 140_000)), 400, "maximum context length is 131072 tokens"},
		"empty":         {ownChat(empty), hi(""), 400, `has no deployed model.`},
		"no chat":       {ownChat(vectors), hi(""), 400, "does not support Chat Completions API"},
		"no embeddings": {ownPath("v1", tuned, "/invoke/v1/embeddings"), map[string]any{"input": "a"}, 400, "does not support Embeddings API"},
		"shared domain": {"https://us-central1-aiplatform.googleapis.com" + ownChat(tuned), hi(""), 400, "using its dedicated domain name '1234567890.us-central1-123456789012.prediction.vertexai.goog'"},
		"own domain":    {"https://1234567890.us-central1-123456789012.prediction.vertexai.goog:443" + ownChat(tuned), hi(""), 200, "chat.completion"},
		"other's":       {"https://1234567890.us-central1-123456789012.prediction.vertexai.goog" + ownChat(sleepy), hi(""), 404, "<title>Error 404"},
		"not dedicated": {"https://us-central1-aiplatform.googleapis.com" + ownChat(older), hi(""), 200, "chat.completion"},
		"private":       {"https://us-central1-aiplatform.googleapis.com" + ownChat(private), hi(""), 400, "Private Service Connect"},
	} {
		t.Run(name, func(t *testing.T) {
			res, text := post(t, New(Options{}), test.path, test.body)
			if res.StatusCode != test.status || !strings.Contains(text, test.want) {
				t.Errorf("got %s %s, want %d %s", res.Status, text, test.status, test.want)
			}
		})
	}
}

// TestOwnEndpointWakes: whoever asks a model that scaled to zero has to ask again.
func TestOwnEndpointWakes(t *testing.T) {
	s := New(Options{})
	for i, status := range []int{429, 429, 200, 200} {
		res, text := post(t, s, ownChat(sleepy), hi(""))
		cold := strings.HasPrefix(text, "Model is not yet ready") && strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain")
		if res.StatusCode != status || cold != (status == 429) {
			t.Errorf("request %d: %s %s", i, res.Status, text)
		}
	}
}

func TestOwnEndpointFailures(t *testing.T) {
	checkFailures(t, ownChat(tuned), hi(""), []failure{
		{Scenario{Status: 404}, 404, `Endpoint ` + "`projects/p/locations/us-central1/endpoints/1234567890`" + ` not found.`},
		{Scenario{Status: 404, HTML: true}, 404, "<title>Error 404"},
		{Scenario{HTML: true}, 502, "<title>502"},
		{Scenario{Status: 403}, 403, "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p/locations/us-central1/endpoints/1234567890'"},
		{Scenario{Status: 429}, 429, "Resource has been exhausted"},
		{Scenario{Status: 400, Message: "bad"}, 400, `{"error":{"message":"bad","type":"BadRequestError","param":null,"code":400}}`},
		{Scenario{Model: tuned, Fault: "cold"}, 429, "Model is not yet ready for inference."},
		{Scenario{Fault: "cold", Message: "Zzz"}, 429, "Zzz"},
		{Scenario{Fault: "busy"}, 503, "503 Took too long to respond"},
		{Scenario{Fault: "moved"}, 400, "using its dedicated domain name '1234567890.us-central1-"},
		{Scenario{Fault: "undeployed"}, 400, "no deployed model"},
		{Scenario{Model: older, Fault: "cold"}, 200, "chat.completion"},
		{Scenario{Location: "us-east1", Status: 500}, 200, "chat.completion"},
		{Scenario{Lacks: []string{"aiplatform.endpoints.predict"}}, 403, "IAM_PERMISSION_DENIED"},
		{Scenario{Disabled: []string{"aiplatform.googleapis.com"}}, 403, "SERVICE_DISABLED"},
	})
	checkFailures(t, ownChat(tuned), hi("", set("stream", true)), []failure{
		{Scenario{ErrorAfter: 3, Message: "sorry"}, 200, `data: {"error":{"message":"sorry","type":"InternalServerError","param":null,"code":500}}` + "\n\ndata: [DONE]\n\n"},
	})
	checkFailures(t, ownChat(older), hi("", set("stream", true)), []failure{
		{Scenario{ErrorAfter: 3, Message: "sorry"}, 200, `data: {"object":"error","message":"sorry","type":"InternalServerError","param":null,"code":500}` + "\n\ndata: [DONE]\n\n"},
	})
}

func TestOwnEndpointPredict(t *testing.T) {
	s := New(Options{})
	asked := map[string]any{"prompt": "What? ", "max_tokens": 50, "top_k": 1}
	_, text := post(t, s, ownPath("v1", tuned, ":predict"), map[string]any{"instances": []any{asked}})
	if want := `{"predictions":["Prompt:\nWhat?\nOutput:\nYou said: What? "],"deployedModelId":"4561","model":"projects/123456789012/locations/us-central1/models/4561","modelDisplayName":"llama-ft-model","modelVersionId":"1"}`; text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
	asked["raw_response"], asked["max_tokens"], asked["ignore_eos"], asked["n"] = true, 2, true, 2
	_, text = post(t, s, ownPath("v1beta1", tuned, ":rawPredict"), map[string]any{"instances": []any{asked}})
	if want := `{"predictions":["ping pon","ping pon"],"output_token_counts":[2,2],"cumulative_logprobs":[-0.25,-0.25]}`; text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
	if r := s.Requests(); r[0].Usage.Output != 4 || r[0].Usage.Input != 2 || r[1].Method != "rawPredict" || r[1].Usage.Output != 2 {
		t.Errorf("journal %+v, %+v", r[0], r[1])
	}
}

func TestOwnEndpointPredictChat(t *testing.T) {
	s := New(Options{})
	var got struct {
		Predictions chatReply `json:"predictions"`
		Deployed    string    `json:"deployedModelId"`
	}
	body := hi("", set("@requestFormat", "chatCompletions"))
	_, text := post(t, s, ownPath("v1", tuned, ":predict"), map[string]any{"instances": []any{body}})
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if got.Predictions.Choices[0].Message.Content != "You said: What is a vertex?" || got.Predictions.Object != "chat.completion" || got.Deployed != "4561" {
		t.Errorf("got %s", text)
	}
	chatAt(t, s, ownPath("v1", tuned, ":rawPredict"), body)
	body["stream"] = true
	if _, done := streamAt(t, s, ownPath("v1", tuned, ":streamRawPredict"), body, "\n"); !done {
		t.Error("the stream is not done")
	}
}

// framesOf are the texts and the counts of a stream of predictions.
func framesOf(t *testing.T, stream string) (texts []string, count int) {
	t.Helper()
	all := strings.Split(stream, "\x00")
	if last := len(all) - 1; all[last] != "" {
		t.Errorf("%q stands behind the last zero byte", all[last])
	} else {
		all = all[:last]
	}
	for _, one := range all {
		var piece struct {
			Predictions []string `json:"predictions"`
			Counts      []int    `json:"output_token_counts"`
		}
		if err := json.Unmarshal([]byte(one), &piece); err != nil {
			t.Fatalf("%v in %q", err, one)
		}
		texts, count = append(texts, piece.Predictions...), count+piece.Counts[0]
	}
	return texts, count
}

func TestOwnEndpointFrames(t *testing.T) {
	s := New(Options{Scenarios: []Scenario{{Events: 4, Text: "one, two, three, four"}}})
	body := map[string]any{"instances": []any{map[string]any{"prompt": "a", "max_tokens": 50, "stream": true, "raw_response": true}}}
	path := ownPath("v1", tuned, ":streamRawPredict")
	res, text := post(t, s, path, body)
	texts, count := framesOf(t, text)
	if strings.Join(texts, "") != "one, two, three, four" || len(texts) < 4 || count != s.Requests()[0].Usage.Output {
		t.Errorf("got %q, %d tokens", texts, count)
	}
	if kind := res.Header.Get("Content-Type"); kind != "application/octet-stream" {
		t.Errorf("content type %s", kind)
	}
	s.Set(Scenario{ErrorAfter: 2, Message: "sorry", Events: 4})
	if _, text := post(t, s, path, body); !strings.HasSuffix(text, "\x00"+`{"error":{"message":"sorry","type":"InternalServerError","param":null,"code":500}}`+"\x00") {
		t.Errorf("got %q", text)
	}
	s.Set(Scenario{CloseAfter: 2, Events: 4})
	if _, text := post(t, s, path, body); strings.Count(text, "\x00") != 2 {
		t.Errorf("got %q", text)
	}
}

func TestOwnEndpointPredictRefusals(t *testing.T) {
	instance := func(text string) map[string]any {
		return map[string]any{"instances": []any{json.RawMessage(text)}}
	}
	for name, test := range map[string]struct {
		method string
		body   any
		status int
		want   string
	}{
		"no instances": {"predict", map[string]any{"prompt": "a"}, 400, `"status": "INVALID_ARGUMENT"`},
		"no object":    {"predict", []int{1}, 400, `"status": "INVALID_ARGUMENT"`},
		"no prompt":    {"predict", instance(`{}`), 500, "Internal Server Error"},
		"unknown":      {"rawPredict", instance(`{"prompt":"a","user":"me"}`), 500, "Internal Server Error"},
		"mistyped":     {"rawPredict", instance(`{"prompt":"a","max_tokens":"x"}`), 500, "Internal Server Error"},
		"guided":       {"rawPredict", instance(`{"prompt":"a","guided_choice":["b"]}`), 200, `\nb"]`},
		"bare":         {"rawPredict", map[string]any{"prompt": "a"}, 200, `"predictions"`},
		"chat's form":  {"predict", instance(`{"@requestFormat":"chatCompletions"}`), 400, `"BadRequestError"`},
	} {
		t.Run(name, func(t *testing.T) {
			res, text := post(t, New(Options{}), ownPath("v1", tuned, ":"+test.method), test.body)
			if res.StatusCode != test.status || !strings.Contains(text, test.want) {
				t.Errorf("got %s %s, want %d %s", res.Status, text, test.status, test.want)
			}
		})
	}
}

func TestOwnEndpointEmbeddings(t *testing.T) {
	s := New(Options{})
	res, text := post(t, s, ownPath("v1", vectors, "/invoke/v1/embeddings"), map[string]any{"input": []string{"a", "b"}, "model": vectors})
	var got struct {
		Data []struct{ Embedding []float64 }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v: %s %s", err, res.Status, text)
	}
	if len(got.Data) != 2 || len(got.Data[0].Embedding) != 768 || slices.Equal(got.Data[0].Embedding, got.Data[1].Embedding) {
		t.Errorf("got %s", text)
	}
	if r := s.Requests()[0]; r.Method != "embeddings" || r.Usage.Input != 2 {
		t.Errorf("journal %+v", r)
	}
	res, text = post(t, s, ownPath("v1", vectors, "/invoke/v1/embeddings"), map[string]any{"input": "a", "model": "e5"})
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("another model: %s %s", res.Status, text)
	}
}

func TestEndpointScenarios(t *testing.T) {
	for text, want := range map[string]string{
		`[{"fault": "cold", "lacks": ["a.b"], "disabled": ["c"], "method": "operation"}]`: "",
		`[{"fault": "cool"}]`:      `scenarios[0]: unknown fault "cool"`,
		`[{"method": "describe"}]`: "",
		`[{"method": "undeploy"}]`: `scenarios[0]: unknown method "undeploy"`,
	} {
		_, err := ParseScenarios([]byte(text))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}
