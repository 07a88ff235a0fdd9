package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Set by the linker: -ldflags "-X main.version=v1.2.3 -X main.commit=0123abc". Empty: what
// the go command noted in the binary.
var version, commit string

type versionCommand struct{}

// Run prints one line.
func (*versionCommand) Run(s *system) error {
	b := readBuild()
	_, err := fmt.Fprintf(s.stdout, "gateway %s commit %s %s %s/%s\n", b.version, b.commit, b.goVersion, runtime.GOOS, runtime.GOARCH)
	return err
}

// A build is what the binary was made from.
type build struct {
	version, commit, goVersion string
}

func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	revision := ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return build{cmp.Or(version, info.Main.Version, "unknown"), cmp.Or(commit, revision, "unknown"), runtime.Version()}
}
