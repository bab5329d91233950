package simple

import (
	"net"
	"slices"

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

// packetLoops is loops with sockets of IPX: those that these servers have by themselves, and the node's own echo.
func packetLoops(from, own ipxwire.Socket) bool {
	return from == 0 || from == own || from == ipxwire.SocketEcho ||
		from >= packetSockets && slices.ContainsFunc(answering, func(port uint16) bool { return from == packetSockets|digits(port) })
}

// Octets is the name of the counter of what a session moved: tcp.octets or spx.octets.
func Octets(c net.Conn) string { return c.LocalAddr().Network() + ".octets" }
