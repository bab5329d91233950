package ipxtunnel

import (
	"encoding/binary"

	"tapestry/internal/ipxwire"
)

// Port is where servers listen unless told otherwise: IANA's for IPX in UDP.
const Port = 213

// DefaultMaxPacket is what DOSBox has room for, header included; a longer packet arrives there cut off.
const DefaultMaxPacket = 1424

// maxDatagram is more than a UDP datagram can hold (RFC 768).
const maxDatagram = 65536

// Offsets in the header of what a translation replaces.
const (
	lengthOff          = 2
	destinationNodeOff = 10
	sourceNodeOff      = 22
)

// networkOfAnswers is the source network of an answer to a registration, with DOSBox and ipxbox alike.
const networkOfAnswers ipxwire.Network = 1

// parse gives the packet in a datagram, and writes into b what its sender left out: ipxbox sends packets of its own
// with a length and a checksum of zero.
func parse(b []byte) (ipxwire.Header, error) {
	if len(b) < ipxwire.HeaderLen {
		return nil, ipxwire.ErrShort
	}
	if len(b) <= ipxwire.Max && binary.BigEndian.Uint16(b[lengthOff:]) == 0 {
		binary.BigEndian.PutUint16(b[lengthOff:], uint16(len(b)))
	}
	h, err := ipxwire.ParseHeader(b)
	if err != nil {
		return nil, err
	}
	if h.Checksum() == 0 && h.Sum() != 0 {
		h.SetChecksum(ipxwire.NoChecksum)
	}
	return h, nil
}

// isRegistration reports whether a packet asks for a node: sent to nobody's echo socket.
func isRegistration(h ipxwire.Header) bool {
	d := h.Destination()
	return d.Socket == ipxwire.SocketEcho && d.Node.IsZero()
}

// isPing reports whether a packet asks all nodes to answer.
func isPing(h ipxwire.Header) bool {
	d := h.Destination()
	return d.Socket == ipxwire.SocketEcho && d.Node == ipxwire.Broadcast
}

// isKeepAlive reports whether a ping is the server's own: it comes from no socket.
func isKeepAlive(h ipxwire.Header) bool { return isPing(h) && h.Source().Socket == 0 }

// registration asks for a node. Who has one says so: DOSBox would otherwise take him for another client, and send him
// every broadcast twice.
func registration(b []byte, own ipxwire.Node) []byte {
	return ipxwire.Fields{
		Destination: ipxwire.Addr{Socket: ipxwire.SocketEcho},
		Source:      ipxwire.Addr{Node: own, Socket: ipxwire.SocketEcho},
	}.AppendTo(b, 0)
}

// answer tells a client its node.
func answer(b []byte, node, server ipxwire.Node) []byte {
	return ipxwire.Fields{
		Destination: ipxwire.Addr{Node: node, Socket: ipxwire.SocketEcho},
		Source:      ipxwire.Addr{Net: networkOfAnswers, Node: server, Socket: ipxwire.SocketEcho},
	}.AppendTo(b, 0)
}

// ping asks a client whether it is there; the answer goes to the node from.
func ping(b []byte, from ipxwire.Node) []byte {
	return ipxwire.Fields{
		Destination: ipxwire.Addr{Node: ipxwire.Broadcast, Socket: ipxwire.SocketEcho},
		Source:      ipxwire.Addr{Node: from},
	}.AppendTo(b, 0)
}

// pong answers a ping as DOSBox does: to the echo socket, wherever the ping came from.
func pong(b []byte, to, own ipxwire.Node) []byte {
	return ipxwire.Fields{
		Destination: ipxwire.Addr{Node: to, Socket: ipxwire.SocketEcho},
		Source:      ipxwire.Addr{Node: own, Socket: ipxwire.SocketEcho},
	}.AppendTo(b, 0)
}

// change alters a packet and keeps a real checksum as right or wrong as it was.
func change(h ipxwire.Header, alter func()) {
	isReal := h.HasChecksum() && h.IsSummed()
	alter()
	if isReal {
		h.SetChecksum(h.Sum())
	}
}

// renumber writes network to for network from in both addresses.
func renumber(h ipxwire.Header, from, to ipxwire.Network) {
	d, s := h.Destination().Net, h.Source().Net
	if from == to || d != from && s != from {
		return
	}
	if d == from {
		d = to
	}
	if s == from {
		s = to
	}
	change(h, func() { h.SetNetworks(d, s) })
}

// setNode writes a node at one of the offsets.
func setNode(h ipxwire.Header, off int, n ipxwire.Node) {
	change(h, func() { copy(h[off:], n[:]) })
}
