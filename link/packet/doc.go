// Package packet is a packet socket (AF_PACKET) on a network interface that exists: what the interface receives comes
// out here, and what is written leaves through it. With a veth pair it stands in for a TAP where /dev/net/tun is closed.
//
// # Offloads
//
// With PACKET_VNET_HDR each frame has a virtio-net header (package vnet). The kernel hands out super-frames and
// partial checksums as its own stack, or receive offload of the interface, made them, and asks nobody: what
// the configuration switches off is finished in software after reading. In the other direction it takes all of them
// and finishes them for interfaces that cannot.
//
// Without the header (NoVnetHdr) partial checksums are recognised and finished, but a super-frame arrives as one frame
// longer than the MTU, and is dropped and counted. Transmit offload must then be off on the far end of a veth pair
// (`ethtool -K IF tx off`).
//
// # What the kernel still does
//
// A packet socket shares the interface with the kernel, which hears every frame and answers for addresses of its own.
// On an interface that is meant for this device alone, give it none, and switch IPv6 and ARP off before it is up. The
// socket does not hear what the kernel itself sends through the interface (PACKET_IGNORE_OUTGOING).
//
// The kernel takes VLAN tags off received frames and reports them beside; they are put back. An address that is not
// the interface's own makes it promiscuous while the device is open.
//
// # The ring
//
// With Ring the kernel writes frames to memory shared with it (PACKET_RX_RING, version 2), and a busy reader makes no
// system calls. A frame still has to be copied out, since it may be kept for longer than its slot.
package packet
