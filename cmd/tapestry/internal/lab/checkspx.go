package lab

import (
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/spx"
)

// Limits of SPX.
const (
	minSPXPacket   = 576
	maxSPXWindow   = 4096
	maxSPXRetries  = 255
	maxSPXConns    = 32768
	maxSPXTimer    = time.Hour
	leastSPXTimer  = 10 * time.Millisecond
	defaultMinSPX  = 100 * time.Millisecond
	defaultMaxSPX  = 5 * time.Second
	spxDefaultNote = "leave it out for the default"
)

// spx reads how SPX is tuned.
func (c *checker) spx(path string, h *HostPlan, f *fileSPX) {
	if f == nil {
		return
	}
	if h.IPX == nil {
		c.bad(path, noIPX+", or remove this table", h.Name)
	}
	h.SPX = spx.Config{
		NoSPX2: f.SPX2 != nil && !*f.SPX2, MaxPacket: f.MaxPacket, Window: f.Window, SendQueue: f.SendQueue,
		FirstTimeout: c.spxTime(path+".first_timeout", f.FirstTimeout),
		MinTimeout:   c.spxTime(path+".min_timeout", f.MinTimeout),
		MaxTimeout:   c.spxTime(path+".max_timeout", f.MaxTimeout), Retries: f.Retries,
		Idle: c.spxTime(path+".idle", f.Idle), Probe: c.spxTime(path+".probe", f.Probe), Probes: f.Probes,
		Linger: c.spxTime(path+".linger", f.Linger), Backlog: f.Backlog, MaxConns: f.MaxConns,
	}
	for _, k := range []struct {
		key            string
		n, least, most int
	}{
		{"max_packet", f.MaxPacket, minSPXPacket, ipxwire.Max}, {"window", f.Window, 1, maxSPXWindow},
		{"send_queue", f.SendQueue, 1, maxSPXWindow},
		{"retries", f.Retries, 1, maxSPXRetries}, {"probes", f.Probes, 1, maxSPXRetries},
		{"backlog", f.Backlog, 1, maxSPXConns}, {"max_connections", f.MaxConns, 1, maxSPXConns},
	} {
		if k.n != 0 {
			c.between(path+"."+k.key, k.n, k.least, k.most, spxDefaultNote)
		}
	}
	c.spxTimeouts(path, h.SPX)
}

// spxTimeouts: the bounds of the time-out are in order, defaults included.
func (c *checker) spxTimeouts(path string, s spx.Config) {
	least, most := s.MinTimeout, s.MaxTimeout
	if least == 0 {
		least = defaultMinSPX
	}
	if most == 0 {
		most = defaultMaxSPX
	}
	switch {
	case least <= most:
	case s.MinTimeout != 0:
		c.bad(path+".min_timeout", "%v is more than max_timeout, %v; lower it, or raise that", least, most)
	default:
		c.bad(path+".max_timeout", "%v is less than min_timeout, %v; raise it, or lower that", most, least)
	}
}

func (c *checker) spxTime(path, s string) time.Duration {
	d := c.age(path, s)
	if d != 0 && (d < leastSPXTimer || d > maxSPXTimer) {
		c.bad(path, "%v is outside of %v to %v; %s", d, leastSPXTimer, maxSPXTimer, spxDefaultNote)
	}
	return d
}
