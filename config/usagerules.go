package config

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"
)

func (v *validator) usage() {
	u := v.c.Usage
	v.store("usage.store", u)
	v.oneOf("usage.on_disconnect", u.OnDisconnect, "cancel", "drain")
	v.retention("usage.retention", u)
}

// store quotes nothing: there may be a password in it.
func (v *validator) store(path string, u Usage) {
	kind, rest, _ := strings.Cut(u.Store, ":")
	switch {
	case u.Store == "none":
	case kind == "sqlite":
		v.sqlite(path, rest, u.Journal)
	case kind == "postgres" || kind == "postgresql":
		v.postgres(path, u.Store)
	default:
		v.fail(path, "want sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or none")
	}
}

func (v *validator) sqlite(path, file, journal string) {
	switch {
	case strings.TrimSpace(file) == "":
		v.fail(path, "want a path, as in sqlite:usage.db")
	case file == journal:
		v.fail("usage.journal", "%q: the file of store; each needs its own", journal)
	}
}

// postgres takes a directory of sockets in the query for a host, as PostgreSQL does.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
func (v *validator) postgres(path, s string) {
	u, err := url.Parse(s)
	if err != nil || cmp.Or(u.Host, u.Query().Get("host")) == "" {
		v.fail(path, "want a URL with a host, as in postgres://USER:PASSWORD@HOST/DATABASE")
	}
}

// retention wants what budgets count from to be kept as long as they last.
func (v *validator) retention(path string, u Usage) {
	kept := time.Duration(u.Retention)
	if kept > 0 && kept < time.Hour {
		v.fail(path, "%s: want 1h or more; 0 keeps rows for ever", u.Retention)
		return
	}
	if kept == 0 || u.Store == "none" {
		return
	}
	for i, t := range v.c.Teams {
		team := fmt.Sprintf("teams[%d]", i)
		v.outlasts(path, team+".limits", t.Limits)
		for j, k := range t.Keys {
			v.outlasts(path, fmt.Sprintf("%s.keys[%d].limits", team, j), k.Limits)
		}
		for j, m := range t.ModelLimits {
			v.outlasts(path, fmt.Sprintf("%s.model_limits[%d].limits", team, j), m.Limits)
		}
	}
}

func (v *validator) outlasts(path, limits string, l Limits) {
	kept := v.c.Usage.Retention
	switch {
	case l.USDPerMonth > 0 && kept < Duration(31*day):
		v.fail(path, "%s: %s.usd_per_month is counted from the rows of a month; want 31d or more", kept, limits)
	case l.USDPerDay > 0 && kept < Duration(day):
		v.fail(path, "%s: %s.usd_per_day is counted from the rows of a day; want 1d or more", kept, limits)
	}
}
