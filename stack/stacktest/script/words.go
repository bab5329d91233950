package script

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tapestry/internal/nearest"
)

// words takes a line apart.
type words struct{ rest string }

const blank = " \t"

// next takes the next word; nothing at the end.
func (w *words) next() string {
	s := strings.TrimLeft(w.rest, blank)
	end := strings.IndexAny(s, blank)
	if end < 0 {
		end = len(s)
	}
	w.rest = s[end:]
	return s[:end]
}

// back puts a word back.
func (w *words) back(word string) {
	if word != "" {
		w.rest = word + " " + w.rest
	}
}

// end holds that nothing is left.
func (w *words) end() error {
	if s := w.next(); s != "" {
		return fmt.Errorf("%q is more than this line takes", s)
	}
	return nil
}

// number takes a number, which may be negative for one below the start of a sequence, or * for any.
func (w *words) number(n *Num) (err error) {
	*n, err = parseNum(w.next())
	return err
}

func parseNum(s string) (Num, error) {
	if s == "*" {
		return Num{Given: true, Any: true}, nil
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < -1<<16+1 || v >= 1<<32 {
		return Num{}, fmt.Errorf("%q is no number: want one of up to 32 bits, or * for any", s)
	}
	return num(uint32(v)), nil
}

// count takes a number up to limit.
func (w *words) count(limit int) (int, error) {
	s := w.next()
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > limit {
		return 0, fmt.Errorf("%q is no count: want one up to %d", s, limit)
	}
	return n, nil
}

// oneOf takes one of the known words.
func (w *words) oneOf(what string, known []string) (string, error) {
	s := w.next()
	if !slices.Contains(known, s) {
		return "", unknown(what, s, known)
	}
	return s, nil
}

// unknown is the error of a word that nobody knows; it names the nearest one, or all.
func unknown(what, word string, known []string) error {
	known = slices.Sorted(slices.Values(known))
	if near, ok := nearest.Name(word, known); ok {
		return fmt.Errorf("unknown %s %q; did you mean %q?", what, word, near)
	}
	return fmt.Errorf("unknown %s %q; want one of: %s", what, word, strings.Join(known, ", "))
}

// parseOptions takes <mss 1460,sackOK,TS val 100 ecr 0>.
func parseOptions(w *words) ([]Option, error) {
	text, rest, ok := strings.Cut(strings.TrimLeft(w.rest, blank)[1:], ">")
	if !ok {
		return nil, fmt.Errorf("the options have no end: want <…>")
	}
	w.rest = rest
	os := []Option{}
	if strings.Trim(text, blank) == "" {
		return os, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		o, err := parseOption(&words{rest: part})
		if err != nil {
			return nil, err
		}
		if os = append(os, o); len(encodeOptions(os, 0, 0)) > maxOptions {
			return nil, fmt.Errorf("options of more than %d octets (RFC 9293 §3.1)", maxOptions)
		}
	}
	return os, nil
}

func parseOption(w *words) (o Option, err error) {
	word := w.next()
	kind, ok := optionWords[word]
	if !ok {
		return o, unknown("option", word, slices.Collect(maps.Keys(optionWords)))
	}
	o.Kind = kind
	switch {
	case word == "opt":
		if o.Kind, err = w.count(255); err == nil && o.Kind <= kindNOP {
			err = fmt.Errorf("option %d has neither length nor value: write eol or nop", o.Kind)
		}
		if err == nil {
			o.Raw, err = w.octets()
		}
	case kind == kindRaw:
		o.Raw, err = w.octets()
	case kind == kindMSS, kind == kindWindowScale:
		o.N, err = w.numbers("")
	case kind == kindTimestamps:
		o.N, err = w.numbers("val", "ecr")
	case kind == kindSACK:
		o.N, err = w.blocks()
	}
	if err == nil {
		err = w.end()
	}
	return o, err
}

// numbers takes a number after each of the given words.
func (w *words) numbers(after ...string) (ns []Num, err error) {
	for _, name := range after {
		if name != "" {
			if got := w.next(); got != name {
				return nil, fmt.Errorf("%q: want %s and a number", got, name)
			}
		}
		var n Num
		if err := w.number(&n); err != nil {
			return nil, err
		}
		ns = append(ns, n)
	}
	return ns, nil
}

// blocks takes 1001:2001 3001:4001.
func (w *words) blocks() (ns []Num, err error) {
	for s := w.next(); s != ""; s = w.next() {
		left, right, ok := strings.Cut(s, ":")
		if !ok {
			return nil, fmt.Errorf("%q is no SACK block: want first:next", s)
		}
		for _, edge := range []string{left, right} {
			n, err := parseNum(edge)
			if err != nil {
				return nil, err
			}
			ns = append(ns, n)
		}
	}
	if ns == nil {
		return nil, fmt.Errorf("sack without a block: want first:next")
	}
	return ns, nil
}

// octets takes hexadecimal octets; there may be none.
func (w *words) octets() ([]byte, error) {
	s := w.next()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) > maxOptions {
		return nil, fmt.Errorf("%q: want up to %d octets in hexadecimal", s, maxOptions)
	}
	return b, nil
}
