package ipxtunnel

import (
	"net/netip"
	"slices"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// FuzzServer has datagrams of three addresses and frames of the segment come in any order: the first octet of each step
// says whose it is, the second how long. Nobody gets more than he may.
func FuzzServer(f *testing.F) {
	step := func(who byte, b []byte) []byte { return append([]byte{who, byte(len(b))}, b...) }
	join := step(0, dosboxRegisters)
	f.Add(join)
	f.Add(slices.Concat(join, step(1, dosboxRegisters), step(0, packet(at(nodeB), at(nodeA), []byte("you"))),
		step(1, packet(at(ipxwire.Broadcast), at(nodeB), []byte("all")))))
	f.Add(slices.Concat(join, step(3, inFrame(ethernet.KindSNAP, ethernet.Broadcast, testAddr,
		packet(at(ipxwire.Broadcast), at(far), nil)))))
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t, ServerConfig{MaxClients: 2, Wire: Wire{Network: testNetwork}})
		defer b.Close()
		addrs := []netip.AddrPort{addrA, addrB, netip.MustParseAddrPort("[2001:db8::1]:4000")}
		got, sent := map[netip.AddrPort]int{}, map[netip.AddrPort]int{}
		for len(in) >= 2 {
			who, n := int(in[0]&3), min(int(in[1]), len(in)-2)
			data := in[2 : 2+n]
			in = in[2+n:]
			if who < len(addrs) {
				got[addrs[who]] += n
				for _, m := range b.from(addrs[who], data) {
					sent[m.to] += len(m.data)
				}
				continue
			}
			b.WriteFrames([]link.Frame{link.NewFrame(data)})
			b.clock.advance(firstPing)
		}
		for _, m := range b.conn.all(b.out) {
			sent[m.to] += len(m.data)
		}
		for _, c := range b.clients.order {
			if !c.confirmed && sent[c.addr] > amplification*got[c.addr] {
				t.Errorf("%v was sent %d octets for %d", c.addr, sent[c.addr], got[c.addr])
			}
		}
		if n := len(b.clients.order); n > 2 || n != len(b.clients.byAddr) || n != len(b.clients.byNode) {
			t.Errorf("%d clients, %d addresses, %d nodes", n, len(b.clients.byAddr), len(b.clients.byNode))
		}
		checkFrames(t, b.frames())
	})
}

// FuzzClient has any datagram come to a registered station, and any frame from it.
func FuzzClient(f *testing.F) {
	f.Add(packet(at(nodeA), at(far), []byte("hello")), []byte{})
	f.Add(answer(nil, nodeB, far), inFrame(ethernet.KindRaw, ethernet.Broadcast, ethernet.Addr(stationA),
		packet(at(far), at(stationA), nil)))
	f.Add(ping(nil, far), []byte{})
	f.Fuzz(func(t *testing.T, data, frame []byte) {
		wire := Wire{Addr: ethernet.Addr(stationA), Network: testNetwork}
		b := newClientBench(t, ClientConfig{Stations: 2, Wire: wire})
		defer b.Close()
		b.clock.advance(0)
		b.from(0, data)
		b.from(0, answer(nil, nodeA, far))
		b.WriteFrames([]link.Frame{link.NewFrame(frame)})
		b.from(0, data)
		for _, m := range b.sent(0) {
			if h, err := ipxwire.ParseHeader(m.data); err != nil || m.to != serverAddr {
				t.Errorf("to %v: %v, %v", m.to, h, err)
			}
		}
		checkFrames(t, b.frames())
	})
}

// checkFrames holds that what the segment gets is IPX, of a station.
func checkFrames(t *testing.T, frames [][]byte) {
	t.Helper()
	for _, b := range frames {
		e, err := ethernet.Parse(b)
		if err != nil || !isIPX(e) || e.Source().IsMulticast() {
			t.Errorf("frame %v, %v", e, err)
			continue
		}
		if h, err := ipxwire.ParseHeader(e.Payload()); err != nil {
			t.Errorf("%v: %v", h, err)
		}
	}
}
