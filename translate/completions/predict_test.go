package completions_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate"
	"vertexgateway/translate/completions"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/sse"
)

func predict(t testing.TB, body string) *translate.Request {
	t.Helper()
	put, fault := completions.NewPredict(decode(t, body))
	if fault != nil {
		t.Fatalf("%s: %v", body, fault)
	}
	return put
}

func TestPredict(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"a","prompt":["b"],"temperature":0.50,"top_k":1,"guided_regex":"\u0061","user":"u","n":1,"top_p":null}`: `predict {"instances":[{"prompt":"b","temperature":0.50,"top_k":1,"guided_regex":"\u0061","raw_response":true,"max_tokens":16}]}`,
		`{"prompt":"b","max_tokens":5,"stream":true,"stream_options":{"include_usage":true},"raw_response":false}`:        `streamRawPredict {"instances":[{"prompt":"b","max_tokens":5,"stream":true,"raw_response":true}]}`,
		`{"prompt":"","max_tokens":null,"stream":false,"suffix":""}`:                                                      `predict {"instances":[{"prompt":"","raw_response":true,"max_tokens":16}]}`,
	} {
		put := predict(t, body)
		if got := put.Method + " " + string(put.Body); got != want {
			t.Errorf("%s:\n%s, want\n%s", body, got, want)
		}
	}
	for body, want := range map[string]string{
		`{"prompt":"b","suffix":"c"}`: "suffix",
		`{"prompt":"b","n":2}`:        "n",
		`{"prompt":[[1]]}`:            "prompt",
	} {
		if _, e := completions.NewPredict(decode(t, body)); e == nil || e.Param != want || e.Status != 400 {
			t.Errorf("%s: %+v", body, e)
		}
	}
}

// folded is the completion of deltas.
func folded(deltas []openai.Delta, end openai.Ending) string {
	var f completions.Fold
	for _, d := range deltas {
		f.Add(d)
	}
	return string(f.Append(nil, head, end))
}

func TestPredictions(t *testing.T) {
	for body, want := range map[string]struct {
		text, finish string
		tokens       int64
	}{
		`{"predictions":["a\u00e9\n\"c"],"deployedModelId":"1","model":"m"}`: {`a\u00e9\n\"c`, "stop", 0},
		`{"predictions":[""]}`:                                                         {``, "stop", 0},
		`{"predictions":["Prompt:\nWho?\nOutput:\n I.\n"]}`:                            {` I.\n`, "stop", 0},
		`{"predictions":["Prompt:\n\nWho?\n\nOutput:\nI"]}`:                            {`I`, "stop", 0},
		`{"predictions":["Prompt:\nWhat?\nOutput:\nI"]}`:                               {`Prompt:\nWhat?\nOutput:\nI`, "stop", 0},
		`{"predictions":["Prompt:\nWho?\nand I"]}`:                                     {`Prompt:\nWho?\nand I`, "stop", 0},
		`{"predictions":["a"],"output_token_counts":[5],"cumulative_logprobs":[-1.5]}`: {`a`, "stop", 5},
		`{"predictions":["a"],"output_token_counts":[[9]]}`:                            {`a`, "length", 9},
		`{"predictions":[["a"]],"output_token_counts":3.0}`:                            {`a`, "stop", 3},
		`{"predictions":[{"text":"a","output_token_counts":[9]}]}`:                     {`a`, "length", 9},
		`{"predictions":[{"text":["a"]}]}`:                                             {`a`, "stop", 0},
		`{"predictions":[{"generated_text":"a"}]}`:                                     {`a`, "stop", 0},
		`{"predictions":{"choices":[{"message":{"content":"a"},"finish_reason":"length"}],"usage":{"prompt_tokens":2,"completion_tokens":4}}}`: {`a`, "length", 4},
		`{"predictions":[{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}]}`:                                                  {``, "stop", 0},
		`{"object":"text_completion","choices":[{"text":"a","finish_reason":null}]}`:                                                           {`a`, "stop", 0},
		"{\"predictions\":[\"a\xff\"]}": {"a\ufffd", "stop", 0},
	} {
		a := predict(t, `{"prompt":"Who?","max_tokens":9}`).Read()
		deltas, fault := a.Message([]byte(body))
		end, ok := a.Ending(true)
		if fault != nil || !ok || !a.Begun() || end.Passed || end.FinishReason != want.finish || a.Billed().Output != want.tokens || a.ID() != "" {
			t.Errorf("%s: %v, ended %v %+v", body, fault, ok, end)
		}
		if got := folded(deltas, end); !strings.Contains(got, `{"text":"`+want.text+`",`) {
			t.Errorf("%s: %s, want %s", body, got, want.text)
		}
	}
}

func TestNoPrediction(t *testing.T) {
	for body, status := range map[string]int{
		``:                                  502,
		`<html>`:                            502,
		`{}`:                                502,
		`{"predictions":[]}`:                502,
		`{"predictions":null}`:              502,
		`{"predictions":[1]}`:               502,
		`{"predictions":[{"choices":"a"}]}`: 502,
		`{"error":"no"}`:                    500,
		`[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"no"}}]`: 429,
		`{"object":"error","message":"no","type":"BadRequestError","code":400}`: 400,
	} {
		for _, client := range []string{`{"prompt":"a"}`, `{"prompt":"a","stream":true}`} {
			a := predict(t, client).Read()
			_, fault := a.Message([]byte(body))
			if _, ok := a.Ending(true); fault == nil || fault.Status != status || ok {
				t.Errorf("%s: %v, ended %v", body, fault, ok)
			}
		}
	}
}

// A stream is read alike, however its container frames it.
func TestPredictionStreams(t *testing.T) {
	want := []string{`a\n`, `\u00e9`}
	for name, stream := range map[string]string{
		"zero bytes":      "{\"predictions\":[\"Prompt:\\nWho?\\nOutput:\\na\\n\"]}\x00{\"predictions\":[\"\"]}\x00\n{\"predictions\":[\"\\u00e9\"]}\x00",
		"no last one":     "{\"predictions\":[\"a\\n\"]}\x00{\"predictions\":[\"\\u00e9\"]}",
		"events":          "data: {\"predictions\":[\"a\\n\"]}\n\ndata: {\"predictions\":[\"\\u00e9\"]}\n\ndata: [DONE]\n\ndata: {\"predictions\":[\"b\"]}\n\n",
		"OpenAI's events": "data: {\"choices\":[{\"text\":\"a\\n\"}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"\\u00e9\"},\"finish_reason\":\"length\"}]}\n\n",
	} {
		for _, whole := range []bool{true, false} {
			a := predict(t, `{"prompt":"Who?","stream":true}`).Read()
			var deltas []openai.Delta
			for _, piece := range pieces(t, stream, whole) {
				more, fault := a.Event([]byte(piece))
				if fault != nil {
					t.Fatalf("%s: %v", name, fault)
				}
				deltas = append(deltas, more...)
			}
			var got []string
			for _, d := range deltas {
				got = append(got, string(d.Text))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if end, ok := a.Ending(true); !ok || (name == "OpenAI's events") != (end.FinishReason == "length") {
				t.Errorf("%s: ended %v %+v", name, ok, end)
			}
			if _, ok := a.Ending(false); ok != (name == "events") {
				t.Errorf("%s: ended %v while the stream is open", name, ok)
			}
		}
	}
}

// pieces cuts a stream, which comes at once or byte by byte.
func pieces(t *testing.T, stream string, whole bool) (found []string) {
	t.Helper()
	src := io.Reader(strings.NewReader(stream))
	if !whole {
		src = iotest.OneByteReader(src)
	}
	var r interface {
		Fill() error
		Next() (sse.Event, bool)
	} = completions.NewFrames(src, 1<<20)
	if strings.HasPrefix(stream, "data:") {
		r = sse.NewReader(src, 1<<20)
	}
	for {
		err := r.Fill()
		for ev, ok := r.Next(); ok; ev, ok = r.Next() {
			found = append(found, string(ev.Data))
		}
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The pieces of a stream count only what is new in each.
func TestPredictionStreamTokens(t *testing.T) {
	a := predict(t, `{"prompt":"a","max_tokens":5,"stream":true}`).Read()
	for _, piece := range []string{`{"predictions":["a"],"output_token_counts":[2]}`, `{"predictions":[""],"output_token_counts":[0]}`, `{"predictions":["b"],"output_token_counts":[3]}`} {
		if _, fault := a.Event([]byte(piece)); fault != nil {
			t.Fatal(fault)
		}
	}
	if end, ok := a.Ending(true); !ok || end.Usage.Output != 5 || a.Billed() != end.Usage || end.FinishReason != openai.FinishLength {
		t.Errorf("ended %v %+v", ok, end)
	}
}

// A mark of the end is none where nothing came before it.
func TestOnlyTheMark(t *testing.T) {
	a := predict(t, `{"prompt":"a","stream":true}`).Read()
	_, fault := a.Event([]byte(" [DONE]"))
	if _, ok := a.Ending(true); ok || fault != nil {
		t.Errorf("ended %v, %v", ok, fault)
	}
}

// A stream that says it is JSON is read as one body.
func TestStreamAsOneBody(t *testing.T) {
	a := predict(t, `{"prompt":"a","stream":true}`).Read()
	deltas, fault := a.Message([]byte("{\"predictions\":[\"a\"]}\x00{\"predictions\":[\"b\"]}\x00"))
	if got := folded(deltas, openai.Ending{}); fault != nil || !strings.Contains(got, `"text":"ab"`) {
		t.Errorf("%s, %v", got, fault)
	}
}

func TestFrames(t *testing.T) {
	for stream, want := range map[string][]string{
		"":                nil,
		"\x00\x00 \n\x00": nil,
		"a\x00b":          {"a", "b"},
		" a \x00\n":       {"a"},
		strings.Repeat("x", 9000) + "\x00" + strings.Repeat("y", 20000) + "\x00z": {strings.Repeat("x", 9000), strings.Repeat("y", 20000), "z"},
	} {
		for _, whole := range []bool{true, false} {
			if diff := cmp.Diff(want, pieces(t, stream, whole)); diff != "" {
				t.Errorf("%.20q (-want +got):\n%s", stream, diff)
			}
		}
	}
	f := completions.NewFrames(strings.NewReader(strings.Repeat("x", 100)), 10)
	for range 10 {
		if err := f.Fill(); errors.Is(err, sse.ErrTooLong) {
			return
		}
	}
	t.Error("a text of any length is read")
}

// FuzzPredictions: whatever a container sends, the client gets valid JSON.
func FuzzPredictions(f *testing.F) {
	f.Add([]byte("{\"predictions\":[\"Prompt:\\na\\nOutput:\\nb\"]}\x00{\"predictions\":[{\"text\":\"\\ud83d\"}],\"output_token_counts\":[[1]]}"), true)
	f.Add([]byte(`{"predictions":{"choices":[{"message":{"content":["a"]},"usage":{}}]}}`), false)
	f.Fuzz(func(t *testing.T, body []byte, stream bool) {
		client := `{"prompt":"a"}`
		if stream {
			client = `{"prompt":"a","stream":true}`
		}
		a := predict(t, client).Read()
		deltas, fault := a.Message(body)
		end, ok := a.Ending(true)
		if fault == nil && (!ok || !json.Valid([]byte(folded(deltas, end)))) {
			t.Errorf("%q: ended %v, %s", body, ok, folded(deltas, end))
		}
	})
}

// FuzzFrames: what stands between zero bytes comes out, however it is read.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("a\x00 b \x00\x00c"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var want []string
		for piece := range bytes.SplitSeq(stream, []byte{0}) {
			if piece = bytes.TrimSpace(piece); len(piece) > 0 {
				want = append(want, string(piece))
			}
		}
		if bytes.HasPrefix(stream, []byte("data:")) {
			return
		}
		for _, whole := range []bool{true, false} {
			if diff := cmp.Diff(want, pieces(t, string(stream), whole)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", stream, diff)
			}
		}
	})
}
