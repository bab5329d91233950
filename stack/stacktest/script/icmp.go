package script

import (
	"encoding/binary"
	"maps"
	"slices"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// icmpKind is an error in both versions of ICMP (RFC 792, RFC 1191 §4, RFC 1812 §5.2.7, RFC 4443 §3). Type 0 of ICMPv6 is
// none.
type icmpKind struct{ type4, code4, type6, code6 byte }

var icmpKinds = map[string]icmpKind{
	"net-unreachable":      {3, 0, 1, 0},
	"host-unreachable":     {3, 1, 1, 3},
	"protocol-unreachable": {3, 2, 4, 1},
	"port-unreachable":     {3, 3, 1, 4},
	"frag-needed":          {3, 4, 2, 0}, // packet too big
	"source-route-failed":  {3, 5, 0, 0},
	"admin-prohibited":     {3, 13, 1, 1},
	"source-quench":        {4, 0, 0, 0},
	"time-exceeded":        {11, 0, 3, 0},
	"parameter-problem":    {12, 0, 4, 0},
}

// icmpName is the kind of a captured error; nothing for other messages.
func icmpName(isV6 bool, typ, code byte) string {
	for _, name := range slices.Sorted(maps.Keys(icmpKinds)) {
		k := icmpKinds[name]
		if isV6 && k.type6 != 0 && k.type6 == typ && k.code6 == code || !isV6 && k.type4 == typ && k.code4 == code {
			return name
		}
	}
	return ""
}

// defaultQuote is how much of a packet behind its IP header an error quotes.
const defaultQuote = 64

// icmpMessage is an error about the packet q, whose IP header is ihl octets long; the sum is not filled in.
func (c *ICMP) message(isV6 bool, q []byte, ihl int) []byte {
	k := icmpKinds[c.Kind]
	n := defaultQuote
	if c.Octets.Given {
		n = int(c.Octets.V)
	}
	b := []byte{k.type4, k.code4, 0, 0, 0, 0, byte(c.MTU.V >> 8), byte(c.MTU.V)}
	if isV6 {
		b = []byte{k.type6, k.code6, 0, 0, 0, 0, 0, 0}
		binary.BigEndian.PutUint32(b[4:], c.MTU.V)
	}
	return append(b, q[:min(len(q), ihl+n)]...)
}

// isSummed reports whether b, its checksum included, and what came before add up (RFC 1071).
func isSummed(b []byte, before uint16) bool { return checksum.Checksum(b, before) == 0xffff }
