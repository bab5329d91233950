// Package rip is the Routing Information Protocol of IPX, socket 0453: the codec of its packets and a router that
// keeps the table.
//
// What decides: Novell's IPX Router Specification 1.30, the chapter on RIP, for packets, timers, split horizon and
// the choice by ticks and then hops; Wireshark 4.0 for the names, held by a test; a capture of Windows NT and BSD's
// IPXrouted for what the numbers mean, see below. It is not the RIP of IP, although both come from Xerox.
//
// # Numbers
//
// The table keeps hops and ticks as they are told, and the network of a port with 0 hops and the ticks of its link.
// Who tells a route adds a hop, and the ticks of the link across which it is told: a network one router away is at 1
// hop and 2 ticks, as Windows tells its internal one. Metrics below 1 are taken as 1, above 16 as 16, which is down.
//
// # Theory of operation
//
// The states of a route, its timers, split horizon, triggered updates, gaps and limits are those of package vector.
// Here is the rest:
//
// Port. A port asks all its neighbours for all routes when it begins, and a router advertises there, a gap later. On
// a port without a network it only asks, after 1, 2, 4 seconds and so on up to Update, until a router's response
// names the network: Learned is called, which may number the port by SetNetwork. A port that is removed tells its
// neighbours that all is down.
//
// Response. Believed from socket 0453 of a station on the port's network, or of network zero. A router that says
// another number for the network is counted as a conflict and not believed. Equal routes keep the first; a neighbour
// that says a network is down which is up by another port is told so.
//
// Request. A router answers neighbours: for all routes with an advertisement to the asker alone, for single networks
// in one packet at once. It does not answer of what it learned on the asker's port, nor of what it does not know; it
// does of the port's own network, so that a station finds its number and the routers there, and of any network by its
// default route. A node that is no router answers nothing.
//
// Configured. The network of a port comes before a static route, a static route before what is learned. Network
// fffffffe is the default route, used where there is no other.
//
// # Trust
//
// RIP has no authentication: a neighbour can claim any network by few ticks. It can neither fill the table, nor push
// out what others told, nor change what is configured, nor make this node send more than one packet a gap and one
// answer, no longer than the question, for each that asks for single networks.
//
// Left out: equal routes side by side, which the specification allows for balancing and for a wider split horizon;
// routes on demand circuits (RFC 1582); NLSP.
package rip
