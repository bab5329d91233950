//go:build linux

package bench

import (
	"net"
	"net/netip"

	"tapestry/internal/ipxwire"
	"tapestry/stack"
	"tapestry/stack/ipx"
)

// Services of IPX and SPX have a socket in place of the port. On a path that compares with UDP the same service is at
// the UDP port of that number.

// serveFrames opens a datagram service of a path with raw frames: over IPX or over UDP, as the path says.
func serveFrames(over map[protocol]func(f *far, h *stack.Host, at netip.AddrPort) error) func(*far, sockets, netip.AddrPort) error {
	return func(f *far, s sockets, at netip.AddrPort) error {
		h, ok := s.(*stack.Host)
		if !ok || over[f.path.frames] == nil {
			return nil
		}
		return over[f.path.frames](f, h, at)
	}
}

var (
	serveFrameEcho = serveFrames(map[protocol]func(*far, *stack.Host, netip.AddrPort) error{
		overIPX: func(_ *far, h *stack.Host, at netip.AddrPort) error {
			_, err := h.IPX().Inline(ipx.SocketNumber(at.Port()), func(reply, request []byte, _, _ ipx.Addr) []byte { return append(reply, request...) })
			return err
		},
		overUDP: func(f *far, h *stack.Host, at netip.AddrPort) error {
			_, err := h.Inline("udp", at.String(), echoInline(f))
			return err
		},
	})
	serveFrameSink = serveFrames(map[protocol]func(*far, *stack.Host, netip.AddrPort) error{
		overIPX: func(f *far, h *stack.Host, at netip.AddrPort) error {
			c, err := h.IPX().ListenPacket(ipx.Addr{Socket: ipx.SocketNumber(at.Port())}, ipxwire.TypePEP)
			if err == nil {
				err = c.SetReadBuffer(socketBuffer)
				go countIPX(f, c)
			}
			return err
		},
		overUDP: func(f *far, h *stack.Host, at netip.AddrPort) error {
			c, err := h.ListenPacket("udp", at.String())
			if err == nil {
				go countPackets(f, c)
			}
			return err
		},
	})
)

// countIPX counts datagrams until the socket is closed.
func countIPX(f *far, c *ipx.Conn) {
	for block := make([]byte, datagramSize); ; {
		if _, _, err := c.ReadFromAddr(block); err != nil {
			return
		}
		f.received.Add(1)
	}
}

// serveSPX gives what opens a service of SPX.
func serveSPX(handle func(net.Conn)) func(*far, sockets, netip.AddrPort) error {
	return func(f *far, s sockets, at netip.AddrPort) error {
		if f.path.frames != overIPX {
			return nil
		}
		l, err := s.Listen("spx", ipxwire.Addr{Socket: ipxwire.Socket(at.Port())}.String())
		if err == nil {
			go accept(l, handle)
		}
		return err
	}
}
