//go:build linux

package bench

import (
	"encoding/binary"
	"net"
	"net/netip"

	"tapestry/bench/internal/lean"
	"tapestry/internal/ipxwire"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// frameSocket is the near end of IPX: whole frames through a socket of AF_PACKET, the same header before each
// datagram. The kernel adds nothing and looks at nothing. For comparison it does the same with UDP.
type frameSocket struct {
	lean.Socket
	path  *path
	to    uint16
	head  []byte // before a datagram of that size
	size  int
	frame []byte // that is written, then the one that was read
}

const (
	etherIPX = 0x8137
	etherIP  = header.IPv4ProtocolNumber
	nearPort = 0x8fff // also a socket of IPX
)

// dialFrames opens the near end of a path whose frames it makes itself, to a port or socket of the far end.
func dialFrames(p *path, to string) (*frameSocket, error) {
	at, err := netip.ParseAddrPort(to)
	if err != nil {
		return nil, err
	}
	ifi, err := net.InterfaceByName(p.device())
	if err != nil {
		return nil, err
	}
	kind := uint16(etherIPX)
	if p.frames == overUDP {
		kind = uint16(etherIP)
	}
	s, err := lean.Packet(ifi.Index, kind)
	return &frameSocket{Socket: s, path: p, to: at.Port(), frame: make([]byte, datagramSize)}, err
}

// headFor gives what stands before a datagram of size octets.
func (s *frameSocket) headFor(size int) []byte {
	if s.head == nil || s.size != size {
		s.head, s.size = s.path.frameHead(s.to, size), size
	}
	return s.head
}

// frameHead makes all that stands before a datagram of size octets.
func (p *path) frameHead(to uint16, size int) []byte {
	b := append(append([]byte(nil), stationAddr[:]...), nearAddr[:]...)
	if p.frames == overIPX {
		b = binary.BigEndian.AppendUint16(b, etherIPX)
		source := ipxwire.Addr{Net: benchNet, Node: ipxwire.Node(nearAddr), Socket: nearPort}
		return ipxwire.Fields{Type: ipxwire.TypePEP, Destination: farNode(to), Source: source}.AppendTo(b, size)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(etherIP))
	at := len(b)
	b = append(b, make([]byte, header.IPv4MinimumSize+header.UDPMinimumSize)...)
	p.fillUDP(b[at:], to, size)
	return b
}

// fillUDP makes the headers of a datagram without a checksum of its own, which RFC 768 allows over IPv4.
func (p *path) fillUDP(b []byte, to uint16, size int) {
	ip, udp := header.IPv4(b), header.UDP(b[header.IPv4MinimumSize:])
	ip.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(b) + size), TTL: 64, Protocol: uint8(header.UDPProtocolNumber), Flags: header.IPv4FlagDontFragment,
		SrcAddr: tcpip.AddrFrom4(p.maker().As4()), DstAddr: tcpip.AddrFrom4(p.far().As4()),
	})
	ip.SetChecksum(^ip.CalculateChecksum())
	udp.Encode(&header.UDPFields{SrcPort: nearPort, DstPort: to, Length: uint16(header.UDPMinimumSize + size)})
}

// Write sends a datagram.
func (s *frameSocket) Write(b []byte) (int, error) {
	n := copy(s.frame, s.headFor(len(b)))
	n += copy(s.frame[n:], b)
	if _, err := s.Socket.Write(s.frame[:n]); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Read reads a datagram of the same protocol. A frame may be longer than what is in it.
func (s *frameSocket) Read(b []byte) (int, error) {
	n, err := s.Socket.Read(s.frame)
	if err != nil {
		return 0, err
	}
	return copy(b, s.frame[min(len(s.head), n):n]), nil
}
