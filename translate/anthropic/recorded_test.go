package anthropic_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
	"vertexgateway/translate/sse"
)

// A recording is one real exchange of ../shared/recorded.
type recording struct {
	ID       string   `json:"id"`
	API      string   `json:"api"`
	Tags     []string `json:"tags"`
	Response struct {
		Status int    `json:"status"`
		Body   string `json:"body"`
		Form   string `json:"body_form"`
	} `json:"response"`
}

// recordings gives the successful ones of the kinds of Claude's API.
func recordings(t *testing.T, stream bool) []recording {
	t.Helper()
	dir := openaitest.NeedShared(t, "recorded/data")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var found []recording
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		isClaude := r.API == "anthropic-messages" || r.API == "vertex-anthropic" || r.API == "anthropic-compat"
		isStream := strings.Contains(r.Response.Body, "event: message_start")
		if isClaude && r.Response.Status == 200 && isStream == stream && (stream || strings.Contains(r.Response.Body, `"message"`)) {
			found = append(found, r)
		}
	}
	if len(found) < 10 {
		t.Fatalf("%d recordings found, want many", len(found))
	}
	return found
}

var head = openai.Head{Created: 1795305600, Model: "claude"}

// read runs a stream through the whole translation and gives the client's bytes, the
// folded completion, and how it ended.
func read(src io.Reader) (chunks, completion []byte, err error) {
	req := new(anthropic.Request)
	stream := req.Stream()
	var w *openai.ChunkWriter
	var fold openai.Fold
	events := sse.NewReader(src, 16<<20)
	head := head
	for {
		readErr := events.Fill()
		for ev, ok := events.Next(); ok; ev, ok = events.Next() {
			deltas, fault := stream.Event(ev.Data)
			for _, d := range deltas {
				if w == nil {
					head.ID = stream.ID()
					w = openai.NewChunkWriter(head, true)
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
				w = openai.NewChunkWriter(head, true)
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
func accumulate(t *testing.T, r recording) ([]byte, bool) {
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
func foldMessage(t *testing.T, r recording, message []byte) []byte {
	t.Helper()
	stream := new(anthropic.Request).Stream()
	deltas, fault := stream.Message(message)
	if fault != nil {
		t.Fatalf("%s: %v", r.ID, fault)
	}
	var fold openai.Fold
	for _, d := range deltas {
		fold.Add(d)
	}
	end, _ := stream.Ending()
	head := head
	head.ID = stream.ID()
	return fold.Append(nil, head, end)
}
