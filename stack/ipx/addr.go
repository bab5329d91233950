package ipx

import (
	"tapestry/internal/ipxwire"
)

// What the wire format calls these, under the names that users of a node need.
type (
	Addr         = ipxwire.Addr
	Network      = ipxwire.Network
	NodeAddr     = ipxwire.Node
	SocketNumber = ipxwire.Socket
	Header       = ipxwire.Header
	Fields       = ipxwire.Fields
	PacketType   = ipxwire.PacketType
)

// ParseAddr reads network:node:socket; see [ipxwire.ParseAddr].
func ParseAddr(s string) (Addr, error) { return ipxwire.ParseAddr(s) }

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
