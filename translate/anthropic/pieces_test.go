package anthropic_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/openai"
)

// units takes a text apart into the units of a JSON string that holds it: bytes of
// characters and escapes, which events never cut. With ascii all else is escaped.
func units(text string, ascii bool) []string {
	var found []string
	for _, r := range text {
		one, _ := json.Marshal(string(r))
		escape := string(one[1 : len(one)-1])
		switch {
		case ascii && r > 0xffff:
			high, low := utf16.EncodeRune(r)
			found = append(found, fmt.Sprintf(`\u%04x`, high), fmt.Sprintf(`\u%04x`, low))
			continue
		case ascii && r >= 0x80:
			escape = fmt.Sprintf(`\u%04x`, r)
		}
		found = append(found, escape)
	}
	return found
}

// inPieces calls f with the text whole, unit by unit, and cut at each pair of places.
func inPieces(text string, f func(pieces ...string)) {
	for _, ascii := range []bool{false, true} {
		u := units(text, ascii)
		f(strings.Join(u, ""))
		f(u...)
		for i := range u {
			for j := i; j < len(u); j++ {
				f(strings.Join(u[:i], ""), strings.Join(u[i:j], ""), strings.Join(u[j:], ""))
			}
		}
	}
}

// However a text is cut, the fence around it goes and nothing else.
func TestFence(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"{}":                                 "{}",
		"```json\n{\"é\":1}\n```":            `{"é":1}`,
		"\n ```json  \r\n{}\r\n\n``` \n\t":   "{}",
		"```\n{}```":                         "{}",
		"```\n```":                           "",
		"```json\n{\"a\": 1":                 `{"a": 1`,
		"```json\n[\"```\", \"``\"]\n ```\n": "[\"```\", \"``\"]",
		"```\n{} ``":                         "{} ``",
		"```\n{}\n```\nSo it is.":            "{}\n```\nSo it is.",
		"```\na ``` ```":                     "a ```",
		"```\na``\n```":                      "a``",
		"```go\nx\n```":                      "```go\nx\n```",
		"```jso\nx":                          "```jso\nx",
		"``":                                 "``",
		"```json":                            "```json",
		" \n😀":                               " \n😀",
		"{}\n```":                            "{}\n```",
		"```\n{}\n\n" + strings.Repeat(" ", 80) + "```": "{}\n\n" + strings.Repeat(" ", 19), // 64 bytes are held back

		strings.Repeat(" ", 80) + "```\n{}": strings.Repeat(" ", 80) + "```\n{}",
	} {
		inPieces(text, func(pieces ...string) {
			checkContent(t, anthropic.Reading{Unfence: true}, want, saidText(pieces...))
		})
	}
}

func checkContent(t *testing.T, reading anthropic.Reading, want string, blocks ...said) {
	t.Helper()
	_, completion, err := readAs(reading.Stream(), openai.Form{}, strings.NewReader(eventsOf("end_turn", blocks...)))
	if err != nil {
		t.Fatal(err)
	}
	if got := *outcomeOf(t, completion).Content; got != want {
		t.Fatalf("%q: %q, want %q", blocks[0].pieces, got, want)
	}
}

// However the JSON of a custom call is cut, its text comes out.
func TestCustomInput(t *testing.T) {
	for object, want := range map[string]string{
		`{"input":"*** Begin\n\"é\"\t\\n😀"}`:                       "*** Begin\n\"é\"\t\\n😀",
		`{"input":"\u00e9\ud83d\ude00\u0041\/\u0022"}`:             `é😀A/"`,
		` { "a":{"input":"no","b":["}"]}, "input" : "x" ,"c":"d"}`: "x",
		`{"inpu\"t":"a","\"":2,"input":"b"}`:                       "b",
		`{"input":"a","input":"b"}`:                                "a",
		"{\"input\":\"a\nb\x01\\q\\u12x\"}":                        "a\nb\x01\\q\\u12x",
		`{"input":"\ud83d"}`:                                       "\ufffd",
		`{"input":"\ud83dx\ude00\ud83d\u0041\ud83d\n"}`:            "\ufffdx\ufffd\ufffdA\ufffd\n",
		`{"input":"cut \`:                                          "cut ",
		`{"input":"cut \ud83d\ude`:                                 "cut \ufffd",
		`{"input":""}`:                                             "",
		`{"\u0069nput":"a"}`:                                       "a",
		`{"patch":"a\né"}`:                                         "a\né",
		`{"input":{"a":1.0}}`:                                      `{"a":1.0}`,
		`{"input":null}`:                                           "",
		`{"a":1}`:                                                  `{"a":1}`,
		`{"a":"1","b":"2"}`:                                        `{"a":"1","b":"2"}`,
		`["a"]`:                                                    `["a"]`,
		`{"inp`:                                                    `{"inp`,
		`{}`:                                                       "",
	} {
		inPieces(object, func(pieces ...string) {
			events := eventsOf("tool_use", called("t1", "patch", pieces...))
			chunks, completion, err := readAs(anthropic.Reading{Custom: []string{"patch"}}.Stream(), openai.Form{}, strings.NewReader(events))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := json.Marshal(want)
			call := `call {"id":"t1","type":"custom","custom":{"name":"patch","input":` + string(text) + `}} tool_calls`
			if got := joinChunks(t, chunks).summary(); got != call {
				t.Fatalf("%q: chunks %s, want %s", pieces, got, call)
			}
			if got := string(customInput(t, completion)); got != want {
				t.Fatalf("%q: %q, want %q", pieces, got, want)
			}
		})
	}
}

// customInput is the input of the call in a completion.
func customInput(t *testing.T, completion []byte) string {
	t.Helper()
	var call struct {
		Custom struct {
			Input string `json:"input"`
		} `json:"custom"`
	}
	if err := json.Unmarshal(outcomeOf(t, completion).Calls[0], &call); err != nil {
		t.Fatal(err)
	}
	return call.Custom.Input
}
