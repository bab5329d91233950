// Package segment is a virtual Ethernet in memory: a hub or a learning switch with any number of ports, joined to
// hosts of this program ([Segment.NewDevice]), to devices of the kernel or of another machine ([Segment.Bridge]), to
// other segments ([Connect]) or to a function ([Segment.Attach]).
//
// Sources: IEEE 802.1D-2004 §7 (the switch), IEEE 802.1D-1998 §8 (the spanning tree, see package stp), IEEE 802.1Q-2018
// §6.9 and §8.6 (VLANs), IEEE 802.3 §9 (the hub). Left out: rapid and multiple spanning trees, multicast snooping (a group's
// frames go to all ports), service tags as tags (a frame of type 0x88a8 is one without a tag), and the priorities
// of 802.1p, which are carried and not heeded.
//
// # Theory of operation
//
// Frames are pushed. Who writes a frame carries it through the switch to the queue of each port that it leaves by, and
// there is no goroutine a port: a port where nothing happens costs a kilobyte and no time. Writers exclude each other
// nowhere but at the queue of the station that they all send to. With the same calls of Write, one after the other,
// the same frames come out in the same order, ports by number.
//
//	Port.Write ─► classify ─► learn ─► lookup ─► known: send ─► tag ─► fit ─► sink: ring  (NewDevice)
//	  a run of frames                    │                                         Out   (Attach, Connect)
//	  of one flow                        └─► else: flood: send to all ports        queue (Bridge)
//
// A frame that goes to several ports is not copied: each gets a reference. What a station needs done, because it does not take
// super-frames or checksums to finish, or because a tag comes or goes, is done once for all ports alike. Headers are
// then copied, payload is shared. Each port has its MTU: what is longer, or is a super-frame of longer segments, is
// dropped there.
//
// The table of addresses is read under a read lock, or under none when a port's frame is from and to the same stations as
// the one before: each port remembers its last two entries, and an entry that left the table says so. An entry ages
// when its station is silent for [Config.Age], which is seen when it is next needed; there is no timer.
//
// # What stations see
//
// [Port.Shut] and [Port.Reopen] are the operator's; the device of the station, the far end of a cable and
// [PortConfig.Carrier] follow. [Port.SetCarrier] is the way back: a port behind which there is nobody forgets its addresses,
// and the spanning tree looks for another way.
//
//	PortInfo.State: forwarding, or disabled, blocking, listening, learning as the spanning tree says;
//	                shut, no carrier; shut: jabber; shut: floods; shut: bpdu
//
// # VLANs
//
// With [Config.VLANs] a port is an access port, or a trunk if it has [VLAN.Trunk]. A frame without a tag, or with one of
// VLAN 0, is of the port's PVID; one with a tag of a VLAN that the port is not in is dropped. Each VLAN learns by itself. A second
// tag is payload. Without Config.VLANs all tags are.
//
// An access port admits frames with a tag of its own VLAN, as other switches do. If that is a trunk's PVID, they lose the
// tag there, and a second one tells the next switch where they go: a station gets frames, not answers, into other VLANs.
// Where VLANs keep strangers apart, have no station in a trunk's PVID.
//
// # Loops
//
// With [Config.Tree] the switch takes part in a spanning tree. Ports of devices are edge ports: they forward at once,
// and become ordinary ports when a BPDU is heard there. Ports of cables, bridges and functions listen and learn first,
// half a minute with the default times, unless PortTree.Edge or PortTree.Off says otherwise. When a port loses its carrier
// or is blocked, what was learned behind it is forgotten at once; other switches age their addresses within a forward
// delay while the root announces a change.
//
// Without a tree, or on hubs, frames go round a loop for ever, as they do on a real one. No writer's stack or time is used
// up by that: a port's Out is not entered again while it runs, and who has carried 1024 frames that others left
// hands on to a timer.
//
// # Limits
//
//   - A port's queue holds PortConfig.Depth frames and DepthBytes octets. What does not fit is dropped and counted at that
//     port ("queue full"); nobody waits.
//   - The table holds Config.MaxAddrs addresses, of which a port has MaxPortAddrs at the most, and eight in any case. A
//     port that sends from ever new addresses has its own flooded, and drives out nobody else's. It may still claim an address
//     that another has, as on any switch: [Segment.SetStatic] binds one to its port.
//   - A port is heard 64 BPDUs a second.
//   - [Jabber] bounds frames and floods a second. It is off unless it is asked for: what is too much depends on the lab. A
//     thousand floods a second is ample for most. Without it, who sends more than a station reads fills that station's
//     queue, but for the quarter that is kept from each sender, for the others.
//   - There are 4095 ports at the most.
//
// # Locks
//
// Segment.mu (the list of ports; readers take none), then tree.mu, then Port.mu, then table.mu. The queue of a port has its
// own, taken last. BPDUs, Out and Carrier run without any of them; calls of a port's Carrier follow each other.
package segment
