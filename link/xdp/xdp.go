package xdp

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strings"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// Config describes an AF_XDP device. The zero value of each field means its default.
type Config struct {
	Interface string        // required
	Addr      ethernet.Addr // of the station behind this port; default: the interface's own
	MTU       int           // default, and at most: the interface's
	Queues    int           // one socket each; default, and at most: the receive queues of the interface

	// Addresses narrows what is taken to packets for these IP addresses: ARP that asks for or answers one, IPv4 and IPv6
	// to one, and the solicited-node group of an IPv6 one (RFC 4291 §2.7.1). Default: every frame for Addr.
	Addresses   []netip.Addr
	NoBroadcast bool // frames to the broadcast address stay with the kernel
	NoMulticast bool // frames to other group addresses stay with the kernel
	All         bool // take every frame, whoever it is for; nothing above narrows that
	Whole       bool // take every frame for Addr; Addresses are the Responder's only

	// Responder has the program itself answer ARP requests, echo requests and neighbour solicitations for Addresses, before
	// this process wakes; see the package's comment.
	Responder bool
	Router    bool // neighbour advertisements of the Responder say that this host forwards (RFC 4861 §4.4)

	NoSuper bool          // take no super-frames; without it they are segmented here, and leave by one system call
	Attach  Attach        // default: in the driver, else generic
	NoZero  bool          // copy even where the driver can do without
	Chunk   int           // octets of a chunk, 2048 or 4096; default: the smallest that holds a frame of the MTU
	Ring    int           // descriptors of each ring, a power of two; default 2048
	Spin    time.Duration // busy polling: how long a reader asks the driver before it sleeps; default: it sleeps at once
	Budget  int           // busy polling: frames a turn; default 64
}

// Attach is where the redirect program runs.
type Attach uint8

// The places.
const (
	AttachAny     Attach = iota // in the driver, or generic where the driver has no XDP
	AttachDriver                // in the driver or not at all
	AttachGeneric               // after the kernel made a packet buffer: any interface, slower
)

// Mode tells which path a device runs.
type Mode struct {
	Driver      bool // the program runs in the driver, else generic
	ZeroCopy    bool // the driver reads and writes the shared memory, else the kernel copies
	MultiBuffer bool // frames may span chunks
	BusyPoll    bool
	Responder   bool // the program answers
}

// String gives the mode as one line: "driver copy multi-buffer".
func (m Mode) String() string {
	s := []string{"generic", "copy"}
	if m.Driver {
		s[0] = "driver"
	}
	if m.ZeroCopy {
		s[1] = "zero-copy"
	}
	if m.MultiBuffer {
		s = append(s, "multi-buffer")
	}
	if m.BusyPoll {
		s = append(s, "busy-poll")
	}
	if m.Responder {
		s = append(s, "responder")
	}
	return strings.Join(s, " ")
}

// QueueStats are counters of one queue that [link.Stats] has no room for.
type QueueStats struct {
	RxFrames  uint64 `json:"rx_frames"`
	TxFrames  uint64 `json:"tx_frames"`
	RingFull  uint64 `json:"ring_full"`  // lost: the reader was too slow
	FillEmpty uint64 `json:"fill_empty"` // times that the driver found no chunk to fill
	Invalid   uint64 `json:"invalid"`    // lost: longer than the chunks that there were, or refused descriptors
	Kicks     uint64 `json:"kicks"`      // system calls that started transmission
}

// Sizes in octets.
const (
	smallChunk  = 2048
	largeChunk  = 4096
	headroom    = 256 // XDP_PACKET_HEADROOM: what the kernel leaves free in front of a received frame
	frameHeader = ethernet.HeaderLen + ethernet.TagLen
)

const (
	defaultRing   = 2048
	maxRing       = 1 << 16
	defaultBudget = 64
	maxAddresses  = 256 // each makes the program some instructions longer
)

var errConfig = errors.New("xdp: bad configuration")

// withDefaults checks c and fills it in, except for what the interface tells.
func (c Config) withDefaults() (Config, error) {
	if c.Ring == 0 {
		c.Ring = defaultRing
	}
	if c.Budget == 0 {
		c.Budget = defaultBudget
	}
	switch {
	case c.Interface == "":
		return c, fmt.Errorf("%w: it needs an interface", errConfig)
	case c.Addr.IsMulticast():
		return c, fmt.Errorf("%w: %v is a group address, no station's", errConfig, c.Addr)
	case c.MTU < 0 || c.Queues < 0 || c.Spin < 0 || c.Budget < 0:
		return c, fmt.Errorf("%w: MTU %d, %d queues, spin %v, budget %d", errConfig, c.MTU, c.Queues, c.Spin, c.Budget)
	case c.Chunk != 0 && c.Chunk != smallChunk && c.Chunk != largeChunk:
		return c, fmt.Errorf("%w: chunks of %d octets, want %d or %d", errConfig, c.Chunk, smallChunk, largeChunk)
	case c.Ring < 64 || c.Ring > maxRing || bits.OnesCount(uint(c.Ring)) != 1:
		return c, fmt.Errorf("%w: rings of %d descriptors, want a power of two from 64 to %d", errConfig, c.Ring, maxRing)
	case c.Attach > AttachGeneric:
		return c, fmt.Errorf("%w: attachment %d", errConfig, c.Attach)
	}
	return c, checkAddresses(c.Addresses)
}

func checkAddresses(addrs []netip.Addr) error {
	if len(addrs) > maxAddresses {
		return fmt.Errorf("%w: %d addresses, at most %d", errConfig, len(addrs), maxAddresses)
	}
	for _, a := range addrs {
		if !a.IsValid() || a.IsMulticast() {
			return fmt.Errorf("%w: %v is not the address of a host", errConfig, a)
		}
	}
	return nil
}

// fitChunk chooses the chunk, and says whether frames of the MTU need several.
func (c Config) fitChunk() (Config, bool) {
	need := c.MTU + frameHeader + headroom
	if c.Chunk == 0 && need <= smallChunk {
		c.Chunk = smallChunk
	}
	if c.Chunk == 0 {
		c.Chunk = largeChunk
	}
	return c, need > c.Chunk
}

// offload is what may be written unfinished: it is finished in software, but for many frames at a time.
func (c Config) offload() link.Offload {
	if c.NoSuper {
		return 0
	}
	return link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6 | link.OffloadUSO
}

// maxMTU is the largest that one chunk holds.
func (c Config) maxMTU() int { return c.Chunk - headroom - frameHeader }

var (
	_ link.Device      = (*Device)(nil)
	_ link.StatsReader = (*Device)(nil)
)
