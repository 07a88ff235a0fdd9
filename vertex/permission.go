package vertex

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Permissions of Vertex AI that the gateway makes use of.
const (
	PermissionPredict = "aiplatform.endpoints.predict" // every request to a model
	PermissionGet     = "aiplatform.endpoints.get"     // the look-up of an endpoint
	PermissionList    = "aiplatform.endpoints.list"
	PermissionDeploy  = "aiplatform.endpoints.deploy"
)

// Service is the name of Vertex AI among Google's services.
const Service = "aiplatform.googleapis.com"

func checkProject(project string) error {
	if !isSegment(project, ":") {
		return fmt.Errorf("project %q cannot stand in a path", project)
	}
	return nil
}

// Permissions tells which of the wanted permissions the caller has on a project. Everybody
// may ask that, if the project's Resource Manager API is enabled. The error may be an
// [*APIError].
func (c *Client) Permissions(ctx context.Context, project string, wanted ...string) (held []string, err error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	question := struct {
		Permissions []string `json:"permissions"`
	}{wanted}
	answer := question
	answer.Permissions = nil
	err = c.post(ctx, resourceManager, "/v3/projects/"+url.PathEscape(project)+":testIamPermissions", question, &answer)
	return answer.Permissions, err
}

// Enabled tells whether a project has switched Vertex AI on. Not everybody may ask that.
// The error may be an [*APIError].
func (c *Client) Enabled(ctx context.Context, project string) (bool, error) {
	if err := checkProject(project); err != nil {
		return false, err
	}
	var answer struct {
		State string `json:"state"`
	}
	err := c.get(ctx, serviceUsage, "/v1/projects/"+url.PathEscape(project)+"/services/"+Service, &answer)
	return answer.State == "ENABLED", err
}

// An Identity is who a token speaks for.
type Identity struct {
	// Email of the account; empty: the token does not tell.
	Email string
	// Left is how long the token lives; 0: not told.
	Left time.Duration
}

// Identity asks Google who the client's token speaks for. The error may be an [*APIError],
// as for a token that is none of Google's.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	var answer struct {
		Email   string         `json:"email"`
		Seconds jsontext.Value `json:"expires_in"` // a string, or a number of older versions
	}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	// The token goes in a header as ever: a URL with it could end up in a log.
	if err := c.call(ctx, http.MethodPost, c.address(signIn, "/tokeninfo"), form, nil, &answer); err != nil {
		return Identity{}, err
	}
	seconds, _ := strconv.Atoi(strings.Trim(string(answer.Seconds), `"`)) // 0 is for not told
	return Identity{Email: answer.Email, Left: time.Duration(seconds) * time.Second}, nil
}
