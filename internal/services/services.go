package services

import "strings"

// laterProtocols were unassigned in RFC 1700.
var laterProtocols = map[uint8]string{
	58: "ICMPv6", 59: "IPv6-NoNxt", 60: "IPv6-Opts", 103: "PIM", 112: "VRRP", 115: "L2TP", 132: "SCTP", 136: "UDPLite",
}

// protocolAliases are the names of /etc/protocols that differ from RFC 1700's.
var protocolAliases = map[string]uint8{"ip": 0, "idp": 22, "raw": 255, "ipv6": 41, "esp": 50, "ah": 51, "ipv6-icmp": 58}

// laterPorts are unassigned in RFC 1700, or lie above its first 150. Both networks know them.
var laterPorts = map[uint16]string{
	22: "ssh", 161: "snmp", 162: "snmptrap", 179: "bgp", 194: "irc", 389: "ldap", 443: "https", 445: "microsoft-ds",
	500: "isakmp", 514: "syslog", 515: "printer", 520: "rip", 521: "ripng", 546: "dhcpv6-client", 547: "dhcpv6-server",
	587: "submission", 631: "ipp", 853: "domain-s", 993: "imaps", 995: "pop3s", 2049: "nfs", 4789: "vxlan", 5353: "mdns",
}

// portAliases are names in common use for ports that RFC 1700 calls otherwise.
var portAliases = map[string]uint16{"http": 80, "www": 80, "whois": 43, "nbname": 137, "nbdatagram": 138, "nbsession": 139, "imap": 143}

// X Window System displays 0 to 63 listen from this port on (RFC 1013).
const (
	x11First = 6000
	x11Last  = 6063
)

// Protocol is the name of an internet protocol number, or "" for one that has none.
func Protocol(n uint8) string {
	if s := protocols[n]; s != "" {
		return s
	}
	return laterProtocols[n]
}

// LookupProtocol gives the number of a protocol, in upper or lower case.
func LookupProtocol(name string) (uint8, bool) {
	if n, ok := protocolAliases[strings.ToLower(name)]; ok {
		return n, true
	}
	for n := range 256 {
		if s := Protocol(uint8(n)); s != "" && strings.EqualFold(s, name) {
			return uint8(n), true
		}
	}
	return 0, false
}

// Port is the name of a port of network "tcp" or "udp", or "" for one that has none.
func Port(network string, port uint16) string {
	switch {
	case port == 100 && network == "udp":
		return "" // newacct is the one name of TCP alone
	case int(port) < len(ports) && ports[port] != "":
		return ports[port]
	case port >= x11First && port <= x11Last && network == "tcp":
		return "x11"
	}
	return laterPorts[port]
}

// LookupPort gives the lowest port of network "tcp" or "udp" that has a name.
func LookupPort(network, name string) (uint16, bool) {
	name = strings.ToLower(name)
	if n, ok := portAliases[name]; ok {
		return n, true
	}
	for n := range uint16(x11Last + 1) {
		if s := Port(network, n); s != "" && s == name {
			return n, true
		}
	}
	return 0, false
}
