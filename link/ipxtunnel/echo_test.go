package ipxtunnel

import (
	"slices"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
)

func socketOf(n ipxwire.Node, s ipxwire.Socket) ipxwire.Addr { return ipxwire.Addr{Node: n, Socket: s} }

// echoOf is a packet of the echo protocol.
func echoOf(to, from ipxwire.Addr, data string) []byte {
	f := ipxwire.Fields{Type: ipxwire.TypeEcho, Destination: to, Source: from}
	return append(f.AppendTo(nil, len(data)), data...)
}

// TestEmulatorPings has DOSBox ping: the segment sees an echo, and its answer goes back as a pong.
func TestEmulatorPings(t *testing.T) {
	b := newBench(t, ServerConfig{})
	b.join(t, addrA)
	b.from(addrA, unhex("ffff 001e 00 00 00000000 ffffffffffff 0002 00000000 c63364079c40 0002"))
	asker := socketOf(nodeA, pingSocket)
	want := inFrame(ethernet.KindII, ethernet.Broadcast, ethernet.Addr(nodeA),
		echoOf(socketOf(ipxwire.Broadcast, 2), asker, "emulator"))
	if got := b.frames(); len(got) != 1 || !slices.Equal(got[0], want) {
		t.Errorf("the segment got %x, want %x", got, want)
	}
	send := func(p []byte) {
		h := ipxwire.Header(p)
		to, from := ethernet.Addr(h.Destination().Node), ethernet.Addr(h.Source().Node)
		b.WriteFrames([]link.Frame{link.NewFrame(inFrame(ethernet.KindII, to, from, p))})
	}
	send(echoOf(asker, socketOf(stationA, 2), "emulator"))
	wantMail(t, b.conn.all(b.out),
		mail{addrA, unhex("ffff 001e 00 00 00000000 c63364079c40 0002 00000000 02000000000a 0002")})
	other := echoOf(asker, socketOf(stationA, 2), "somebody")
	send(other) // no answer to a ping
	wantMail(t, b.conn.all(b.out), mail{addrA, other})
}

// TestStationPings has a station send an echo to an emulator: its pong is the answer, once and in time.
func TestStationPings(t *testing.T) {
	b := newBench(t, ServerConfig{})
	b.join(t, addrA)
	asker := socketOf(stationA, 0x4003)
	echo := echoOf(socketOf(nodeA, 2), asker, "data")
	ask := func() {
		frame := inFrame(ethernet.KindII, ethernet.Addr(nodeA), ethernet.Addr(stationA), echo)
		b.WriteFrames([]link.Frame{link.NewFrame(frame)})
		wantMail(t, b.conn.all(b.out), mail{addrA, echo},
			mail{addrA, unhex("ffff 001e 00 00 00000000 ffffffffffff 0002 00000000 02000000000a 0002")})
	}
	answered := inFrame(ethernet.KindII, ethernet.Addr(stationA), ethernet.Addr(nodeA),
		echoOf(asker, socketOf(nodeA, 2), "data"))
	asItIs := inFrame(ethernet.KindII, ethernet.Addr(stationA), ethernet.Addr(nodeA), pong(nil, stationA, nodeA))
	expect := func(want []byte) {
		t.Helper()
		b.from(addrA, pong(nil, stationA, nodeA))
		if got := b.frames(); len(got) != 1 || !slices.Equal(got[0], want) {
			t.Errorf("the segment got %x, want %x", got, want)
		}
	}
	expect(asItIs) // nobody asked
	ask()
	expect(answered)
	expect(asItIs)
	ask()
	b.clock.advance(askedFor)
	b.conn.all(b.out) // a keep-alive is none of this
	expect(asItIs)
}

// TestManyEchoes has more echoes wait than are remembered: the oldest give way.
func TestManyEchoes(t *testing.T) {
	var e echoes
	now, buf := time.Unix(1, 0), make([]byte, 600)
	for i := range 3 * maxAsked {
		now = now.Add(time.Millisecond)
		from := socketOf(ipxwire.Node{2, 0, 0, 0, 0, byte(i)}, 0x4000)
		h, ping := e.out(now, echoOf(socketOf(nodeA, 2), from, "x"), buf)
		if h == nil || ping == nil {
			t.Fatal("no ping for an echo")
		}
	}
	if len(e.asked) != maxAsked {
		t.Errorf("%d echoes are remembered, want %d", len(e.asked), maxAsked)
	}
	for i := range 3 * maxAsked {
		p := e.in(now, pong(nil, ipxwire.Node{2, 0, 0, 0, 0, byte(i)}, nodeA), buf)
		if got, want := p.Type() == ipxwire.TypeEcho, i >= 2*maxAsked; got != want {
			t.Errorf("echo %d is remembered: %t, want %t", i, got, want)
		}
	}
}
