package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"vertexgateway/config"
)

// TestKeep: a token is asked for at once, again after ever longer pauses while there is
// none, and every minute once there is, whether requests come or not.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
		defer cancel()
		var asked []time.Duration
		keep(ctx, func(context.Context) (string, error) {
			asked = append(asked, time.Since(start))
			if n := len(asked); n <= 7 || n == 9 {
				return "", errors.New("none")
			}
			return "token", nil
		}, zap.NewNop())
		want := []time.Duration{
			0, 1 * time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 31 * time.Second, 61 * time.Second,
			91 * time.Second,                                        // the first token
			151 * time.Second, 152 * time.Second, 212 * time.Second, // one failure between
		}
		if d := cmp.Diff(want, asked); d != "" {
			t.Error(d)
		}
	})
}

func TestSettle(t *testing.T) {
	var stopped []string
	next := func(name string) *keeper {
		return &keeper{stop: func() { stopped = append(stopped, name) }}
	}
	var k keepers
	k.next = next("first")
	k.settle(nil)
	k.settle(nil) // a reload that left the connection alone
	k.next = next("refused")
	k.settle(errors.New("no project"))
	k.next = next("second")
	k.settle(nil)
	if d := cmp.Diff([]string{"refused", "first"}, stopped); d != "" {
		t.Error(d)
	}
}

func TestFirstLocation(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*config.Config)
		want string
	}{
		{"the catalogue's", func(*config.Config) {}, "global"},
		{"of those allowed", func(c *config.Config) { c.Vertex.Locations = []string{"europe-west1"} }, "europe-west1"},
		{"of the first entry", func(c *config.Config) {
			c.Models = []config.Model{{Name: "claude-haiku-4-5", Locations: []string{"us-east5", "global"}}}
		}, "us-east5"},
	} {
		c := config.Default()
		test.edit(c)
		if got := firstLocation(c); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
