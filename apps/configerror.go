package apps

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"tapestry/internal/nearest"
)

// ConfigError is something wrong in a configuration file: where, what, and what to do about it.
type ConfigError struct {
	File    string
	Line    int    // from 1; 0: not known
	Key     string // host.alpha.app.http.root; empty: the whole file
	Problem string
	Remedy  string // can be empty
	Err     error  // what Problem was made of, for errors.Is; can be nil
}

// Unwrap gives the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// Error gives "lab.toml:12: host.alpha.app.http.rooot: unknown key; did you mean "root"?".
func (e *ConfigError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Problem)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// explain turns the decoder's error into errors of ours. t is the type that the table at path was decoded into.
func (d *Document) explain(err error, path []string, t reflect.Type) error {
	var missing *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return d.explainUnknown(missing, path, t)
	case errors.As(err, &wrong):
		line, col := wrong.Position()
		key := d.index.at(line, col, wrong.Key())
		problem, remedy := explainValue(wrong, typeAt(t, relative(key, path)))
		return &ConfigError{File: d.File, Line: line, Key: displayKey(key), Problem: problem, Remedy: remedy}
	default:
		return &ConfigError{File: d.File, Key: displayKey(path), Problem: plainMessage(err)}
	}
}

// checkText finds values that are no strings where a type reads text: the decoder hands it the text of numbers too, and
// reports its complaint without a position.
func (d *Document) checkText(path []string, t reflect.Type) error {
	for _, v := range d.index.values {
		if v.kind == unstable.String || len(v.path) <= len(path) || !slices.Equal(v.path[:len(path)], path) {
			continue
		}
		if at := typeAt(t, v.path[len(path):]); isText(at) && !(v.kind == unstable.Bool && isTextOrBool(at)) {
			problem := "must be " + describe(at) + ", not " + article(strings.ToLower(v.kind.String()))
			return &ConfigError{File: d.File, Line: v.line, Key: displayKey(v.path), Problem: problem}
		}
	}
	return nil
}

// explainUnknown reports each unknown key within path once, at its first unknown part.
func (d *Document) explainUnknown(missing *toml.StrictMissingError, path []string, t reflect.Type) error {
	var all []error
	var seen []string
	for i := range missing.Errors {
		e := &missing.Errors[i]
		line, col := e.Position()
		key := d.index.at(line, col, e.Key())
		if len(key) <= len(path) || !slices.Equal(key[:len(path)], path) {
			continue
		}
		n, known := firstUnknown(t, key[len(path):])
		name := displayKey(key[:len(path)+n+1])
		if slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		all = append(all, &ConfigError{File: d.File, Line: line, Key: name,
			Problem: "unknown key", Remedy: suggest(bareName(key[len(path)+n]), known)})
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

// suggest says which key was probably meant, or which keys there are.
func suggest(got string, known []string) string {
	if best, ok := nearest.Name(got, known); ok {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(known) == 0 {
		return "this table takes no keys"
	}
	slices.Sort(known)
	return "the keys here are " + strings.Join(known, ", ")
}

var (
	wrongKind  = regexp.MustCompile(`^toml: cannot decode TOML (.+?) into `)
	wrongStore = regexp.MustCompile(`^toml: cannot store (an? .+?) in `)
	wrongRange = regexp.MustCompile(`^toml: (?:negative )?(?:integer|float) value (\S+) cannot be stored in `)
)

// explainValue says what the key wants, in words of TOML, and what it got.
func explainValue(e *toml.DecodeError, t reflect.Type) (problem, remedy string) {
	want := describe(t)
	for _, r := range []*regexp.Regexp{wrongKind, wrongStore, wrongRange} {
		m := r.FindStringSubmatch(e.Error())
		switch {
		case m == nil || want == "":
			continue
		case r == wrongKind:
			return "must be " + want + ", not " + article(m[1]), ""
		default:
			return "must be " + want + ", not " + m[1], ""
		}
	}
	if isText(t) {
		return plainMessage(e), "must be " + want
	}
	return plainMessage(e), ""
}

func plainMessage(err error) string { return strings.TrimPrefix(err.Error(), "toml: ") }

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

var examples = map[reflect.Type]string{
	reflect.TypeFor[netip.Addr]():     `an IP address such as "198.51.100.2"`,
	reflect.TypeFor[netip.Prefix]():   `an address with its prefix length such as "198.51.100.2/24"`,
	reflect.TypeFor[netip.AddrPort](): `an address with its port such as "198.51.100.2:53"`,
	reflect.TypeFor[Duration]():       `a time such as "500ms", "10s" or "2h"`,
	reflect.TypeFor[Socket]():         `true, or a socket in hexadecimal such as "8007"`,
}

func isText(t reflect.Type) bool {
	return t != nil && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func isTextOrBool(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ takesBool() }]())
}

// describe names the values of a type; empty if there is nothing better than the decoder's own words.
func describe(t reflect.Type) string {
	switch {
	case t == nil:
		return ""
	case examples[t] != "":
		return examples[t]
	case isText(t):
		return "a string"
	}
	switch k := t.Kind(); k {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<t.Bits()-1)
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return fmt.Sprintf("a whole number from -%d to %d", uint64(1)<<(t.Bits()-1), uint64(1)<<(t.Bits()-1)-1)
	case reflect.Uint, reflect.Uint64:
		return "a whole number from 0 to " + strconv.FormatInt(math.MaxInt64, 10)
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "a table"
	}
	return ""
}

// Duration is a time in a configuration file: "500ms", "10s", "2h". It is a struct so that a bare number, which would
// be nanoseconds, is refused.
type Duration struct{ time.Duration }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("not a time: %q", b)
	}
	if v < 0 {
		return fmt.Errorf("a negative time: %q", b)
	}
	d.Duration = v
	return nil
}

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
