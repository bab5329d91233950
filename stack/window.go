package stack

import (
	"net"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/seqnum"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// tcpHeader is the TCP header of an outgoing packet, nil if it has none.
func tcpHeader(pkt *netstack.PacketBuffer) header.TCP {
	if pkt.TransportProtocolNumber != header.TCPProtocolNumber {
		return nil
	}
	if h := header.TCP(pkt.TransportHeader().Slice()); len(h) >= header.TCPMinimumSize {
		return h
	}
	return nil
}

// narrowWindow offers the peer one unit of window less than the engine does.
//
// The engine rounds the window down to a multiple of 1<<scale, so that its right edge moves back by up to a unit as
// data arrives, and it judges what comes by the rounded edge. An octet that the peer sent within the window may then be
// outside, and so is each acknowledgement behind it: with data both ways nothing moves again (RFC 9293 §3.8.6 warns of
// shrinking windows, and RFC 7323 §2.4 of this rounding). The edge that the peer sees here stays a unit before the one
// that the engine judges by, which thus never falls behind it.
func narrowWindow(h header.TCP, pkt *netstack.PacketBuffer) {
	w := h.WindowSize()
	if w == 0 || h.Flags()&(header.TCPFlagSyn|header.TCPFlagRst) != 0 {
		return
	}
	h.SetWindowSize(w - 1)
	if !pkt.GSOOptions.NeedsCsum { // else the field holds the sum of the pseudo-header alone
		h.SetChecksum(^checksum.Combine(^h.Checksum(), checksum.Combine(^w, w-1))) // RFC 1624 §3
	}
}

// loopback is the engine's loopback interface with the adapter's windows.
type loopback struct{ netstack.LinkEndpoint }

// WritePackets implements netstack.LinkWriter.
func (l loopback) WritePackets(pkts netstack.PacketBufferList) (int, tcpip.Error) {
	for _, pkt := range pkts.AsSlice() {
		if h := tcpHeader(pkt); h != nil {
			narrowWindow(h, pkt)
		}
	}
	return l.LinkEndpoint.WritePackets(pkts)
}

// maxTight bounds how many connections tightWindows knows. At one more it forgets all: some have ended, and the peers of
// the others probe.
const maxTight = 1024

// tightWindows knows the connections whose peers were last offered less than a segment.
//
// A peer with more to send waits for a segment's room (RFC 9293 §3.8.6.2.1), and the engine tells of room that reading
// makes only when its own idea of the window grows past a segment. The two can disagree: what the peer was offered is a
// unit less, and can be behind what the buffer has room for. Then nobody moves until the peer probes, 200 ms and more
// later. Whoever reads from such a connection therefore has the engine tell.
type tightWindows struct {
	scale int // of the windows offered to peers who know scaling; the others' are not so coarse that it matters
	count atomic.Int32

	mu   sync.Mutex
	keys map[flowKey]struct{}
}

func (t *tightWindows) init(c TCPConfig) {
	t.scale, t.keys = tcp.FindWndScale(seqnum.Size(c.ReceiveBuffer.Max)), map[flowKey]struct{}{}
}

// sent takes note of the window in an outgoing segment, over a device of that MTU.
func (t *tightWindows) sent(h header.TCP, pkt *netstack.PacketBuffer, mtu int) {
	const ends = header.TCPFlagSyn | header.TCPFlagRst | header.TCPFlagFin // who has sent one of them does not stay known
	isTight := int(h.WindowSize())<<t.scale < mtu-header.IPv4MinimumSize-header.TCPMinimumSize && h.Flags()&ends == 0
	if !isTight && t.count.Load() == 0 {
		return
	}
	var k flowKey
	if !k.ofPacket(h, pkt) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if isTight {
		if len(t.keys) == maxTight {
			clear(t.keys)
		}
		t.keys[k] = struct{}{}
	} else {
		delete(t.keys, k)
	}
	t.count.Store(int32(len(t.keys)))
}

func (t *tightWindows) has(k flowKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.keys[k]
	return ok
}

// moveWindow adapts the receive buffer after n octets were read, and tells a peer who may be waiting for it that there is
// room. The caller holds c.read.mu.
func (c *TCPConn) moveWindow(n int) {
	c.ep.ModerateRecvBuf(n)
	if t := &c.host.tight; t.count.Load() > 0 && t.has(c.flow()) {
		c.offerWindow()
	}
}

// offerWindow has the engine acknowledge with the present window, if that is a segment: it does when the buffer's size
// changes and makes room. Here the size stays; the engine is told that it was nothing before. It then takes the size for
// one that the user chose and stops adapting it, which is undone. Nobody reads or writes that mark but who holds read.mu,
// and SetReadBuffer. The caller holds c.read.mu.
func (c *TCPConn) offerWindow() {
	ep, ok := c.ep.(*tcp.Endpoint)
	if !ok {
		return
	}
	c.sizeMu.Lock() // inside of read.mu and loan.mu, before the engine's
	defer c.sizeMu.Unlock()
	isFixed := ep.RcvAutoParams.Disabled
	if _, tell := ep.OnSetReceiveBufferSize(ep.SocketOptions().GetReceiveBufferSize(), 0); tell != nil {
		tell()
	}
	ep.RcvAutoParams.Disabled = isFixed
}

// SetReadBuffer sets how many octets the connection holds for a slow reader, and has the size stay.
func (c *TCPConn) SetReadBuffer(octets int) error {
	c.sizeMu.Lock()
	defer c.sizeMu.Unlock()
	return c.socket.SetReadBuffer(octets)
}

// flow names the connection as its outgoing segments do.
func (c *TCPConn) flow() flowKey {
	local, _ := c.local.(*net.TCPAddr)
	peer, _ := c.peer.(*net.TCPAddr)
	if local == nil || peer == nil {
		return flowKey{}
	}
	return keyOf(local.AddrPort(), peer.AddrPort())
}
