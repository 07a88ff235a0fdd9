package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration written as in Go, 1m30s, or with days before, 400d, each of
// 24 hours; never negative in a loaded file.
type Duration time.Duration

const day = 24 * time.Hour

// UnmarshalText reads a duration with its unit; only 0 needs none.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := parseDuration(string(text))
	if err != nil {
		return fmt.Errorf("want a duration with its unit, as in 30s or 2m, got %q", text)
	}
	if v < 0 {
		return fmt.Errorf("want a duration that is not negative, got %q", text)
	}
	*d = Duration(v)
	return nil
}

// parseDuration reads whole days and what may follow them.
func parseDuration(s string) (time.Duration, error) {
	number, rest, found := strings.Cut(s, "d")
	if !found || !consists(number, digit) {
		return time.ParseDuration(s)
	}
	days, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return 0, err
	}
	return time.ParseDuration(strconv.FormatInt(24*days, 10) + "h" + rest)
}

// MarshalText writes the duration as String does.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(d.String()), nil
}

// String is the duration without trailing zero units, and in days where it is some: 2m,
// not 2m0s, and 1d, not 24h.
func (d Duration) String() string {
	if d != 0 && d%Duration(day) == 0 {
		return strconv.FormatInt(int64(d/Duration(day)), 10) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
