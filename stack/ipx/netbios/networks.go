package netbios

import (
	"encoding/binary"
	"errors"
	"strings"

	"tapestry/internal/ipxwire"
)

// The list of networks that a propagated packet was on.
const (
	MaxNetworks = 8
	NetworksLen = 4 * MaxNetworks
)

// ErrShort tells that octets end within a field.
var ErrShort = errors.New("ipx netbios: short packet")

// Networks is a view of the list: no accessor can panic after ParseNetworks. It borrows, and Record changes, the
// memory it was parsed from.
type Networks []byte

// ParseNetworks gives the list at the head of the data of a packet of type 20.
func ParseNetworks(data []byte) (Networks, error) {
	if len(data) < NetworksLen {
		return nil, ErrShort
	}
	return Networks(data[:NetworksLen:NetworksLen]), nil
}

// At gives the network of slot i, of which there are MaxNetworks.
func (n Networks) At(i int) ipxwire.Network { return ipxwire.Network(binary.BigEndian.Uint32(n[4*i:])) }

// Has reports whether a packet that passed some routers was on a network. Slots that they did not fill mean nothing.
func (n Networks) Has(network ipxwire.Network, hops uint8) bool {
	for i := range min(int(hops), MaxNetworks) {
		if n.At(i) == network {
			return true
		}
	}
	return false
}

// Record adds the network that a packet came from, after hops routers. It reports false, and the packet ends here, if
// the list is full.
func (n Networks) Record(network ipxwire.Network, hops uint8) bool {
	if hops >= MaxNetworks {
		return false
	}
	binary.BigEndian.PutUint32(n[4*int(hops):], uint32(network))
	return true
}

// String gives the filled slots, as Wireshark shows them: those that are not zero.
func (n Networks) String() string {
	var s []string
	for i := range MaxNetworks {
		if at := n.At(i); at != 0 {
			s = append(s, at.String())
		}
	}
	return strings.Join(s, " ")
}

// List is the list as a value.
type List [MaxNetworks]ipxwire.Network

func (n Networks) list() (l List) {
	for i := range l {
		l[i] = n.At(i)
	}
	return l
}

// AppendTo appends the 32 octets of the list.
func (l List) AppendTo(b []byte) []byte {
	for _, n := range l {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return b
}
