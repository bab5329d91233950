package spx

import (
	"io"
	"net"
	"syscall"
	"time"

	"tapestry/stack/internal/wait"
	"tapestry/stack/ipx"
)

// Conn is a connection. Read and Write are those of a byte stream: each Write is a message, and Read does not see where
// one ends. ReadMessage and WriteMessage do.
type Conn struct {
	t      *Transport
	s      *session // guarded by the stack's lock
	rd, wr wait.Point

	local, remote ipx.NetAddr // set before the connection is handed out
}

var _ net.Conn = (*Conn)(nil)

// The session calls these under the stack's lock.
func (c *Conn) readable() { c.rd.Signal() }
func (c *Conn) writable() { c.wr.Signal() }
func (c *Conn) settled()  { c.wr.Signal() }

// name takes the addresses from the session.
func (c *Conn) name() {
	c.local = ipx.NetAddr{Addr: c.s.local, SPX: true}
	c.remote = ipx.NetAddr{Addr: c.s.remote, SPX: true}
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	n, _, err := c.receive(b, false)
	return n, err
}

// ReadMessage reads what there is of one message: all of it, unless b is too short or the rest has not come. EOM is set
// with its last octets.
func (c *Conn) ReadMessage(b []byte) (int, MessageInfo, error) { return c.receive(b, true) }

func (c *Conn) receive(b []byte, message bool) (int, MessageInfo, error) {
	c.rd.Lock()
	defer c.rd.Unlock()
	for {
		if err := c.rd.Check(); err != nil {
			return 0, MessageInfo{}, c.error("read", err)
		}
		if len(b) == 0 && !message {
			return 0, MessageInfo{}, nil
		}
		n, m, err := c.take(b, message)
		switch err {
		case nil, io.EOF:
			return n, m, err
		case errAgain:
			c.rd.Wait()
		default:
			return n, m, c.error("read", err)
		}
	}
}

func (c *Conn) take(b []byte, message bool) (n int, m MessageInfo, err error) {
	c.t.enter()
	defer c.t.leave()
	if message {
		return c.s.readMessage(b)
	}
	n, err = c.s.read(b)
	return n, m, err
}

// Write implements net.Conn: b is one message, cut into packets as long as the other end takes them.
func (c *Conn) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, c.checkWrite()
	}
	return c.send(b, MessageInfo{EOM: true})
}

// WriteMessage writes a message, or, without EOM, a part of one. An empty one is a packet without data.
func (c *Conn) WriteMessage(b []byte, m MessageInfo) (int, error) {
	if m.Type >= StreamEnd || c.isSPX2() && m.Type >= StreamReleaseRequest {
		return 0, c.error("write", syscall.EINVAL)
	}
	return c.send(b, m)
}

func (c *Conn) send(b []byte, m MessageInfo) (int, error) {
	c.wr.Lock()
	defer c.wr.Unlock()
	n := 0
	for {
		if err := c.wr.Check(); err != nil {
			return n, c.error("write", err)
		}
		k, all, err := c.put(b[n:], m)
		n += k
		switch {
		case err != nil:
			return n, c.error("write", err)
		case all:
			return n, nil
		}
		c.wr.Wait()
	}
}

func (c *Conn) put(b []byte, m MessageInfo) (n int, all bool, err error) {
	c.t.enter()
	defer c.t.leave()
	return c.s.write(b, m)
}

// checkWrite tells why nothing can be written.
func (c *Conn) checkWrite() error {
	err := c.wr.Check()
	if err == nil {
		c.t.enter()
		err = c.s.canWrite()
		c.t.leave()
	}
	if err != nil {
		return c.error("write", err)
	}
	return nil
}

func (c *Conn) isSPX2() bool {
	c.t.enter()
	defer c.t.leave()
	return c.s.spx2
}

// CloseWrite ends this direction, and leaves the other: the orderly release of SPX II. SPX has none: EOPNOTSUPP.
func (c *Conn) CloseWrite() error {
	err := c.wr.Check()
	if err == nil {
		c.t.enter()
		err = c.s.closeWrite()
		c.t.leave()
	}
	if err != nil {
		return c.error("close", err)
	}
	return nil
}

// Close implements net.Conn. What was written is still delivered in the background, for as long as Config.Linger says.
func (c *Conn) Close() error {
	c.t.enter()
	isOpen := c.s.client == c
	if isOpen {
		c.s.client = nil
		c.s.close()
	}
	c.t.leave()
	if !isOpen {
		return c.error("close", net.ErrClosed)
	}
	c.rd.Close()
	c.wr.Close()
	return nil
}

// Info describes the connection.
func (c *Conn) Info() ConnInfo {
	c.t.enter()
	defer c.t.leave()
	return c.s.info()
}

// LocalAddr implements net.Conn. It is an ipx.NetAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn. It is an ipx.NetAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.rd, t) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.wr, t) }

func (c *Conn) setDeadline(p *wait.Point, t time.Time) error {
	if p.IsClosed() {
		return c.error("set", net.ErrClosed)
	}
	p.SetDeadline(t)
	return nil
}

func (c *Conn) error(op string, err error) error { return opError(op, c.local, c.remote.Addr, err) }
