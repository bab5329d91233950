// Package apptest runs tests of an app over every network that an app runs on: the machine's own loopback, and a host
// of ours with a client host beside it on a cable in memory, once with the offloads of a fast device and once without.
//
// [TestServer] starts the app on each and holds what [apps.Server] promises: a port in use is an error of New, Serve
// ends with its context, the port is free then, and no goroutine is left. Time is a [Clock] that the test winds.
//
// All of them carry SPX and IPX. The client is one of SPX on the cable without offloads, and of SPX II on the other. On
// the machine's loopback TCP and UDP stand in for these, with addresses of IPX.
//
// On the machine's loopback every port is replaced by a free one, so that no test needs privileges or a fixed port;
// [Server.Addr] tells the real address.
//
// # Dialogues
//
// A text protocol is tested by files, one connection each ([Server.Dialogues]):
//
//	# a comment; empty lines are nothing
//	S: 220 * ready
//	C: NOOP
//	S: 250 ok\
//	S: , and more
//	C.
//	S.
//
// C: is sent, S: is expected; CR LF is added to each, unless the line ends with a backslash. C. closes the client's
// direction, S. expects the end of the server's. A star in what is expected stands for any octets within the line.
// \r \n \t \\ \* and \x41 are escapes.
package apptest
