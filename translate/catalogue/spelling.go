package catalogue

import (
	"cmp"
	"slices"
	"strings"
)

// Undated returns the id without its date, which Vertex takes too and people prefer to
// read. A model marked Dated keeps its date, as the rest means another model.
func (m *Model) Undated() string {
	if m.Dated {
		return m.ID
	}
	name, _, _ := strings.Cut(m.ID, "@")
	return name
}

// spellings are all names by which a client may mean m, prefixes and dots aside.
func (m *Model) spellings() []string {
	derived := []string{m.ID, m.Undated(), strings.ReplaceAll(m.ID, "@", "-")}
	return append(derived, m.Names...)
}

// A prefix is what a client writes before a name, and the publisher it names.
type prefix struct{ text, publisher string }

// prefixes are those of the names of these models.
func prefixes(models []*Model) []prefix {
	all := []prefix{{"vertex_ai/", ""}}
	for _, m := range models {
		if short := (prefix{m.Publisher + "/", m.Publisher}); !slices.Contains(all, short) {
			all = append(all, short, prefix{"publishers/" + m.Publisher + "/models/", m.Publisher})
		}
	}
	return all
}

// bare is name without its prefixes, and the publisher they name; not ok where they name
// two.
func (c *Catalogue) bare(name string) (publisher, rest string, ok bool) {
	left := c.prefixes
	for {
		i := slices.IndexFunc(left, func(p prefix) bool { return strings.HasPrefix(name, p.text) })
		if i < 0 {
			return publisher, name, true
		}
		if publisher != "" && left[i].publisher != "" && left[i].publisher != publisher {
			return "", "", false
		}
		publisher = cmp.Or(publisher, left[i].publisher)
		name = name[len(left[i].text):]
		left = slices.Concat(left[:i], left[i+1:])
	}
}

// dashes writes version numbers as ids do: 4.5 becomes 4-5.
func dashes(name string) string {
	b := []byte(name)
	for i := 1; i < len(b)-1; i++ {
		if b[i] == '.' && digit(b[i-1]) && digit(b[i+1]) {
			b[i] = '-'
		}
	}
	return string(b)
}

// safe reports whether name can stand as one segment of a URL path and still be itself.
func safe(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsFunc(name, func(r rune) bool {
		return !letter(r) && !digit(r) && !strings.ContainsRune("._@-", r)
	})
}

func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func digit[T rune | byte](c T) bool { return '0' <= c && c <= '9' }
