// Package tap is a Linux TAP device: the kernel has a network interface, and what it sends there comes out here, frame
// by frame, and the other way round. Each frame has a virtio-net header (package vnet), which lets the kernel leave
// checksums and segmentation undone in both directions.
//
// # Offloads
//
// The kernel accepts a set of offloads or refuses it as a whole (TUNSETOFFLOAD), so Open asks for all that are
// switched on, then step by step for less. What it accepted is what frames read from the device may need. The same set
// may be written: the kernel has no question for that direction, but one that segments what it receives from its own
// stack can do it for us. Everything else is finished in software.
//
// UDP super-frames (USO, Linux 6.2 or later) are those of UDP_SEGMENT and UDP_GRO: datagrams of equal size, the last may
// be shorter. A socket with UDP_GRO reads what was written here in one piece, any other gets the datagrams.
//
// # Queues
//
// With Config.Queues the interface has several, each with a reader of its own. All frames of a flow come in on one queue,
// the one that QueueOf says for frames of either direction:
//
//	kernel ──► steering program: hash(addresses, ports) % queues ──► queue i ──► reader i ──┐
//	kernel ◄────────────────────────────────────────────────────── queue i ◄── QueueOf ◄───┘ same hash
//
// The hash takes source and destination as their sum, so it is the same both ways. TCP and UDP go by addresses and
// ports; fragments, and IP's other protocols, by addresses, so that a datagram stays together; everything else comes in
// on the first queue. The steering program (TUNSETSTEERINGEBPF) is loaded by Open; it needs CAP_BPF. Without it, or
// with Config.NoSteering, the kernel chooses by a hash that it keeps to itself, until a flow is written to: then it comes
// in where its last frame was written, for some seconds. So writing to QueueOf gives affinity there too, from the
// first answer on. Nothing breaks when another queue is written to; two readers then share a flow.
//
// # Filter
//
// Config.Accept has the kernel drop what nobody here has a use for, before it costs a wake-up: frames for other stations,
// groups and protocols. Leave it off where many stations are behind the device (a segment that it is joined to). The
// filter program (TUNSETFILTEREBPF) needs CAP_BPF as well; in its place a device has a list of addresses
// (TUNSETTXFILTER), which knows eight stations and no protocols, and lets some groups through that it need not.
//
// Help tells which of these run, and why not the better one; Config.Log gets the same in a line. Programs belong to the
// interface, not to the process. Close takes them off an interface that stays; Open takes off what a process that ended
// without Close has left. Two processes cannot share the queues of one interface and steer it differently.
//
// # Life of the device
//
// The interface is made by Open and ends with Close, unless it exists already and is only attached to. When it is
// removed while in use, the reader gets an error that says so, Info().Changed is closed, Info().Up is false and what
// is written is dropped and counted.
//
// Bringing the kernel's side up and giving it addresses is left to the caller; frames written before that are dropped.
package tap
