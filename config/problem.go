package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Problem is one mistake in the configuration. Load and Validate join as many as they
// find; errors.AsType finds the first.
type Problem struct {
	// File is the path of the file the mistake is in; empty: it is in none, but in a flag,
	// a variable or a default.
	File string
	// Line and Column count from 1; 0 without a file.
	Line, Column int
	// Message names the setting and its value, and says what would be right.
	Message string

	excerpt string
}

// Error is file:line:column: message, and below it the line with a caret under the
// offending value.
func (p *Problem) Error() string {
	if p.File == "" {
		return p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s\n%s", p.File, p.Line, p.Column, p.Message, p.excerpt)
}

// place is where a value stands in its file; both count from 1. A null says nothing there.
type place struct {
	line, column int
	null         bool
}

// text is a file by lines, to quote from.
type text struct {
	file  string
	lines []string
}

func newText(file, content string) text {
	return text{file, strings.Split(strings.TrimPrefix(content, "\ufeff"), "\n")}
}

// problem quotes the line at p.
func (t text) problem(p place, message string) *Problem {
	p = t.skipTabs(p)
	return &Problem{t.file, p.line, p.column, message, t.quote(p, mask(t.line(p.line)))}
}

// unknown quotes nothing but the key at p: what is under it may be a secret.
func (t text) unknown(p place, key, message string) *Problem {
	p = t.skipTabs(p)
	return &Problem{t.file, p.line, p.column, message, t.quote(p, t.indent(p)+key+"…")}
}

func (t text) quote(p place, line string) string {
	number := fmt.Sprintf("%4d", p.line)
	return fmt.Sprintf("%s | %s\n%*s | %s^", number, line, len(number), "", t.indent(p))
}

// skipTabs corrects the parser, which places a key that follows a tab at the tab.
func (t text) skipTabs(p place) place {
	for line := []rune(t.line(p.line)); p.column <= len(line) && line[p.column-1] == '\t'; {
		p.column++
	}
	return p
}

func (t text) line(n int) string {
	if n < 1 || n > len(t.lines) {
		return ""
	}
	return strings.TrimRight(t.lines[n-1], "\r")
}

// indent is as wide as what stands before p; tabs stay tabs so that the caret lines up
// however wide they are shown.
func (t text) indent(p place) string {
	blank := func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}
	line := []rune(t.line(p.line))
	before := min(p.column-1, len(line))
	return strings.Map(blank, string(line[:before])) + strings.Repeat(" ", p.column-1-before)
}

// secrets are the keys whose values are not quoted. Besides our own that may hold one
// they are what people write where only the hash of a key belongs.
var secrets = []string{"sha256", "url", "store", "redis", "key", "secret", "token", "password"}

// mask covers the values of secrets in a line, keeping its width.
func mask(line string) string {
	line = maskUser(line)
	for _, key := range secrets {
		for from := 0; ; {
			i := strings.Index(line[from:], key)
			if i < 0 {
				break
			}
			from += i + len(key)
			if !strings.HasSuffix(line[:from], "thinking_store") {
				line = line[:from] + maskValue(line[from:], strings.ContainsAny(line[:from], "{["))
			}
		}
	}
	return line
}

// maskUser covers user and password of an address.
func maskUser(s string) string {
	before, rest, _ := strings.Cut(s, "://")
	end := strings.LastIndex(rest, "@")
	if end < 0 {
		return s
	}
	return before + "://" + strings.Repeat("*", utf8.RuneCountInString(rest[:end])) + rest[end:]
}

// maskValue covers the value that rest begins with, where rest is what follows a key,
// in brackets or not.
func maskValue(rest string, bracketed bool) string {
	value := strings.TrimLeft(strings.TrimLeft(rest, `"' `), ": ")
	start := len(rest) - len(value)
	if !strings.Contains(rest[:start], ":") {
		return rest
	}
	end := extent(value, bracketed)
	return rest[:start] + strings.Repeat("*", utf8.RuneCountInString(value[:end])) + value[end:]
}

// extent is the length of the value that s begins with. Quoted, or outside of brackets, it
// may hold what else ends it.
func extent(s string, bracketed bool) int {
	ends := " \t"
	if bracketed {
		ends += ",}]"
	}
	if quote := strings.IndexAny(s, `"'`); quote == 0 {
		if closing := strings.IndexByte(s[1:], s[0]); closing >= 0 {
			return 1 + closing + 1
		}
	}
	if end := strings.IndexAny(s, ends); end >= 0 {
		return end
	}
	return len(s)
}
