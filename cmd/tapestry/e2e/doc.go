// Package e2e holds the tests of the finished program against real peers: ping, curl, dig, nc, nmap, tcpdump, tshark.
// There is no code in it beside tests.
//
// # Theory of operation
//
// The tests build the program once. Each brings up a lab as a user would, with `tapestry run … -- command`: runLab runs
// one script inside and ends; startLab keeps a lab for many. The lab makes its own network namespace, so nothing of a test
// touches the machine's network, and every lab has a folder of its own for its control socket, so that tests run side
// by side. After each the harness looks whether the lab left a process or a file, and whether it panicked.
//
// Where a lab cannot be had, or a peer is not installed, tests are skipped with the reason; TAPESTRY_REQUIRE=1 makes
// that a failure.
package e2e
