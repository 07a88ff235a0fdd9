// Gateway is an OpenAI-compatible front for Claude on Vertex AI, as one static binary.
// This package constructs everything: command line, environment, clock, signals and
// listeners are known here and handed to the packages that do the work.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/alecthomas/kong"
)

// Exit codes. A command that was asked to stop and did exits with the first.
const (
	exitOK     = 0
	exitFailed = 1 // configuration or start-up error, or stopped before all was drained
	exitUsage  = 2
)

// A system is what the operating system gives the program.
type system struct {
	lookupenv      func(string) (string, bool)
	stdout, stderr io.Writer
	// notify is [signal.Notify]. Commands that end by themselves do not call it, so that
	// signals do to them what they do to any program.
	notify func(chan<- os.Signal, ...os.Signal)
}

func (s *system) getenv(name string) string {
	value, _ := s.lookupenv(name)
	return value
}

func main() {
	os.Exit(run(os.Args[1:], &system{os.LookupEnv, os.Stdout, os.Stderr, signal.Notify}))
}

const description = `Serves the OpenAI API with Claude on Vertex AI.

Every flag has an environment twin: --log-level is GATEWAY_LOG_LEVEL.`

// commands is the command line.
type commands struct {
	Serve     serveCommand     `cmd:"" default:"withargs" help:"Run the gateway (the default)."`
	Demo      demoCommand      `cmd:"" help:"Run it against a built-in emulator of Vertex AI."`
	Emulate   emulateCommand   `cmd:"" help:"Run only the emulator, for tests."`
	Check     checkCommand     `cmd:"" help:"Tell what works, and what to do where it does not."`
	Config    configCommand    `cmd:"" help:"Print the effective configuration, secrets hidden."`
	Usage     usageCommand     `cmd:"" help:"Report who used what."`
	Keys      keysCommand      `cmd:"" help:"Make API keys."`
	Endpoints endpointsCommand `cmd:"" help:"List, describe and deploy endpoints of one's own."`
	Wait      waitCommand      `cmd:"" help:"Wait until a gateway has started."`
	Shutdown  shutdownCommand  `cmd:"" help:"Ask a running gateway to drain and stop."`
	Version   versionCommand   `cmd:"" help:"Print version, commit and Go version."`
}

// run is the program: it returns the exit code.
func run(args []string, s *system) int {
	helped := false
	parser := kong.Must(new(commands),
		kong.Name("gateway"),
		kong.Description(description),
		kong.Writers(s.stdout, s.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.Resolvers(environment(s.lookupenv)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 80}),
		kong.ValueFormatter(withTwin),
		kong.BindTo(context.Background(), (*context.Context)(nil)),
		kong.Bind(s),
	)
	chosen, err := parser.Parse(args)
	switch {
	case helped:
		return exitOK
	case err != nil:
		return s.fail(exitUsage, fmt.Errorf("gateway: %w\ntry gateway --help", err))
	}
	if err := chosen.Run(); err != nil {
		return s.fail(exitFailed, err)
	}
	return exitOK
}

// fail tells the error, and nothing else: those of the configuration are texts of their own.
func (s *system) fail(code int, err error) int {
	_, _ = fmt.Fprintln(s.stderr, err) // the code tells it too
	return code
}

// environment gives every flag its twin. kong's own does not take a look-up function. An
// empty variable counts as unset, as containers often can only set one so.
func environment(lookupenv func(string) (string, bool)) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if value, _ := lookupenv(twin(flag.Name)); value != "" && flag.Name != "help" {
			return value, nil
		}
		return nil, nil
	})
}

// twin is the name of the variable that stands for a flag.
func twin(flag string) string {
	return "GATEWAY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// withTwin names the twin in the help text of a flag.
func withTwin(v *kong.Value) string {
	if v.Flag == nil || v.Name == "help" {
		return v.Help
	}
	return strings.TrimSuffix(v.Help, ".") + " (" + twin(v.Name) + ")."
}
