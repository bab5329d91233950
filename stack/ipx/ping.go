package ipx

import (
	"bytes"
	"encoding/binary"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/internal/wait"
)

// PingKind is how a node is asked for a sign of life.
type PingKind uint8

// The ways. NetWare answers diagnostics everywhere, echo hardly anywhere.
const (
	PingEcho       PingKind = iota // type 2 to socket 2
	PingDiagnostic                 // a configuration request to socket 0456
)

// String gives echo or diagnostic.
func (k PingKind) String() string {
	if k == PingDiagnostic {
		return "diagnostic"
	}
	return "echo"
}

// PingOptions says how to ask.
type PingOptions struct {
	Kind    PingKind
	Data    []byte        // of an echo; default: 8 octets that tell answers apart
	Timeout time.Duration // default one second; the context may end it sooner
}

func (o PingOptions) timeout() time.Duration {
	if o.Timeout <= 0 {
		return time.Second
	}
	return o.Timeout
}

// PingReply is the answer.
type PingReply struct {
	From Addr          `json:"from"`
	RTT  time.Duration `json:"rtt"`
	Hops uint8         `json:"hops"` // routers that the answer met
	Data []byte        `json:"data,omitempty"`
}

// ping is one question that waits for its answer. Its socket is its own, so answers to others do not reach it.
type ping struct {
	s     *Stack
	sock  SocketNumber
	to    Addr
	point wait.Point
	start time.Time
	kind  PingKind
	data  []byte // that an echo returns
	group bool   // all are asked, and the first other than this node itself is the answer

	answered bool
	noRoute  bool // no router knows the network
	reply    PingReply
}

// Describe names the owner of the socket.
func (*ping) Describe() SocketInfo { return SocketInfo{Owner: "ping"} }

// question gives the packet that asks.
func (p *ping) question(n *Node, to Addr, o PingOptions) (Fields, []byte) {
	p.to, p.kind, p.group = to, o.Kind, to.Node == ipxwire.Broadcast
	if o.Kind == PingDiagnostic {
		p.to.Socket = ipxwire.SocketDiagnostic
		return Fields{Type: ipxwire.TypePEP, Destination: p.to}, []byte{0} // nobody is excluded
	}
	p.data = bytes.Clone(o.Data)
	if len(p.data) == 0 {
		p.data = binary.BigEndian.AppendUint32(nil, n.cfg.Random())
		p.data = binary.BigEndian.AppendUint32(p.data, n.cfg.Random())
	}
	p.to.Socket = ipxwire.SocketEcho
	return Fields{Type: ipxwire.TypeEcho, Destination: p.to}, p.data
}

// Receive takes the first answer.
func (p *ping) Receive(now time.Time, id PortID, h ipxwire.Header) {
	from := p.s.node.Source(id, h)
	if p.answered || !p.isAnswer(h) || p.group && p.s.node.isOwn(from) {
		p.s.node.stats.drop.noSocket++
		return
	}
	p.answered = true
	p.reply = PingReply{From: from, RTT: now.Sub(p.start), Hops: h.Hops(), Data: bytes.Clone(h.Data())}
	p.point.Signal()
}

// Unreachable ends the wait.
func (p *ping) Unreachable(_ time.Time, h ipxwire.Header) {
	if h.Destination() == p.to && !p.answered {
		p.noRoute = true
		p.point.Signal()
	}
}

// isAnswer reports whether a packet answers the question; what answers a diagnostic has no type of its own.
func (p *ping) isAnswer(h Header) bool {
	if p.kind == PingDiagnostic {
		return h.Source().Socket == ipxwire.SocketDiagnostic
	}
	return h.Type() == ipxwire.TypeEcho && bytes.Equal(h.Data(), p.data)
}
