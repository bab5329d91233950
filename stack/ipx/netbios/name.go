package netbios

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// NameLen is the length of a name: 15 octets, filled with spaces, and one for what has it.
const NameLen = 16

// Name is a NetBIOS name.
type Name [NameLen]byte

// ErrName tells that a name cannot be one.
var ErrName = errors.New("ipx netbios: want a name of at most 15 octets")

// MakeName gives the name in upper case with its type, such as 0x20 for a file server.
func MakeName(s string, kind byte) (n Name, err error) {
	if len(s) > NameLen-1 {
		return n, ErrName
	}
	copy(n[:], strings.ToUpper(s)+strings.Repeat(" ", NameLen-1-len(s)))
	n[NameLen-1] = kind
	return n, nil
}

// Kind is what has the name: the last octet.
func (n Name) Kind() byte { return n[NameLen-1] }

// String gives the name as Wireshark has it, RADIUS<1e>: without the spaces after it, octets that do not print as
// <01>.
func (n Name) String() string {
	s := make([]byte, 0, NameLen)
	for _, c := range bytes.TrimRight(n[:NameLen-1], " ") {
		if c < ' ' || c > '~' {
			s = fmt.Appendf(s, "<%02x>", c)
		} else {
			s = append(s, c)
		}
	}
	return fmt.Sprintf("%s<%02x>", s, n.Kind())
}
