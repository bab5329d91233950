package stack

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"tapestry/link"
)

// receiver takes up the frames of one queue. It belongs to the goroutine that reads the queue.
type receiver struct {
	nic   *nic
	queue link.Queue

	d     datagram
	out   []link.Frame // answers that wait for the end of the batch
	ipx   ipxIn
	tally tally
	ids   *rand.ChaCha8   // IPv4 identifications
	memo  *[64 << 10]byte // see piece
	reply *[64 << 10]byte // payloads of burst
	burst burst
}

// tally is what a receiver counts and the host does not know yet.
type tally struct {
	udpIn, udpOut  uint64
	echo4, echo6   uint64 // requests, each of which is answered
	hits, answered uint64 // of inline handlers
}

// engineCounters are the engine's counters that the shortcut adds to, so that a MIB is the same with it and without.
type engineCounters struct {
	ipIn, ipValid, ipDelivered, ipOut    *tcpip.StatCounter
	udpIn, udpOut                        *tcpip.StatCounter
	echoIn4, echoOut4, echoIn6, echoOut6 *tcpip.StatCounter
}

func (c *engineCounters) init(all tcpip.Stats) {
	c.ipIn, c.ipValid, c.ipDelivered = all.IP.PacketsReceived, all.IP.ValidPacketsReceived, all.IP.PacketsDelivered
	c.ipOut, c.udpIn, c.udpOut = all.IP.PacketsSent, all.UDP.PacketsReceived, all.UDP.PacketsSent
	c.echoIn4, c.echoOut4 = all.ICMP.V4.PacketsReceived.EchoRequest, all.ICMP.V4.PacketsSent.EchoReply
	c.echoIn6, c.echoOut6 = all.ICMP.V6.PacketsReceived.EchoRequest, all.ICMP.V6.PacketsSent.EchoReply
}

// settle adds what a receiver counted.
func (s *shortcuts) settle(t *tally) {
	c, echo := &s.count, t.echo4+t.echo6
	in, out := t.udpIn+echo, t.udpOut+echo
	for _, x := range [...]struct {
		c *tcpip.StatCounter
		n uint64
	}{
		{c.ipIn, in}, {c.ipValid, in}, {c.ipDelivered, in}, {c.ipOut, out}, {c.udpIn, t.udpIn}, {c.udpOut, t.udpOut},
		{c.echoIn4, t.echo4}, {c.echoOut4, t.echo4}, {c.echoIn6, t.echo6}, {c.echoOut6, t.echo6},
	} {
		if x.n > 0 {
			x.c.IncrementBy(x.n)
		}
	}
	s.taken.Add(in)
	s.answered.Add(out)
	if t.hits > 0 {
		s.inline.hits.Add(t.hits)
		s.inline.replies.Add(t.answered)
	}
}

var receivers = sync.Pool{New: func() any { return &receiver{} }}

// receive takes one frame up and releases it, as a batch of its own.
func (n *nic) receive(f *link.Frame) {
	r := receivers.Get().(*receiver)
	r.nic, r.queue = n, n.queues[0]
	r.receive(f)
	r.flush()
	*r = receiver{out: r.out}
	receivers.Put(r)
}

// shortcut takes f, whose first chunk is h, to its end. It is false if f is for the engine.
func (r *receiver) shortcut(f *link.Frame, h []byte, v6 bool) bool {
	s := &r.nic.iface.host.shortcuts
	if s.off {
		return false
	}
	d := &r.d
	d.r, d.nic = r, r.nic
	ok := d.parse(f, h, v6) && d.headerValid(h)
	if ok && d.proto == protoUDP {
		ok = r.takeUDP(s, h)
	} else if ok {
		ok = r.echo(s, h)
	}
	d.frame, d.path = nil, nil
	return ok
}

// takeUDP gives a datagram to whoever takes its port.
func (r *receiver) takeUDP(s *shortcuts, h []byte) bool {
	d := &r.d
	u := h[d.off-transportHead : d.off]
	from, to := portPair(u)
	t := s.find(d.v6, &d.key.dst, to)
	if t == nil || from == 0 || int(binary.BigEndian.Uint16(u[4:])) != transportHead+d.size {
		return false
	}
	if d.path = d.nic.path(&d.key); d.path == nil || !d.udpValid(u) {
		return false
	}
	d.from, d.to = netip.AddrPortFrom(d.path.src, from), netip.AddrPortFrom(d.path.dst, to)
	n := uint64(d.count()) // the taker may move the frame out
	if !t.take(d) {
		return false
	}
	r.tally.udpIn += n
	return true
}

// flush ends a batch.
func (r *receiver) flush() {
	r.send()
	if r.ipx.node != nil {
		r.endIPX()
	}
	for _, m := range []**[64 << 10]byte{&r.memo, &r.reply} {
		if *m != nil {
			scratchPool.Put(*m)
			*m = nil
		}
	}
	r.burst.path, r.burst.back = nil, nil
}
