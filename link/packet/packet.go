package packet

import (
	"errors"
	"fmt"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// Config describes a packet socket. The zero value of each field means its default.
type Config struct {
	Interface string        // required
	Addr      ethernet.Addr // of the station behind this port; default: the interface's
	MTU       int           // default, and at most: the interface's
	Buffer    int           // octets that wait in each direction; default 4 MiB, or as much as the kernel allows this user
	Ring      bool          // read through a ring of shared memory

	// Spin is how long a reader that finds nothing may go on trying before it waits, where trials show that it pays.
	// Default: 50 µs; negative: not at all.
	Spin time.Duration

	NoChecksum bool // no checksum offload; without it there is none of the others either
	NoTSO4     bool // no TCP super-frames over IPv4
	NoTSO6     bool // no TCP super-frames over IPv6
	NoUSO      bool // no UDP super-frames
	NoVnetHdr  bool // no virtio-net header, hence no offload at all
}

const defaultBuffer = 4 << 20

var errConfig = errors.New("packet: bad configuration")

// withDefaults checks c and fills it in, except for what the interface tells.
func (c Config) withDefaults() (Config, error) {
	if c.Interface == "" {
		return c, fmt.Errorf("%w: it needs an interface", errConfig)
	}
	if c.Addr.IsMulticast() {
		return c, fmt.Errorf("%w: %v is a group address, no station's", errConfig, c.Addr)
	}
	if c.Buffer == 0 {
		c.Buffer = defaultBuffer
	}
	if c.MTU < 0 || c.Buffer < 0 {
		return c, fmt.Errorf("%w: MTU %d, buffer %d", errConfig, c.MTU, c.Buffer)
	}
	return c, nil
}

// offload is what the configuration leaves on.
func (c Config) offload() link.Offload {
	if c.NoChecksum || c.NoVnetHdr {
		return 0
	}
	o := link.OffloadChecksum
	if !c.NoTSO4 {
		o |= link.OffloadTSO4
	}
	if !c.NoTSO6 {
		o |= link.OffloadTSO6
	}
	if !c.NoUSO {
		o |= link.OffloadUSO
	}
	return o
}
