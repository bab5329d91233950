// Package simple is what the servers of RFC 862 to RFC 868 have in common: one port on TCP and UDP, limits, and the
// protection against loops.
//
// # Loops
//
// A server that answers every datagram can be set against another one, or against itself, by one datagram with a forged
// source: each answers the other for ever. So no datagram is answered that comes from port 0, from the port it was sent
// to, or from the port of any of these servers (7, 13, 17, 19 and 37; discard, 9, never answers). They count as
// drop.loop. A datagram sent to a group or to every host is not answered either (drop.group): one with a forged source
// would bring the answers of all hosts down on that source.
//
// # Goroutines
//
// TCP: one that accepts and one a session (apps.ServeStream). UDP has none of its own: it is answered on the goroutine
// that receives (apps.Network.Inline).
package simple
