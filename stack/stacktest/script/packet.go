package script

import (
	"net/netip"

	"tapestry/link/ethernet"
	"tapestry/stack/stacktest"
)

// station is one of the two ends of a script's wire.
type station struct {
	link ethernet.Addr
	ip   netip.Addr
}

// The stations of a script; their addresses depend on its IP version.
func host(version int) station { return station{hostLink, hostAddrs[version].Addr()} }
func peer(version int) station { return station{peerLink, peerAddrs[version]} }

// frame makes a frame of what follows the IP header; sum says which checksum to spoil.
func frame(from, to station, sum string, inner ...stacktest.Layer) []byte {
	layers := []stacktest.Layer{stacktest.Ethernet{Src: from.link, Dst: to.link}}
	if from.ip.Is4() {
		layers = append(layers, stacktest.IPv4{Src: from.ip, Dst: to.ip, DF: true, BadSum: sum == sumIP})
	} else {
		layers = append(layers, stacktest.IPv6{Src: from.ip, Dst: to.ip})
	}
	return stacktest.Build(append(layers, inner...)...)
}

// ipOf is the IP packet in a frame.
func ipOf(b []byte) []byte { return b[ethernet.HeaderLen:] }

// isScripted reports whether the packet is one that scripts speak of.
func isScripted(k *stacktest.Packet) bool {
	return k.TCP != nil || k.UDP != nil || icmpKindOf(k) != ""
}

// pattern is the octet at one place of every stream and datagram.
func pattern(at int) byte { return byte(at*7 + at>>8 + 1) }

// fill gives n octets of the pattern from one place on; other ones if isOther.
func fill(at, n int, isOther bool) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = pattern(at + i)
		if isOther {
			b[i] = ^b[i]
		}
	}
	return b
}

// isFill reports whether b is the pattern from one place on.
func isFill(b []byte, at int) bool {
	for i := range b {
		if b[i] != pattern(at+i) {
			return false
		}
	}
	return true
}
