package proxy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"vertexgateway/vertex/fakevertex"
)

var update = flag.Bool("update", false, "rewrite what the cases expect")

// TestCases plays testdata/cases, one file for each row of the reference's lists, named by
// its number: F001 is row 1 of openai-claude.md F, F01 is F01 of cases.md. The comment says
// what is asked of the gateway. The sections, in the order of what happens:
//
//	config.yaml           more of the configuration
//	scenarios.json        what the emulator plays
//	files/NAME            served at {{files}}/NAME
//	request               what the client sends
//	upstream-1.request    what the gateway sends on; written by -update
//	upstream-1.response   what comes back; without one the emulator answers
//	answer                what the client gets; written by -update
//	request-2, answer-2   and so on, while the count of upstream goes on
//	metrics               those of the given names, at the end; written by -update
//
// Bodies may stand alone, or below a first line and headers, and <<x*3>> is xxx. The first
// line of a request is POST PATH, and may add wait=2m, passed before it, or leave=3, when
// the client goes after so many events. That of a response is its status, or reset for a
// connection that breaks; it may add cut, for one that breaks after the body, bytewise for
// one byte at a time, and crlf. Lines "wait 5s" in a body are pauses. Time is the bubble's.
//
// Every request that a scripted 200 answers must please the emulator as well, unless a line
// of the comment begins with "emulator: refuses"; every answer must fit OpenAI's schema,
// but the chunks of a case that says "schema: " why not.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, error %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			script, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			served := serveFiles(t, script)
			synctest.Test(t, func(t *testing.T) { compareCase(t, file, script, newStage(t, script, served).play()) })
		})
	}
}

func compareCase(t *testing.T, file string, want, got *txtar.Archive) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, txtar.Format(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(txtar.Format(want)), string(txtar.Format(got))); diff != "" {
		t.Errorf("played otherwise (-want +got):\n%s", diff)
	}
}

// serveFiles serves the files of a case on loopback: the gateway fetches them with a dialer
// of its own, which knows nothing of the bubble's network.
func serveFiles(t *testing.T, script *txtar.Archive) (base string) {
	files := http.NewServeMux()
	n := 0
	for _, f := range script.Files {
		if name, ok := strings.CutPrefix(f.Name, "files/"); ok {
			files.Handle("/"+name, serveFile(parseMessage(f.Data)))
			n++
		}
	}
	if n == 0 {
		return "http://127.0.0.1:0"
	}
	s := httptest.NewServer(files)
	t.Cleanup(s.Close)
	return s.URL
}

func serveFile(m message) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close") // in the bubble time stands still beside an open one
		maps.Copy(w.Header(), m.header)
		w.WriteHeader(m.status())
		_, _ = w.Write(bytes.TrimSuffix(m.body, []byte("\n"))) // who asks may have heard enough
	}
}

// A stage is where one case is played: a world whose upstream follows the script.
type stage struct {
	t      *testing.T
	w      *world
	script *txtar.Archive
	files  string // where the files are served
	played *txtar.Archive
	calls  []*upstreamCall
}

// An upstreamCall is one request of the gateway.
type upstreamCall struct {
	path string
	body []byte
	good bool // the script answers it with status 200
	left bool // the gateway gave it up
}

func newStage(t *testing.T, script *txtar.Archive, files string) *stage {
	s := &stage{t: t, script: script, files: files, played: &txtar.Archive{Comment: script.Comment}}
	s.w = newBubble(t, s.filled("config.yaml"), s.scenarios()...)
	s.w.upstream.Config.Handler = s
	s.loadDice()
	return s
}

// loadDice puts a gateway without chance in the place of the world's.
func (s *stage) loadDice() {
	s.w.options.Rand = func() float64 { return 0.5 }
	s.w.restart()
}

func (s *stage) section(name string) (data []byte, ok bool) {
	for _, f := range s.script.Files {
		if f.Name == name {
			return f.Data, true
		}
	}
	return nil, false
}

// filled is a section in which the files have their address.
func (s *stage) filled(name string) string {
	data, _ := s.section(name)
	return strings.ReplaceAll(string(data), "{{files}}", s.files)
}

func (s *stage) scenarios() []fakevertex.Scenario {
	data, ok := s.section("scenarios.json")
	if !ok {
		return nil
	}
	list, err := fakevertex.ParseScenarios(data)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// play gives the script as it was played.
func (s *stage) play() *txtar.Archive {
	for _, f := range s.script.Files {
		switch kind, number, _ := strings.Cut(f.Name, "-"); {
		case kind == "request":
			s.copy(f)
			s.ask(parseMessage([]byte(s.filled(f.Name))), strings.TrimSuffix("answer-"+number, "-"))
		case kind == "metrics":
			s.note("metrics", s.metrics(f.Data))
		case kind != "upstream" && kind != "answer":
			s.copy(f)
		}
	}
	s.wantAllAsked()
	s.pleaseEmulator()
	return s.played
}

// wantAllAsked: -update must not lose an answer that nobody asked for.
func (s *stage) wantAllAsked() {
	for _, f := range s.script.Files {
		named := func(p txtar.File) bool { return p.Name == f.Name }
		if strings.HasSuffix(f.Name, ".response") && !slices.ContainsFunc(s.played.Files, named) {
			s.t.Errorf("%s was never asked for", f.Name)
		}
	}
}

func (s *stage) copy(f txtar.File) { s.played.Files = append(s.played.Files, f) }

// note adds what was observed.
func (s *stage) note(name string, data []byte) {
	data = bytes.ReplaceAll(foldRuns(data), []byte(s.files), []byte("{{files}}"))
	s.copy(txtar.File{Name: name, Data: data})
}

// ask plays one request of the client.
func (s *stage) ask(m message, answer string) {
	time.Sleep(m.duration("wait"))
	r := s.post(m)
	s.note(answer, s.describe(r, m))
	s.check(r, m)
}

func (s *stage) post(m message) *reply {
	path := "/v1/chat/completions"
	if len(m.line) > 1 {
		path = m.line[1]
	}
	ctx, leave := context.WithCancel(s.t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.w.api.URL+path, bytes.NewReader(m.body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = m.header
	n, _ := strconv.Atoi(m.word("leave"))
	if n == 0 {
		return s.w.do(req)
	}
	return s.leaveAfter(n, req, leave)
}

// leaveAfter is a client that goes after n events, which must end the call upstream.
func (s *stage) leaveAfter(n int, req *http.Request, leave func()) *reply {
	res, err := s.w.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	r := &reply{t: s.t, status: res.StatusCode, header: res.Header}
	for one := make([]byte, 1); bytes.Count(r.body, []byte("\n\n")) < n; {
		if _, r.err = io.ReadFull(res.Body, one); r.err != nil {
			return r
		}
		r.body = append(r.body, one...)
	}
	leave()
	synctest.Wait()
	if !s.calls[len(s.calls)-1].left {
		s.t.Error("the client left, and the call upstream goes on")
	}
	return r
}

// ServeHTTP is the upstream.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	c := &upstreamCall{path: r.URL.EscapedPath(), body: body}
	s.calls = append(s.calls, c)
	name := fmt.Sprintf("upstream-%d.", len(s.calls))
	s.note(name+"request", describeCall(r, body))
	script, ok := s.section(name + "response")
	if !ok {
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.w.vertex.ServeHTTP(w, r)
		return
	}
	s.copy(txtar.File{Name: name + "response", Data: script})
	m := parseMessage(script)
	c.good = m.status() == http.StatusOK
	c.left = m.write(r.Context(), w)
}

var plainHeaders = []string{"Accept", "Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "User-Agent"}

// describeCall shows what is not the same in every call.
func describeCall(r *http.Request, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL.EscapedPath())
	h := r.Header.Clone()
	for _, name := range plainHeaders {
		h.Del(name)
	}
	writeHeader(&b, h)
	b.WriteByte('\n')
	b.Write(layout(body))
	return b.Bytes()
}

func writeHeader(b *bytes.Buffer, h http.Header) {
	var lines []string
	for name, values := range h {
		lines = append(lines, strings.ToLower(name)+": "+strings.Join(values, ", ")+"\n")
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
}

// shownHeaders are what an answer's headers tell its client to do or to know.
var shownHeaders = regexp.MustCompile(`^(Retry-After|X-Should-Retry|X-Gateway-Warnings|Request-Id|Anthropic-.*)$`)

func (s *stage) describe(r *reply, m message) []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, r.status)
	switch {
	case m.word("leave") != "":
		b.WriteString(" left")
	case r.err != nil:
		b.WriteString(" cut")
	}
	b.WriteByte('\n')
	h := r.header.Clone()
	for name := range h {
		if !shownHeaders.MatchString(name) {
			h.Del(name)
		}
	}
	writeHeader(&b, h)
	b.WriteByte('\n')
	b.Write(layout(r.body))
	return b.Bytes()
}

// check holds for the answers of all cases: they fit OpenAI's schema, and [DONE] ends
// exactly those streams that are whole.
func (s *stage) check(r *reply, m message) {
	switch {
	case m.word("leave") != "" || m.header.Get("X-Gateway-Dry-Run") != "":
	case r.status != http.StatusOK:
		openaitestCheck(s.t, "ErrorResponse", r.body)
	case !strings.HasPrefix(r.header.Get("Content-Type"), "text/event-stream"):
		openaitestCheck(s.t, "CreateChatCompletionResponse", r.body)
	case bytes.Contains(s.script.Comment, []byte("\nschema: ")):
	default:
		tr := readTranscript(s.t, r.body, r.err)
		if whole := tr.finish != "" && tr.err == nil && !tr.broken; tr.done != whole {
			s.t.Errorf("[DONE] is %t, and the stream whole: %t", tr.done, whole)
		}
	}
}

// pleaseEmulator posts to the emulator what the script answered in its place.
func (s *stage) pleaseEmulator() {
	refuses := bytes.Contains(s.script.Comment, []byte("\nemulator: refuses"))
	refused := 0
	for i, c := range s.calls {
		if !c.good {
			continue
		}
		r := httptest.NewRequest(http.MethodPost, c.path, bytes.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+testToken)
		w := httptest.NewRecorder()
		emulator := fakevertex.New(fakevertex.Options{})
		emulator.ServeHTTP(w, r)
		emulator.Close()
		if w.Code == http.StatusOK {
			continue
		}
		refused++
		if !refuses {
			s.t.Errorf("the emulator refuses call %d: %s", i+1, w.Body)
		}
	}
	if refuses && refused == 0 {
		s.t.Error("the emulator refuses nothing, and the comment says it does")
	}
}

// metrics gives the samples whose names begin the lines.
func (s *stage) metrics(lines []byte) []byte {
	var names []string
	for line := range strings.Lines(string(lines)) {
		names = append(names, regexp.MustCompile(`^\w+`).FindString(line))
	}
	var b bytes.Buffer
	for line := range strings.Lines(s.w.admin("/metrics").Body.String()) {
		if slices.Contains(names, regexp.MustCompile(`^\w+`).FindString(line)) {
			b.WriteString(line)
		}
	}
	return b.Bytes()
}

// A message is a section's head and body.
type message struct {
	line   []string // words of the first line, if there is one
	header http.Header
	body   []byte
}

var firstLine = regexp.MustCompile(`^(POST|[0-9]{3}|reset)\b[^\n]*\n`)

func parseMessage(data []byte) message {
	m := message{header: http.Header{}, body: data}
	if line := firstLine.Find(data); line != nil {
		m.line = strings.Fields(string(line))
		head, body, _ := bytes.Cut(data[len(line):], []byte("\n"))
		for len(head) > 0 {
			name, value, _ := strings.Cut(string(head), ": ")
			m.header.Add(name, value)
			head, body, _ = bytes.Cut(body, []byte("\n"))
		}
		m.body = body
	}
	m.body = unfoldRuns(m.body)
	return m
}

// word is the value of NAME=VALUE in the first line, or the name itself of a bare one.
func (m message) word(name string) string {
	for _, w := range m.line {
		if key, value, valued := strings.Cut(w, "="); key == name {
			if valued {
				return value
			}
			return name
		}
	}
	return ""
}

func (m message) duration(name string) time.Duration {
	d, _ := time.ParseDuration(m.word(name))
	return d
}

func (m message) status() int {
	if len(m.line) == 0 {
		return http.StatusOK
	}
	status, _ := strconv.Atoi(m.line[0])
	return status
}

// write plays a response; left tells that nobody waited for its end.
func (m message) write(ctx context.Context, w http.ResponseWriter) (left bool) {
	if m.word("reset") != "" {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", contentType(m.body))
	maps.Copy(w.Header(), m.header)
	w.WriteHeader(m.status())
	for _, piece := range m.pieces() {
		if !send(ctx, w, piece) {
			return true
		}
	}
	if m.word("cut") != "" {
		panic(http.ErrAbortHandler)
	}
	return false
}

// send writes a piece, or waits; false: nobody reads any more.
func send(ctx context.Context, w http.ResponseWriter, piece []byte) bool {
	if pause, ok := pauseIn(piece); ok {
		select {
		case <-time.After(pause):
			return true
		case <-ctx.Done():
			return false
		}
	}
	_, err := w.Write(piece)
	return err == nil && http.NewResponseController(w).Flush() == nil
}

func contentType(body []byte) string {
	switch {
	case bytes.HasPrefix(body, []byte("{")), bytes.HasPrefix(body, []byte("[")):
		return "application/json; charset=UTF-8"
	case bytes.HasPrefix(body, []byte("<")):
		return "text/html; charset=UTF-8"
	default:
		return "text/event-stream; charset=utf-8"
	}
}

// pieces are what is written at once: pauses, and what stands between them.
func (m message) pieces() [][]byte {
	var pieces [][]byte
	for line := range bytes.Lines(m.body) {
		_, pause := pauseIn(line)
		if m.word("crlf") != "" {
			line = bytes.ReplaceAll(line, []byte("\n"), []byte("\r\n"))
		}
		switch last := len(pieces) - 1; {
		case !pause && m.word("bytewise") != "":
			for i := range line {
				pieces = append(pieces, line[i:i+1])
			}
		case pause || last < 0 || isPause(pieces[last]):
			pieces = append(pieces, slices.Clone(line))
		default:
			pieces[last] = append(pieces[last], line...)
		}
	}
	return pieces
}

func isPause(line []byte) bool {
	_, ok := pauseIn(line)
	return ok
}

func pauseIn(line []byte) (time.Duration, bool) {
	text, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "wait ")
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// layout gives every member of an object its line, and every element of a list of objects
// in it. All values keep their bytes. What is no object stays as it is.
func layout(data []byte) []byte {
	if !json.Valid(data) || data[0] != '{' {
		return endLine(data)
	}
	var b bytes.Buffer
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	_, _ = dec.ReadToken() // it is valid
	for end := "{\n"; dec.PeekKind() == '"'; end = ",\n" {
		name, _ := dec.ReadValue()
		b.WriteString(end)
		b.Write(name)
		b.WriteByte(':')
		value, _ := dec.ReadValue()
		writeElements(&b, value)
	}
	b.WriteString("\n}\n")
	return b.Bytes()
}

// writeElements writes a list of objects with one in each line.
func writeElements(b *bytes.Buffer, value jsontext.Value) {
	if !bytes.HasPrefix(value, []byte("[{")) {
		b.Write(value)
		return
	}
	dec := jsontext.NewDecoder(bytes.NewReader(value))
	_, _ = dec.ReadToken() // it is valid, too
	for end := "[\n"; dec.PeekKind() != ']'; end = ",\n" {
		element, _ := dec.ReadValue()
		b.WriteString(end)
		b.Write(element)
	}
	b.WriteString("\n]")
}

func endLine(data []byte) []byte {
	if len(data) == 0 || data[len(data)-1] == '\n' {
		return data
	}
	return append(slices.Clone(data), '\n')
}

// run is how a long run is written in a case.
var run = regexp.MustCompile(`<<(.+?)\*([0-9]+)>>`)

func unfoldRuns(data []byte) []byte {
	return run.ReplaceAllFunc(data, func(folded []byte) []byte {
		part := run.FindSubmatch(folded)
		n, _ := strconv.Atoi(string(part[2]))
		return bytes.Repeat(part[1], n)
	})
}

// foldRuns writes runs of one character the short way.
func foldRuns(data []byte) []byte {
	const long = 200
	var b bytes.Buffer
	for len(data) > 0 {
		n := 1
		for n < len(data) && data[n] == data[0] {
			n++
		}
		if n < long {
			b.Write(data[:n])
		} else {
			fmt.Fprintf(&b, "<<%c*%d>>", data[0], n)
		}
		data = data[n:]
	}
	return b.Bytes()
}
