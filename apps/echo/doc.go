// Package echo sends back what it is sent: RFC 862, on TCP and UDP.
//
// A TCP session reads and writes in turns, with one buffer, so a client that sends and never reads is stopped by TCP's
// own flow control and holds no more than that buffer. A half-close is answered by a half-close after the last octet
// was sent back.
package echo
