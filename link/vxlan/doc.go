// Package vxlan stretches an Ethernet segment over UDP: RFC 7348, as the Linux kernel, Open vSwitch and the fabrics of
// data centres speak it. A [Device] is one tunnel end (VTEP) for one network identifier (VNI), on a [net.PacketConn]
// that is handed in: the machine's own UDP socket, or one of a host of ours.
//
// # Theory of operation
//
// A frame to be sent is looked up by its destination address:
//
//	static entry, or learned and not aged ──► that VTEP
//	anything else, broadcast, groups      ──► every peer of Config.Peers, and Config.Group if there is one
//
// A datagram that arrives is dropped and counted (see [Drops]) unless its sender is known: one of Peers, or within
// Allow. Then its header must have the I flag and our VNI; reserved bits are ignored (RFC 7348 §5). The inner source
// address is learned as behind the sender (RFC 7348 §4.1), until Age passes without a frame from it. It may move from one
// VTEP to another; a static entry does not, and a frame that claims its address from elsewhere is dropped.
//
// Frames are never sent back to where they came from: whoever bridges this device does not return frames to the port
// that gave them. Three VTEPs that list each other as peers form a full mesh, not a loop.
//
// Limits: MaxAddrs learned and static addresses in all, MaxPerPeer learned behind one VTEP, so that one peer cannot push
// out the others' (what is not learned is flooded). Aged entries are swept when the table is full, at most once between
// two moments at which something can have aged: no timer, no goroutine. Entries of VTEPs within Allow are bounded by
// the addresses behind them.
//
// What locks what: one mutex guards the table; a writer takes it once a batch. On the machine's own socket (Linux),
// datagrams come and go many a system call; they leave straight from the frames' memory, those of one length merged into
// one message that the kernel takes apart late (UDP_SEGMENT), and without waiting: what the socket has no room for is dropped.
// Any other net.PacketConn may make its writer wait, so a goroutine writes, behind a queue of QueueFrames; it ends with
// Close. Either way a super-frame is segmented in software first.
//
// # The underlay
//
// The encapsulation takes 50 octets of an IPv4 packet and 70 of an IPv6 packet, so the MTU is by default UnderlayMTU less
// that. A VTEP must not fragment (RFC 7348 §4.3): the machine's own socket is told so, unless Config.Fragment. An inner VLAN
// tag is not in the sum: with Tags, and a tag on a full frame, the underlay must carry four octets more.
//
// RFC 7348 §6.1: frames with a VLAN tag inside are dropped in both directions, unless Config.Tags is set: then they cross
// as they are, as between kernels.
//
// RFC 7348 §5 asks for an IPv4 UDP checksum of zero; the machine's own socket computes one unless Config.ZeroChecksum, which
// §5 allows and every receiver accepts. Over IPv6 a zero checksum (RFC 6935, RFC 6936) is accepted only with ZeroChecksum:
// without it the kernel drops what a peer sends so.
//
// Deviates: RFC 7348 §5 recommends a source port that is a hash of the inner frame. A net.PacketConn has one port, so all
// frames of a tunnel are one flow to the underlay's load balancing.
//
// Config.TTL, TOS, Group and the checksum are options of a socket: they work on a *net.UDPConn through x/net and on
// whatever has the methods SetTTL(uint8), JoinGroup(string, netip.Addr) and so on, which our hosts' sockets do, but for
// TOS. New fails where an option was asked for that the socket does not have.
//
// A kernel whose vxlan device lies on a veth leaves the inner checksum to that, and nobody computes it: switch it
// off there with `ethtool -K vxlan0 tx off`. Network cards compute it, and so does a host of ours at the other end of a TAP.
//
// One socket serves one VNI; another VNI takes another port or address.
package vxlan
