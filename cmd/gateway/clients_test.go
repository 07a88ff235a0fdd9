package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vertexgateway/vertex/fakevertex"
)

const (
	clientsFolder = "testdata/clients"
	// clientPatience is how long a client may take for all its checks.
	clientPatience = 5 * time.Minute
)

// clientModels are one of the oldest and one of the newest: between them lies most of what
// a model may refuse.
var clientModels = []string{"claude-sonnet-4-5", "claude-sonnet-5-5"}

// TestClients runs the clients of testdata/clients, each with a gateway of its own. Their
// README says how to install them.
func TestClients(t *testing.T) {
	if os.Getenv("CLIENTS") == "" {
		t.Skip("CLIENTS is not set; it says that the clients of " + clientsFolder + " are installed")
	}
	scripts, err := filepath.Glob(clientsFolder + "/*.client.mjs")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d clients, %v", len(scripts), err)
	}
	for _, script := range scripts {
		name := filepath.Base(script)
		for _, model := range clientModels {
			t.Run(strings.TrimSuffix(name, ".client.mjs")+"/"+model, func(t *testing.T) {
				t.Parallel()
				runClient(t, name, model)
			})
		}
	}
}

// runClient wants that a client is content, and that Vertex AI would have been too.
func runClient(t *testing.T, script, model string) {
	vertex, api := startClientsGateway(t)
	ctx, cancel := context.WithTimeout(t.Context(), clientPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node_modules/.bin/node", "--test-force-exit", "--test-reporter=spec", script, api, vertex.url(), model)
	cmd.Dir = clientsFolder
	cmd.Env = clientsEnvironment(t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that what it started ends with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	checkUpstream(t, vertex.vertex.Requests())
}

// checkUpstream wants no request to be one that Vertex AI refuses, and an image in some.
func checkUpstream(t *testing.T, requests []*fakevertex.Request) {
	t.Helper()
	images := 0
	for _, r := range requests {
		if r.Status == http.StatusBadRequest {
			t.Errorf("refused upstream: %s", r.Body)
		}
		if bytes.Contains(r.Body, []byte(`"media_type":"image/png"`)) {
			images++
		}
	}
	if images == 0 {
		t.Error("no image came upstream")
	}
}

// startClientsGateway serves as gateway demo does, without its failure of a location.
func startClientsGateway(t *testing.T) (vertex *emulator, api string) {
	t.Helper()
	vertex, err := newEmulator(t.Context(), anyPort, fakevertex.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vertex.close)
	conf, err := new(demoCommand).config(vertex.url())
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p, err := newProcess(t.Context(), conf, &system{os.LookupEnv, io.Discard, &log, nil})
	if err == nil {
		err = p.listen(t.Context(), anyPort, anyPort)
	}
	if err != nil {
		t.Fatal(err)
	}
	stop, served := make(chan os.Signal, 1), make(chan error, 1)
	go func() { served <- p.serve(stop) }()
	t.Cleanup(func() {
		stop <- syscall.SIGTERM
		if err := <-served; err != nil {
			t.Error(err)
		}
		p.background.Wait()
		if t.Failed() {
			t.Logf("log of the gateway:\n%s", &log)
		}
	})
	return vertex, localURL(p.api)
}

// clientsEnvironment keeps the clients to themselves: no file of the user, no message to
// their makers.
func clientsEnvironment(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"TMPDIR=" + home,
		"LANGSMITH_TRACING=false",
		"OPENAI_AGENTS_DISABLE_TRACING=1",
	}
}
