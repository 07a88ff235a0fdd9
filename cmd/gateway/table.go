package main

import (
	"io"
	"strings"
	"unicode"
)

// A table is printed in columns as wide as their widest cell; notes stand below the rows
// they belong to and take no part in that.
type table struct {
	rows [][]string
	// numbers is the first column that is aligned to the right, as all behind it are; 0: none is.
	numbers int
	// notes :: index of a row -> the lines below it
	notes map[int][]string
}

// newTable makes a table with a heading.
func newTable(heading ...string) *table {
	return &table{rows: [][]string{heading}, notes: map[int][]string{}}
}

func (t *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = legible(cell)
	}
	t.rows = append(t.rows, row)
}

// legible has no character that would break a line or do things to a terminal: names and
// errors are written by others.
func legible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r): // turns the direction of writing, or is not seen
			return -1
		}
		return r
	}, text)
}

// breadth is how many columns of a terminal a text takes.
func breadth(text string) int {
	columns := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana), r >= 0xFF01 && r <= 0xFF60, r >= 0x1F300 && r <= 0x1FAFF:
			columns += 2
		default:
			columns++
		}
	}
	return columns
}

// note puts lines below the last row.
func (t *table) note(text string) {
	last := len(t.rows) - 1
	for line := range strings.SplitSeq(text, "\n") {
		t.notes[last] = append(t.notes[last], legible(line))
	}
}

// write prints the table.
func (t *table) write(w io.Writer) error {
	widths := t.widths()
	var b strings.Builder
	for i, row := range t.rows {
		cells := make([]string, len(row))
		for column, cell := range row {
			cells[column] = t.align(column, cell, strings.Repeat(" ", widths[column]-breadth(cell)))
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
		for _, note := range t.notes[i] {
			b.WriteString("  " + note + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *table) align(column int, cell, blanks string) string {
	if t.numbers > 0 && column >= t.numbers {
		return blanks + cell
	}
	return cell + blanks
}

// widths of the columns.
func (t *table) widths() []int {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for column, cell := range row {
			widths[column] = max(widths[column], breadth(cell))
		}
	}
	return widths
}
