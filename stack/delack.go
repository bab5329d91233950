package stack

import (
	"bytes"
	"encoding/binary"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
)

// Constants of delayed acknowledgements.
const (
	defaultAckDelay = 20 * time.Millisecond
	maxAckDelay     = 250 * time.Millisecond // RFC 9293 §3.8.6.3: twice it, at most, is less than half a second
	ackSlots        = 64                     // connections of an interface whose acknowledgements can be delayed at a time
)

// delayedAcks hold back acknowledgements that carry nothing else, for a moment in which data may come that carries them
// along (RFC 9293 §3.8.6.3): the answer to a request then is one segment, not two. The engine acknowledges whatever it
// takes at once, before the application has seen it.
//
// One that is held leaves when the delay is over, at the latest when it has passed twice, or when the interface is
// closed. It is superseded by any segment of its connection that has its sequence number or a later one, and a second
// acknowledgement leaves at once. Never held are: what acknowledges more than one segment, nothing new (it tells of a
// hole or of a window) or selectively, and the next one after those (RFC 5681 §4.2); a window of less than a segment; and
// what follows the SYN.
//
// A segment with an earlier sequence number is a probe, or is sent again. A peer who has those octets takes nothing from
// it, the acknowledgement neither (RFC 9293 §3.10.7.4), so what is held stays held.
//
// The timer runs while something is held, and is not set anew for each: a shorter delay would have it, and the kernel's
// timer behind it, fire and be set many times more often, which costs more than the segments that are saved. Connections
// share a small table without chains: two that fall on one slot delay less, and nothing else changes.
type delayedAcks struct {
	delay time.Duration // not positive: none is held
	clock link.Clock
	send  func(f []link.Frame, hash uint32) // called without mu

	mu     sync.Mutex
	slots  *[ackSlots]ackSlot // made for the first connection
	held   int                // slots that hold one
	tick   uint32
	timer  link.Timer
	armed  bool
	closed bool
	out    [1]link.Frame // guarded by flight
	flight sync.Mutex    // held by the one who uses out; taken outside of mu
}

// ackSlot is what is known of one connection.
type ackSlot struct {
	key   flowKey
	known bool // ack is, and the next may be held
	held  bool
	ack   uint32 // the last acknowledgement number that was sent or is held
	seq   uint32 // of what is held
	tick  uint32 // when it was held
	hash  uint32
	frame link.Frame
}

func (d *delayedAcks) init(c Config, send func([]link.Frame, uint32)) {
	d.delay, d.clock, d.send = c.TCP.AckDelay, c.Clock, send
}

// holds takes note of an outgoing segment, over a device of that MTU, and reports whether it is held back.
func (d *delayedAcks) holds(h header.TCP, pkt *netstack.PacketBuffer, mtu int) bool {
	if d.delay <= 0 {
		return false
	}
	var k flowKey
	if !k.ofPacket(h, pkt) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	if d.slots == nil {
		d.slots = new([ackSlots]ackSlot)
	}
	s := &d.slots[k.slot()]
	if s.key != k {
		if s.held {
			return false // the other one's is on its way; it keeps the slot until then
		}
		*s = ackSlot{key: k}
	}
	const fresh = header.TCPFlagSyn | header.TCPFlagRst // what was held before one of them does not matter any more
	if s.held && int32(h.SequenceNumber()-s.seq) < 0 && h.Flags()&fresh == 0 {
		return false
	}
	mayHold := s.known && !s.held
	news := h.AckNumber() - s.ack
	isPlain := isPlainAck(h, pkt)
	d.drop(s)
	s.ack = h.AckNumber()
	s.known = isCalm(h, news, pkt.Data().Size())
	segment := uint32(mtu - header.IPv4MinimumSize - header.TCPMinimumSize)
	if !mayHold || !isPlain || news == 0 || news > segment {
		return false
	}
	s.seq = h.SequenceNumber()
	d.hold(s, pkt)
	return true
}

// isCalm reports whether the acknowledgement after this segment may be held: a SYN alone acknowledges nothing yet, and who
// mends a hole waits for each.
func isCalm(h header.TCP, news uint32, payload int) bool {
	if h.Flags()&header.TCPFlagSyn != 0 {
		return h.Flags()&header.TCPFlagAck != 0
	}
	return payload > 0 || news > 0 && !hasSACK(h.Options())
}

// isPlainAck reports whether a segment acknowledges in sequence and does nothing else, with a window that keeps the peer
// sending.
func isPlainAck(h header.TCP, pkt *netstack.PacketBuffer) bool {
	return h.Flags() == header.TCPFlagAck && pkt.Data().Size() == 0 && h.WindowSize() > smallWindow && !hasSACK(h.Options())
}

// smallWindow is what a window field says at most where a segment may not fit, with the scale that the default buffer
// gives; without a scale it is only a small window.
const smallWindow = 128

// hasSACK reports whether options hold a SACK block. Timestamps alone, as the engine lays them out, do not.
func hasSACK(options []byte) bool {
	return len(options) > 0 && !bytes.HasPrefix(options, timestampOption) || len(options) > header.TCPOptionTSLength+2
}

// timestampOption is how a timestamp option begins that is padded in front (RFC 7323 Appendix A).
var timestampOption = []byte{header.TCPOptionNOP, header.TCPOptionNOP, header.TCPOptionTS, header.TCPOptionTSLength}

func (d *delayedAcks) hold(s *ackSlot, pkt *netstack.PacketBuffer) {
	s.frame, s.hash, s.held, s.tick = frame(pkt), pkt.Hash, true, d.tick
	d.held++
	if d.armed {
		return
	}
	d.armed = true
	d.tick++ // so that this one is due when the timer fires
	if d.timer == nil {
		d.timer = d.clock.AfterFunc(d.delay, d.expire)
		return
	}
	d.timer.Reset(d.delay)
}

// slot spreads connections over the table.
func (k *flowKey) slot() uint32 {
	h := uint32(k.srcPort)<<16 | uint32(k.dstPort)
	for i := 0; i < len(k.dst); i += 4 {
		h = (h ^ binary.LittleEndian.Uint32(k.dst[i:])) * 0x9e3779b1
	}
	return h >> 16 % ackSlots
}

// drop forgets what s holds: something later says the same.
func (d *delayedAcks) drop(s *ackSlot) {
	if s.held {
		s.held = false
		s.frame.Release()
		d.held--
	}
}

// expire sends what was held when the timer was set, and sets it again for what came later.
func (d *delayedAcks) expire() {
	d.sendDue()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tick++
	if d.armed = d.held > 0 && !d.closed; d.armed {
		d.timer.Reset(d.delay)
	}
}

// sendDue sends what has been held since before this tick.
func (d *delayedAcks) sendDue() {
	d.flight.Lock()
	defer d.flight.Unlock()
	for hash, ok := d.takeDue(); ok; hash, ok = d.takeDue() {
		d.send(d.out[:], hash)
		d.out[0] = link.Frame{}
	}
}

// takeDue moves one that has been held since before this tick to out.
func (d *delayedAcks) takeDue() (hash uint32, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held == 0 {
		return 0, false
	}
	for i := range d.slots {
		if s := &d.slots[i]; s.held && s.tick != d.tick {
			d.out[0], s.frame, s.held = s.frame, link.Frame{}, false
			d.held--
			return s.hash, true
		}
	}
	return 0, false
}

// close sends what is held and holds nothing from then on: the device is about to be closed. The last acknowledgement of
// a connection may be among it, without which the peer would send its FIN again to nobody.
func (d *delayedAcks) close() {
	d.mu.Lock()
	d.closed = true
	d.tick++
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	d.sendDue()
}
