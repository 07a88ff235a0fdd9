package fakevertex

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// matching is sample, or else a text that the pattern describes, of low to high
// characters where that can be.
func matching(pattern, sample string, low, high int) string {
	expr, err := regexp.Compile(pattern)
	if err != nil {
		return sample
	}
	fits := func(text string) bool {
		n := utf8.RuneCountInString(text)
		return low <= n && n <= high && expr.MatchString(text)
	}
	if fits(sample) {
		return sample
	}
	tree, _ := syntax.Parse(pattern, syntax.Perl) // it was compiled above
	for times := range 32 {
		if text := spell(tree, times); fits(text) {
			return text
		}
	}
	return sample
}

// spell is a text of the expression, with what may repeat repeated so many times, but
// within that once: nested repetitions would multiply.
func spell(e *syntax.Regexp, times int) string {
	inner := min(times, 1)
	switch e.Op {
	case syntax.OpLiteral:
		return string(e.Rune)
	case syntax.OpCharClass:
		return string(letter(e.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpStar:
		return strings.Repeat(spell(e.Sub[0], inner), times)
	case syntax.OpQuest:
		return strings.Repeat(spell(e.Sub[0], inner), min(times, 1))
	case syntax.OpPlus:
		return strings.Repeat(spell(e.Sub[0], inner), max(times, 1))
	case syntax.OpRepeat:
		n := max(times, e.Min)
		if e.Max >= 0 {
			n = min(n, e.Max)
		}
		return strings.Repeat(spell(e.Sub[0], inner), n)
	case syntax.OpConcat:
		var all strings.Builder
		for _, part := range e.Sub {
			all.WriteString(spell(part, times))
		}
		return all.String()
	case syntax.OpAlternate, syntax.OpCapture:
		return spell(e.Sub[0], times)
	default:
		return "" // anchors, and what matches nothing
	}
}

// letter is one of the characters between pairs of bounds, a plain one if there is any.
func letter(bounds []rune) rune {
	within := func(r rune) bool {
		for i := 0; i+1 < len(bounds); i += 2 {
			if bounds[i] <= r && r <= bounds[i+1] {
				return true
			}
		}
		return false
	}
	for _, r := range "a1A_- " {
		if within(r) {
			return r
		}
	}
	for _, r := range bounds {
		if unicode.IsPrint(r) {
			return r
		}
	}
	return 'a'
}
