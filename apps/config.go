package apps

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Document is a configuration file that was read and is TOML. It knows the line of each key, so that whatever is found
// wrong later can still be shown at its place.
//
// Decoding is strict at every depth: a key that the struct does not have is an error. The tables of apps are left
// open in the struct of the whole file, as map[string]any, and decoded one by one through [Document.Table].
type Document struct {
	File string // as errors show it
	Dir  string // what relative names of files are relative to; the file's folder unless it is changed

	data  []byte
	tree  map[string]any // the same, decoded
	index index
}

// ParseConfig reads a file's text. An error is a [*ConfigError].
func ParseConfig(file string, data []byte) (*Document, error) {
	d := &Document{File: file, Dir: filepath.Dir(file), data: data}
	if err := d.index.build(data); err != nil {
		return nil, d.syntaxError(err)
	}
	if err := toml.Unmarshal(data, &d.tree); err != nil { // keys given twice
		return nil, d.syntaxError(err)
	}
	return d, nil
}

func (d *Document) syntaxError(err error) error {
	var e *toml.DecodeError
	if !errors.As(err, &e) {
		return &ConfigError{File: d.File, Problem: plainMessage(err)}
	}
	line, _ := e.Position()
	return &ConfigError{File: d.File, Line: line, Key: displayKey(e.Key()), Problem: plainMessage(err)}
}

// Decode fills the struct that v points to with the whole file. What is wrong comes as one [*ConfigError], or as
// several that are joined.
func (d *Document) Decode(v any) error { return d.decode(nil, v) }

// Table gives the table of that name, which may be absent and is empty then. The elements of the name are keys; none of
// them may be an array of tables.
func (d *Document) Table(path ...string) Config { return &table{doc: d, path: path} }

// Line gives the line of a key, or of the nearest table around it, or zero. An element of the path may have an index:
// "interface[1]".
func (d *Document) Line(path ...string) int { return d.index.line(path) }

// Invalid makes the error of a value that decodes and is wrong all the same.
func (d *Document) Invalid(path []string, problem, remedy string) error {
	return &ConfigError{File: d.File, Line: d.Line(path...), Key: displayKey(path), Problem: problem, Remedy: remedy}
}

// Invalid makes the error of a value in an app's table, found by the app itself. It carries the file and the line of
// key, which is relative to the table; parts are joined by points and may have an index: "zone[1].file".
func Invalid(c Config, key, problem, remedy string) error {
	var path []string
	if key != "" {
		path = strings.Split(key, ".")
	}
	if t, ok := c.(*table); ok {
		return t.doc.Invalid(append(t.path[:len(t.path):len(t.path)], path...), problem, remedy)
	}
	return &ConfigError{Key: key, Problem: problem, Remedy: remedy}
}

// InvalidErr is [Invalid] for a problem that is an error, which errors.Is finds in the result.
func InvalidErr(c Config, key string, cause error, remedy string) error {
	err := Invalid(c, key, cause.Error(), remedy)
	err.(*ConfigError).Err = cause
	return err
}

// NoConfig is an empty table: an app runs with its defaults.
var NoConfig Config = &table{doc: &Document{}}

// TableConfig makes an app's table of its own text, for tests and programs that have no lab file.
func TableConfig(text string) (Config, error) {
	d, err := ParseConfig("config", []byte(text))
	if err != nil {
		return nil, err
	}
	return d.Table(), nil
}

// table is the [Config] of one app.
type table struct {
	doc  *Document
	path []string
}

func (t *table) Decode(v any) error { return t.doc.decode(t.path, v) }

func (t *table) Path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(t.doc.Dir, name)
}

// decode fills v from the table at path, whose text is made anew for that: a file with a thousand tables would be decoded
// as a whole a thousand times. Where something is wrong it does decode the whole file, into structs that have path
// alone, so that TOML's every way to write a table (headers, dotted keys, inline) and all positions come out right, and
// forgets what is unknown beside path.
func (d *Document) decode(path []string, v any) error {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return errors.New("apps: Config.Decode wants a pointer to a struct")
	}
	if err := d.checkText(path, t); err != nil {
		return err
	}
	if len(path) > 0 && d.decodePart(path, v) == nil {
		return nil
	}
	return d.explain(decodeStrict(d.data, enclose(path, v)), path, t)
}

func decodeStrict(data []byte, v any) error {
	dec := toml.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// decodePart decodes the table at path, which is not the whole file, alone.
func (d *Document) decodePart(path []string, v any) error {
	part := any(d.tree)
	for _, key := range path {
		table, ok := part.(map[string]any)
		if !ok {
			return errors.New("apps: not a table")
		}
		if part, ok = table[key]; !ok {
			return nil
		}
	}
	text, err := toml.Marshal(part)
	if err != nil {
		return err
	}
	return decodeStrict(text, v)
}

// enclose gives a pointer to a struct within which v is found at path.
func enclose(path []string, v any) any {
	if len(path) == 0 {
		return v
	}
	inner := reflect.ValueOf(v)
	for i := len(path) - 1; i >= 0; i-- {
		outer := reflect.New(reflect.StructOf([]reflect.StructField{{
			Name: "Field",
			Type: inner.Type(),
			Tag:  reflect.StructTag("toml:" + strconv.Quote(path[i])),
		}}))
		outer.Elem().Field(0).Set(inner)
		inner = outer
	}
	return inner.Interface()
}
