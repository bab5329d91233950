package ethernet

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// AddrLen is the length of an Ethernet address in octets.
const AddrLen = 6

// Addr is a 48-bit Ethernet address in transmission order. It is comparable; its zero value is no station's address.
type Addr [AddrLen]byte

// Broadcast is the address of all stations (IEEE 802.3 §3.2.3).
var Broadcast = Addr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// ParseAddr reads the six octets in hexadecimal, all separated by ':', by '-' or by '.' (the form of the
// ARP drawings: 00.48.0C.18.7A.A2).
func ParseAddr(s string) (Addr, error) {
	var a Addr
	if len(s) != 3*AddrLen-1 {
		return a, fmt.Errorf("ethernet: address %q: want six octets like 02:00:5e:10:00:01", s)
	}
	sep := s[2:3]
	if !strings.Contains(":-.", sep) {
		return a, fmt.Errorf("ethernet: address %q: octets are separated by ':', '-' or '.'", s)
	}
	parts := strings.Split(s, sep)
	if len(parts) != AddrLen {
		return a, fmt.Errorf("ethernet: address %q: want six octets", s)
	}
	for i, p := range parts {
		o, err := hex.DecodeString(p)
		if err != nil || len(o) != 1 {
			return Addr{}, fmt.Errorf("ethernet: address %q: octet %d is not two hexadecimal digits", s, i+1)
		}
		a[i] = o[0]
	}
	return a, nil
}

// String gives the address as 02:00:5e:10:00:01.
func (a Addr) String() string {
	const digits = "0123456789abcdef"
	var b [3*AddrLen - 1]byte
	for i, o := range a {
		b[3*i] = digits[o>>4]
		b[3*i+1] = digits[o&15]
		if i < AddrLen-1 {
			b[3*i+2] = ':'
		}
	}
	return string(b[:])
}

// IsZero reports whether a is the zero value.
func (a Addr) IsZero() bool { return a == Addr{} }

// IsBroadcast reports whether a addresses all stations.
func (a Addr) IsBroadcast() bool { return a == Broadcast }

// IsMulticast reports whether the group bit is set; broadcast is one of these.
func (a Addr) IsMulticast() bool { return a[0]&1 != 0 }

// IsLocal reports whether the address was given by an administrator and not by a manufacturer.
func (a Addr) IsLocal() bool { return a[0]&2 != 0 }
