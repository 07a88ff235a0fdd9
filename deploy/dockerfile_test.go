package deploy_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An instruction is one of a Dockerfile, its continued lines joined.
type instruction struct{ verb, args string }

func dockerfile(t *testing.T) []instruction {
	t.Helper()
	content, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	uncommented := regexp.MustCompile(`(?m)^\s*(#.*)?\n`).ReplaceAllString(string(content), "")
	joined := strings.ReplaceAll(uncommented, "\\\n", " ")
	var all []instruction
	for line := range strings.Lines(joined) {
		verb, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, instruction{verb, strings.TrimSpace(args)})
	}
	return all
}

// final is the stage which becomes the image; its FROM comes first.
func final(all []instruction) []instruction {
	last := 0
	for i, in := range all {
		if in.verb == "FROM" {
			last = i
		}
	}
	return all[last:]
}

// only is what the one instruction of that verb says.
func only(t *testing.T, all []instruction, verb string) string {
	t.Helper()
	var found []string
	for _, in := range all {
		if in.verb == verb {
			found = append(found, in.args)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d instructions %s %q, want 1", len(found), verb, found)
	}
	return found[0]
}

func TestImage(t *testing.T) {
	all := dockerfile(t)
	image := final(all)
	base := only(t, image, "FROM")
	for _, in := range all {
		if name, value, ok := strings.Cut(in.args, "="); ok && in.verb == "ARG" {
			base = strings.ReplaceAll(base, "${"+name+"}", value)
		}
	}
	if !strings.HasPrefix(base, "gcr.io/distroless/static-") {
		t.Errorf("the base is %s, want a distroless static image: no shell, no libc", base)
	}
	if user := only(t, image, "USER"); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("USER %s is not numeric, or root: runAsNonRoot would refuse it", user)
	}
	if home := only(t, image, "WORKDIR"); home != "/home/nonroot" {
		t.Errorf("WORKDIR %s is not the home of the base image's user, who could not write there", home)
	}
	var entrypoint []string
	if err := json.Unmarshal([]byte(only(t, image, "ENTRYPOINT")), &entrypoint); err != nil {
		t.Fatalf("ENTRYPOINT needs a shell, which the image lacks: %v", err)
	}
	_, copied, _ := strings.Cut(only(t, image, "COPY"), "/out/gateway ")
	if !slices.Equal(entrypoint, []string{copied}) {
		t.Errorf("ENTRYPOINT %q, the binary is at %q", entrypoint, copied)
	}
	if slices.ContainsFunc(image, func(in instruction) bool { return in.verb == "RUN" }) {
		t.Error("RUN needs a shell, which the image lacks")
	}
	if got := only(t, image, "EXPOSE"); got != "8080 9090" {
		t.Errorf("EXPOSE %s", got)
	}
}

// The same flags everywhere: what the pipeline tries is what the image holds.
func TestBuildFlags(t *testing.T) {
	script, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var build string
	for _, in := range dockerfile(t) {
		if in.verb == "RUN" && strings.Contains(in.args, "go build") {
			build = in.args
		}
	}
	for _, flag := range []string{"CGO_ENABLED=0", "-trimpath", "-s -w", "-X main.version=", "-X main.commit=", "./cmd/gateway"} {
		if !strings.Contains(build, flag) {
			t.Errorf("the Dockerfile builds without %s", flag)
		}
		if !strings.Contains(string(script), flag) {
			t.Errorf(".ci/run builds without %s", flag)
		}
	}
}

func TestImageHoldsWhatPodsRun(t *testing.T) {
	user, _, _ := strings.Cut(only(t, final(dockerfile(t)), "USER"), ":")
	if user != "65532" {
		t.Errorf("USER %s, the manifests run the gateway as 65532", user)
	}
}
