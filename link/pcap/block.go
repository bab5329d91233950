package pcap

import (
	"encoding/binary"
	"time"
)

// Block types (draft-ietf-opsawg-pcapng §4).
const (
	blockInterface  = 1
	blockPacket     = 2 // obsolete: as old tools wrote it
	blockSimple     = 3
	blockStatistics = 5
	blockEnhanced   = 6
	blockSection    = 0x0a0d0d0a
)

const (
	byteOrder     = 0x1a2b3c4d
	linkEthernet  = 1
	maxBlock      = 1 << 20 // octets of a block that we read; a super-frame of 64 KiB is far below
	maxInterfaces = 1024    // of a section
)

// Options (draft-ietf-opsawg-pcapng §3.5, §4).
const (
	optEnd        = 0
	optIfName     = 2
	optIfResol    = 9
	optIfOffset   = 14
	optFlags      = 2 // of a packet
	optUserAppl   = 4 // of a section
	optIfReceived = 4 // of statistics
	optIfDropped  = 5
)

// Direction is the way a frame went, seen from the host behind the device.
type Direction uint8

// The directions, with the values of pcapng's flags word.
const (
	Unknown  Direction = 0
	Inbound  Direction = 1
	Outbound Direction = 2
)

// String gives the direction's name.
func (d Direction) String() string {
	switch d {
	case Inbound:
		return "in"
	case Outbound:
		return "out"
	}
	return "unknown"
}

var order = binary.LittleEndian

// appendBlock appends a block whose body f appends.
func appendBlock(b []byte, kind uint32, f func([]byte) []byte) []byte {
	start := len(b)
	b = order.AppendUint32(b, kind)
	b = order.AppendUint32(b, 0)
	b = f(b)
	size := uint32(len(b) - start + 4)
	order.PutUint32(b[start+4:], size)
	return order.AppendUint32(b, size)
}

// pad appends zeros up to a multiple of four octets.
func pad(b []byte, n int) []byte { return append(b, make([]byte, -n&3)...) }

// appendOption appends an option; its value has at most 65535 octets.
func appendOption(b []byte, code uint16, value []byte) []byte {
	b = order.AppendUint16(b, code)
	b = order.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	return pad(b, len(value))
}

func appendSection(b []byte) []byte {
	return appendBlock(b, blockSection, func(b []byte) []byte {
		b = order.AppendUint32(b, byteOrder)
		b = order.AppendUint16(b, 1) // major version
		b = order.AppendUint16(b, 0) // minor version
		b = order.AppendUint64(b, ^uint64(0))
		b = appendOption(b, optUserAppl, []byte("tapestry"))
		return appendOption(b, optEnd, nil)
	})
}

func appendInterface(b []byte, name string, snap int) []byte {
	return appendBlock(b, blockInterface, func(b []byte) []byte {
		b = order.AppendUint16(b, linkEthernet)
		b = order.AppendUint16(b, 0)
		b = order.AppendUint32(b, uint32(snap))
		if name != "" {
			b = appendOption(b, optIfName, []byte(name[:min(len(name), 255)]))
		}
		b = appendOption(b, optIfResol, []byte{9})
		return appendOption(b, optEnd, nil)
	})
}

func appendTime(b []byte, t time.Time) []byte {
	ns := uint64(t.UnixNano())
	b = order.AppendUint32(b, uint32(ns>>32))
	return order.AppendUint32(b, uint32(ns))
}

// packetBlockLen is the length of the block of a frame of which n octets are kept.
func packetBlockLen(n int) int { return 28 + n + -n&3 + 12 + 4 }

// statisticsLen is the length of the block that appendStatistics appends.
const statisticsLen = 20 + 12 + 12 + 4 + 4

// appendPacket appends a frame as it crossed, cut to snap octets, of the section's first interface.
func appendPacket(b []byte, r *record, snap int) []byte {
	n := min(r.frame.Len(), snap)
	return appendEnhanced(b, 0, r.at, r.dir, n, r.frame.Len(), func(b []byte) []byte {
		start := len(b)
		return r.frame.AppendTo(b)[:start+n]
	})
}

// appendEnhanced appends the block of a frame of length octets, n of which data appends.
func appendEnhanced(b []byte, id int, at time.Time, dir Direction, n, length int, data func([]byte) []byte) []byte {
	return appendBlock(b, blockEnhanced, func(b []byte) []byte {
		b = order.AppendUint32(b, uint32(id))
		b = appendTime(b, at)
		b = order.AppendUint32(b, uint32(n))
		b = order.AppendUint32(b, uint32(length))
		b = data(b)
		b = pad(b, n)
		b = appendOption(b, optFlags, order.AppendUint32(nil, uint32(dir)))
		return appendOption(b, optEnd, nil)
	})
}

func appendStatistics(b []byte, now time.Time, received, dropped uint64) []byte {
	return appendBlock(b, blockStatistics, func(b []byte) []byte {
		b = order.AppendUint32(b, 0) // the interface
		b = appendTime(b, now)
		b = appendOption(b, optIfReceived, order.AppendUint64(nil, received))
		b = appendOption(b, optIfDropped, order.AppendUint64(nil, dropped))
		return appendOption(b, optEnd, nil)
	})
}
