package vertex

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Hosts of Google's APIs beside that of Vertex AI.
const (
	resourceManager = "cloudresourcemanager.googleapis.com"
	serviceUsage    = "serviceusage.googleapis.com"
	signIn          = "oauth2.googleapis.com"
)

// maxAnswer is the largest answer of an API in bytes, which is far above that of a page
// of endpoints.
const maxAnswer = 8 << 20

// An APIError is the refusal of a call to one of Google's APIs, or the failure of an
// operation there.
type APIError struct {
	Status  int    // of HTTP
	Code    string // Google's own status, as NOT_FOUND; empty: not told
	Reason  string // finer than the code, as SERVICE_DISABLED; empty: not told
	Message string // as Google words it; it may name projects and accounts
}

func (e *APIError) Error() string {
	return fmt.Sprintf("%s: %s", cmp.Or(e.Code, fmt.Sprint("status ", e.Status)), cmp.Or(e.Message, http.StatusText(e.Status)))
}

// IsGone tells whether err says that what was asked for is not there.
func IsGone(err error) bool {
	refusal, ok := errors.AsType[*APIError](err)
	return ok && refusal.Status == http.StatusNotFound
}

// get reads what is at a path of a host.
func (c *Client) get(ctx context.Context, host, path string, answer any) error {
	return c.call(ctx, http.MethodGet, c.address(host, path), nil, nil, answer)
}

// post sends a question to a path of a host, and reads the answer.
func (c *Client) post(ctx context.Context, host, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPost, c.address(host, path), nil, body, answer)
}

// address of a path, for which the base stands in as it does for models.
func (c *Client) address(host, path string) string {
	return cmp.Or(strings.TrimSuffix(c.base, "/"), "https://"+host) + path
}

// call makes a call and reads its answer.
func (c *Client) call(ctx context.Context, verb, url string, header http.Header, body []byte, answer any) error {
	res, err := c.ask(ctx, verb, url, header, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("the answer did not come whole: %w", err)
	case res.StatusCode/100 != 2:
		return parseAPIError(res.StatusCode, text)
	case len(text) > maxAnswer:
		return fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)
	}
	if err := json.Unmarshal(text, answer, lenient); err != nil {
		return fmt.Errorf("the answer (%q) is not the JSON it should be: %w", res.Header.Get("Content-Type"), err)
	}
	return nil
}

// ask sends a request, once more with a new token where the first was refused.
func (c *Client) ask(ctx context.Context, verb, url string, header http.Header, body []byte) (*http.Response, error) {
	for again := true; ; again = false {
		req, err := c.request(ctx, verb, url, header, body)
		if err != nil {
			return nil, err
		}
		res, token, err := c.send(req)
		if err != nil || res.StatusCode != http.StatusUnauthorized || !again {
			return res, err
		}
		res.Body.Close()
		c.credentials.Refused(token)
	}
}

// lenient takes what Google sends, within reason.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// A fault is an error as Google's APIs write it.
type fault struct {
	Code    int    `json:"code"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Details []struct {
		Reason string `json:"reason"`
	} `json:"details"`
}

func (f *fault) reason() string {
	for _, d := range f.Details {
		if d.Reason != "" {
			return d.Reason
		}
	}
	return ""
}

// parseAPIError reads Google's form, the list it sometimes stands in, and that of OAuth;
// of other texts it keeps the beginning, and nothing of a web page.
func parseAPIError(status int, text []byte) *APIError {
	const most = 300
	text = bytes.TrimSpace(text)
	var list []jsontext.Value
	if json.Unmarshal(text, &list, lenient) == nil && len(list) > 0 {
		text = list[0]
	}
	var google struct {
		Error fault `json:"error"`
	}
	var oauth struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	e := &APIError{Status: status}
	switch {
	case json.Unmarshal(text, &google, lenient) == nil && google.Error.Message != "":
		e.Code, e.Reason, e.Message = google.Error.Status, google.Error.reason(), google.Error.Message
	case json.Unmarshal(text, &oauth, lenient) == nil && oauth.Error != "":
		e.Code, e.Message = oauth.Error, oauth.Description
	case bytes.HasPrefix(text, []byte("<")):
		e.Message = "a web page, not an answer of Google's API"
	default:
		e.Message = strings.ToValidUTF8(string(text[:min(most, len(text))]), "")
	}
	return e
}
