package stack

import (
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
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
