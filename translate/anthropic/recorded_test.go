package anthropic_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
	"vertexgateway/translate/sse"
)

// recordings gives the successful ones of the kinds of Claude's API.
func recordings(t *testing.T, stream bool) []openaitest.Recording {
	t.Helper()
	found := openaitest.Recordings(t, func(r *openaitest.Recording) bool {
		isClaude := r.API == "anthropic-messages" || r.API == "vertex-anthropic" || r.API == "anthropic-compat"
		isStream := strings.Contains(r.Response.Body, "event: message_start")
		return isClaude && r.Response.Status == 200 && isStream == stream && (stream || strings.Contains(r.Response.Body, `"message"`))
	})
	if len(found) < 10 {
		t.Fatalf("%d recordings found, want many", len(found))
	}
	return found
}

var head = openai.Head{Created: 1795305600, Model: "claude"}

// read runs a stream through the whole translation and gives the client's bytes, the
// folded completion, and how it ended.
func read(src io.Reader) (chunks, completion []byte, err error) {
	return readAs(new(anthropic.Request).Stream(), openai.Form{Usage: true}, src)
}

func readAs(stream *anthropic.Stream, form openai.Form, src io.Reader) (chunks, completion []byte, err error) {
	var w *openai.ChunkWriter
	fold := openai.Fold{Form: form}
	events := sse.NewReader(src, 16<<20)
	head := head
	for {
		readErr := events.Fill()
		for ev, ok := events.Next(); ok; ev, ok = events.Next() {
			deltas, fault := stream.Event(ev.Data)
			for _, d := range deltas {
				if w == nil {
					head.ID = stream.ID()
					w = openai.NewChunkWriter(head, form)
				}
				chunks = w.Append(chunks, d)
				fold.Add(d)
			}
			if fault != nil {
				return chunks, nil, fault
			}
		}
		if end, ok := stream.Ending(); ok {
			if w == nil {
				head.ID = stream.ID()
				w = openai.NewChunkWriter(head, form)
			}
			return w.AppendEnd(chunks, end), fold.Append(nil, head, end), nil
		}
		if readErr != nil {
			return chunks, nil, readErr
		}
	}
}

func TestRecordedStreamsHoweverCut(t *testing.T) {
	for _, r := range recordings(t, true) {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			body := r.Response.Body
			want, _, err := read(strings.NewReader(body))
			if err != nil {
				t.Fatalf("whole: %v", err)
			}
			same := func(how string, src io.Reader) {
				t.Helper()
				if got, _, err := read(src); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: other bytes (error %v)", how, err)
				}
			}
			same("byte by byte", iotest.OneByteReader(strings.NewReader(body)))
			crlf := strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n")
			same("CRLF", strings.NewReader(crlf))
			same("CRLF, byte by byte", iotest.OneByteReader(strings.NewReader(crlf)))
			step := 1 + len(body)/500          // large streams are cut at a sample of their bytes
			if os.Getenv("EVERY_BYTE") != "" { // as .ci/run has it: two minutes
				step = 1
			}
			for i := 0; i <= len(body); i += step {
				same("in two", io.MultiReader(strings.NewReader(body[:i]), strings.NewReader(body[i:])))
			}
		})
	}
}

// A stream that is cut off never looks whole, wherever it was cut.
func TestRecordedStreamsCutOff(t *testing.T) {
	for _, r := range recordings(t, true) {
		body := strings.TrimRight(r.Response.Body, "\r\n") // the last event is dispatched by a blank line
		step := 1 + len(body)/200
		for i := 0; i < len(body); i += step {
			if chunks, _, err := read(strings.NewReader(body[:i])); err == nil || bytes.Contains(chunks, []byte("[DONE]")) {
				t.Fatalf("%s cut at byte %d of %d looks whole", r.ID, i, len(body))
			}
		}
	}
}

// The folded stream equals the answer that the SDK's own accumulation of the stream,
// taken as a whole message, gives.
func TestRecordedFoldEqualsMessage(t *testing.T) {
	compared := 0
	for _, r := range recordings(t, true) {
		_, fold, err := read(strings.NewReader(r.Response.Body))
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		message, ok := accumulate(t, r)
		if !ok {
			continue
		}
		compared++
		if got := foldMessage(t, r, message); !equalJSON(t, got, fold) {
			t.Errorf("%s: folded stream and whole message differ:\n%s\n%s", r.ID, fold, got)
		}
	}
	if compared < 100 {
		t.Errorf("only %d streams compared", compared)
	}
}

// accumulate joins a stream to a message with Anthropic's own code; false where that
// code does not know a block or loses a part of one.
func accumulate(t *testing.T, r openaitest.Recording) ([]byte, bool) {
	t.Helper()
	unknown := []string{"advisor", "fallback", "compaction", "mcp_", "_code_execution", "tool_search", "citations_delta", "redacted"}
	if slices.ContainsFunc(unknown, func(s string) bool { return strings.Contains(r.Response.Body, s) }) {
		return nil, false
	}
	var m sdk.Message
	events := sse.NewReader(strings.NewReader(r.Response.Body), 16<<20)
	for {
		err := events.Fill()
		for ev, ok := events.Next(); ok; ev, ok = events.Next() {
			var event sdk.MessageStreamEventUnion
			if err := json.Unmarshal(ev.Data, &event); err != nil {
				t.Fatalf("%s: %v", r.ID, err)
			}
			if event.Type == "ping" {
				continue
			}
			if err := m.Accumulate(event); err != nil {
				t.Logf("%s: the SDK cannot accumulate it: %v", r.ID, err)
				return nil, false
			}
		}
		if err != nil {
			break
		}
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatalf("%s: %v", r.ID, err)
	}
	return data, true
}

func equalJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	one, _ := json.Marshal(x)
	two, _ := json.Marshal(y)
	return bytes.Equal(one, two)
}

func TestRecordedAnswersFitOpenAISchema(t *testing.T) {
	schema := openaitest.Load(t)
	for _, r := range recordings(t, true) {
		chunks, completion, err := read(strings.NewReader(r.Response.Body))
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		schema.Check(t, "CreateChatCompletionResponse", completion)
		for line := range strings.Lines(string(chunks)) {
			if data, ok := strings.CutPrefix(line, "data: {"); ok {
				schema.Check(t, "CreateChatCompletionStreamResponse", []byte("{"+data))
			}
		}
		if t.Failed() {
			t.Fatal(r.ID)
		}
	}
	for _, r := range recordings(t, false) {
		schema.Check(t, "CreateChatCompletionResponse", foldMessage(t, r, []byte(r.Response.Body)))
	}
}

// foldMessage gives the completion of an answer that came as one message.
func foldMessage(t *testing.T, r openaitest.Recording, message []byte) []byte {
	t.Helper()
	completion, fault := foldAs(new(anthropic.Request).Stream(), openai.Form{}, message)
	if fault != nil {
		t.Fatalf("%s: %v", r.ID, fault)
	}
	return completion
}

func foldAs(stream *anthropic.Stream, form openai.Form, message []byte) ([]byte, *openai.Error) {
	deltas, fault := stream.Message(message)
	if fault != nil {
		return nil, fault
	}
	fold := openai.Fold{Form: form}
	for _, d := range deltas {
		fold.Add(d)
	}
	end, _ := stream.Ending()
	head := head
	head.ID = stream.ID()
	return fold.Append(nil, head, end), nil
}

// A recordedBlock is a content block of a recording, put together by the test.
type recordedBlock = map[string]any

// A told is what a recording holds, found without the code under test.
type told struct {
	blocks []recordedBlock
	usage  map[string]any
}

func decode[T any](t *testing.T, data string) T {
	t.Helper()
	var value T
	dec := json.NewDecoder(strings.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		t.Fatalf("%v: %.200s", err, data)
	}
	return value
}

// toldBy puts a recorded stream together.
func toldBy(t *testing.T, r openaitest.Recording) told {
	t.Helper()
	found := told{usage: make(map[string]any)}
	var partial string
	for line := range strings.Lines(r.Response.Body) {
		data, ok := strings.CutPrefix(line, "data:")
		if !ok {
			continue
		}
		event := decode[struct {
			Type    string
			Message struct{ Usage map[string]any }
			Block   recordedBlock `json:"content_block"`
			Delta   map[string]any
			Usage   map[string]any
		}](t, data)
		found.count(event.Message.Usage)
		found.count(event.Usage)
		switch event.Type {
		case "content_block_start":
			partial = ""
			found.blocks = append(found.blocks, event.Block)
		case "content_block_delta":
			block := found.blocks[len(found.blocks)-1]
			switch event.Delta["type"] {
			case "citations_delta":
				list, _ := block["citations"].([]any)
				block["citations"] = append(list, event.Delta["citation"])
			case "input_json_delta":
				partial += event.Delta["partial_json"].(string)
			default:
				for _, key := range []string{"text", "thinking", "signature", "content"} {
					if piece, ok := event.Delta[key].(string); ok {
						before, _ := block[key].(string)
						block[key] = before + piece
					}
				}
			}
		case "content_block_stop":
			if partial != "" && json.Valid([]byte(partial)) {
				found.blocks[len(found.blocks)-1]["input"] = decode[any](t, partial)
			} else if partial != "" {
				found.blocks[len(found.blocks)-1]["input"] = partial // cut off
			}
			partial = ""
		}
	}
	return found
}

func (f *told) count(usage map[string]any) {
	for key, value := range usage {
		if value != nil {
			f.usage[key] = value
		}
	}
}

func (f *told) number(keys ...string) int64 {
	var sum int64
	for _, key := range keys {
		n, _ := f.usage[key].(json.Number)
		value, _ := n.Int64()
		sum += value
	}
	return sum
}

// summary says what a client must see of the recording, in the words of outcome's.
func (f *told) summary() (content, reasoning string, calls, annotations []string) {
	for _, b := range f.blocks {
		switch b["type"] {
		case "text":
			from := utf8.RuneCountInString(content)
			content += b["text"].(string)
			list, _ := b["citations"].([]any)
			var seen []string
			for _, citation := range list {
				c := citation.(map[string]any)
				title, _ := c["title"].(string)
				if c["type"] != "web_search_result_location" {
					continue
				}
				one := fmt.Sprintf("%d-%d %s %s", from, utf8.RuneCountInString(content), c["url"], cmp.Or(title, c["url"].(string)))
				if !slices.Contains(seen, one) {
					seen = append(seen, one)
				}
			}
			annotations = append(annotations, seen...)
		case "thinking":
			reasoning += b["thinking"].(string)
		case "tool_use":
			input, cut := b["input"].(string)
			if !cut {
				data, _ := json.Marshal(b["input"])
				input = string(data)
			}
			calls = append(calls, fmt.Sprintf("%s %s %s", b["id"], b["name"], input))
		}
	}
	return content, reasoning, calls, annotations
}

// A recorded answer gives the text, the calls, the reasoning, the citations and the usage
// that it contains, and is kept as it came.
func TestRecordedAnswersGiveWhatTheyContain(t *testing.T) {
	cited := 0
	for _, r := range recordings(t, true) {
		stream := anthropic.Reading{Cites: true, Keeps: true}.Stream()
		_, completion, err := readAs(stream, openai.Form{}, strings.NewReader(r.Response.Body))
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		cited += compareRecording(t, r.ID, toldBy(t, r), stream, completion)
	}
	for _, r := range recordings(t, false) {
		message := decode[struct {
			Content []recordedBlock
			Usage   map[string]any
		}](t, r.Response.Body)
		stream := anthropic.Reading{Cites: true, Keeps: true}.Stream()
		completion, fault := foldAs(stream, openai.Form{}, []byte(r.Response.Body))
		if fault != nil {
			t.Fatalf("%s: %v", r.ID, fault)
		}
		cited += compareRecording(t, r.ID, told{message.Content, message.Usage}, stream, completion)
	}
	if cited < 10 {
		t.Errorf("only %d citations compared", cited)
	}
}

// compareRecording tells how many citations there were.
func compareRecording(t *testing.T, id string, want told, stream *anthropic.Stream, completion []byte) int {
	t.Helper()
	content, reasoning, calls, annotations := want.summary()
	got := decode[struct {
		Choices []struct {
			Message struct {
				Content   string
				Reasoning string `json:"reasoning_content"`
				Calls     []struct {
					ID       string
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
				Annotations []struct {
					C struct {
						Start int `json:"start_index"`
						End   int `json:"end_index"`
						URL   string
						Title string
					} `json:"url_citation"`
				}
			}
		}
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
			Total      int64 `json:"total_tokens"`
		}
	}](t, string(completion))
	m := got.Choices[0].Message
	if m.Content != content || m.Reasoning != reasoning {
		t.Errorf("%s: content %q and reasoning %q, want %q and %q", id, m.Content, m.Reasoning, content, reasoning)
	}
	var madeCalls, made []string
	for _, c := range m.Calls {
		arguments := c.Function.Arguments
		if json.Valid([]byte(arguments)) {
			data, _ := json.Marshal(decode[any](t, arguments))
			arguments = string(data)
		}
		madeCalls = append(madeCalls, c.ID+" "+c.Function.Name+" "+arguments)
	}
	for _, a := range m.Annotations {
		made = append(made, fmt.Sprintf("%d-%d %s %s", a.C.Start, a.C.End, a.C.URL, a.C.Title))
	}
	if !slices.Equal(madeCalls, calls) || !slices.Equal(made, annotations) {
		t.Errorf("%s: calls %q and annotations %q, want %q and %q", id, madeCalls, made, calls, annotations)
	}
	prompt, output := want.number("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), want.number("output_tokens")
	if u := got.Usage; u.Prompt != prompt || u.Completion != output || u.Total != prompt+output {
		t.Errorf("%s: usage %+v, want %d and %d", id, u, prompt, output)
	}
	data, err := json.Marshal(append([]recordedBlock{}, slices.DeleteFunc(want.blocks, notKept)...))
	if err != nil {
		t.Fatal(err)
	}
	if !equalJSON(t, data, stream.Content()) {
		t.Errorf("%s: kept\n%s, want\n%s", id, stream.Content(), data)
	}
	return len(made)
}

// notKept tells the blocks that Claude would not take back, and takes empty lists off the
// others.
func notKept(b recordedBlock) bool {
	if list, _ := b["citations"].([]any); len(list) == 0 {
		delete(b, "citations")
	}
	if b["type"] == "text" {
		return strings.TrimSpace(b["text"].(string)) == ""
	}
	_, cut := b["input"].(string)
	return cut
}
