package script

import (
	"encoding/binary"
	"io"
	"net"
	"slices"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/stack/stacktest"
)

// servicePort is where the host listens and what it connects to, unless the script says otherwise.
const servicePort = 7

// flow is one connection of a script as the peer sees it, and the socket that belongs to it.
type flow struct {
	name      string
	local     int // the host's port; 0: not known yet
	peer      int
	isActive  bool // the host opened it
	hostISN   uint32
	peerISN   uint32
	tsBase    uint32 // the host's first timestamp
	isOpen    bool   // hostISN is known
	hasTS     bool
	sent      [][]byte // IP packets of the host
	injected  [][]byte // IP packets of the peer
	conn      net.Conn
	datagrams net.PacketConn
	written   int // octets
	read      int
	pending   *pending
}

// pending is an operation that runs; err is valid once done is closed.
type pending struct {
	name    string
	done    chan struct{}
	err     error
	claimed bool // the script has said what became of it
}

func (p *pending) isDone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// forget makes the flow's ports those of a connection yet to be.
func (f *flow) forget() {
	f.isOpen, f.hasTS = false, false
	f.hostISN, f.tsBase = 0, 0
	f.written, f.read = 0, 0
	f.sent, f.injected = nil, nil
}

// decode reads a captured segment of the host in the flow's relative numbers; the first SYN fixes them.
func (f *flow) decode(k *stacktest.Packet) *Segment {
	h := k.TCP
	flags := byte(h.Flags())
	if flags&flagSYN != 0 && !f.isOpen {
		f.hostISN, f.isOpen = h.SequenceNumber(), true
	}
	s := &Segment{
		Flags: flags, Seq: num(h.SequenceNumber() - f.hostISN), Win: num(uint32(h.WindowSize())),
		Len: len(k.Data), HasOptions: true,
	}
	if flags&flagACK != 0 {
		s.Ack = num(h.AckNumber() - f.peerISN)
	}
	if u := binary.BigEndian.Uint16(h[header.TCPUrgentPtrOffset:]); u != 0 || flags&0x20 != 0 {
		s.Urg = num(uint32(u))
	}
	s.Options = decodeOptions(h.Options(), f.peerISN, 0)
	for i := range s.Options {
		f.fixTimestamp(&s.Options[i])
	}
	s.Other = !isFill(k.Data, int(relative(s.Seq.V))-1)
	return s
}

// fixTimestamp makes the host's clock start at 0.
func (f *flow) fixTimestamp(o *Option) {
	if o.Kind != kindTimestamps || len(o.N) != 2 {
		return
	}
	if !f.hasTS {
		f.tsBase, f.hasTS = o.N[0].V, true
	}
	o.N[0].V -= f.tsBase
}

// encode makes the peer's segment.
func (f *flow) encode(s *Segment) []stacktest.Layer {
	return segmentLayers(s, f.peer, f.local, f.peerISN, f.hostISN, f.tsBase)
}

// expected makes the segment that the host was to send, for people to compare.
func (f *flow) expected(s *Segment) []stacktest.Layer {
	c := *s
	c.Options = slices.Clone(s.Options)
	for i, o := range c.Options {
		if o.Kind == kindTimestamps && len(o.N) == 2 {
			c.Options[i].N = []Num{num(o.N[0].V + f.tsBase), o.N[1]}
		}
	}
	return segmentLayers(&c, f.local, f.peer, f.hostISN, f.peerISN, 0)
}

func segmentLayers(s *Segment, srcPort, dstPort int, seqBase, ackBase, ecrBase uint32) []stacktest.Layer {
	t := stacktest.TCP{
		SrcPort: uint16(srcPort), DstPort: uint16(dstPort), Seq: s.Seq.V + seqBase, Ack: s.Ack.V, Flags: flagString(s.Flags),
		Window: uint16(s.Win.V), ZeroWindow: s.Win.Given && s.Win.V == 0, Urgent: uint16(s.Urg.V),
		Options: encodeOptions(s.Options, ackBase, ecrBase), BadSum: s.Sum == sumBad,
	}
	if s.Flags&flagACK != 0 {
		t.Ack += ackBase
	}
	at := int(relative(s.Seq.V)) - 1
	if s.Flags&flagSYN != 0 {
		at++ // the SYN comes before the data (RFC 9293 §3.4)
	}
	return []stacktest.Layer{t, stacktest.Payload(fill(at, s.Len, s.Other))}
}

// encodeDatagram makes the peer's datagram.
func (f *flow) encodeDatagram(d *Datagram) []stacktest.Layer {
	u := stacktest.UDP{SrcPort: uint16(f.peer), DstPort: uint16(f.local), NoSum: d.Sum == sumNone, BadSum: d.Sum == sumBad}
	return []stacktest.Layer{u, stacktest.Payload(fill(0, d.Len, false))}
}

// quoted finds the packet that an ICMP error is to quote, and changes its sequence number if it is forged. It gives nil
// if there is none.
func (f *flow) quoted(c *ICMP) (q []byte, ihl int) {
	for _, p := range slices.Backward(f.sent) {
		ihl = header.IPv6MinimumSize
		if p[0]>>4 == 4 {
			ihl = int(p[0]&15) * 4
		}
		if len(p) < ihl+8 {
			continue
		}
		if c.Seq.Given && binary.BigEndian.Uint32(p[ihl+4:]) != c.Seq.V+f.hostISN {
			continue
		}
		q = slices.Clone(p)
		if c.Forge.Given {
			binary.BigEndian.PutUint32(q[ihl+4:], c.Forge.V+f.hostISN)
		}
		return q, ihl
	}
	return nil, 0
}

// wasInjected reports whether q is the start of a packet of the peer.
func (f *flow) wasInjected(q []byte) bool {
	return slices.ContainsFunc(f.injected, func(p []byte) bool { return len(p) >= len(q) && string(p[:len(q)]) == string(q) })
}

// close ends the flow's sockets.
func (f *flow) close() {
	for _, c := range []io.Closer{f.conn, f.datagrams} {
		if c != nil {
			c.Close() // one that the script has closed says so
		}
	}
}
