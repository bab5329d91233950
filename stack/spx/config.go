package spx

import (
	"fmt"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
)

// Config is the configuration of a Transport. Zero means the default.
type Config struct {
	Clock link.Clock     // the one of the stack; default: the system's
	Waker func(f func()) // the one of the stack: wakes a waiting caller by calling f soon; default: at once

	Random func() uint32 // unpredictable, for identifiers; default: math/rand/v2's

	NoSPX2    bool // neither offer nor accept SPX II
	MaxPacket int  // the longest packet that SPX II negotiates; default: what the port sends
	Window    int  // packets that are kept for the reader, and offered to the sender; 1 to 4096, default 128
	SendQueue int  // packets that are kept until the other end has them; 1 to 4096, default 256

	// Retransmission. The time-out is measured once there is a connection (RFC 6298 §2), within these bounds. The
	// defaults are those that NWLink and UnixWare document.
	FirstTimeout time.Duration // before anything was measured; default 500 ms
	MinTimeout   time.Duration // default 100 ms
	MaxTimeout   time.Duration // default 5 s
	Retries      int           // of one packet, before the connection is given up; default 12

	// Watchdog. The defaults are SPX LISTEN TIMEOUT, SPX VERIFY TIMEOUT and SPX ABORT TIMEOUT of NetWare's clients:
	// 6 s without a packet, then one probe in 3 s; given up after 30 s.
	Idle   time.Duration // without a packet from the other end, before it is probed; default 6 s
	Probe  time.Duration // between probes; default 3 s
	Probes int           // without an answer, before the connection is given up; default 8

	Linger   time.Duration // how long Close goes on in the background at most; default 60 s
	Backlog  int           // connections of a listener that wait for Accept; default 64
	MaxConns int           // connections in all, those that are being closed included; default 4096
}

// Bounds of what may be configured.
const (
	maxWindow = 4096
	maxConns  = 32768 // half of the identifiers, so that a free one is soon found
)

func or[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// fill checks the configuration and sets what was left open.
func (c *Config) fill() error {
	or[link.Clock](&c.Clock, link.SystemClock{})
	or(&c.MaxPacket, ipxwire.Max)
	or(&c.Window, 128)
	or(&c.SendQueue, 256)
	or(&c.FirstTimeout, 500*time.Millisecond)
	or(&c.MinTimeout, 100*time.Millisecond)
	or(&c.MaxTimeout, 5*time.Second)
	or(&c.Retries, 12)
	or(&c.Idle, 6*time.Second)
	or(&c.Probe, 3*time.Second)
	or(&c.Probes, 8)
	or(&c.Linger, time.Minute)
	or(&c.Backlog, 64)
	or(&c.MaxConns, maxConns/8)
	return c.check()
}

func (c *Config) check() error {
	for _, v := range []struct {
		name       string
		v, lo, max int
	}{
		{"MaxPacket", c.MaxPacket, MaxPacket, ipxwire.Max},
		{"Window", c.Window, 1, maxWindow},
		{"SendQueue", c.SendQueue, 1, maxWindow},
		{"Retries", c.Retries, 1, 255},
		{"Probes", c.Probes, 1, 255},
		{"Backlog", c.Backlog, 1, maxConns},
		{"MaxConns", c.MaxConns, 1, maxConns},
	} {
		if v.v < v.lo || v.v > v.max {
			return fmt.Errorf("spx: %s is %d, want %d to %d", v.name, v.v, v.lo, v.max)
		}
	}
	order := c.MaxTimeout - c.MinTimeout
	for _, d := range []time.Duration{c.FirstTimeout, c.MinTimeout, order, c.Idle, c.Probe, c.Linger} {
		if d < 0 {
			return fmt.Errorf("spx: a time in the configuration is negative, or MaxTimeout is below MinTimeout")
		}
	}
	return nil
}
