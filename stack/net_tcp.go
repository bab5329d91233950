package stack

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// TCPConn is a TCP connection of a host. It behaves like [net.TCPConn].
type TCPConn struct {
	socket
	rd   tcpip.SliceWriter // guarded by read's lock
	src  bytes.Reader      // guarded by write's lock
	loan loan              // of received memory to WriteTo

	sizeMu sync.Mutex // held while the engine is told of the receive buffer's size
}

var (
	_ net.Conn      = (*TCPConn)(nil)
	_ io.ReaderFrom = (*TCPConn)(nil)
	_ io.WriterTo   = (*TCPConn)(nil)
)

// dialTCP connects. The context ends the attempt, not the connection.
func (h *Host) dialTCP(ctx context.Context, n network, a netip.AddrPort) (*TCPConn, error) {
	f := familyOf(n.kind, a.Addr(), false)
	to, err := h.remote(f, a)
	if err != nil {
		return nil, err
	}
	c := &TCPConn{}
	if err := c.open(h, n.name, f, tcp.ProtocolNumber); err != nil {
		return nil, err
	}
	if !c.trackSelf(c) {
		return nil, net.ErrClosed
	}
	if err := c.connect(ctx, to); err != nil {
		c.abandon()
		return nil, err
	}
	h.tune(c.ep)
	c.local, c.peer = c.localAddr(f), net.TCPAddrFromAddrPort(h.addrPort(to))
	return c, nil
}

func (c *TCPConn) connect(ctx context.Context, to tcpip.FullAddress) error {
	e := c.ep.Connect(to)
	if _, started := e.(*tcpip.ErrConnectStarted); !started {
		return syscallError("connect", e)
	}
	for {
		if !c.write.WaitUntil(ctx.Done()) {
			return mapContextError(ctx.Err())
		}
		if c.write.IsClosed() {
			return net.ErrClosed
		}
		if e := c.ep.LastError(); e != nil {
			return syscallError("connect", e)
		}
		if tcp.EndpointState(c.ep.State()) == tcp.StateEstablished {
			return nil
		}
		if c.ep.Readiness(waiter.WritableEvents|waiter.EventHUp) != 0 {
			return nil // and closed again already, as the first Read will tell
		}
	}
}

func (c *TCPConn) localAddr(f family) net.Addr {
	a, e := c.ep.GetLocalAddress()
	if e != nil {
		return nil
	}
	return net.TCPAddrFromAddrPort(f.local(c.host.addrPort(a)))
}

// tune sets what the host's configuration says about every connection. Small segments leave at once, as with
// package net.
func (h *Host) tune(ep tcpip.Endpoint) {
	c := h.cfg.TCP
	o := ep.SocketOptions()
	o.SetDelayOption(false)
	if c.KeepaliveIdle < 0 {
		return
	}
	setKeepAlive(ep, net.KeepAliveConfig{Enable: true, Idle: c.KeepaliveIdle, Interval: c.KeepaliveInterval, Count: c.KeepaliveCount})
}

// Read reads into b. It gives io.EOF when the peer has finished sending.
func (c *TCPConn) Read(b []byte) (int, error) {
	n, err := c.readStream(b)
	if err != nil && err != io.EOF {
		err = c.opError("read", c.peer, err)
	}
	return n, err
}

func (c *TCPConn) readStream(b []byte) (int, error) {
	c.read.Lock()
	defer c.read.Unlock()
	if len(b) == 0 {
		if c.read.IsClosed() {
			return 0, net.ErrClosed
		}
		return 0, nil
	}
	for {
		if err := c.read.Check(); err != nil {
			return 0, err
		}
		c.rd = b
		r, e := c.ep.Read(&c.rd, tcpip.ReadOptions{})
		c.rd = nil
		switch e.(type) {
		case nil:
			c.moveWindow(r.Count)
			return r.Count, nil
		case *tcpip.ErrWouldBlock:
			c.read.Wait()
		case *tcpip.ErrClosedForReceive:
			if c.read.IsClosed() {
				return 0, net.ErrClosed
			}
			return 0, io.EOF
		default:
			return 0, c.read.result("read", e)
		}
	}
}

// Write queues all of b for sending, and blocks until the send buffer has room for it.
func (c *TCPConn) Write(b []byte) (int, error) {
	n, err := c.writeStream(b)
	if err != nil {
		err = c.opError("write", c.peer, err)
	}
	return n, err
}

func (c *TCPConn) writeStream(b []byte) (int, error) {
	c.write.Lock()
	defer c.write.Unlock()
	defer c.src.Reset(nil)
	for done := 0; ; {
		if err := c.write.Check(); err != nil {
			return done, err
		}
		if done == len(b) {
			return done, nil
		}
		c.src.Reset(b[done:])
		n, e := c.ep.Write(&c.src, tcpip.WriteOptions{})
		done += int(n)
		switch e.(type) {
		case nil:
			if done == len(b) {
				return done, nil
			}
		case *tcpip.ErrWouldBlock:
			c.write.Wait()
		default:
			return done, c.write.result("write", e)
		}
	}
}

// CloseRead ends receiving.
func (c *TCPConn) CloseRead() error { return c.shutdown(tcpip.ShutdownRead) }

// CloseWrite sends a FIN after what was written (RFC 9293 §3.6).
func (c *TCPConn) CloseWrite() error { return c.shutdown(tcpip.ShutdownWrite) }

func (c *TCPConn) shutdown(f tcpip.ShutdownFlags) error {
	if c.read.IsClosed() {
		return c.opError("close", c.peer, net.ErrClosed)
	}
	if e := c.ep.Shutdown(f); e != nil {
		return c.opError("close", c.peer, syscallError("shutdown", e))
	}
	return nil
}

// SetNoDelay is false to collect small writes while data is unacknowledged (RFC 9293 §3.7.4). The default is true.
func (c *TCPConn) SetNoDelay(noDelay bool) error {
	return c.set(func() tcpip.Error {
		c.ep.SocketOptions().SetDelayOption(!noDelay)
		return nil
	})
}

// SetLinger says what Close does with data that is not sent: negative, it goes on sending, which is the default; zero,
// it resets the connection; positive, it goes on sending.
func (c *TCPConn) SetLinger(sec int) error {
	return c.set(func() tcpip.Error {
		c.ep.SocketOptions().SetLinger(tcpip.LingerOption{Enabled: sec == 0})
		return nil
	})
}
