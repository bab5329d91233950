// Package diag is the diagnostic responder's protocol of IPX: a question to socket 0456, asked of one station or of
// all but some, and the answer that lists what the station runs and which networks it is on. Network tools of the
// time found stations by it.
//
// What decides the format: Novell's "Contents of an IPX Diagnostic Responder Reply Packet" (Novell Connection, March
// 1998) and A. Frolov, G. Frolov, "IPX, SPX, NETBIOS" (1993), chapter 2. The article prints the versions as minor
// before major but says that a server's 1.0 has its first digit first, as the book has it: major, then minor.
// Wireshark 4.0 names the socket and shows the rest as data, so no dissector can judge the fields.
//
// Left out: the SPX part of the service, whose socket the answer names. A station that has none says zero.
//
// The package has no state: who asks, and whether a broadcast is answered after a random delay, is the node's.
package diag
