// Package ipx is one node of Novell's IPX: ports on wires of any framing, sockets for datagrams, the services that a
// node has (echo, error, diagnostics, RIP, SAP), propagation of NetBIOS broadcasts, and a router. It knows no frames:
// who reads and writes them gives and takes packets (package stack). SPX is built on its sockets (package spx).
//
// # What decides
//
// The packet, its limits (30 to 576 octets unless the configuration says more), the checksum FFFF, types and sockets:
// Novell's IPX Router Specification 1.30, the chapter on IPX, and Xerox's Internet Transport Protocols (XSIS 028112),
// whose Internet Datagram Protocol it is. The real checksum: Linux's af_ipx (see ipxwire.Header.Sum).
//
// Transport Control, forwarding and packet type 20: the router specification, as Novell's manual Internetwork Packet
// Exchange (103-000176-001) repeats it; for what is done with a list that is full or has been here Microsoft's "How
// Routers Handle IPX Type 20 NetBIOS Packets" (Q149270) and Linux; the three ways to propagate are those of Novell's
// Internet Access Server 4.1. A network's number from traffic: Linux, which takes it from packets within one network
// and does not ask the hops, because servers count from their internal network.
//
// Echo and error: XSIS 028112, whose numbers 4.3BSD's netns lists. No document of Novell's gives an echo of IPX a
// format: the data comes back as it is, without XSIS's word of operation. Diagnostics: see package diag. That no
// broadcast comes back to its sender, that an answer to a diagnostic broadcast waits for a random time, and that no
// answer is answered, are ours. Two captures of Windows NT and of a print server, replayed by a test, decide what
// must be believed: both send on network zero, and SAP from any socket.
//
// # Theory of operation
//
// A [Node] is plain code. What comes in is a call with the time of day, what goes out is a call of Config.Output.
//
//	Deliver --> check --> receive -+-> deliver ---> Receiver of the socket: echo, RIP, SAP, Conn, SPX, …
//	                               +-> forward ---> Output
//	                               +-> propagate -> Output on other ports, and deliver
//	Send, SendVia --> way --> sendOn --> finish -+-> Output
//	                   |                         +-> local queue --> deliver, at the end of the entry
//	                   +-> pending, until RIP has a route
//
// Check drops, each with a counter: what is shorter than a header, or than it says, or longer than the port takes; a
// checksum that is neither FFFF nor right; a source that is a group, reserved, or this node. What is for a socket that
// nobody bound is dropped in silence, as IPX does, unless Config.SendErrors.
//
// Send calls no Receiver. A packet of this node to itself, and its own broadcast, wait in a queue that is delivered
// when the entry ends, so a Receiver may send from within Receive, and a protocol may send from within its own state.
// A broadcast is not delivered to the socket that sent it.
//
// Network zero is the network of the port. What is sent there, a broadcast too, leaves by one port: "this network" is
// one, and Linux likewise takes its primary interface. Receivers see zero where the sender left it; Node.Source and
// Node.Destination fill it in. The node fills it in where it sends, if it knows the number.
//
// Echo, diagnostics and inline handlers answer whoever asks, so two of them could answer each other without end.
// Within the node an answer is marked, and no service answers it. From a wire nobody can ask in this node's name.
// Between two nodes, only what is of type 2 is echoed, no other service answers with that type, echo sockets are not
// answered, diagnostics are few; and who makes two inline handlers of two nodes answer everything has built a loop,
// as with UDP.
//
// # Numbers of networks
//
// A port without a configured number:
//
//	          packet within one network             router's response
//	unknown ----------------------------> traffic --------------------> router
//	   |                                  router's response                ^
//	   +-------------------------------------------------------------------+
//
// RIP asks while the number is unknown. When the link goes down it is unknown again. A response by which a router
// claims another number for a known network is counted, told to Config.Log once a minute, and its routes are not
// believed. Without a number a node still sends and answers within its wire, and answers to afar by the node that the
// question came from.
//
// # Routes
//
// A packet to a network without a route waits while RIP asks for one: at once and then twice, half a second apart
// (pendingEvery, pendingTries), 8 KiB for each of 16 networks. When half a second after the last question there is no
// answer, the packets are dropped, and their senders are told (UnreachableReceiver): a ping and a call of SPX fail with
// ENETUNREACH, a socket that was dialled at its next Read or Write, once. A node with a wire whose number it does not
// know tells nobody: that wire may be the network. A router drops packets of others that it has no route for.
//
// A router forwards what is not for it and whose network it has a route to, one hop older. It drops what would then
// have met MaxHops routers (the sixteenth router does not forward), what is for network zero or for the network it
// came from, what would go straight back to the node that sent it here, and what is too long for the next link. It
// fills in the source network where that is zero. Broadcasts to another network go there as any packet does; those to
// its own stay. Type 20 is the exception: a broadcast of it goes to all networks that are not in its list of eight.
//
// # Services
//
// What others told is in the table of package sap. [Stack.Nearest] asks as a client does that has heard nothing yet, on
// all ports, and takes the first answer of the type that was asked for.
//
// # Timers
//
// Those of RIP and SAP (their packages); pendingEvery; the random wait, at most Config.DiagnosticDelay, before the
// answer to a diagnostic that all nodes were asked, 16 of them at once; the rates of answers to diagnostics and to
// echoes of all nodes, 50 a second each, and of errors, Config.ErrorRate. Next is the earliest, Tick does what is due.
//
// # Limits
//
// 256 ports; 256 KiB that the node sends to itself, 256 packets of it for each entry; MaxRoutes and MaxServices; 64 KiB
// for the reader of each [Conn], unless SetReadBuffer. Dynamic sockets, 4000 to 7fff, are given out one after the other
// from a random one, so that none is soon another's.
//
// # What locks what
//
// A [Stack] holds one lock around the node, the tickers (SPX) and Config.Output. The queue of each Conn has a lock of
// its own, taken within that one when a packet comes and alone when it is read: a reader does not wait for the
// receiving goroutine. Callers wait in wait.Point. One timer stands for all deadlines; it may fire early, never late.
// Handlers of Inline and Receivers run under the stack's lock and must not call the Stack.
//
// Left out: IPXWAN, NLSP, filters, watchdogs and keep-alives on behalf of others, the SPX part of diagnostics.
package ipx
