package catalogue

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// What the fields hold that have no type of their own.
var (
	statuses  = []string{"active", "deprecated", "retired", "unknown"}
	defaults  = []string{"off", "on", "always"}
	displays  = []string{"", "summarized", "omitted"}
	thinkings = []string{"adaptive", "enabled", "disabled", "between_tools"}
	efforts   = []string{"low", "medium", "high", "xhigh", "max"} // rising
	samplings = []Sampling{SamplingFree, SamplingEither, SamplingNone}
	whens     = []When{Never, Always, Unthinking, Unbudgeted}
)

// checkFamilies reports the first mistake in them.
func checkFamilies(families []Family) error {
	for i, f := range families {
		switch {
		case f.Prefix == "":
			return fmt.Errorf("families[%d].prefix: missing", i)
		case f.Publisher == "":
			return fmt.Errorf("families[%d].publisher: missing", i)
		case slices.ContainsFunc(families[:i], func(o Family) bool { return o.Prefix == f.Prefix }):
			return fmt.Errorf("families[%d].prefix %q: given twice", i, f.Prefix)
		}
	}
	return nil
}

// check reports all mistakes in m, each with the field.
func (m *Model) check() error {
	return errors.Join(
		segment("id", m.ID),
		segment("publisher", m.Publisher),
		oneOf("api", m.API, slices.Sorted(maps.Keys(apis))),
		names("paths", m.Paths),
		eachOf("paths", m.Paths, apis[m.API]),
		names("names", m.Names),
		names("locations", m.Locations),
		names("provisioned", m.Provisioned),
		natural("window", m.Window),
		natural("max_output", m.MaxOutput),
		date("released", m.Released),
		date("retires", m.Retires),
		oneOf("status", m.Status, statuses),
		m.Accepts.check(),
		m.Prices.check("prices."),
	)
}

func (a *Accepts) check() error {
	levels := append([]string{""}, a.Effort...)
	return errors.Join(
		oneOf("accepts.sampling", a.Sampling, samplings),
		eachOf("accepts.thinking", a.Thinking, thinkings),
		oneOf("accepts.thinking_default", a.ThinkingDefault, defaults),
		oneOf("accepts.thinking_display", a.ThinkingDisplay, displays),
		eachOf("accepts.effort", a.Effort, efforts),
		rising("accepts.effort", a.Effort),
		oneOf("accepts.effort_default", a.EffortDefault, levels),
		oneOf("accepts.effort_unthinking", a.EffortUnthinking, levels),
		oneOf("accepts.forced_tools", a.ForcedTools, whens),
		oneOf("accepts.prefill", a.Prefill, whens),
		natural("accepts.cache_min_tokens", a.CacheMinTokens),
		natural("accepts.images", a.Images),
	)
}

// Check reports all prices that are none: negative, infinite or no numbers. A nil
// receiver has no mistakes.
func (p *Prices) Check() error { return p.check("") }

func (p *Prices) check(prefix string) error {
	if p == nil {
		return nil
	}
	return errors.Join(
		price(prefix+"input", p.Input),
		price(prefix+"output", p.Output),
		price(prefix+"cache_write_5m", p.CacheWrite5m),
		price(prefix+"cache_write_1h", p.CacheWrite1h),
		price(prefix+"cache_read", p.CacheRead),
		price(prefix+"regional", p.Regional),
		price(prefix+"web_searches", p.WebSearches),
		price(prefix+"pages", p.Pages),
		p.Long.check(prefix+"long."),
	)
}

func (p *LongPrices) check(prefix string) error {
	if p == nil {
		return nil
	}
	return errors.Join(
		natural(prefix+"above", p.Above),
		price(prefix+"input", p.Input),
		price(prefix+"output", p.Output),
		price(prefix+"cache_write_5m", p.CacheWrite5m),
		price(prefix+"cache_write_1h", p.CacheWrite1h),
		price(prefix+"cache_read", p.CacheRead),
	)
}

// segment checks what becomes one segment of a URL path.
func segment(field, value string) error {
	if value == "" {
		return fmt.Errorf("%s: missing", field)
	}
	if !safe(value) {
		return fmt.Errorf("%s %q: only letters, digits and . _ @ - may be in it", field, value)
	}
	return nil
}

// names checks a list of distinct names.
func names(field string, list []string) error {
	for i, name := range list {
		if err := segment(fmt.Sprintf("%s[%d]", field, i), name); err != nil {
			return err
		}
		if slices.Contains(list[:i], name) {
			return fmt.Errorf("%s[%d] %q: given twice", field, i, name)
		}
	}
	return nil
}

func natural(field string, n int) error {
	if n < 0 {
		return fmt.Errorf("%s %d: negative", field, n)
	}
	return nil
}

// price also refuses what is not a number, which YAML can write.
func price(field string, p float64) error {
	if p < 0 || math.IsNaN(p) || math.IsInf(p, 0) {
		return fmt.Errorf("%s %v: not a price", field, p)
	}
	return nil
}

func date(field, value string) error {
	if value == "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, value); err != nil {
		return fmt.Errorf("%s %q: not a date like 2006-01-02", field, value)
	}
	return nil
}

func oneOf[T ~string](field string, value T, allowed []T) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("%s %q: none of %s", field, value, list(allowed))
	}
	return nil
}

func eachOf(field string, values, allowed []string) error {
	for i, v := range values {
		if err := oneOf(fmt.Sprintf("%s[%d]", field, i), v, allowed); err != nil {
			return err
		}
	}
	return nil
}

// rising reports levels out of order, as [Model.ClampEffort] relies on it.
func rising(field string, levels []string) error {
	for i := 1; i < len(levels); i++ {
		if slices.Index(efforts, levels[i-1]) >= slices.Index(efforts, levels[i]) {
			return fmt.Errorf("%s: %q after %q", field, levels[i], levels[i-1])
		}
	}
	return nil
}

// list is the allowed values as an error shows them.
func list[T ~string](values []T) string {
	var b strings.Builder
	for _, v := range values {
		if v == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}
