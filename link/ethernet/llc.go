package ethernet

import "fmt"

// SAP is a service access point of LLC: the protocol of an 802.2 payload.
type SAP uint8

// The service access points that the stack or its tools know by name.
const (
	SAPNull    SAP = 0x00
	SAPSTP     SAP = 0x42 // IEEE 802.1D spanning tree
	SAPSNAP    SAP = 0xaa
	SAPIPX     SAP = 0xe0
	SAPNetBIOS SAP = 0xf0
	SAPGlobal  SAP = 0xff
)

// String gives the protocol's name, or the value in hexadecimal.
func (s SAP) String() string {
	switch s {
	case SAPNull:
		return "null"
	case SAPSTP:
		return "STP"
	case SAPSNAP:
		return "SNAP"
	case SAPIPX:
		return "IPX"
	case SAPNetBIOS:
		return "NetBIOS"
	case SAPGlobal:
		return "global"
	}
	return fmt.Sprintf("0x%02x", uint8(s))
}

// ControlUI is the control field of unnumbered information, LLC's datagram (IEEE 802.2 §5.4.1).
const ControlUI = 0x03

// LLC is the header of IEEE 802.2 §3.2.
type LLC struct {
	DSAP, SSAP SAP
	Control    uint8
	Control2   uint8 // second octet of the information and supervisory formats; not there in unnumbered ones
}

// Len is the header's length: the control field has one octet if its two lowest bits, sent first, are set
// (IEEE 802.2 §5.2).
func (l LLC) Len() int { return llcLen(l.Control) }

// String gives the access points and the control field.
func (l LLC) String() string {
	s := fmt.Sprintf("dsap %v ssap %v control 0x%02x", l.DSAP, l.SSAP, l.Control)
	if l.Len() == 4 {
		s += fmt.Sprintf("%02x", l.Control2)
	}
	return s
}

// llcLen is the length of an LLC header whose control field starts with c.
func llcLen(c byte) int {
	if c&3 == 3 {
		return 3
	}
	return 4
}

// parseLLC reads a header of 3 octets or more.
func parseLLC(b []byte) LLC {
	l := LLC{DSAP: SAP(b[0]), SSAP: SAP(b[1]), Control: b[2]}
	if len(b) > 3 && l.Len() == 4 {
		l.Control2 = b[3]
	}
	return l
}

func (l LLC) appendTo(b []byte) []byte {
	b = append(b, byte(l.DSAP), byte(l.SSAP), l.Control)
	if l.Len() == 4 {
		b = append(b, l.Control2)
	}
	return b
}

// OUI names an organization; in a SNAP header, who numbers the protocols.
type OUI [3]byte

// OUIBridge marks EtherTypes that a bridge tunnelled (IEEE 802.1H §6). The zero OUI marks them at large (RFC 1042).
var OUIBridge = OUI{0x00, 0x00, 0xf8}

// String gives the OUI as 00-00-f8.
func (o OUI) String() string { return fmt.Sprintf("%02x-%02x-%02x", o[0], o[1], o[2]) }
