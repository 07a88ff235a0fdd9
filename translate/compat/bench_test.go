package compat_test

import (
	"testing"

	"vertexgateway/translate/compat"
)

// BenchmarkEvent reads the chunk that comes by the thousand.
func BenchmarkEvent(b *testing.B) {
	event := []byte(`{"id":"7bfa9194c90e","object":"chat.completion.chunk","created":1787150315,"model":"m","choices":[{"index":0,"delta":{"content":" wandering"},"finish_reason":null}],"p":"abcdefghijk"}`)
	var a compat.Answer
	b.ReportAllocs()
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		if deltas, err := a.Event(event); err != nil || len(deltas) != 1 {
			b.Fatal(len(deltas), err)
		}
	}
}
