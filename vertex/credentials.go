package vertex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

const (
	scope = "https://www.googleapis.com/auth/cloud-platform"
	// refreshAhead is how long before its end a token is replaced.
	refreshAhead = 5 * time.Minute
	// lastUse is how close to its end a token still goes out.
	lastUse = 10 * time.Second
	// fetchTimeout bounds one fetch of a token.
	fetchTimeout = 20 * time.Second
	// retryPause is the least time between two fetches in the background.
	retryPause = 10 * time.Second
)

// Credentials are who the gateway is to Google.
type Credentials struct {
	// Project of the credentials; empty: they have none.
	Project string
	// QuotaProject is sent as x-goog-user-project; empty: not sent.
	QuotaProject string
	// Kind is the type of the credentials file, as service_account; metadata for those of
	// the machine the gateway runs on, none for a token that is always the same.
	Kind string
	// Account is the service account they are for; empty: they do not tell.
	Account string

	fetch func(context.Context) (*oauth2.Token, error)
	now   func() time.Time

	mu       sync.Mutex
	token    *oauth2.Token
	err      error         // of the last fetch
	fetched  time.Time     // when the last fetch ended
	fetching chan struct{} // closed when the fetch under way ends; nil: none is
}

// NoCredentials send a placeholder. Like Vertex, its emulator refuses requests that bear
// no token; a proxy that adds the real one replaces the placeholder.
func NoCredentials() *Credentials {
	return StaticCredentials("none")
}

// StaticCredentials always send the same token.
func StaticCredentials(token string) *Credentials {
	return &Credentials{Kind: "none", token: &oauth2.Token{AccessToken: token}, now: func() time.Time { return time.Time{} }, fetch: func(context.Context) (*oauth2.Token, error) {
		return &oauth2.Token{AccessToken: token}, nil
	}}
}

// FindCredentials gives the Application Default Credentials (how = adc), those of a file
// (its path), or none (none). Network calls of the
// credentials go through client's transport; nil: the default one.
func FindCredentials(ctx context.Context, how string, client *http.Client, getenv func(string) string, now func() time.Time) (*Credentials, error) {
	if how == "none" {
		return NoCredentials(), nil
	}
	client = bounded(client)
	find := func(ctx context.Context) (*google.Credentials, error) {
		ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
		if how == "adc" {
			return google.FindDefaultCredentials(ctx, scope)
		}
		return readCredentials(ctx, how)
	}
	found, err := find(ctx)
	if err != nil {
		return nil, fmt.Errorf("credentials %q: %w", how, err)
	}
	c := &Credentials{Project: found.ProjectID, QuotaProject: quotaProject(found.JSON, getenv), now: now}
	c.Kind, c.Account = account(found.JSON)
	c.fetch = func(ctx context.Context) (*oauth2.Token, error) {
		// Found anew each time: a token source of oauth2 keeps its token until seconds
		// before the end, and a rotated file would never be seen.
		found, err := find(ctx)
		if err != nil {
			return nil, err
		}
		return found.TokenSource.Token()
	}
	return c, nil
}

// bounded gives the client a time limit: oauth2 posts without the context it was given.
func bounded(client *http.Client) *http.Client {
	limited := http.Client{Timeout: fetchTimeout}
	if client != nil {
		limited.Transport = client.Transport
	}
	return &limited
}

func readCredentials(ctx context.Context, path string) (*google.Credentials, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Type google.CredentialsType `json:"type"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("not a credentials file: %w", err)
	}
	return google.CredentialsFromJSONWithType(ctx, data, file.Type, scope)
}

// quotaProject is needed with a user's own credentials (vertex.md 9).
func quotaProject(data []byte, getenv func(string) string) string {
	var file struct {
		Type         string `json:"type"`
		QuotaProject string `json:"quota_project_id"`
	}
	if len(data) == 0 || json.Unmarshal(data, &file) != nil || file.Type != "authorized_user" {
		return ""
	}
	if project := getenv("GOOGLE_CLOUD_QUOTA_PROJECT"); project != "" {
		return project
	}
	return file.QuotaProject
}

// account finds the kind of credentials in their file, and whose they are.
func account(data []byte) (kind, account string) {
	var file struct {
		Type  string `json:"type"`
		Email string `json:"client_email"`
		// URL ends in serviceAccounts/EMAIL:generateAccessToken.
		URL string `json:"service_account_impersonation_url"`
	}
	if len(data) == 0 || json.Unmarshal(data, &file) != nil {
		return "metadata", ""
	}
	email := strings.TrimSuffix(file.URL[strings.LastIndexByte(file.URL, '/')+1:], ":generateAccessToken")
	return file.Type, cmp.Or(file.Email, email)
}

// Token gives a token that is still good. One that nears its end is replaced in the
// background; a request waits only where there is none.
func (c *Credentials) Token(ctx context.Context) (string, error) {
	for {
		c.mu.Lock()
		left := c.life()
		if left > 0 {
			if left < refreshAhead && c.now().Sub(c.fetched) > retryPause {
				c.start()
			}
			token := c.token.AccessToken
			c.mu.Unlock()
			return token, nil
		}
		done := c.start()
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-done:
		}
		if err := c.Err(); err != nil {
			return "", err
		}
	}
}

// life is how long the token may still go out; a token without end lives on.
func (c *Credentials) life() time.Duration {
	switch {
	case c.token == nil:
		return 0
	case c.token.Expiry.IsZero():
		return refreshAhead
	}
	return c.token.Expiry.Sub(c.now()) - lastUse
}

// start fetches a token in the background unless that is under way; c.mu is held.
func (c *Credentials) start() <-chan struct{} {
	if c.fetching != nil {
		return c.fetching
	}
	done := make(chan struct{})
	c.fetching = done
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
		defer cancel()
		token, err := c.fetch(ctx)
		err = withoutBody(err)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.fetching, c.fetched, c.err = nil, c.now(), err
		if err == nil {
			c.token = token
		}
		close(done)
	}()
	return done
}

// withoutBody keeps what a token endpoint answered out of logs and probes.
func withoutBody(err error) error {
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refusal.Response != nil {
		return errors.New(strings.TrimSpace("token endpoint: " + refusal.Response.Status + " " + refusal.ErrorCode))
	}
	return err
}

// Refused drops a token that Vertex refused, so that the next request waits for a new one.
// A token that is new already stays: another one would be refused too.
func (c *Credentials) Refused(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != nil && c.token.AccessToken == token && c.now().Sub(c.fetched) > retryPause {
		c.token = nil
	}
}

// Err is why the last fetch failed; nil: it did not.
func (c *Credentials) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Expiry is when the token at hand ends; zero: there is none, or it has no end.
func (c *Credentials) Expiry() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == nil {
		return time.Time{}
	}
	return c.token.Expiry
}

// Ready tells whether a good token is at hand.
func (c *Credentials) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life() > 0
}
