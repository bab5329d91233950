package linktest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"tapestry/link"
)

// testChecksum writes frames whose checksum is to be finished. They arrive finished or still marked.
func testChecksum(t *testing.T, w *wire) {
	w.bothWays(func(from, to *end) {
		for _, p := range packets(payload(333)) {
			if n := from.write(p.frame(0)); n != 1 {
				t.Fatalf("%v: WriteFrames on %s = %d, want 1", p, from.Info().Name, n)
			}
			f := to.next(t)
			if f.NeedsChecksum && !to.Info().Rx.Has(link.OffloadChecksum) {
				t.Errorf("%v: a partial checksum on %s, whose Rx is %v", p, to.Info().Name, to.Info().Rx)
			}
			if got, err := p.verify(&f); err != nil || !bytes.Equal(got, p.payload) {
				t.Errorf("%v on %s: %v", p, to.Info().Name, err)
			}
			f.Release()
		}
	})
}

// packets are all kinds of packets with this payload.
func packets(payload []byte) []packet {
	var all []packet
	for i := range 8 {
		all = append(all, packet{v6: i&1 != 0, udp: i&2 != 0, tag: i&4 != 0, payload: payload})
	}
	return all
}

// String names the kind.
func (p packet) String() string {
	s := "tcp"
	if p.udp {
		s = "udp"
	}
	if p.v6 {
		s += "6"
	} else {
		s += "4"
	}
	if p.tag {
		s += " tagged"
	}
	return s
}

// testSuperFrames writes super-frames. They arrive as such, or correctly segmented, or in bigger pieces of both.
func testSuperFrames(t *testing.T, w *wire) {
	mtu := min(w.dev.Info().MTU, w.peer.Info().MTU)
	w.bothWays(func(from, to *end) {
		for _, n := range []int{3*1000 + 1, 40 * 1000, 60 * 1000} {
			for _, p := range packets(payload(n)) {
				size := mtu - 80
				before := from.stats()
				if n := from.write(p.frame(size)); n != 1 {
					t.Fatalf("%v of %d octets: WriteFrames on %s = %d, want 1", p, len(p.payload), from.Info().Name, n)
				}
				p.collect(t, to, size, mtu)
				if s := from.stats(); from.counts() && s.TxFrames == before.TxFrames {
					t.Errorf("%v: not counted on %s", p, from.Info().Name)
				}
			}
		}
	})
}

// collect receives what p became and holds it against p.
func (p packet) collect(t *testing.T, to *end, size, mtu int) {
	t.Helper()
	var got []byte
	for len(got) < len(p.payload) {
		f := to.next(t)
		if want := offloadOf(f.GSO); !to.Info().Rx.Has(want) {
			t.Errorf("%v: a super-frame (%v) on %s, whose Rx is %v", p, f.GSO, to.Info().Name, to.Info().Rx)
		}
		limit := mtu + p.l3()
		if f.GSO == link.GSONone && f.Len() > limit {
			t.Errorf("%v: a segment of %d octets, want at most %d", p, f.Len(), limit)
		}
		if f.GSO != link.GSONone && (f.GSO != p.gso() || int(f.GSOSize) != size) {
			t.Errorf("%v: arrived as %v of %d, want %v of %d", p, f.GSO, f.GSOSize, p.gso(), size)
		}
		part, err := p.verify(&f)
		if err != nil {
			t.Fatalf("%v after %d octets: %v", p, len(got), err)
		}
		if seq := p.seqNo(&f); !p.udp && seq != firstSeqNo+len(got) {
			t.Fatalf("%v: sequence number %d, want %d", p, seq, firstSeqNo+len(got))
		}
		got = append(got, part...)
		f.Release()
	}
	if !bytes.Equal(got, p.payload) {
		t.Errorf("%v: payload of %d octets differs", p, len(p.payload))
	}
}

func offloadOf(g link.GSO) link.Offload {
	return map[link.GSO]link.Offload{
		link.GSOTCPv4: link.OffloadTSO4, link.GSOTCPv6: link.OffloadTSO6, link.GSOUDP: link.OffloadUSO,
	}[g]
}

func (p packet) seqNo(f *link.Frame) int {
	return int(binary.BigEndian.Uint32(f.AppendTo(nil)[p.l4()+4:]))
}

// verify checks lengths and checksums of a frame of p's kind, and gives its payload. It does so by itself, without
// what devices use.
func (p packet) verify(f *link.Frame) ([]byte, error) {
	b := f.AppendTo(nil)
	if len(b) < p.headerLen() {
		return nil, fmt.Errorf("%d octets are too few", len(b))
	}
	ip, l4 := b[p.l3():], b[p.l4():]
	length := int(binary.BigEndian.Uint16(ip[2:]))
	if p.v6 {
		length = int(binary.BigEndian.Uint16(ip[4:])) + 40
	} else if checksum.Checksum(ip[:20], 0) != 0xffff {
		return nil, fmt.Errorf("IPv4 header checksum is wrong: %x", ip[:20])
	}
	if length != len(ip) {
		return nil, fmt.Errorf("IP says %d octets, there are %d", length, len(ip))
	}
	if udp := int(binary.BigEndian.Uint16(l4[4:])); p.udp && udp != len(l4) {
		return nil, fmt.Errorf("UDP says %d octets, there are %d", udp, len(l4))
	}
	_, l4len, sumAt := p.transport()
	pseudo := pseudoSum(ip, p.v6, p.udp, len(l4))
	field := binary.BigEndian.Uint16(l4[sumAt:])
	if f.NeedsChecksum {
		if int(f.CsumStart) != p.l4() || int(f.CsumOffset) != sumAt || field != pseudo {
			return nil, fmt.Errorf("marked for checksum at %d+%d with 0x%04x, want %d+%d with 0x%04x",
				f.CsumStart, f.CsumOffset, field, p.l4(), sumAt, pseudo)
		}
	} else if checksum.Checksum(l4, pseudo) != 0xffff {
		return nil, fmt.Errorf("checksum 0x%04x is wrong", field)
	}
	return l4[l4len:], nil
}
