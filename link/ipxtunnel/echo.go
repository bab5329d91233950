package ipxtunnel

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"tapestry/internal/ipxwire"
)

// Of the translation of echoes.
const (
	// pingSocket is where nodes of the segment answer an emulator's ping to: that of Novell's IPXPING.
	pingSocket ipxwire.Socket = 0x9086
	maxAsked                  = 16 // echoes of the segment that wait for an emulator
	askedFor                  = 10 * time.Second
)

// pingData is what such an answer is known by.
var pingData = []byte("emulator")

// echoes translates between the echo of IPX and the ping of emulators. Those answer nothing but broadcasts, whatever
// type they have, always to the echo socket, and without data.
type echoes struct {
	mu    sync.Mutex
	asked []question
}

// question is an echo that a station of the segment sent to an emulator, or to all.
type question struct {
	from, to ipxwire.Node
	socket   ipxwire.Socket // of the answer
	data     []byte
	until    time.Time
}

// in translates a packet for the segment: a ping becomes an echo, a pong the answer to an echo. Others are h itself;
// buf is for the packet.
func (e *echoes) in(now time.Time, h ipxwire.Header, buf []byte) ipxwire.Header {
	if h.Len() != ipxwire.HeaderLen || h.Type() == ipxwire.TypeEcho {
		return h
	}
	from, to := h.Source(), h.Destination()
	if from.Socket != ipxwire.SocketEcho || to.Socket != ipxwire.SocketEcho {
		return h
	}
	if to.Node == ipxwire.Broadcast {
		from.Socket = pingSocket
		return echoPacket(buf, h, to, from, pingData)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.asked, func(q question) bool {
		return q.from == to.Node && (q.to == from.Node || q.to == ipxwire.Broadcast) && now.Before(q.until)
	})
	if i < 0 {
		return h
	}
	to.Socket = e.asked[i].socket
	p := echoPacket(buf, h, to, from, e.asked[i].data)
	if e.asked[i].to != ipxwire.Broadcast {
		e.asked[i].until = now
	}
	return p
}

// out translates a packet of the segment: the answer to a ping becomes a pong. An echo to one node goes out as it is,
// and also as the ping which is given with it.
func (e *echoes) out(now time.Time, h ipxwire.Header, buf []byte) (_, ping ipxwire.Header) {
	if h.Type() != ipxwire.TypeEcho {
		return h, nil
	}
	from, to := h.Source(), h.Destination()
	switch {
	case from.Socket == ipxwire.SocketEcho && to.Socket == pingSocket && bytes.Equal(h.Data(), pingData):
		to.Socket = ipxwire.SocketEcho
		return plainPacket(buf, h, to, from), nil
	case to.Socket == ipxwire.SocketEcho && from.Socket != ipxwire.SocketEcho:
		e.note(now, from, to.Node, h.Data())
		if to.Node != ipxwire.Broadcast {
			from.Socket, to.Node = ipxwire.SocketEcho, ipxwire.Broadcast
			return h, plainPacket(buf, h, to, from)
		}
	}
	return h, nil
}

// note keeps a question, in the room of the oldest if there is no other.
func (e *echoes) note(now time.Time, from ipxwire.Addr, to ipxwire.Node, data []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.asked) < maxAsked {
		e.asked = append(e.asked, question{})
	}
	old := 0
	for i := range e.asked {
		if e.asked[i].until.Before(e.asked[old].until) {
			old = i
		}
	}
	q := &e.asked[old]
	*q = question{from.Node, to, from.Socket, append(q.data[:0], data...), now.Add(askedFor)}
}

// echoPacket is an echo in the place of h.
func echoPacket(buf []byte, h ipxwire.Header, to, from ipxwire.Addr, data []byte) ipxwire.Header {
	f := ipxwire.Fields{Hops: h.Hops(), Type: ipxwire.TypeEcho, Destination: to, Source: from}
	return append(f.AppendTo(buf[:0], len(data)), data...)
}

// plainPacket is a ping or a pong in the place of h.
func plainPacket(buf []byte, h ipxwire.Header, to, from ipxwire.Addr) ipxwire.Header {
	return ipxwire.Fields{Hops: h.Hops(), Destination: to, Source: from}.AppendTo(buf[:0], 0)
}
