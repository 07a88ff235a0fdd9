package main

import (
	"bytes"
	"net"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/config"
)

func TestNeedsRestart(t *testing.T) {
	old, same, changed := config.Default(), config.Default(), config.Default()
	same.Strict, same.Log.Content = true, true
	if got := needsRestart(old, same); got != nil {
		t.Errorf("%q, want none", got)
	}
	changed.Listen, changed.AdminListen = "127.0.0.1:1", "127.0.0.1:2"
	changed.Log = config.Log{Level: "warn", Format: "console"}
	if d := cmp.Diff([]string{"listen", "admin_listen", "log.level", "log.format"}, needsRestart(old, changed)); d != "" {
		t.Error(d)
	}
}

func TestCountModels(t *testing.T) {
	c := config.Default()
	all := countModels(c)
	c.Vertex.Locations = []string{"europe-west1"}
	if some := countModels(c); some == 0 || some >= all {
		t.Errorf("%d models in one location, %d in all", some, all)
	}
	c.Models = []config.Model{{Name: "claude-haiku-4-5"}, {Name: "fast", Model: "claude-haiku-4-5"}}
	if got := countModels(c); got != 2 {
		t.Errorf("%d, want the 2 entries", got)
	}
}

func TestReachable(t *testing.T) {
	for host, want := range map[string]string{
		"":          "127.0.0.1",
		"0.0.0.0":   "127.0.0.1",
		"::":        "127.0.0.1",
		"::1":       "::1",
		"10.0.0.5":  "10.0.0.5",
		"localhost": "localhost",
	} {
		if got := reachable(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

func TestLog(t *testing.T) {
	for _, test := range []struct {
		log  config.Log
		want string
	}{
		{config.Log{Level: "warn", Format: "json"}, `^\{"level":"warn","time":"\d{4}-\d\d-\d\dT[^"]+","msg":"loud"\}\n$`},
		{config.Log{Level: "debug", Format: "console"}, `^\d\d:\d\d:\d\d\.\d{3}\tINFO\tquiet\n\d\d:\d\d:\d\d\.\d{3}\tWARN\tloud\n$`},
	} {
		var out bytes.Buffer
		log := newLog(test.log, &out)
		log.Info("quiet")
		log.Warn("loud")
		if !regexp.MustCompile(test.want).Match(out.Bytes()) {
			t.Errorf("%+v: %q", test.log, &out)
		}
	}
}

// TestListenBoth: where the second address cannot be had the first is given back.
func TestListenBoth(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }() // the test is over
	var p process
	if err := p.listen(t.Context(), "127.0.0.1:0", taken.Addr().String()); err == nil {
		t.Fatal("listens twice on one address")
	}
	again, err := net.Listen("tcp", p.api.Addr().String())
	if err != nil {
		t.Fatalf("the first address is still taken: %v", err)
	}
	_ = again.Close() // the test is over
}
