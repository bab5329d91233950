package stack

import (
	"encoding/binary"
	"testing"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// flowPacket is a segment of connection n as the engine hands it to the adapter, and the connection's key.
func flowPacket(n, seq uint32, flags header.TCPFlags, payload int) (*netstack.PacketBuffer, flowKey) {
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{
		ReserveHeaderBytes: header.TCPMinimumSize + header.IPv4MinimumSize,
		Payload:            buffer.MakeWithView(buffer.NewViewSize(payload)),
	})
	k := flowKey{srcPort: 9, dstPort: uint16(n)}
	copy(k.src[:], host4.AsSlice())
	copy(k.dst[:], []byte{203, 0, byte(n >> 24), byte(n >> 16)})
	header.TCP(pkt.TransportHeader().Push(header.TCPMinimumSize)).Encode(&header.TCPFields{
		SrcPort: k.srcPort, DstPort: k.dstPort, SeqNum: seq, DataOffset: header.TCPMinimumSize, Flags: flags,
	})
	ip := pkt.NetworkHeader().Push(header.IPv4MinimumSize)
	ip[0] = 0x45
	copy(ip[12:], k.src[:4])
	copy(ip[16:], k.dst[:4])
	pkt.NetworkProtocolNumber, pkt.TransportProtocolNumber = header.IPv4ProtocolNumber, header.TCPProtocolNumber
	return pkt, k
}

func (t *flows) send(n, seq uint32, flags header.TCPFlags, payload int) flowKey {
	pkt, k := flowPacket(n, seq, flags, payload)
	defer pkt.DecRef()
	t.sent(tcpHeader(pkt), pkt)
	return k
}

func TestFlowsInFlight(t *testing.T) {
	var una uint32 = 1<<32 - 100 // the numbers wrap
	var f flows
	k := f.send(1, una, header.TCPFlagAck, 200)
	f.send(1, una+200, header.TCPFlagAck, 100)
	f.send(1, una, header.TCPFlagAck, 200) // again, which moves nothing
	f.acked(k, una+150)
	f.acked(k, una+50)  // late
	f.acked(k, una+301) // of what was never sent
	for _, tt := range []struct {
		name string
		seq  uint32
		want bool
	}{
		{"acknowledged", una + 149, false},
		{"first that is not", una + 150, true},
		{"last that was sent", una + 299, true},
		{"never sent", una + 300, false},
	} {
		if got := f.inFlight(k, tt.seq); got != tt.want {
			t.Errorf("%s: in flight: got %v, want %v", tt.name, got, tt.want)
		}
	}
	f.send(1, 5000, header.TCPFlagSyn, 0)
	if f.inFlight(k, una+200) || !f.inFlight(k, 5000) {
		t.Error("a new connection has the numbers of the old one")
	}
	f.send(1, 5001, header.TCPFlagRst, 0)
	if f.inFlight(k, 5000) {
		t.Error("a reset connection is remembered")
	}
}

// TestFlowsBounded: memory ends at two generations, and who goes on speaking, or is acknowledged, is not forgotten.
func TestFlowsBounded(t *testing.T) {
	var f flows
	sender := f.send(1, 0, header.TCPFlagAck, 1)
	acked := f.send(2, 0, header.TCPFlagAck, 4*maxFlows)
	silent := f.send(3, 0, header.TCPFlagAck, 1)
	for i := range uint32(4 * maxFlows) {
		f.send(1<<16+i, 0, header.TCPFlagAck, 1)
		if i%1000 == 0 {
			f.send(1, i, header.TCPFlagAck, 1)
			f.acked(acked, i+1)
		}
		if n := len(f.young) + len(f.old); n > 2*maxFlows {
			t.Fatalf("%d flows are remembered, of %d at most", n, 2*maxFlows)
		}
	}
	if !f.inFlight(sender, 0) || !f.inFlight(acked, 4*maxFlows-1) {
		t.Error("a flow that speaks was forgotten")
	}
	if f.inFlight(silent, 0) {
		t.Error("a silent flow is remembered after 32768 others")
	}
}

func BenchmarkFlows(b *testing.B) {
	var f flows
	for i := range uint32(100) {
		f.send(100+i, 0, header.TCPFlagAck, 1)
	}
	pkt, k := flowPacket(1, 0, header.TCPFlagAck, 1448)
	defer pkt.DecRef()
	seq := pkt.TransportHeader().Slice()[4:]
	b.ReportAllocs()
	for n := uint32(0); b.Loop(); n += 1448 {
		binary.BigEndian.PutUint32(seq, n)
		f.sent(tcpHeader(pkt), pkt)
		f.acked(k, n+1448)
	}
}
