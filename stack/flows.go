package stack

import (
	"encoding/binary"
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// maxFlows bounds each of the two generations of a flow table.
const maxFlows = 8192

// flows remembers, of TCP connections, which sequence numbers are in flight. An ICMP error quotes the segment that
// caused it; one whose quoted sequence number was never sent, or was acknowledged already, is forged or stale
// (RFC 5927 §4.1). The engine does not check this, and would take a tiny MTU from such a message for good.
//
// Memory is bounded by two generations: when the young one is full it becomes the old one, and what the old one still
// held is forgotten. A flow that sends or is acknowledged moves back to the young one. Errors about forgotten flows
// are dropped: such a flow has sent nothing for the time that 8192 others took to speak.
type flows struct {
	mu         sync.Mutex
	young, old map[flowKey]*flight
}

// flowKey names a connection as our outgoing segments do.
type flowKey struct {
	src, dst         [16]byte
	srcPort, dstPort uint16
}

// flight is the range of sequence numbers from una up to nxt, the RFC's SND.UNA and SND.NXT (RFC 9293 §3.3.1).
type flight struct{ una, nxt uint32 }

// ofPacket names the connection of an outgoing packet with its TCP header. It reports whether it has one.
func (k *flowKey) ofPacket(tcp header.TCP, pkt *netstack.PacketBuffer) bool {
	switch ip := pkt.NetworkHeader().Slice(); {
	case pkt.NetworkProtocolNumber == header.IPv4ProtocolNumber && len(ip) >= header.IPv4MinimumSize:
		copy(k.src[:], ip[12:16])
		copy(k.dst[:], ip[16:20])
	case pkt.NetworkProtocolNumber == header.IPv6ProtocolNumber && len(ip) >= header.IPv6MinimumSize:
		copy(k.src[:], ip[8:24])
		copy(k.dst[:], ip[24:40])
	default:
		return false
	}
	k.srcPort, k.dstPort = tcp.SourcePort(), tcp.DestinationPort()
	return true
}

// sent records an outgoing packet and its TCP header.
func (t *flows) sent(tcp header.TCP, pkt *netstack.PacketBuffer) {
	var k flowKey
	if !k.ofPacket(tcp, pkt) {
		return
	}
	seq := tcp.SequenceNumber()
	end := seq + uint32(pkt.Data().Size())
	if tcp.Flags()&(header.TCPFlagSyn|header.TCPFlagFin) != 0 {
		end++ // both occupy a sequence number (RFC 9293 §3.4)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if tcp.Flags().Contains(header.TCPFlagRst) {
		delete(t.young, k)
		delete(t.old, k)
		return
	}
	fl, isYoung := t.find(k)
	if fl == nil {
		fl = &flight{una: seq, nxt: end}
	} else if tcp.Flags().Contains(header.TCPFlagSyn) {
		*fl = flight{una: seq, nxt: end}
	} else if int32(end-fl.nxt) > 0 {
		fl.nxt = end
	}
	if !isYoung {
		t.put(k, fl)
	}
}

// acked records an acknowledgement for the flow; one outside the flight is not ours to believe.
func (t *flows) acked(k flowKey, ack uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fl, isYoung := t.find(k)
	if fl == nil || int32(ack-fl.una) <= 0 || int32(ack-fl.nxt) > 0 {
		return
	}
	fl.una = ack
	if !isYoung {
		t.put(k, fl)
	}
}

// octets is how much of a flow is in flight.
func (t *flows) octets(k flowKey) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	fl, _ := t.find(k)
	if fl == nil {
		return 0
	}
	return int(fl.nxt - fl.una)
}

// keyOf names the flow from our socket to its peer.
func keyOf(local, remote netip.AddrPort) (k flowKey) {
	copy(k.src[:], local.Addr().Unmap().AsSlice())
	copy(k.dst[:], remote.Addr().Unmap().AsSlice())
	k.srcPort, k.dstPort = local.Port(), remote.Port()
	return k
}

// inFlight reports whether seq was sent and not yet acknowledged.
func (t *flows) inFlight(k flowKey, seq uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	fl, _ := t.find(k)
	return fl != nil && seq-fl.una < fl.nxt-fl.una
}

// find looks a flow up, to be changed in place; nil is an unknown one. t.mu is held.
func (t *flows) find(k flowKey) (fl *flight, isYoung bool) {
	if fl = t.young[k]; fl != nil {
		return fl, true
	}
	return t.old[k], false
}

// put stores a flow that is not in the young generation there; t.mu is held.
func (t *flows) put(k flowKey, fl *flight) {
	if t.young == nil {
		t.young = map[flowKey]*flight{}
	}
	if len(t.young) >= maxFlows {
		t.young, t.old = map[flowKey]*flight{}, t.young
	}
	t.young[k] = fl
}

// portPair reads the two port numbers that start a TCP or UDP header.
func portPair(b []byte) (src, dst uint16) {
	return binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
}
