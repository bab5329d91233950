package lab

import (
	"bytes"
	"context"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
	"tapestry/stack/ipx/diag"
)

// maxAnswers wait to be shown; what comes beyond them is lost.
const maxAnswers = 256

// survey asks all nodes of a network at once. Its socket is its own, so answers to others do not reach it.
type survey struct {
	node     *ipx.Node
	question ipx.Fields
	data     []byte
	start    time.Time
	answers  chan ipx.PingReply
}

func newSurvey(target ipxwire.Addr, kind ipx.PingKind, size int) *survey {
	s := &survey{answers: make(chan ipx.PingReply, maxAnswers)}
	if kind == ipx.PingDiagnostic {
		target.Socket = ipxwire.SocketDiagnostic
		s.question, s.data = ipx.Fields{Type: ipxwire.TypePEP, Destination: target}, []byte{0} // nobody is excluded
		return s
	}
	target.Socket = ipxwire.SocketEcho
	s.question, s.data = ipx.Fields{Type: ipxwire.TypeEcho, Destination: target}, make([]byte, size)
	return s
}

// Describe names the owner of the socket.
func (*survey) Describe() ipx.SocketInfo { return ipx.SocketInfo{Owner: "ping"} }

// Receive takes an answer, under the lock of the stack.
func (s *survey) Receive(now time.Time, id ipx.PortID, h ipxwire.Header) {
	from := s.node.Source(id, h)
	if !s.isAnswer(h) || s.isOwn(from) {
		return
	}
	select {
	case s.answers <- ipx.PingReply{From: from, RTT: now.Sub(s.start), Hops: h.Hops(), Data: bytes.Clone(h.Data())}:
	default:
	}
}

// isAnswer reports whether a packet answers; what answers a diagnostic has no type of its own.
func (s *survey) isAnswer(h ipxwire.Header) bool {
	if s.question.Type == ipxwire.TypeEcho {
		return h.Type() == ipxwire.TypeEcho && bytes.Equal(h.Data(), s.data)
	}
	_, err := diag.ParseResponse(h.Data())
	return err == nil && h.Source().Socket == ipxwire.SocketDiagnostic
}

func (s *survey) isOwn(a ipxwire.Addr) bool {
	for _, p := range s.node.Ports() {
		if p.Network == a.Net && p.Node == a.Node {
			return true
		}
	}
	return false
}

// run asks, and gives each answer until the context ends.
func (s *survey) run(ctx context.Context, on *ipx.Stack, answer func(ipx.PingReply)) (err error) {
	var sock ipxwire.Socket
	on.Do(func(now time.Time, n *ipx.Node) {
		s.node, s.start = n, now
		if sock, err = n.Bind(0, s); err != nil {
			return
		}
		s.question.Source.Socket = sock
		if err = n.Send(now, s.question, s.data); err != nil {
			n.Unbind(sock)
		}
	})
	if err != nil {
		return err
	}
	defer on.Do(func(_ time.Time, n *ipx.Node) { n.Unbind(sock) })
	for {
		select {
		case r := <-s.answers:
			answer(r)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
