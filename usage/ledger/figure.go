package ledger

import (
	"strconv"

	"vertexgateway/usage"
)

// A Figure is one of the numbers of a Row, as reports show it.
type Figure struct {
	// Name in JSON and CSV.
	Name string
	of   func(*Row) int64
	// money is in Micros, and shown in dollars.
	money bool
}

// Figures are all numbers of a Row, in the order of reports.
var Figures = []Figure{
	{"requests", func(r *Row) int64 { return r.Requests }, false},
	{"failed_requests", func(r *Row) int64 { return r.Failed }, false},
	{"input_tokens", func(r *Row) int64 { return r.Tokens.Input }, false},
	{"output_tokens", func(r *Row) int64 { return r.Tokens.Output }, false},
	{"reasoning_tokens", func(r *Row) int64 { return r.Tokens.Reasoning }, false},
	{"cache_read_tokens", func(r *Row) int64 { return r.Tokens.CacheRead }, false},
	{"cache_write_5m_tokens", func(r *Row) int64 { return r.Tokens.CacheWrite5m }, false},
	{"cache_write_1h_tokens", func(r *Row) int64 { return r.Tokens.CacheWrite1h }, false},
	{"cache_write_tokens", func(r *Row) int64 { return r.Tokens.CacheWrite() }, false},
	{"web_searches", func(r *Row) int64 { return r.Tokens.WebSearches }, false},
	{"pages", func(r *Row) int64 { return r.Tokens.Pages }, false},
	{"cost_usd", func(r *Row) int64 { return int64(r.Cost) }, true},
	{"cache_saved_usd", func(r *Row) int64 { return int64(r.Saved) }, true},
	{"unpriced_requests", func(r *Row) int64 { return r.Unpriced }, false},
	{"estimated_requests", func(r *Row) int64 { return r.Estimated }, false},
}

// Text is the figure of a row, money in dollars to the millionth; empty for a cost of which
// nothing is known.
func (f *Figure) Text(r *Row) string {
	switch n := f.of(r); {
	case f.Name == "cost_usd" && n == 0 && r.Unpriced > 0:
		return ""
	case f.money:
		return usage.Micros(n).String()
	default:
		return strconv.FormatInt(n, 10)
	}
}

// AppendJSON appends the figures of the row as members of a JSON object; what is not known
// is null.
func (r *Row) AppendJSON(dst []byte) []byte {
	for i := range Figures {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, Figures[i].Name...)
		dst = append(dst, `":`...)
		text := Figures[i].Text(r)
		if text == "" {
			text = "null"
		}
		dst = append(dst, text...)
	}
	return dst
}
