// Package simple is what the servers of RFC 862 to RFC 868 have in common: one port on TCP and UDP, a socket each on
// SPX and IPX, limits, and the protection against loops.
//
// # Sockets
//
// No registry of IPX's sockets knows these servers. Those that they have by themselves are above the dynamic ones (from
// 8000), where no client is given one by chance, and written like the port: 8007 and 9007 for port 7. A node tells its
// sockets apart whatever packets come, so that SPX and IPX cannot share one.
//
// # Loops
//
// A server that answers every datagram can be set against another one, or against itself, by one datagram with a forged
// source: each answers the other for ever. So no datagram is answered that comes from port 0, from the port it was sent
// to, or from the port of any of these servers (7, 13, 17, 19 and 37; discard, 9, never answers). They count as
// drop.loop. A datagram sent to a group or to every host is not answered either (drop.group): one with a forged source
// would bring the answers of all hosts down on that source.
//
// Over IPX the sockets of these servers and the node's own echo (2) stand in place of the ports, and a node that is a
// group is neither answered nor may it be where a datagram was sent to.
//
// # Goroutines
//
// TCP and SPX: one that accepts and one a session (apps.ServeStream). UDP has none of its own: it is answered on the
// goroutine that receives (apps.Network.Inline). IPX: one that reads and answers (apps.ServePackets).
package simple
