package stacktest

import (
	"encoding/binary"
	"fmt"

	"tapestry/internal/ipxwire"
	"tapestry/link/ethernet"
)

// Framing is an Ethernet header of any of the four kinds that IPX travels in, around an [IPX].
type Framing struct {
	Src, Dst ethernet.Addr
	Kind     ethernet.Kind
	Odd      bool // leave a frame of odd length odd; by default a zero behind the packet makes it even, as drivers do
}

func (f Framing) wrap(inner []byte, _ []Layer, _ Layer) []byte {
	fields := ethernet.Fields{
		Destination: f.Dst, Source: f.Src, Kind: f.Kind, Type: ethernet.TypeIPX,
		LLC: ethernet.LLC{DSAP: ethernet.SAPIPX, SSAP: ethernet.SAPIPX, Control: ethernet.ControlUI},
	}
	if (fields.Len()+len(inner))%2 != 0 && !f.Odd {
		inner = append(inner, 0)
	}
	b, err := fields.AppendTo(nil, len(inner))
	if err != nil {
		panic(err) // a frame that no receiver could read: the test that builds it is wrong
	}
	return append(b, inner...)
}

// ParseIPX finds the packet in a frame of any of the four kinds. It borrows the frame's memory.
func ParseIPX(frame []byte) (ethernet.Kind, ipxwire.Header, error) {
	e, err := ethernet.Parse(frame)
	if err != nil {
		return 0, nil, err
	}
	isIPX := e.Kind() == ethernet.KindRaw || e.Type() == ethernet.TypeIPX || e.LLC().DSAP == ethernet.SAPIPX
	if !isIPX {
		return e.Kind(), nil, fmt.Errorf("stacktest: no IPX in a frame %v", e)
	}
	h, err := ipxwire.ParseHeader(e.Payload())
	return e.Kind(), h, err
}

// IPX is a header of IPX.
type IPX struct {
	Src, Dst ipxwire.Addr
	Type     ipxwire.PacketType // default that of the next layer
	Hops     uint8
	Length   uint16 // default the right one
	Sum      bool   // with the real checksum
	BadSum   bool   // with one that is wrong
}

func (p IPX) wrap(inner []byte, _ []Layer, next Layer) []byte {
	if _, ok := next.(SPX); ok {
		defaultTo(&p.Type, ipxwire.TypeSPX)
	}
	b := ipxwire.Fields{Hops: p.Hops, Type: p.Type, Destination: p.Dst, Source: p.Src}.AppendTo(nil, len(inner))
	b = append(b, inner...)
	if p.Sum || p.BadSum {
		h := ipxwire.Header(b)
		h.SetChecksum(h.Sum() ^ broken(p.BadSum))
	}
	if p.Length != 0 {
		binary.BigEndian.PutUint16(b[2:], p.Length)
	}
	return b
}

// Flags of connection control in [SPX], the second line those of SPX II.
const (
	SPXSystem, SPXSendAck, SPXAttention, SPXEndOfMessage = 0x80, 0x40, 0x20, 0x10
	SPX2, SPXNegotiate, SPXReserved, SPXExtended         = 0x08, 0x04, 0x02, 0x01
)

// SPX is a header of SPX, what follows that of [IPX].
type SPX struct {
	Control       uint8 // flags
	Datastream    uint8
	SrcID, DstID  uint16
	Seq, Ack      uint16
	Alloc         uint16
	NegotiateSize uint16 // only of SPX II, and there in all packets but the first, whose DstID is ffff
}

func (s SPX) wrap(inner []byte, _ []Layer, _ Layer) []byte {
	b := []byte{s.Control, s.Datastream}
	for _, v := range []uint16{s.SrcID, s.DstID, s.Seq, s.Ack, s.Alloc} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	if s.Control&SPX2 != 0 && s.DstID != 0xffff {
		b = binary.BigEndian.AppendUint16(b, s.NegotiateSize)
	}
	return append(b, inner...)
}
