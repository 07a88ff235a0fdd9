package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes written as 5MiB; never negative in a loaded file.
type Size int64

// units of a Size; KiB, MiB and GiB are powers of 1024.
var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}}

// UnmarshalText reads a whole number with its unit; without one it counts bytes.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	for _, u := range units {
		if before, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = before, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !consists(number, digit) || n > math.MaxInt64/unit {
		return fmt.Errorf("want a size, as in 5MiB, 500KB or 1048576, got %q", text)
	}
	*s = Size(n * unit)
	return nil
}

// MarshalText writes the size as String does.
func (s Size) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}

// String is the size in the unit that makes it shortest, without a fraction.
func (s Size) String() string {
	shortest := strconv.FormatInt(int64(s), 10)
	for _, u := range units {
		in := strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		if int64(s)%u.bytes == 0 && len(in) <= len(shortest) {
			shortest = in
		}
	}
	return shortest
}
