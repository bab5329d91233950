// Package ipxwire is what any tree that meets IPX needs of it: addresses, packet types, well-known sockets, and a
// checked view of the header (Novell, IPX Router Specification 1.30, the chapter on IPX; Xerox, Internet Transport
// Protocols, XSIS 028112, whose Internet Datagram Protocol the packet is).
//
// What decides where sources differ: the router specification and Wireshark's dissector give the fields and their
// names. Neither says how the real checksum is computed, and Wireshark does not verify it. Linux's af_ipx, which
// exchanged summed packets with NetWare servers, does: see Header.Sum.
package ipxwire
