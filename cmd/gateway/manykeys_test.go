package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"vertexgateway/usage"
)

const (
	manyTeams   = 100
	keysOfATeam = 100
	// mostSeries is a bound for the metrics of a hundred teams that use one model each.
	mostSeries = 1500
)

// manyKeys are the keys of as many teams, and those in a configuration.
func manyKeys() (keys []string, yaml string) {
	var text strings.Builder
	text.WriteString("teams:\n")
	for team := range manyTeams {
		fmt.Fprintf(&text, "  - name: team-%d\n    keys:\n", team)
		for key := range keysOfATeam {
			secret := usage.NewSecret()
			keys = append(keys, secret)
			fmt.Fprintf(&text, "      - {name: key-%d, sha256: %s}\n", key, usage.Hash(secret))
		}
	}
	return keys, text.String()
}

// TestManyKeys serves with ten thousand keys: each of them is good, and no metric tells them
// apart, or what was asked with them.
func TestManyKeys(t *testing.T) {
	keys, yaml := manyKeys()
	r := newReplica(t, writeTeams(t, "sqlite:"+filepath.Join(t.TempDir(), "usage.db"), yaml))
	k := &keyring{t: t, url: r.url, http: visit(t, nil).http}

	k.each(len(keys), func(i int) { k.want(http.StatusOK, keys[i], http.MethodGet, "/v1/models", "") })

	// Each team does once what it does often below.
	k.each(manyTeams, func(i int) { k.uses(keys[i*keysOfATeam], "no-such") })
	before := series(r.metrics())
	k.each(1000, func(i int) { k.uses(keys[i*10], fmt.Sprintf("no-such-%d", i)) })
	if after := series(r.metrics()); after != before || after > mostSeries {
		t.Errorf("%d series, and %d before; want as many, and at most %d", after, before, mostSeries)
	}
	t.Logf("%d series", before)
}

// series counts those of a page of metrics.
func series(page string) int {
	n := 0
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

// A keyring asks with many keys.
type keyring struct {
	t    *testing.T
	url  string
	http *http.Client
}

// each does something with so many, several at a time.
func (k *keyring) each(n int, do func(int)) {
	const hands = 16
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			for i := hand; i < n; i += hands {
				do(i)
			}
		})
	}
	all.Wait()
}

// uses a key, one that is nearly alike, and the key for models that there are not: one that
// the gateway refuses, and one that it lets Vertex AI refuse.
func (k *keyring) uses(key, model string) {
	const path = "/v1/chat/completions"
	body := fmt.Sprintf(question, "")
	k.want(http.StatusOK, key, http.MethodPost, path, body)
	k.want(http.StatusUnauthorized, key[:len(key)-2]+"00", http.MethodPost, path, body) // 0 is no letter of a key
	for _, name := range []string{model, "claude-" + model} {
		k.want(http.StatusNotFound, key, http.MethodPost, path, strings.Replace(body, "claude-opus-4-8", name, 1))
	}
}

func (k *keyring) want(status int, key, method, path, body string) {
	req, err := http.NewRequest(method, k.url+path, strings.NewReader(body))
	if err != nil {
		k.t.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := k.http.Do(req)
	if err != nil {
		k.t.Error(err)
		return
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != status {
		k.t.Errorf("%s %s: status %d, error %v, want %d: %.300s", method, path, res.StatusCode, err, status, text)
	}
}
