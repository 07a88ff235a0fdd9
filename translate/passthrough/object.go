package passthrough

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate"
)

// An Object is a JSON object cut into its members, as they stand: nothing in them is
// decoded. The zero value is an empty one; an Object may be parsed into again, which
// spares allocations. It is for one goroutine.
type Object struct {
	data        []byte
	open, close int // of the braces
	members     []member
	dec         jsontext.Decoder
	src         bytes.Buffer
}

// A member begins with its name's quote and ends with its value.
type member struct {
	name              []byte // without quotes and escapes
	start, value, end int
}

var (
	errNoObject = errors.New("not a JSON object")
	errMore     = errors.New("more than one JSON value")
)

// Parse cuts data, which must not change while the object is used. Its syntax is checked;
// names that come twice and bytes that are not UTF-8 are let through.
func (o *Object) Parse(data []byte) error {
	o.data, o.members = data, o.members[:0]
	o.src = *bytes.NewBuffer(data)
	o.dec.Reset(&o.src, translate.Lenient)
	if o.dec.PeekKind() != '{' {
		return errNoObject
	}
	if _, err := o.dec.ReadToken(); err != nil {
		return err
	}
	o.open = int(o.dec.InputOffset()) - 1
	for o.dec.PeekKind() == '"' {
		if err := o.readMember(); err != nil {
			return err
		}
	}
	return o.readEnd()
}

func (o *Object) readMember() error {
	name, err := o.dec.ReadValue()
	if err != nil {
		return err
	}
	m := member{name: name[1 : len(name)-1], start: int(o.dec.InputOffset()) - len(name)}
	if bytes.IndexByte(name, '\\') >= 0 {
		m.name, _ = jsontext.AppendUnquote(nil, name) // the error only reports replaced bytes
	}
	value, err := o.dec.ReadValue()
	m.end = int(o.dec.InputOffset())
	m.value = m.end - len(value)
	o.members = append(o.members, m)
	return err
}

func (o *Object) readEnd() error {
	if _, err := o.dec.ReadToken(); err != nil {
		return err
	}
	o.close = int(o.dec.InputOffset()) - 1
	if _, err := o.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errMore
	}
	return nil
}

// All ranges over the members, in their order.
func (o *Object) All() iter.Seq2[string, jsontext.Value] {
	return func(yield func(string, jsontext.Value) bool) {
		for _, m := range o.members {
			if !yield(string(m.name), o.data[m.value:m.end]) {
				return
			}
		}
	}
}

// Value is the value of a member, a part of the data; nil: there is none. Of members of
// one name it is the last, as most decoders have it.
func (o *Object) Value(name string) jsontext.Value {
	for _, m := range slices.Backward(o.members) {
		if string(m.name) == name {
			return o.data[m.value:m.end]
		}
	}
	return nil
}

// An Edit is what becomes of the members of one name.
type Edit struct {
	Name string
	// Value is JSON that takes the place of theirs; where there are none a member is added
	// at the end. Nil: they are left out.
	Value jsontext.Value
}

// Append appends the object with its edits. What no edit names stays byte for byte.
func (o *Object) Append(dst []byte, edits []Edit) []byte {
	dst = append(dst, '{')
	kept, from := false, o.open+1
	for _, m := range o.members {
		lead := o.data[from:m.start] // with the comma, if any
		from = m.end
		edit, named := find(edits, m.name)
		if named && edit.Value == nil {
			continue
		}
		if !kept {
			lead = lead[bytes.IndexByte(lead, ',')+1:]
		}
		kept = true
		dst = append(append(dst, lead...), o.data[m.start:m.value]...)
		if named {
			dst = append(dst, edit.Value...)
			continue
		}
		dst = append(dst, o.data[m.value:m.end]...)
	}
	dst = o.appendNew(dst, kept, edits)
	return append(dst, o.data[from:o.close+1]...)
}

func (o *Object) appendNew(dst []byte, kept bool, edits []Edit) []byte {
	for _, e := range edits {
		if e.Value == nil || o.Value(e.Name) != nil {
			continue
		}
		if kept {
			dst = append(dst, ',')
		}
		kept = true
		dst, _ = jsontext.AppendQuote(dst, e.Name) // the error only reports replaced bytes
		dst = append(append(dst, ':'), e.Value...)
	}
	return dst
}

func find(edits []Edit, name []byte) (Edit, bool) {
	for _, e := range edits {
		if e.Name == string(name) {
			return e, true
		}
	}
	return Edit{}, false
}
