package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// A table is printed in columns as wide as their widest cell; notes stand below the rows
// they belong to and take no part in that.
type table struct {
	rows [][]string
	// notes :: index of a row -> the lines below it
	notes map[int][]string
}

// newTable makes a table with a heading.
func newTable(heading ...string) *table {
	return &table{rows: [][]string{heading}, notes: map[int][]string{}}
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// note puts lines below the last row.
func (t *table) note(text string) {
	last := len(t.rows) - 1
	t.notes[last] = append(t.notes[last], strings.Split(text, "\n")...)
}

// write prints the table.
func (t *table) write(w io.Writer) error {
	widths := t.widths()
	var b strings.Builder
	for i, row := range t.rows {
		cells := make([]string, len(row))
		for column, cell := range row {
			cells[column] = cell + strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
		for _, note := range t.notes[i] {
			b.WriteString("  " + note + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// widths of the columns in characters.
func (t *table) widths() []int {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for column, cell := range row {
			widths[column] = max(widths[column], utf8.RuneCountInString(cell))
		}
	}
	return widths
}
