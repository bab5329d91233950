package diag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"tapestry/internal/ipxwire"
)

// ComponentID is what a component of a station is.
type ComponentID uint8

// The components. A router, a server and a nondedicated server carry the networks they are on.
const (
	IPXSPX             ComponentID = 0
	RouterDriver       ComponentID = 1
	LANDriver          ComponentID = 2
	Shell              ComponentID = 3
	VAPShell           ComponentID = 4
	Router             ComponentID = 5
	FileServer         ComponentID = 6
	NondedicatedServer ComponentID = 7
	DOSApplication     ComponentID = 9
)

// String gives the name, or "component 12".
func (c ComponentID) String() string {
	switch c {
	case IPXSPX:
		return "IPX/SPX"
	case RouterDriver:
		return "router driver"
	case LANDriver:
		return "LAN driver"
	case Shell:
		return "shell"
	case VAPShell:
		return "VAP shell"
	case Router:
		return "router"
	case FileServer:
		return "file server or router"
	case NondedicatedServer:
		return "nondedicated server or router"
	case DOSApplication:
		return "DOS application"
	}
	return fmt.Sprintf("component %d", uint8(c))
}

// HasNetworks reports whether a list of networks follows the component.
func (c ComponentID) HasNetworks() bool { return c >= Router && c <= NondedicatedServer }

// NetworkType is what joins a station to a network.
type NetworkType uint8

// The network types.
const (
	LANBoard     NetworkType = 0
	VirtualBoard NetworkType = 1 // of a network inside the station
	RemoteLine   NetworkType = 2
)

// String gives the name, or "type 7".
func (t NetworkType) String() string {
	switch t {
	case LANBoard:
		return "LAN board"
	case VirtualBoard:
		return "virtual board"
	case RemoteLine:
		return "remote line"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// LocalNetwork is a network that a station is on, and its address there.
type LocalNetwork struct {
	Type    NetworkType
	Network ipxwire.Network
	Node    ipxwire.Node
}

// Component is a part of a station.
type Component struct {
	ID       ComponentID
	Networks []LocalNetwork // if ID.HasNetworks
}

// Response is what a station answers.
type Response struct {
	Major, Minor uint8          // of the responder: 1.0 of servers, 1.1 of clients
	SPXSocket    ipxwire.Socket // where it answers over SPX; zero: nowhere
	Components   []Component
}

const (
	responseLen = 5
	networkLen  = 11
	maxCount    = 255 // what the octet of a count can say
)

// Why octets are no response, or a response cannot be written.
var (
	ErrResponse = errors.New("ipx diagnostic: response shorter than its lists of components and networks")
	ErrCount    = errors.New("ipx diagnostic: more than 255 components or networks, or networks of a component without")
)

// ParseResponse reads a response. Octets beyond the lists are not looked at. The counts are octets, so memory is
// bounded by what arrived.
func ParseResponse(b []byte) (Response, error) {
	if len(b) < responseLen {
		return Response{}, ErrResponse
	}
	r := Response{Major: b[0], Minor: b[1], SPXSocket: ipxwire.Socket(binary.BigEndian.Uint16(b[2:]))}
	n := int(b[4])
	b = b[responseLen:]
	if n > len(b) {
		return Response{}, ErrResponse
	}
	for range n {
		if len(b) < 1 {
			return Response{}, ErrResponse
		}
		c := Component{ID: ComponentID(b[0])}
		b = b[1:]
		if c.ID.HasNetworks() {
			var err error
			if c.Networks, b, err = parseNetworks(b); err != nil {
				return Response{}, err
			}
		}
		r.Components = append(r.Components, c)
	}
	return r, nil
}

func parseNetworks(b []byte) (all []LocalNetwork, rest []byte, err error) {
	if len(b) < 1 || len(b) < 1+int(b[0])*networkLen {
		return nil, nil, ErrResponse
	}
	n := int(b[0])
	b = b[1:]
	for range n {
		all = append(all, LocalNetwork{
			Type:    NetworkType(b[0]),
			Network: ipxwire.Network(binary.BigEndian.Uint32(b[1:])),
			Node:    ipxwire.Node(b[5:networkLen]),
		})
		b = b[networkLen:]
	}
	return all, b, nil
}

// AppendTo appends the response.
func (r Response) AppendTo(b []byte) ([]byte, error) {
	if len(r.Components) > maxCount {
		return b, ErrCount
	}
	for _, c := range r.Components {
		if len(c.Networks) > maxCount || len(c.Networks) > 0 && !c.ID.HasNetworks() {
			return b, ErrCount
		}
	}
	b = append(b, r.Major, r.Minor)
	b = binary.BigEndian.AppendUint16(b, uint16(r.SPXSocket))
	b = append(b, byte(len(r.Components)))
	for _, c := range r.Components {
		b = c.appendTo(b)
	}
	return b, nil
}

func (c Component) appendTo(b []byte) []byte {
	b = append(b, byte(c.ID))
	if !c.ID.HasNetworks() {
		return b
	}
	b = append(b, byte(len(c.Networks)))
	for _, n := range c.Networks {
		b = append(b, byte(n.Type))
		b = binary.BigEndian.AppendUint32(b, uint32(n.Network))
		b = append(b, n.Node[:]...)
	}
	return b
}

// String describes the response on one line.
func (r Response) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "configuration response %d.%d, SPX socket %04x", r.Major, r.Minor, uint16(r.SPXSocket))
	for _, c := range r.Components {
		fmt.Fprintf(&s, ", %v", c.ID)
		for _, n := range c.Networks {
			fmt.Fprintf(&s, " %v:%v (%v)", n.Network, n.Node, n.Type)
		}
	}
	return s.String()
}
