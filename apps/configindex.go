package apps

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// place is a position in a file, both from 1.
type place struct{ line, col int }

// index says where each key of a file is. A key is a path of names; an element of an array has its number behind the
// name, as in "interface[1]".
type index struct {
	places map[string]place // by the path joined with sep
	paths  map[place][]string
	tables map[string]int // how often the header of an array of tables was seen
	values []value
	parser unstable.Parser
}

// value is what a key was given, in the order of the file.
type value struct {
	path []string
	line int
	kind unstable.Kind
}

const sep = "\x00" // TOML allows no NUL in a key

func (x *index) build(data []byte) error {
	x.places, x.paths, x.tables = map[string]place{}, map[place][]string{}, map[string]int{}
	x.parser.Reset(data)
	var base []string
	for x.parser.NextExpression() {
		switch n := x.parser.Expression(); n.Kind {
		case unstable.Table:
			base = x.header(n, false)
		case unstable.ArrayTable:
			base = x.header(n, true)
		case unstable.KeyValue:
			x.keyValue(base, n)
		}
	}
	return nil // the decoder says the same about errors, with positions
}

func (x *index) header(n *unstable.Node, array bool) []string {
	var path []string
	for it := n.Key(); it.Next(); {
		path = extend(path, string(it.Node().Data))
		if plain := strings.Join(path, sep); array && it.IsLast() {
			x.tables[plain]++
		}
		at := it.Node()
		if k := x.tables[strings.Join(path, sep)]; k > 0 {
			path[len(path)-1] += "[" + strconv.Itoa(k-1) + "]"
		}
		x.note(path, at)
	}
	return path
}

func (x *index) keyValue(base []string, n *unstable.Node) {
	path := base
	for it := n.Key(); it.Next(); {
		path = extend(path, string(it.Node().Data))
		x.note(path, it.Node())
	}
	x.value(path, n.Value())
}

func (x *index) value(path []string, n *unstable.Node) {
	x.note(path, n)
	x.values = append(x.values, value{path, x.line(path), n.Kind})
	switch n.Kind {
	case unstable.Array:
		i := 0
		for it := n.Children(); it.Next(); i++ {
			element := extend(path[:len(path)-1], path[len(path)-1]+"["+strconv.Itoa(i)+"]")
			x.value(element, it.Node())
		}
	case unstable.InlineTable:
		for it := n.Children(); it.Next(); {
			x.keyValue(path, it.Node())
		}
	}
}

// note records the first place of a path, and which path each place belongs to.
func (x *index) note(path []string, n *unstable.Node) {
	if n.Raw.Length == 0 {
		return
	}
	start := x.parser.Shape(n.Raw).Start
	at := place{start.Line, start.Column}
	if key := strings.Join(path, sep); x.places[key] == (place{}) {
		x.places[key] = at
	}
	if x.paths[at] == nil {
		x.paths[at] = path
	}
}

// extend appends to a copy, since paths are kept.
func extend(path []string, name string) []string {
	return append(path[:len(path):len(path)], name)
}

func (x *index) line(path []string) int {
	for n := len(path); n > 0; n-- {
		if p, ok := x.places[strings.Join(path[:n], sep)]; ok {
			return p.line
		}
	}
	return 0
}

// at gives the path of what stands at a position; the decoder's own key, which lacks the outside of inline tables and
// the numbers of arrays, where there is nothing.
func (x *index) at(line, col int, decoders []string) []string {
	p, ok := x.paths[place{line, col}]
	if !ok {
		return decoders
	}
	// A header's position is that of its first part.
	for len(p) < len(decoders) {
		p = extend(p, decoders[len(p)])
	}
	return p
}

// relative gives the part of key under path, or nil.
func relative(key, path []string) []string {
	if len(key) < len(path) {
		return nil
	}
	return key[len(path):]
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[\d+\])*$`)

func displayKey(path []string) string {
	shown := make([]string, len(path))
	for i, p := range path {
		shown[i] = p
		if !bareKey.MatchString(p) {
			shown[i] = strconv.Quote(p)
		}
	}
	return strings.Join(shown, ".")
}

var elementNumber = regexp.MustCompile(`(\[\d+\])+$`)

// bareName is a path's element without its numbers.
func bareName(element string) string { return elementNumber.ReplaceAllString(element, "") }

// typeAt follows a path through structs, maps and arrays; nil where there is nothing.
func typeAt(t reflect.Type, path []string) reflect.Type {
	for _, element := range path {
		name := bareName(element)
		if t = member(t, name); t == nil {
			return nil
		}
		for range strings.Count(element[len(name):], "[") {
			if t = indirect(t); t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
				return nil
			}
			t = t.Elem()
		}
	}
	return indirect(t)
}

// firstUnknown gives the number of the first element of path that t does not know, with the names that it knows there.
func firstUnknown(t reflect.Type, path []string) (int, []string) {
	for n := range path {
		if at := typeAt(t, path[:n]); at != nil && member(at, bareName(path[n])) == nil {
			return n, keysOf(at)
		}
	}
	return len(path) - 1, nil
}

func indirect(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// member gives the type of a table's value.
func member(t reflect.Type, name string) reflect.Type {
	t = indirect(t)
	if t != nil && t.Kind() == reflect.Map {
		return t.Elem()
	}
	for key, ft := range fields(t) {
		if strings.EqualFold(key, name) {
			return ft
		}
	}
	return nil
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for key := range fields(t) {
		keys = append(keys, key)
	}
	return keys
}

// fields gives the keys of a struct with their types, those of embedded structs included.
func fields(t reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	if t = indirect(t); t == nil || t.Kind() != reflect.Struct {
		return all
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "":
			for k, ft := range fields(f.Type) {
				all[k] = ft
			}
		case name == "":
			all[strings.ToLower(f.Name)] = f.Type
		default:
			all[name] = f.Type
		}
	}
	return all
}
