package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/txtar"
	"go.uber.org/zap"

	"vertexgateway/config"
	"vertexgateway/proxy"
	"vertexgateway/translate/catalogue"
	"vertexgateway/vertex"
	"vertexgateway/vertex/fakevertex"
)

// A readme is the text of README.md, which these tests keep true.
type readme string

func readReadme(t *testing.T) readme {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return readme(text)
}

// blocks are the fenced blocks of a language, or of all where it is empty.
func (r readme) blocks(language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(string(r), -1) {
		if language == "" || language == m[1] {
			found = append(found, m[2])
		}
	}
	return found
}

// commands are the command lines that begin with program, without it.
func (r readme) commands(t *testing.T, program string) [][]string {
	t.Helper()
	var found [][]string
	for _, block := range r.blocks("sh") {
		for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", " ")) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), program+" "); ok {
				found = append(found, words(rest))
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("README.md: no command begins with %s", program)
	}
	return found
}

// TestReadmeBegins: .ci/run takes its test command from the first block.
func TestReadmeBegins(t *testing.T) {
	if got, want := readReadme(t).blocks("")[0], "go run ./cmd/gateway demo\ngo test ./...\n"; got != want {
		t.Errorf("the first block of README.md is %q, want %q", got, want)
	}
}

func TestReadmeCommandLines(t *testing.T) {
	r := readReadme(t)
	lines := slices.Concat(r.commands(t, "gateway"), r.commands(t, "go run ./cmd/gateway"))
	for _, line := range lines {
		parser := kong.Must(new(commands), kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
		if _, err := parser.Parse(line); err != nil {
			t.Errorf("README.md: gateway %s: %v", strings.Join(line, " "), err)
		}
	}
}

// TestReadmeCommandTable wants every command in the table, and with it all its flags.
func TestReadmeCommandTable(t *testing.T) {
	r := readReadme(t)
	for _, command := range kong.Must(new(commands)).Model.Children {
		row := regexp.MustCompile("(?m)^\\| `gateway " + command.Name + "` .*$").FindString(string(r))
		if row == "" {
			t.Errorf("README.md: no row for gateway %s", command.Name)
		}
		row = strings.ReplaceAll(row, "those of serve", "`--config` `--listen` `--admin-listen` `--log-level` `--log-format`")
		var want []string
		for _, flag := range command.Flags {
			want = append(want, "--"+flag.Name)
		}
		if d := cmp.Diff(want, regexp.MustCompile(`--[a-z-]+`).FindAllString(row, -1)); d != "" {
			t.Errorf("README.md: flags of gateway %s (-want +got):\n%s", command.Name, d)
		}
	}
}

// TestReadmeShowsOutput wants in README.md what the scripts have seen to be printed.
func TestReadmeShowsOutput(t *testing.T) {
	shown := readReadme(t).blocks("text")
	for script, names := range map[string][]string{"check": {"broken"}, "endpoints": {"list", "private"}, "chargeback": {"report", "bill.csv"}} {
		archive, err := txtar.ParseFile("testdata/script/" + script + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == name })
			if i < 0 || !slices.Contains(shown, string(archive.Files[i].Data)) {
				t.Errorf("README.md does not show %s of the script %s", name, script)
			}
		}
	}
}

func TestReadmeShowsDemo(t *testing.T) {
	r := string(readReadme(t))
	admin := regexp.MustCompile(`Metrics: (\S+)/metrics`).FindStringSubmatch(r)
	if admin == nil {
		t.Fatal("README.md: the demo's address of metrics is missing")
	}
	if want := fmt.Sprintf(demoText, "http://127.0.0.1:8080", admin[1], demoModel(catalogue.Builtin())); !strings.Contains(r, want) {
		t.Errorf("README.md: the demo prints something else:\n%s", want)
	}
}

// TestReadmeConfigurations loads every example, beside the capabilities file of README.md.
func TestReadmeConfigurations(t *testing.T) {
	r := readReadme(t)
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("models.json", r.blocks("json")[0])
	values := map[string]string{"USAGE_STORE": "postgres://gateway:secret@db/usage", "LIMITS_REDIS": "rediss://:secret@redis"}
	lookupenv := func(name string) (string, bool) {
		if value := values[name]; value != "" {
			return value, true
		}
		return strings.Repeat("0123456789abcdef", 4), true
	}
	examples := r.blocks("yaml")
	if len(examples) == 0 {
		t.Fatal("README.md: no configuration")
	}
	for _, example := range examples {
		write("gateway.yaml", example)
		c, err := config.Load("gateway.yaml", lookupenv)
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			t.Errorf("README.md: %v", err)
		}
	}
}

// TestReadmeKeys compares the table of keys with those of the configuration.
func TestReadmeKeys(t *testing.T) {
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.\\[\\]]+)` \\|.*\\|.*\\|$").FindAllStringSubmatch(string(readReadme(t)), -1) {
		got = append(got, m[1])
	}
	if d := cmp.Diff(keysOf(reflect.TypeFor[config.Config](), ""), got); d != "" {
		t.Errorf("keys in README.md (-want +got):\n%s", d)
	}
}

// keysOf are the paths of a configuration's keys, in their order. A struct stands for
// its keys, a list of structs for itself and theirs.
func keysOf(of reflect.Type, path string) []string {
	var keys []string
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		switch at := path + name; {
		case field.Type.Kind() == reflect.Struct:
			keys = append(keys, keysOf(field.Type, at+".")...)
		case field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct:
			keys = append(append(keys, at), keysOf(field.Type.Elem(), at+"[].")...)
		default:
			keys = append(keys, at)
		}
	}
	return keys
}

// A stage is a gateway in front of an emulator, as the README supposes it to run.
type stage struct {
	registry    *prometheus.Registry
	api, admin  *httptest.Server
	emulator    *httptest.Server
	addressBook *strings.Replacer // of the README's addresses to these
}

func newStage(t *testing.T) *stage {
	t.Helper()
	serve := func(s *httptest.Server) *httptest.Server {
		t.Cleanup(s.Close)
		return s
	}
	s := &stage{registry: newRegistry(), emulator: serve(httptest.NewServer(fakevertex.New(fakevertex.Options{})))}
	c := config.Default()
	c.Vertex.Project, c.Vertex.BaseURL = "demo", s.emulator.URL
	accounts, err := openAccounts(t.Context(), unaccounted(c), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accounts.close(zap.NewNop()) })
	g, err := proxy.New(c, proxy.Options{
		Ledger: accounts.ledger, Limiter: accounts.limiter,
		Connect: func(v config.Vertex) (*vertex.Client, error) {
			return vertex.NewClient(vertex.Options{BaseURL: v.BaseURL}), nil
		},
		Log: zap.NewNop(), Registry: s.registry, Now: time.Now, Rand: rand.Float64,
	})
	if err != nil {
		t.Fatal(err)
	}
	g.Started()
	s.api, s.admin = serve(httptest.NewServer(g.Handler())), serve(httptest.NewServer(g.Admin()))
	s.addressBook = strings.NewReplacer(
		"http://127.0.0.1:8080", s.api.URL, "http://127.0.0.1:9090", s.admin.URL, "http://127.0.0.1:8090", s.emulator.URL)
	return s
}

// TestReadmeRequests sends what the README sends with curl.
func TestReadmeRequests(t *testing.T) {
	s := newStage(t)
	for _, line := range readReadme(t).commands(t, "curl") {
		for i := range line {
			line[i] = s.addressBook.Replace(line[i])
		}
		var complaint strings.Builder
		curl := exec.Command("curl", line...)
		curl.Stderr = &complaint
		out, err := curl.Output()
		if err != nil {
			t.Errorf("README.md: curl %q: %v, %s%s", line, err, out, &complaint)
		}
		if slices.Contains(line, "-N") && !strings.HasSuffix(string(out), "data: [DONE]\n\n") {
			t.Errorf("README.md: curl %q: no whole stream: %s", line, out)
		}
	}
}

// TestReadmeMetrics compares the table of metrics and their labels with the registry.
func TestReadmeMetrics(t *testing.T) {
	got := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(gateway_\\w+)(?:\\{(.*)\\})?` \\|").FindAllStringSubmatch(string(readReadme(t)), -1) {
		got[m[1]] = labels(m[2])
	}
	if d := cmp.Diff(registered(newStage(t).registry), got); d != "" {
		t.Errorf("metrics in README.md (-want +got):\n%s", d)
	}
}

func labels(list string) []string {
	all := strings.FieldsFunc(list, func(c rune) bool { return c == ',' })
	slices.Sort(all)
	return all
}

// registered :: metric of the gateway's own -> its labels
func registered(r *prometheus.Registry) map[string][]string {
	described := make(chan *prometheus.Desc)
	go func() {
		r.Describe(described)
		close(described)
	}()
	form := regexp.MustCompile(`fqName: "(gateway_\w+)".*constLabels: \{(.*)\}, variableLabels: \{([^}]*)\}`)
	value := regexp.MustCompile(`="[^"]*"`)
	found := map[string][]string{}
	for d := range described {
		if m := form.FindStringSubmatch(d.String()); m != nil {
			found[m[1]] = labels(value.ReplaceAllString(m[2], "") + "," + m[3])
		}
	}
	return found
}

// TestReadmeLinks: what it points to is there.
func TestReadmeLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(readReadme(t)), -1)
	if len(links) == 0 {
		t.Fatal("README.md: no links")
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join("../..", filepath.FromSlash(link[1]))); err != nil {
			t.Errorf("README.md: %v", err)
		}
	}
}
