package tap

import (
	"encoding/binary"

	"tapestry/link/ethernet"
)

// Constants of the flow hash: any odd numbers that spread bits; the last two and the shifts are murmur3's finalizer.
const (
	hashStep  = 0x9e3779b1
	hashMix1  = 0x85ebca6b
	hashMix2  = 0xc2b2ae35
	hashShift = 16
	hashMid   = 13
)

// Where the headers of IP have what the hash looks at.
const (
	ip4Len, ip4Frag, ip4Proto, ip4Src, ip4Dst = 20, 6, 9, 12, 16
	ip6Len, ip6Next, ip6Src, ip6Dst           = 40, 6, 8, 24

	fragMask           = 0x3fff // more fragments, fragment offset (RFC 791 §3.1)
	protoTCP, protoUDP = 6, 17
	portsLen           = 4
	maxTags            = 2
)

// flowHeadLen is as much of a frame as the hash looks at: two tags, all options of IPv4, ports.
const flowHeadLen = ethernet.HeaderLen + maxTags*ethernet.TagLen + 60 + portsLen

// flowHash is what the steering program computes, octet for octet: the same for both directions of a flow, because source
// and destination enter as their sum. Fragments have no ports, but for the first, so all of them go by their addresses;
// so does every protocol but TCP and UDP. What is not IP has no flow: 0.
//
// Words are summed in the machine's byte order, as they are loaded.
func flowHash(b []byte) uint32 {
	typ, l3 := etherType(b)
	switch b = b[l3:]; {
	case typ == ethernet.TypeIPv4 && len(b) >= ip4Len:
		return hash4(b)
	case typ == ethernet.TypeIPv6 && len(b) >= ip6Len:
		return hash6(b)
	}
	return 0
}

// etherType gives the type behind at most two tags, and where its packet starts.
func etherType(b []byte) (ethernet.EtherType, int) {
	off := ethernet.HeaderLen - 2
	for tags := 0; off+2 <= len(b); tags++ {
		typ := ethernet.EtherType(binary.BigEndian.Uint16(b[off:]))
		if tags == maxTags || typ != ethernet.TypeVLAN && typ != ethernet.TypeQinQ {
			return typ, off + 2
		}
		off += ethernet.TagLen
	}
	return 0, len(b)
}

func hash4(b []byte) uint32 {
	h := step(0, sumOfWords(b[ip4Src:], b[ip4Dst:]))
	if binary.BigEndian.Uint16(b[ip4Frag:])&fragMask == 0 {
		h = hashPorts(h, b[ip4Proto], b, int(b[0]&15)*4)
	}
	return finish(h)
}

func hash6(b []byte) uint32 {
	h := uint32(0)
	for i := 0; i < 16; i += 4 {
		h = step(h, sumOfWords(b[ip6Src+i:], b[ip6Dst+i:]))
	}
	return finish(hashPorts(h, b[ip6Next], b, ip6Len))
}

// hashPorts takes in the ports at b[l4:], if there are such.
func hashPorts(h uint32, proto byte, b []byte, l4 int) uint32 {
	if proto != protoTCP && proto != protoUDP || l4+portsLen > len(b) {
		return h
	}
	p := b[l4:]
	return step(h, uint32(binary.NativeEndian.Uint16(p))+uint32(binary.NativeEndian.Uint16(p[2:])))
}

func sumOfWords(a, b []byte) uint32 {
	return binary.NativeEndian.Uint32(a) + binary.NativeEndian.Uint32(b)
}

func step(h, v uint32) uint32 { return (h + v) * hashStep }

func finish(h uint32) uint32 {
	h ^= h >> hashShift
	h *= hashMix1
	h ^= h >> hashMid
	h *= hashMix2
	return h ^ h>>hashShift
}

// queueOf is the queue of n that the kernel makes of a hash: it keeps 16 bits of what a program returns.
func queueOf(hash uint32, n int) int { return int(uint16(hash)) % n }
