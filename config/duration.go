package config

import (
	"fmt"
	"strings"
	"time"
)

// Duration is a time.Duration written as in Go, 1m30s; never negative in a loaded file.
type Duration time.Duration

// UnmarshalText reads a duration with its unit; only 0 needs none.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("want a duration with its unit, as in 30s or 2m, got %q", text)
	}
	if v < 0 {
		return fmt.Errorf("want a duration that is not negative, got %q", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the duration without trailing zero units.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(d.String()), nil
}

// String is the duration without trailing zero units: 2m, not 2m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
