// Package qemu is the wire of QEMU's stream network backends: frames over a byte stream, each behind its length in four
// octets, most significant first. That is what `-netdev socket` and `-netdev stream` speak, over TCP or a Unix socket, as
// client and as server. (`-netdev dgram` sends one frame a datagram: that is package dgram.)
//
//	qemu-system-x86_64 … -netdev socket,id=n,connect=127.0.0.1:7000 -device virtio-net-pci,netdev=n
//	qemu-system-x86_64 … -netdev stream,id=n,server=off,addr.type=unix,addr.path=vm.sock,reconnect=1 …
//
// A [Device] is handed its connections: [Listen] takes them from a net.Listener, [Dial] makes them, [New] has one.
//
// # Theory of operation
//
//	              ┌────────── the connection ends ◄─────────┐
//	              ▼                                         │
//	without carrier ──accept, or dial (at once, then after──┴─► carrier
//	              │     Retry, twice that, … MaxRetry)
//	              └── Close, or the listener or the one connection is gone ──► closed
//
// One goroutine keeps the device connected; each connection has a goroutine that writes. Both end with Close.
// ReadFrames reads from the connection itself: a reader that is slow makes the VM's writes wait, nothing is lost.
//
// WriteFrames never waits: frames go into the connection's queue of Depth frames. A VM that does not read leaves it full,
// and then frames are dropped and counted. Frames written without carrier are dropped. What is in the queue when a
// connection ends is lost and counted as dropped, although it was counted as sent before; what was already on its way
// to the socket nobody knows about.
//
// A server has one peer at a time: another waits in the listener's backlog, as QEMU's own servers have it. Nobody is asked
// who he is: whoever may connect is on the wire, so listen on a Unix socket that only its owner may open, or on loopback.
//
// Limits: QEMU gives up a connection that announces more than 69632 octets, and so do we. Frames too long for the MTU,
// or shorter than an Ethernet header, are skipped and counted. A peer that stops within a frame holds no more memory
// than that frame.
//
// There is no offload: these backends carry no virtio-net header.
//
// What locks what: Device.mu guards which connection is the current one; a connection's own mutex keeps its queue from
// being filled after it was emptied for good.
package qemu
