package vertex_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/vertex"
)

// A question is a request that a google got.
type question struct {
	Call string // method and URI
	Body string
}

// google plays Google's APIs: it answers each call by its method and path, and keeps what
// it was asked.
type google struct {
	answers map[string]string // an answer that begins with three digits has that status
	asked   []question
	header  http.Header // of the last request
}

func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.asked = append(g.asked, question{r.Method + " " + r.URL.RequestURI(), string(body)})
	g.header = r.Header
	answer, ok := g.answers[r.Method+" "+r.URL.Path]
	if !ok {
		answer = `404{"error":{"code":404,"message":"no such thing","status":"NOT_FOUND"}}`
	}
	w.Header().Set("Content-Type", "application/json")
	if status := strings.IndexAny(answer, "{[<"); status == 3 {
		w.WriteHeader(int(answer[0]-'0')*100 + int(answer[1]-'0')*10 + int(answer[2]-'0'))
		answer = answer[3:]
	}
	io.WriteString(w, answer)
}

// newGoogle gives a client of a Google with these answers.
func newGoogle(t *testing.T, answers map[string]string) (*google, *vertex.Client) {
	t.Helper()
	g := &google{answers: answers}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	client := vertex.NewClient(vertex.Options{Credentials: vertex.StaticCredentials("secret"), BaseURL: server.URL + "/"})
	t.Cleanup(client.Close)
	return g, client
}

var llama = vertex.EndpointName{Project: "my-project", Location: "us-central1", ID: "123"}

const llamaCall = "GET /v1/projects/my-project/locations/us-central1/endpoints/123"

func TestAPIErrors(t *testing.T) {
	for answer, want := range map[string]vertex.APIError{
		`403{"error":{"code":403,"message":"Permission denied","status":"PERMISSION_DENIED","details":[{"@type":"help"},{"reason":"IAM_PERMISSION_DENIED"}]}}`: {Status: 403, Code: "PERMISSION_DENIED", Reason: "IAM_PERMISSION_DENIED", Message: "Permission denied"},
		`404[{"error":{"code":404,"message":"gone","status":"NOT_FOUND"}}]`:                                                                                    {Status: 404, Code: "NOT_FOUND", Message: "gone"},
		`400{"error":"invalid_token","error_description":"Invalid Value"}`:                                                                                     {Status: 400, Code: "invalid_token", Message: "Invalid Value"},
		`502<html>secret</html>`: {Status: 502, Message: "a web page, not an answer of Google's API"},
		`418{"detail":"short"}`:  {Status: 418, Message: `{"detail":"short"}`},
	} {
		_, client := newGoogle(t, map[string]string{llamaCall: answer})
		_, err := client.Endpoint(t.Context(), llama)
		got, ok := errors.AsType[*vertex.APIError](err)
		if !ok {
			t.Errorf("%s: error %v", answer, err)
			continue
		}
		if d := cmp.Diff(want, *got); d != "" {
			t.Errorf("%s (-want +got):\n%s", answer, d)
		}
	}
}

func TestAPIErrorSays(t *testing.T) {
	for want, e := range map[string]vertex.APIError{
		"NOT_FOUND: gone":         {Status: 404, Code: "NOT_FOUND", Message: "gone"},
		"status 502: Bad Gateway": {Status: 502},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What is no answer of the API is an error, not an empty description.
func TestBadAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		`<html>`:               "application/json",
		`{"name":"elsewhere"}`: "elsewhere",
		`{"labels":"` + strings.Repeat("x", 9<<20):             "larger than 8 MiB",
		`{"dedicatedEndpointDns":"https://user@evil.example"}`: "evil.example",
		`{"dedicatedEndpointDns":"evil.example/path"}`:         "evil.example/path",
	} {
		_, client := newGoogle(t, map[string]string{llamaCall: answer})
		if e, err := client.Endpoint(t.Context(), llama); err == nil || e != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %+v, %v", answer, e, err)
		}
	}
}

func TestAPICallsBearTheToken(t *testing.T) {
	g, client := newGoogle(t, map[string]string{llamaCall: `{}`})
	if _, err := client.Endpoint(t.Context(), llama); err != nil {
		t.Fatal(err)
	}
	if got := g.header.Get("Authorization"); got != "Bearer secret" {
		t.Errorf("Authorization: %q", got)
	}
}

// A token that was refused is replaced once.
func TestAPICallsWithANewToken(t *testing.T) {
	now := time.Now()
	credentials, err := vertex.FindCredentials(t.Context(), serviceAccount(t), &http.Client{Transport: new(tokens)}, func(string) string { return "" }, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization"))
		if asked[len(asked)-1] != "Bearer token-2" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		io.WriteString(w, `{}`)
	}))
	defer server.Close()
	client := vertex.NewClient(vertex.Options{Credentials: credentials, BaseURL: server.URL})
	defer client.Close()
	if _, err := client.Endpoint(t.Context(), llama); !isAPIError(err) || len(asked) != 2 {
		t.Errorf("error %v after %q; a token that is new stays", err, asked)
	}
	now = now.Add(time.Minute)
	if _, err := client.Endpoint(t.Context(), llama); err != nil || !slices.Equal(asked[2:], []string{"Bearer token-1", "Bearer token-2"}) {
		t.Errorf("error %v after %q", err, asked)
	}
}
