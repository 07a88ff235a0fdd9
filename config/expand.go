package config

import (
	"fmt"
	"strings"
)

// expand replaces each ${NAME} in s; $${ is a literal ${. What a variable holds is not
// expanded again.
func expand(s string, lookupenv func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		if strings.HasSuffix(before, "$") {
			b.WriteByte('{')
			s = after
			continue
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed || !isVariable(name) {
			return "", fmt.Errorf("%q: want ${NAME}; a literal ${ is written $${", "${"+after)
		}
		value, ok := lookupenv(name)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		b.WriteString(value)
		s = rest
	}
}

func isVariable(name string) bool {
	return consists(name, letter+digit+"_") && strings.Trim(name[:1], digit) != ""
}

// escape is the inverse of expand for values without variables.
func escape(s string) string {
	return strings.ReplaceAll(s, "${", "$${")
}
