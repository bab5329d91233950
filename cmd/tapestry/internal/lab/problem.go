package lab

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"tapestry/apps"
	"tapestry/internal/nearest"
)

// Problems are all that is wrong with a lab's file, in the order of its lines.
type Problems []*apps.ConfigError

// Error gives one line each: "lab.toml:7: host.alpha.interface[0].tap: …".
func (p Problems) Error() string {
	var s []string
	for _, e := range p {
		s = append(s, e.Error())
	}
	return strings.Join(s, "\n")
}

// err gives nil if there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	sort.SliceStable(p, func(i, j int) bool { return p[i].Line < p[j].Line })
	return p
}

// remedies are what to write for numbers of IPX, which are text: TOML has no number with leading zeros.
var remedies = map[string]string{"network": "0000cafe", "internal": "0000cafe", "socket": "0451"}

// addRemedies says what to write in place of a bare number of IPX.
func (p Problems) addRemedies() {
	for _, e := range p {
		key := e.Key[strings.LastIndexByte(e.Key, '.')+1:]
		if like, ok := remedies[key]; ok && strings.Contains(e.Key, ".ipx") && e.Problem == "must be a string, not an integer" {
			e.Problem += fmt.Sprintf("; write its hexadecimal digits in quotes, like %s = %q", key, like)
		}
	}
}

// areUnknownKeys reports whether there is nothing worse than unknown keys.
func (p Problems) areUnknownKeys() bool {
	for _, e := range p {
		if e.Problem != "unknown key" {
			return false
		}
	}
	return true
}

// add takes an error apart that may be several. What is no error of the file is shown at the line of path.
func (p *Problems) add(d *apps.Document, path string, err error) {
	var one *apps.ConfigError
	switch many, isJoin := err.(interface{ Unwrap() []error }); {
	case err == nil:
	case isJoin:
		for _, e := range many.Unwrap() {
			p.add(d, path, e)
		}
	case errors.As(err, &one):
		*p = append(*p, one)
	default:
		*p = append(*p, &apps.ConfigError{File: d.File, Line: lineOf(d, path), Key: path, Problem: err.Error()})
	}
}

func lineOf(d *apps.Document, path string) int {
	return max(1, d.Line(strings.Split(path, ".")...))
}

// mostKnown is how many of the known words an error lists.
const mostKnown = 20

// didYouMean is the end of an error about an unknown word.
func didYouMean(s string, known []string) string {
	if n, ok := nearest.Name(s, known); ok {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	if len(known) == 0 {
		return ""
	}
	sorted := append([]string(nil), known...)
	sort.Strings(sorted)
	more := ""
	if n := len(sorted) - mostKnown; n > 0 {
		sorted, more = sorted[:mostKnown], fmt.Sprintf(" and %d more", n)
	}
	return "; known are " + strings.Join(sorted, ", ") + more
}
