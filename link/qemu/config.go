package qemu

import (
	"fmt"
	"log/slog"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// Config describes a device. The zero value of each field means its default.
type Config struct {
	Name     string        // default "qemu0"
	Addr     ethernet.Addr // of the station behind this device; default none: a segment is
	MTU      int           // default 1500
	Depth    int           // frames waiting for a peer that reads slowly; default 1024
	Retry    time.Duration // before dialling again; doubles up to MaxRetry; default 100 ms
	MaxRetry time.Duration // default 5 s
	Clock    link.Clock    // default the system's
	Log      *slog.Logger  // told when the carrier comes and goes; default: nobody
}

// Limits of an MTU: what IPv4 needs (RFC 791 §3.2), and what an IP packet can have.
const (
	minMTU = 68
	maxMTU = 65535
)

func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		c.Name = "qemu0"
	}
	if c.MTU == 0 {
		c.MTU = 1500
	}
	if c.Depth <= 0 {
		c.Depth = 1024
	}
	if c.Retry <= 0 {
		c.Retry = 100 * time.Millisecond
	}
	if c.MaxRetry < c.Retry {
		c.MaxRetry = max(c.Retry, 5*time.Second)
	}
	if c.Clock == nil {
		c.Clock = link.SystemClock{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.MTU < minMTU || c.MTU > maxMTU {
		return c, fmt.Errorf("qemu: an MTU of %d: want %d to %d", c.MTU, minMTU, maxMTU)
	}
	if c.Addr.IsMulticast() {
		return c, fmt.Errorf("qemu: %v is a group address, no station's", c.Addr)
	}
	return c, nil
}
