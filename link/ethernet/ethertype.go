package ethernet

import "fmt"

// EtherType names the protocol of an Ethernet II or SNAP payload.
type EtherType uint16

// The EtherTypes that the stack or its tools know by name.
const (
	TypeIPv4      EtherType = 0x0800
	TypeX75       EtherType = 0x0801
	TypeX25       EtherType = 0x0805
	TypeARP       EtherType = 0x0806
	TypeXNS       EtherType = 0x0807
	TypeRARP      EtherType = 0x8035
	TypeDECBridge EtherType = 0x8038
	TypeAppleTalk EtherType = 0x809b
	TypeVLAN      EtherType = 0x8100
	TypeIPX       EtherType = 0x8137
	TypeIPv6      EtherType = 0x86dd
	TypeQinQ      EtherType = 0x88a8
	TypeLLDP      EtherType = 0x88cc
)

// MinEtherType is the smallest value that is a type; a smaller one (at most MaxLength) is a length (IEEE 802.3 §3.2.6).
const MinEtherType EtherType = 0x0600

var typeNames = map[EtherType]string{
	TypeIPv4: "IPv4", TypeX75: "X.75", TypeX25: "X.25", TypeARP: "ARP", TypeXNS: "XNS", TypeRARP: "RARP",
	TypeDECBridge: "DEC LANBridge", TypeAppleTalk: "AppleTalk", TypeVLAN: "802.1Q", TypeIPX: "IPX",
	TypeIPv6: "IPv6", TypeQinQ: "802.1ad", TypeLLDP: "LLDP",
}

// String gives the protocol's name, or the value in hexadecimal.
func (t EtherType) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return fmt.Sprintf("0x%04x", uint16(t))
}
