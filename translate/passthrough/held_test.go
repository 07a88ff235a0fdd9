package passthrough_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Until a chunk says something the client sees none, so that another location may still
// answer; then it sees all of them.
func TestHeldChunks(t *testing.T) {
	const (
		role    = `{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`
		nothing = `{"choices":[{"index":0,"delta":{"content":null,"tool_calls":[]},"finish_reason":null}]}`
		word    = `{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}`
		thought = `{"choices":[{"index":0,"delta":{"reasoning_content":"a"},"finish_reason":null}]}`
		blank   = `{"choices":[{"index":0,"text":"","finish_reason":null}]}`
		text    = `{"choices":[{"index":0,"text":"a","finish_reason":null}]}`
		end     = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	)
	for _, tt := range []struct {
		events []string
		given  int // chunks, of the first ones
	}{
		{[]string{role}, 0},
		{[]string{role, nothing, blank}, 0},
		{[]string{role, nothing, word, nothing}, 4},
		{[]string{role, thought}, 2},
		{[]string{blank, text}, 2},
		{[]string{role, end}, 2},
		{[]string{role, "[DONE]"}, 1},
	} {
		got, _, fault := chunks(t, plain, tt.events...)
		if fault != nil || len(got) != tt.given {
			t.Errorf("%s: %v, %s", tt.events, fault, got)
			continue
		}
		for i, chunk := range got {
			if want := strings.TrimSuffix(tt.events[i], "}") + `,"model":"alias"}`; !cmp.Equal(chunk, want) {
				t.Errorf("chunk %d: %s, want %s", i, chunk, want)
			}
		}
	}
}
