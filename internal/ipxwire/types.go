package ipxwire

import "fmt"

// PacketType tells what a packet carries.
type PacketType uint8

// The packet types. 16 to 31 are experimental, of which Novell took two.
const (
	TypeUnknown PacketType = 0
	TypeRIP     PacketType = 1
	TypeEcho    PacketType = 2
	TypeError   PacketType = 3
	TypePEP     PacketType = 4 // Packet Exchange: plain datagrams
	TypeSPX     PacketType = 5
	TypeNCP     PacketType = 17
	TypeNetBIOS PacketType = 20 // propagated: goes to all networks
)

// String gives the name, or "type 21".
func (t PacketType) String() string {
	switch t {
	case TypeUnknown:
		return "unknown"
	case TypeRIP:
		return "RIP"
	case TypeEcho:
		return "echo"
	case TypeError:
		return "error"
	case TypePEP:
		return "PEP"
	case TypeSPX:
		return "SPX"
	case TypeNCP:
		return "NCP"
	case TypeNetBIOS:
		return "NetBIOS"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// The sockets that the node or its tools know by name.
const (
	SocketXeroxRIP   Socket = 0x0001
	SocketEcho       Socket = 0x0002
	SocketError      Socket = 0x0003
	SocketNCP        Socket = 0x0451
	SocketSAP        Socket = 0x0452
	SocketRIP        Socket = 0x0453
	SocketNetBIOS    Socket = 0x0455
	SocketDiagnostic Socket = 0x0456
	SocketSerial     Socket = 0x0457 // serial numbers of NetWare servers
	SocketNWLink     Socket = 0x0553 // datagrams of NWLink that carry SMB

	SocketDynamic Socket = 0x4000 // the first of those that are given out
	SocketStatic  Socket = 0x8000 // the first of those that Novell assigns to products: never given out
)

// IsClientSocket reports whether NetWare's clients hear their servers' messages on a socket: 4001 the watchdog's, 4003
// those for the user. Wireshark reads every packet there as such a message.
func IsClientSocket(s Socket) bool { return s == 0x4001 || s == 0x4003 }

// String gives the name, or four hexadecimal digits.
func (s Socket) String() string {
	switch s {
	case SocketXeroxRIP:
		return "Xerox RIP"
	case SocketEcho:
		return "echo"
	case SocketError:
		return "error"
	case SocketNCP:
		return "NCP"
	case SocketSAP:
		return "SAP"
	case SocketRIP:
		return "RIP"
	case SocketNetBIOS:
		return "NetBIOS"
	case SocketDiagnostic:
		return "diagnostic"
	case SocketSerial:
		return "serialization"
	case SocketNWLink:
		return "NWLink"
	}
	return fmt.Sprintf("%04x", uint16(s))
}
