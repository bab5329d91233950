// Package spx is Sequenced Packet Exchange over IPX, SPX and SPX II: connections on which packets arrive once and in
// order, with their bounds kept.
//
// # Sources
//
// No single document describes all of it. Where they differ, the order is that of this list.
//
//   - Novell's reference of the header, with the flags, the datastream types fe and ff, the numbers and the limits (576
//     octets; no broadcast): header.go, and the vectors of its test.
//   - UnixWare's documentation of SPX II: a window is allocation - acknowledge + 1 packets, so the allocation number
//     is the last sequence number that there is room for: when the packet of that number has gone, the sender waits.
//     Xerox's Sequenced Packet Protocol (Internet Transport Protocols, XSIS 028112 §5), which SPX comes from, says
//     the same, and so do both ends of NWLink. It also says when a packet of SPX II asks for an acknowledgement, and
//     that packets may have up to 65,535 octets.
//   - Wireshark's dissector: the names, and which header ends with a size (all with the bit of SPX II but the
//     connection request, which is known by its destination ffff).
//   - Microsoft's knowledge base: the six packets that open a connection of SPX II, with their flags, and that
//     NetWare's servers then wait for one that asks for an answer (Q163267); 500 ms as the first time-out (Q166475).
//   - What NWLink (Windows NT) puts on the wire: the negative acknowledgement (a system packet of SPX II with the
//     number of missing packets for a sequence number), the sequence number of other system packets (zero in SPX II,
//     the next one of the data in SPX), the orderly release (type fd, flags 58, a sequence number of its own, no
//     data), the renegotiation of the size, and that a packet which negotiates a size is filled with zeros up to it.
//   - Synapse's protocol tables: fc and fd as request and acknowledgement of the orderly release. NWLink has fd
//     alone. We send fd, and take either.
//   - Novell's NET.CFG, and its notes on SPXS.NLM: the times of the watchdog, retry counts, and that the time-out
//     follows the measured round trip and its deviation. The arithmetic is that of RFC 6298 §2.
//   - Linux's af_spx: an answer has sequence and acknowledge zero; an end that does not know SPX II drops a request
//     that offers it; its watchdog asks with destination ffff, which must not open a connection.
//   - ipx_wrap, which has talked to NetWare 6.5: an end of connection that is a system packet and takes no number,
//     sent without waiting for the acknowledgement of the data before it.
//   - UnixWare's tuning documentation: 5 s as the longest time-out.
//
// The congestion window is nobody's: SPX has only the other end's. It is TCP's (RFC 5681 §3.1 and §3.2), in packets.
//
// # Theory of operation
//
// A connection is a session in a mux. The mux is plain code: calls, packets and time come in, packets go out, and
// timers.next is the next deadline. Who calls it holds the lock of the stack (ipx.Stack): that guards everything of
// this package. Callers wait at the two wait.Points of a Conn, or at that of a Listener, without the lock, and look
// at the session again when they are woken.
//
//	caller                                      called
//
//	requesting --- request: c0, or cc --------> (a listener)
//	    |      <-- answer: 80 ---------------------+--> established            SPX
//	    |      <-- answer: 8c ---------------------+--> answered               SPX II
//	    +--> established    (80)                            |
//	    +--> negotiating -- size request: cc, padded -----> |
//	              |      <- 8c ---------------------------- +
//	    awaiting  <------+                                  |
//	              | <------ session setup: cc, padded ----- setup
//	    established ------- 8c, and a probe --------------> established
//
//	established --- everything acknowledged, then fe ----> disconnecting --- ff --> (forgotten)
//	established <-- fe, after everything before it ------- (ff is sent) over --- 10 s --> (forgotten)
//	established --- fd sent and acknowledged, and fd received ---> over                        SPX II
//
// Any state before disconnecting ends in forgotten, with ETIMEDOUT, when the other end is silent for too long.
//
// Receiving: packets from read to the allocation number have a place in a ring. Those from nxt on wait there for one
// that is missing, in SPX as well: an end that repeats everything loses nothing by it. A packet that asks is
// acknowledged at once; so is a duplicate, since its acknowledgement must have been lost, and what is outside the
// window. When the third packet behind a gap comes, or one that asks, an end of SPX II is told what is missing, once
// for each gap. When the reader has made room for half of the window, the other end is told.
//
// Sending: packets stay in a ring until they are acknowledged. What may be on its way is bounded by the allocation
// number, the congestion window and the ring (Config.SendQueue). In SPX every packet asks for an acknowledgement; in
// SPX II the last that may go does, and every fourth. A negative acknowledgement, or the third that acknowledges
// nothing new, has the missing packets repeated; the retransmission timer everything from the oldest on. An end
// without room is probed, for as long as it answers.
//
// Timers: rtxAt repeats, by state, the request, the size request, the session setup, data, a probe of a closed
// window, or the end; it ends awaiting, answered and over. probeAt is the watchdog's, lingerAt ends a Close that goes
// on in the background. One heap has the earliest of each connection, or an earlier time: see timers.
//
// # Limits
//
//   - Connections, those over included: Config.MaxConns. Beyond that the oldest that is over goes, then calls and
//     requests fail. At most 1,024 are over.
//   - Connections that wait for Accept, half-open ones of SPX II included: Config.Backlog. Beyond that the oldest
//     half-open one goes; if there is none, the request is dropped.
//   - Memory of one connection: Config.Window packets received and Config.SendQueue sent, of the port's size each.
//     Rings grow with use.
//   - Packets of one negative acknowledgement: 64.
//
// # Hostile packets
//
// A packet counts only if both identifiers, which are random, and both addresses are those of the connection; the answer
// to a request, only if the caller's identifier is: who forges one has 16 bits to guess. An
// acknowledgement of what was not sent, or of what was acknowledged long ago, is dropped with its allocation. An
// allocation that takes room back is ignored. No size is below 576. A broadcast is dropped. A request to a socket
// without a listener is dropped, as IPX drops what comes to a closed socket: nothing in SPX refuses a call, so that
// Dial times out; only an end of connection in place of an answer is ECONNREFUSED.
//
// # What is left out
//
// An extended header (bit 01): nobody is known to send one, and Wireshark shows none. Asking for a smaller size within
// a connection: what is under way would be cut anew under the same numbers, and a late packet of before would be taken
// for one of after; a way that becomes narrower breaks the connection. Such a request of the other end is answered, and
// kept to by what is written from then on. Options in the octets behind a size request: zero, as NWLink has them.
// Attention (bit 20) is passed on and means nothing, as Novell says.
package spx
