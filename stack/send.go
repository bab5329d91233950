package stack

import (
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// batches holds slices of frames, empty ones, so that sending and receiving allocate nothing.
var batches = sync.Pool{New: func() any { b := make([]link.Frame, 0, 64); return &b }}

// WritePackets implements netstack.LinkWriter. It borrows the packets: a frame is a second owner of their memory.
func (n *nic) WritePackets(pkts netstack.PacketBufferList) (int, tcpip.Error) {
	b := batches.Get().(*[]link.Frame)
	frames := (*b)[:0]
	var queue uint32
	for _, pkt := range pkts.AsSlice() {
		if n.noIPv6 && pkt.NetworkProtocolNumber == header.IPv6ProtocolNumber {
			continue
		}
		if h := tcpHeader(pkt); h != nil {
			narrowWindow(h, pkt)
			n.flows.sent(h, pkt)
		}
		queue = pkt.Hash
		frames = append(frames, frame(pkt))
	}
	if len(frames) > 0 {
		n.queues[queue%uint32(len(n.queues))].WriteFrames(frames) // the device counts what it drops
	}
	clear(frames)
	*b = frames[:0]
	batches.Put(b)
	return pkts.Len(), nil
}

// frame gives the packet's memory a second owner and says in the link's terms what is still to be done to it.
func frame(pkt *netstack.PacketBuffer) link.Frame {
	f := link.Frame{Data: pkt.ToBuffer()}
	g := &pkt.GSOOptions
	if g.Type == netstack.GSONone || g.Type == netstack.GSOGvisor {
		return f
	}
	if g.NeedsCsum {
		f.NeedsChecksum = true
		f.CsumStart = ethernet.HeaderLen + g.L3HdrLen
		f.CsumOffset = g.CsumOffset
	}
	if pkt.Data().Size() > int(g.MSS) {
		f.GSOSize = g.MSS
		f.GSO = link.GSOTCPv4
		if g.Type == netstack.GSOTCPv6 {
			f.GSO = link.GSOTCPv6
		}
	}
	return f
}
