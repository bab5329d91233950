package segment

import (
	"fmt"
	"hash/fnv"
	"log/slog"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// Kind is how a segment forwards.
type Kind uint8

// The kinds.
const (
	Switch Kind = iota // learns who is behind which port (IEEE 802.1D §7)
	Hub                // repeats each frame on every other port (IEEE 802.3 §9)
)

// String gives the kind as a lab's configuration spells it.
func (k Kind) String() string {
	switch k {
	case Switch:
		return "switch"
	case Hub:
		return "hub"
	}
	return "invalid"
}

// ParseKind reads what String gives.
func ParseKind(text string) (Kind, error) {
	for k := Switch; k <= Hub; k++ {
		if text == k.String() {
			return k, nil
		}
	}
	return 0, fmt.Errorf("segment: kind %q: want switch or hub", text)
}

// AllOffloads are the offloads that a station can leave to the segment: frames then cross as they are.
const AllOffloads = link.OffloadChecksum | link.OffloadTSO4 | link.OffloadTSO6 | link.OffloadUSO

// Defaults and bounds.
const (
	defaultAge        = 300 * time.Second // IEEE 802.1D-2004 Table 7-5
	defaultAddrs      = 16384
	defaultPortAddrs  = 4096
	reservedAddrs     = 8 // that each port may have learned however full the table is
	defaultMTU        = 1500
	minMTU            = 68 // RFC 791 §3.2
	maxMTU            = 65535
	defaultDepth      = 8192
	defaultDepthBytes = 16 << 20
	defaultJabberShut = 10 * time.Second
)

// Config describes a segment. The zero value of each field means its default.
type Config struct {
	Name         string        // for errors, logs and addresses; default "segment"
	Kind         Kind          // default Switch
	Clock        link.Clock    // default link.SystemClock
	Age          time.Duration // after which a silent station is forgotten; default 300 s; IEEE 802.1D §7.9.2: 10 s to 1,000,000 s
	MaxAddrs     int           // addresses that are learned in all; default 16384
	MaxPortAddrs int           // addresses that are learned behind one port; default 4096
	// ForwardReserved has a switch forward frames to 01-80-C2-00-00-0x (spanning tree, LACP, 802.1X, LLDP), as many cheap
	// ones do. IEEE 802.1D §7.12.6 forbids it, which is the default.
	ForwardReserved bool
	// VLANs has a switch keep IEEE 802.1Q VLANs apart, see [VLAN]. Without it, tags are payload.
	VLANs bool
	Tree  *TreeConfig  // the switch's part in a spanning tree; nil: none
	Log   *slog.Logger // default: nobody
}

func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		c.Name = "segment"
	}
	if c.Clock == nil {
		c.Clock = link.SystemClock{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Age == 0 {
		c.Age = defaultAge
	}
	if c.MaxAddrs == 0 {
		c.MaxAddrs = defaultAddrs
	}
	if c.MaxPortAddrs == 0 {
		c.MaxPortAddrs = min(defaultPortAddrs, c.MaxAddrs)
	}
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case c.Kind > Hub:
		return fmt.Errorf("segment %s: kind %d: want Switch or Hub", c.Name, c.Kind)
	case c.Age < time.Second || c.Age > 1_000_000*time.Second:
		return fmt.Errorf("segment %s: ageing time %v: want 1 s to 1000000 s", c.Name, c.Age)
	case c.Kind == Hub && (c.VLANs || c.Tree != nil):
		return fmt.Errorf("segment %s: VLANs and a spanning tree need a switch, not a hub", c.Name)
	case c.MaxAddrs < 0 || c.MaxPortAddrs < 0:
		return fmt.Errorf("segment %s: %d addresses, %d a port: want positive limits", c.Name, c.MaxAddrs, c.MaxPortAddrs)
	}
	return nil
}

// PortConfig describes a port. The zero value of each field means its default.
type PortConfig struct {
	Name    string        // default "port" and the port's number
	Addr    ethernet.Addr // of the station, for [link.Info]; default one of the segment's own, made from its name
	MTU     int           // longest layer-3 packet, either way; default 1500
	Offload link.Offload  // what frames to the station may leave undone; default none, see [AllOffloads]
	// Depth and DepthBytes bound what waits for a slow station: frames, default 8192, and their octets, default 16 MiB.
	// A quarter of both is kept from each port, for the others: none can take a queue for itself.
	Depth, DepthBytes int
	// Out is given the frames for the station, by the goroutine of whoever wrote them. It owns the frames, not the slice,
	// and must not block. It is never called by two goroutines at a time nor from within itself: what comes meanwhile
	// waits for its return, Depth frames at the most. Only for [Segment.Attach].
	Out func([]link.Frame)
	// Carrier is told when the port is shut or opened. It must not shut or open ports of the same segment. Nil: nobody.
	Carrier func(up bool)
	VLAN    VLAN     // only where Config.VLANs is set
	Tree    PortTree // only where Config.Tree is set
	Jabber  Jabber
}

// Jabber bounds what a port may send. One that sends more in a second is shut for a while, and the log says so. Shut
// or not, it cannot make others wait: this is for their peace.
type Jabber struct {
	Frames int           // a second, super-frames counted once; default 0: no bound
	Floods int           // a second, of those that go to all ports: broadcast, multicast, unknown; default 0: no bound
	Shut   time.Duration // default 10 s
}

func (c PortConfig) withDefaults(segment string, index int) (PortConfig, error) {
	if c.Name == "" {
		c.Name = fmt.Sprintf("port%d", index)
	}
	if c.Addr.IsZero() {
		c.Addr = madeAddr(segment, index)
	}
	if c.MTU == 0 {
		c.MTU = defaultMTU
	}
	if c.Depth == 0 {
		c.Depth = defaultDepth
	}
	if c.DepthBytes == 0 {
		c.DepthBytes = defaultDepthBytes
	}
	if c.Jabber.Shut == 0 {
		c.Jabber.Shut = defaultJabberShut
	}
	return c, c.check()
}

func (c PortConfig) check() error {
	switch {
	case c.Addr.IsMulticast():
		return fmt.Errorf("segment: port %s: address %v is a group's", c.Name, c.Addr)
	case c.MTU < minMTU || c.MTU > maxMTU:
		return fmt.Errorf("segment: port %s: MTU %d: want %d to %d", c.Name, c.MTU, minMTU, maxMTU)
	case c.Offload&^AllOffloads != 0, c.Offload != 0 && !c.Offload.Has(link.OffloadChecksum):
		return fmt.Errorf("segment: port %s: offload %v: super-frames need checksum offload", c.Name, c.Offload)
	case c.Depth < 1 || c.DepthBytes < maxMTU+ethernet.HeaderLen+ethernet.TagLen:
		return fmt.Errorf("segment: port %s: queue of %d frames, %d octets: want room for one", c.Name, c.Depth, c.DepthBytes)
	case c.Jabber.Frames < 0 || c.Jabber.Floods < 0 || c.Jabber.Shut < 0:
		return fmt.Errorf("segment: port %s: jabber limits %+v: want none below zero", c.Name, c.Jabber)
	}
	return nil
}

// madeAddr is a locally administered address: of the segment's name, and a number in it.
func madeAddr(name string, number int) ethernet.Addr {
	h := fnv.New32a()
	h.Write([]byte(name))
	sum := h.Sum32()
	return ethernet.Addr{0x02, byte(sum >> 16), byte(sum >> 8), byte(sum), byte(number >> 8), byte(number)}
}
