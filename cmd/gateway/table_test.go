package main

import (
	"bytes"
	"testing"
)

func TestTable(t *testing.T) {
	table := newTable("A", "LONGER", "C")
	table.add("é", "x", "")
	table.note("a note that is longer than all\nof two lines")
	table.add("模型 e\u0301", "x", "\u202e.")
	table.add("wide cell", "y\x1b[31m\n", "z")
	var got bytes.Buffer
	if err := table.write(&got); err != nil {
		t.Fatal(err)
	}
	const want = `A          LONGER   C
é          x
  a note that is longer than all
  of two lines
模型 é     x        .
wide cell  y [31m   z
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", &got, want)
	}
}
