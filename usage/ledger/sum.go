package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
)

// names of what sums may be told apart by: columns of both tables, and times.
var names = []string{"team", "key", "model", "served", "publisher", "location", byDay, byMonth}

const (
	byDay   = "day"
	byMonth = "month"
)

// A span of time, in microseconds: from the first to the one behind the last.
type span struct{ from, to int64 }

func (s span) empty() bool { return s.from >= s.to }

// spans are the whole hours of a query, and what is left of it at their edges.
func (q *Query) spans() (hours span, edges []span) {
	all := span{math.MinInt64, math.MaxInt64}
	hours = all
	if !q.Since.IsZero() {
		all.from = q.Since.UnixMicro()
		hours.from = floorHour(all.from + hour - 1)
	}
	if !q.Until.IsZero() {
		all.to = q.Until.UnixMicro()
		hours.to = floorHour(all.to)
	}
	if hours.empty() {
		hours, edges = span{}, []span{all}
	} else {
		edges = []span{{all.from, hours.from}, {hours.to, all.to}}
	}
	return hours, slices.DeleteFunc(edges, span.empty)
}

// sum adds up in one statement, so that no row that is written meanwhile is counted in one
// part of it and not in the other.
func (s *store) sum(ctx context.Context, q *Query) ([]Row, error) {
	for _, by := range q.By {
		if !slices.Contains(names, by) {
			return nil, fmt.Errorf("usage cannot be told apart by %q; it can by %s", by, strings.Join(names, ", "))
		}
	}
	f := &fold{query: q, sums: map[string]*folded{}}
	if len(q.By) == 0 {
		f.add(nil, 0, &sum{}) // a total is there even of nothing
	}
	text, args := q.statement()
	if text == "" {
		return f.rows(), nil
	}
	found, err := s.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, s.fault(err)
	}
	defer closeRows(found)
	for found.Next() {
		if err := f.scan(found); err != nil {
			return nil, s.fault(err)
		}
	}
	return f.rows(), s.fault(found.Err())
}

// grouped are the columns that the statement tells apart, days aside.
func (q *Query) grouped() []string {
	return slices.DeleteFunc(slices.Clone(q.By), func(by string) bool { return by == byDay || by == byMonth })
}

// daily tells whether the statement tells days apart. Months are made of them afterwards:
// SQLite and PostgreSQL have no function for them in common.
func (q *Query) daily() bool { return slices.Contains(q.By, byDay) || slices.Contains(q.By, byMonth) }

// statement selects the columns, the day or 0, and the measures: of whole hours from
// hourly, of the edges from requests.
func (q *Query) statement() (text string, args []any) {
	hours, edges := q.spans()
	var parts []string
	if !hours.empty() {
		parts = append(parts, q.part("hourly", "hour", hours, &args))
	}
	for _, e := range edges {
		parts = append(parts, q.part("requests", "time", e, &args))
	}
	return strings.Join(parts, " UNION ALL "), args
}

func (q *Query) part(table, clock string, s span, args *[]any) string {
	selected := q.grouped()
	if q.daily() {
		selected = append(selected, clock+" / "+strconv.FormatInt(day, 10))
	}
	groups := len(selected)
	if !q.daily() {
		selected = append(selected, "0")
	}
	for _, m := range measures {
		column := m.name
		if table == "requests" {
			column = m.single
		}
		selected = append(selected, "CAST(COALESCE(sum("+column+"), 0) AS bigint)")
	}
	text := "SELECT " + strings.Join(selected, ", ") + " FROM " + table + " WHERE " + q.where(clock, s, args)
	if groups > 0 {
		text += " GROUP BY " + strings.Join(selected[:groups], ", ")
	}
	return text
}

func (q *Query) where(clock string, s span, args *[]any) string {
	arg := func(v any) string {
		*args = append(*args, v)
		return "$" + strconv.Itoa(len(*args))
	}
	terms := []string{clock + " >= " + arg(s.from), clock + " < " + arg(s.to)}
	for _, c := range []struct{ column, value string }{{"team", q.Team}, {"key", q.Key}, {"location", q.Location}} {
		if c.value != "" {
			terms = append(terms, c.column+" = "+arg(c.value))
		}
	}
	if q.Model != "" {
		terms = append(terms, "(model = "+arg(q.Model)+" OR served = "+arg(q.Model)+")")
	}
	return strings.Join(terms, " AND ")
}

// A fold adds up what the parts of a statement found.
type fold struct {
	query *Query
	sums  map[string]*folded
}

type folded struct {
	by  []string
	sum sum
}

func (f *fold) scan(found *sql.Rows) error {
	values := make([]string, len(f.query.grouped()))
	var days int64
	var m sum
	var into []any
	for i := range values {
		into = append(into, &values[i])
	}
	into = append(into, &days)
	for i := range m {
		into = append(into, &m[i])
	}
	if err := found.Scan(into...); err != nil {
		return err
	}
	f.add(values, days, &m)
	return nil
}

// add takes the values of the grouped columns, in order.
func (f *fold) add(values []string, days int64, m *sum) {
	at := time.UnixMicro(days * day).UTC()
	by := make([]string, 0, len(f.query.By))
	for _, name := range f.query.By {
		switch name {
		case byDay:
			by = append(by, at.Format(time.DateOnly))
		case byMonth:
			by = append(by, at.Format("2006-01"))
		default:
			by, values = append(by, values[0]), values[1:]
		}
	}
	key := strings.Join(by, "\x00")
	if f.sums[key] == nil {
		f.sums[key] = &folded{by: by}
	}
	f.sums[key].sum.add(m)
}

// rows are the sums, in the order of what tells them apart.
func (f *fold) rows() []Row {
	rows := make([]Row, 0, len(f.sums))
	for _, s := range f.sums {
		rows = append(rows, s.sum.row(s.by))
	}
	slices.SortFunc(rows, func(a, b Row) int { return slices.Compare(a.By, b.By) })
	return rows
}

func (s *sum) row(by []string) Row {
	return Row{
		By: by, Requests: s[0], Failed: s[1],
		Tokens: openai.Usage{
			Input: s[2], Output: s[3], CacheRead: s[4], CacheWrite5m: s[5], CacheWrite1h: s[6],
			Reasoning: s[7], WebSearches: s[8], Pages: s[9],
		},
		Cost: usage.Micros(s[10]), Saved: usage.Micros(s[11]), Unpriced: s[12], Estimated: s[13],
	}
}
