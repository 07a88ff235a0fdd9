package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Budgets are counted in whole millionths, which numbers of 64 bits and Redis's scripts
// hold exactly in these bounds.
const (
	leastUSD = 0.000001
	mostUSD  = 1e9
)

func (v *validator) limits(path string, l Limits) {
	v.count(path+".requests_per_minute", l.RequestsPerMinute)
	v.count(path+".tokens_per_minute", l.TokensPerMinute)
	v.count(path+".concurrency", l.Concurrency)
	v.dollars(path+".usd_per_day", l.USDPerDay)
	v.dollars(path+".usd_per_month", l.USDPerMonth)
	if l.USDPerMonth > 0 && l.USDPerDay > l.USDPerMonth {
		v.fail(path+".usd_per_day", "%s: above usd_per_month, %s", plain(l.USDPerDay), plain(l.USDPerMonth))
	}
}

// unlimited is how no limit is written. A 0 that somebody wrote may mean the opposite.
const unlimited = "leave it out for no limit"

func (v *validator) count(path string, n int) {
	if n < 0 || n == 0 && v.c.given(path) {
		v.fail(path, "%d: want 1 or more; "+unlimited, n)
	}
}

func (v *validator) dollars(path string, usd float64) {
	switch {
	case usd == 0 && !v.c.given(path):
	case usd < leastUSD:
		v.fail(path, "%s: want %s or more; "+unlimited, plain(usd), plain(leastUSD))
	case usd > mostUSD:
		v.fail(path, "%s: want at most %s; "+unlimited, plain(usd), plain(mostUSD))
	}
}

// plain is a number without exponent.
func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// given reports whether the file says something at path.
func (c *Config) given(path string) bool {
	p, ok := c.source.places[path]
	return ok && !p.null
}

func (v *validator) modelLimits(path string, all []ModelLimits) {
	for i, m := range all {
		at := fmt.Sprintf("%s[%d]", path, i)
		if len(m.Models) == 0 {
			v.fail(at+".models", "missing; limits of all models are the team's limits")
		}
		if slices.ContainsFunc(all[:i], func(other ModelLimits) bool { return slices.Equal(other.Models, m.Models) }) {
			v.fail(at+".models", "%q: limited before", m.Models)
		}
		v.patterns(at+".models", m.Models)
		before := len(v.problems)
		v.limits(at+".limits", m.Limits)
		if m.Limits == (Limits{}) && len(v.problems) == before {
			v.fail(at+".limits", "no limit in it")
		}
	}
}

func (v *validator) counting() {
	l := v.c.Limits
	v.redis("limits.redis", l.Redis)
	v.oneOf("limits.fail", l.Fail, "local", "open", "closed")
	v.oneOf("limits.unknown_price", l.UnknownPrice, "deny", "allow")
}

// redis quotes nothing: there may be a password in it.
func (v *validator) redis(path, s string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "":
		v.fail(path, "want redis://HOST or rediss://HOST, as in rediss://USER:PASSWORD@HOST:6379/0")
	case u.Port() == "" && strings.Contains(u.Hostname(), ":"):
		v.fail(path, "want a port behind an IPv6 address, as in redis://[::1]:6379")
	case u.RawQuery != "" || u.Fragment != "" || !isDatabase(strings.Trim(u.Path, "/")):
		v.fail(path, "want nothing but the number of a database after the host, as in /0")
	}
}

func isDatabase(number string) bool {
	_, err := strconv.ParseUint(number, 10, 16)
	return number == "" || err == nil
}
