// Package netbios is the codec of NetBIOS over IPX, for dumps, and of the list of networks at the head of each
// propagated packet, by which routers carry it on.
//
// Two protocols share the list and the names: NBIPX, Novell's NetBIOS emulation on socket 0455, and NMPI, which
// Windows speaks on socket 0553. Neither has a public specification. What decides the fields is Wireshark 4.0's
// dissector, held by a test, and captures of Windows NT, and for the list Microsoft's "How Routers Handle IPX Type 20
// NetBIOS Packets" (Q149270) and Novell's IPX Router Specification 1.30. Numbers in session packets are
// little-endian, unlike all else of IPX.
//
// # Propagation
//
// A packet of type 20 starts with eight networks. Its hops say how many of them are filled: each router adds the
// network that the packet came from, and sends it to all others that are not in the list. With eight filled it goes
// no farther.
//
// Left out: the NetBIOS service itself. No station here has a NetBIOS name.
package netbios
