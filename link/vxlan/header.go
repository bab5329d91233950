package vxlan

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Lengths in octets, and other numbers of RFC 7348 §5.
const (
	HeaderLen = 8
	Port      = 4789      // IANA's, of the destination
	MaxVNI    = 1<<24 - 1 // 24 bits

	flagI = 0x08 // the VNI is valid

	flagsOff = 0
	vniOff   = 4
)

// Why octets are no VXLAN header.
var (
	errShort = errors.New("vxlan: short header")
	errNoVNI = errors.New("vxlan: header without a valid network identifier")
)

// Header is a checked view of a VXLAN header: no accessor can panic.
type Header []byte

// ParseHeader checks the header at the start of b. RFC 7348 §5: the I flag must be set, all reserved bits are ignored.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return nil, errShort
	}
	if b[flagsOff]&flagI == 0 {
		return nil, errNoVNI
	}
	return Header(b[:HeaderLen:HeaderLen]), nil
}

// AppendHeader appends the header of a VNI, of which the lower 24 bits count.
func AppendHeader(b []byte, vni uint32) []byte {
	b = append(b, flagI, 0, 0, 0)                   // flags, reserved
	return binary.BigEndian.AppendUint32(b, vni<<8) // VNI, reserved
}

// VNI is the network that the frame belongs to.
func (h Header) VNI() uint32 { return binary.BigEndian.Uint32(h[vniOff:]) >> 8 }

// Flags are the eight flag bits; all but I are reserved.
func (h Header) Flags() uint8 { return h[flagsOff] }

// String describes the header: "VXLAN vni 42".
func (h Header) String() string { return fmt.Sprintf("VXLAN vni %d", h.VNI()) }
