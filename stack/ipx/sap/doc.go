// Package sap is the Service Advertising Protocol of IPX, socket 0452: the codec of its packets and an agent that
// keeps the services.
//
// What decides: Novell's IPX Router Specification 1.30, the chapter on SAP, for packets, timers, split horizon and
// that a service needs a route; Wireshark 4.0 for the names of operations and types, held by tests; a capture of an
// HP printer and of Windows NT for what stations do that only advertise themselves: they send from any socket and
// with network zero.
//
// # Theory of operation
//
// The states of a service, its timers, split horizon, triggered updates, gaps and limits are those of package vector,
// over the key of type and name. Here is the rest:
//
// Port. A port asks for all services when it begins, and is told those of this node a gap later, and of a router all
// it knows. A port without a network only asks. A port that is removed is told that all is down.
//
// General response. Believed from any socket of a station on the port's network, or of network zero. Fewer hops win,
// and the first among equals. A service of network zero gets the network of the port.
//
// Nearest query. Answered at once with one service: the one whose network is fewest ticks away, then by hops, then by
// name. A router leaves those out that are on the asker's port, since they answer themselves. So a station that
// starts finds a server by Get Nearest Server.
//
// Nearest response. Told to Answer; a node that is no router also learns from it.
//
// Reach. A service whose network has no route is kept, but not told and not answered with; RoutesChanged tells it as
// gone, and when the route is back as there. It looks at the routes once in a gap at most.
//
// Names. NetWare's names are in upper case; what is configured here is made so. Of what is heard only octets behind
// the first zero are cleared; a name prints with all that is not printable ASCII escaped.
//
// # Trust
//
// SAP has no authentication: a neighbour can offer any service under a name that is free, or by fewer hops. It can
// neither fill the table, nor push out what others told, nor change what is configured.
//
// Left out: the operations 5 and 6 of later NetWare, which Wireshark has no names for either, and filters by name.
package sap
