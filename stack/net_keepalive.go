package stack

import (
	"net"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// SetKeepAlive turns keepalive probes on or off (RFC 9293 §3.8.4).
func (c *TCPConn) SetKeepAlive(on bool) error {
	return c.set(func() tcpip.Error {
		c.ep.SocketOptions().SetKeepAlive(on)
		return nil
	})
}

// SetKeepAlivePeriod sets how long the connection is idle before the first probe.
func (c *TCPConn) SetKeepAlivePeriod(d time.Duration) error {
	return c.set(func() tcpip.Error { return setIdle(c.ep, d) })
}

// SetKeepAliveConfig sets all of keepalive. As with [net.TCPConn.SetKeepAliveConfig] a zero duration or count means
// 15 s, 15 s and 9, and a negative one leaves it as it is.
func (c *TCPConn) SetKeepAliveConfig(k net.KeepAliveConfig) error {
	for _, d := range []*time.Duration{&k.Idle, &k.Interval} {
		if *d == 0 {
			*d = 15 * time.Second
		}
	}
	if k.Count == 0 {
		k.Count = 9
	}
	return c.set(func() tcpip.Error { return setKeepAlive(c.ep, k) })
}

// setKeepAlive applies what is positive in k.
func setKeepAlive(ep tcpip.Endpoint, k net.KeepAliveConfig) tcpip.Error {
	if k.Idle > 0 {
		if e := setIdle(ep, k.Idle); e != nil {
			return e
		}
	}
	if k.Interval > 0 {
		interval := tcpip.KeepaliveIntervalOption(k.Interval)
		if e := ep.SetSockOpt(&interval); e != nil {
			return e
		}
	}
	if k.Count > 0 {
		if e := ep.SetSockOptInt(tcpip.KeepaliveCountOption, k.Count); e != nil {
			return e
		}
	}
	ep.SocketOptions().SetKeepAlive(k.Enable)
	return nil
}

func setIdle(ep tcpip.Endpoint, d time.Duration) tcpip.Error {
	idle := tcpip.KeepaliveIdleOption(d)
	return ep.SetSockOpt(&idle)
}
