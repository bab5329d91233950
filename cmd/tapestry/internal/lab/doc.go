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
// An xdp wire has AF_XDP sockets on an interface that exists, or at the far end of a veth pair that is made likewise. That
// pair's kernel end finishes what it sends. Of an interface that exists nothing is changed; what its user has to see to is
// logged, and is part of what info shows.
//
// # Segments
//
// A host is straight on a wire, or has a port of a segment, of which there may be many:
//
//	host ── monitor ── impair ── entry ── segment.Device       a host's port; impair.Tx is tx, from the station
//	        monitor ── impair ── entry ── Segment.Bridge       a TAP, tunnel, machine, process; impair.Rx is tx
//	            segment ── impair.Line ── segment              a trunk: a line leads into each of the two
//	        pcap.Replay ── impair.Line ── segment              a capture
//
// So tx is always from the station into the segment, and rx to the station. A wire's other impairment than the segment's
// is its own; changing the segment's changes those of the ports without. entry is there where the segment is captured:
// the capture sees each frame once, where it goes in. Seeds follow from the lab's and from the names of segment and port.
//
// Segments are made first and closed after the hosts, with the devices that they own. The kernel's side of a TAP goes last.
//
// What hears each other is known before anything runs (reach.go): trunks join segments, and everything with a TAP meets in
// the kernel. Addresses are unique among those that do, and a loop of trunks needs a spanning tree.
//
// # IPX
//
// A host with ipx on an interface has a network for each framing there. What the file tells of numbers is checked before
// anything runs (checkipxnet.go): who hears each other in a framing has one number, and a number is one network's among
// those that routers join. Where the file is silent the host learns. A tunnel's number is that of the hosts in its framing.
//
// # Locks
//
// A Lab does not change between Start and Close and has no lock. monitor.mu guards the listeners of a wire,
// recorder.mu the sockets that an app opened, bus.mu what a segment's impairment is; all are leaves.
package lab
