package vertex_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vertexgateway/vertex"
)

// tokens is a transport that plays Google's token endpoint.
type tokens struct {
	fetched atomic.Int64
	delay   time.Duration
	fails   atomic.Bool
}

func (f *tokens) RoundTrip(r *http.Request) (*http.Response, error) {
	n := f.fetched.Add(1)
	select {
	case <-time.After(f.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	if f.fails.Load() {
		w.WriteHeader(http.StatusInternalServerError)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, n)
	return w.Result(), nil
}

// serviceAccount writes a credentials file whose tokens come from the endpoint.
func serviceAccount(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "file-project", "client_email": "a@file-project.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func find(t *testing.T, how string, endpoint http.RoundTripper) *vertex.Credentials {
	t.Helper()
	c, err := vertex.FindCredentials(t.Context(), how, &http.Client{Transport: endpoint}, func(string) string { return "" }, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func token(t *testing.T, c *vertex.Credentials) string {
	t.Helper()
	got, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A token is fetched once for all who wait, and replaced ahead of its end without anybody
// waiting.
func TestTokenIsRefreshedAhead(t *testing.T) {
	path := serviceAccount(t)
	synctest.Test(t, func(t *testing.T) {
		endpoint := &tokens{delay: 3 * time.Second}
		c := find(t, path, endpoint)
		if c.Project != "file-project" || c.Ready() {
			t.Errorf("project %q, ready %v before the first token", c.Project, c.Ready())
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if got := token(t, c); got != "token-1" {
					t.Errorf("token %s", got)
				}
			})
		}
		all.Wait()
		if n := endpoint.fetched.Load(); n != 1 || !c.Ready() {
			t.Errorf("%d fetches for ten requests at a time, want 1", n)
		}
		time.Sleep(54 * time.Minute)
		token(t, c)
		if n := endpoint.fetched.Load(); n != 1 {
			t.Errorf("%d fetches with 6 minutes left, want 1", n)
		}
		time.Sleep(2 * time.Minute)
		began := time.Now()
		if got := token(t, c); got != "token-1" || time.Since(began) != 0 {
			t.Errorf("token %s after %v: the old one serves while a new one is fetched", got, time.Since(began))
		}
		time.Sleep(5 * time.Second)
		if got := token(t, c); got != "token-2" {
			t.Errorf("token %s, want the new one", got)
		}
	})
}

// While the endpoint fails, the old token serves to its end; then requests get the error,
// and recover when the endpoint does.
func TestTokenEndpointFails(t *testing.T) {
	path := serviceAccount(t)
	synctest.Test(t, func(t *testing.T) {
		endpoint := new(tokens)
		c := find(t, path, endpoint)
		token(t, c)
		endpoint.fails.Store(true)
		time.Sleep(58 * time.Minute)
		for range 100 {
			token(t, c)
			synctest.Wait()
		}
		if n := endpoint.fetched.Load(); n > 2 {
			t.Errorf("%d fetches: a failing endpoint must be left alone for a while", n)
		}
		time.Sleep(2 * time.Minute)
		if _, err := c.Token(t.Context()); err == nil || c.Ready() || c.Err() == nil {
			t.Errorf("error %v, ready %v with a token that has ended", err, c.Ready())
		}
		endpoint.fails.Store(false)
		token(t, c)
	})
}

func TestRefusedTokenIsReplaced(t *testing.T) {
	path := serviceAccount(t)
	synctest.Test(t, func(t *testing.T) {
		c := find(t, path, new(tokens))
		first := token(t, c)
		c.Refused(first) // too new: another one would be refused too
		if got := token(t, c); got != first {
			t.Errorf("token %s", got)
		}
		time.Sleep(time.Minute)
		c.Refused("another") // a late answer about an older token changes nothing
		if got := token(t, c); got != first {
			t.Errorf("token %s", got)
		}
		c.Refused(first)
		if got := token(t, c); got == first {
			t.Errorf("token %s again", got)
		}
	})
}

func TestNobodyWaitsLongerThanTheyWant(t *testing.T) {
	path := serviceAccount(t)
	synctest.Test(t, func(t *testing.T) {
		c := find(t, path, &tokens{delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the caller's deadline", err)
		}
		if _, err := c.Token(t.Context()); err == nil {
			t.Error("no error from an endpoint that never answers")
		}
	})
}

func TestQuotaProject(t *testing.T) {
	path := filepath.Join(t.TempDir(), "user.json")
	file := `{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c","quota_project_id":"billed"}`
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for variable, want := range map[string]string{"": "billed", "other": "other"} {
		c, err := vertex.FindCredentials(t.Context(), path, nil, func(string) string { return variable }, time.Now)
		if err != nil || c.QuotaProject != want {
			t.Errorf("quota project %q, error %v, want %q", c.QuotaProject, err, want)
		}
	}
}

func TestBadCredentials(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte("secret-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"/nowhere/key.json", broken} {
		_, err := vertex.FindCredentials(t.Context(), how, nil, func(string) string { return "" }, time.Now)
		if err == nil || !strings.Contains(err.Error(), how) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, want one that names the file and shows nothing of it", how, err)
		}
	}
}

func TestNoCredentials(t *testing.T) {
	c := find(t, "none", nil)
	if got := token(t, c); got != "none" || !c.Ready() {
		t.Errorf("token %q, ready %v", got, c.Ready())
	}
}

func TestAccount(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "credentials.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	impersonated := write(`{"type":"impersonated_service_account","service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/b@p.example:generateAccessToken",
		"source_credentials":{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c"}}`)
	for how, want := range map[string][2]string{
		serviceAccount(t): {"service_account", "a@file-project.iam.gserviceaccount.com"},
		impersonated:      {"impersonated_service_account", "b@p.example"},
		write(`{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c"}`): {"authorized_user", ""},
		"none": {"none", ""},
	} {
		if c := find(t, how, new(tokens)); c.Kind != want[0] || c.Account != want[1] {
			t.Errorf("%s: %q, %q, want %q", how, c.Kind, c.Account, want)
		}
	}
}

func TestExpiry(t *testing.T) {
	path := serviceAccount(t)
	synctest.Test(t, func(t *testing.T) {
		c := find(t, path, new(tokens))
		if got := c.Expiry(); !got.IsZero() {
			t.Errorf("%v without a token", got)
		}
		token(t, c)
		if left := time.Until(c.Expiry()); left < 59*time.Minute || left > time.Hour {
			t.Errorf("%v left, want about an hour", left)
		}
	})
}
