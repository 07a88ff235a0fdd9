package anthropic_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/sse"
)

// agentRequest is what a coding agent sends: turns of question, tool call, result and
// answer, and tools with schemas of some size.
func agentRequest(turns, tools, size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"claude-sonnet-5","stream":true,"max_completion_tokens":4096,"messages":[{"role":"system","content":"You are a careful engineer."}`)
	text := strings.Repeat("The quick brown fox\\njumps over the \\\"lazy\\\" dog. ", max(1, size/turns/55))
	for i := range turns {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, `,{"role":"user","content":[{"type":"text","text":"%s"}]}`, text)
		case 1:
			fmt.Fprintf(&b, `,{"role":"assistant","content":"%s","tool_calls":[{"id":"call_%d","type":"function","function":{"name":"tool_1","arguments":"{\"path\":\"/a/b\",\"n\":%d}"}}]}`, text, i, i)
		case 2:
			fmt.Fprintf(&b, `,{"role":"tool","tool_call_id":"call_%d","content":"%s"}`, i-1, text)
		case 3:
			fmt.Fprintf(&b, `,{"role":"assistant","content":"%s"}`, text)
		}
	}
	b.WriteString(`],"tools":[`)
	for i := range tools {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"function","function":{"name":"tool_%d","description":"Reads a file and gives its lines.","parameters":{"type":"object","properties":{"path":{"type":"string","description":"Where the file is."},"n":{"type":"integer"},"mode":{"enum":["a","b","c"]}},"required":["path"]}}}`, i)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// BenchmarkRequest decodes and translates. The second size shows that the time grows in
// proportion.
func BenchmarkRequest(b *testing.B) {
	m, _ := catalogue.Builtin().Find("claude-sonnet-5")
	for _, size := range []struct{ turns, tools, bytes int }{{50, 20, 92_000}, {200, 40, 380_000}} {
		body := agentRequest(size.turns, size.tools, size.bytes)
		b.Run(fmt.Sprintf("%dturns", size.turns), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				chat, err := openai.DecodeChatRequest(body)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := anthropic.NewRequest(chat, m, anthropic.Options{Version: "vertex-2023-10-16"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func claudeStream(deltas int) string {
	var b strings.Builder
	b.WriteString("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude\",\"id\":\"msg_vrtx_01\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":16,\"output_tokens\":1}}  }\n\n")
	b.WriteString("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}  }\n\n")
	for range deltas {
		b.WriteString("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" and then some\"}      }\n\n")
	}
	b.WriteString("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":16}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	return b.String()
}

// BenchmarkDelta takes a stream of text deltas from upstream bytes to client bytes, with
// the buffers that the gateway uses.
func BenchmarkDelta(b *testing.B) {
	const deltas = 1000
	body := claudeStream(deltas)
	req := new(anthropic.Request)
	b.ReportAllocs()
	for b.Loop() {
		stream := req.Stream()
		w := openai.NewChunkWriter(openai.Head{ID: "1", Model: "claude"}, false)
		var out []byte
		events := sse.NewReader(strings.NewReader(body), 1<<20)
		for {
			err := events.Fill()
			out = out[:0]
			for ev, ok := events.Next(); ok; ev, ok = events.Next() {
				found, fault := stream.Event(ev.Data)
				if fault != nil {
					b.Fatal(fault)
				}
				for _, d := range found {
					out = w.Append(out, d)
				}
			}
			if err != nil {
				break
			}
		}
		if _, ok := stream.Ending(); !ok {
			b.Fatal("not ended")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*deltas), "ns/delta")
}

// BenchmarkUnary folds a stream of 200 deltas into one completion.
func BenchmarkUnary(b *testing.B) {
	body := claudeStream(200)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := read(strings.NewReader(body)); err != nil {
			b.Fatal(err)
		}
	}
}
