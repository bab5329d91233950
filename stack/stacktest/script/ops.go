package script

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"tapestry/stack"
)

// errorsByName are the results that "expect error" knows.
var errorsByName = map[string]error{
	"EOF": io.EOF, "closed": net.ErrClosed, "timeout": os.ErrDeadlineExceeded,
	"ECONNREFUSED": syscall.ECONNREFUSED, "ECONNRESET": syscall.ECONNRESET, "ECONNABORTED": syscall.ECONNABORTED,
	"EPIPE": syscall.EPIPE, "ETIMEDOUT": syscall.ETIMEDOUT, "EHOSTUNREACH": syscall.EHOSTUNREACH,
	"ENETUNREACH": syscall.ENETUNREACH, "ENOTCONN": syscall.ENOTCONN, "EADDRINUSE": syscall.EADDRINUSE,
	"EMSGSIZE": syscall.EMSGSIZE, "ENOPROTOOPT": syscall.ENOPROTOOPT, "EOPNOTSUPP": syscall.EOPNOTSUPP,
}

// operate carries an operation out. One that blocks goes on beside the script.
func (p *player) operate(st Step, f *flow, o Op) {
	if k := f.pending; k != nil && !k.isDone() && o.Name != "close" && o.Name != "abort" && o.Name != "shutdown" && o.Name != "setsockopt" {
		p.fail(st, "%s still waits", k.name)
	}
	switch o.Name {
	case "forget":
		f.forget()
		if s, ok := strings.CutPrefix(o.Word, "isn="); ok {
			n, _ := parseNum(s) // was read once already
			f.peerISN = n.V
		}
		return
	case "listen":
		if o.N != 0 {
			p.port = o.N
		}
	case "connect", "dial":
		f.isActive, f.local, f.peer = true, 0, servicePort
		if o.N != 0 {
			f.peer = o.N
		}
	}
	k := &pending{name: o.String(), done: make(chan struct{})}
	if f.pending == nil || f.pending.isDone() {
		f.pending = k
	}
	go func() { // ends with the operation, at the latest when shutDown closes the sockets
		defer close(k.done)
		k.err = p.run(f, o)
	}()
	p.net.Settle()
	if k != f.pending && k.isDone() && k.err != nil {
		p.fail(st, "%v", k.err)
	}
}

func (p *player) run(f *flow, o Op) (err error) {
	c := p.s.Host
	suffix := fmt.Sprint(c.IP)
	switch o.Name {
	case "listen":
		p.listener, err = p.host.Listen("tcp"+suffix, netip.AddrPortFrom(hostAddrs[c.IP].Addr(), uint16(p.port)).String())
	case "unlisten":
		err = p.closeListener()
	case "accept":
		err = p.acceptFor(f)
	case "connect":
		f.conn, err = p.host.DialContext(p.t.Context(), "tcp"+suffix, p.peerOf(f).String())
	case "dial":
		f.conn, err = p.host.DialContext(p.t.Context(), "udp"+suffix, p.peerOf(f).String())
	case "bind":
		f.datagrams, err = p.host.ListenPacket("udp"+suffix, netip.AddrPortFrom(hostAddrs[c.IP].Addr(), uint16(p.port)).String())
	case "write":
		err = p.write(f, o.N)
	case "read":
		err = f.readAll(o.N)
	default:
		err = f.control(o)
	}
	return err
}

func (p *player) peerOf(f *flow) netip.AddrPort {
	return netip.AddrPortFrom(peerAddrs[p.s.Host.IP], uint16(f.peer))
}

func (p *player) closeListener() error {
	if p.listener == nil {
		return errNotOpen
	}
	return p.listener.Close()
}

var errNotOpen = errors.New("nothing is open here yet")

// acceptFor takes the next connection, which must be the flow's.
func (p *player) acceptFor(f *flow) error {
	if p.listener == nil {
		return errNotOpen
	}
	c, err := p.listener.Accept()
	if err != nil {
		return err
	}
	f.conn = c
	if got := c.RemoteAddr().(*net.TCPAddr).Port; got != f.peer {
		return fmt.Errorf("the connection is the one from port %d, not from %d", got, f.peer)
	}
	return nil
}

// write writes the next n octets of the stream, or a datagram.
func (p *player) write(f *flow, n int) (err error) {
	switch {
	case f.datagrams != nil:
		_, err = f.datagrams.WriteTo(fill(0, n, false), net.UDPAddrFromAddrPort(p.peerOf(f)))
	case f.conn == nil:
		err = errNotOpen
	case f.isUDP():
		_, err = f.conn.Write(fill(0, n, false))
	default:
		at := f.written
		f.written += n
		_, err = f.conn.Write(fill(at, n, false))
	}
	return err
}

func (f *flow) isUDP() bool {
	_, ok := f.conn.(*stack.UDPConn)
	return ok
}

// readAll reads exactly n octets, or a datagram of that length, and compares them with the peer's stream.
func (f *flow) readAll(n int) (err error) {
	b, got, at := make([]byte, n+1), 0, 0
	switch {
	case f.datagrams != nil:
		got, _, err = f.datagrams.ReadFrom(b)
	case f.conn == nil:
		return errNotOpen
	case f.isUDP():
		got, err = f.conn.Read(b)
	case n == 0:
		if got, err = f.conn.Read(b); err == nil {
			return fmt.Errorf("%d octets were there to read", got)
		}
		return err
	default:
		at = f.read
		got, err = io.ReadFull(f.conn, b[:n])
		f.read += got
	}
	if err != nil {
		return err
	}
	if got != n {
		return fmt.Errorf("read %d octets, want %d", got, n)
	}
	if !isFill(b[:n], at) {
		return errors.New("what was read is not what the peer sent")
	}
	return nil
}

// control is the operations on an open connection that do not block.
func (f *flow) control(o Op) error {
	if o.Name == "close" && f.datagrams != nil {
		return f.datagrams.Close()
	}
	if f.conn == nil {
		return errNotOpen
	}
	c, ok := f.conn.(*stack.TCPConn)
	switch {
	case o.Name == "close":
		return f.conn.Close()
	case !ok:
		return fmt.Errorf("%s is for TCP", o.Name)
	case o.Name == "shutdown" && o.Word == "read":
		return c.CloseRead()
	case o.Name == "shutdown":
		return c.CloseWrite()
	case o.Name == "abort":
		if err := c.SetLinger(0); err != nil {
			return err
		}
		return c.Close()
	}
	return setOption(c, o.Word)
}

func setOption(c *stack.TCPConn, word string) error {
	s, err := parseSockopt(word)
	if err != nil {
		return err
	}
	switch s.name {
	case "nodelay":
		return c.SetNoDelay(s.on)
	case "keepalive":
		return c.SetKeepAlive(s.on)
	case "rcvbuf":
		return c.SetReadBuffer(s.n)
	}
	return c.SetWriteBuffer(s.n)
}
