package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"vertexgateway/vertex/fakevertex"
)

const emulatorAddress = "127.0.0.1:8090"

type emulateCommand struct {
	Listen    string        `placeholder:"ADDR" help:"Address; default: 127.0.0.1:8090."`
	Scenarios string        `placeholder:"FILE" help:"Failures to play, as a JSON list."`
	Pace      time.Duration `placeholder:"TIME" help:"Pause between two events of a stream."`
}

const emulateText = `The emulator of Vertex AI is on %[1]s
Any bearer token is good. Configuration of a gateway in front of it:

vertex:
  project: demo
  credentials: none
  base_url: %[1]s

Ctrl-C ends it.
`

// Run emulates until it is asked to stop.
func (c *emulateCommand) Run(ctx context.Context, s *system) error {
	stop := s.stopSignals()
	scenarios, err := readScenarios(c.Scenarios)
	if err != nil {
		return err
	}
	e, err := newEmulator(ctx, cmp.Or(c.Listen, emulatorAddress), fakevertex.Options{
		Now: time.Now, Pace: c.Pace, Scenarios: scenarios,
	})
	if err != nil {
		return err
	}
	defer e.close()
	if _, err := fmt.Fprintf(s.stdout, emulateText, e.url()); err != nil {
		return err
	}
	select {
	case err := <-e.failed:
		return err
	case <-stop:
		return nil
	}
}

func readScenarios(path string) ([]fakevertex.Scenario, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	scenarios, err := fakevertex.ParseScenarios(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return scenarios, nil
}

// An emulator is a stand-in for Vertex AI that listens.
type emulator struct {
	vertex   *fakevertex.Server
	server   *http.Server
	listener net.Listener
	failed   chan error // receives why it no longer serves, then is closed
}

func newEmulator(ctx context.Context, address string, o fakevertex.Options) (*emulator, error) {
	listener, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	fake := fakevertex.New(o)
	e := &emulator{fake, &http.Server{Handler: fake, ReadHeaderTimeout: headerTimeout}, listener, make(chan error, 1)}
	go func() {
		e.failed <- e.server.Serve(listener)
		close(e.failed)
	}()
	return e, nil
}

// url is its base URL, as this machine reaches it.
func (e *emulator) url() string { return localURL(e.listener) }

// localURL is where this machine reaches a listener.
func localURL(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return "http://" + net.JoinHostPort(reachable(host), port)
}

// close ends it with every request under way.
func (e *emulator) close() {
	e.vertex.Close()
	_ = e.server.Close() // the listener is gone either way
	for range e.failed { // until it is closed
	}
}
