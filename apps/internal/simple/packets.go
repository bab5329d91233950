package simple

import (
	"net"
	"slices"

	"tapestry/apps"
	"tapestry/internal/ipxwire"
)

// packet is what datagrams does, for those of IPX.
func (s *Server) packet(reply, request []byte, from net.Addr) []byte {
	s.counters.Add("ipx.in", 1)
	if s.service.Answer == nil {
		return nil
	}
	source, err := ipxwire.ParseAddr(from.String())
	switch {
	case err != nil || source.Node.IsGroup():
		s.counters.Add("drop.group", 1)
		return nil
	case packetLoops(source.Socket, s.config.IPX.Number):
		s.counters.Add("drop.loop", 1)
		return nil
	}
	reply = s.service.Answer(reply, request)
	if len(reply) > 0 {
		s.counters.Add("ipx.out", 1)
	}
	return reply
}

// singular is a socket of IPX that gives only what was sent to this node alone: the source of a datagram to everybody
// may be forged, and would be answered by all.
type singular struct {
	net.PacketConn
	counters apps.Counters
}

// destined is a socket that tells where a datagram was sent to.
type destined interface {
	ReadFromTo(b []byte) (n int, from, to net.Addr, err error)
}

// ReadFrom implements net.PacketConn. A socket that cannot tell is read as it is.
func (c *singular) ReadFrom(b []byte) (int, net.Addr, error) {
	d, ok := c.PacketConn.(destined)
	if !ok {
		return c.PacketConn.ReadFrom(b)
	}
	for {
		n, from, to, err := d.ReadFromTo(b)
		if err != nil || !isGroupNode(to) {
			return n, from, err
		}
		c.counters.Add("ipx.in", 1)
		c.counters.Add("drop.group", 1)
	}
}

// isGroupNode reports whether more nodes than one have an address, or nobody could.
func isGroupNode(a net.Addr) bool {
	n, err := ipxwire.ParseAddr(a.String())
	return err != nil || n.Node.IsGroup()
}

// packetLoops is loops with sockets of IPX: those that these servers have by themselves, and the node's own echo.
func packetLoops(from, own ipxwire.Socket) bool {
	isServer := func(port uint16) bool { return from == packetSockets|digits(port) }
	return from == 0 || from == own || from == ipxwire.SocketEcho ||
		from >= packetSockets && slices.ContainsFunc(answering, isServer)
}

// Octets is the name of the counter of what a session moved: tcp.octets or spx.octets.
func Octets(c net.Conn) string { return c.LocalAddr().Network() + ".octets" }
