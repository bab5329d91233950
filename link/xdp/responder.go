package xdp

// ResponderStats count what the program answered itself, see Config.Responder. Such frames are in no other counter.
type ResponderStats struct {
	ARP     uint64 `json:"arp"`     // replies to ARP requests (RFC 826)
	Echo4   uint64 `json:"echo4"`   // ICMP echo replies (RFC 792)
	Echo6   uint64 `json:"echo6"`   // ICMPv6 echo replies (RFC 4443 §4.2)
	Solicit uint64 `json:"solicit"` // neighbour advertisements (RFC 4861 §4.4)
}

// The counters' places in the program's map.
const (
	countARP = iota
	countEcho4
	countEcho6
	countSolicit
	counts
)
