// Package stack is one host: interfaces to link devices, ARP, IPv4, IPv6, ICMP, UDP and TCP on gVisor's engine, IPX and
// SPX beside it, and sockets that behave as package net's.
//
// [Host.AddInterface] gives a host a wire, [Host.Dial], [Host.Listen] and [Host.ListenPacket] its sockets: networks
// "tcp", "udp", "ip:icmp" and so on as package net has them, and "ipx" and "spx" once [Interface.AddIPX] gave an
// interface a network. The addresses of those two are 0000cafe:020000000001:4001, network, node and socket in
// hexadecimal ([ipx.ParseAddr]); there are no names to look up. To dial, the node is needed; to listen, ":4001" is a
// socket of all of the host. The example of [Interface.AddIPX] is two hosts with a datagram and a connection between
// them; what else a node of IPX has (ping, routes, services) is at [Host.IPX] and [Host.SPX].
//
// # Theory of operation
//
//	link.Device ── ReadFrames ──► receiver ──► demux by EtherType, LLC, SNAP ──► gVisor's network endpoint ──► sockets
//	            │                    │                                       └─► Handler (protocols beside gVisor's)
//	            │                    └─► plain datagrams: inline handlers, UDP batches, echo ──┐
//	            ◄─ WriteFrames ── answers of the batch ◄───────────────────────────────────────┘
//	            ◄─ WriteFrames ── nic.WritePackets ◄── gVisor
//	            ◄─ WriteFrames ── ipxHost.flush ◄── ipx.Stack ◄── frames of IPX, spx.Transport
//
// One goroutine a device queue reads frames and carries each to its end: into a socket's buffer, through an inline
// handler and back out, or into a counter. gVisor's TCP runs on goroutines of its own, its timers too.
//
// What the engine need not see is taken before it, see shortcut.go: plain datagrams for an inline handler (level (b); what
// comes to it through the engine is level (a), inline_packet.go) or for a UDP socket that reads batches, and echo
// requests. [Config].NoShortcut turns that off.
//
// The adapter (nic.go, send.go, recv.go) is the only place that knows both a device and gVisor. It decides what gVisor
// cannot: whether the checksums of a frame are still to be verified (a partial checksum or a verified one needs no
// look, all others are summed, also after reassembly), whether an ICMP error quotes a segment that is in flight
// (flows.go, icmpcheck.go: RFC 5927 §4), and who else claims an address of ours (announce.go: RFC 5227 §2.4).
//
// IPX and SPX are beside the engine (packages ipx and spx): a node for all of a host, of which each frame type of an
// interface is a port (ipx_iface.go). Frames of the four types are told apart in ipx_frame.go; a batch of them is
// handed on under one lock, and what the node sends is collected for each interface and written before the lock is
// given up (ipx_recv.go, ipx_send.go). The frame type may be found out (ipx_auto.go). What knows no IPX pays one
// comparison.
//
// # Limits
//
//   - sequence ranges of 2 × 8192 TCP flows for each interface; an error about a forgotten flow is dropped
//   - reassembly: gVisor's, 4 MiB for each IP version and 30 s for a datagram (RFC 791 §3.2) or 60 s (RFC 8200 §4.5)
//   - socket buffers and backlogs: [TCPConfig]
//   - events of router advertisements waiting: 256
//   - ways back that the shortcut keeps for each interface: 1024, direct-mapped
//
// # Locks
//
// Host.mu guards the tables of interfaces and of open sockets and is never held while gVisor is called, except to
// create an interface. nic.mu guards the device's last description. flows.mu, conflicts.mu and handlers.mu are leaves.
//
// The lock of the node of IPX is taken with none of these held, except ipxHost.mu, which makes it; while a receiver
// holds it, no frame goes to the engine. Devices are written to under it, since writing never blocks.
//
// The shortcut's data path takes none: it reads tables that are replaced as a whole, and asks the engine again when the
// epoch has changed. shortcuts.mu is a leaf for those who change the table of takers.
//
// Sources: RFC 826, RFC 894, RFC 791, RFC 792, RFC 768, RFC 9293, RFC 8200, RFC 4443, RFC 4861, RFC 4862, RFC 5227,
// RFC 5927, RFC 1213; for frames of IPX see ipx_frame.go.
//
// Deviates: gVisor has no ECN (RFC 3168), PAWS (RFC 7323 §5), Fast Open (RFC 7413), urgent data (RFC 9293 §3.8.5)
// and packetization-layer path MTU discovery (RFC 4821). Its acknowledgements are delayed by the adapter (delack.go).
package stack
