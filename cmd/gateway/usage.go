package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/config"
	"vertexgateway/translate/catalogue"
	"vertexgateway/usage"
	"vertexgateway/usage/ledger"
)

// usageCommand reports who used what.
type usageCommand struct {
	Config string   `placeholder:"FILE" help:"Configuration file, which names the store; none: the defaults."`
	By     []string `default:"team" help:"What is told apart: team, model, served, key, location, publisher, day, month; several with commas."`
	Since  string   `default:"24h" help:"From when on: 24h, 30d, 2026-11, 2026-11-01 or 2026-11-01T10:00:00Z."`
	Until  string   `help:"Until before when, likewise; default: now."`
	Team   string   `help:"Only this team."`
	Model  string   `help:"Only this model, by any of its names."`
	Format string   `enum:"table,json,csv" default:"table" help:"table, json or csv."`
}

// Help is shown by gateway usage --help.
func (*usageCommand) Help() string {
	return `Days and months are those of UTC. Costs are by the prices of the catalogue and the configuration; requests without a
known price are counted as unpriced, and add nothing. Input excludes what was read from and written to the prompt cache.

A bill for November:  gateway usage --by team,model --since 2026-11 --until 2026-12 --format csv`
}

// Run prints the report.
func (c *usageCommand) Run(ctx context.Context, s *system) error {
	conf, err := (&settings{Config: c.Config}).load(s)
	if err != nil {
		return err
	}
	q, err := c.query(conf.Catalogue, time.Now())
	if err != nil {
		return err
	}
	r, err := report(ctx, conf, q)
	if err != nil {
		return err
	}
	switch c.Format {
	case "json":
		return r.json(s.stdout)
	case "csv":
		return r.csv(s.stdout)
	}
	return r.table(s.stdout)
}

func (c *usageCommand) query(models *catalogue.Catalogue, now time.Time) (q ledger.Query, err error) {
	q = ledger.Query{Team: c.Team, Model: c.Model, By: c.By}
	if m, ok := models.Find(c.Model); ok { // and not only an entry of the configuration
		q.Model = m.ID
	}
	if q.Since, err = instant("since", c.Since, now); err != nil {
		return q, err
	}
	q.Until = now
	if c.Until != "" {
		q.Until, err = instant("until", c.Until, now)
	}
	if err == nil && !q.Since.Before(q.Until) {
		err = fmt.Errorf("gateway: usage: --since %s is not before --until %s", stamp(q.Since), stamp(q.Until))
	}
	return q, err
}

// instant reads the value of a flag: a time, or how long ago it was.
func instant(flag, value string, now time.Time) (time.Time, error) {
	for _, layout := range []string{"2006-01", time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, nil
		}
	}
	var ago config.Duration
	if err := ago.UnmarshalText([]byte(value)); err != nil {
		return now, fmt.Errorf("gateway: usage: --%s %q: want a duration or a date, as in 24h, 30d, 2026-11, 2026-11-01 or 2026-11-01T10:00:00Z", flag, value)
	}
	return now.Add(-time.Duration(ago)), nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// A usageReport is sums and their total.
type usageReport struct {
	query ledger.Query
	rows  []ledger.Row
	total ledger.Row
}

// report reads the ledger beside a gateway that may be writing to it.
func report(ctx context.Context, c *config.Config, q ledger.Query) (*usageReport, error) {
	l, err := ledger.OpenReader(ctx, c.Usage.Store)
	if err != nil {
		return nil, fmt.Errorf("usage.store: %w", err)
	}
	defer l.Close()
	r := &usageReport{query: q}
	if r.rows, err = l.Sum(ctx, q); err != nil {
		return nil, err
	}
	for _, row := range r.rows {
		r.total.Add(&row)
	}
	return r, nil
}

// A figure is a column of sums.
type figure struct {
	name  string // in JSON and CSV
	title string // in the table; empty: it is not there
	of    func(*ledger.Row) int64
	money bool
}

// figures of a report, in their order.
var figures = []figure{
	{"requests", "REQUESTS", func(r *ledger.Row) int64 { return r.Requests }, false},
	{"failed_requests", "FAILED", func(r *ledger.Row) int64 { return r.Failed }, false},
	{"input_tokens", "INPUT", func(r *ledger.Row) int64 { return r.Tokens.Input }, false},
	{"output_tokens", "OUTPUT", func(r *ledger.Row) int64 { return r.Tokens.Output }, false},
	{"reasoning_tokens", "", func(r *ledger.Row) int64 { return r.Tokens.Reasoning }, false},
	{"cache_read_tokens", "CACHE READ", func(r *ledger.Row) int64 { return r.Tokens.CacheRead }, false},
	{"cache_write_5m_tokens", "", func(r *ledger.Row) int64 { return r.Tokens.CacheWrite5m }, false},
	{"cache_write_1h_tokens", "", func(r *ledger.Row) int64 { return r.Tokens.CacheWrite1h }, false},
	{"cache_write_tokens", "CACHE WRITE", func(r *ledger.Row) int64 { return r.Tokens.CacheWrite() }, false},
	{"web_searches", "", func(r *ledger.Row) int64 { return r.Tokens.WebSearches }, false},
	{"pages", "", func(r *ledger.Row) int64 { return r.Tokens.Pages }, false},
	{"cost_usd", "COST USD", func(r *ledger.Row) int64 { return int64(r.Cost) }, true},
	{"cache_saved_usd", "CACHE SAVED USD", func(r *ledger.Row) int64 { return int64(r.Saved) }, true},
	{"unpriced_requests", "UNPRICED", func(r *ledger.Row) int64 { return r.Unpriced }, false},
	{"estimated_requests", "ESTIMATED", func(r *ledger.Row) int64 { return r.Estimated }, false},
}

// text is the figure of a row. Money is in dollars, to the millionth; a cost that is not
// known at all is empty.
func (f *figure) text(r *ledger.Row) string {
	switch n := f.of(r); {
	case f.name == "cost_usd" && n == 0 && r.Unpriced > 0:
		return ""
	case f.money:
		return usage.Micros(n).String()
	default:
		return strconv.FormatInt(n, 10)
	}
}

func (r *usageReport) table(w io.Writer) error {
	heading := make([]string, 0, len(r.query.By)+len(figures))
	for _, by := range r.query.By {
		heading = append(heading, strings.ToUpper(by))
	}
	for i := range figures {
		if figures[i].title != "" {
			heading = append(heading, figures[i].title)
		}
	}
	t := newTable(heading...)
	t.numbers = len(r.query.By)
	for i := range r.rows {
		t.add(cells(r.rows[i].By, &r.rows[i])...)
	}
	if len(r.rows) != 1 {
		total := make([]string, len(r.query.By))
		total[0] = "total"
		t.add(cells(total, &r.total)...)
	}
	return t.write(w)
}

// cells of a line in the table.
func cells(by []string, r *ledger.Row) []string {
	line := make([]string, len(by), len(by)+len(figures))
	for i, name := range by {
		line[i] = name
		if name == "" {
			line[i] = "-"
		}
	}
	for i := range figures {
		if figures[i].title == "" {
			continue
		}
		text := figures[i].text(r)
		if text == "" {
			text = "unknown"
		}
		line = append(line, text)
	}
	return line
}

func (r *usageReport) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	line := append([]string{}, r.query.By...)
	for i := range figures {
		line = append(line, figures[i].name)
	}
	_ = out.Write(line) // Error below has it
	for i := range r.rows {
		line = append(line[:0], r.rows[i].By...)
		for f := range figures {
			line = append(line, figures[f].text(&r.rows[i]))
		}
		_ = out.Write(line)
	}
	out.Flush()
	return out.Error()
}

func (r *usageReport) json(w io.Writer) error {
	rows := make([]members, len(r.rows))
	for i := range r.rows {
		for j, by := range r.query.By {
			rows[i] = append(rows[i], member{by, r.rows[i].By[j]})
		}
		rows[i] = append(rows[i], sums(&r.rows[i])...)
	}
	whole := members{
		{"since", stamp(r.query.Since)}, {"until", stamp(r.query.Until)}, {"by", r.query.By}, {"rows", rows}, {"total", sums(&r.total)},
	}
	return json.MarshalEncode(jsontext.NewEncoder(w, jsontext.WithIndent("  ")), whole)
}

func sums(r *ledger.Row) members {
	all := make(members, len(figures))
	for i := range figures {
		all[i] = member{figures[i].name, nil}
		if text := figures[i].text(r); text != "" {
			all[i].value = jsontext.Value(text)
		}
	}
	return all
}

// A member of a JSON object; members keep their order.
type member struct {
	name  string
	value any
}

type members []member

// MarshalJSONTo writes an object.
func (m members) MarshalJSONTo(e *jsontext.Encoder) error {
	err := e.WriteToken(jsontext.BeginObject)
	for _, one := range m {
		if err == nil {
			err = json.MarshalEncode(e, one.name)
		}
		if err == nil {
			err = json.MarshalEncode(e, one.value)
		}
	}
	if err != nil {
		return err
	}
	return e.WriteToken(jsontext.EndObject)
}
