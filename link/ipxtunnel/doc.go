// Package ipxtunnel is the IPX-in-UDP tunnel of emulators: each UDP datagram is one IPX packet, without a link header.
// A [Server] is where DOSBox and its kin join a segment; a [Client] joins a segment, or one station, to such a server.
// Both are a [link.Device].
//
// There is no standard. What decided: DOSBox 0.74 (its ipxserver and IPXNET) for the messages and who answers what, its
// buffers for the longest packet; fragglet's ipxbox for keep-alives and for what a stricter server refuses; IEEE 802
// for addresses. RFC 1234 is another tunnel, without registration.
//
//	client ─► server   to node 0, socket 2, from socket 2: give me a node              (registration)
//	client ◄─ server   to the node given, socket 2, from network 1, socket 2           (answer)
//	either way         packets of network 0 between nodes; to FFFFFFFFFFFF: to all
//	either way         to FFFFFFFFFFFF, socket 2: who is there? (ping)
//	                   to the asker's node, socket 2, from socket 2                    (pong, whatever socket asked)
//	client ◄─ server   the same from socket 0                                          (keep-alive)
//
// # Frames
//
// On the Ethernet side packets are in frames of Wire.Frame; those of the other three framings are taken as well. A
// node is its Ethernet address; one whose first octet says group, as servers of DOSBox give to every other IPv4
// address, is on a client's segment the same without that. An odd packet is followed by a pad octet. In frames of raw
// 802.3 a real checksum becomes FFFF. VLAN tags and everything that is not IPX do not cross. Nothing is routed, and
// Transport Control stays as it is.
//
// The tunnel has neither password nor encryption: Allow says who may register, and the network between is trusted.
//
// In the tunnel the network is 0. With Wire.Network the segment's number becomes 0 on the way out and 0 that number on
// the way in; a real checksum goes with it. Numbers inside of RIP and SAP messages stay.
//
// # Echoes
//
// An emulator answers no echo of IPX but a broadcast, by a packet without data to the echo socket of whoever asked; and
// its own ping is no echo packet. So a ping goes to the segment as an echo from socket 9086, and the answers go back as
// pongs. An echo from the segment to one node goes out as it is, for nodes, and as a ping, for emulators; a pong that
// arrives within 10 s becomes the answer to it. At most 16 echoes are remembered.
//
// # Theory of operation: server
//
//	       registration               pong, to the nonce
//	(none) ───────────► unconfirmed ──────────────────────► confirmed
//	  ▲                      │ silent for 1 min                 │ silent for Timeout
//	  └──────────────────────┴──────────────────────────────────┘
//
// A client is its UDP address. Its node is IPv4 address and port in network order, as DOSBox gives it, with the group
// bit cleared and the local bit set; of an IPv6 address it is a hash; the next free one if it is taken. The same client
// gets the same node again as long as no other has it.
//
// Who is not registered gets nothing. The source of a registration may be forged, so until a client is confirmed it is
// sent at most three octets for each that it sent (the limit of RFC 9000 §8.1), and the answer is as long as the
// request. It is confirmed by answering a ping that comes from a node nobody can guess: all emulators answer by
// themselves. The first ping comes 250 ms after the registration, because DOSBox takes the first datagram for the
// answer, and no ping comes within 2 s of one by the client, which would print ours among the answers.
//
// A client's packets have its own node as source, and network 0 or Wire.Network; others are dropped as spoofed, and so
// is a frame of the segment from a client's node. A broadcast goes to all other clients and to the segment; a packet
// for a client's node to that client alone; everything else to the segment.
//
// Timers: the keep-alive (KeepAlive of silence: a ping, for the NAT boxes between), the confirmation (the same, 250 ms
// and doubling), the time-out (Timeout of silence: forgotten). Limits: MaxClients, MaxPerAddress, RegistrationRate,
// QueueFrames; what exceeds them is dropped and counted, nothing that is there gives way.
//
// # Theory of operation: client
//
//	       socket open        answer               5 registrations without an answer
//	new ──────────► asking ──────────► registered ──────────────────────────────────► asking
//
// Servers tell clients by UDP address, let each have one node, and drop packets from any other (ipxbox) or deliver no
// answers to it (DOSBox). So each station of the segment that sends IPX gets a socket and a registration of its own, up
// to Stations, and is translated: its source node becomes the given one, which as a destination becomes it. A broadcast
// comes to the segment by the oldest registration alone. Packets wait for the first answer, up to eight.
//
// Deviates: addresses inside of messages (SAP) are not translated, so a server of files behind a Client cannot be found
// by its advertisements. With [Dial] the one station takes the node that the server gives, and nothing is translated.
// Packets that a router sends for stations of other networks are not carried: their source is no station of this
// segment.
//
// Timers: the retry of a registration (1 s, doubling to 30 s, for ever), the keep-alive (KeepAlive without a datagram
// from the server: it is asked again, as from the node that it gave, which also refreshes NAT boxes and finds out that
// the server has started anew), the station's time-out (StationTimeout without a frame; never the last one's).
//
// # Both
//
// The carrier is there until Close or, for a server, until the socket fails: UDP cannot tell. Sessions and Clients say
// who hears whom. A goroutine for each socket reads it, so that clients are relayed and pings answered also while
// nobody reads the device; another writes, since a socket may make its writer wait. They end with Close. The mutex mu
// of each end guards its table and is held while a packet is put into a queue, never while a socket is used.
package ipxtunnel
