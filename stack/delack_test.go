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
		t.Error("New took a delay of 500 ms")
	}
}
