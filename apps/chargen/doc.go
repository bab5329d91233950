// Package chargen sends characters without end: RFC 864, on TCP and UDP. It is the source of throughput measurements.
//
// # Pattern
//
// The text is the one that RFC 864 recommends: the 95 printing characters in a ring, lines of 72 of them and CR LF, each
// line beginning one character after the line before. It repeats after 95 lines, 7030 octets. A TCP session writes
// a block of 19 such periods, 133,570 octets, over and over, so that the rotation goes on from write to write.
//
// # Datagrams
//
// Each datagram, whatever it says, is answered by one of 1 to 512 octets, cut from the pattern at the beginning of
// a line. The length is pseudo-random, from a count of the answers.
//
// Deviates: RFC 864 lets the length be 0 as well. An answer without octets would tell a client nothing, and cannot be
// sent by an inline handler.
package chargen
