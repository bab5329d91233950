package pcap

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// readSection reads a section header block (draft-ietf-opsawg-pcapng §4.1).
func (p *Reader) readSection() error {
	h, err := p.r.Peek(12)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, noEOF(err))
	}
	switch uint32(byteOrder) {
	case binary.LittleEndian.Uint32(h[8:]):
		p.order = binary.LittleEndian
	case binary.BigEndian.Uint32(h[8:]):
		p.order = binary.BigEndian
	default:
		return fmt.Errorf("%w: byte-order magic %x", ErrCorrupt, h[8:12])
	}
	_, body, err := p.readBlock()
	if err != nil {
		return err
	}
	if len(body) < 16 {
		return fmt.Errorf("%w: section header of %d octets", ErrCorrupt, len(body))
	}
	if major := p.order.Uint16(body[4:]); major != 1 {
		return fmt.Errorf("%w: pcapng version %d", ErrFormat, major)
	}
	p.ifaces = p.ifaces[:0]
	return nil
}

// readBlock gives the next block's type and body.
func (p *Reader) readBlock() (kind uint32, body []byte, err error) {
	h, err := p.read(8)
	if err != nil {
		return 0, nil, err
	}
	kind, size := p.order.Uint32(h), p.order.Uint32(h[4:])
	if size < 12 || size&3 != 0 || size > maxBlock {
		return 0, nil, fmt.Errorf("%w: block of %d octets", ErrCorrupt, size)
	}
	b, err := p.read(int(size) - 8)
	if err != nil {
		return 0, nil, err
	}
	body = b[:len(b)-4]
	if again := p.order.Uint32(b[len(body):]); again != size {
		return 0, nil, fmt.Errorf("%w: block of %d octets ends as one of %d", ErrCorrupt, size, again)
	}
	return kind, body, nil
}

// nextNG reads blocks up to the next frame.
func (p *Reader) nextNG() (Packet, error) {
	for {
		h, err := p.r.Peek(4)
		if len(h) == 0 {
			return Packet{}, err
		}
		if len(h) == 4 && binary.BigEndian.Uint32(h) == blockSection {
			if err := p.readSection(); err != nil {
				return Packet{}, err
			}
			continue
		}
		kind, body, err := p.readBlock()
		if err != nil {
			return Packet{}, err
		}
		switch kind {
		case blockInterface:
			if err := p.addInterface(body); err != nil {
				return Packet{}, err
			}
		case blockEnhanced, blockPacket:
			return p.packet(body, kind == blockPacket)
		case blockSimple:
			return p.simplePacket(body)
		}
	}
}

// addInterface reads an interface description (draft-ietf-opsawg-pcapng §4.2).
func (p *Reader) addInterface(b []byte) error {
	if len(b) < 8 || len(p.ifaces) >= maxInterfaces {
		return fmt.Errorf("%w: interface description", ErrCorrupt)
	}
	if t := p.order.Uint16(b); t != linkEthernet {
		return fmt.Errorf("%w but %d", ErrLinkType, t)
	}
	i := port{perSecond: 1e6, snap: p.order.Uint32(b[4:])}
	var err error
	p.options(b[8:], func(code uint16, v []byte) {
		switch {
		case code == optIfName:
			i.name = string(v[:min(len(v), 255)])
		case code == optIfResol && len(v) > 0:
			i.perSecond, err = resolution(v[0])
		case code == optIfOffset && len(v) >= 8:
			i.offset = int64(p.order.Uint64(v))
		}
	})
	p.ifaces = append(p.ifaces, i)
	return err
}

// resolution is how many units of time a second has: a power of ten, or of two if the highest bit is set.
func resolution(r byte) (uint64, error) {
	e := int(r & 0x7f)
	if r&0x80 != 0 && e < 64 {
		return 1 << e, nil
	}
	if r&0x80 != 0 || e > 19 {
		return 0, fmt.Errorf("%w: time resolution 0x%02x", ErrCorrupt, r)
	}
	u := uint64(1)
	for range e {
		u *= 10
	}
	return u, nil
}

// options calls f for each option of b, and stops where they make no sense.
func (p *Reader) options(b []byte, f func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, n := p.order.Uint16(b), int(p.order.Uint16(b[2:]))
		b = b[4:]
		if code == optEnd || n > len(b) {
			return
		}
		f(code, b[:n])
		b = b[min(len(b), (n+3)&^3):]
	}
}

// packet reads an enhanced packet block (draft-ietf-opsawg-pcapng §4.3), or the obsolete packet block, which has the same
// layout but for a narrower interface number.
func (p *Reader) packet(b []byte, isObsolete bool) (Packet, error) {
	if len(b) < 20 {
		return Packet{}, fmt.Errorf("%w: packet block of %d octets", ErrCorrupt, len(b))
	}
	id := p.order.Uint32(b)
	if isObsolete {
		id = uint32(p.order.Uint16(b))
	}
	n, length := p.order.Uint32(b[12:]), p.order.Uint32(b[16:])
	if int64(id) >= int64(len(p.ifaces)) || int64(n) > int64(len(b)-20) || length > math.MaxInt32 {
		return Packet{}, fmt.Errorf("%w: interface %d, %d octets in a block of %d", ErrCorrupt, id, n, len(b))
	}
	i := p.ifaces[id]
	at := i.time(uint64(p.order.Uint32(b[4:]))<<32 | uint64(p.order.Uint32(b[8:])))
	k := Packet{Time: at, Data: b[20 : 20+n], Length: max(int(length), int(n)), Interface: i.name}
	p.options(b[min(len(b), int(20+(n+3)&^3)):], func(code uint16, v []byte) {
		if code == optFlags && len(v) == 4 {
			k.Direction = Direction(p.order.Uint32(v) & 3)
		}
	})
	return k, nil
}

// time converts units of the interface.
func (i port) time(units uint64) time.Time {
	hi, lo := bits.Mul64(units%i.perSecond, 1e9)
	ns, _ := bits.Div64(hi, lo, i.perSecond) // hi < perSecond, since the remainder is
	return time.Unix(int64(units/i.perSecond)+i.offset, int64(ns)).UTC()
}

// simplePacket reads a simple packet block (draft-ietf-opsawg-pcapng §4.4), which has no time.
func (p *Reader) simplePacket(b []byte) (Packet, error) {
	if len(b) < 4 || len(p.ifaces) == 0 {
		return Packet{}, fmt.Errorf("%w: simple packet block", ErrCorrupt)
	}
	i, length := p.ifaces[0], p.order.Uint32(b)
	n := length
	if i.snap > 0 {
		n = min(n, i.snap)
	}
	if int64(n) > int64(len(b)-4) || length > math.MaxInt32 {
		return Packet{}, fmt.Errorf("%w: %d octets in a simple block of %d", ErrCorrupt, n, len(b))
	}
	return Packet{Data: b[4 : 4+n], Length: int(length), Interface: i.name}, nil
}
