package dump

import (
	"fmt"

	"tapestry/internal/ipxwire"
)

// Sockets that only dissectors need to know.
const (
	socketMessage   ipxwire.Socket = 0x4001
	socketMessage1  ipxwire.Socket = 0x4003
	socketNameQuery ipxwire.Socket = 0x0551
	socketMailslot  ipxwire.Socket = ipxwire.SocketNWLink
)

// The names in this file are Wireshark's: a test holds each against what tshark -G values prints.

// ipxType gives a packet type's name, or "type 21".
func ipxType(t ipxwire.PacketType) string {
	switch {
	case ipxTypes[t] != "":
		return ipxTypes[t]
	case t >= 16 && t <= 31:
		return "Experimental Protocol"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

var ipxTypes = map[ipxwire.PacketType]string{
	ipxwire.TypeUnknown: "IPX",
	ipxwire.TypeRIP:     "RIP",
	ipxwire.TypeEcho:    "Echo",
	ipxwire.TypeError:   "Error",
	ipxwire.TypePEP:     "PEP",
	ipxwire.TypeSPX:     "SPX",
	ipxwire.TypeNCP:     "NCP",
	ipxwire.TypeNetBIOS: "NetBIOS Broadcast",
}

// ipxSockets are the names of sockets. Wireshark has none for those of Xerox but 2, which Cisco's ping uses.
var ipxSockets = map[ipxwire.Socket]string{
	ipxwire.SocketXeroxRIP: "Xerox RIP",
	0x0002:                 "CISCO PING",
	ipxwire.SocketError:    "Error",
	0x0451:                 "NCP",
	0x0452:                 "SAP",
	0x0453:                 "RIP",
	0x0455:                 "NetBIOS",
	0x0456:                 "Diagnostic",
	0x0457:                 "Serialization",
	0x0550:                 "NWLink SMB Server",
	0x0551:                 "NWLink SMB Name Query",
	0x0552:                 "NWLink SMB Redirector",
	0x0553:                 "NWLink SMB Mailslot Datagram",
	0x0554:                 "NWLink SMB Messenger",
	0x0555:                 "NWLink SMB Browse",
	0x055d:                 "Attachmate Gateway",
	0x4001:                 "IPX Message",
	0x4003:                 "IPX Message",
	0x4006:                 "NetWare Directory Server",
	0x400c:                 "HP LaserJet/QuickSilver",
	0x8104:                 "NetWare 386",
	0x8522:                 "ADSM",
	0x85be:                 "Cisco EIGRP for IPX",
	0x8f83:                 "Powerchute UPS Monitoring",
	0x9001:                 "NetWare Link Services Protocol",
	0x9004:                 "IPX WAN",
	0x900f:                 "SNMP Agent",
	0x9010:                 "SNMP Sink",
	0x907b:                 "SMS Testing and Development",
	0x9086:                 "Novell PING",
	0x9091:                 "TCP Tunnel",
	0x9092:                 "UDP Tunnel",
	0x90b2:                 "NDPS Printer Agent/PSM",
	0x90b3:                 "NDPS Broker",
	0x90b4:                 "NDPS Service Registry Service",
	0x90b5:                 "NDPS Event Notification Service",
	0x90b6:                 "NDPS Remote Management Service",
	0x90b7:                 "NDPS Notify Listener",
	0xe885:                 "NT Server-RPC/GW",
}

// ncpTypes are the kinds of packets of the NetWare Core Protocol.
var ncpTypes = map[uint16]string{
	ncpCreate:    "Create a service connection",
	ncpRequest:   "Service request",
	ncpReply:     "Service reply",
	ncpWatchdog:  "Watchdog",
	ncpDestroy:   "Destroy service connection",
	ncpBroadcast: "Server Broadcast",
	ncpBurst:     "Burst mode transfer",
	ncpBusy:      "Request being processed",
	ncpLIPEcho:   "Large Internet Packet Echo",
}

// messageSigns are what a NetWare server and a station's shell tell each other.
var messageSigns = map[byte]string{
	'?': "Poll inactive station",
	'Y': "Station is still using the connection",
	'!': "Broadcast message waiting",
}
