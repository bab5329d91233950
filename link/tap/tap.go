package tap

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tapestry/link/ethernet"
)

// maxQueues is the kernel's limit (MAX_TAP_QUEUES).
const maxQueues = 256

// maxNameLen is the longest name of an interface (IFNAMSIZ without the final zero).
const maxNameLen = 15

// Config describes a TAP device. The zero value of each field means its default.
type Config struct {
	Name     string        // default: the first free of tap0, tap1, …
	Existing bool          // attach to the persistent TAP called Name, made by `ip tuntap add`, instead of making one
	Addr     ethernet.Addr // of the station behind this port, not of the kernel's interface; default: random
	MTU      int           // set on the kernel's interface; default: what it has (1500)
	Queues   int           // default 1; a flow has one of them, see the package's documentation

	Accept     *Accept      // which frames the kernel may send here; default: all
	NoSteering bool         // leave the choice of queues to the kernel
	Log        *slog.Logger // says at Open which help of the kernel there is; default: none

	// Spin is how long a reader that finds nothing may go on trying before it waits, where trials show that it pays.
	// Default: 50 µs; negative: not at all.
	Spin time.Duration

	NoChecksum bool // no checksum offload; without it there is none of the others either
	NoTSO4     bool // no TCP super-frames over IPv4
	NoTSO6     bool // no TCP super-frames over IPv6
	NoUSO      bool // no UDP super-frames
	NoVnetHdr  bool // no virtio-net header, hence no offload at all
}

var errConfig = errors.New("tap: bad configuration")

// withDefaults checks c and fills it in.
func (c Config) withDefaults() (Config, error) {
	if len(c.Name) > maxNameLen {
		return c, fmt.Errorf("%w: name %q has %d octets, an interface has at most %d", errConfig, c.Name, len(c.Name), maxNameLen)
	}
	if c.Existing && c.Name == "" {
		return c, fmt.Errorf("%w: an existing device needs its name", errConfig)
	}
	if c.Queues == 0 {
		c.Queues = 1
	}
	if c.Queues < 0 || c.Queues > maxQueues {
		return c, fmt.Errorf("%w: %d queues, want 1 to %d", errConfig, c.Queues, maxQueues)
	}
	if c.MTU != 0 && (c.MTU < 68 || c.MTU > 65521) { // RFC 791 §3.2: every module forwards 68 octets; the kernel's MAX_MTU
		return c, fmt.Errorf("%w: MTU %d, want 68 to 65521", errConfig, c.MTU)
	}
	if c.Addr.IsMulticast() {
		return c, fmt.Errorf("%w: %v is a group address, no station's", errConfig, c.Addr)
	}
	if c.Accept != nil {
		if err := c.Accept.check(); err != nil {
			return c, err
		}
	}
	if c.Addr.IsZero() {
		rand.Read(c.Addr[:])
		c.Addr[0] = c.Addr[0]&^1 | 2 // IEEE 802 §8.4: an individual address, locally administered
	}
	return c, nil
}
