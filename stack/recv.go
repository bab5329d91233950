package stack

import (
	"encoding/binary"
	"errors"
	"net"
	"runtime"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// heavyLoad is how many octets of a batch have the reader let others run before the next, who would otherwise starve where
// frames come without a pause and all goroutines share one P.
const heavyLoad = 128 << 10

// fewFrames is how many frames a quiet interface has room for; a burst of more is read with room from batches.
const fewFrames = 4

// read takes frames from a queue until the device is closed or gone.
func (n *nic) read(q link.Queue) {
	r := &receiver{nic: n, queue: q}
	few := make([]link.Frame, fewFrames)
	for frames, many := few, (*[]link.Frame)(nil); ; {
		k, err := q.ReadFrames(frames)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				n.iface.host.cfg.Log.Error("device failed; the interface is dead",
					"host", n.iface.host.cfg.Name, "interface", n.iface.name, "err", err)
			}
			return
		}
		load := 0
		for i := range frames[:n.coalesce(frames[:k])] {
			load += frames[i].Len()
			r.receive(&frames[i])
		}
		r.flush()
		if k == len(frames) && many != nil || load >= heavyLoad {
			runtime.Gosched()
		}
		switch {
		case many == nil && k == fewFrames:
			many = batches.Get().(*[]link.Frame)
			frames = (*many)[:batchFrames] // it may be longer, see receiveDatagrams
		case many != nil && k < fewFrames:
			batches.Put(many)
			frames, many = few, nil
		}
	}
}

// receive takes one frame up and releases it.
func (r *receiver) receive(f *link.Frame) {
	n := r.nic
	defer f.Release()
	h := f.Head()
	if len(h) < ethernet.HeaderLen {
		if !n.makeContiguous(f) {
			n.drops.short.Add(1)
			return
		}
		h = f.Head()
	}
	if !n.wants.frame(h) {
		return
	}
	if f.GSO == link.GSONone && f.Len() > n.deviceInfo().MTU+ethernet.HeaderLen+ethernet.TagLen {
		n.drops.tooLong.Add(1)
		return
	}
	t := ethernet.EtherType(binary.BigEndian.Uint16(h[12:]))
	if r.ipx.node != nil && t >= ethernet.MinEtherType && t != ethernet.TypeIPX {
		r.endIPX()
	}
	if (t == ethernet.TypeIPv4 || t == ethernet.TypeIPv6) && h[0]&1 == 0 && r.shortcut(f, h, t == ethernet.TypeIPv6) {
		return
	}
	r.send() // what the engine may say comes behind
	if f.GSO == link.GSOUDP {
		r.receiveDatagrams(f)
		return
	}
	switch t {
	case ethernet.TypeIPv4, ethernet.TypeIPv6, ethernet.TypeARP:
		n.deliver(f, t, ethernet.HeaderLen)
	default:
		r.receiveOther(f)
	}
}

// receiveDatagrams takes up a super-frame of UDP: unlike TCP's stream, datagrams keep their bounds.
func (r *receiver) receiveDatagrams(f *link.Frame) {
	b := batches.Get().(*[]link.Frame)
	defer batches.Put(b)
	parts, err := link.Segment((*b)[:0], f, link.OffloadChecksum)
	if err != nil {
		r.nic.drops.segment.Add(1)
		return
	}
	for i := range parts {
		r.receive(&parts[i])
	}
	*b = parts[:0]
}

// makeContiguous gives a frame whose first chunk does not hold the Ethernet header one chunk. It reports whether there
// are that many octets at all.
func (n *nic) makeContiguous(f *link.Frame) bool {
	if f.Len() < ethernet.HeaderLen {
		return false
	}
	flat := link.NewFrame(f.AppendTo(nil))
	f.Data.Release()
	f.Data = flat.Data
	return true
}

// deliver hands a packet to the engine; its link header is skip octets long.
//
// The engine's own entry, NIC.DeliverNetworkPacket, takes checksums as verified or not for a whole interface. Handing
// the packet to the network endpoint directly lets each frame say it: super-frames and frames with a partial
// checksum come from memory and are good; of all others the engine verifies every checksum, also after reassembly.
func (n *nic) deliver(f *link.Frame, t ethernet.EtherType, skip int) {
	ep, number := n.ip4, header.IPv4ProtocolNumber
	switch t {
	case ethernet.TypeIPv6:
		ep, number = n.ip6, header.IPv6ProtocolNumber
	case ethernet.TypeARP:
		ep, number = n.arp, header.ARPProtocolNumber
	}
	if !n.accept(f, t, skip) {
		return
	}
	if f.NeedsChecksum && !isPlainSum(f, t, skip) {
		_ = link.FinishChecksum(f) // with bogus offsets there is nothing to finish: the engine verifies what came
		f.NeedsChecksum = false
	}
	validated := f.NeedsChecksum || f.DataValid || n.trust
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: f.Data})
	*f = link.Frame{}
	defer pkt.DecRef()
	if _, ok := pkt.LinkHeader().Consume(skip); !ok {
		n.drops.short.Add(1)
		return
	}
	pkt.PktType = packetType(pkt.LinkHeader().Slice())
	pkt.NetworkProtocolNumber = number
	pkt.RXChecksumValidated = validated
	ep.HandlePacket(pkt)
}

// udpChecksum is the offset of the checksum field (RFC 768).
const udpChecksum = 6

// isPlainSum reports whether the checksum that a frame still needs is that of the packet's own transport header, and not
// of a packet in a tunnel inside it, whose checksum somebody else will verify.
func isPlainSum(f *link.Frame, t ethernet.EtherType, skip int) bool {
	head := f.Head()
	if len(head) < skip+header.IPv4MinimumSize {
		return false
	}
	p, size := head[skip:], header.IPv6MinimumSize
	proto := p[6]
	if t == ethernet.TypeIPv4 {
		size, proto = int(header.IPv4(p).HeaderLength()), p[9]
	}
	switch tcpip.TransportProtocolNumber(proto) {
	case header.TCPProtocolNumber:
		return int(f.CsumStart) == skip+size && f.CsumOffset == header.TCPChecksumOffset
	case header.UDPProtocolNumber:
		return int(f.CsumStart) == skip+size && f.CsumOffset == udpChecksum
	}
	return false
}

// checked is how many octets of a packet the adapter's own checks look at: an ICMP error is no longer.
const checked = minMTU6

// accept is what the adapter itself checks of packets for the engine.
func (n *nic) accept(f *link.Frame, t ethernet.EtherType, skip int) bool {
	head := f.Head()
	if len(head) < skip+header.IPv4MinimumSize {
		return true // the engine counts it as malformed
	}
	p := head[skip:]
	if len(head) == f.Len() || !looksDeep(p, t) {
		return n.acceptPacket(p, t)
	}
	room := deepPackets.Get().(*[checked]byte)
	defer deepPackets.Put(room)
	k, _ := f.Data.ReadAt(room[:], int64(skip)) // short only where the frame is
	return n.acceptPacket(room[:k], t)
}

// deepPackets hold the start of packets whose first chunk is too short for accept.
var deepPackets = sync.Pool{New: func() any { return new([checked]byte) }}

func (n *nic) acceptPacket(p []byte, t ethernet.EtherType) bool {
	switch t {
	case ethernet.TypeIPv4:
		return n.acceptIPv4(p)
	case ethernet.TypeIPv6:
		return n.acceptIPv6(p)
	default:
		n.conflicts.sawARP(n.iface, p)
		return true
	}
}

// looksDeep reports whether what accept checks can lie beyond the first chunk: behind options or extension headers,
// and in ICMP errors. Plain TCP and UDP never does.
func looksDeep(p []byte, t ethernet.EtherType) bool {
	switch t {
	case ethernet.TypeIPv4:
		return p[0] != 0x45 || p[9] == uint8(header.ICMPv4ProtocolNumber)
	case ethernet.TypeIPv6:
		return p[6] != uint8(header.TCPProtocolNumber) && p[6] != uint8(header.UDPProtocolNumber)
	}
	return true
}
