// Package dgram is a wire to another process: one frame a datagram, nothing else. Over a Unix socket it is the port of a
// segment that any program can join; over UDP or a Unix socket it is what QEMU's `-netdev dgram` speaks.
//
// A program in any language joins a port at lan.sock:
//
//	import os, socket
//	me = os.path.abspath("client.sock")    # to be answered at; absolute, since the other process looks for it from its own folder
//	if os.path.exists(me):
//	    os.unlink(me)                      # that of the last time
//	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
//	s.bind(me)
//	s.connect("lan.sock")
//	s.send(frame)                          # from the destination address on, without FCS
//	frame = s.recv(65536)
//
// It binds to a path, not to "", which has the kernel choose an abstract name: such a name belongs to a network namespace
// (unix(7)), and from another one, as a lab has it, nobody can send there.
//
// QEMU joins it with a path of its own:
//
//	-netdev dgram,id=n,local.type=unix,local.path=vm.sock,remote.type=unix,remote.path=lan.sock
//
// # Theory of operation
//
// A [Device] has one peer at a time: several processes take several ports. With Config.Remote the peer is fixed, and
// datagrams from elsewhere are dropped and counted. Without it, on a Unix socket alone, the peer is who sent last: a
// program that was started anew takes its place back with its first frame. A sender without a name (a socket that was not bound) is
// heard, but cannot be answered. One whose name cannot be reached is forgotten with the first frame for it, which is
// counted as dropped. Who may send is decided by the socket file's mode, 0600: see [ListenUnix].
//
// WriteFrames never waits: frames go into a queue of Depth frames, from which one goroutine sends until Close. A peer that
// does not read leaves the queue full, and then frames are dropped and counted; a frame is dropped, too, when there is no
// peer, or none any more. A datagram socket of Linux holds few datagrams (net.unix.max_dgram_qlen, 10 or 512): what it has no room for
// waits in our queue. The goroutine is woken when there is room; since the kernel tells only some cases of that, it also looks
// every few milliseconds.
//
// The carrier is there until Close: a datagram socket cannot tell that nobody listens. Datagrams that are too short or
// too long for a frame are dropped and counted. There is no offload.
//
// What locks what: Device.mu guards who the peer is; another mutex keeps the queue from being filled after it was closed.
package dgram
