// Package script runs packet-level scripts against one [stack.Host] in virtual time: inject this segment, expect that one at
// its time, work the sockets in between.
//
//	# A reset elsewhere in the window is answered with a challenge (RFC 5961 §3.2).
//	listen
//	< S seq 0 win 65535 <mss 1460>
//	> SA seq 0 ack 1 <mss 1460>
//	+0.1 < A seq 1 ack 1
//	accept
//	< R seq 2
//	> A seq 1 ack 1
//	expect state ESTABLISHED
//
// [Run] plays a file, [RunDir] each file of a folder whose name ends in .txt; both need the engine that tapestry/stack/stacktest/vtime makes and skip the
// test without it. A step that does not come true fails the test with the script's file and line, the segment that was
// wanted and the one that came, and the last packets both ways as package dump shows them. Any packet of the host that no line
// expects is a failure too, so a script says all that happens.
//
// # Lines
//
// A script is lines; # starts a comment. The first lines describe the two ends:
//
//	host: ip=6 mtu=1500 rcvbuf=4096 sndbuf=4096 backlog=1 keepalive=10s/5s/3 timewait=60s congestion=reno recovery=sack tolerance=1ms
//	peer: isn=4294967290
//
// keepalive is idle time, interval and count, or off; tolerance is how early or late a packet may come; isn is the peer's
// initial sequence number. A line that begins with the word Deviates and a colon names a section, and after a second colon
// what the host does otherwise than it asks, as the steps show; [Deviations] lists those of a folder.
//
// All others are steps:
//
//	[time] [flow:] what
//
// A time is +seconds after the step before, or @seconds since the start; none is +0. An expected packet may have a range,
// +1..1.2; the next step counts from when it came. What the host sends at the instant of a step comes before the step.
//
// A flow names one connection of several; the one without a name is as good as any. Each has a port of its own at the peer. The host
// listens on port 7 unless listen says another.
//
// # Packets
//
// "<" injects a packet of the peer, ">" expects the host's next one:
//
//	< FLAGS seq N [len N] [ack N] [win N] [urg N] [<options>] [sum bad|ip] [other]
//	> FLAGS seq N [len N] [ack N] [win N] [urg N] [<options>] [other]
//
// FLAGS are letters of FSRPAUEC, or - for none. Numbers of sequence are relative to the SYN of who sends them, ack to that of
// the other side: the SYN is 0, the first octet 1, what lies below is negative. Before a flow has seen a SYN of the host its
// numbers are raw. win is the field on the wire, unscaled; an injected segment without one offers 65535. Of an
// expected segment flags, seq and len are always compared, ack with A, the others if they are written; * is any value. P in the
// flags is compared only if the line has it. Payload is a fixed pattern by the place in the stream, and compared both ways;
// other turns its bits over. sum spoils a checksum on the way in; the host's are always verified.
//
// Options are a list: mss N, wscale N, sackOK, sack first:next …, TS val N ecr N, nop, eol, opt KIND hex, raw hex. The host's
// timestamps count from its first, the peer's are as written. Expected options are compared in their order, without
// padding; <> is none.
//
//	< udp len N [sum bad|none|ip]          > udp len N
//	< icmp KIND [mtu N] [seq N|forge N] [octets N]     > icmp KIND [mtu N]
//
// KIND is net-unreachable, host-unreachable, protocol-unreachable, port-unreachable, frag-needed (packet too big), source-route-failed,
// admin-prohibited, source-quench, time-exceeded or parameter-problem. An injected error quotes the flow's last packet of
// the host, or the one that began at seq, or the last with forge in the place of its number; octets is how much of it
// follows the IP header, 64 if not said. An expected one must quote a packet of the peer.
//
// # Operations
//
//	listen [PORT]   unlisten   accept   connect [PORT]      TCP; accept must get the connection of its flow
//	bind [PORT]   dial [PORT]                               UDP: a socket for all, or for one peer
//	write N   read N                                        octets, or one datagram; read 0 waits for the end, or a failure
//	close   shutdown   shutdown read   abort                abort is a reset
//	setsockopt nodelay=on|off, keepalive=on|off, rcvbuf=N, sndbuf=N
//	forget [isn=N]                                          the flow's numbers: the next SYN is of a new connection
//
// An operation that would block goes on beside the script. One that fails must be followed by a line that says so, and the
// end of a stream is a failure too:
//
//	< FA seq 1 ack 1
//	> A seq 1 ack 2
//	read 0
//	expect error EOF
//
// What else can be expected:
//
//	expect error ECONNRESET     the last operation failed: an errno, EOF, closed, timeout
//	expect done                 it has ended well
//	expect blocked              it waits
//	expect nothing for 1.5s     no packet comes
//	expect state TIME-WAIT      of the flow's connection; none: the host has none
//	expect unread N             octets wait for the application
//	expect counter NAME N       of the host's statistics, since the start
//
// # Theory of operation
//
// The host is one of a rig of stacktest, the peer a raw station. A player goes through the steps on the test's
// goroutine. Before each it lets time pass up to the step and takes what the host sends meanwhile; the rig's loop gives every
// packet the time at which the host sent it. Operations have a goroutine each, which ends with them, at the latest when the
// flow's socket is closed at the end.
//
// With [Config].Update the lines whose packets came otherwise are rewritten: a wrong one is replaced, keeping the fields it
// had, a missing one is taken out, one that nobody expected is put in. A person reads the difference, with the RFC at hand.
// For the scripts of this package:
//
//	go run ./stack/stacktest/vtime test ./stack/stacktest/script -run Scripts -update
//
// Limits: 10,000 steps; packets in fragments and IPv6 extension headers cannot be said; ARP, Neighbor Discovery, IGMP and MLD are
// passed over.
package script
