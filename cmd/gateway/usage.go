package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/config"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
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
	for i, by := range c.By {
		if slices.Contains(c.By[:i], by) {
			return q, fmt.Errorf("gateway: usage: --by %s: %s is named twice", strings.Join(c.By, ","), by)
		}
	}
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
	defer func() { _ = l.Close() }() // it was only read
	r := &usageReport{query: q}
	if r.rows, err = l.Sum(ctx, q); err != nil {
		return nil, fmt.Errorf("gateway: usage: %w", err)
	}
	for _, row := range r.rows {
		r.total.Add(&row)
	}
	return r, nil
}

// titles :: figure -> what the table calls it; the others are not in the table
var titles = map[string]string{
	"requests": "REQUESTS", "failed_requests": "FAILED", "input_tokens": "INPUT", "output_tokens": "OUTPUT",
	"cache_read_tokens": "CACHE READ", "cache_write_tokens": "CACHE WRITE", "cost_usd": "COST USD", "cache_saved_usd": "CACHE SAVED USD",
	"unpriced_requests": "UNPRICED", "estimated_requests": "ESTIMATED",
}

func (r *usageReport) table(w io.Writer) error {
	heading := make([]string, 0, len(r.query.By)+len(titles))
	for _, by := range r.query.By {
		heading = append(heading, strings.ToUpper(by))
	}
	for _, f := range ledger.Figures {
		if title := titles[f.Name]; title != "" {
			heading = append(heading, title)
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
	line := make([]string, len(by), len(by)+len(titles))
	for i, name := range by {
		line[i] = name
		if name == "" {
			line[i] = "-"
		}
	}
	for _, f := range ledger.Figures {
		if titles[f.Name] != "" {
			line = append(line, cmp.Or(f.Text(r), "unknown"))
		}
	}
	return line
}

func (r *usageReport) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	line := append([]string{}, r.query.By...)
	for _, f := range ledger.Figures {
		line = append(line, f.Name)
	}
	_ = out.Write(line) // Error below has it
	for i := range r.rows {
		line = append(line[:0], r.rows[i].By...)
		for _, f := range ledger.Figures {
			line = append(line, f.Text(&r.rows[i]))
		}
		_ = out.Write(line)
	}
	out.Flush()
	return out.Error()
}

func (r *usageReport) json(w io.Writer) error {
	by, err := json.Marshal(r.query.By)
	if err != nil {
		return err
	}
	text := fmt.Appendf(nil, `{"since":%q,"until":%q,"by":%s,"rows":[`, stamp(r.query.Since), stamp(r.query.Until), by)
	for i := range r.rows {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, '{')
		for j, name := range r.query.By {
			text = openai.AppendString(text, name)
			text = append(openai.AppendString(append(text, ':'), r.rows[i].By[j]), ',')
		}
		text = append(r.rows[i].AppendJSON(text), '}')
	}
	text = append(r.total.AppendJSON(append(text, `],"total":{`...)), "}}"...)
	pretty := jsontext.Value(text)
	if err := pretty.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err = w.Write(append(pretty, '\n'))
	return err
}
