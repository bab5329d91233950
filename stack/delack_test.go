package stack

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
)

// ackClock calls when it is told to.
type ackClock struct {
	link.SystemClock
	f     func()
	armed bool
}

func (c *ackClock) AfterFunc(_ time.Duration, f func()) link.Timer {
	c.f, c.armed = f, true
	return c
}

func (c *ackClock) Stop() bool               { c.armed = false; return true }
func (c *ackClock) Reset(time.Duration) bool { c.armed = true; return true }

func (c *ackClock) fire() {
	if c.armed {
		c.armed = false
		c.f()
	}
}

// outSegment is a segment that the engine sends.
func outSegment(port uint16, flags header.TCPFlags, ack uint32, window uint16, options []byte, payload int) (header.TCP, *netstack.PacketBuffer) {
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{
		ReserveHeaderBytes: 100, Payload: buffer.MakeWithData(make([]byte, payload)),
	})
	h := header.TCP(pkt.TransportHeader().Push(header.TCPMinimumSize + len(options)))
	h.Encode(&header.TCPFields{SrcPort: 7, DstPort: port, AckNum: ack, Flags: flags, WindowSize: window,
		DataOffset: uint8(header.TCPMinimumSize + len(options))})
	copy(h[header.TCPMinimumSize:], options)
	pkt.TransportProtocolNumber = header.TCPProtocolNumber
	pkt.NetworkProtocolNumber = header.IPv4ProtocolNumber
	ip := header.IPv4(pkt.NetworkHeader().Push(header.IPv4MinimumSize))
	ip.Encode(&header.IPv4Fields{SrcAddr: toAddress(host4), DstAddr: toAddress(peer4)})
	return h, pkt
}

func TestDelayedAcks(t *testing.T) {
	const ack, syn, fin = header.TCPFlagAck, header.TCPFlagSyn, header.TCPFlagFin
	ts := append(slices.Clone(timestampOption), make([]byte, 8)...)
	sack := append(slices.Clone(ts), header.TCPOptionNOP, header.TCPOptionNOP, header.TCPOptionSACK, 10, 0, 0, 0, 1, 0, 0, 0, 2)
	type step struct {
		flags   header.TCPFlags
		ack     uint32
		window  uint16
		options []byte
		payload int
		fires   int // of the timer, before
		held    bool
		sent    []uint32 // acknowledgement numbers that the timer sends
	}
	accepted := step{flags: syn | ack, ack: 1000, window: 60000}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{name: "a request and its answer", steps: []step{accepted,
			{flags: ack, ack: 1100, window: 1000, options: ts, held: true},
			{flags: ack, ack: 1100, window: 1000, options: ts, payload: 100},
			{flags: ack, ack: 1200, window: 1000, options: ts, held: true, fires: 2}}},
		{name: "no answer", steps: []step{accepted,
			{flags: ack, ack: 1100, window: 1000, held: true},
			{flags: ack, ack: 1200, window: 1000, held: true, fires: 2, sent: []uint32{1100}}}},
		{name: "a second one", steps: []step{accepted,
			{flags: ack, ack: 1100, window: 1000, held: true},
			{flags: ack, ack: 1200, window: 1000},
			{flags: ack, ack: 1300, window: 1000, held: true, fires: 2}}},
		{name: "more than a segment", steps: []step{accepted, {flags: ack, ack: 1000 + 1461, window: 1000}}},
		{name: "one segment", steps: []step{accepted, {flags: ack, ack: 1000 + 1460, window: 1000, held: true}}},
		{name: "nothing new, and what follows", steps: []step{accepted,
			{flags: ack, ack: 1000, window: 2000},
			{flags: ack, ack: 1100, window: 2000},
			{flags: ack, ack: 1200, window: 2000, held: true}}},
		{name: "a hole, and what follows", steps: []step{accepted,
			{flags: ack, ack: 1100, window: 2000, options: sack},
			{flags: ack, ack: 1200, window: 2000, options: ts},
			{flags: ack, ack: 1300, window: 2000, options: ts, held: true}}},
		{name: "a small window", steps: []step{accepted, {flags: ack, ack: 1100, window: smallWindow}}},
		{name: "the end", steps: []step{accepted,
			{flags: ack, ack: 1100, window: 2000, held: true},
			{flags: ack | fin, ack: 1100, window: 2000},
			{flags: ack, ack: 1101, window: 2000, fires: 2}}},
		{name: "dialled", steps: []step{{flags: syn, window: 60000},
			{flags: ack, ack: 1000, window: 2000},
			{flags: ack, ack: 1100, window: 2000, held: true}}},
		{name: "unknown", steps: []step{{flags: ack, ack: 1100, window: 2000}, {flags: ack, ack: 1200, window: 2000, held: true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock, sent := &ackClock{}, []uint32(nil)
			var d delayedAcks
			d.init(Config{TCP: TCPConfig{AckDelay: time.Second}, Clock: clock}, func(f []link.Frame, _ uint32) {
				b := f[0].AppendTo(nil)
				sent = append(sent, header.TCP(b[len(b)-header.TCPMinimumSize:]).AckNumber())
				link.ReleaseAll(f)
			})
			defer d.close()
			for i, s := range tt.steps {
				sent = nil
				for range s.fires {
					clock.fire()
				}
				h, pkt := outSegment(1000, s.flags, s.ack, s.window, s.options, s.payload)
				if got := d.holds(h, pkt, 1500); got != s.held {
					t.Errorf("step %d: held: %v, want %v", i, got, s.held)
				}
				pkt.DecRef()
				if !slices.Equal(sent, s.sent) {
					t.Errorf("step %d: the timer sent %v, want %v", i, sent, s.sent)
				}
			}
		})
	}
}

// TestDelayedAcksMany: more connections than there are slots lose nothing, and the timer stops when nothing is held.
func TestDelayedAcksMany(t *testing.T) {
	clock, sent, held := &ackClock{}, 0, 0
	var d delayedAcks
	d.init(Config{TCP: TCPConfig{AckDelay: time.Second}, Clock: clock}, func(f []link.Frame, _ uint32) {
		sent++
		link.ReleaseAll(f)
	})
	defer d.close()
	for port := uint16(1); port <= 1000; port++ {
		for n := uint32(1); n <= 2; n++ {
			h, pkt := outSegment(port, header.TCPFlagAck, n*100, 2000, nil, 0)
			if d.holds(h, pkt, 1500) {
				held++
			}
			pkt.DecRef()
		}
	}
	if held < ackSlots/2 || held > ackSlots {
		t.Errorf("%d held, want about %d", held, ackSlots)
	}
	clock.fire()
	clock.fire()
	if sent != held || clock.armed {
		t.Errorf("%d of %d sent after the delay, timer armed: %v", sent, held, clock.armed)
	}
}

// TestDelayedAcksOff: without a delay nothing is held, and a delay that RFC 9293 forbids is refused.
func TestDelayedAcksOff(t *testing.T) {
	for _, delay := range []time.Duration{0, -1} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			var d delayedAcks
			d.init(Config{TCP: TCPConfig{AckDelay: delay}}, nil)
			for n := range uint32(3) {
				h, pkt := outSegment(1, header.TCPFlagAck, n*100, 2000, nil, 0)
				if d.holds(h, pkt, 1500) {
					t.Errorf("segment %d is held", n)
				}
				pkt.DecRef()
			}
		})
	}
	if h, err := New(Config{TCP: TCPConfig{AckDelay: maxAckDelay}}); err == nil {
		h.Close()
		t.Errorf("New took a delay of up to twice %v", maxAckDelay)
	}
}

// heldAck gives delayed acknowledgements of which one, of ack 1100 and with sequence number seq, is held, and those that
// were sent.
func heldAck(t *testing.T, clock link.Clock, seq uint32) (d *delayedAcks, out func(flags header.TCPFlags, seq, ack uint32, payload int) bool, sent *[]uint32) {
	t.Helper()
	d, sent = &delayedAcks{}, new([]uint32)
	d.init(Config{TCP: TCPConfig{AckDelay: time.Second}, Clock: clock}, func(f []link.Frame, _ uint32) {
		b := f[0].AppendTo(nil)
		*sent = append(*sent, header.TCP(b[len(b)-header.TCPMinimumSize:]).AckNumber())
		link.ReleaseAll(f)
	})
	out = func(flags header.TCPFlags, seq, ack uint32, payload int) bool {
		h, pkt := outSegment(1000, flags, ack, 1000, nil, payload)
		defer pkt.DecRef()
		h.SetSequenceNumber(seq)
		return d.holds(h, pkt, 1500)
	}
	out(header.TCPFlagSyn|header.TCPFlagAck, seq-1, 1000, 0)
	if !out(header.TCPFlagAck, seq, 1100, 0) {
		t.Fatal("the acknowledgement is not held")
	}
	return d, out, sent
}

// TestDelayedAcksBehind: what the peer may have already does not take the place of an acknowledgement.
func TestDelayedAcksBehind(t *testing.T) {
	const ack, rst = header.TCPFlagAck, header.TCPFlagRst
	for _, tt := range []struct {
		name      string
		flags     header.TCPFlags
		back      uint32 // how far behind the acknowledgement
		payload   int
		supersede bool
	}{
		{name: "data", flags: ack, payload: 100, supersede: true},
		{name: "a probe of the window", flags: ack, back: 1, payload: 1},
		{name: "a keepalive probe", flags: ack, back: 1},
		{name: "sent again", flags: ack, back: 1460, payload: 1460},
		{name: "a reset", flags: ack | rst, back: 1460, supersede: true},
	} {
		for _, seq := range []uint32{5000, 0} {
			t.Run(fmt.Sprint(tt.name, " before ", seq), func(t *testing.T) {
				clock := &ackClock{}
				d, out, sent := heldAck(t, clock, seq)
				defer d.close()
				if out(tt.flags, seq-tt.back, 1100, tt.payload) {
					t.Error("it is held")
				}
				clock.fire()
				if superseded := len(*sent) == 0; superseded != tt.supersede {
					t.Errorf("sent %v, superseded: %v, want %v", *sent, superseded, tt.supersede)
				}
			})
		}
	}
}

// TestDelayedAcksLone: one that nothing follows leaves after one delay, not two.
func TestDelayedAcksLone(t *testing.T) {
	clock := &ackClock{}
	d, _, sent := heldAck(t, clock, 5000)
	defer d.close()
	clock.fire()
	if !slices.Equal(*sent, []uint32{1100}) || clock.armed {
		t.Errorf("sent %v after one delay, timer armed: %v", *sent, clock.armed)
	}
}

// TestDelayedAcksClose: what is held leaves before the device is closed, and nothing is held later.
func TestDelayedAcksClose(t *testing.T) {
	clock := &ackClock{}
	d, out, sent := heldAck(t, clock, 5000)
	d.close()
	if !slices.Equal(*sent, []uint32{1100}) || clock.armed {
		t.Errorf("sent %v, timer armed: %v", *sent, clock.armed)
	}
	if out(header.TCPFlagAck, 5000, 1200, 0) {
		t.Error("an acknowledgement is held after close")
	}
	new(delayedAcks).close() // of an interface without connections
}

// TestDelayedAcksOfInterface: an interface that is closed sends what it holds.
func TestDelayedAcksOfInterface(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	i, _ := s.host.interfaceByName("eth0")
	i.nic.acks.delay = time.Hour
	for ack := uint32(100); ack <= 200; ack += 100 {
		_, pkt := outSegment(1000, header.TCPFlagAck, ack, 1000, nil, 0)
		pkt.LinkHeader().Push(header.EthernetMinimumSize)
		i.nic.WritePacket(pkt)
		pkt.DecRef()
	}
	isAck := func(ack uint32) func([]byte) bool {
		return func(b []byte) bool {
			const l4 = header.EthernetMinimumSize + header.IPv4MinimumSize
			return len(b) == l4+header.TCPMinimumSize && header.TCP(b[l4:]).AckNumber() == ack
		}
	}
	s.expect("the first", isAck(100))
	s.host.Close()
	s.expect("the one that was held", isAck(200))
}
