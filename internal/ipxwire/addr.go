package ipxwire

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// AddrLen is the length of an address in a header: network 4, node 6, socket 2 octets.
const AddrLen = 12

// Network is the number of an IPX network, which the administrator assigns. Zero is the network of the sender.
type Network uint32

// AllNetworks is the destination network of RIP that asks for all routes.
const AllNetworks Network = 0xffffffff

// String gives eight hexadecimal digits: 0000cafe.
func (n Network) String() string { return fmt.Sprintf("%08x", uint32(n)) }

// MarshalText gives String.
func (n Network) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText is ParseNetwork.
func (n *Network) UnmarshalText(b []byte) (err error) {
	*n, err = ParseNetwork(string(b))
	return err
}

// ParseNetwork reads one to eight hexadecimal digits, with 0x in front or without.
func ParseNetwork(s string) (Network, error) {
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || !isHex(digits) || len(digits) > 8 {
		return 0, fmt.Errorf("ipx: %q is no network number; want one to eight hexadecimal digits, like 0000cafe", s)
	}
	return Network(v), nil
}

// Node is the address of a station in its network: on Ethernet its hardware address. Shorter addresses stand at the
// right.
type Node [6]byte

// Broadcast is every node of a network.
var Broadcast = Node{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// IsZero reports whether there is no address.
func (n Node) IsZero() bool { return n == Node{} }

// IsGroup reports whether it is Broadcast or another address that no single station has (IEEE 802 §8.2).
func (n Node) IsGroup() bool { return n[0]&1 != 0 }

// String gives twelve hexadecimal digits: 020000000001.
func (n Node) String() string { return hex.EncodeToString(n[:]) }

// MarshalText gives String.
func (n Node) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText is ParseNode.
func (n *Node) UnmarshalText(b []byte) (err error) {
	*n, err = ParseNode(string(b))
	return err
}

// shortDigits are as many as a shorter address may have. More, but not twelve, are more likely a mistake: with one
// digit missing or too much, all others would be another node's.
const shortDigits = 6

// ParseNode reads twelve hexadecimal digits, or six pairs with : or - between, or one to six digits, which are a
// shorter address and stand at the right.
func ParseNode(s string) (n Node, err error) {
	bad := fmt.Errorf("ipx: %q is no node; want twelve hexadecimal digits, like 020000000001, or at most six "+
		"of a short address, like 2a", s)
	digits := s
	if strings.ContainsAny(s, ":-") {
		if len(s) != 17 || strings.Count(s, s[2:3]) != 5 {
			return n, bad
		}
		digits = strings.ReplaceAll(s, s[2:3], "")
		if len(digits) != 12 {
			return n, bad
		}
	}
	if !isHex(digits) || len(digits) > shortDigits && len(digits) != 12 {
		return n, bad
	}
	_, err = hex.Decode(n[:], []byte(strings.Repeat("0", 12-len(digits))+digits))
	return n, err
}

// Short gives the node with a shorter address, of at most six octets, at the right.
func Short(b []byte) (n Node, ok bool) {
	if len(b) > len(n) {
		return n, false
	}
	copy(n[len(n)-len(b):], b)
	return n, true
}

// Socket is what a process of a node is reached by.
type Socket uint16

// Addr is an address: comparable, usable as a key of a map, and as the zero value no address of anybody.
type Addr struct {
	Net    Network
	Node   Node
	Socket Socket
}

// String gives 0000cafe:020000000001:4001, as Dial takes it.
func (a Addr) String() string {
	return fmt.Sprintf("%08x:%x:%04x", uint32(a.Net), a.Node[:], uint16(a.Socket))
}

// MarshalText gives String.
func (a Addr) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is ParseAddr.
func (a *Addr) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAddr(string(b))
	return err
}

// Compare orders by network, node and socket.
func (a Addr) Compare(b Addr) int {
	return cmp.Or(cmp.Compare(a.Net, b.Net), bytes.Compare(a.Node[:], b.Node[:]), cmp.Compare(a.Socket, b.Socket))
}

var errAddr = errors.New("want network:node:socket in hexadecimal, like 0000cafe:020000000001:4001")

// ParseAddr reads network, node and socket, with : or . between them. An empty part is zero: ":4001" is a socket of
// this node, as Listen takes it.
func ParseAddr(s string) (Addr, error) {
	network, node, socket, err := split(s)
	if err != nil {
		return Addr{}, fmt.Errorf("ipx: address %q: %w", s, err)
	}
	var a Addr
	if network != "" {
		if a.Net, err = ParseNetwork(network); err != nil {
			return Addr{}, err
		}
	}
	if node != "" {
		if a.Node, err = ParseNode(node); err != nil {
			return Addr{}, err
		}
	}
	if a.Socket, err = ParseSocket(socket); err != nil {
		return Addr{}, err
	}
	return a, nil
}

// split finds the parts: the socket is behind the last separator, the network before the first.
func split(s string) (network, node, socket string, err error) {
	first, last := strings.IndexAny(s, ":."), strings.LastIndexAny(s, ":.")
	switch {
	case last < 0:
		return "", "", "", errAddr
	case first == last && first == 0:
		return "", "", s[1:], nil
	case first == last:
		return "", "", "", errAddr
	}
	return s[:first], s[first+1 : last], s[last+1:], nil
}

// ParseSocket reads one to four hexadecimal digits, with 0x in front or without, or nothing, which is zero.
func ParseSocket(s string) (Socket, error) {
	if s == "" {
		return 0, nil
	}
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
	v, err := strconv.ParseUint(digits, 16, 16)
	if err != nil || !isHex(digits) || len(digits) > 4 {
		return 0, fmt.Errorf("ipx: %q is no socket; want one to four hexadecimal digits, like 4001", s)
	}
	return Socket(v), nil
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// parseAddr reads the twelve octets of an address.
func parseAddr(b []byte) Addr {
	return Addr{
		Net:    Network(binary.BigEndian.Uint32(b)),
		Node:   Node(b[4:10]),
		Socket: Socket(binary.BigEndian.Uint16(b[10:])),
	}
}

// AppendTo appends the twelve octets of the address.
func (a Addr) AppendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(a.Net))
	b = append(b, a.Node[:]...)
	return binary.BigEndian.AppendUint16(b, uint16(a.Socket))
}
