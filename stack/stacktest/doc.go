// Package stacktest is a rig for tests: hosts on a wire, in one process, in virtual time. An hour of protocol time takes
// seconds, the wire loses, delays and reorders as told, the same seed gives the same run to the octet, and a test that
// fails leaves a capture behind.
//
//	func TestRetry(t *testing.T) {
//		stacktest.Run(t, stacktest.Config{Impair: "loss=5%,delay=20ms"}, func(t *testing.T, n *stacktest.Net) {
//			server, client := n.Host("server"), n.Host("client")
//			l, _ := server.Listen("tcp", ":80")
//			go serve(l)
//			c, err := client.Dial("tcp", "server:80")
//			…
//		})
//	}
//
// # How to run
//
// The engine needs one constant changed to live in a bubble of testing/synctest; a small tool does it, in this module and
// in any other that requires it:
//
//	go run tapestry/stack/stacktest/vtime test ./...
//
// With plain go test, [Run] skips the test, and says so only with -v. Set TAPESTRY_VTIME=1 wherever the tests have to run, in
// CI above all: then it fails instead. The tool sets it itself.
//
// # When a test fails
//
// It prints its seed and the latest frames before its first failure, and leaves a capture of the whole run: in the folder
// of go test -artifacts if that is given, else in a new one of the folder for temporary files (TMPDIR), which nobody removes.
// Frames after the failure, those of closing hosts among them, are in the capture alone, and the line that names it says where
// they begin. A test in which everybody waits and nothing is left to happen fails too, with the stacks of its goroutines, and
// so does one that takes longer than Config.Limit; in both cases the hosts are closed, so that who waits for them goes on.
//
// # Theory of operation
//
// Inside the bubble, time stands still while any goroutine can run, and jumps to the next timer when all wait. That makes
// time free, but not runs equal: goroutines that are woken at one instant run in any order, on any processor. So all
// traffic of a rig passes one loop, which does one thing at a time:
//
//	host writes a frame ──► event ──► tx line ─► segment ─► rx line(s) ──► event ──► the other host reads one frame
//	timer of a host, line or segment ──► event ──► its function
//	host wakes who waits for a socket ──► event ──► they run
//
// Events are in a heap, ordered by time, then by owner (each host, wire and segment is one, numbered as it was made), then
// by the order in which the owner asked. After an event that can wake anybody the loop calls synctest.Wait, so whatever
// follows from it has happened before the next. When nothing is due it sleeps until the earliest event, and calls
// synctest.Wait again before the first event of the new instant, so that all who woke by themselves have acted. Chance is
// drawn by each owner from a seed of its own, made of Config.Seed and its name. So a run is a function of the test's code and
// its seed.
//
// Hosts are ordinary ones with stack.Config.Clock set to the loop's and stack.Config.Deterministic, which takes
// keys and sequence numbers from the seed. A [Station] is a port without a host, to inject frames and expect them.
//
// The loop's heap is under a mutex that is a leaf. Ports, lines, segments, captures and partitions belong to the loop's
// goroutine; what a test asks of them goes through an event.
//
// # Limits and traps
//
//   - Every goroutine of the test must end before f returns, in a t.Cleanup, or with the hosts, which close after those. If
//     one is left, the test fails with its stack, and then synctest panics, which ends the other tests of the package too. With
//     net/http, close each response body: one that is not read and not closed keeps the client's readLoop and writeLoop for
//     ever. Idle connections end with the hosts; http.Client.CloseIdleConnections and Transport.DisableKeepAlives end them
//     earlier.
//   - Do not call synctest.Wait: only one goroutine may, and the loop does. [Net.Settle] is its counterpart.
//   - Two goroutines of one host that wake at the same instant by package time (two time.Sleep of equal length) run in
//     any order, and so do their writes. Those of different hosts do not matter: the loop orders what they send. Give
//     goroutines of one host different times, or let one wake the other.
//   - Real I/O (sockets of the machine, files of others, child processes) is no part of the bubble: who blocks there keeps
//     time from passing. So does a mutex held across a wait.
//   - Inside a bubble t.Run, t.Parallel and t.Deadline panic. Call Run in each subtest instead.
//   - stack.Host.Resolver is package net's code: its query identifiers are not the seed's. Dial of a host looks up names
//     of the rig by itself, and is repeatable.
//   - There are 254 IPv4 addresses to hand out, and stations beyond have IPv6 alone: in a larger rig dial [Host.Addr6], or
//     give HostConfig.Addresses of a larger network.
//   - Iterating a map while sending is not repeatable; nor is a select with two ready channels, nor math/rand without a
//     seed.
//   - With the race detector runs are correct, but may differ from one another.
//   - A sender whose window grows with each acknowledgement puts two segments where one left: once the wire's queue is
//     full, every second segment is lost until the sender learns of it, and a little jitter does not change that. With
//     CUBIC it is over with slow start. With "reno" it comes again and again, because the engine's Reno grows like that in
//     congestion avoidance too (testdata/throughput.txt): for steady throughput use CUBIC, or a queue longer than windows.
//   - A wire without delay on which frames go round for ever keeps time from passing; the loop gives up after 20,000,000
//     events at one instant. A test that waits for what never comes fails when no timer is left, or after Config.Limit of
//     virtual time if there is always another. If it waits for something else than the hosts, closing them does not help
//     it, and synctest panics after the report.
//   - When nothing is left to happen, the loop finds out by a timer of 50 years: a test that sleeps longer is taken for stuck.
//   - Frames on a cable between segments ([Net.Connect]) are not captured: captures are of stations' ports.
package stacktest
