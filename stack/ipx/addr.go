package ipx

import (
	"tapestry/internal/ipxwire"
)

// Addr is network, node and socket, as 0000cafe:020000000001:4001; [ParseAddr] reads it, its methods String,
// MarshalText and UnmarshalText give and take the text, Compare orders. Its fields are Net, Node and Socket. It is
// comparable, a key of maps, and as the zero value nobody's.
type Addr = ipxwire.Addr

// Network is the number of a network, which its administrator assigns: a number like 0xcafe, in text eight hexadecimal
// digits, 0000cafe; see [ParseNetwork]. Zero is "this network", that of the sender; 0xffffffff and 0xfffffffe are
// reserved for all networks and for the default route.
type Network = ipxwire.Network

// NodeAddr is the address of a station in its network, of six octets: on Ethernet its hardware address, so that
// NodeAddr(mac) converts an ethernet.Addr. In text it has twelve hexadecimal digits, 020000000001; see [ParseNode].
// [Broadcast] is every node. IsZero and IsGroup tell what is no station.
type NodeAddr = ipxwire.Node

// Broadcast is every node of a network.
var Broadcast = ipxwire.Broadcast

// SocketNumber is what a process of a node is reached by: a number like 0x4001; see [ParseSocket]. 0x0451 to 0x0457 are
// NetWare's services; 0x4000 to 0x7fff are given out to who asks for socket 0; from 0x8000 Novell assigned them to
// products.
type SocketNumber = ipxwire.Socket

// Header is a view of a packet, header and data: accessors (Source, Destination, Type, Hops, Data, …) over the octets,
// which it borrows. A Receiver gets one whose lengths are checked.
type Header = ipxwire.Header

// Fields is the content of a header, to send it: Hops, Type, Destination and Source. What is zero in Source is filled
// in by [Node.Send].
type Fields = ipxwire.Fields

// PacketType tells what a packet carries.
type PacketType = ipxwire.PacketType

// The packet types.
const (
	TypeUnknown = ipxwire.TypeUnknown // 0, which many programs send instead of TypePEP
	TypeRIP     = ipxwire.TypeRIP     // 1
	TypeEcho    = ipxwire.TypeEcho    // 2
	TypeError   = ipxwire.TypeError   // 3
	TypePEP     = ipxwire.TypePEP     // 4, Packet Exchange: plain datagrams
	TypeSPX     = ipxwire.TypeSPX     // 5
	TypeNCP     = ipxwire.TypeNCP     // 17
	TypeNetBIOS = ipxwire.TypeNetBIOS // 20: goes to all networks
)

// ParseAddr reads network, node and socket in hexadecimal, with : or . between them: 0000cafe:020000000001:4001. An
// empty part is zero: ":4001" is a socket of this node, as Listen takes it. There are no names to look up.
func ParseAddr(s string) (Addr, error) { return ipxwire.ParseAddr(s) }

// ParseNetwork reads one to eight hexadecimal digits, with 0x in front or without: cafe, 0000cafe, 0xcafe.
func ParseNetwork(s string) (Network, error) { return ipxwire.ParseNetwork(s) }

// ParseNode reads twelve hexadecimal digits, 020000000001, or six pairs with : or - between, 02:00:00:00:00:01, or one
// to six digits, 2a, which are a shorter address and stand at the right.
func ParseNode(s string) (NodeAddr, error) { return ipxwire.ParseNode(s) }

// ParseSocket reads one to four hexadecimal digits, with 0x in front or without; nothing is zero, a free socket.
func ParseSocket(s string) (SocketNumber, error) { return ipxwire.ParseSocket(s) }

// NetAddr is an address as package net wants it: a comparable value.
type NetAddr struct {
	Addr
	SPX bool // of a connection of SPX, not of a datagram socket
}

// Network implements net.Addr: ipx or spx.
func (a NetAddr) Network() string {
	if a.SPX {
		return "spx"
	}
	return "ipx"
}
