//go:build linux

package bench

import (
	"encoding/binary"
	"net/netip"
)

// To add a path: write what opens its far end (path_*.go) and add a line to the table below. The near end is the same
// for all: blocking sockets of the kernel, or a client in the far end's process where both ends are ours (pipe).

// path is one way between a near end and a far end.
type path struct {
	name  string
	doc   string
	quick bool
	index int // of its subnet

	ownNetns bool                                // the far end has a network namespace of its own, with a veth pair to it
	open     func(f *far) error                  // in the far end's process: serve
	finish   func(p *path) error                 // at the near end, after that
	wrap     func(w *way, place placement) error // starts the near end behind another program
	needs    string                              // a program
	inside   bool                                // the near end is in the far end's process
	hosts    bool                                // the near end is a host of ours in a process of its own
	lean     bool                                // the far end blocks in system calls (package lean)
	only     []string                            // the only services; default: all
	not      []string                            // services that it does not carry
	measured []string                            // the only scenarios; default: all whose service it has
	base     string                              // the path without what this one has besides, to compare with
	frames   protocol                            // that it carries besides, or for comparison; see path_ipx.go
	offload  bool                                // bulk must show super-frames, else the path is not what it claims
	raw      string                              // the path of the raw loop on the same device
	engine   string                              // the stock gVisor to compare with
}

// paths are in the order in which they are measured and printed.
var paths = numbered([]path{
	{
		name: "veth", quick: true, ownNetns: true, lean: true, open: openVeth,
		doc: "kernel to kernel over a veth pair, blocking system calls at both ends: the limit",
	},
	{
		name: "tap", quick: true, open: openTAP, finish: furnishTAP, offload: true, raw: "raw_tap", engine: "gvisor",
		doc: "a host of ours on a TAP with virtio-net header: checksums and segmentation left to the kernel",
	},
	{
		name: "tap_plain", open: openPlainTAP, finish: furnishTAP, raw: "raw_tap", engine: "gvisor",
		doc: "a host of ours on a TAP without it: one frame, one packet of the MTU",
	},
	{
		name: "tap_mq", open: openQueuedTAP, finish: furnishTAP, offload: true, raw: "raw_tap", engine: "gvisor",
		doc: "a host of ours on a TAP with two queues and a steering program",
	},
	{
		name: "packet", ownNetns: true, open: openPacket, offload: true, engine: "gvisor_best",
		doc: "a host of ours on AF_PACKET over a veth pair, with virtio-net header",
	},
	{
		name: "xdp", ownNetns: true, open: openXDP, finish: finishSends, raw: "raw_xdp", engine: "gvisor_best",
		doc: "a host of ours on AF_XDP over a veth pair",
	},
	{
		name: "pipe", quick: true, open: openPipe, inside: true, offload: true, engine: "gvisor",
		doc: "two hosts of ours in one process, on a cable in memory",
	},
	{
		name: "gvisor", quick: true, open: openGVisor, finish: furnishTAP, engine: "gvisor",
		doc: "stock gVisor, fdbased endpoint on a plain TAP, segmentation in software",
	},
	{
		name: "gvisor_best", quick: true, ownNetns: true, open: openGVisorBest, engine: "gvisor_best",
		doc: "stock gVisor at its best: fdbased on AF_PACKET over a veth pair, virtio-net header, segmentation left to the kernel, RecvMMsg",
	},
	{
		name: "gvisor_ring", ownNetns: true, open: openGVisorRing, engine: "gvisor_best",
		doc: "as gvisor_best, with PacketMMap in place of RecvMMsg",
	},
	{
		name: "pasta", quick: true, open: openOutside, wrap: wrapPasta, lean: true, needs: "pasta", not: []string{"icmp"},
		doc: "passt's pasta between a namespace and the sockets of the one it runs in, with its default MTU of 65520",
	},
	{
		name: "pasta_1500", open: openOutside, wrap: wrapSmallPasta, lean: true, needs: "pasta", not: []string{"icmp"},
		doc: "as pasta, with the MTU of the other paths",
	},
	{
		name: "slirp4netns", quick: true, open: openOutside, wrap: wrapSlirp, lean: true, needs: "slirp4netns",
		doc: "slirp4netns between a namespace and the sockets of the one it runs in",
	},
	{
		name: "raw_tap", quick: true, lean: true, open: openRawTAP, finish: furnishRaw, only: []string{"udp-echo", "udp-inline"}, raw: "raw_tap",
		doc: "a loop that reads a plain TAP, swaps addresses and writes: the limit of a TAP",
	},
	{
		name: "raw_xdp", lean: true, ownNetns: true, open: openRawXDP, finish: furnishRawXDP, only: []string{"udp-echo", "udp-inline"}, raw: "raw_xdp",
		doc: "a loop over the rings of an AF_XDP socket that swaps addresses in place: the limit of AF_XDP",
	},
	{
		name: "raw_uso", lean: true, open: openRawUSO, finish: furnishRaw, only: []string{"uso-sink", "uso-source"},
		doc: "a loop that counts UDP super-frames from a TAP, or writes the same one again and again: the limit of bulk over UDP",
	},
	{
		name: "veth_go", ownNetns: true, open: openVethGo, only: []string{"http", "dns"},
		doc: "kernel to kernel over a veth pair, a server in Go (net/http, miekg/dns) at the far end: the limit of ours",
	},
	{
		name: "tap_lossy", open: openLossyTAP, finish: furnishTAP, only: []string{"source-lossy"},
		doc: "a host of ours on a TAP through link/impair: " + lossyWire + " each way",
	},
	{
		name: "kernel_lossy", open: openLossyKernel, finish: furnishTAP, only: []string{"source-lossy"},
		doc: "kernel to kernel over two TAPs through the same wire as tap_lossy",
	},
	{
		name: "tap_ipx", open: openStationTAP, finish: furnishTAP, offload: true, raw: "raw_tap", engine: "gvisor", base: "tap", frames: overIPX,
		measured: []string{"tcp_to", "tcp_from", "tcp_rr", "udp_inline_rr", "ipx_rr", "ipx_64_echo", "ipx_1400_echo", "ipx_64_in"},
		doc:      "as tap, with IPX on, which does nothing beside IP; the near end of IPX makes its frames itself, through AF_PACKET",
	},
	{
		name: "tap_udp", open: openFramesTAP, finish: furnishTAP, only: []string{"ipx-inline", "ipx-sink"}, frames: overUDP,
		doc: "as tap, without super-frames of UDP, as IPX has none; the near end makes frames of UDP as it does of IPX on tap_ipx: what IPX is held against",
	},
	{
		name: "tap_spx", open: openStationTAP, wrap: wrapHost, hosts: true, only: []string{"spx-sink", "spx-echo"}, frames: overIPX,
		doc: "as tap_ipx; the near end is a host of ours, too, on AF_PACKET at the kernel's side of the TAP",
	},
	{
		name: "pipe_ipx", quick: true, open: openPipeIPX, inside: true, offload: true, engine: "gvisor", base: "pipe", frames: overIPX,
		doc: "as pipe, with IPX on",
	},
})

// numbered gives each path a subnet of its own.
func numbered(all []path) []path {
	for i := range all {
		all[i].index = i
	}
	return all
}

// prefixLen is that of every path's subnet.
const prefixLen = 29

// subnet is the path's part of RFC 5737's addresses.
func (p *path) subnet(host uint32) netip.Addr {
	base, index := [4]byte{198, 51, 100, 0}, p.index
	if index >= 32 {
		base, index = [4]byte{203, 0, 113, 0}, index-32
	}
	binary.BigEndian.PutUint32(base[:], binary.BigEndian.Uint32(base[:])+uint32(index)<<(32-prefixLen)+host)
	return netip.AddrFrom4(base)
}

// near is the kernel's address on the path, far that of the far end.
func (p *path) near() netip.Addr { return p.subnet(1) }
func (p *path) far() netip.Addr  { return p.subnet(2) }

// device is the name of the near end's interface, peer that of the far end's, for a pair of them.
func (p *path) device() string { return "b-" + p.name }
func (p *path) peer() string   { return "p-" + p.name }

// serves reports whether the far end has a service.
func (p *path) serves(name string) bool {
	if contains(p.not, name) || !p.carries(serviceNamed(name).network) {
		return false
	}
	if p.only == nil && p.lean {
		return serviceNamed(name).onKernel()
	}
	return p.only == nil || contains(p.only, name)
}

// carries reports whether the path has the network of a service.
func (p *path) carries(network string) bool {
	switch network {
	case "ipx":
		return p.frames != ""
	case "spx":
		return p.frames == overIPX
	}
	return true
}

// measures reports whether the scenario is measured on the path.
func (p *path) measures(s *scenario) bool {
	if s.paths != nil && !contains(s.paths, p.name) || s.paths == nil && p.inside {
		return false
	}
	return p.serves(s.service) && (p.measured == nil || contains(p.measured, s.name))
}

// limit is the path to compare with in a scenario; empty: this is it.
func (p *path) limit(s *scenario) string {
	if s.limit != "" {
		return s.limit
	}
	if p.base != "" {
		return p.base
	}
	if s.rawIs && p.raw != "" && p.raw != p.name {
		return p.raw
	}
	if p.name == "veth" {
		return ""
	}
	return "veth"
}
