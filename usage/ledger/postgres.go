package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// openPostgres connects to nothing yet.
func openPostgres(address string) (*store, error) {
	c, err := pgx.ParseConfig(address)
	if err != nil {
		// What pgx says may hold the password, or half of it.
		return nil, errors.New("usage.store: PostgreSQL's URL is malformed; it is postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, " +
			"with / : @ ? # % in the password written as %2F %3A %40 %3F %23 %25")
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = patience
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "gateway"
	}
	batches := c.Copy()
	batches.RuntimeParams["statement_timeout"] = millis(patience)
	// What a broken connection left open would hold locks that others wait for.
	batches.RuntimeParams["idle_in_transaction_session_timeout"] = millis(2 * patience)
	s := &store{
		name:   fmt.Sprintf("postgres://%s:%d/%s", c.Host, c.Port, c.Database),
		engine: postgresEngine(address, c),
		write:  stdlib.OpenDB(*batches), read: stdlib.OpenDB(*c), schema: stdlib.OpenDB(*c), rollup: true,
	}
	if schema := c.RuntimeParams["search_path"]; schema != "" {
		s.name += "?search_path=" + schema
	}
	s.write.SetMaxOpenConns(4)
	s.read.SetMaxOpenConns(4)
	for _, db := range []*sql.DB{s.write, s.read, s.schema} {
		db.SetConnMaxIdleTime(time.Minute) // before a firewall in between forgets them
	}
	return s, nil
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func postgresEngine(address string, c *pgx.ConnConfig) engine {
	return engine{
		dialect: goose.DialectPostgres,
		longest: maxBatch, // of 65535 parameters
		secrets: secretsOf(address, c.Password),
		again:   func(err error) bool { return sqlState(err, "40001", "40P01") },
		raced:   func(error) bool { return false }, // there is a lock
		// Names and passwords that are wrong do not mend themselves.
		passing: func(err error) bool { return !sqlState(err, "28", "3D", "3F", "42") },
		absent:  func(err error) bool { return sqlState(err, "42P01") },
		hint:    "check address, user and password, and that the database and the right to create tables in it exist",
	}
}

// secretsOf are the password, and how the URL spells it.
func secretsOf(address, password string) []string {
	secrets := []string{password, url.QueryEscape(password), url.PathEscape(password)}
	_, rest, _ := strings.Cut(address, "://")
	if user, _, ok := strings.Cut(rest, "@"); ok {
		_, spelt, _ := strings.Cut(user, ":")
		secrets = append(secrets, spelt)
	}
	return slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
}

// sqlState tells whether PostgreSQL refused with one of these codes, or classes of codes
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func sqlState(err error, codes ...string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && slices.ContainsFunc(codes, func(c string) bool { return strings.HasPrefix(e.Code, c) })
}
