package stack

import (
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// batchFrames is how many frames are read from or given to a device at once at most.
const batchFrames = 64

// batches holds slices of frames, empty ones with room for batchFrames or more, so that sending and receiving allocate
// nothing.
var batches = sync.Pool{New: func() any { b := make([]link.Frame, 0, batchFrames); return &b }}

// WritePacket implements netstack.QueueingDiscipline: nothing queues here. The engine's own discipline makes a list of each
// packet. A frame is a second owner of the packet's memory.
func (n *nic) WritePacket(pkt *netstack.PacketBuffer) tcpip.Error {
	if !n.leaves(pkt) {
		return nil
	}
	b := batches.Get().(*[]link.Frame)
	frames := append((*b)[:0], frame(pkt))
	n.write(frames, pkt.Hash)
	clear(frames)
	*b = frames[:0]
	batches.Put(b)
	return nil
}

// WritePackets implements netstack.LinkWriter.
func (n *nic) WritePackets(pkts netstack.PacketBufferList) (int, tcpip.Error) {
	for _, pkt := range pkts.AsSlice() {
		n.WritePacket(pkt)
	}
	return pkts.Len(), nil
}

// leaves makes a packet what the wire shall see, takes note of it, and reports whether it is to be sent now.
func (n *nic) leaves(pkt *netstack.PacketBuffer) bool {
	if n.noIPv6 && pkt.NetworkProtocolNumber == header.IPv6ProtocolNumber {
		return false
	}
	h := tcpHeader(pkt)
	if h == nil {
		return true
	}
	narrowWindow(h, pkt)
	n.flows.sent(h, pkt)
	mtu := n.deviceInfo().MTU
	n.iface.host.tight.sent(h, pkt, mtu)
	return !n.acks.holds(h, pkt, mtu)
}

// steerer is a device that knows which of its queues, as an index, a frame's flow has: what comes back comes in there.
type steerer interface {
	QueueOf(f *link.Frame) int
}

// write gives frames to the queue of their flow; the device counts what it drops. The engine's hash is a random number
// of each connection, and zero for all but TCP: it spreads where the device knows no better.
func (n *nic) write(frames []link.Frame, hash uint32) {
	if n.steer == nil {
		if len(frames) > 0 {
			n.queues[hash%uint32(len(n.queues))].WriteFrames(frames)
		}
		return
	}
	for len(frames) > 0 {
		queue, same := n.steer.QueueOf(&frames[0]), 1
		for same < len(frames) && n.steer.QueueOf(&frames[same]) == queue {
			same++
		}
		n.queues[queue].WriteFrames(frames[:same])
		frames = frames[same:]
	}
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
