package script

import (
	"encoding/binary"
	"maps"
	"slices"

	"tapestry/stack/stacktest"
)

// icmpKind is an error in both versions of ICMP (RFC 792, RFC 1191 §4, RFC 1812 §5.2.7, RFC 4443 §3). Type 0 of ICMPv6 is
// none.
type icmpKind struct{ type4, code4, type6, code6 byte }

const fragNeeded = "frag-needed" // packet too big, in IPv6

var icmpKinds = map[string]icmpKind{
	"net-unreachable":      {3, 0, 1, 0},
	"host-unreachable":     {3, 1, 1, 3},
	"protocol-unreachable": {3, 2, 4, 1},
	"port-unreachable":     {3, 3, 1, 4},
	fragNeeded:             {3, 4, 2, 0},
	"source-route-failed":  {3, 5, 0, 0},
	"admin-prohibited":     {3, 13, 1, 1},
	"source-quench":        {4, 0, 0, 0},
	"time-exceeded":        {11, 0, 3, 0},
	"parameter-problem":    {12, 0, 4, 0},
}

// icmpKindOf is the kind of error that a packet is; nothing for one that is none.
func icmpKindOf(k *stacktest.Packet) string {
	for _, name := range slices.Sorted(maps.Keys(icmpKinds)) {
		c := icmpKinds[name]
		is4 := k.ICMPv4 != nil && uint8(k.ICMPv4.Type()) == c.type4 && uint8(k.ICMPv4.Code()) == c.code4
		is6 := k.ICMPv6 != nil && c.type6 != 0 && uint8(k.ICMPv6.Type()) == c.type6 && uint8(k.ICMPv6.Code()) == c.code6
		if is4 || is6 {
			return name
		}
	}
	return ""
}

// defaultQuote is how much of a packet behind its IP header an error quotes.
const defaultQuote = 64

// layers are an error about the packet q, whose IP header is ihl octets long.
func (c *ICMP) layers(version int, q []byte, ihl int) []stacktest.Layer {
	k, n := icmpKinds[c.Kind], defaultQuote
	if c.Octets.Given {
		n = int(c.Octets.V)
	}
	m := stacktest.ICMP{Type: k.type4, Code: k.code4}
	if version == 6 {
		m.Type, m.Code = k.type6, k.code6
	}
	binary.BigEndian.PutUint32(m.Rest[:], c.MTU.V) // of version 4 the lower half alone, which the parser holds
	return []stacktest.Layer{m, stacktest.Payload(q[:min(len(q), ihl+n)])}
}
