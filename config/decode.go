package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A document is a YAML file on its way into Go values. The library parses; the values
// are set here, because its decoder (goccy/go-yaml v1.19.2, even strict) reads 1.5 as the
// whole number 1 and 007 as the text 7, stops at the first mistake, and would read a
// variable's value as YAML; and because validation needs the place of every value.
type document struct {
	text
	lookupenv func(string) (string, bool)
	places    map[string]place
	anchors   map[string]ast.Node
	problems  []error
}

func newDocument(file, content string, lookupenv func(string) (string, bool)) *document {
	return &document{
		text:      newText(file, content),
		lookupenv: lookupenv,
		places:    map[string]place{},
		anchors:   map[string]ast.Node{},
	}
}

// into sets the struct that target points to, as far as the file says something.
func (d *document) into(target any) {
	if n := d.parse(); n != nil {
		d.decode(n, "", reflect.ValueOf(target).Elem())
	}
}

// parse is the mapping the file holds; nil when it is empty.
func (d *document) parse() ast.Node {
	file, err := parser.ParseBytes([]byte(strings.Join(d.lines, "\n")), 0)
	if err != nil {
		d.syntax(err)
		return nil
	}
	if len(file.Docs) > 1 {
		d.fail(file.Docs[1], "", "a second document; the file may hold one")
		return nil
	}
	if len(file.Docs) == 0 {
		return nil
	}
	return file.Docs[0].Body
}

func (d *document) syntax(err error) {
	if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
		d.problems = append(d.problems, d.problem(at(e.GetToken()), e.GetMessage()))
		return
	}
	d.problems = append(d.problems, fmt.Errorf("%s: %w", d.file, err))
}

// fail notes a mistake in n, which is the value of path.
func (d *document) fail(n ast.Node, path, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if path != "" {
		message = path + ": " + message
	}
	d.problems = append(d.problems, d.problem(start(n), message))
}

// decode sets v to n; a v of type ast.Node gets n itself. A null leaves v as it is, like
// an absent key.
func (d *document) decode(n ast.Node, path string, v reflect.Value) {
	n = d.resolve(n, path)
	if n == nil {
		return
	}
	p := start(n)
	_, p.null = n.(*ast.NullNode)
	d.places[path] = p
	if p.null {
		return
	}
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		d.decodeText(n, path, u)
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		v.Set(reflect.ValueOf(n))
	case reflect.Pointer:
		d.decodePointer(n, path, v)
	case reflect.Struct:
		d.decodeMapping(n, path, v)
	case reflect.Slice:
		d.decodeSequence(n, path, v)
	case reflect.Map:
		d.decodeTexts(n, path, v)
	default:
		d.decodeScalar(n, path, v)
	}
}

// resolve strips anchors and follows aliases. Recursive aliases end where the types do.
func (d *document) resolve(n ast.Node, path string) ast.Node {
	switch n := n.(type) {
	case *ast.AnchorNode:
		d.anchors[n.Name.GetToken().Value] = n.Value
		return n.Value
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		if d.anchors[name] == nil {
			d.fail(n, path, "no anchor &%s before its use", name)
		}
		return d.anchors[name]
	}
	return n
}

// decodePointer leaves alone what v points to: it may be shared.
func (d *document) decodePointer(n ast.Node, path string, v reflect.Value) {
	fresh := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		fresh.Elem().Set(v.Elem())
	}
	d.decode(n, path, fresh.Elem())
	v.Set(fresh)
}

// mapping is n as keys and values; nil where it is something else.
func (d *document) mapping(n ast.Node, path string) ast.MapNode {
	mapping, ok := n.(ast.MapNode)
	if !ok {
		d.fail(n, path, "want keys and values, got %s", describe(n))
		return nil
	}
	return mapping
}

func (d *document) decodeMapping(n ast.Node, path string, v reflect.Value) {
	mapping := d.mapping(n, path)
	if mapping == nil {
		return
	}
	keys, fields := fieldsOf(v)
	for entries := mapping.MapRange(); entries.Next(); {
		key := entries.Key().GetToken().Value
		field, known := fields[key]
		if !known {
			message := join(path, key) + ": unknown key" + suggest(key, keys)
			d.problems = append(d.problems, d.unknown(start(entries.Key()), key, message))
			continue
		}
		d.decode(entries.Value(), join(path, key), field)
	}
}

// decodeTexts sets a map of texts, in which a plain true or 123 is the text of it.
func (d *document) decodeTexts(n ast.Node, path string, v reflect.Value) {
	mapping := d.mapping(n, path)
	if mapping == nil {
		return
	}
	texts := map[string]string{}
	for entries := mapping.MapRange(); entries.Next(); {
		key, ok := scalarOf(entries.Key())
		if !ok {
			d.fail(entries.Key(), path, "want a text before each colon, got %s", describe(entries.Key()))
			continue
		}
		texts[key.value] = d.plain(entries.Value(), join(path, key.value))
	}
	v.Set(reflect.ValueOf(texts))
}

// plain is a single value as text; empty where nothing stands.
func (d *document) plain(n ast.Node, path string) string {
	n = d.resolve(n, path)
	if n == nil {
		return ""
	}
	d.places[path] = start(n)
	if _, null := n.(*ast.NullNode); null {
		return ""
	}
	s, _ := d.scalar(n, path)
	return s.value
}

func (d *document) decodeSequence(n ast.Node, path string, v reflect.Value) {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	list := reflect.MakeSlice(v.Type(), len(sequence.Values), len(sequence.Values))
	for i, e := range sequence.Values {
		path := fmt.Sprintf("%s[%d]", path, i)
		if _, null := e.(*ast.NullNode); null {
			d.fail(e, path, "empty")
			continue
		}
		d.decode(e, path, list.Index(i))
	}
	v.Set(list)
}

func (d *document) decodeText(n ast.Node, path string, u encoding.TextUnmarshaler) {
	s, ok := d.scalar(n, path)
	if !ok {
		return
	}
	if err := u.UnmarshalText([]byte(s.value)); err != nil {
		d.fail(n, path, "%v", err)
	}
}

func (d *document) decodeScalar(n ast.Node, path string, v reflect.Value) {
	s, ok := d.scalar(n, path)
	if !ok {
		return
	}
	if want := s.set(v); want != "" {
		d.fail(n, path, "want %s, got %s", want, s)
	}
}

// scalar is the text of n with its variables replaced.
func (d *document) scalar(n ast.Node, path string) (scalar, bool) {
	s, ok := scalarOf(n)
	if !ok {
		d.fail(n, path, "want a single value, got %s", describe(n))
		return s, false
	}
	value, err := expand(s.value, d.lookupenv)
	if err != nil {
		d.fail(n, path, "%v", err)
		return s, false
	}
	if value != s.value {
		s = scalar{value: value}
	}
	return s, true
}

// A scalar is the text of a single value, verbatim. One that is quoted is no number and
// no boolean, and a plain true is no text.
type scalar struct {
	value   string
	quoted  bool
	boolean bool
}

func scalarOf(n ast.Node) (scalar, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		t := n.GetToken().Type
		return scalar{value: n.Value, quoted: t == token.SingleQuoteType || t == token.DoubleQuoteType}, true
	case *ast.LiteralNode:
		return scalar{value: n.Value.Value, quoted: true}, true
	case *ast.BoolNode:
		return scalar{value: n.GetToken().Value, boolean: true}, true
	case *ast.IntegerNode, *ast.FloatNode:
		return scalar{value: n.GetToken().Value}, true
	}
	return scalar{}, false
}

// set gives v the value; otherwise it says what v wants.
func (s scalar) set(v reflect.Value) (want string) {
	switch v.Kind() {
	case reflect.String:
		if s.boolean {
			return "text (quote it)"
		}
		v.SetString(s.value)
	case reflect.Bool:
		if s.quoted || s.value != "true" && s.value != "false" {
			return "true or false"
		}
		v.SetBool(s.value == "true")
	case reflect.Int:
		i, err := strconv.Atoi(s.value)
		if s.quoted || err != nil {
			return "a whole number"
		}
		v.SetInt(int64(i))
	case reflect.Float64:
		f, err := strconv.ParseFloat(s.value, 64)
		if s.quoted || err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return "a number"
		}
		v.SetFloat(f)
	default:
		panic("config: a field of type " + v.Type().String() + " cannot be read")
	}
	return ""
}

// String is the value as a message shows it, without a password.
func (s scalar) String() string {
	shown := maskUser(s.value)
	if s.quoted || shown == "" {
		return strconv.Quote(shown)
	}
	return shown
}

// fieldsOf is the fields of the struct v by their key, and the keys in order.
func fieldsOf(v reflect.Value) ([]string, map[string]reflect.Value) {
	var keys []string
	fields := map[string]reflect.Value{}
	for f, field := range v.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key != "" && key != "-" {
			keys = append(keys, key)
			fields[key] = field
		}
	}
	return keys, fields
}

// start is where n begins; the library places a block mapping at its first colon.
func start(n ast.Node) place {
	switch n := n.(type) {
	case *ast.DocumentNode:
		if n.Body != nil {
			return start(n.Body)
		}
		return at(n.Start)
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return at(n.Values[0].Key.GetToken())
		}
	}
	return at(n.GetToken())
}

func at(t *token.Token) place {
	if t == nil {
		return place{line: 1, column: 1}
	}
	return place{line: t.Position.Line, column: t.Position.Column}
}

func describe(n ast.Node) string {
	switch n.(type) {
	case ast.MapNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.TagNode:
		return "a tag"
	}
	if s, ok := scalarOf(n); ok {
		return s.String()
	}
	return n.String()
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
