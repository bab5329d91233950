// Package lab turns a lab's file into running hosts.
//
// # Theory of operation
//
//	Load     text ──► Plan          strict decoding and every check that needs the file alone; all problems at once
//	Start    Plan ──► Lab           devices, hosts, the kernel's side of each wire, apps; on the first failure
//	                                everything that was begun is undone
//	Check    Plan ──► problems      the same with cables in memory for devices: apps read their tables, zones and
//	                                certificates for real, and nothing leaves the process
//	Close    Lab  ──► nothing       apps end, then hosts with their devices, then what the kernel was told
//
// The lab runs in the network namespace that it finds itself in (see package netns). Addresses are usable when Start
// returns: the kernel's side is entered without duplicate address detection, and a host of ours defends its static
// addresses from the start.
//
// # Devices
//
// A wire of kind auto is a TAP where /dev/net/tun lets this user open one, and else a veth pair, whose far end the host
// reads with AF_PACKET. That end belongs to the host: IPv6 is off on it before it is up and it does no ARP, so that the
// kernel does not answer in the host's place.
//
// # Locks
//
// A Lab does not change between Start and Close and has no lock. monitor.mu guards the listeners of a wire,
// recorder.mu the sockets that an app opened; both are leaves.
package lab
