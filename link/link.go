package link

import (
	"strings"

	"gvisor.dev/gvisor/pkg/buffer"
	"tapestry/link/ethernet"
)

// Device is a port to a wire.
type Device interface {
	// Info describes the device as it is now.
	Info() Info
	// Queues gives the device's queues, at least one, always the same.
	Queues() []Queue
	// Close releases the device and unblocks its readers. Closing twice is allowed.
	Close() error
}

// Queue is one pair of receive and transmit rings of a device.
type Queue interface {
	// ReadFrames fills f with frames, blocks for at least one, and returns how many. The caller owns them.
	// One goroutine reads a queue. After Close the error is net.ErrClosed; another error means that the device is gone.
	ReadFrames(f []Frame) (int, error)
	// WriteFrames takes ownership of all frames in f, never blocks, and may be called by any goroutine. A frame that
	// needs more than Info().Tx is finished in software first, see [Fit]. It returns how many left; the rest was
	// dropped, released and counted.
	WriteFrames(f []Frame) int
}

// Info describes a device.
type Info struct {
	Name string        // as an operator knows it: tap0
	Addr ethernet.Addr // the address of the station behind this port; zero if the device has none
	MTU  int           // largest layer-3 packet in octets, without the Ethernet header
	Rx   Offload       // what frames read from the device may need
	Tx   Offload       // what frames written to the device may need at no cost
	Up   bool          // carrier
	// Changed is closed when any of the above differs from this value; call Info again. Nil: never changes.
	Changed <-chan struct{}
}

// Offload is a set of transformations that one side of a device leaves to the other.
type Offload uint16

// The offloads.
const (
	OffloadChecksum Offload = 1 << iota // layer-4 checksums may be partial
	OffloadTSO4                         // TCP super-frames over IPv4
	OffloadTSO6                         // TCP super-frames over IPv6
	OffloadUSO                          // UDP super-frames
)

// Has reports whether all of want are in o.
func (o Offload) Has(want Offload) bool { return o&want == want }

// String lists the offloads: "checksum tso4 tso6", or "none".
func (o Offload) String() string {
	var s []string
	for i, name := range []string{"checksum", "tso4", "tso6", "uso"} {
		if o&(1<<i) != 0 {
			s = append(s, name)
		}
	}
	if s == nil {
		return "none"
	}
	return strings.Join(s, " ")
}

// GSO tells how a super-frame is to be segmented.
type GSO uint8

// The kinds of super-frames.
const (
	GSONone GSO = iota
	GSOTCPv4
	GSOTCPv6
	GSOUDP // UDP datagrams of equal size, either IP version
)

// String gives the name of the kind.
func (g GSO) String() string {
	switch g {
	case GSONone:
		return "none"
	case GSOTCPv4:
		return "tcp4"
	case GSOTCPv6:
		return "tcp6"
	case GSOUDP:
		return "udp"
	}
	return "invalid"
}

// Frame is one Ethernet frame or super-frame and what is still to be done to it. A Frame is moved, not copied: after
// it was passed by value, the old variable must not be used.
type Frame struct {
	Data buffer.Buffer // from the destination address on

	NeedsChecksum bool   // the checksum field at CsumStart+CsumOffset holds the pseudo-header's sum only
	DataValid     bool   // the layer-4 checksum was verified by whoever gave the frame
	CsumStart     uint16 // where summing starts, octets from the start of Data
	CsumOffset    uint16 // where the checksum field is, octets from CsumStart

	GSO     GSO
	GSOSize uint16 // payload octets of each segment
}
