// Package dump writes a frame as text, one line a layer, for people: in the dump tool, in logs of tests, in
// scenarios.
//
//	ethernet 02:00:00:00:00:01 > 02:00:00:00:00:02, IPv4, 40 octets
//	ipv4 198.51.100.1 > 198.51.100.2, TCP, ttl 64, id 0x0001, df, 40 octets
//	tcp 49152 > 80 (www-http), flags S, seq 1, win 65535, mss 1460, sackok, 0 octets
//
// It reads Ethernet (all four frame types, tags), ARP and RARP (RFC 826, RFC 903), IPv4 (RFC 791), IPv6 with
// extension headers (RFC 8200), ICMP (RFC 792) and ICMPv6 (RFC 4443, RFC 4861) with the headers they quote, IGMP
// (RFC 2236, RFC 3376) and MLD (RFC 3810) in short, UDP (RFC 768), TCP with options (RFC 9293), DNS in short
// (RFC 1035), IPX, SPX and SPX II, and over IPX RIP, SAP, NetBIOS, NMPI, diagnostics, errors, the headers of NCP,
// serial numbers and a server's messages. What it does not know is hexadecimal.
//
// # IPX
//
// Layers, packet types, sockets and fields have Wireshark's names: a test holds each against the tables of tshark,
// and what we print of each frame against what tshark reads in it. What is in a packet is found out as Wireshark
// does, by the lower of both sockets, then the higher, then the packet type, with two exceptions: SPX is SPX whatever
// its sockets, and the sockets of NetWare's shell (4001, 4003) tell only of packets that are such messages. Of
// diagnostics and errors Wireshark knows nothing but the socket and the type; there the names are those of the
// codecs. Names that stations send are quoted, so that no octet of theirs reaches a terminal as it is.
//
// # Limits
//
// The input may be anything. Nothing beyond its end is read; a header that does not fit is shown as "short" with its
// octets; the depth of nested packets, the number of extension headers and the octets shown are bounded, so a frame
// gives at most a few kilobytes of text. The order of TCP options and unknown ones are kept.
//
// Checksums are verified where all octets are there, and only a wrong one is mentioned; of IPX, where few have one, a
// right one, too. A frame whose checksum is left to hardware looks wrong: finish it first with link.FinishChecksum.
package dump
