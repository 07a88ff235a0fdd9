package anthropic_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// repeat writes n elements, each behind a comma; %d in them is the element's number.
func repeat(n int, element string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("," + strings.ReplaceAll(element, "%d", strconv.Itoa(i)))
	}
	return b.String()
}

// hostile gives the members of small requests that are much work for who is careless.
func hostile(n int) map[string]string {
	list := func(element string) string { return strings.TrimPrefix(repeat(n, element), ",") }
	chat := func(messages string) string {
		return `"messages":[{"role":"user","content":"a"},` + messages + `,{"role":"user","content":"b"}]`
	}
	return map[string]string{
		"one id":             chat(`{"role":"assistant","tool_calls":[` + list(`{"id":"a","function":{"name":"f"}}`) + `]}`),
		"unknown members":    list(`"x%d":1`) + "," + chat(`{"role":"user","content":"a"}`),
		"assistants":         chat(list(`{"role":"assistant","content":"a"}`)),
		"system messages":    chat(list(`{"role":"system","content":"a"}`)),
		"tools":              `"tools":[` + list(`{"type":"function","function":{"name":"f%d"}}`) + `],` + chat(`{"role":"user","content":"a"}`),
		"pieces of thinking": chat(`{"role":"assistant","content":"a","reasoning_details":[` + list(`{"type":"reasoning.text","text":"abc","signature":"s"}`) + `]}`),
		"alternatives":       `"tools":[{"type":"function","function":{"name":"f","parameters":{"anyOf":[` + list(`{"properties":{"a":{"const":%d},"b%d":{}},"required":["a"]}`) + `]}}}],` + chat(`{"role":"user","content":"a"}`),
		"nested schemas":     `"tools":[{"type":"function","function":{"name":"f","parameters":` + strings.Repeat(`{"anyOf":[`, min(n, 4000)) + strings.Repeat(`]}`, min(n, 4000)) + `}}],` + chat(`{"role":"user","content":"a"}`),
	}
}

// BenchmarkHostile: the second size is four times the first, and so must be its time.
func BenchmarkHostile(b *testing.B) {
	m, _ := catalogue.Builtin().Find("claude-opus-5")
	for _, name := range slices.Sorted(maps.Keys(hostile(1))) {
		for _, n := range []int{1000, 4000} {
			body := []byte(`{` + hostile(n)[name] + `}`)
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(name, " ", "-"), n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					chat, err := openai.DecodeChatRequest(body)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := anthropic.NewRequest(chat, m, anthropic.Options{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
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
		w := openai.NewChunkWriter(openai.Head{ID: "1", Model: "claude"}, openai.Form{})
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
