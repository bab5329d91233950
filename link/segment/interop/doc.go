// Package interop holds no code but tests: what others have built judges package segment. The kernel's own bridge agrees
// on the spanning tree, Open vSwitch's userspace datapath on VLANs, and Wireshark reads what was captured meanwhile.
//
// Everything runs in a network namespace of the test's own, see package nstest. Open vSwitch's two daemons are started
// there with a folder of their own, as children that end with the test.
package interop
