package stack

import (
	"net"
	"runtime"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
)

// openIPXHost is a router with networks in all frame types and sockets of every kind open.
func openIPXHost(t testing.TB) (*Host, *receiver) {
	t.Helper()
	h, err := New(Config{Name: "router", IPX: ipx.Config{Router: true, SendErrors: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	i, err := h.AddInterface(nullDevice{newKeeper(1, 0)}, InterfaceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	addIPX(t, h)
	if err := h.AddIPXNetwork(0xd0d0); err != nil {
		t.Fatal(err)
	}
	if _, err := h.IPX().Inline(ipxEcho, func(reply, request []byte, _, _ ipx.Addr) []byte { return append(reply, request...) }); err != nil {
		t.Fatal(err)
	}
	l, err := h.Listen("spx", ":5007")
	if err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the host
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c) // ends with the connection
		}
	}()
	for _, s := range []string{":4001", ":0455"} {
		if _, err := h.ListenPacket("ipx", s); err != nil { // whose queue fills up
			t.Fatal(err)
		}
	}
	return h, &receiver{nic: i.nic, queue: i.nic.queues[0]}
}

func serve(c net.Conn) {
	b := make([]byte, 2000)
	for {
		n, err := c.Read(b)
		if err != nil {
			c.Close()
			return
		}
		c.Write(b[:n])
	}
}

// ipxSeeds are packets of each kind that a node understands, without their checksum field.
func ipxSeeds(own ipx.NodeAddr) (ps [][]byte) {
	from := ipx.Addr{Net: ipxNetworks[0], Node: ipx.NodeAddr(peerMAC), Socket: 0x4fff}
	all := ipx.Addr{Net: ipxNetworks[0], Node: ipxwire.Broadcast}
	for _, x := range []struct {
		typ  ipx.PacketType
		to   ipx.Addr
		sock ipx.SocketNumber
		data string
	}{
		{ipxwire.TypeEcho, all, ipxwire.SocketEcho, "echo"},
		{ipxwire.TypeRIP, all, ipxwire.SocketRIP, "\x00\x01\xff\xff\xff\xff\x00\x10\x00\x00"},
		{ipxwire.TypeRIP, all, ipxwire.SocketRIP, "\x00\x02\x00\x00\x12\x34\x00\x02\x00\x03"},
		{ipxwire.TypePEP, all, ipxwire.SocketSAP, "\x00\x01\xff\xff"},
		{ipxwire.TypePEP, all, ipxwire.SocketSAP, "\x00\x03\x00\x04"},
		{ipxwire.TypePEP, all, ipxwire.SocketDiagnostic, "\x00"},
		{ipxwire.TypeNetBIOS, all, ipxwire.SocketNetBIOS, string(make([]byte, 82))},
		{ipxwire.TypeSPX, ipx.Addr{Net: ipxNetworks[0], Node: own}, 0x5007, "\xc0\x00\x12\x34\xff\xff\x00\x00\x00\x00\x00\x07"},
		{ipxwire.TypeSPX, ipx.Addr{Net: ipxNetworks[0], Node: own}, 0x5007, "\xcc\x00\x12\x35\xff\xff\x00\x00\x00\x00\x00\x07\x05\xdc"},
		{ipxwire.TypePEP, ipx.Addr{Net: 0x1234, Node: own}, 0x4001, "to be routed"},
		{ipxwire.TypeError, ipx.Addr{Net: ipxNetworks[0], Node: own}, ipxwire.SocketError, "\x00\x01\x00\x00"},
		{ipxwire.TypePEP, ipx.Addr{Net: ipxNetworks[0], Node: own}, ipxEcho, "hello"},
	} {
		x.to.Socket = x.sock
		if x.sock == ipxwire.SocketRIP || x.sock == ipxwire.SocketSAP {
			from.Socket = x.sock
		}
		p := ipxwire.Fields{Type: x.typ, Destination: x.to, Source: from}.AppendTo(nil, len(x.data))
		ps = append(ps, append(p, x.data...)[2:])
	}
	return ps
}

// FuzzIPXHost gives a router packets from nobody it knows, in frames of any type, and whole frames. It holds that the
// router goes on serving, and that no goroutines and no memory pile up.
func FuzzIPXHost(f *testing.F) {
	h, r := openIPXHost(f)
	own := ipx.NodeAddr(r.nic.addr)
	for i, p := range ipxSeeds(own) {
		f.Add(uint8(i), uint16(0xffff), p)
	}
	for _, c := range ipxCases {
		f.Add(uint8(4), uint16(0), ipxAsk(f, r, c.kind, ipxEcho, make([]byte, 3)))
	}
	before, packets := runtime.NumGoroutine(), 0
	good := ipxAsk(f, r, ethernet.KindLLC, ipxEcho, []byte("still there"))
	f.Fuzz(func(t *testing.T, kind uint8, sum uint16, b []byte) {
		var fr link.Frame
		if k := ethernet.Kind(kind % 5); k <= ethernet.KindSNAP && len(b) < 1490 {
			head, _ := newIPXHead(k, peerMAC)
			fr = head.frame(own, append([]byte{byte(sum >> 8), byte(sum)}, b...), 1500)
		} else {
			fr = inChunks(b, 128)
		}
		r.receive(&fr)
		if packets++; packets%16 == 0 {
			r.flush()
		}
		if packets%4096 != 0 {
			return
		}
		served := statOf(t, h, "ipx.inline.replies")
		fr = link.NewFrame(good)
		r.receive(&fr)
		r.flush()
		if now := statOf(t, h, "ipx.inline.replies"); now != served+1 {
			t.Fatalf("%d answers, then %d", served, now)
		}
		if n := runtime.NumGoroutine(); n > before+8*maxStray { // connections are bounded
			t.Fatalf("%d goroutines, %d at the start", n, before)
		}
	})
	r.flush()
}
