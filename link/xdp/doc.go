// Package xdp is a set of AF_XDP sockets on a network interface that exists: frames for this station leave the
// kernel's receive path before the kernel makes packets of them, and come out here; what is written leaves through
// the interface.
//
// Sources: the kernel's Documentation/networking/af_xdp.rst and its UAPI headers if_xdp.h and bpf.h; for the program
// RFC 826, RFC 791, RFC 792, RFC 8200, RFC 4443, RFC 4861 and RFC 4291 §2.7.1, for its checksums RFC 1071 and RFC 1624.
//
// # Theory of operation
//
//	wire ──► driver ──► redirect program ──┬─ not ours ──► kernel
//	                                       └─ ours ──► socket of the receive queue
//
//	                  fill ──────►          the chunks' way: each ring has room for all of them
//	ReadFrames ◄── rx ◄── copy   kernel
//	WriteFrames ── copy ──► tx ──►
//	                  ◄────── completion
//
// The program is assembled here (cilium/ebpf's asm: no compiler on the user's machine) with the addresses as
// constants, and hung to the interface by a link, which ends with its last descriptor: a process that dies leaves the
// interface clean. [Device.SetAddresses] replaces the program in one step. A queue without a socket, and a frame that
// comes while the device is being opened, go to the kernel. XDP cannot copy a frame: each is either ours or the
// kernel's, broadcasts too.
//
//   - By default all frames for Config.Addr are ours, and groups unless NoBroadcast or NoMulticast leaves them to the
//     kernel. This is for an interface that is meant for the device alone: the kernel gets no ARP there.
//   - With Config.Addresses the two share an interface and its hardware address: ours are ARP for, and packets to,
//     these addresses, and IPv6 packets to their solicited-node groups. Other groups stay with the kernel, so there
//     is no SLAAC, no DHCP by broadcast and no multicast. Tagged frames stay there too.
//
// Each receive queue of the interface has a socket with memory of its own (UMEM): Config.Ring chunks to receive into
// and as many to send from. The kernel borrows and returns them through four rings in shared memory. A received frame
// is copied into pooled memory, because its owner may keep it for long, and its chunk goes back to the fill ring at
// once; a written one is copied into a chunk. Neither allocates. Where the kernel says that it needs no wake-up
// (XDP_USE_NEED_WAKEUP) there is no system call.
//
// One goroutine reads a queue; it waits in Go's netpoller, no thread blocks. Writers share a mutex a queue (sendMu).
// All use of shared memory happens inside calls of syscall.RawConn, which hold the descriptor open; Close closes it,
// waits for those, and unmaps. The order of locks is Device.mu, readMu, sendMu.
//
// Polling the sockets does not tell that their interface was removed. One goroutine a device reads the kernel's link
// messages for that, with a responder another one its messages about XDP features; both end with Close.
//
// # Responder
//
// With Config.Responder the program answers for Config.Addresses where the frame lies, before this process is woken:
// ARP requests, ICMP and ICMPv6 echo requests, and neighbour solicitations. It answers what is plain, octet for octet
// as package stack does; the rest goes on untouched, as if there were no responder:
//
//   - to us: the hardware address is ours (or broadcast for ARP, the solicited-node group for a solicitation), the
//     network address one of ours, without a tag;
//   - from another station with an address that one host can have, and no address of ours: probes and conflicts (RFC
//     5227, RFC 4862 §5.4) are the stack's to defend against;
//   - whole: no option, extension header or fragment, lengths that agree with the frame, at most 1500 octets;
//   - right: header and message checksum, a hop limit that is not 0 (255 for solicitations, RFC 4861 §7.1.1), in
//     ARP and solicitations a sender's hardware address that is the frame's.
//
// Answers leave to the station that asked, whatever routes and filters the host has. There is no limit to their rate: each
// is no longer than its question. Neither the host's counters nor a capture on the device see them
// ([Device.ResponderStats] does), and the host learns no neighbour from them. Addresses must be in use, not tentative; with
// Config.Whole the list is the responder's alone, and the device takes all that is for its station. A host that forwards
// sets Config.Router.
//
// In generic mode answers always leave. In the driver they do where it has XDP_TX. veth drops them, and everything else
// that a program sends, unless the peer has a program too or receive offload (`ethtool -K PEER gro on`). The kernel
// (Linux 6.3) tells which: while the peer cannot take answers the program gives none, and the host does. Mode says how
// it is, and follows the peer.
//
// # Limits
//
//   - A write never blocks: without free chunks, after one try to have them sent, the frame is dropped and counted.
//     What a busy device leaves in the ring is tried again after a millisecond. Frames in the ring of an interface
//     that goes down leave when it is up again; later ones are dropped.
//   - The kernel frees the queues of a closed device a little later: Open waits for one that is taken, a second at most.
//   - When the reader is slow, the kernel drops, and Stats counts it as RxDropped.
//   - A frame longer than a chunk less 256 octets of headroom takes several (multi-buffer, Linux 6.6), up to the
//     kernel's 17 fragments; where the kernel or the driver cannot, Open says which MTU would do. Attaching by a link
//     takes Linux 5.9, busy polling 5.11.
//   - Linux 6.17 sends all that is in the ring by one system call, older ones 16 or 32 frames.
//   - Loading the program takes CAP_BPF and CAP_NET_ADMIN in the first user namespace: being root in a user namespace
//     of its own is not enough; package packet works there.
//
// # Modes
//
// [Device.Mode] tells what was had. The program runs in the driver where there is support, else generic: after the
// kernel made a packet buffer, on any interface. Zero-copy is what the driver decides at bind; veth has none, and it
// is untested here. Busy polling (Config.Spin) has the reader drive the device itself; it serves best with
// /sys/class/net/IF/napi_defer_hard_irqs and gro_flush_timeout set, so that interrupts keep off.
//
// # Offloads
//
// AF_XDP knows none: Rx is empty. Super-frames and partial checksums are taken nevertheless (unless NoSuper), and
// finished in software with one system call for all segments; a stack that hands down super-frames is faster for it.
//
// The far side has to finish what it sends. Over veth the peer's kernel leaves checksums partial and AF_XDP does not
// say so, so that every packet looks corrupt: switch its offload off (`ethtool -K PEER tx off tso off gso off`). In
// generic mode receive offload of the interface merges frames before the program sees them (`ethtool -K IF gro off
// lro off`); super-frames are dropped and counted. A driver that takes VLAN tags off loses them (`ethtool -K IF
// rxvlan off`).
package xdp
