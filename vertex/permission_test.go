package vertex_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/vertex"
)

func TestPermissions(t *testing.T) {
	const call = "POST /v3/projects/example.com:my-project:testIamPermissions"
	g, client := newGoogle(t, map[string]string{call: `{"permissions":["aiplatform.endpoints.predict"]}`})
	held, err := client.Permissions(t.Context(), "example.com:my-project", vertex.PermissionPredict, vertex.PermissionGet)
	if err != nil || !cmp.Equal(held, []string{vertex.PermissionPredict}) {
		t.Errorf("%q, %v", held, err)
	}
	want := []question{{call, `{"permissions":["aiplatform.endpoints.predict","aiplatform.endpoints.get"]}`}}
	if d := cmp.Diff(want, g.asked); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	g.answers[call] = `{}`
	if held, err := client.Permissions(t.Context(), "example.com:my-project", vertex.PermissionPredict); err != nil || len(held) > 0 {
		t.Errorf("%q, %v; want none", held, err)
	}
	if _, err := client.Permissions(t.Context(), "a/b"); err == nil {
		t.Error("a project with a slash was taken")
	}
}

func TestEnabled(t *testing.T) {
	const call = "GET /v1/projects/my-project/services/aiplatform.googleapis.com"
	for answer, want := range map[string]bool{`{"state":"ENABLED"}`: true, `{"state":"DISABLED"}`: false, `{}`: false} {
		_, client := newGoogle(t, map[string]string{call: answer})
		if got, err := client.Enabled(t.Context(), "my-project"); got != want || err != nil {
			t.Errorf("%s: %v, %v", answer, got, err)
		}
	}
	if _, err := (vertex.NewClient(vertex.Options{})).Enabled(t.Context(), ".."); err == nil {
		t.Error("a project of dots was taken")
	}
}

func TestIdentity(t *testing.T) {
	const call = "POST /tokeninfo"
	want := vertex.Identity{Email: "a@b.example", Left: time.Hour}
	for _, answer := range []string{`{"email":"a@b.example","expires_in":"3600"}`, `{"email":"a@b.example","expires_in":3600}`} {
		g, client := newGoogle(t, map[string]string{call: answer})
		got, err := client.Identity(t.Context())
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", answer, got, err)
		}
		if g.asked[0].Call != call || g.asked[0].Body != "" || g.header.Get("Content-Type") != "application/x-www-form-urlencoded" || g.header.Get("Authorization") != "Bearer secret" {
			t.Errorf("asked %q with %v", g.asked, g.header)
		}
	}
	_, client := newGoogle(t, map[string]string{call: `400{"error":"invalid_token","error_description":"Invalid Value"}`})
	if _, err := client.Identity(t.Context()); err == nil || !isAPIError(err) {
		t.Errorf("error %v", err)
	}
}

func isAPIError(err error) bool {
	_, ok := errors.AsType[*vertex.APIError](err)
	return ok
}
