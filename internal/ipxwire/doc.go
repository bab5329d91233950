// Package ipxwire is what any tree that meets IPX needs of it: addresses, packet types, well-known sockets, and a checked
// view of the header (Novell, IPX Router Specification 1.30 §2; Xerox, Internet Transport Protocols, XSIS 028112 §3, whose
// IDP the packet is).
//
// What decides where sources differ: the router specification and Wireshark's dissector give the fields and names, the
// NetWare server the real checksum (see Header.Sum).
package ipxwire
