package ledger

import (
	"cmp"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
)

const (
	// maxText is the longest text of a column, in bytes. All those of the key of hourly
	// must fit into a page of an index of PostgreSQL, 2704 bytes.
	maxText = 256
	// maxNumber is more than any answer has of anything. Beyond it a number is a mistake,
	// which must not make sums overflow.
	maxNumber = 1_000_000_000_000
)

// hour and day are in microseconds.
const (
	hour = int64(time.Hour / time.Microsecond)
	day  = 24 * hour
)

// A row is a Record as the tables have it.
type row struct {
	Record
	time, firstToken, duration               int64
	provisioned, stream, unpriced, estimated int64
}

// columns of the table requests, in the order of row.fields.
var columns = []string{
	"id", "time", "request_id", "team", "key", "endpoint", "model", "asked", "served", "publisher", "location",
	"attempts", "provisioned", "status", "ended", "stream",
	"input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning", "web_searches", "pages",
	"cost", "saved", "unpriced", "estimated", "first_token", "duration",
}

// fields are what stands in the columns, to write or to read.
func (r *row) fields() []any {
	t := &r.Tokens
	return []any{
		&r.ID, &r.time, &r.RequestID, &r.Team, &r.Key, &r.Endpoint, &r.Model, &r.Asked, &r.Served, &r.Publisher, &r.Location,
		&r.Attempts, &r.provisioned, &r.Status, &r.End, &r.stream,
		&t.Input, &t.Output, &t.CacheRead, &t.CacheWrite5m, &t.CacheWrite1h, &t.Reasoning, &t.WebSearches, &t.Pages,
		&r.Cost.Micros, &r.Cost.Saved, &r.unpriced, &r.estimated, &r.firstToken, &r.duration,
	}
}

// rowOf makes a row that every store takes: a store refuses a whole batch for one text
// that is not UTF-8.
func rowOf(r *Record) row {
	w := row{
		Record: *r, time: r.Time.UnixMicro(), firstToken: r.FirstToken.Microseconds(), duration: r.Duration.Microseconds(),
		provisioned: flag(r.Provisioned), stream: flag(r.Stream), unpriced: flag(r.Cost.Unknown), estimated: flag(r.Estimated),
	}
	for _, s := range []*string{&w.ID, &w.RequestID, &w.Team, &w.Key, &w.Endpoint, &w.Model, &w.Asked, &w.Served, &w.Publisher, &w.Location, &w.End} {
		*s = text(*s)
	}
	t := &w.Tokens
	for _, n := range []*int64{&t.Input, &t.Output, &t.CacheRead, &t.CacheWrite5m, &t.CacheWrite1h, &t.Reasoning, &t.WebSearches, &t.Pages} {
		*n = number(*n)
	}
	w.Cost.Micros, w.Cost.Saved = number(w.Cost.Micros), number(w.Cost.Saved)
	return w
}

// log tells all columns.
func (r *row) log() []zap.Field {
	fields := make([]zap.Field, len(columns))
	for i, f := range r.fields() {
		fields[i] = zap.Any(columns[i], f)
	}
	return fields
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func number[N ~int64](n N) N { return max(-maxNumber, min(n, maxNumber)) }

// text makes s UTF-8 without NUL, which PostgreSQL has no place for, and cuts it.
func text(s string) string {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	}
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// floorHour is the beginning of the hour that t lies in.
func floorHour(t int64) int64 {
	rest := t % hour
	if rest < 0 {
		rest += hour
	}
	return t - rest
}

// A group is what hourly tells apart: its primary key.
type group struct {
	hour                                          int64
	team, key, model, served, publisher, location string
}

// groupColumns are those of the primary key of hourly, in the order of group.fields.
var groupColumns = []string{"hour", "team", "key", "model", "served", "publisher", "location"}

func (g *group) fields() []any {
	return []any{g.hour, g.team, g.key, g.model, g.served, g.publisher, g.location}
}

func (g *group) compare(h *group) int {
	return cmp.Or(
		cmp.Compare(g.hour, h.hour), strings.Compare(g.team, h.team), strings.Compare(g.key, h.key), strings.Compare(g.model, h.model),
		strings.Compare(g.served, h.served), strings.Compare(g.publisher, h.publisher), strings.Compare(g.location, h.location),
	)
}

func (r *row) group() group {
	return group{floorHour(r.time), r.Team, r.Key, r.Model, r.Served, r.Publisher, r.Location}
}

// finished is the end of a request that did not fail.
const finished = "finished"

// measures are the columns of hourly that are sums, with what stands for one request in
// the table requests.
var measures = [...]struct{ name, single string }{
	{"requests", "1"}, {"failed", "CASE WHEN ended = '" + finished + "' THEN 0 ELSE 1 END"},
	{"input", "input"}, {"output", "output"}, {"cache_read", "cache_read"},
	{"cache_write_5m", "cache_write_5m"}, {"cache_write_1h", "cache_write_1h"},
	{"reasoning", "reasoning"}, {"web_searches", "web_searches"}, {"pages", "pages"},
	{"cost", "cost"}, {"saved", "saved"}, {"unpriced", "unpriced"}, {"estimated", "estimated"},
}

// A sum has one number for each of the measures.
type sum [len(measures)]int64

func (s *sum) add(t *sum) {
	for i := range s {
		s[i] += t[i]
	}
}

// measure is what one request adds to the sums.
func (r *row) measure() sum {
	t := &r.Tokens
	return sum{
		1, flag(r.End != finished),
		t.Input, t.Output, t.CacheRead, t.CacheWrite5m, t.CacheWrite1h, t.Reasoning, t.WebSearches, t.Pages,
		int64(r.Cost.Micros), int64(r.Cost.Saved), r.unpriced, r.estimated,
	}
}
