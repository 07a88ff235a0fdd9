package fakevertex_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"vertexgateway/vertex/fakevertex"
)

func Example() {
	scenarios, err := fakevertex.ParseScenarios([]byte(`[
	  {"location": "global", "status": 429},
	  {"location": "us", "times": 2, "status": 529},
	  {"model": "claude-haiku-4-5", "events": 500, "pace": "20ms"},
	  {"location": "eu", "stall_after": 3, "pings": "5s"},
	  {"model": "claude-opus-5", "error_after": 4, "error_type": "overloaded_error"},
	  {"text": "Tomorrow.", "calls": [{"name": "weather", "input": {"city": "Oslo"}}]}
	]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	vertex := fakevertex.New(fakevertex.Options{Scenarios: scenarios})
	ask := func(location string) int {
		path := "/v1/projects/p/locations/" + location + "/publishers/anthropic/models/claude-opus-5:rawPredict"
		body := `{"anthropic_version": "vertex-2023-10-16", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}`
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer any")
		w := httptest.NewRecorder()
		vertex.ServeHTTP(w, r)
		return w.Code
	}
	fmt.Println(ask("global"), ask("us"), ask("asia-southeast1"))
	// Output: 429 529 529
}
