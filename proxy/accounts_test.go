package proxy_test

import (
	"bufio"
	"context"
	"database/sql"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexgateway/translate/catalogue"
	"vertexgateway/vertex/fakevertex"
)

// An entry is a row of the usage ledger, without what differs from run to run.
type entry struct {
	Team, Key, Endpoint, Model, Asked, Served, Publisher, Location string
	Attempts, Status                                               int
	Ended                                                          string
	Stream, Provisioned, Unpriced, Estimated                       bool
	Usage                                                          fakevertex.Usage
	Cost                                                           int64
}

// entries reads the ledger's file.
func (w *world) entries() (all []entry) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.ledger+"?_pragma=busy_timeout(5000)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(w.t.Context(), `SELECT team, key, endpoint, model, asked, served, publisher, location, attempts, status, ended,
		stream, provisioned, unpriced, estimated, input, output, cache_read, cache_write_5m, cache_write_1h, reasoning, web_searches, pages, cost
		FROM requests ORDER BY id`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e entry
		u := &e.Usage
		if err := rows.Scan(&e.Team, &e.Key, &e.Endpoint, &e.Model, &e.Asked, &e.Served, &e.Publisher, &e.Location, &e.Attempts, &e.Status, &e.Ended,
			&e.Stream, &e.Provisioned, &e.Unpriced, &e.Estimated, &u.Input, &u.Output, &u.CacheRead, &u.CacheWrite5m, &u.CacheWrite1h, &u.Thinking, &u.Searches, &u.Pages, &e.Cost); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// bill is what the emulator has answered, in tokens and, by the prices of its catalogue, in
// millionths of a dollar, worked out apart from the gateway's arithmetic.
func (w *world) bill() (used fakevertex.Usage, micros int64) {
	w.t.Helper()
	for _, r := range w.vertex.Requests() {
		if r.Header.Get("X-Vertex-AI-LLM-Request-Type") != "dedicated" {
			micros += w.costOf(r)
		}
	}
	return w.billed(), micros
}

func (w *world) costOf(r *fakevertex.Request) int64 {
	w.t.Helper()
	m, ok := catalogue.Builtin().Find(r.Publisher + "/" + r.Model)
	if !ok || m.Prices == nil {
		return 0
	}
	p, u := *m.Prices, r.Usage
	if p.Long != nil && u.Prompt() > p.Long.Above {
		p.Input, p.Output, p.CacheWrite5m, p.CacheWrite1h, p.CacheRead = p.Long.Input, p.Long.Output, p.Long.CacheWrite5m, p.Long.CacheWrite1h, p.Long.CacheRead
	}
	tokens := p.Input*float64(u.Input) + p.Output*float64(u.Output) + p.CacheRead*float64(u.CacheRead) + p.CacheWrite5m*float64(u.CacheWrite5m) + p.CacheWrite1h*float64(u.CacheWrite1h)
	if r.Location != "global" && p.Regional > 0 {
		tokens *= p.Regional
	}
	return int64(math.Round(tokens + p.WebSearches*1000*float64(u.Searches) + p.Pages*1000*float64(u.Pages)))
}

// wantEntry checks that the ledger has one row, that it is this one, and that its tokens and
// cost are those of the emulator's bill.
func (w *world) wantEntry(want entry) {
	w.t.Helper()
	var all []entry
	w.eventually("a row is there", func() bool { all = w.entries(); return len(all) > 0 })
	want.Usage, want.Cost = w.bill()
	if diff := cmp.Diff([]entry{want}, all); diff != "" {
		w.t.Errorf("ledger (-want +got):\n%s", diff)
	}
	rounding := math.Abs(float64(want.Cost - all[0].Cost))
	if rounding > 0 {
		w.t.Errorf("cost %d, the emulator's bill makes %d", all[0].Cost, want.Cost)
	}
}

// hangUp asks for a stream and leaves after so many lines with data.
func (w *world) hangUp(body string, lines int) {
	w.t.Helper()
	ctx, leave := context.WithCancel(w.t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.api.URL+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if lines == 0 {
		asked := make(chan struct{})
		go func() {
			if w.vertex.Wait(ctx, 1) == nil {
				close(asked)
			}
		}()
		go func() { <-asked; leave() }()
	}
	res, err := w.client.Do(req)
	if err != nil {
		return // as it should be where no line comes
	}
	defer res.Body.Close()
	for scanner := bufio.NewScanner(res.Body); lines > 0 && scanner.Scan(); {
		if strings.HasPrefix(scanner.Text(), "data: ") {
			lines--
		}
	}
}

// Whatever the end of a request, its row in the ledger is what Vertex AI bills.
func TestLedgerOfAllEnds(t *testing.T) {
	base := entry{Endpoint: "chat_completions", Model: model, Asked: model, Served: model, Publisher: "anthropic", Location: "global", Attempts: 1, Status: 200, Ended: "finished"}
	with := func(edit func(*entry)) entry {
		e := base
		edit(&e)
		return e
	}
	for _, tt := range []struct {
		name      string
		config    string
		scenarios []fakevertex.Scenario
		ask       func(w *world)
		want      entry
	}{
		{"finished", "", nil, func(w *world) { w.chat(model, "").completion() }, base},
		{"finished stream", "", nil, func(w *world) { w.chat(model, streamed).transcript() }, with(func(e *entry) { e.Stream = true })},
		{"spelled otherwise", "", nil, func(w *world) { w.chat("anthropic/claude-opus-4.8", "").completion() }, with(func(e *entry) { e.Asked = "anthropic/claude-opus-4.8" })},
		{"thinking", "", nil, func(w *world) { w.chat(model, `"reasoning_effort":"high"`).completion() }, base},
		{"error before", "", []fakevertex.Scenario{{Status: 529}}, func(w *world) { w.chat(model, streamed) },
			with(func(e *entry) { e.Stream, e.Status, e.Ended, e.Attempts, e.Location = true, 503, "error", 3, "eu" })},
		{"refused by the gateway", "", nil, func(w *world) { w.chat(model, `"n":2`) }, with(func(e *entry) { e.Status, e.Ended, e.Attempts, e.Location = 400, "error", 0, "" })},
		{"error after", "", []fakevertex.Scenario{{ErrorAfter: 7}}, func(w *world) { w.chat(model, streamed) }, with(func(e *entry) { e.Stream, e.Ended, e.Estimated = true, "error", true })},
		{"cut", "", []fakevertex.Scenario{{CutAfter: 7}}, func(w *world) { w.chat(model, streamed) }, with(func(e *entry) { e.Stream, e.Ended, e.Estimated = true, "cut", true })},
		{"cut before content, then elsewhere", "", []fakevertex.Scenario{{CutAfter: 2, Times: 2}}, func(w *world) { w.chat(model, streamed).transcript() },
			with(func(e *entry) { e.Stream, e.Attempts, e.Location, e.Estimated = true, 3, "us", true })},
		{"cut behind the usage", "", []fakevertex.Scenario{{CutAfter: 46, Events: 40}}, func(w *world) { w.chat(model, streamed) }, with(func(e *entry) { e.Stream, e.Ended = true, "cut" })},
		{"hang-up after content", "", []fakevertex.Scenario{{StallAfter: 8}}, func(w *world) { w.hangUp(question(model, streamed), 2) },
			with(func(e *entry) { e.Stream, e.Status, e.Ended, e.Estimated = true, 499, "cancelled", true })},
		{"hang-up, drained", "usage: {on_disconnect: drain}\n", []fakevertex.Scenario{{Events: 200, Pace: time.Millisecond}}, func(w *world) { w.hangUp(question(model, streamed), 2) },
			with(func(e *entry) { e.Stream, e.Status, e.Ended = true, 499, "cancelled" })},
		{"hang-up before anything, drained", "usage: {on_disconnect: drain}\n", []fakevertex.Scenario{{Delay: 20 * time.Millisecond}}, func(w *world) { w.hangUp(question(model, streamed), 0) },
			with(func(e *entry) { e.Stream, e.Status, e.Ended = true, 499, "cancelled" })},
		{"fallback", "", []fakevertex.Scenario{{Location: "global", Status: 429}}, func(w *world) { w.chat(model, "").completion() }, with(func(e *entry) { e.Location, e.Attempts = "us", 2 })},
		{"repaired", "", []fakevertex.Scenario{{Denied: []string{"structured_outputs"}}}, func(w *world) {
			w.chat(model, `"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}`).completion()
		}, with(func(e *entry) { e.Attempts = 2 })},
		{"prompt cached", "", nil, func(w *world) { w.chat(model, longSystem).completion() }, base},
		{"long prompt", "  - {name: claude-haiku-5-5, locations: [us]}\n", nil, func(w *world) { w.chat("claude-haiku-5-5", longerSystem).completion() },
			with(func(e *entry) {
				e.Model, e.Asked, e.Served, e.Location = "claude-haiku-5-5", "claude-haiku-5-5", "claude-haiku-5-5", "us"
			})},
		{"provisioned", "  - {name: paid, model: claude-opus-4-8, locations: [us], provisioned_throughput: dedicated}\n", nil, func(w *world) { w.chat("paid", "").completion() },
			with(func(e *entry) { e.Model, e.Asked, e.Location, e.Provisioned = "paid", "paid", "us", true })},
		{"provisioned exhausted", "  - {name: paid, model: claude-opus-4-8, locations: [us], provisioned_throughput: spill}\n", []fakevertex.Scenario{{RequestType: "dedicated", Status: 429}},
			func(w *world) { w.chat("paid", "").completion() }, with(func(e *entry) { e.Model, e.Asked, e.Location, e.Attempts = "paid", "paid", "us", 2 })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newAccounted(t, threeLocations+tt.config, tt.scenarios...)
			tt.ask(w)
			w.wantEntry(tt.want)
		})
	}
}

// What is long enough to be cached, and so long that it costs more.
var (
	longSystem   = `"cache_control":{"type":"ephemeral","ttl":"1h"},"system":"` + strings.Repeat("word ", 4000) + `"`
	longerSystem = `"system":"` + strings.Repeat("word ", 90_000) + `"`
)

// Reading from the prompt cache costs less, in the ledger as in the bill.
func TestLedgerOfCache(t *testing.T) {
	w := newAccounted(t, threeLocations)
	for range 2 {
		w.chat(model, longSystem).completion()
	}
	used, cost := w.bill()
	all := w.entries()
	if len(all) != 2 || used.CacheRead == 0 || used.CacheWrite1h == 0 || all[0].Usage.CacheWrite1h != used.CacheWrite1h || all[1].Usage.CacheRead != used.CacheRead || all[0].Cost+all[1].Cost != cost {
		t.Errorf("%+v, billed %+v, %d", all, used, cost)
	}
}

// Every model's answers are in the ledger as they are billed.
func TestLedgerOfAllModels(t *testing.T) {
	for _, m := range catalogue.Builtin().Models() {
		if m.Status == "retired" {
			continue
		}
		name := m.Publisher + "/" + m.ID
		want := entry{Model: configured, Asked: configured, Served: m.ID, Publisher: m.Publisher, Location: m.Locations[0], Attempts: 1, Status: 200, Ended: "finished", Unpriced: m.Prices == nil}
		asks := map[string]func(w *world, want *entry){}
		if m.Offers(catalogue.PathChat) {
			asks["chat"] = func(w *world, want *entry) {
				want.Endpoint = "chat_completions"
				w.chat(configured, "").completion()
			}
			asks["stream"] = func(w *world, want *entry) {
				want.Endpoint, want.Stream = "chat_completions", true
				w.chat(configured, streamed).transcript()
			}
		}
		if m.Offers(catalogue.PathEmbeddings) {
			asks["embeddings"] = func(w *world, want *entry) {
				want.Endpoint = "embeddings"
				w.post("/v1/embeddings", `{"model":"`+configured+`","input":["one","two words"]}`).status200()
			}
		}
		if m.Offers(catalogue.PathOCR) {
			asks["ocr"] = func(w *world, want *entry) {
				want.Endpoint = "ocr"
				w.post("/v1/ocr", `{"model":"`+configured+`","document":{"type":"document_url","document_url":"data:application/pdf;base64,JVBERi0xLjQK"}}`).status200()
			}
		}
		for how, ask := range asks {
			t.Run(name+" "+how, func(t *testing.T) {
				w, want := newAccounted(t, as(name, "")), want
				ask(w, &want)
				w.wantEntry(want)
			})
		}
	}
}

// An answer of another API that breaks off is estimated from what was seen.
func TestLedgerEstimates(t *testing.T) {
	for _, id := range []string{"codestral-2", "jamba-1.5-large", "gpt-oss-120b-maas"} {
		t.Run(id, func(t *testing.T) {
			w := newAccounted(t, as(id, ""), fakevertex.Scenario{CutAfter: 60, Events: 200})
			tr := w.chat(configured, streamed).transcript()
			all := w.entries()
			seen := (len(tr.text) + len(tr.reasoning) + 3) / 4
			if len(all) != 1 || all[0].Ended != "cut" || !all[0].Estimated || seen < 20 {
				t.Fatalf("%+v, %d tokens seen", all, seen)
			}
			if u := all[0].Usage; u.Output < seen-2 || u.Output > seen+2 || u.Input < 5 || u.Input > 40 || all[0].Cost == 0 {
				t.Errorf("%+v, %d tokens seen", all[0], seen)
			}
		})
	}
}

// Each round of an answer that pauses is a request of its own on the bill, and all of them
// are one row.
func TestLedgerOfRounds(t *testing.T) {
	const asked = `{"model":"claude-opus-5","messages":[{"role":"user","content":"Please search for a vertex."}],"web_search_options":{},"stream":true}`
	want := entry{Endpoint: "chat_completions", Model: "claude-opus-5", Asked: "claude-opus-5", Served: "claude-opus-5", Publisher: "anthropic", Location: "global", Attempts: 3, Status: 200, Ended: "finished", Stream: true}
	const searching = "models: [{name: claude-opus-5, web_search: true}]\n"
	t.Run("whole", func(t *testing.T) {
		w := newAccounted(t, searching, fakevertex.Scenario{Pauses: 2, Times: 3})
		w.post("/v1/chat/completions", asked).transcript()
		w.wantEntry(want)
		if used, _ := w.bill(); used.Searches == 0 {
			t.Error("nothing was searched for")
		}
	})
	t.Run("refused in the last round", func(t *testing.T) {
		w := newAccounted(t, searching, fakevertex.Scenario{Pauses: 2, Times: 2}, fakevertex.Scenario{Status: 529})
		w.post("/v1/chat/completions", asked)
		want.Ended = "error"
		w.wantEntry(want)
	})
}

// Whoever hangs up before the first word has made Vertex AI work: what it read is estimated.
func TestLedgerOfAbandoned(t *testing.T) {
	for _, id := range []string{"claude-opus-4-8", "codestral-2", "jamba-1.5-large", "gpt-oss-120b-maas"} {
		for _, tt := range []struct {
			name, extra string
			scenario    fakevertex.Scenario
		}{
			{"unary", "", fakevertex.Scenario{Delay: time.Hour}},
			{"streamed", streamed, fakevertex.Scenario{Delay: time.Hour}},
			{"behind the headers", streamed, fakevertex.Scenario{StallAfter: -1}},
		} {
			t.Run(id+" "+tt.name, func(t *testing.T) {
				w := newAccounted(t, as(id, ""), tt.scenario)
				w.hangUp(question(configured, tt.extra), 0)
				var all []entry
				w.eventually("a row is there", func() bool { all = w.entries(); return len(all) > 0 })
				e := all[0]
				if len(all) != 1 || e.Ended != "cancelled" || e.Status != 499 || !e.Estimated || e.Usage.Input < 5 || e.Usage.Input > 40 || e.Usage.Output != 0 || e.Cost == 0 {
					t.Errorf("%+v", all)
				}
			})
		}
	}
}

// An answer that does not tell its usage is estimated, and not taken to be free.
func TestLedgerWithoutUsage(t *testing.T) {
	const answer = `{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Twelve bytes"},"finish_reason":"stop"}]}`
	w := newAccounted(t, as("gpt-oss-120b-maas", ""), fakevertex.Scenario{Replay: answer})
	w.chat(configured, "").status200()
	if all := w.entries(); len(all) != 1 || !all[0].Estimated || all[0].Usage.Output != 3 || all[0].Usage.Input == 0 || all[0].Cost == 0 || all[0].Ended != "finished" {
		t.Errorf("%+v", all)
	}
}

// A client that has left is not searched for any further.
func TestDrainEndsWithTheRound(t *testing.T) {
	w := newAccounted(t, "models: [{name: claude-opus-5, web_search: true}]\nusage: {on_disconnect: drain}\n", fakevertex.Scenario{Pauses: 2, Pace: time.Millisecond})
	w.hangUp(`{"model":"claude-opus-5","messages":[{"role":"user","content":"Please search for a vertex."}],"web_search_options":{},"stream":true}`, 1)
	w.wantEntry(entry{Endpoint: "chat_completions", Model: "claude-opus-5", Asked: "claude-opus-5", Served: "claude-opus-5", Publisher: "anthropic", Location: "global", Attempts: 1, Status: 499, Ended: "cancelled", Stream: true})
}
