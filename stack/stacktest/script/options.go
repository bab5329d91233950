package script

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Kinds of TCP options (RFC 9293 §3.2, RFC 2018 §2, RFC 7323 §2.2).
const (
	kindEnd           = 0
	kindNOP           = 1
	kindMSS           = 2
	kindWindowScale   = 3
	kindSACKPermitted = 4
	kindSACK          = 5
	kindTimestamps    = 8
	kindRaw           = -1 // octets as they are
)

// Option is a TCP option. Edges of SACK blocks and timestamps are relative, see [Segment].
type Option struct {
	Kind int
	N    []Num  // mss and wscale: one; TS: val and ecr; sack: the edges of each block
	Raw  []byte // value of an option that has no word here
}

// optionWords start an option in a script.
var optionWords = map[string]int{
	"eol": kindEnd, "nop": kindNOP, "mss": kindMSS, "wscale": kindWindowScale, "sackOK": kindSACKPermitted,
	"sack": kindSACK, "TS": kindTimestamps, "opt": 0, "raw": kindRaw,
}

// String gives the option as a script has it.
func (o Option) String() string {
	switch o.Kind {
	case kindEnd:
		return "eol"
	case kindNOP:
		return "nop"
	case kindRaw:
		return "raw " + hex.EncodeToString(o.Raw)
	}
	if o.N == nil && o.Kind != kindSACKPermitted || o.Raw != nil {
		return strings.TrimSpace(fmt.Sprintf("opt %d %x", o.Kind, o.Raw))
	}
	switch o.Kind {
	case kindMSS:
		return "mss " + o.N[0].String()
	case kindWindowScale:
		return "wscale " + o.N[0].String()
	case kindSACKPermitted:
		return "sackOK"
	case kindTimestamps:
		return "TS val " + o.N[0].String() + " ecr " + o.N[1].String()
	}
	s := "sack"
	for i := 0; i+1 < len(o.N); i += 2 {
		s += " " + o.N[i].String() + ":" + o.N[i+1].String()
	}
	return s
}

func optionsString(os []Option) string {
	w := make([]string, len(os))
	for i, o := range os {
		w[i] = o.String()
	}
	return strings.Join(w, ",")
}

// appendTo appends the option as it crosses the wire; the bases are what the relative numbers of a SACK block and of an
// echoed timestamp start from.
func (o Option) appendTo(b []byte, sackBase, ecrBase uint32) []byte {
	switch {
	case o.Kind == kindRaw:
		return append(b, o.Raw...)
	case o.Kind == kindEnd, o.Kind == kindNOP:
		return append(b, byte(o.Kind))
	case o.N == nil:
		return append(append(b, byte(o.Kind), byte(2+len(o.Raw))), o.Raw...)
	}
	switch o.Kind {
	case kindMSS:
		return binary.BigEndian.AppendUint16(append(b, kindMSS, 4), uint16(o.N[0].V))
	case kindWindowScale:
		return append(b, kindWindowScale, 3, byte(o.N[0].V))
	case kindTimestamps:
		b = binary.BigEndian.AppendUint32(append(b, kindTimestamps, 10), o.N[0].V)
		return binary.BigEndian.AppendUint32(b, o.N[1].V+ecrBase)
	}
	b = append(b, kindSACK, byte(2+4*len(o.N)))
	for _, n := range o.N {
		b = binary.BigEndian.AppendUint32(b, n.V+sackBase)
	}
	return b
}

// maxOptions is the room for options in a TCP header (RFC 9293 §3.1).
const maxOptions = 40

// encodeOptions gives the octets of the options, padded with end-of-list to whole words.
func encodeOptions(os []Option, sackBase, ecrBase uint32) []byte {
	var b []byte
	for _, o := range os {
		b = o.appendTo(b, sackBase, ecrBase)
	}
	for len(b)%4 != 0 {
		b = append(b, kindEnd)
	}
	return b
}

// decodeOptions reads the options of a captured segment. What is malformed becomes one raw option.
func decodeOptions(b []byte, sackBase, tsBase uint32) (os []Option) {
	for len(b) > 0 {
		if b[0] == kindEnd {
			return append(os, Option{Kind: kindEnd})
		}
		if b[0] == kindNOP {
			os, b = append(os, Option{Kind: kindNOP}), b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return append(os, Option{Kind: kindRaw, Raw: slices.Clone(b)})
		}
		os = append(os, decodeOption(b[0], b[2:b[1]], sackBase, tsBase))
		b = b[b[1]:]
	}
	return os
}

func decodeOption(kind byte, v []byte, sackBase, tsBase uint32) Option {
	o := Option{Kind: int(kind)}
	switch {
	case kind == kindMSS && len(v) == 2:
		o.N = []Num{num(uint32(binary.BigEndian.Uint16(v)))}
	case kind == kindWindowScale && len(v) == 1:
		o.N = []Num{num(uint32(v[0]))}
	case kind == kindSACKPermitted && len(v) == 0:
	case kind == kindTimestamps && len(v) == 8:
		o.N = []Num{num(binary.BigEndian.Uint32(v) - tsBase), num(binary.BigEndian.Uint32(v[4:]))}
	case kind == kindSACK && len(v) > 0 && len(v)%8 == 0:
		for ; len(v) > 0; v = v[4:] {
			o.N = append(o.N, num(binary.BigEndian.Uint32(v)-sackBase))
		}
	default:
		o.Raw = append([]byte{}, v...)
	}
	return o
}

// withoutPadding leaves out what only fills.
func withoutPadding(os []Option) []Option {
	return slices.DeleteFunc(slices.Clone(os), func(o Option) bool { return o.Kind == kindNOP || o.Kind == kindEnd })
}

// sameOptions compares without padding, and in order.
func sameOptions(want, got []Option) bool {
	return slices.EqualFunc(withoutPadding(want), withoutPadding(got), func(w, g Option) bool {
		return w.Kind == g.Kind && slices.Equal(w.Raw, g.Raw) &&
			slices.EqualFunc(w.N, g.N, func(a, b Num) bool { return a.matches(b.V) })
	})
}
